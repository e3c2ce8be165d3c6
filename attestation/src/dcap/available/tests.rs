//! Which stored chain may be the one that a quote names.

use super::*;
use hanzo_attestation_evidence::Hex;

fn identifiers(ppid: &[u8], first: u8, pcesvn: u16, pceid: [u8; 2]) -> Vec<u8> {
    let mut data = ppid.to_vec();
    data.push(first);
    data.extend([0; 15]);
    data.extend(pcesvn.to_le_bytes());
    data.extend(pceid);
    data
}

fn pck(ppid: u8, first: u8, pcesvn: u16, pceid: [u8; 2]) -> PckExtension {
    let mut cpusvn = [0; 16];
    cpusvn[0] = first;
    PckExtension {
        ppid: Hex([ppid; 16]),
        cpusvn: Hex(cpusvn),
        pcesvn,
        pceid: Hex(pceid),
        fmspc: Hex([0; 6]),
        sgx_type: 0,
        platform_instance_id: None,
        configuration: None,
    }
}

/// DCAP-13: another platform, another PCE, or a security version that the quote does not reach.
#[test]
fn a_chain_may_be_the_quotes_only_when_everything_that_is_known_agrees() {
    let clear = Named::read(1, &identifiers(&[7; 16], 5, 10, [0; 2])).unwrap();
    assert!(clear.may_be(&pck(7, 5, 10, [0; 2])));
    assert!(clear.may_be(&pck(7, 4, 9, [0; 2])), "an older certificate of the platform");
    for other in [pck(8, 5, 10, [0; 2]), pck(7, 5, 10, [1, 0]), pck(7, 6, 10, [0; 2]), pck(7, 5, 11, [0; 2])]
    {
        assert!(!clear.may_be(&other), "{other:?}");
    }
    for (kind, length) in [(2, 256), (3, 384)] {
        let encrypted = Named::read(kind, &identifiers(&vec![7; length], 5, 10, [0; 2])).unwrap();
        assert!(encrypted.may_be(&pck(8, 5, 10, [0; 2])), "the PPID is not readable");
        assert!(!encrypted.may_be(&pck(8, 6, 10, [0; 2])));
    }
}

/// DCAP-12: each type has one length.
#[test]
fn identifiers_of_another_length_name_nothing() {
    for (kind, length) in [(1, 36), (2, 276), (3, 404)] {
        for wrong in [0, length - 1, length + 1] {
            assert!(Named::read(kind, &vec![0; wrong]).is_none(), "type {kind}, {wrong} bytes");
        }
        assert!(Named::read(kind, &vec![0; length]).is_some());
    }
    for kind in [0, 4, 5, 6, 7] {
        assert!(Named::read(kind, &[0; 404]).is_none());
    }
}

/// DCAP-13: nothing stored, nothing that fits, and what cannot be read.
#[test]
fn without_a_chain_the_certificate_is_not_available() {
    let certification = Certification::PlatformIdentifiers { kind: 3, data: vec![0; 404] };
    let found = candidates(&certification, &[]);
    assert_eq!(found, Err(DcapError::PckNotAvailable(3)));
    let broken = [Arc::new(StoredPck::new(b"-----BEGIN"))];
    assert!(matches!(candidates(&certification, &broken), Err(DcapError::StoredPck(_))));
    let short = Certification::PlatformIdentifiers { kind: 3, data: vec![0; 403] };
    assert_eq!(candidates(&short, &broken), Err(DcapError::PckNotAvailable(3)));
}
