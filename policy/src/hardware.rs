//! What evidence is of: the machine, and the devices beside it.

use hanzo_attestation::tpm::AkTrust;
use hanzo_attestation::{Claims, Facts, dcap, snp, tpm};
use hanzo_attestation_evidence::{DeviceId, Digest, Hex, MachineId, Tee, encoding};

/// The hardware that verified evidence names. It proves nothing by itself; a [`Permit`](crate::Permit) carries
/// that of the evidence which earned it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// The machine; `None` where the platform hides which one it is.
    pub machine: Option<MachineId>,
    /// GPUs and switches, in order, each once.
    pub devices: Vec<DeviceId>,
}

impl Hardware {
    /// Reads the names of verified items.
    ///
    /// A processor names its machine, and a TPM does where there is none: a TPM that stands beside a processor
    /// may be another machine's.
    #[must_use]
    pub fn of<'a>(items: impl Iterator<Item = (&'a Claims, &'a Facts)>) -> Self {
        let (mut processor, mut chip, mut devices) = (None, None, Vec::new());
        for (claims, facts) in items {
            match claims {
                Claims::SevSnp(claims) => processor = Some(snp_machine(claims, facts)),
                Claims::AzSnpVtpm(claims) => processor = Some(snp_machine(&claims.snp, facts)),
                Claims::Tdx(claims) => processor = Some(intel_machine(Tee::Tdx, &claims.dcap, facts)),
                Claims::AzTdxVtpm(claims) => {
                    processor = Some(intel_machine(Tee::Tdx, &claims.tdx.dcap, facts));
                }
                Claims::Sgx(claims) => processor = Some(intel_machine(Tee::Sgx, &claims.dcap, facts)),
                Claims::Tpm(claims) => chip = tpm_machine(claims),
                Claims::Nvidia(claims) => devices.extend(claims.devices.iter().map(|device| device.id())),
                // An interface is of one of the GPUs (TDI-21); a key is somebody, and no machine.
                Claims::Tdi(_) | Claims::RegisteredKey(_) => {}
            }
        }
        devices.sort_unstable();
        devices.dedup();
        Self { machine: processor.unwrap_or(chip), devices }
    }
}

/// CHIP_ID where the report states it. A VLEK is of no chip, and a report with MASK_CHIP_ID hides which one it
/// is on: it is taken at its word, although a VCEK's certificate would tell.
fn snp_machine(claims: &snp::Claims, facts: &Facts) -> Option<MachineId> {
    let id = encoding::hex_decode(claims.chip_id.as_deref()?).ok()?;
    machine(Tee::SevSnp, facts.root, &id)
}

/// The platform instance id (Platform CA: one for all packages of a machine), else the PPID of the package
/// (Intel SGX PCK Certificate and CRL Profile Specification, 1.3.5). Zero is no identity.
fn intel_machine(tee: Tee, claims: &dcap::Claims, facts: &Facts) -> Option<MachineId> {
    let instance = claims.platform_instance_id.as_ref().map_or(&claims.ppid, |instance| instance);
    machine(tee, facts.root, instance.as_ref())
}

/// The endorsement key under which the attestation key was activated. An attestation key alone is made anew at
/// will, and names no machine.
fn tpm_machine(claims: &tpm::Claims) -> Option<MachineId> {
    let AkTrust::Activation { ek_sha256 } = &claims.ak_trust else { return None };
    Some(MachineId { tee: Tee::Tpm, root: None, id: (*ek_sha256).into() })
}

fn machine(tee: Tee, root: Option<Hex<32>>, id: &[u8]) -> Option<MachineId> {
    let id = Digest::try_from(id).ok().filter(|id| !id.is_zero())?;
    Some(MachineId { tee, root: Some(root?), id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn of(items: &[&(Claims, Facts)]) -> Hardware {
        Hardware::of(items.iter().map(|(claims, facts)| (claims, facts)))
    }

    fn snp(change: impl FnOnce(&mut snp::Claims)) -> (Claims, Facts) {
        let (claims, mut facts) = sample::snp_item(sample::snp());
        let Claims::SevSnp(mut claims) = claims else { panic!("SNP claims") };
        claims.chip_id = Some("ab".repeat(64));
        facts.root = Some(Hex([1; 32]));
        change(&mut claims);
        (Claims::SevSnp(claims), facts)
    }

    #[test]
    fn a_chip_names_its_machine_below_its_root() {
        let machine = of(&[&snp(|_| {})]).machine.unwrap();
        assert_eq!(machine.to_string(), format!("sev-snp:{}@{}", "ab".repeat(64), "01".repeat(32)));
        let turin = of(&[&snp(|claims| claims.chip_id = Some("ab".repeat(8)))]).machine.unwrap();
        assert_ne!(machine, turin);
        let (claims, mut facts) = snp(|_| {});
        facts.root = Some(Hex([2; 32]));
        assert_ne!(of(&[&(claims, facts)]).machine, Some(machine), "the same words of another root");
    }

    #[test]
    fn a_hidden_chip_is_no_machine_whatever_stands_beside_it() {
        let masked = snp(|claims| claims.chip_id = None);
        assert_eq!(of(&[&masked]).machine, None);
        let zero = snp(|claims| claims.chip_id = Some("00".repeat(64)));
        assert_eq!(of(&[&zero]).machine, None);
        let (claims, mut facts) = snp(|_| {});
        facts.root = None;
        assert_eq!(of(&[&(claims, facts)]).machine, None, "without a root");
        let ek = AkTrust::Activation { ek_sha256: Hex([3; 32]) };
        let (claims, facts) = sample::tpm_item(tpm::Claims { ak_trust: ek, ..sample::tpm() });
        assert_eq!(of(&[&masked, &(claims, facts)]).machine, None, "a TPM may be of another machine");
    }

    #[test]
    fn a_tpm_alone_is_its_endorsement_key() {
        let with = |ak_trust| {
            let (claims, facts) = sample::tpm_item(tpm::Claims { ak_trust, ..sample::tpm() });
            of(&[&(claims, facts)]).machine
        };
        let machine = with(AkTrust::Activation { ek_sha256: Hex([3; 32]) }).unwrap();
        assert_eq!(machine.to_string(), format!("tpm:{}", "03".repeat(32)));
        assert_eq!(with(AkTrust::AllowList), None);
        assert_eq!(with(AkTrust::Untrusted), None);
        assert_eq!(of(&[&sample::key_item()]), Hardware::default());
    }

    #[test]
    fn an_intel_platform_is_its_instance_or_else_its_package() {
        let (claims, mut facts) = sample::td_item(sample::td());
        facts.root = Some(Hex([1; 32]));
        let Claims::Tdx(claims) = claims else { panic!("TDX claims") };
        let with = |instance, ppid| {
            let mut claims = claims.clone();
            (claims.dcap.platform_instance_id, claims.dcap.ppid) = (instance, Hex(ppid));
            of(&[&(Claims::Tdx(claims), facts.clone())]).machine.map(|machine| machine.id.to_string())
        };
        assert_eq!(with(Some(Hex([4; 16])), [5; 16]), Some("04".repeat(16)));
        assert_eq!(with(None, [5; 16]), Some("05".repeat(16)));
        assert_eq!((with(None, [0; 16]), with(Some(Hex([0; 16])), [5; 16])), (None, None));
    }
}
