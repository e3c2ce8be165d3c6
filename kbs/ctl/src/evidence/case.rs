//! The evidence of a policy test: judged as `evidence verify` judges it.

use super::answer::Answer;
use super::args::{self, Profile, VerifyArgs};
use super::inputs::Inputs;
use super::{judge, read_document};
use crate::exit::Failure;
use hanzo_attestation_evidence::{Severity, UnixTime};
use hanzo_policy::case::{CaseEvidence, CaseProfile, Judged};
use std::path::Path;

/// What verification found about the document of a case.
pub(crate) struct Verdict(Answer);

/// Verifies the document of a case; files are named as seen from its folder.
pub(crate) fn verdict(case: &CaseEvidence, folder: &Path, now: UnixTime) -> Result<Verdict, Failure> {
    let arguments = arguments(case, folder)?;
    let inputs = Inputs::read(&arguments, case.at.unwrap_or(now))?;
    Ok(Verdict(judge::judge(read_document(&arguments.file)?, &inputs)))
}

fn arguments(case: &CaseEvidence, folder: &Path) -> Result<VerifyArgs, Failure> {
    let all = |files: &[String]| files.iter().map(|file| folder.join(file)).collect();
    let wrong = |reason: String| Failure::Input { path: case.file.clone(), reason };
    let report_data = case.report_data.as_deref().map(args::report_data).transpose().map_err(wrong)?;
    let nonce = case.nonce.as_deref().map(args::nonce).transpose().map_err(wrong)?;
    Ok(VerifyArgs {
        file: folder.join(&case.file),
        at: case.at,
        nonce,
        report_data,
        intel_collateral: all(&case.intel_collateral),
        collateral: case.collateral.as_ref().map(|path| folder.join(path)),
        rim: all(&case.rim),
        ocsp: all(&case.ocsp),
        nvidia_crl: all(&case.nvidia_crl),
        accept_rim_hold: case.accept_rim_hold,
        amd_crl: all(&case.amd_crl),
        trust_ak: all(&case.trust_ak),
        ak_ca: all(&case.ak_ca),
        waive_revocation: case.waive_revocation.clone(),
        profile: match case.profile {
            CaseProfile::Strict => Profile::Strict,
            CaseProfile::Corpus => Profile::Corpus,
        },
        lab: case.lab.as_ref().map(|path| folder.join(path)),
        nvidia_policy_input: None,
    })
}

impl Verdict {
    /// What the policies are asked about: every item, or the first rule that refuses.
    pub(crate) fn judged(&self) -> Judged<'_> {
        if self.0.acceptable {
            let items = self.0.items.iter();
            return Judged::Acceptable(
                items.filter_map(|item| Some((item.claims.as_ref()?, item.facts.as_ref()?))).collect(),
            );
        }
        let mut findings = self.0.items.iter().flat_map(|item| &item.findings);
        match findings.find(|finding| finding.severity == Severity::Refuse) {
            Some(finding) => Judged::Refused {
                code: finding.rule.code.to_owned(),
                message: format!("{}: {}", finding.rule.id, finding.message),
            },
            None => Judged::Refused {
                code: "EnvelopeMalformed".to_owned(),
                message: "the document has no items: it proves nothing".to_owned(),
            },
        }
    }
}
