//! AMD revocation lists: issued by the root, naming intermediates, because endorsement keys have serial 0.

use super::names::{name, pss};
use super::vendor::{AmdVendor, intermediate_name, intermediate_serial, root_name};
use super::{ListDefect, SnpProduct, Vek};
use crate::LabError;
use crate::sign::RsaKey;
use crate::x509::{self, ListPlan, Validity};

pub(super) fn plan(
    product: SnpProduct,
    signer: &RsaKey,
    validity: Validity,
    revoked: Vec<Vec<u8>>,
) -> ListPlan {
    ListPlan {
        algorithm: pss(product),
        issuer: name(&root_name(product)),
        validity,
        revoked,
        extensions: vec![x509::authority_key_id(signer), x509::list_number(1)],
    }
}

impl AmdVendor {
    /// The lists with one defect.
    pub(crate) fn lists_with(&self, defect: ListDefect) -> Result<Vec<Vec<u8>>, LabError> {
        let (keys, product, validity) = (&self.keys, self.product, self.validity);
        let by_root = |validity, revoked| plan(product, &keys.ark, validity, revoked).issue(&keys.ark);
        let one = match defect {
            ListDefect::Missing => return Ok(Vec::new()),
            ListDefect::SignedByIntermediate => {
                plan(product, &keys.ark, validity, Vec::new()).issue(&keys.ask)?
            }
            ListDefect::InIntermediateName => {
                let lists = [Vek::Vcek, Vek::Vlek].map(|kind| {
                    let key = keys.intermediate(kind);
                    let plan = plan(product, key, validity, Vec::new());
                    ListPlan { issuer: name(&intermediate_name(product, kind)), ..plan }.issue(key)
                });
                return lists.into_iter().collect();
            }
            ListDefect::NotYetCurrent => by_root(
                Validity { not_before: validity.not_after, not_after: validity.not_after },
                Vec::new(),
            )?,
            ListDefect::OutOfDate => by_root(
                Validity { not_before: validity.not_before, not_after: validity.not_before },
                Vec::new(),
            )?,
            ListDefect::IntermediateRevoked => {
                let revoked = [Vek::Vcek, Vek::Vlek].map(|kind| intermediate_serial(kind).to_vec());
                by_root(validity, revoked.to_vec())?
            }
        };
        Ok(vec![one.clone(), one])
    }
}
