//! AMD's revocation lists (SNP-33 to SNP-36).
//!
//! An ARK signs one list for each kind of key, and nothing in a list says which kind it is for: every list
//! in the root's name is enforced. Endorsement keys have serial number 0 and cannot be listed; what AMD
//! revokes is an intermediate.

use super::chain::Anchor;
use super::error::SnpError;
use super::known::Links;
use crate::cache::Cache;
use crate::claims::CollateralUse;
use crate::collateral::{Collateral, Revocation};
use crate::crl::{Content, List};
use crate::crypto::Budget;
use crate::roots::sha256;
use hanzo_attestation_evidence::snp::Product;
use hanzo_attestation_evidence::x509::{MAX_CRLS, X509Error};
use hanzo_attestation_evidence::{Broken, Finding, Hex, Severity, UnixTime};
use std::sync::Arc;

/// The lists that speak for one root, current and without the intermediate, or the waiver.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    lists: Vec<Listed<'a>>,
    /// The waiver, if no list is there.
    pub(super) finding: Option<Finding>,
    /// Earliest end of the lists.
    pub(super) not_after: UnixTime,
}

/// A list that was read, with the SHA-256 of its DER.
type Listed<'a> = (&'a [u8; 32], &'a Content);

/// Looks the intermediate up in every list in the root's name, and judges their dates. The lists'
/// signatures are left for [`Checked::verify`].
pub(super) fn look_up<'a>(
    links: &Links,
    anchor: &Anchor<'_>,
    collateral: &'a Collateral,
    revocation: &Revocation,
    now: UnixTime,
) -> Result<Checked<'a>, SnpError> {
    let product = links.product;
    let mut lists = Vec::new();
    let mut by_intermediate = false;
    for List { sha256, content, .. } in collateral.amd_crls() {
        let list = content.as_ref().map_err(X509Error::clone)?;
        by_intermediate |= list.issuer == links.intermediate_subject;
        if list.issuer == anchor.authority.subject
            && anchor.authority.may_be(list.authority_key_id.as_deref())
        {
            // Not a list that says that another key signed it.
            lists.push((sha256, list));
        }
    }
    // An ASK must not sign lists: one in its name is no list of this product.
    if by_intermediate {
        return Err(SnpError::CrlSignature(product));
    }
    if lists.len() > MAX_CRLS {
        return Err(X509Error::TooMany { limit: MAX_CRLS, actual: lists.len() }.into());
    }
    let finding = if lists.is_empty() { Some(waiver(product, revocation)?) } else { None };
    for (_, list) in &lists {
        if !list.is_current_at(now) {
            let (this_update, next_update) = (list.this_update, list.next_update);
            return Err(SnpError::CrlNotCurrent { now, this_update, next_update });
        }
        if list.revokes(&links.intermediate_serial) {
            return Err(SnpError::IntermediateRevoked { serial: hex::encode(&links.intermediate_serial) });
        }
    }
    let not_after = lists.iter().map(|(_, list)| list.next_update).min().unwrap_or(UnixTime::MAX);
    Ok(Checked { lists, finding, not_after })
}

fn waiver(product: Product, revocation: &Revocation) -> Result<Finding, SnpError> {
    let missing = SnpError::CrlMissing(product);
    match revocation {
        Revocation::Required => Err(missing),
        Revocation::Waived { reason } => Ok(Finding::new(
            missing.rule(),
            Severity::Warn,
            format!("{missing}: revocation was not checked, waived: {reason}"),
        )
        .waived()),
    }
}

impl Checked<'_> {
    /// SNP-34: the pinned root signed every list that was used.
    pub(super) fn verify(
        &self,
        anchor: &Anchor<'_>,
        product: Product,
        cache: &Cache,
        budget: &mut Budget,
    ) -> Result<(), SnpError> {
        if !self.lists.is_empty() && !anchor.authority.crl_sign {
            return Err(SnpError::CrlSignature(product));
        }
        self.lists.iter().try_for_each(|(digest, list)| {
            let key = sha256(&[digest.as_slice(), anchor.sha256].concat());
            if cache.amd_lists.get(&key).is_some() {
                return Ok(());
            }
            let (algorithm, signature) = (&list.signature_algorithm, &list.signature);
            anchor.authority.signed(budget, algorithm, &list.tbs, signature).map_err(|error| {
                SnpError::signature("revocation list", error, SnpError::CrlSignature(product))
            })?;
            cache.amd_lists.insert(key, Arc::new(()));
            Ok(())
        })
    }

    /// What the verdict rests on (COL-24).
    pub(super) fn uses(&self) -> Vec<CollateralUse> {
        let of = |(digest, list): &Listed<'_>| CollateralUse {
            kind: "amd-crl",
            sha256: Hex(**digest),
            issued: list.this_update,
            expires: list.next_update,
            grace_used: false,
        };
        self.lists.iter().map(of).collect()
    }
}
