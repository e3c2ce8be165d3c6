//! Whoever makes bundles: keys, a lab's documents, and knobs for what goes wrong.

use hanzo_attestation::Roots;
use hanzo_attestation_collateral::bundle::{
    Algorithm, BundleSigner, Container, Deny, Draft, EdnFloors, Kind, MANIFEST, Manifest, SIGNATURE,
    Signatures, Trust, seal,
};
use hanzo_attestation_collateral::{Document, Store, StoreError};
use hanzo_attestation_evidence::x509::Crl;
use hanzo_attestation_evidence::{Hex, UnixTime};
use hanzo_attestation_lab::{Lab, ListDefect};
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;

/// The PEM of four signing keys, made once.
static KEYS: LazyLock<[String; 4]> = LazyLock::new(|| {
    [Algorithm::Ed25519, Algorithm::EcdsaP384, Algorithm::Ed25519, Algorithm::EcdsaP384]
        .map(|algorithm| BundleSigner::generate(algorithm).unwrap().to_string())
});

/// One of the four signing keys.
pub(crate) fn signer(index: usize) -> BundleSigner {
    BundleSigner::from_pem(KEYS[index].as_bytes()).unwrap()
}

/// Trusts bundles that `threshold` of these keys signed.
pub(crate) fn trust(keys: &[usize], threshold: usize) -> Trust {
    let keys = keys.iter().map(|index| signer(*index).public().unwrap()).collect();
    Trust::new(keys, threshold).unwrap()
}

/// The lab's vendors are trusted.
pub(crate) fn roots() -> Roots {
    Roots::vendor().with_extra(Lab::fixture().extra_roots())
}

/// The last instant at which the lab's documents are in force.
pub(crate) fn now() -> UnixTime {
    Lab::fixture().validity().not_after
}

/// A list of AMD, with its own dates.
pub(crate) fn amd_crl(key: &str, bytes: Vec<u8>) -> Document {
    let list = Crl::parse(&bytes).unwrap();
    let (issued, expires) = (list.this_update(), list.next_update());
    Document { kind: Kind::AmdCrl, key: key.to_owned(), bytes, issued, expires }
}

/// The lab's lists for Milan and Genoa.
pub(crate) fn lists() -> Vec<Document> {
    let all = Lab::fixture().amd_lists();
    vec![amd_crl("milan/vcek", all[0].clone()), amd_crl("genoa/vcek", all[2].clone())]
}

/// Lists for the same keys, issued at [`now`]: newer than [`lists`].
pub(crate) fn newer_lists() -> Vec<Document> {
    let all = Lab::fixture().amd_lists_with(ListDefect::NotYetCurrent).unwrap();
    vec![amd_crl("milan/vcek", all[0].clone()), amd_crl("genoa/vcek", all[2].clone())]
}

/// A bundle in the making: valid around [`now`].
pub(crate) fn draft(sequence: u64, documents: Vec<Document>) -> Draft {
    Draft {
        bundle_id: format!("lab-{sequence}"),
        sequence,
        created: now(),
        not_before: now().before(Duration::from_secs(86_400)),
        not_after: now().after(Duration::from_secs(86_400)),
        edn_floors: EdnFloors { sgx: 17, tdx: 18 },
        deny: Deny { veks: vec![Hex([0xab; 32])], ..Deny::default() },
        documents,
    }
}

/// A bundle signed by the first key.
pub(crate) fn bundle(sequence: u64, documents: Vec<Document>) -> Container {
    seal(draft(sequence, documents), &[signer(0)]).unwrap()
}

/// Changes the manifest of a bundle, and signs it again with the first key.
pub(crate) fn with_manifest(mut files: Container, change: impl FnOnce(&mut Manifest)) -> Container {
    let mut manifest = Manifest::parse(&files.files[MANIFEST]).unwrap();
    change(&mut manifest);
    let bytes = serde_json::to_vec(&manifest).unwrap();
    sign(&mut files, bytes, &[signer(0)]);
    files
}

/// Puts these bytes in the manifest's place, signed by these keys.
pub(crate) fn sign(files: &mut Container, manifest: Vec<u8>, signers: &[BundleSigner]) {
    let signatures = Signatures::make(&manifest, signers).unwrap().to_bytes().unwrap();
    files.files.insert(SIGNATURE.to_owned(), signatures);
    files.files.insert(MANIFEST.to_owned(), manifest);
}

/// A store in a folder of its own.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn store(&self) -> Store {
        Store::at(self.folder.path().join("store"))
    }

    /// Imports with the first key trusted; answers the sequence that the store then has.
    pub(crate) fn import(&self, files: Container) -> Result<u64, StoreError> {
        self.import_at(files, now())
    }

    pub(crate) fn import_at(&self, files: Container, now: UnixTime) -> Result<u64, StoreError> {
        self.store().import(files, &trust(&[0], 1), &roots(), now).map(|change| change.sequence)
    }

    /// Imports what must be refused, into a store that has a bundle; answers the rule. The store stays as it
    /// is.
    pub(crate) fn refusal(files: Container) -> String {
        Self::refusal_at(files, now())
    }

    pub(crate) fn refusal_at(files: Container, at: UnixTime) -> String {
        let desk = Self::new();
        desk.import(bundle(10, lists())).unwrap();
        let before = desk.store().generation().unwrap();
        let error = desk.import_at(files, at).unwrap_err();
        assert_eq!(desk.store().generation().unwrap(), before, "a refused bundle changes nothing");
        assert_eq!(desk.store().read(Some(&trust(&[0], 1))).unwrap().sequence, 10);
        error.rule().map(|rule| rule.to_string()).unwrap_or_else(|| format!("no rule: {error}"))
    }
}
