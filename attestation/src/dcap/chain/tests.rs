//! Which platforms each of the two authorities issues for.

use super::super::pck::Configuration;
use super::*;
use hanzo_attestation_evidence::Hex;

fn extension(instance: bool, configuration: bool, sgx_type: u8) -> PckExtension {
    PckExtension {
        ppid: Hex([1; 16]),
        cpusvn: Hex([2; 16]),
        pcesvn: 3,
        pceid: Hex([0; 2]),
        fmspc: Hex([4; 6]),
        sgx_type,
        platform_instance_id: instance.then_some(Hex([5; 16])),
        configuration: configuration.then(Configuration::default),
    }
}

#[test]
fn each_authority_issues_for_its_own_platforms() {
    let mut accepted = 0;
    for issuer in [PckCa::Platform, PckCa::Processor] {
        for instance in [false, true] {
            for configuration in [false, true] {
                for sgx_type in 0..=2 {
                    let platform = instance && configuration && sgx_type != 0;
                    let processor = !instance && !configuration && sgx_type == 0;
                    let right = match issuer {
                        PckCa::Platform => platform,
                        PckCa::Processor => processor,
                    };
                    let found = check_ca_type(issuer, &extension(instance, configuration, sgx_type));
                    assert_eq!(found.is_ok(), right, "{issuer:?} {instance} {configuration} {sgx_type}");
                    accepted += u32::from(found.is_ok());
                }
            }
        }
    }
    assert_eq!(accepted, 3);
}
