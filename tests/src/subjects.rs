//! What the benchmarks verify, with the bare signature checks that nobody can leave out.

mod nvidia;

use crate::cases;
use anyhow::{Context as _, Result, bail, ensure};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_FIXED,
    RSA_PSS_2048_8192_SHA384, UnparsedPublicKey, VerificationAlgorithm,
};
use hanzo_attestation::nvidia::rim::verify_rim;
use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, VerifiedItem, verify};
use hanzo_attestation_evidence::x509::{Certificate, Crl, PublicKey};
use hanzo_attestation_evidence::{Document, Evidence, Item, Severity, UnixTime, dcap, encoding, snp};
use hanzo_attestation_lab::{Lab, SgxOrder, SnpOrder, TdxOrder};
use hanzo_attestation_opinion::DcapQvl;
use hanzo_fixtures::{Expect, Kind};
use hanzo_policy::{Appraisal, appraise_devices, appraise_item};
use serde_json::Value;
use std::time::Duration;

/// One thing to verify.
pub struct Subject {
    /// For people.
    pub title: String,
    /// The evidence document, JSON.
    pub document: Vec<u8>,
    /// The same, parsed.
    pub evidence: Evidence,
    roots: Roots,
    collateral: Collateral,
    revocation: Revocation,
    now: UnixTime,
    /// Thresholds, where appraisal is measured, too.
    appraisal: Option<Appraisal>,
    /// Checks that a first verification cannot leave out.
    pub cold: Vec<Check>,
    /// Checks that no verification can leave out: what is signed anew each time.
    pub warm: Vec<Check>,
    /// The same question to `dcap-qvl`, where it is Intel's.
    peer: Option<DcapQvl>,
}

/// A real manifest, and the signature checks that it asks for.
pub struct Manifest {
    /// The file.
    pub xml: Vec<u8>,
    /// Its own signature and those of its certificates.
    pub bare: Vec<Check>,
    roots: Roots,
    revocation: Revocation,
    now: UnixTime,
}

impl Manifest {
    /// The published one of a VBIOS.
    ///
    /// # Errors
    /// When there is no such fixture.
    pub fn published() -> Result<Self> {
        let cases = hanzo_fixtures::cases(Kind::NvidiaRim)?;
        let genuine = cases.iter().find(|case| case.expect == Expect::Ok && case.name.starts_with("vbios"));
        let case = genuine.context("no manifest among the fixtures")?;
        let xml = case.file("rim.xml").context("no file")?.to_vec();
        Ok(Self {
            bare: nvidia::manifest_checks(&xml)?,
            xml,
            roots: Roots::vendor(),
            revocation: Revocation::Waived { reason: "a benchmark".to_owned() },
            now: UnixTime::parse(&case.now)?,
        })
    }

    /// Verifies it from the file's bytes.
    ///
    /// # Errors
    /// A refusal.
    pub fn verify(&self, cache: &Cache) -> Result<()> {
        let (roots, revocation, now) = (&self.roots, &self.revocation, self.now);
        let collateral = Collateral::default();
        verify_rim(&self.xml, &Context { roots, collateral: &collateral, revocation, now, cache })?;
        Ok(())
    }
}

impl Subject {
    /// Baseboards of eight GPUs and four switches, all different and of one vendor.
    ///
    /// # Errors
    /// When the lab fails.
    pub fn boards(count: usize) -> Result<Vec<Self>> {
        nvidia::boards(count)
    }

    /// Real cases, those of Intel with their collateral as well where the evidence corpus is at hand, and one
    /// of each kind from the lab with its collateral.
    ///
    /// # Errors
    /// When a case is not what it should be.
    pub fn all() -> Result<Vec<Self>> {
        let lab = Lab::fixture();
        let mut subjects = Vec::new();
        for case in cases::real()? {
            let revocation = Revocation::Waived { reason: "a benchmark".to_owned() };
            let now = UnixTime::parse(&case.at)?;
            let (roots, collateral) = (Roots::vendor(), Collateral::default());
            subjects.push(Self::new(case.title, &case.document, roots, collateral, revocation, now, &[])?);
        }
        for (case, collateral) in cases::real_with_collateral()? {
            let (roots, now) = (Roots::vendor(), UnixTime::parse(&case.at)?);
            let required = Revocation::Required;
            subjects.push(Self::new(case.title, &case.document, roots, collateral, required, now, &[])?);
        }
        let lists = lab.amd_lists();
        for (title, item) in [
            (
                "lab SEV-SNP Milan v5, with revocation lists",
                lab.snp(&SnpOrder { version: 5, ..SnpOrder::default() })?,
            ),
            ("lab TDX v4, with collateral", lab.tdx(&TdxOrder::default())?),
            ("lab SGX v3, with collateral", lab.sgx(&SgxOrder::default())?),
        ] {
            let roots = Roots::vendor().with_extra(lab.extra_roots());
            let now = lab.validity().not_before.after(Duration::from_secs(86_400));
            let (document, collateral) = (Lab::document(vec![item]), lab.collateral());
            let subject =
                Self::new(title.to_owned(), &document, roots, collateral, Revocation::Required, now, &lists)?;
            subjects.push(subject);
        }
        subjects.extend(nvidia::all()?);
        Ok(subjects)
    }

