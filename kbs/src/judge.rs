//! Prove: from the bytes of an evidence document to an [`Appraised`], at one instant.
//!
//! The chain is the same for a fresh proof, for a renewal, and for the stored document behind a token; what
//! was found earlier is never consulted. It costs signatures, so it runs on the blocking pool, and only so
//! many at once.

use crate::clock::{ClockBeforeRelease, released};
use crate::problem::{Code, Problem};
use hanzo_attestation::tpm::activation::ActivationKey;
use hanzo_attestation::verify::{Context, precheck};
use hanzo_attestation::{Attested, Cache, Collateral, Refused, Revocation, Roots, Verified, verify};
use hanzo_attestation_collateral::Stored;
use hanzo_attestation_evidence::{Binding, Broken, Document, Evidence, Hex, Recipient, UnixTime};
use hanzo_attestation_opinion::{Denied, Opinion};
use hanzo_policy::{Appraisal, Appraised, appraise};
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// A second reader of evidence: `hanzo_attestation_opinion::second_opinion`.
pub type SecondReader = fn(&Evidence, Result<&Verified, &Refused>, &Collateral, UnixTime) -> Opinion;

/// What evidence is judged by.
#[derive(Debug)]
pub struct Grounds {
    /// Trust roots, without the key of the vault's activation records.
    pub roots: Roots,
    /// Vendor data at hand.
    pub collateral: Collateral,
    /// What to do where a revocation list is absent.
    pub revocation: Revocation,
    /// Thresholds of the appraisal.
    pub appraisal: Appraisal,
    /// Who is asked as well before evidence counts as genuine; a disagreement denies.
    pub second_reader: Option<SecondReader>,
    /// What earlier verifications found.
    pub cache: Arc<Cache>,
    /// The store that the collateral is from, without its documents; none where single files are configured.
    pub store: Option<Stored>,
    /// COL-09: how long a bundle still counts after its end.
    pub grace: Duration,
}

impl Grounds {
    /// Whether anything can be judged at this instant: the clock is not before what is known to have happened
    /// (COL-07), and the store's bundle counts (COL-09).
    pub(crate) fn check(&self, now: UnixTime) -> Result<(), NotProved> {
        let no = |public, error: &dyn Broken| NotProved {
            public,
            code: error.rule().code,
            reason: format!("{}: {error}", error.rule().id),
            evidence_digest: None,
            alert: false,
        };
        let released = released();
        if now < released {
            return Err(no(Code::Unavailable, &ClockBeforeRelease { now, released }));
        }
        let Some(store) = &self.store else { return Ok(()) };
        store.check_clock(now).map_err(|error| no(Code::Unavailable, &error))?;
        store.check_bundle(now, self.grace).map_err(|error| no(Code::EvidenceRefused, &error))
    }
}

impl Grounds {
    /// COL-09: the waiver under which the store's bundle counts, where it is past its end and within the grace.
    pub(crate) fn bundle_waiver(&self, now: UnixTime) -> Option<String> {
        let expired = self.store.as_ref()?.check_bundle(now, Duration::ZERO).err()?;
        Some(format!("{}: {expired}; it counts by the configured grace (`grace_days`)", expired.rule()))
    }
}

/// What a node presents.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The evidence document, JSON.
    pub document: Vec<u8>,
    /// The challenge exactly as issued.
    pub nonce: String,
    /// The key to which keys are sealed.
    pub recipient: Recipient,
    /// The caller's own data, bound into the evidence.
    pub runtime_data: Option<Value>,
}

/// A proof that does not hold, in words for the operator.
#[derive(Clone, Debug, PartialEq)]
pub struct NotProved {
    /// What the caller is told.
    pub public: Code,
    /// The stable code of the broken rule, e.g. `DebugPolicy`.
    pub code: &'static str,
    /// The rule's id and the explanation.
    pub reason: String,
    /// Digest of the evidence, once it could be read.
    pub evidence_digest: Option<Hex<32>>,
    /// Whether a person must look at it: two readers of the same evidence are at odds.
    pub alert: bool,
}

impl NotProved {
    /// Evidence that could be read and does not hold.
    pub(crate) fn refused(refused: Refused) -> Self {
        Self {
            public: Code::EvidenceRefused,
            code: refused.finding.rule.code,
            reason: refused.to_string(),
            evidence_digest: None,
            alert: false,
        }
    }
}

/// Why there is no verdict.
#[derive(Debug)]
pub enum NoVerdict {
    /// As many verifications run as may run at once.
    Busy,
    /// The verification ended in a fault: a denial (COL-23).
    Fault,
    /// The proof does not hold.
    NotProved(Box<NotProved>),
}

/// Judges proofs, a bounded number at once.
#[derive(Clone)]
pub struct Judge {
    grounds: Arc<RwLock<Arc<Grounds>>>,
    slots: Arc<Semaphore>,
}

impl Judge {
    /// A judge that verifies at most `slots` proofs at once.
    #[must_use]
    pub fn new(grounds: Grounds, slots: usize) -> Self {
        Self { grounds: Arc::new(RwLock::new(Arc::new(grounds))), slots: Arc::new(Semaphore::new(slots)) }
    }

