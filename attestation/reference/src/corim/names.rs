//! What names mean: by the profiles alone, and once it is said what kind of environment a class is.

/// Names that a published profile gives, with kind of evidence and register.
///
/// AMD's profile (3.2): mkey 641 is the launch MEASUREMENT, of guests on any chip and of guests whose reports a
/// versioned loaded key signs. Intel's (8.2.5): `tee.mrtee` is MRENCLAVE of an enclave and the measurement of the
/// TDX module, `tee.mrsigner` an enclave's MRSIGNER. The signer of the TDX module is no register that can be
/// asked for: Intel's collateral fixes it.
pub const PUBLISHED: [(&str, &str, &str); 5] = [
    ("sev-snp/key:641", "sev-snp", "measurement"),
    ("sev-snp-vlek/key:641", "sev-snp", "measurement"),
    ("tdx-module/mrtee", "tdx", "mr_seam"),
    ("sgx-enclave/mrtee", "sgx", "mr_enclave"),
    ("sgx-enclave/mrsigner", "sgx", "mr_signer"),
];

/// The register that a measurement means in an environment of this kind of evidence, from what its name has after
/// its class; nothing if that is not said anywhere. The register need not exist.
///
/// - `mrtee`, `mrsigner`: `tee.mrtee` is MRTD of a TD and MRENCLAVE of an enclave, `tee.mrsigner` MRSIGNER
///   (draft-cds-rats-intel-corim-profile, 8.2.5);
/// - `register:N`: PCR N of a TPM (draft-ietf-rats-corim, "Comparison for Integrity Registers"). In a TD a number
///   says nothing: 0 is RTMR0 to some, and MRTD as in EFI_CC_MR_INDEX to others;
/// - `register:NAME`: the register that is called so here, e.g. `rtmr1` or `pcr7`.
#[must_use]
pub fn register_of(kind: &str, measurement: &str) -> Option<String> {
    let register = match (kind, measurement) {
        ("tdx" | "az-tdx-vtpm", "mrtee") => "mr_td",
        ("sgx", "mrtee") => "mr_enclave",
        ("sgx", "mrsigner") => "mr_signer",
        (_, named) => return numbered_or_named(kind, named.strip_prefix("register:")?),
    };
    Some(register.to_owned())
}

fn numbered_or_named(kind: &str, register: &str) -> Option<String> {
    if register.parse::<u64>().is_err() {
        return Some(register.to_owned());
    }
    matches!(kind, "tpm" | "az-snp-vtpm").then(|| format!("pcr{register}"))
}
