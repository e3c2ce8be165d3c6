//! Revocation lists of the authorities above devices (NV-32 to NV-34).

use super::{Asked, Bench, claims, judge};
use hanzo_attestation::nvidia::Source;
use hanzo_attestation::{Collateral, Revocation, RimHold, Verified};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::{CrlDefect, CrlOrder, LabChip, NvidiaLab, OcspDefect, OcspOrder};

impl Asked {
    fn answers(&self, indices: &[usize], defect: Option<OcspDefect>) -> Vec<Vec<u8>> {
        let answer = |index: &usize| {
            let device_serial = self.device.device_serial.clone();
            let now = self.bench.now;
            let order =
                OcspOrder { index: *index, device_serial, sha384: false, by_issuer: false, now, defect };
            self.bench.lab.ocsp(&order).unwrap()
        };
        indices.iter().map(answer).collect()
    }

    fn list(&self, index: usize, defect: Option<CrlDefect>) -> Vec<u8> {
        self.list_of(index, Vec::new(), defect)
    }

    fn list_of(&self, index: usize, revoked: Vec<Vec<u8>>, defect: Option<CrlDefect>) -> Vec<u8> {
        self.bench.lab.crl(&CrlOrder { index, revoked, now: self.bench.now, defect }).unwrap()
    }

    fn verify(&self, answers: &[Vec<u8>], lists: &[Vec<u8>]) -> Result<Verified, String> {
        self.verify_at(answers, lists, self.bench.now)
    }

    fn verify_at(&self, answers: &[Vec<u8>], lists: &[Vec<u8>], now: UnixTime) -> Result<Verified, String> {
        let item = NvidiaLab::item("nvidia-gpu", std::slice::from_ref(&self.device), answers);
        let collateral = lists.iter().fold(Collateral::default(), |all, der| all.with_nvidia_crl(der));
        judge(&[item], &self.bench.roots, &collateral, &self.bench.revocation, now)
    }

    fn code(&self, answers: &[Vec<u8>], lists: &[Vec<u8>]) -> Result<(), String> {
        self.verify(answers, lists).map(drop)
    }
}

/// NV-21: lists of product and root stand in for answers about provisioner and product, and nothing stands in
/// for the one about the device.
#[test]
fn lists_stand_in_for_answers_about_authorities_alone() {
    let asked = Asked::new();
    let lists = [asked.list(2, None), asked.list(3, None), asked.list(1, None)];
    let (device, all) = (asked.answers(&[1], None), asked.answers(&[1, 2, 3], None));
    assert_eq!(asked.code(&device, &lists), Ok(()));
    assert_eq!(asked.code(&all, &lists), Ok(()), "beside answers they do no harm");
    let unchecked = Err("NV-21 RevocationUnchecked".to_owned());
    assert_eq!(asked.code(&asked.answers(&[2, 3], None), &lists), unchecked, "nothing about the device");
    assert_eq!(asked.code(&device, &lists[..1]), unchecked, "nothing about the product");
    assert_eq!(asked.code(&device, &lists[1..]), unchecked, "nothing about the provisioner");
    assert_eq!(asked.code(&[], &lists), unchecked);
}

#[test]
fn claims_say_that_a_list_spoke_and_the_verdict_ends_with_it() {
    let asked = Asked::new();
    let lists = [asked.list(2, None), asked.list(3, None)];
    let verified = asked.verify(&asked.answers(&[1], None), &lists).unwrap();
    let sources: Vec<Source> =
        claims(&verified, 0).devices[0].revocation.iter().map(|standing| standing.source).collect();
    assert_eq!(sources, [Source::Ocsp, Source::Crl, Source::Crl]);
    let uses: Vec<&str> = verified.items()[0].facts().collateral.iter().map(|used| used.kind).collect();
    assert_eq!(uses, ["nvidia-crl", "nvidia-crl"]);
    let day = 86_400;
    let end = UnixTime::from_seconds(asked.bench.now.seconds() + day).unwrap();
    assert_eq!(verified.not_after(), end, "the answer about the device ends first");
}

