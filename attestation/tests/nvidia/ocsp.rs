//! OCSP responses that come with devices (NV-21 to NV-28).

use super::{Asked, claims};
use hanzo_attestation::Revocation;
use hanzo_attestation::nvidia::Source;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::{NvidiaLab, OcspDefect, OcspOrder};

impl Asked {
    fn order(&self, index: usize) -> OcspOrder {
        OcspOrder {
            index,
            device_serial: self.device.device_serial.clone(),
            sha384: false,
            by_issuer: false,
            now: self.bench.now,
            defect: None,
        }
    }

    fn answer(&self, order: &OcspOrder) -> Vec<u8> {
        self.bench.lab.ocsp(order).unwrap()
    }

    fn judge(&self, responses: &[Vec<u8>]) -> Result<(), String> {
        let item = NvidiaLab::item("nvidia-gpu", std::slice::from_ref(&self.device), responses);
        self.bench.judge(&[item]).map(drop)
    }
}

#[test]
fn good_answers_about_all_three_are_enough() {
    let asked = Asked::new();
    for (sha384, by_issuer) in [(false, false), (true, false), (false, true), (true, true)] {
        let responses: Vec<_> = (1..4)
            .map(|index| asked.answer(&OcspOrder { sha384, by_issuer, ..asked.order(index) }))
            .collect();
        assert_eq!(asked.judge(&responses), Ok(()), "{sha384} {by_issuer}");
        for missing in 0..3 {
            let mut fewer = responses.clone();
            fewer.remove(missing);
            assert_eq!(asked.judge(&fewer), Err("NV-21 RevocationUnchecked".to_owned()), "{missing}");
        }
    }
}

#[test]
fn claims_say_who_answered_and_the_verdict_ends_with_the_answers() {
    let asked = Asked::new();
    let responses: Vec<_> = (1..4).map(|index| asked.answer(&asked.order(index))).collect();
    let item = NvidiaLab::item("nvidia-gpu", std::slice::from_ref(&asked.device), &responses);
    let verified = asked.bench.judge(&[item]).unwrap();
    let standing = &claims(&verified, 0).devices[0].revocation;
    assert!(standing.iter().all(|standing| standing.source == Source::Ocsp));
    let tomorrow = UnixTime::from_seconds(asked.bench.now.seconds() + 86_400).unwrap();
    assert_eq!((verified.not_after(), standing[0].next_update), (tomorrow, Some(tomorrow)));
    assert!(verified.items()[0].findings().iter().all(|finding| finding.rule.id != "NV-21"));
}

/// NV-21 to NV-28: every defect of an answer about any of the three is refused by its own rule, and where
/// revocation is waived as well.
#[test]
fn every_defect_breaks_its_one_rule() {
    let mut asked = Asked::new();
    for waived in [false, true] {
        if waived {
            asked.bench.revocation = Revocation::Waived { reason: "a test".to_owned() };
        }
        for defect in OcspDefect::ALL {
            for wrong in 1..4 {
                let order = |index| {
                    let defect = (index == wrong).then_some(*defect);
                    OcspOrder { defect, ..asked.order(index) }
                };
                let responses: Vec<_> = (1..4).map(|index| asked.answer(&order(index))).collect();
                let expected = if waived && *defect == OcspDefect::OtherSerial {
                    Ok(())
                } else {
                    Err(format!("{} {}", defect.rule(), defect.expects()))
                };
                assert_eq!(asked.judge(&responses), expected, "{} at {wrong}", defect.name());
            }
        }
    }
}

/// NV-22, NV-25: no truncation of a response and no changed byte of what is signed in it is accepted.
#[test]
fn no_changed_response_is_accepted() {
    let asked = Asked::new();
    let responses: Vec<_> = (1..4).map(|index| asked.answer(&asked.order(index))).collect();
    let response = &responses[0];
    let with = |changed: Vec<u8>| asked.judge(&[changed, responses[1].clone(), responses[2].clone()]);
    for length in 0..response.len() {
        assert!(with(response[..length].to_vec()).is_err(), "{length} bytes");
    }
    for position in 0..response.len() {
        let mut changed = response.clone();
        changed[position] ^= 1 << (position % 8);
        assert!(with(changed).is_err(), "byte {position}");
    }
}