    /// What it judges by now.
    #[must_use]
    pub fn grounds(&self) -> Arc<Grounds> {
        // Whoever panicked while it wrote left one pointer or the other: both are whole.
        Arc::clone(&self.grounds.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges by these from now on. Verifications under way finish by what they began with.
    pub fn replace(&self, grounds: Grounds) {
        *self.grounds.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(grounds);
    }

    /// Occupies every slot, as a flood would.
    #[cfg(test)]
    pub(crate) fn take_all_slots(&self) -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(self.slots.available_permits()).unwrap();
        Arc::clone(&self.slots).try_acquire_many_owned(all).unwrap()
    }

    /// Runs the whole chain at `now`, off the threads that answer requests. `activation` is the key of the
    /// records that this vault's broker wrote (TPM-33).
    ///
    /// # Errors
    /// [`NoVerdict`].
    pub async fn judge(
        &self,
        proof: Proof,
        activation: &ActivationKey,
        now: UnixTime,
    ) -> Result<Appraised, NoVerdict> {
        let activation = activation.clone();
        let verdict = self.in_slot(move |grounds| {
            grounds.check(now)?;
            let roots = grounds.roots.clone().with_activation_key(activation);
            prove(grounds, &roots, &proof, now)
        });
        verdict.await?.map_err(|refused| NoVerdict::NotProved(Box::new(refused)))
    }

    /// Runs other work that costs signatures: it counts among the verifications.
    ///
    /// # Errors
    /// A problem when as many run as may run at once.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Grounds) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.in_slot(work).await.map_err(|none| match none {
            NoVerdict::Busy => Code::Unavailable.into(),
            NoVerdict::Fault | NoVerdict::NotProved(_) => Code::Internal.into(),
        })
    }

    async fn in_slot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Grounds) -> T + Send + 'static,
    ) -> Result<T, NoVerdict> {
        let grounds = self.grounds();
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| NoVerdict::Busy)?;
        let worked = tokio::task::spawn_blocking(move || {
            let worked = work(&grounds);
            drop(slot); // held until the work is done, also when the caller has gone away
            worked
        });
        worked.await.map_err(|_| NoVerdict::Fault)
    }
}

/// bytes → Evidence → Verified → Attested → Appraised, cheap checks first.
fn prove(grounds: &Grounds, roots: &Roots, proof: &Proof, now: UnixTime) -> Result<Appraised, NotProved> {
    let attested = attest(grounds, roots, (&grounds.revocation, &grounds.collateral), proof, now)?;
    let digest = attested.evidence_digest();
    appraise(attested, &grounds.appraisal)
        .map_err(|refused| NotProved { evidence_digest: Some(digest), ..NotProved::refused(refused) })
}

/// bytes → Evidence → Verified → Attested. Revocation and collateral are the grounds', unless it is asked what
/// others would make of it.
pub(crate) fn attest(
    grounds: &Grounds,
    roots: &Roots,
    (revocation, collateral): (&Revocation, &Collateral),
    proof: &Proof,
    now: UnixTime,
) -> Result<Attested, NotProved> {
    let malformed = |error: &dyn Broken| NotProved {
        public: Code::EvidenceMalformed,
        code: error.rule().code,
        reason: format!("{}: {error}", error.rule().id),
        evidence_digest: None,
        alert: false,
    };
    let document = Document::from_json(&proof.document).map_err(|e| malformed(&e))?;
    let evidence = document.parse().map_err(|e| malformed(&e))?;
    let (nonce, devices) = (&proof.nonce, evidence.device_digests());
    let binding = Binding::new(nonce, &proof.recipient, proof.runtime_data.as_ref(), &devices)
        .map_err(|e| malformed(&e))?;
    let digest = evidence.digest();
    let refused =
        |refused: Refused| NotProved { evidence_digest: Some(digest), ..NotProved::refused(refused) };
    precheck(&evidence, &binding).map_err(refused)?;
    let context = Context { roots, collateral, revocation, now, cache: &grounds.cache };
    // Asked anew each time, and only about what we accept: nothing of the answer is kept.
    let copy = grounds.second_reader.map(|reader| (reader, evidence.clone()));
    let verified = verify(evidence, &context).map_err(refused)?;
    if let Some((reader, evidence)) = copy {
        let opinion = reader(&evidence, Ok(&verified), collateral, now);
        opinion.check().map_err(|denied| NotProved {
            public: Code::EvidenceRefused,
            code: denied.rule().code,
            reason: format!("{}: {denied}", denied.rule().id),
            evidence_digest: Some(digest),
            alert: matches!(denied, Denied::Disagrees(_)),
        })?;
    }
    verified.bind(&binding).map_err(refused)
}

/// The claims of every item, as the record keeps them.
pub(crate) fn claims(appraised: &Appraised) -> Value {
    let items = appraised.items().iter();
    items.map(|item| json!({"type": item.tee().name(), "claims": item.claims()})).collect()
}
