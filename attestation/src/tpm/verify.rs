//! The proof under a quote, in the order of the rule book: statements first, certificates next, signatures
//! last.

use super::claims::{AkTrust, Claims};
use super::error::TpmError;
use super::trust;
use crate::claims::{Claims as AnyClaims, Facts, TcbStatus};
use crate::crypto::{Budget, SignatureError, ecdsa, rsapss, rsassa};
use crate::event_log::{self, EventFacts, Quoted};
use crate::roots::Parent;
use crate::verify::{Context, Refused, VerifiedItem};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use hanzo_attestation_evidence::event_log::PcrBank;
use hanzo_attestation_evidence::tpm::{
    AttestationKey, Evidence, Hash, Name, PcrValues, Quote, SignatureValue, SigningHash,
};
use hanzo_attestation_evidence::{Finding, Item, Rule, Severity, Tee};

/// Largest log in bytes that is replayed before any signature; a larger one after the quote is proven (B.0,
/// step 9).
const EARLY_LOG: usize = 256 << 10;

/// Verifies one item: statement, source of trust, signatures.
///
/// A key without a source of trust leaves the item authentic; its claims say so, and appraisal refuses it.
pub(crate) fn verify(
    evidence: &Evidence,
    context: &Context<'_>,
    budget: &mut Budget,
) -> Result<VerifiedItem, Refused> {
    prove(evidence, context, budget).map_err(refused)
}

/// TPM-14: equal length, constant time. Nothing is padded on either side.
pub(crate) fn check_qualifying_data(actual: &[u8], expected: &[u8]) -> Result<(), Refused> {
    verify_slices_are_equal(actual, expected).map_err(|_| refused(TpmError::NonceMismatch))
}

/// TPM-23: all quotes of one document are by one key, over one challenge, in one boot, one after the other.
pub(crate) fn check_consistency(items: &[Item]) -> Result<(), Refused> {
    let quotes =
        || items.iter().filter_map(|item| if let Item::Tpm(item) = item { Some(item) } else { None });
    for (earlier, later) in quotes().zip(quotes().skip(1)) {
        let (before, after) = (&earlier.quote.attest, &later.quote.attest);
        let counters = |quote: &Quote| (quote.attest.clock.reset_count, quote.attest.clock.restart_count);
        for (what, same) in [
            ("their attestation key", earlier.key.spki() == later.key.spki()),
            ("their extra data", before.extra_data == after.extra_data),
            ("their boot", counters(&earlier.quote) == counters(&later.quote)),
            ("the direction of the clock", before.clock.milliseconds <= after.clock.milliseconds),
        ] {
            if !same {
                return Err(refused(TpmError::BankConflict(what)));
            }
        }
    }
    Ok(())
}

fn prove(evidence: &Evidence, context: &Context<'_>, budget: &mut Budget) -> Result<VerifiedItem, TpmError> {
    let (quote, key) = (&evidence.quote, &evidence.key);
    check_signer_form(quote, key)?;
    check_pcr_digest(quote)?;
    check_init_data(evidence)?;
    let log = evidence.event_log.as_deref();
    let early = log.filter(|log| log.len() <= EARLY_LOG).map(|log| replay(log, quote)).transpose()?;
    let source = trust::find(evidence, context.roots, context.now)?;
    source.parent.map_or(Ok(()), |parent| check_parent(quote, key, parent))?;
    check_signature(quote, key, budget)?;
    source.verify(budget)?;
    let log = match early {
        Some(facts) => Some(facts),
        None => log.map(|log| replay(log, quote)).transpose()?,
    };
    let log = log.map(|log| with_list(log, evidence)).transpose()?;

    let (findings, root) = (findings(evidence, &source), source.root());
    let claims = Claims {
        tpm_kind: source.kind,
        manufacturer: source.manufacturer,
        instance: source.instance,
        init_data: evidence.init_data,
        log,
        ..Claims::new(quote, key, source.trust)
    };
    let facts = Facts {
        tee: Tee::Tpm,
        product: None,
        debug: None,
        measurements: claims.measurements(),
        host_data: None,
        chip: match &claims.ak_trust {
            AkTrust::Activation { ek_sha256 } => Some(ek_sha256.to_string()),
            _ => None,
        },
        tcb_status: TcbStatus::NotRated,
        tcb_date: None,
        advisories: Vec::new(),
        root,
        collateral: Vec::new(),
        not_after: source.not_after,
        lab: source.lab,
    };
    Ok(VerifiedItem::new(AnyClaims::Tpm(Box::new(claims)), facts, findings))
}

/// TPM-12, its form: a qualified Name has the hash function of the key's own. Without the Name nothing is
/// known of it, and a finding says so.
fn check_signer_form(quote: &Quote, key: &AttestationKey) -> Result<(), TpmError> {
    let Some(name) = key.name() else { return Ok(()) };
    let wrong = TpmError::SignerName("is no Name of the attestation key's hash function");
    let signer = Name::from_bytes(&quote.attest.qualified_signer).map_err(|_| wrong.clone())?;
    if signer.as_bytes().get(..2) == name.as_bytes().get(..2) { Ok(()) } else { Err(wrong) }
}

