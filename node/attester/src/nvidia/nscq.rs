//! The questions to NSCQ, the library of NVSwitches. No crate wraps it.
//!
//! NSCQ answers through callbacks: one call for each switch that a path names. Names, layouts and numbers are
//! those that NVIDIA's attestation SDK calls it with (`NVIDIA/attestation-sdk`, `switch/nscq_client.cpp`).
#![expect(unsafe_code, reason = "NSCQ has no interface but callbacks with pointers")]

use super::GpuError;
use super::evidence::Device;
use libloading::Library;
use std::ffi::{CStr, CString, OsStr, c_char, c_void};

/// The library's name, which its ABI fixes.
pub(super) const LIBRARY: &str = "libnvidia-nscq.so.2";
/// Most switches of one machine: the largest single system has four, and one evidence item takes as many as
/// GPUs.
const MAX_SWITCHES: usize = 16;
/// `NSCQ_SESSION_CREATE_MOUNT_DEVICES`.
const MOUNT_DEVICES: u32 = 1;
/// The path of every switch's identity.
const EVERY_UUID: &CStr = c"/drv/nvswitch/{device}/uuid";

/// `nscq_rc_t`: 0 is success, above it are warnings, below it errors.
type Code = i8;
/// `nscq_session_t`.
type Session = *mut c_void;
/// `nscq_fn_t`: a callback of any type.
type AnyCallback = extern "C" fn();

/// `nscq_session_result_t`.
#[repr(C)]
struct Created {
    code: Code,
    session: Session,
}

/// `nscq_uuid_t`.
#[repr(C)]
struct Uuid([u8; 16]);

/// `nscq_label_t`.
#[repr(C)]
struct Label([u8; 64]);

/// `nscq_attestation_report_t`.
#[repr(C)]
struct Report {
    size: u32,
    bytes: [u8; 0x2000],
}

/// `nscq_attestation_certificate_t`.
#[repr(C)]
struct Certificates {
    bytes: [u8; 0x1400],
    size: u32,
}

/// NSCQ's functions, looked up once. They live as long as the library.
struct Functions {
    create: unsafe extern "C" fn(u32) -> Created,
    destroy: unsafe extern "C" fn(Session),
    observe: unsafe extern "C" fn(Session, *const c_char, AnyCallback, *mut c_void, u32) -> Code,
    set_input: unsafe extern "C" fn(Session, u32, *mut c_void, u32) -> Code,
    label: unsafe extern "C" fn(*const Uuid, *mut Label, u32) -> Code,
}

/// A session with the switches of this machine.
pub(super) struct Nscq {
    functions: Functions,
    session: Session,
    /// Dropped last: the functions are its.
    _library: Library,
}

/// What one callback collected, or the first code that was no success.
struct Answers<T> {
    values: Vec<T>,
    failed: Option<Code>,
}

impl<T> Answers<T> {
    const fn none() -> Self {
        Self { values: Vec::new(), failed: None }
    }

    /// Takes one answer; more than there can be switches are dropped, and counted as an error of the library.
    fn take(&mut self, code: Code, value: impl FnOnce() -> T) {
        /// `NSCQ_RC_ERROR_OVERFLOW`.
        const OVERFLOW: Code = -4;
        let full = self.values.len() >= MAX_SWITCHES;
        match code {
            0 if full => self.failed = self.failed.or(Some(OVERFLOW)),
            0 => self.values.push(value()),
            code => self.failed = self.failed.or(Some(code)),
        }
    }
}

extern "C" fn on_uuid(_: *const Uuid, code: Code, uuid: *const Uuid, answers: *mut c_void) {
    // SAFETY: `answers` is what `observe` passed: live, exclusively borrowed for the call. A UUID pointer is
    // NSCQ's own, valid during the callback, or null.
    let (answers, uuid) = unsafe { (&mut *answers.cast::<Answers<[u8; 16]>>(), uuid.as_ref()) };
    match uuid {
        Some(uuid) => answers.take(code, || uuid.0),
        // `NSCQ_RC_ERROR_INVALID_UUID`.
        None => answers.take(if code == 0 { -2 } else { code }, || [0; 16]),
    }
}