    fn new(
        title: String,
        document: &Value,
        roots: Roots,
        collateral: Collateral,
        revocation: Revocation,
        now: UnixTime,
        lists: &[Vec<u8>],
    ) -> Result<Self> {
        let document = document.to_string().into_bytes();
        let evidence = Document::from_json(&document)?.parse()?;
        let item = evidence.items().first().context("no item")?;
        let context = Context {
            roots: &roots,
            collateral: &collateral,
            revocation: &revocation,
            now,
            cache: Cache::off(),
        };
        let verified = verify(evidence.clone(), &context)?;
        let peer = DcapQvl::new(item, verified.items().first(), &collateral).ok();
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for item in evidence.items() {
            let (first, each) = match item {
                Item::SevSnp(item) => snp_checks(item, lists)?,
                Item::Tdx(item) => dcap_checks(&item.quote, &collateral)?,
                Item::Sgx(item) => dcap_checks(&item.quote, &collateral)?,
                Item::Nvidia(item) => nvidia::device_checks(item)?,
                _ => bail!("{title}: no bare checks are known"),
            };
            cold.extend(first);
            warm.extend(each);
        }
        let appraisal = None;
        Ok(Self {
            title,
            document,
            evidence,
            roots,
            collateral,
            revocation,
            now,
            appraisal,
            cold,
            warm,
            peer,
        })
    }

    fn context<'a>(&'a self, cache: &'a Cache) -> Context<'a> {
        let Self { roots, collateral, revocation, now, .. } = self;
        Context { roots, collateral, revocation, now: *now, cache }
    }

    /// Verifies from parsed evidence.
    ///
    /// # Errors
    /// A refusal.
    pub fn verify(&self, cache: &Cache) -> Result<()> {
        self.judge(self.evidence.clone(), cache)
    }

    /// Verifies from the document's bytes: strict JSON, base64, parsing, and the digest that names the
    /// evidence.
    ///
    /// # Errors
    /// A refusal.
    pub fn verify_document(&self, cache: &Cache) -> Result<()> {
        self.judge(Document::from_json(&self.document)?.parse()?, cache)
    }

    fn judge(&self, evidence: Evidence, cache: &Cache) -> Result<()> {
        let verified = verify(evidence, &self.context(cache))?;
        let Some(appraisal) = &self.appraisal else { return Ok(()) };
        let items = verified.items();
        let together = appraise_devices(items.iter().map(VerifiedItem::claims), appraisal);
        let alone = items.iter().flat_map(|item| appraise_item(item, appraisal));
        for finding in alone.chain(together.into_iter().map(|(_, finding)| finding)) {
            ensure!(finding.severity != Severity::Refuse, "{}: {}", finding.rule, finding.message);
        }
        Ok(())
    }

    /// Whether there is a peer to ask.
    #[must_use]
    pub const fn has_peer(&self) -> bool {
        self.peer.is_some()
    }

    /// Asks the peer.
    ///
    /// # Errors
    /// Its refusal.
    pub fn verify_by_peer(&self) -> Result<()> {
        let peer = self.peer.as_ref().context("nobody to ask")?;
        peer.verify(true, self.now).map_err(anyhow::Error::msg)?;
        Ok(())
    }
}

