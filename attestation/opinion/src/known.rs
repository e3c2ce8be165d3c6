//! Differences that are known, each with its reason.

use crate::intel::of_td;
use crate::snp::of_report;
use crate::{Disagreement, NoOpinion, Opinion};
use hanzo_attestation::{Refused, TcbStatus, VerifiedItem};
use std::fmt;

/// A second reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// `dcap-qvl`, for Intel's quotes.
    DcapQvl,
    /// `sev`, for SEV-SNP reports.
    Sev,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DcapQvl => "dcap-qvl",
            Self::Sev => "sev",
        })
    }
}

/// A known difference.
#[derive(Debug)]
pub struct Known {
    /// How documents and records name it.
    pub name: &'static str,
    /// Who judges otherwise.
    pub peer: Peer,
    /// Why the two differ, and why we keep our answer.
    pub reason: &'static str,
    /// Whether a difference, and what we say of the item, are this one.
    explains: fn(&Disagreement, Result<&VerifiedItem, &Refused>) -> bool,
}

/// A name is one difference.
impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Known {}

/// All of them.
pub const KNOWN: &[Known] = &[
    Known {
        name: "sev-report-alone",
        peer: Peer::Sev,
        reason: "sev judges the report alone; certificates, chip, TCB, dates, revocation and a paravisor are ours to \
                 refuse",
        // SNP-38, the report's signature, is no such refusal: sev judges that as well.
        explains: |found, ours| {
            ours.is_err_and(|refused: &Refused| refused.finding.rule.id != "SNP-38")
                && found.theirs == "accepted"
        },
    },
    Known {
        name: "sev-v2-without-chip",
        peer: Peer::Sev,
        reason: "sev guesses the product of a version 2 report from CHIP_ID, which a VLEK's report need not state; \
                 we read it from the key's certificate",
        explains: |found, ours| {
            found.theirs.contains("MASK_CHIP_ID")
                && ours.is_ok_and(|item| {
                    of_report(item.claims())
                        .is_some_and(|claims| claims.report_version == 2 && claims.chip_id.is_none())
                })
        },
    },
    Known {
        name: "qvl-td-attributes",
        peer: Peer::DcapQvl,
        reason: "dcap-qvl refuses every TD without SEPT_VE_DISABLE, with profiling or with migration; such a TD is \
                 authentic, and policy decides",
        explains: |found, ours| {
            let refused = ["SEPT_VE_DISABLE is not", "TD profiling is", "TD migration is"];
            refused.iter().any(|words| found.theirs.starts_with(words))
                && ours.is_ok_and(|item| of_td(item.claims()).is_some())
        },
    },
    Known {
        name: "qvl-not-recognized",
        peer: Peer::DcapQvl,
        reason: "dcap-qvl refuses a platform that is below every TCB level; it is authentic, its status is \
                 `NotRecognized`, and policy refuses it",
        explains: |found, ours| {
            found.theirs.starts_with("No matching TCB level found")
                && ours.is_ok_and(|item| item.facts().tcb_status == TcbStatus::NotRecognized)
        },
    },
];

/// Puts a known difference in the place of a disagreement.
pub(crate) fn explain(opinion: Opinion, ours: Result<&VerifiedItem, &Refused>) -> Opinion {
    let Opinion::Disagrees(found) = &opinion else { return opinion };
    let known = KNOWN.iter().find(|known| known.peer == found.peer && (known.explains)(found, ours));
    known.map_or(opinion, |known| Opinion::NoOpinion(NoOpinion::Known(known)))
}