extern "C" fn on_mode(_: *const Uuid, code: Code, mode: i8, answers: *mut c_void) {
    // SAFETY: as in `on_uuid`.
    let answers = unsafe { &mut *answers.cast::<Answers<i8>>() };
    answers.take(code, || mode);
}

extern "C" fn on_report(_: *const Uuid, code: Code, report: Report, answers: *mut c_void) {
    // SAFETY: as in `on_uuid`.
    let answers = unsafe { &mut *answers.cast::<Answers<Vec<u8>>>() };
    answers.take(code, || within(&report.bytes, report.size));
}

extern "C" fn on_certificates(_: *const Uuid, code: Code, certificates: Certificates, answers: *mut c_void) {
    // SAFETY: as in `on_uuid`.
    let answers = unsafe { &mut *answers.cast::<Answers<Vec<u8>>>() };
    answers.take(code, || within(&certificates.bytes, certificates.size));
}

/// As much of a buffer as the library says; a size beyond the buffer counts as nothing.
fn within(bytes: &[u8], size: u32) -> Vec<u8> {
    usize::try_from(size).ok().and_then(|size| bytes.get(..size)).unwrap_or_default().to_vec()
}

impl Nscq {
    /// Loads the library and opens a session with every switch.
    ///
    /// # Errors
    /// [`GpuError::SwitchLibrary`].
    pub(super) fn open(path: &OsStr) -> Result<Self, GpuError> {
        let unavailable = |reason: String| GpuError::SwitchLibrary { reason };
        // SAFETY: NSCQ is NVIDIA's, from the system's library path; what its initialisers do is its own.
        let library = unsafe { Library::new(path) }.map_err(|error| unavailable(error.to_string()))?;
        let functions = Functions::of(&library).map_err(|error| unavailable(error.to_string()))?;
        // SAFETY: the function has this type.
        let Created { code, session } = unsafe { (functions.create)(MOUNT_DEVICES) };
        if code != 0 {
            return Err(unavailable(format!("nscq_session_create: {}", words(code))));
        }
        Ok(Self { functions, session, _library: library })
    }

    /// The labels of all switches, in NSCQ's order.
    pub(super) fn switches(&self) -> Result<Vec<String>, GpuError> {
        let uuids = self.observe(EVERY_UUID, any_uuid(on_uuid))?;
        uuids.iter().map(|uuid| self.label(Uuid(*uuid))).collect()
    }

    /// How one switch stands to confidential computing, `nscq_tnvl_status_t`.
    pub(super) fn mode(&self, label: &str) -> Result<i8, GpuError> {
        self.one(label, "config/pcie_mode", any_mode(on_mode))
    }

    /// The report of one switch over `nonce`, and its attestation certificates.
    pub(super) fn evidence(&self, label: &str, nonce: &[u8; 32]) -> Result<Device, GpuError> {
        let mut input = *nonce;
        // SAFETY: the session is open, and the pointer is to a live buffer of 32 bytes, which NSCQ copies.
        let code = unsafe { (self.functions.set_input)(self.session, 0, (&raw mut input).cast(), 32) };
        if code != 0 {
            return Err(failed("nscq_session_set_input", code));
        }
        let report = self.one(label, "config/attestation_report", any_report(on_report))?;
        let certificates = self.one(label, "config/certificate", any_certificates(on_certificates))?;
        Device::new(&format!("switch {label}"), report, certificates, nonce)
    }

    /// The one answer of one switch.
    fn one<T>(&self, label: &str, what: &str, callback: Callback<T>) -> Result<T, GpuError> {
        let path =
            CString::new(format!("/{label}/{what}")).map_err(|_| failed("nscq_session_path_observe", -5))?;
        let mut answers = self.observe(&path, callback)?;
        match (answers.pop(), answers.is_empty()) {
            (Some(answer), true) => Ok(answer),
            // `NSCQ_RC_ERROR_UNEXPECTED_VALUE`: none, or several.
            _ => Err(failed("nscq_session_path_observe", -5)),
        }
    }

