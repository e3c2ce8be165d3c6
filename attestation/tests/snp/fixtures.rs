//! Published reports, changes to them, and lab reports that travel with the project: each has the answer
//! that its case states.

use hanzo_attestation::{Cache, Collateral, Context, Revocation, Roots, verify};
use hanzo_attestation_evidence::{Broken, Document, UnixTime};
use hanzo_attestation_lab::Lab;
use hanzo_fixtures::{Case, Expect, Kind, Profile, RootsOf, cases};

/// The code by which a case is refused.
fn judge(case: &Case) -> Result<(), &'static str> {
    let (roots, collateral) = match case.roots {
        RootsOf::Vendor => (Roots::vendor(), Collateral::default()),
        RootsOf::Lab => {
            (Roots::vendor().with_extra(Lab::fixture().extra_roots()), Lab::fixture().collateral())
        }
    };
    let revocation = match &case.revocation_waived {
        None => Revocation::Required,
        Some(reason) => Revocation::Waived { reason: reason.clone() },
    };
    let now = UnixTime::parse(&case.now).unwrap();
    let context =
        Context { roots: &roots, collateral: &collateral, revocation: &revocation, now, cache: Cache::off() };
    let document =
        Document::from_json(case.document().to_string().as_bytes()).map_err(|error| error.rule().code)?;
    let evidence = document.parse().map_err(|error| error.rule().code)?;
    verify(evidence, &context)
        .and_then(|verified| {
            case.report_data.map_or(Ok(()), |expected| verified.check_report_data(&expected))
        })
        .map_err(|refused| refused.finding.rule.code)
}

#[test]
fn every_case_has_the_answer_that_it_states() {
    let cases = cases(Kind::SevSnp).unwrap();
    println!("{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let found = judge(&case);
        let expected = match (&case.expect, case.profile) {
            // What only appraisal refuses is genuine: the policy crate says the rest.
            (Expect::Refused(_), Profile::Corpus | Profile::Strict) if found.is_ok() => Ok(()),
            (Expect::Refused(code), _) => Err(code.as_str()),
            (Expect::Ok, _) => Ok(()),
        };
        if found != expected {
            wrong.push(format!("{}: {found:?} where {expected:?} is expected", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
