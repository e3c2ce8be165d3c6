//! What kept a node from the next tier: each thing that the evidence would have to show besides.

use crate::appraisal::{Appraisal, tee_io};
use crate::appraised::{is_rated, proved};
use crate::tier::Tier;
use hanzo_attestation::nvidia::rim::Outcome;
use hanzo_attestation::tpm::AkTrust;
use hanzo_attestation::{Claims, Debug as Debuggable, Facts};
use hanzo_attestation_evidence::nvidia::{Architecture, Class};
use serde::Serialize;

/// The tier above the proved one, and what is missing for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextTier {
    /// The tier.
    pub tier: Tier,
    /// What kept the node from it, one sentence each; never empty.
    pub missing: Vec<String>,
}

/// What kept verified items from the tier above the one that they prove; `None` at the highest.
#[must_use]
pub fn next_tier<'a>(
    items: impl Iterator<Item = (&'a Claims, &'a Facts)>,
    appraisal: &Appraisal,
) -> Option<NextTier> {
    let items: Vec<(&Claims, &Facts)> = items.collect();
    let found = proved(items.iter().copied(), &appraisal.tee_io);
    let tier = *Tier::ALL.iter().find(|tier| **tier > found.tier)?;
    let missing = match tier {
        Tier::Open | Tier::Encrypted => vec!["no registered key signed the challenge".to_owned()],
        Tier::Confidential => hardware(&items),
        Tier::GpuCc => gpus(&items, found.cpu_tee),
        Tier::TeeIo => {
            tee_io::missing(tee_io::Parts::of(items.iter().map(|(claims, _)| *claims)), &appraisal.tee_io)
        }
    };
    // A tier of which this build says no more than what it demands.
    let missing = if missing.is_empty() { vec![format!("it needs {}", tier.requires())] } else { missing };
    Some(NextTier { tier, missing })
}

/// What kept each hardware root from counting; all of them, because any one would be enough.
fn hardware(items: &[(&Claims, &Facts)]) -> Vec<String> {
    let mut missing: Vec<String> = items.iter().filter_map(|(claims, facts)| root(claims, facts)).collect();
    if missing.is_empty() {
        missing.push("the evidence has no hardware root: no CPU TEE, no TPM".to_owned());
    }
    missing
}

fn root(claims: &Claims, facts: &Facts) -> Option<String> {
    match claims {
        Claims::Nvidia(_) | Claims::Tdi(_) | Claims::RegisteredKey(_) => None,
        Claims::Tpm(claims) => (claims.ak_trust == AkTrust::Untrusted)
            .then(|| "the TPM's attestation key is neither listed, certified nor activated".to_owned()),
        Claims::SevSnp(_) | Claims::Tdx(_) | Claims::Sgx(_) | Claims::AzSnpVtpm(_) | Claims::AzTdxVtpm(_) => {
            let name = facts.tee.name();
            if facts.debug != Some(Debuggable::Disabled) {
                return Some(format!("the {name} guest can be debugged"));
            }
            let status = facts.tcb_status;
            (!is_rated(status)).then(|| format!("the security version of {name} is `{}`", status.name()))
        }
    }
}

/// What kept a guest from GPUs that count.
fn gpus(items: &[(&Claims, &Facts)], cpu_tee: bool) -> Vec<String> {
    let mut missing = Vec::new();
    if !cpu_tee {
        missing.push("a TPM alone is no CPU TEE: only a measured guest speaks for its GPUs".to_owned());
    }
    let mut any = false;
    for (claims, _) in items {
        let Claims::Nvidia(claims) = claims else { continue };
        if claims.class != Class::Gpu {
            continue;
        }
        any |= !claims.devices.is_empty();
        for device in &claims.devices {
            let pdi = device.pdi;
            if device.architecture == Architecture::Ls10 {
                missing.push(format!("the device {pdi} is a switch, and no GPU"));
            } else if device.rim.outcome != Outcome::Success {
                missing.push(format!("no manifests vouch for what the GPU {pdi} measured"));
            }
        }
    }
    if !any {
        missing.push("the evidence has no GPU".to_owned());
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use hanzo_attestation::TcbStatus;

    fn missing(items: &[(Claims, Facts)]) -> (Tier, Vec<String>) {
        let next =
            next_tier(items.iter().map(|(claims, facts)| (claims, facts)), &Appraisal::strict()).unwrap();
        (next.tier, next.missing)
    }

    #[test]
    fn each_thing_that_is_missing_is_named() {
        let (claims, facts) = sample::snp_item(sample::snp());
        let debug = (claims.clone(), Facts { debug: Some(Debuggable::Enabled), ..facts.clone() });
        let (td, td_facts) = sample::td_item(sample::td());
        let old = (td, Facts { tcb_status: TcbStatus::Revoked, ..td_facts });
        let untrusted = sample::tpm_item(hanzo_attestation::tpm::Claims {
            ak_trust: AkTrust::Untrusted,
            ..sample::tpm()
        });
        for (items, tier, part) in [
            (vec![], Tier::Encrypted, "no registered key"),
            (vec![sample::key_item()], Tier::Confidential, "no hardware root"),
            (vec![sample::key_item(), debug.clone()], Tier::Confidential, "sev-snp guest can be debugged"),
            (vec![sample::key_item(), old], Tier::Confidential, "of tdx is `Revoked`"),
            (
                vec![sample::key_item(), untrusted],
                Tier::Confidential,
                "neither listed, certified nor activated",
            ),
            (vec![sample::snp_item(sample::snp())], Tier::GpuCc, "no GPU"),
            (vec![sample::tpm_item(sample::tpm())], Tier::GpuCc, "no CPU TEE"),
        ] {
            let (found, missing) = missing(&items);
            assert_eq!(found, tier, "{missing:?}");
            assert!(missing.iter().any(|told| told.contains(part)), "{part}: {missing:?}");
        }
    }

    #[test]
    fn there_is_nothing_above_the_highest_and_something_below_it() {
        for items in [vec![], vec![sample::key_item()], vec![sample::snp_item(sample::snp())]] {
            let next =
                next_tier(items.iter().map(|(claims, facts)| (claims, facts)), &Appraisal::strict()).unwrap();
            assert!(!next.missing.is_empty());
            assert!(
                next.tier
                    > proved(items.iter().map(|(claims, facts)| (claims, facts)), &Default::default()).tier
            );
        }
    }
}