/// One bare signature check by aws-lc-rs.
pub struct Check {
    algorithm: &'static dyn VerificationAlgorithm,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Check {
    /// Runs it: key from bytes, one verification.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn run(&self) -> Result<()> {
        let key = UnparsedPublicKey::new(self.algorithm, &self.key);
        key.verify(&self.message, &self.signature).ok().context("a bare check failed")
    }

    fn new(
        algorithm: &'static dyn VerificationAlgorithm,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Self {
        Self { algorithm, key: key.to_vec(), message: message.to_vec(), signature: signature.to_vec() }
    }

    /// Of the signed part of a certificate or a list, under its issuer's key.
    fn under(issuer: &Certificate<'_>, message: &[u8], signature: &[u8]) -> Result<Self> {
        Ok(match issuer.public_key() {
            PublicKey::Rsa { pkcs1, .. } => Self::new(&RSA_PSS_2048_8192_SHA384, pkcs1, message, signature),
            PublicKey::P256(point) => Self::new(&ECDSA_P256_SHA256_ASN1, point, message, signature),
            PublicKey::P384(point) => Self::new(&ECDSA_P384_SHA384_ASN1, point, message, signature),
            _ => bail!("an issuer with an unexpected key"),
        })
    }
}

type Checks = (Vec<Check>, Vec<Check>);

/// Report; endorsement key and intermediate; each list of the root.
fn snp_checks(item: &snp::Evidence, lists: &[Vec<u8>]) -> Result<Checks> {
    let certificates: Vec<Certificate<'_>> =
        item.certs.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>()?;
    let leaf =
        certificates.iter().find(|c| matches!(c.public_key(), PublicKey::P384(_))).context("no leaf")?;
    let issuer_of = |c: &Certificate<'_>| certificates.iter().find(|i| i.subject().der() == c.issuer().der());
    let intermediate = issuer_of(leaf).context("no intermediate")?;
    let root = issuer_of(intermediate).context("no root")?;
    let PublicKey::P384(key) = leaf.public_key() else { bail!("no P-384 key") };
    let report = || Check::new(&ECDSA_P384_SHA384_FIXED, key, item.report.signed(), &item.report.signature());
    let mut cold = vec![
        report(),
        Check::under(intermediate, leaf.tbs(), leaf.signature())?,
        Check::under(root, intermediate.tbs(), intermediate.signature())?,
    ];
    for list in lists {
        let list = Crl::parse(list)?;
        if list.issuer().der() == root.subject().der() {
            cold.push(Check::under(root, list.tbs(), list.signature())?);
        }
    }
    Ok((cold, vec![report()]))
}

/// Quote and quoting enclave; PCK certificate and its CA; with collateral, the two documents, their signer,
/// and the two lists.
fn dcap_checks<B>(quote: &dcap::Quote<B>, collateral: &Collateral) -> Result<Checks> {
    let dcap::Certification::Chain(chain) = &quote.certification else {
        bail!("no certificates in the quote")
    };
    let parse = |der| Certificate::parse(der);
    let (leaf, ca, root) = (parse(&chain.leaf)?, parse(&chain.ca)?, parse(&chain.root)?);
    let PublicKey::P256(pck) = leaf.public_key() else { bail!("no P-256 key") };
    let attestation_key = [[4].as_slice(), &quote.attestation_key].concat();
    let fixed = &ECDSA_P256_SHA256_FIXED;
    let warm = || {
        vec![
            Check::new(fixed, &attestation_key, quote.signed(), &quote.signature),
            Check::new(fixed, pck, quote.qe_report.raw(), &quote.qe_report_signature),
        ]
    };
    let mut cold = warm();
    cold.push(Check::under(&ca, leaf.tbs(), leaf.signature())?);
    cold.push(Check::under(&root, ca.tbs(), ca.signature())?);
    for der in collateral.intel_crl_ders() {
        let list = Crl::parse(der)?;
        if let Some(issuer) = [&ca, &root].into_iter().find(|c| c.subject().der() == list.issuer().der()) {
            cold.push(Check::under(issuer, list.tbs(), list.signature())?);
        }
    }
    let (tcb_info, qe_identity) =
        (collateral.tcb_info_documents().next(), collateral.qe_identity_documents().next());
    for (position, document) in tcb_info.into_iter().chain(qe_identity).enumerate() {
        let chain = cases::pem_blocks(std::str::from_utf8(&document.issuer_chain)?);
        let signer = encoding::base64_decode(chain.first().context("an empty issuer chain")?)?;
        let signer = Certificate::parse(&signer)?;
        let PublicKey::P256(key) = signer.public_key() else { bail!("no P-256 key") };
        cold.push(Check::new(fixed, key, &document.body, &document.signature));
        if position == 0 {
            cold.push(Check::under(&root, signer.tbs(), signer.signature())?);
        }
    }
    Ok((cold, warm()))
}
