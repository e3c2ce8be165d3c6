//! Every fixture says what its `case.toml` states: through the parser, the verifier and the appraisal.

use hanzo_attestation::nvidia::rim::verify_rim;
use hanzo_attestation::verify::Context;
use hanzo_attestation::{Cache, Collateral, Revocation, Roots, verify};
use hanzo_attestation_evidence::{Broken as _, Document, Severity, UnixTime};
use hanzo_attestation_lab::Lab;
use hanzo_fixtures::{Case, Expect, Kind, Profile, RootsOf, cases};
use hanzo_policy::{Appraisal, appraise_item};

/// The code of the first refusal, in the order in which the broker asks.
fn judge(case: &Case) -> Result<(), &'static str> {
    let (roots, collateral) = match case.roots {
        RootsOf::Vendor => (Roots::vendor(), Collateral::default()),
        RootsOf::Lab => {
            let lab = Lab::fixture();
            (Roots::vendor().with_extra(lab.extra_roots()), lab.collateral())
        }
    };
    let revocation = match &case.revocation_waived {
        None => Revocation::Required,
        Some(reason) => Revocation::Waived { reason: reason.clone() },
    };
    let now = UnixTime::parse(&case.now).map_err(|_| "the case's `now` is no time")?;
    let context =
        Context { roots: &roots, collateral: &collateral, revocation: &revocation, now, cache: Cache::off() };
    if case.kind == Kind::NvidiaRim {
        let xml = case.file("rim.xml").unwrap_or_default();
        return verify_rim(xml, &context).map(drop).map_err(|error| error.rule().code);
    }
    let text = case.document().to_string();
    let document = Document::from_json(text.as_bytes()).map_err(|error| error.rule().code)?;
    let evidence = document.parse().map_err(|error| error.rule().code)?;
    let verified = verify(evidence, &context).map_err(|refused| refused.finding.rule.code)?;
    if verified.lab() != (case.roots == RootsOf::Lab) {
        return Err("the lab mark is wrong");
    }
    if let Some(expected) = &case.report_data {
        verified.check_report_data(expected).map_err(|refused| refused.finding.rule.code)?;
    }
    let appraisal = match case.profile {
        Profile::Authentic => return Ok(()),
        Profile::Corpus => Appraisal::corpus(),
        Profile::Strict => Appraisal::strict(),
    };
    let mut findings = verified.items().iter().flat_map(|item| appraise_item(item, &appraisal));
    match findings.find(|finding| finding.severity == Severity::Refuse) {
        Some(finding) => Err(finding.rule.code),
        None => Ok(()),
    }
}

/// How many cases ran, and what was found of those that say something else than they state.
fn run(cases: &[Case]) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    for case in cases {
        let found = judge(case);
        let stated = match &case.expect {
            Expect::Ok => Ok(()),
            Expect::Refused(code) => Err(code.as_str()),
        };
        if found != stated {
            wrong.push(format!("{}: {stated:?} stated, {found:?} found", case.name));
        }
    }
    (cases.len(), wrong)
}

#[test]
fn every_case_is_judged_as_it_states() {
    for kind in Kind::ALL {
        let (ran, wrong) = run(&cases(kind).unwrap());
        println!("{ran} cases of {} ran", kind.folder());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn a_case_that_states_something_else_is_found() {
    for kind in Kind::ALL {
        let mut cases = cases(kind).unwrap();
        for case in &mut cases {
            case.expect = match case.expect {
                Expect::Ok => Expect::Refused("SnpReportLength".to_owned()),
                Expect::Refused(_) => Expect::Ok,
            };
        }
        let (ran, wrong) = run(&cases);
        assert_eq!(wrong.len(), ran);
    }
}