/// NV-32, NV-33, NV-34: every defect of a list is refused by its rule, whatever answers say and whether
/// revocation is waived.
#[test]
fn every_defect_of_a_list_breaks_its_one_rule() {
    let mut asked = Asked::new();
    let answers = asked.answers(&[1, 2, 3], None);
    for waived in [false, true] {
        if waived {
            asked.bench.revocation = Revocation::Waived { reason: "a test".to_owned() };
        }
        for defect in CrlDefect::ALL {
            for index in [2, 3] {
                let refused = Err(format!("{} {}", defect.rule(), defect.expects()));
                let list = asked.list(index, Some(*defect));
                assert_eq!(asked.code(&answers, &[list]), refused, "{} at {index}", defect.name());
            }
        }
    }
}

/// NV-34: a provisioner's list names devices, and a serial number on it is refused.
#[test]
fn a_list_adds_a_revocation_of_the_device_itself() {
    let asked = Asked::new();
    let answers = asked.answers(&[1, 2, 3], None);
    let named = |serial: Vec<u8>| asked.code(&answers, &[asked.list_of(1, vec![vec![9], serial], None)]);
    assert_eq!(named(asked.device.device_serial.clone()), Err("NV-34 NvidiaCertificateListed".to_owned()));
    assert_eq!(named(vec![0x41, 1, 2, 3]), Ok(()), "another device");
}

/// NV-34 before NV-33: what a list revoked is revoked when the list is out of date, too.
#[test]
fn a_revocation_does_not_lapse_with_its_list() {
    let asked = Asked::new();
    let list = asked.list_of(1, vec![asked.device.device_serial.clone()], Some(CrlDefect::OutOfDate));
    let refused = asked.code(&asked.answers(&[1, 2, 3], None), &[list]);
    assert_eq!(refused, Err("NV-34 NvidiaCertificateListed".to_owned()));
    let list = asked.list(2, None);
    let late = UnixTime::from_seconds(asked.bench.now.seconds() + 8 * 86_400).unwrap();
    assert_eq!(
        asked.verify_at(&[], &[list], late).map(drop),
        Err("NV-21 RevocationUnchecked".to_owned()),
        "the device comes first"
    );
}

/// NV-32: the list of another authority, of the same name or of another, says nothing of this one.
#[test]
fn the_list_of_another_authority_says_nothing() {
    let asked = Asked::new();
    let device = asked.answers(&[1], None);
    for chip in [LabChip::Gb100, LabChip::Gh100] {
        let other = Bench::new(chip);
        let list = |index| {
            let order = CrlOrder { index, revoked: Vec::new(), now: other.now, defect: None };
            other.lab.crl(&order).unwrap()
        };
        let refused = asked.code(&device, &[list(2), list(3)]);
        assert_eq!(refused, Err("NV-21 RevocationUnchecked".to_owned()), "{chip:?}");
        let own = [asked.list(2, None), asked.list(3, None), list(2), list(3)];
        assert_eq!(asked.code(&device, &own), Ok(()), "{chip:?}");
    }
}

/// COL-22, NV-32: no truncation of a list and no changed byte of what is signed in it is accepted.
#[test]
fn no_changed_list_is_accepted() {
    let asked = Asked::new();
    let (device, root) = (asked.answers(&[1], None), asked.list(3, None));
    let list = asked.list(2, None);
    let with = |changed: Vec<u8>| asked.code(&device, &[changed, root.clone()]);
    assert_eq!(with(list.clone()), Ok(()));
    for length in 0..list.len() {
        assert!(with(list[..length].to_vec()).is_err(), "{length} bytes");
    }
    for position in 0..list.len() {
        let mut changed = list.clone();
        changed[position] ^= 1 << (position % 8);
        assert!(with(changed).is_err(), "byte {position}");
    }
}

/// NV-27: a hold in a device's chain is a revocation, whatever is accepted of manifests.
#[test]
fn a_hold_of_a_device_is_never_accepted() {
    let asked = Asked::new();
    for index in 1..4 {
        let mut answers = asked.answers(&[1, 2, 3], None);
        answers[index - 1] = asked.answers(&[index], Some(OcspDefect::Hold)).remove(0);
        let item = NvidiaLab::item("nvidia-gpu", std::slice::from_ref(&asked.device), &answers);
        let collateral = Collateral::default().with_nvidia_rim_hold(RimHold::Accept);
        let (roots, revocation) = (&asked.bench.roots, &asked.bench.revocation);
        let refused = judge(&[item], roots, &collateral, revocation, asked.bench.now).map(drop);
        assert_eq!(refused, Err("NV-27 CertificateRevoked".to_owned()), "{index}");
    }
}
