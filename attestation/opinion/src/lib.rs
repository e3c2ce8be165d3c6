//! A second opinion on evidence, by readers that others wrote: Intel quotes by `dcap-qvl`, SEV-SNP reports by
//! `sev`.
//!
//! The verdict of record is ours. What a second reader is for is our own mistakes: where the two differ, one
//! of them is wrong, and until somebody knows which, nobody gets a key. Differences that are known, with
//! their reasons, are data ([`KNOWN`]), so that they are neither alarms nor forgotten; `docs/divergences.md`
//! lists every case.
//!
//! What each reader looks at:
//! - `dcap-qvl` repeats everything: parsing, chains, revocation, dates, the quoting enclave, the rating. Its
//!   signatures are verified by aws-lc-rs, as ours are.
//! - `sev` has no certificate or signature code here, because its two back ends are OpenSSL and an RSA
//!   library that is not constant time. It parses the report, its fields are compared with the claims, and
//!   the report's signature is verified over the bytes that `sev` encodes again from what it understood.
//! - Behind Azure's paravisor, both look at the processor's own proof. Nobody else judges what surrounds it,
//!   nor a TPM.
//!
//! Pure: the instant is an argument.

#![cfg_attr(not(test), deny(clippy::as_conversions))]

mod intel;
mod known;
mod snp;

pub use intel::DcapQvl;
pub use known::{KNOWN, Known, Peer};

use hanzo_attestation::{Collateral, Refused, Verified, VerifiedItem};
use hanzo_attestation_evidence::{Broken, Evidence, Item, Rule, UnixTime};

/// What the second reader says beside our verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Both accept, and see the same; or both refuse.
    Agrees,
    /// One of the two is wrong.
    Disagrees(Disagreement),
    /// The second reader cannot judge this, or is known to judge it otherwise.
    NoOpinion(NoOpinion),
}

/// Where two readers differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{about}: we say `{ours}`, {peer} says `{theirs}`")]
pub struct Disagreement {
    /// Who says otherwise.
    pub peer: Peer,
    /// What the two differ about: `verdict`, or the name of a field.
    pub about: &'static str,
    /// What we say.
    pub ours: String,
    /// What the second reader says.
    pub theirs: String,
}

/// Why nothing may be released after a second opinion, although we accept the evidence. These are no rules
/// about evidence: they say that two readers are at odds, or that one could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// OPN-01: the second reader says otherwise, and nobody knows why. A person must look at it.
    #[error(transparent)]
    Disagrees(#[from] Disagreement),
    /// OPN-02: a second reader is there for this kind, and lacks what it judges by.
    #[error("the second reader judges by a {0}, and there is none")]
    CannotJudge(&'static str),
}

impl Broken for Denied {
    fn rule(&self) -> Rule {
        match self {
            Self::Disagrees(_) => Rule::new("OPN-01", "SecondOpinionDisagrees"),
            Self::CannotJudge(_) => Rule::new("OPN-02", "SecondOpinionMissing"),
        }
    }
}

impl Opinion {
    /// Whether what we accept may count. Kinds that no second reader knows, and known differences, do.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn check(self) -> Result<(), Denied> {
        match self {
            Self::Agrees | Self::NoOpinion(NoOpinion::NotJudged | NoOpinion::Known(_)) => Ok(()),
            Self::Disagrees(found) => Err(Denied::Disagrees(found)),
            Self::NoOpinion(NoOpinion::CollateralMissing(what)) => Err(Denied::CannotJudge(what)),
        }
    }
}

/// Why there is no second opinion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoOpinion {
    /// No second reader knows this kind, or the evidence has no item of a CPU.
    NotJudged,
    /// The second reader judges only with the vendor's collateral, and some of it is absent.
    CollateralMissing(&'static str),
    /// A known difference, with its reason.
    Known(&'static Known),
}

/// Asks for a second opinion on evidence that we have judged: `verdict` is ours. A document has at most one
/// CPU item, and it is that item's opinion.
#[must_use]
pub fn second_opinion(
    evidence: &Evidence,
    verdict: Result<&Verified, &Refused>,
    collateral: &Collateral,
    now: UnixTime,
) -> Opinion {
    let Some(item) = evidence.items().iter().find(|item| item.kind().is_cpu()) else {
        return Opinion::NoOpinion(NoOpinion::NotJudged);
    };
    let ours = verdict.map(|verified| verified.items().iter().find(|found| found.tee() == item.kind()));
    let ours = match ours {
        Ok(Some(item)) => Ok(item),
        Ok(None) => return Opinion::NoOpinion(NoOpinion::NotJudged),
        Err(refused) => Err(refused),
    };
    let opinion = match item {
        Item::SevSnp(item) => snp::opinion(item, ours),
        Item::AzSnpVtpm(item) => snp::opinion(&item.snp, ours),
        Item::Tdx(_) | Item::AzTdxVtpm(_) | Item::Sgx(_) => intel::opinion(item, ours, collateral, now),
        _ => Opinion::NoOpinion(NoOpinion::NotJudged),
    };
    known::explain(opinion, ours)
}

/// What the second reader found: the fields that are compared, or its refusal in its own words.
type Theirs = Result<Vec<Field>, String>;

/// A field in both readings.
struct Field {
    name: &'static str,
    ours: String,
    theirs: String,
}

impl Field {
    fn bytes(name: &'static str, ours: impl AsRef<[u8]>, theirs: impl AsRef<[u8]>) -> Self {
        Self { name, ours: hex::encode(ours), theirs: hex::encode(theirs) }
    }

    fn text(name: &'static str, ours: impl ToString, theirs: impl ToString) -> Self {
        Self { name, ours: ours.to_string(), theirs: theirs.to_string() }
    }
}

/// Puts the two verdicts beside each other.
fn compare(peer: Peer, ours: Result<&VerifiedItem, &Refused>, theirs: Theirs) -> Opinion {
    let verdict = |ours: String, theirs: String| {
        Opinion::Disagrees(Disagreement { peer, about: "verdict", ours, theirs })
    };
    match (ours, theirs) {
        (Ok(_), Ok(fields)) => match fields.into_iter().find(|field| field.ours != field.theirs) {
            None => Opinion::Agrees,
            Some(Field { name, ours, theirs }) => {
                Opinion::Disagrees(Disagreement { peer, about: name, ours, theirs })
            }
        },
        (Err(_), Err(_)) => Opinion::Agrees,
        (Ok(_), Err(problem)) => verdict("accepted".to_owned(), problem),
        (Err(refused), Ok(_)) => verdict(refused.finding.rule.to_string(), "accepted".to_owned()),
    }
}
