//! Revocation lists of the vendor's authorities.

use super::certificates::Link;
use super::{CrlDefect, NvidiaLab, ecdsa_with_sha384};
use crate::LabError;
use crate::sign::EcKey;
use crate::x509::{self, ListPlan, Validity};
use hanzo_attestation_evidence::UnixTime;
use std::time::Duration;

/// How long a list counts.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// A list.
#[derive(Clone, Debug)]
pub struct CrlOrder {
    /// About which certificates: 1 those of devices (signed by the provisioner), 2 those of provisioners (by
    /// the product), 3 those of products (by the root).
    pub index: usize,
    /// Serial numbers on it.
    pub revoked: Vec<Vec<u8>>,
    /// The instant at which it is made; it counts for a week.
    pub now: UnixTime,
    /// What is wrong with it.
    pub defect: Option<CrlDefect>,
}

/// About certificates of devices' chains.
pub(super) fn list(lab: &NvidiaLab, order: &CrlOrder) -> Result<Vec<u8>, LabError> {
    let (own, issuer): (Vec<u8>, &Link) = match order.index {
        1 => (Vec::new(), &lab.provisioner),
        2 => (lab.provisioner.serial.clone(), &lab.product),
        _ => (lab.product.serial.clone(), &lab.root),
    };
    of(own, issuer, &lab.stranger, order)
}

/// Of this issuer, about the certificate with this serial number.
pub(super) fn of(
    own: Vec<u8>,
    issuer: &Link,
    stranger: &EcKey,
    order: &CrlOrder,
) -> Result<Vec<u8>, LabError> {
    let (before, after) = (order.now.before(WEEK), order.now.after(WEEK));
    let validity = match order.defect {
        Some(CrlDefect::OutOfDate) => Validity { not_before: before, not_after: before },
        Some(CrlDefect::NotYet) => Validity { not_before: after, not_after: after },
        _ => Validity { not_before: order.now, not_after: after },
    };
    let mut revoked = order.revoked.clone();
    if order.defect == Some(CrlDefect::Listed) {
        revoked.push(own);
    }
    let plan = ListPlan {
        algorithm: ecdsa_with_sha384(),
        issuer: issuer.subject.clone(),
        validity,
        revoked,
        extensions: vec![x509::authority_key_id(&issuer.key), x509::list_number(1)],
    };
    plan.issue(if order.defect == Some(CrlDefect::Signature) { stranger } else { &issuer.key })
}
