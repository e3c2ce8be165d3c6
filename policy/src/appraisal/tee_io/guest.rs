//! A guest by the registers into which its software is measured.

use crate::references::Register;
use hanzo_attestation::{Claims, tpm};
use hanzo_attestation_evidence::{Digest, Tee};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One guest whose word about interfaces counts: a kind of evidence, and the value of each register that it
/// names. All of them must be equal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Guest {
    tee: Tee,
    registers: Vec<Register>,
}

/// A guest that names too little, or what no guest has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// No kind of evidence with an event log that the CPU measures.
    #[error("`{0}` is no kind of guest with an event log of its CPU: tdx, az-snp-vtpm and az-tdx-vtpm are")]
    Tee(String),
    /// No register of that kind, or a digest of another size, or zeros.
    #[error("`{0}` is no measured register of this kind of guest, or its digest has another size")]
    Register(String),
    /// Registers without which any kernel could stand for this one.
    #[error("a guest of the kind `{tee}` is named by {needed} at least")]
    TooFew {
        /// The kind.
        tee: Tee,
        /// What is missing.
        needed: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    tee: String,
    registers: BTreeMap<String, Digest>,
}

impl TryFrom<Raw> for Guest {
    type Error = GuestError;

    fn try_from(raw: Raw) -> Result<Self, GuestError> {
        let kinds = [Tee::Tdx, Tee::AzSnpVtpm, Tee::AzTdxVtpm];
        let tee = kinds.into_iter().find(|tee| tee.name() == raw.tee).ok_or(GuestError::Tee(raw.tee))?;
        let platform = if tee == Tee::Tdx { Tee::Tdx } else { Tee::Tpm };
        let read = |(name, digest): (&String, &Digest)| {
            let found = Register::named(platform.name(), name, *digest).filter(|_| !digest.is_zero());
            found.ok_or_else(|| GuestError::Register(name.clone()))
        };
        let registers = raw.registers.iter().map(read).collect::<Result<_, _>>()?;
        let names = |name| raw.registers.contains_key(name);
        let (enough, needed) = match tee {
            // Firmware, then what it starts, then the kernel's command line and initial file system.
            Tee::Tdx => (["mr_td", "rtmr1", "rtmr2"].into_iter().all(names), "mr_td, rtmr1 and rtmr2"),
            // What firmware starts; and what that loads, by GRUB or as one signed image.
            _ => (names("pcr4") && (names("pcr9") || names("pcr11")), "pcr4, and pcr9 or pcr11"),
        };
        if enough { Ok(Self { tee, registers }) } else { Err(GuestError::TooFew { tee, needed }) }
    }
}

impl Guest {
    /// Whether this is the guest of a CPU's evidence.
    pub(super) fn is(&self, cpu: &Claims) -> bool {
        let quoted = |tpm: &tpm::Claims| crate::schema::pcrs(tpm).collect::<Vec<Register>>();
        let (tee, found) = match cpu {
            Claims::Tdx(claims) => (Tee::Tdx, crate::schema::td_registers(claims).to_vec()),
            Claims::AzSnpVtpm(claims) => (Tee::AzSnpVtpm, quoted(&claims.vtpm.tpm)),
            Claims::AzTdxVtpm(claims) => (Tee::AzTdxVtpm, quoted(&claims.vtpm.tpm)),
            _ => return false,
        };
        tee == self.tee && self.registers.iter().all(|register| found.contains(register))
    }
}
