//! Published quotes that travel with the project: each has the answer that it states.

use super::{code, judge};
use hanzo_attestation::{Collateral, Roots};
use hanzo_attestation_evidence::UnixTime;
use hanzo_attestation_lab::Lab;
use hanzo_fixtures::{Expect, Kind, Profile, RootsOf, cases};

#[test]
fn every_case_has_the_answer_that_it_states() {
    let cases = cases(Kind::Sgx).unwrap();
    println!("{} cases", cases.len());
    for case in cases {
        let roots = match case.roots {
            RootsOf::Vendor => Roots::vendor(),
            RootsOf::Lab => Roots::vendor().with_extra(Lab::fixture().extra_roots()),
        };
        let now = UnixTime::parse(&case.now).unwrap();
        let verified = judge(&case.document(), &roots, &Collateral::default(), now);
        let answer = verified.and_then(|verified| match &case.report_data {
            None => Ok(()),
            Some(expected) => verified.check_report_data(expected).map_err(code),
        });
        match (&case.expect, case.profile) {
            (Expect::Ok, _) => assert_eq!(answer, Ok(()), "{}", case.name),
            (Expect::Refused(code), Profile::Authentic) => {
                assert_eq!(answer, Err(code.clone()), "{}", case.name)
            }
            // What only appraisal refuses is genuine: the policy crate says the rest.
            (Expect::Refused(code), Profile::Corpus | Profile::Strict) => {
                assert!(answer.is_ok() || answer == Err(code.clone()), "{}: {answer:?}", case.name);
            }
        }
    }
}
