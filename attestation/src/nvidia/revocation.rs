//! Whether the vendor revoked a device's certificates (NV-21 to NV-28).
//!
//! Three of the four can be: the leaf is the device's own work, of which no responder knows. What is at hand
//! about a certificate is enforced, whether it is demanded or waived. The nonce of whoever asked is not
//! compared: the answer is the attester's or a relay's, and its dates bound its age.
//!
//! Revocation lists at hand are enforced as well (see `lists`), and stand in for a responder's answer about
//! the two authorities of which NVIDIA publishes lists.

use super::chain::{self, Certified, Chain};
use super::claims::{Source, Standing};
use super::error::{NvidiaError, Place};
use super::lists::Listed;
use super::proved::Proved;
use crate::claims::CollateralUse;
use crate::collateral::{Revocation, RimHold};
use crate::crl::Content;
use crate::crypto::{self, Budget, FormError, SignatureError};
use crate::roots::{NvidiaAuthority, sha256};
use crate::verify::Context;
use crate::x509::{ECDSA_WITH_SHA256, ECDSA_WITH_SHA384, Validity};
use aws_lc_rs::digest::{self, digest};
use hanzo_attestation_evidence::nvidia::{
    OcspAnswer, OcspHash, OcspResponse, OcspStatus, Responder, is_ocsp_signer,
};
use hanzo_attestation_evidence::x509::{Certificate, ObjectIdentifier, PublicKey};
use hanzo_attestation_evidence::{Broken as _, Finding, Severity, UnixTime};
use std::sync::Arc;

/// extKeyUsage, which is read.
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
/// How long an answer counts that does not say it, in seconds: what the vendor's own verifier assumes.
const ASSUMED: i64 = 3600;

/// What is known of a chain.
pub(super) struct Verdict {
    /// Of each certificate, from the device's own upwards.
    pub(super) standing: Vec<Standing>,
    /// The waiver, if nothing is known of one of them.
    pub(super) waived: Option<Finding>,
    /// Earliest end of the answers and the lists.
    pub(super) not_after: UnixTime,
    /// Lists.
    pub(super) uses: Vec<CollateralUse>,
}

/// Who issued a certificate.
pub(super) struct Issuer<'a> {
    pub(super) subject: &'a [u8],
    pub(super) point: &'a [u8; 97],
    /// Identifier of its key, where its certificate states one.
    pub(super) key_id: Option<&'a [u8]>,
    /// Whether it may sign revocation lists.
    pub(super) crl_sign: bool,
}

/// What a verified answer says: not revoked.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Since when.
    pub(super) this_update: UnixTime,
    /// Until when it counts.
    pub(super) until: UnixTime,
    /// Whether the certificate is on hold, which whoever asked accepts.
    pub(super) held: bool,
}

/// Looks up every certificate that can be revoked.
pub(super) fn check(
    chain: &Chain,
    root: &NvidiaAuthority,
    responses: &[OcspResponse<'_>],
    context: &Context<'_>,
    proved: &mut Proved<'_>,
    budget: &mut Budget,
) -> Result<Verdict, NvidiaError> {
    let [_, device, provisioner, product] = &chain.links;
    let questions = [
        (Place::Device, device, Issuer::of(provisioner)),
        (Place::Provisioner, provisioner, Issuer::of(product)),
        (Place::Product, product, Issuer::of_root(root)),
    ];
    let mut verdict =
        Verdict { standing: Vec::new(), waived: None, not_after: UnixTime::MAX, uses: Vec::new() };
    for (place, certificate, issuer) in questions {
        let asked = Asked { place, serial: &certificate.serial, issuer, hold: RimHold::Refuse };
        let known = asked.look_up(responses, context, proved, budget)?;
        let listed = asked.in_lists(context, proved, budget)?;
        verdict.add(&asked, certificate, known, listed, context.revocation)?;
    }
    Ok(verdict)
}

/// One certificate about which responses are asked.
pub(super) struct Asked<'a> {
    pub(super) place: Place,
    /// As the certificate writes it.
    pub(super) serial: &'a [u8],
    pub(super) issuer: Issuer<'a>,
    /// What a hold means.
    pub(super) hold: RimHold,
}

