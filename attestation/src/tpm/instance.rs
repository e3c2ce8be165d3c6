//! What certificates of attestation keys say of the machine: Google's instance extension, and the TPM's
//! manufacturer.

use der::asn1::{ObjectIdentifier, Utf8StringRef};
use der::{AnyRef, Decode, Reader, SliceReader, Tag, Tagged};
use serde::{Serialize, Serializer};

/// Google Compute Engine's instance extension.
pub(super) const GCE_INSTANCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.1.21");
/// tcg-at-tpmManufacturer (TCG EK Credential Profile, 3.2.9).
const TPM_MANUFACTURER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.2.1");

/// A virtual machine of Google Compute Engine (TPM-32).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GceInstance {
    /// Zone.
    pub zone: String,
    /// Project id.
    pub project_id: String,
    /// Project number; printed as text, because JSON readers cannot hold it.
    #[serde(serialize_with = "as_text")]
    pub project_number: u64,
    /// Instance id; printed as text.
    #[serde(serialize_with = "as_text")]
    pub instance_id: u64,
    /// Instance name.
    pub name: String,
}

fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl GceInstance {
    /// Reads the extension: zone, project number, project id, instance id, name, and security properties that
    /// may follow in a tag of their own and are not used.
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let read = || {
            let any = AnyRef::from_der(value)?;
            any.tag().assert_eq(Tag::Sequence)?;
            let mut reader = SliceReader::new(any.value())?;
            let zone = text(&mut reader)?;
            let project_number = reader.decode()?;
            let project_id = text(&mut reader)?;
            let instance_id = reader.decode()?;
            let name = text(&mut reader)?;
            if !reader.is_finished() {
                reader.decode::<AnyRef<'_>>()?;
            }
            reader.finish()?;
            Ok::<_, der::Error>(Self { zone, project_id, project_number, instance_id, name })
        };
        read().ok()
    }
}

fn text(reader: &mut SliceReader<'_>) -> Result<String, der::Error> {
    Ok(reader.decode::<Utf8StringRef<'_>>()?.as_str().to_owned())
}

/// The manufacturer's id in a subjectAltName's directory name; `None` when it states none.
pub(super) fn manufacturer(subject_alt_name: &[u8]) -> Option<String> {
    // GeneralNames, directoryName [4], Name, RelativeDistinguishedName: attributes are three levels down.
    let mut found = None;
    visit(subject_alt_name, 4, &mut |attribute| {
        let mut reader = SliceReader::new(attribute).ok()?;
        if reader.decode::<ObjectIdentifier>().ok()? != TPM_MANUFACTURER {
            return None;
        }
        let value: AnyRef<'_> = reader.decode().ok()?;
        let text = str::from_utf8(value.value()).ok()?;
        // An id is `id:` and eight digits.
        found = (text.len() <= 16 && text.is_ascii()).then(|| text.to_owned());
        Some(())
    });
    found
}

/// Calls back with the content of every element at this depth, in order.
fn visit(bytes: &[u8], depth: u8, seen: &mut impl FnMut(&[u8]) -> Option<()>) {
    let Ok(mut reader) = SliceReader::new(bytes) else { return };
    while let Ok(any) = reader.decode::<AnyRef<'_>>() {
        match depth.checked_sub(1) {
            Some(deeper) if any.tag().is_constructed() => visit(any.value(), deeper, seen),
            None => {
                seen(any.value());
            }
            Some(_) => {}
        }
    }
}