    fn observe<T>(&self, path: &CStr, callback: Callback<T>) -> Result<Vec<T>, GpuError> {
        let mut answers = Answers::<T>::none();
        let data = (&raw mut answers).cast();
        // SAFETY: the session is open; the path is NUL-terminated; the callback takes `answers` for what it
        // is, since `Callback<T>` is made for one type of answer only; NSCQ calls it before it returns.
        let code = unsafe { (self.functions.observe)(self.session, path.as_ptr(), callback.0, data, 0) };
        match answers.failed.or((code != 0).then_some(code)) {
            Some(code) => Err(failed("nscq_session_path_observe", code)),
            None => Ok(answers.values),
        }
    }

    fn label(&self, uuid: Uuid) -> Result<String, GpuError> {
        let mut label = Label([0; 64]);
        // SAFETY: both pointers are to live structures of the types that the function has.
        let code = unsafe { (self.functions.label)(&raw const uuid, &raw mut label, 0) };
        let end = label.0.iter().position(|byte| *byte == 0);
        let text = end.and_then(|end| label.0.get(..end)).and_then(|text| std::str::from_utf8(text).ok());
        // A label becomes a part of a path.
        let plain =
            |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match (code, text.filter(plain)) {
            (0, Some(text)) => Ok(text.to_owned()),
            (0, None) => Err(failed("nscq_uuid_to_label", -5)),
            (code, _) => Err(failed("nscq_uuid_to_label", code)),
        }
    }
}

impl Drop for Nscq {
    fn drop(&mut self) {
        // SAFETY: the session is open, and nobody uses it afterwards.
        unsafe { (self.functions.destroy)(self.session) }
    }
}

impl Functions {
    fn of(library: &Library) -> Result<Self, libloading::Error> {
        // SAFETY: the functions have these types; `Nscq` keeps the library for as long as them.
        unsafe {
            Ok(Self {
                create: *library.get(b"nscq_session_create\0")?,
                destroy: *library.get(b"nscq_session_destroy\0")?,
                observe: *library.get(b"nscq_session_path_observe\0")?,
                set_input: *library.get(b"nscq_session_set_input\0")?,
                label: *library.get(b"nscq_uuid_to_label\0")?,
            })
        }
    }
}

/// A callback that fills answers of one type.
struct Callback<T>(AnyCallback, std::marker::PhantomData<T>);

/// Makes a [`Callback`] of a function, whose answers have the type that the name says.
macro_rules! callback {
    ($name:ident, $answer:ty, $payload:ty) => {
        fn $name(function: extern "C" fn(*const Uuid, Code, $payload, *mut c_void)) -> Callback<$answer> {
            type Typed = extern "C" fn(*const Uuid, Code, $payload, *mut c_void);
            // SAFETY: function pointers have one size; NSCQ calls it with the type that its path has.
            Callback(unsafe { std::mem::transmute::<Typed, AnyCallback>(function) }, std::marker::PhantomData)
        }
    };
}
callback!(any_uuid, [u8; 16], *const Uuid);
callback!(any_mode, i8, i8);
callback!(any_report, Vec<u8>, Report);
callback!(any_certificates, Vec<u8>, Certificates);

fn failed(function: &'static str, code: Code) -> GpuError {
    GpuError::Nscq { function, reason: words(code) }
}

/// A code in NSCQ's own names.
fn words(code: Code) -> String {
    let name = match code {
        1 => "warning: the driver's table was not initialised",
        -1 => "not implemented",
        -2 => "invalid UUID",
        -3 => "resource not mountable",
        -4 => "overflow",
        -5 => "unexpected value",
        -6 => "unsupported driver",
        -7 => "driver error",
        -8 => "timeout",
        -127 => "external error",
        -128 => "unspecified error",
        _ => "unknown",
    };
    format!("{name} ({code})")
}

#[cfg(test)]
mod tests;