impl Asked<'_> {
    /// What is known of the certificate; `None` if no response speaks of it. Each that does is enforced.
    pub(super) fn look_up(
        &self,
        responses: &[OcspResponse<'_>],
        context: &Context<'_>,
        proved: &mut Proved<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Known>, NvidiaError> {
        let mut known: Option<Known> = None;
        for response in responses {
            for answer in response.answers.iter().filter(|answer| self.issuer.answers(answer, self.serial)) {
                let found = self.judge(answer, context.now)?;
                self.issuer.check_signed(self.place, response, context, proved, budget)?;
                // One answer that it is on hold is enough.
                let held = found.held || known.is_some_and(|known| known.held);
                known = Some(Known { held, ..found });
            }
        }
        Ok(known)
    }
}

impl Asked<'_> {
    /// NV-26 to NV-28: until when the answer counts.
    fn judge(&self, answer: &OcspAnswer<'_>, now: UnixTime) -> Result<Known, NvidiaError> {
        let place = self.place;
        let held = answer.status.is_hold() && self.hold == RimHold::Accept;
        match answer.status {
            OcspStatus::Revoked { at, .. } if !held => {
                let serial = hex::encode(self.serial);
                return Err(NvidiaError::Revoked { place, serial, since: at });
            }
            OcspStatus::Unknown => return Err(NvidiaError::CertificateUnknown(place)),
            OcspStatus::Good | OcspStatus::Revoked { .. } => {}
        }
        let this_update = answer.this_update;
        let assumed = UnixTime::from_seconds(this_update.seconds().saturating_add(ASSUMED));
        let next_update = answer.next_update.or(assumed.ok()).unwrap_or(this_update);
        if this_update <= now && now <= next_update {
            return Ok(Known { this_update, until: next_update, held });
        }
        Err(NvidiaError::OcspNotCurrent { place, now, this_update, next_update })
    }
}

impl Verdict {
    fn add(
        &mut self,
        asked: &Asked<'_>,
        certificate: &Certified,
        known: Option<Known>,
        listed: Listed,
        revocation: &Revocation,
    ) -> Result<(), NvidiaError> {
        if let Some((_, until)) = listed.dates {
            self.not_after = self.not_after.min(until);
        }
        self.uses.extend(listed.uses);
        let by_list = listed.dates.filter(|_| asked.may_be_vouched_for_by_list());
        let (source, dates) = match (known, by_list) {
            (Some(known), _) => (Source::Ocsp, Some((known.this_update, known.until))),
            (None, Some(dates)) => (Source::Crl, Some(dates)),
            (None, None) => {
                self.waived = Some(waiver(asked.place, revocation)?);
                (Source::Unchecked, None)
            }
        };
        if let Some((_, until)) = dates {
            self.not_after = self.not_after.min(until);
        }
        self.standing.push(Standing {
            certificate: certificate.common_name.clone(),
            source,
            this_update: dates.map(|(this_update, _)| this_update),
            next_update: dates.map(|(_, until)| until),
        });
        Ok(())
    }
}

/// NV-21, where nothing is known.
fn waiver(place: Place, revocation: &Revocation) -> Result<Finding, NvidiaError> {
    let missing = NvidiaError::RevocationUnchecked(place);
    let Revocation::Waived { reason } = revocation else { return Err(missing) };
    let message = format!("revocation was not checked, waived: {reason}");
    Ok(Finding::new(missing.rule(), Severity::Warn, message).waived())
}

impl<'a> Issuer<'a> {
    fn of(link: &'a Certified) -> Self {
        Self {
            subject: &link.subject,
            point: &link.point,
            key_id: link.key_id.as_deref(),
            crl_sign: link.crl_sign,
        }
    }

    fn of_root(root: &'a NvidiaAuthority) -> Self {
        Self {
            subject: &root.subject,
            point: &root.point,
            key_id: Some(&root.key_id),
            crl_sign: root.crl_sign,
        }
    }

    /// Whether a list is in its name, and does not say that another key signed it.
    pub(super) fn has_issued(&self, list: &Content) -> bool {
        let stated = list.authority_key_id.as_deref();
        list.issuer == self.subject && (stated.is_none() || self.key_id.is_none() || stated == self.key_id)
    }

