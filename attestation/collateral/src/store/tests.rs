//! Crashes: each step on the disk fails once, and the store has all of the old or all of the new.

use super::{Store, StoreError, Stored};
use crate::bundle::{Algorithm, BundleSigner, Container, Deny, Draft, EdnFloors, Kind, Trust, seal};
use crate::document::Document;
use hanzo_attestation::Roots;
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_evidence::x509::Crl;
use hanzo_attestation_lab::Lab;
use std::io;
use std::time::Duration;

struct Maker {
    key: String,
}

impl Maker {
    fn new() -> Self {
        Self { key: BundleSigner::generate(Algorithm::Ed25519).unwrap().to_string() }
    }

    fn trust(&self) -> Trust {
        let signer = BundleSigner::from_pem(self.key.as_bytes()).unwrap();
        Trust::new(vec![signer.public().unwrap()], 1).unwrap()
    }

    fn bundle(&self, sequence: u64) -> Container {
        let lists = Lab::fixture().amd_lists();
        let documents = lists.into_iter().step_by(2).zip(["milan/vcek", "genoa/vcek", "turin/vcek"]);
        let document = |(bytes, key): (Vec<u8>, &str)| {
            let list = Crl::parse(&bytes).unwrap();
            let (issued, expires) = (list.this_update(), list.next_update());
            Document { kind: Kind::AmdCrl, key: key.to_owned(), bytes, issued, expires }
        };
        let draft = Draft {
            bundle_id: format!("lab-{sequence}"),
            sequence,
            created: now(),
            not_before: now().before(Duration::from_secs(60)),
            not_after: now().after(Duration::from_secs(60)),
            edn_floors: EdnFloors::default(),
            deny: Deny::default(),
            documents: documents.map(document).collect(),
        };
        seal(draft, &[BundleSigner::from_pem(self.key.as_bytes()).unwrap()]).unwrap()
    }
}

fn now() -> UnixTime {
    Lab::fixture().validity().not_after
}

fn roots() -> Roots {
    Roots::vendor().with_extra(Lab::fixture().extra_roots())
}

/// Imports, failing before the step with this number; answers whether it ran to its end, and the steps taken.
fn import_failing_at(
    store: &Store,
    maker: &Maker,
    sequence: u64,
    fail_at: usize,
) -> (bool, Vec<&'static str>) {
    let mut steps = Vec::new();
    let mut before = |step: &'static str| {
        steps.push(step);
        if steps.len() == fail_at { Err(io::Error::other("power lost")) } else { Ok(()) }
    };
    let done = store.import_with(maker.bundle(sequence), &maker.trust(), &roots(), now(), &mut before);
    (done.is_ok(), steps)
}

fn read(store: &Store, maker: &Maker) -> Option<Stored> {
    match store.read(Some(&maker.trust())) {
        Ok(stored) => Some(stored),
        Err(StoreError::Empty) => None,
        Err(error) => unreachable!("a store in between: {error}"),
    }
}

#[test]
fn a_crash_at_any_step_leaves_the_old_store_or_the_new() {
    let maker = Maker::new();
    let folder = tempfile::tempdir().unwrap();
    let whole = Store::at(folder.path().join("whole"));
    assert!(import_failing_at(&whole, &maker, 1, usize::MAX).0);
    let (_, steps) = import_failing_at(&whole, &maker, 2, usize::MAX);
    assert!(steps.len() > 20, "{steps:?}");
    let (mut old, mut new) = (0, 0);
    for fail_at in 1..=steps.len() {
        let store = Store::at(folder.path().join(fail_at.to_string()));
        assert!(import_failing_at(&store, &maker, 1, usize::MAX).0);
        let (done, _) = import_failing_at(&store, &maker, 2, fail_at);
        assert!(!done, "step {fail_at} failed");
        let stored = read(&store, &maker).unwrap();
        assert_eq!(stored.documents.len(), 3);
        assert_eq!(stored.bundle_id, format!("lab-{}", stored.sequence));
        match stored.sequence {
            1 => old += 1,
            2 => new += 1,
            other => unreachable!("sequence {other}"),
        }
        // What was left lying about harms nobody: the next one is imported over it.
        assert!(import_failing_at(&store, &maker, 3, usize::MAX).0, "after a crash at step {fail_at}");
        assert_eq!(read(&store, &maker).unwrap().sequence, 3);
        let kept = std::fs::read_dir(store.path().join("generations")).unwrap().count();
        assert!(kept <= 2, "{kept} generations after step {fail_at}");
    }
    assert!(old > 0 && new > 0, "{old} crashes left the old store, {new} the new");
}

#[test]
fn a_crash_of_the_first_import_leaves_nothing_or_all() {
    let maker = Maker::new();
    let folder = tempfile::tempdir().unwrap();
    let whole = Store::at(folder.path().join("whole"));
    let (_, steps) = import_failing_at(&whole, &maker, 1, usize::MAX);
    let mut empty = 0;
    for fail_at in 1..=steps.len() {
        let store = Store::at(folder.path().join(fail_at.to_string()));
        import_failing_at(&store, &maker, 1, fail_at);
        match read(&store, &maker) {
            None => empty += 1,
            Some(stored) => assert_eq!((stored.sequence, stored.documents.len()), (1, 3)),
        }
    }
    assert!(empty > 0 && empty < steps.len());
}

#[test]
fn two_imports_at_once_are_one_and_a_refusal() {
    let maker = Maker::new();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let mut inner = None;
    let mut before = |step: &'static str| {
        if step == "renaming" && inner.is_none() {
            inner = Some(store.import(maker.bundle(2), &maker.trust(), &roots(), now()));
        }
        Ok(())
    };
    store.import_with(maker.bundle(1), &maker.trust(), &roots(), now(), &mut before).unwrap();
    assert!(matches!(inner, Some(Err(StoreError::Busy { .. }))));
    assert_eq!(read(&store, &maker).unwrap().sequence, 1);
}