/// TPM-12, where the owner of the allow list says what the key hangs below.
fn check_parent(quote: &Quote, key: &AttestationKey, parent: &Parent) -> Result<(), TpmError> {
    let name = key.name().ok_or(TpmError::SignerName("cannot be compared: the evidence has no `ak_tpmt`"))?;
    let expected = match parent {
        Parent::Hierarchy(hierarchy) => name.qualified_in(*hierarchy),
        Parent::Key(parent) => name.qualified_below(parent),
    };
    if expected.as_bytes() == quote.attest.qualified_signer {
        return Ok(());
    }
    Err(TpmError::SignerName("is not the attestation key below its known parent"))
}

/// TPM-21, where the values came with the quote.
pub(crate) fn check_pcr_digest(quote: &Quote) -> Result<(), TpmError> {
    let Some(pcrs) = &quote.pcrs else { return Ok(()) };
    let actual = pcrs.digest(quote.signature.hash);
    if actual.as_ref() == quote.attest.pcr_digest { Ok(()) } else { Err(TpmError::PcrDigest) }
}

/// TPM-36: register 8 was extended with the digest once, and with nothing else.
fn check_init_data(evidence: &Evidence) -> Result<(), TpmError> {
    let Some(digest) = &evidence.init_data else { return Ok(()) };
    if digest.as_bytes().len() != Hash::Sha256.length() {
        return Err(TpmError::InitData("its digest has not 32 bytes"));
    }
    let quoted = evidence.quote.pcrs.as_ref().and_then(|pcrs| pcrs.get(Hash::Sha256, 8));
    let quoted = quoted.ok_or(TpmError::InitData("register 8 of the SHA-256 bank is not quoted"))?;
    let expected = SigningHash::Sha256.digest([[0; 32].as_slice(), digest.as_bytes()]);
    if expected.as_ref() == quoted.as_bytes() {
        return Ok(());
    }
    Err(TpmError::InitData("register 8 does not hold it alone"))
}

/// Replays the boot's event log to the quoted registers, in every quoted bank.
fn replay(log: &[u8], quote: &Quote) -> Result<EventFacts, TpmError> {
    Ok(event_log::tcg2(log, &quoted(quote))?)
}

/// Adds what the kernel measured after the boot (LOG-21 to LOG-24), in the bank of the boot's facts: PCR 10
/// is then explained.
fn with_list(mut facts: EventFacts, evidence: &Evidence) -> Result<EventFacts, TpmError> {
    let Some(list) = &evidence.ima_log else { return Ok(facts) };
    facts.ima = Some(event_log::ima(list, facts.bank, &quoted(&evidence.quote))?);
    facts.unexplained.retain(|register| *register != event_log::Register::Pcr(10));
    facts.complete = facts.unexplained.is_empty();
    Ok(facts)
}

/// The quoted registers, as event logs know them.
fn quoted(quote: &Quote) -> Quoted {
    let values = quote.pcrs.iter().flat_map(PcrValues::iter);
    values.map(|(hash, index, value)| ((PcrBank::from(hash), index), *value)).collect()
}

/// TPM-13: over the bytes as received.
pub(crate) fn check_signature(
    quote: &Quote,
    key: &AttestationKey,
    budget: &mut Budget,
) -> Result<(), TpmError> {
    let (message, hash, key) = (quote.attest.bytes(), quote.signature.hash, key.public_key()?);
    let verified = match &quote.signature.value {
        SignatureValue::Rsassa(signature) => rsassa(budget, hash, key, message, signature),
        SignatureValue::Rsapss(signature) => rsapss(budget, hash, key, message, signature),
        SignatureValue::Ecdsa { r, s } => ecdsa(budget, hash, key, message, (r, s)),
    };
    verified.map_err(|error| match error {
        SignatureError::Mismatch => TpmError::QuoteSignature,
        SignatureError::Form(error) => error.into(),
    })
}

/// What could not be judged.
fn findings(evidence: &Evidence, source: &trust::Source<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = source.finding.iter().cloned().collect();
    let mut say = |applies, id, code, severity, message: &str| {
        if applies {
            findings.push(Finding::new(Rule::new(id, code), severity, message));
        }
    };
    say(
        evidence.key.public().is_none(),
        "TPM-09",
        "TpmAkAttributes",
        Severity::Warn,
        "the evidence has no `ak_tpmt`: whether the attestation key is restricted, and which scheme and Name it has \
         (TPM-05, TPM-08, TPM-09, TPM-12), rests on the word of its source of trust",
    );
    say(
        evidence.quote.pcrs.is_none(),
        "TPM-19",
        "TpmPcrSetMismatch",
        Severity::Warn,
        "no register values came with the quote: nothing is known of what was measured",
    );
    findings
}

fn refused(error: TpmError) -> Refused {
    Refused::new(Tee::Tpm, &error)
}