    /// Whether an answer is about this certificate: the issuer's name and key, and the serial number.
    fn answers(&self, answer: &OcspAnswer<'_>, serial: &[u8]) -> bool {
        let hash = |bytes: &[u8]| match answer.hash {
            OcspHash::Sha1 => digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes),
            OcspHash::Sha256 => digest(&digest::SHA256, bytes),
            OcspHash::Sha384 => digest(&digest::SHA384, bytes),
        };
        answer.serial == serial
            && answer.issuer_name == hash(self.subject).as_ref()
            && answer.issuer_key == hash(self.point).as_ref()
    }

    /// NV-24, NV-25: signed by the issuer, or by whom the issuer certified to answer in its place.
    fn check_signed(
        &self,
        place: Place,
        response: &OcspResponse<'_>,
        context: &Context<'_>,
        proved: &mut Proved<'_>,
        budget: &mut Budget,
    ) -> Result<(), NvidiaError> {
        let question = sha256(&[self.point.as_slice(), response.tbs, response.signature].concat());
        if proved.has(&question) {
            return Ok(());
        }
        if let Some(responder) = context.cache.nvidia_ocsp.get(&question) {
            let problem = "its responder's certificate is not in force";
            let in_force = responder.is_none_or(|validity| validity.contains(context.now));
            return if in_force { Ok(()) } else { Err(NvidiaError::Responder { place, problem }) };
        }
        let mismatch = || NvidiaError::OcspSignature(place);
        let signed = |budget: &mut Budget, key: PublicKey<'_>| {
            let (message, signature) = (response.tbs, response.signature);
            ecdsa(budget, response.signature_algorithm, key, message, signature)
                .map_err(|error| NvidiaError::signature("an OCSP response", error, mismatch()))
        };
        let responder = if self.is_named_by(&response.responder) {
            signed(budget, PublicKey::P384(self.point))?;
            None
        } else {
            let delegate = self.delegate(place, response, context.now, proved, budget)?;
            signed(budget, delegate.public_key())?;
            Some(Validity::of(&delegate))
        };
        proved.note(question);
        context.cache.nvidia_ocsp.insert(question, Arc::new(responder));
        Ok(())
    }

    fn is_named_by(&self, responder: &Responder<'_>) -> bool {
        is_named(responder, self.subject, self.point)
    }

    /// The responder's certificate: certified by this very issuer, for this purpose, and in force.
    fn delegate<'r>(
        &self,
        place: Place,
        response: &OcspResponse<'r>,
        now: UnixTime,
        proved: &mut Proved<'_>,
        budget: &mut Budget,
    ) -> Result<Certificate<'r>, NvidiaError> {
        let refused = |problem| NvidiaError::Responder { place, problem };
        let certificates = response.certificates.iter().map(|der| Certificate::parse(der));
        let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
        let named = certificates.into_iter().find(|certificate| {
            let bits = key_bits(certificate.public_key());
            bits.is_some_and(|bits| is_named(&response.responder, certificate.subject().der(), bits))
        });
        let delegate = named.ok_or(refused("its responder's certificate is not there"))?;
        delegate.refuse_unknown_critical(&[EXTENDED_KEY_USAGE])?;
        if delegate.issuer().der() != self.subject {
            return Err(refused("its responder was certified by somebody else"));
        }
        if !is_ocsp_signer(&delegate) {
            return Err(refused("its responder was not certified to answer"));
        }
        if delegate.key_usage().is_some_and(|usage| !usage.digital_signature()) {
            return Err(refused("its responder's key must not sign"));
        }
        if !delegate.is_valid_at(now) {
            return Err(refused("its responder's certificate is not in force"));
        }
        proved.once(chain::question(self.point, &delegate), || {
            let (algorithm, message) = (delegate.signature_algorithm(), delegate.tbs());
            ecdsa(budget, algorithm, PublicKey::P384(self.point), message, delegate.signature()).map_err(
                |error| {
                    let mismatch = refused("its responder's certificate is not signed by the issuer");
                    NvidiaError::signature("the certificate of an OCSP responder", error, mismatch)
                },
            )
        })?;
        Ok(delegate)
    }
}

/// Whether a ResponderID is this name, or SHA-1 of these bits of a key.
fn is_named(responder: &Responder<'_>, subject: &[u8], key: &[u8]) -> bool {
    match responder {
        Responder::Name(name) => *name == subject,
        Responder::KeyHash(hash) => *hash == digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, key).as_ref(),
    }
}

fn key_bits<'a>(key: PublicKey<'a>) -> Option<&'a [u8]> {
    match key {
        PublicKey::P256(point) => Some(point),
        PublicKey::P384(point) => Some(point),
        _ => None,
    }
}

/// ECDSA with SHA-384 by P-384, or with SHA-256 by either curve.
pub(crate) fn ecdsa(
    budget: &mut Budget,
    algorithm: &[u8],
    key: PublicKey<'_>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    match (algorithm, key) {
        (ECDSA_WITH_SHA384, PublicKey::P384(key)) => crypto::ecdsa_p384_der(budget, key, message, signature),
        (ECDSA_WITH_SHA256, PublicKey::P384(key)) => {
            crypto::ecdsa_p384_sha256_der(budget, key, message, signature)
        }
        (ECDSA_WITH_SHA256, PublicKey::P256(key)) => crypto::ecdsa_p256_der(budget, key, message, signature),
        _ => Err(FormError::AlgorithmNotAllowed.into()),
    }
}
