//! Each rule alone: one claim or threshold is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims};
use crate::sample;
use hanzo_attestation::sgx::{Attributes, Claims};
use hanzo_attestation_evidence::Severity;

type Change = fn(&mut Claims);
type Limit = fn(&mut Thresholds);

fn refusals(claims: &Claims, thresholds: &Thresholds) -> Vec<String> {
    let (claims, facts) = sample::enclave_item(claims.clone());
    let appraisal = Appraisal { sgx: thresholds.clone(), ..Appraisal::strict() };
    let findings = appraise_claims(&claims, &facts, &appraisal);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Refuse));
    findings.iter().map(|finding| finding.rule.to_string()).collect()
}

fn with(change: Change) -> Claims {
    let mut claims = sample::enclave();
    change(&mut claims);
    claims
}

fn limits(change: Limit) -> Thresholds {
    let mut thresholds = Thresholds::strict();
    change(&mut thresholds);
    thresholds
}

fn bits(claims: &mut Claims, change: impl FnOnce(u64) -> u64) {
    claims.attributes = Attributes::new(change(claims.attributes.raw));
}

fn none(_: &mut Claims) {}

fn signer(isv_prod_id: u16, isv_svn_floor: u16) -> Signer {
    Signer { mr_signer: Hex([0x51; 32]), isv_prod_id, isv_svn_floor }
}

#[test]
fn a_clean_enclave_is_acceptable_once_it_is_rated_and_never_before() {
    assert_eq!(refusals(&sample::enclave(), &Thresholds::strict()), Vec::<String>::new());
    let (claims, facts) = sample::unrated(sample::enclave_item(sample::enclave()));
    for appraisal in [Appraisal::strict(), Appraisal::corpus()] {
        let findings = appraise_claims(&claims, &facts, &appraisal);
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((finding.rule.id, finding.rule.code), ("COL-10", "CollateralMissing"));
    }
}

/// SGX-02, SGX-03, SGX-04, SGX-05, SGX-07, SGX-08: no profile accepts these.
#[test]
fn what_both_profiles_refuse() {
    let cases: [(&str, Change); 8] = [
        ("SGX-02 SgxDebug", |c| bits(c, |raw| raw | 2)),
        ("SGX-03 SgxModeNot64", |c| bits(c, |raw| raw & !4)),
        ("SGX-04 SgxProvisionKey", |c| bits(c, |raw| raw | 1 << 4)),
        ("SGX-05 SgxEinitTokenKey", |c| bits(c, |raw| raw | 1 << 5)),
        ("SGX-07 SgxXfrmNotAllowed", |c| c.xfrm = 0b101),
        ("SGX-07 SgxXfrmNotAllowed", |c| c.xfrm = 0),
        ("SGX-08 SgxMiscSelectNotAllowed", |c| c.misc_select = 2),
        ("SGX-08 SgxMiscSelectNotAllowed", |c| c.misc_select = 3),
    ];
    for (rule, change) in cases {
        for thresholds in [Thresholds::strict(), Thresholds::corpus()] {
            assert_eq!(refusals(&with(change), &thresholds), [rule]);
        }
    }
}

/// SGX-07, SGX-14: what the corpus profile leaves to others.
#[test]
fn what_strict_alone_refuses() {
    let cases: [(&str, Change); 4] = [
        ("SGX-07 SgxXfrmNotAllowed", |c| c.xfrm |= 1 << 20),
        ("SGX-07 SgxXfrmNotAllowed", |c| c.xfrm |= 1 << 8),
        ("SGX-14 SgxConfigIdMismatch", |c| c.config_id = Hex([1; 64])),
        ("SGX-14 SgxConfigIdMismatch", |c| c.config_id.0[63] = 1),
    ];
    for (rule, change) in cases {
        assert_eq!(refusals(&with(change), &Thresholds::strict()), [rule]);
        assert_eq!(refusals(&with(change), &Thresholds::corpus()), Vec::<String>::new());
    }
}

/// SGX-07: every value of XFRM that real enclaves have is accepted, and EXINFO (SGX-08).
#[test]
fn real_values_are_accepted() {
    for xfrm in [3, 7, 0x1f, 0xe7, 0x2ff] {
        let mut claims = sample::enclave();
        claims.xfrm = xfrm;
        assert_eq!(refusals(&claims, &Thresholds::strict()), Vec::<String>::new(), "{xfrm:#x}");
    }
    assert_eq!(refusals(&with(|c| c.misc_select = 1), &Thresholds::strict()), Vec::<String>::new());
}

/// SGX-08 to SGX-16: each threshold with a claim that breaks it and one that keeps it.
#[test]
fn thresholds_that_an_operator_sets() {
    let cases: [(&str, Limit, Change, Change); 15] = [
        ("SGX-08 SgxMiscSelectNotAllowed", |l| l.misc_select = vec![0], |c| c.misc_select = 1, none),
        ("SGX-09 SgxMrEnclaveUnknown", |l| l.mr_enclaves = Some(Vec::new()), none, |_| ()),
        (
            "SGX-09 SgxMrEnclaveUnknown",
            |l| l.mr_enclaves = Some(vec![Hex([0xE0; 32])]),
            |c| c.mr_enclave = Hex([0; 32]),
            none,
        ),
        (
            "SGX-10 SgxMrSignerUnknown",
            |l| l.signers = Some(vec![signer(7, 1)]),
            |c| c.mr_signer = Hex([0; 32]),
            none,
        ),
        ("SGX-11 SgxIsvProdId", |l| l.signers = Some(vec![signer(7, 1)]), |c| c.isv_prod_id = 8, none),
        ("SGX-12 SgxIsvSvnBelowFloor", |l| l.signers = Some(vec![signer(7, 2)]), |c| c.isv_svn = 1, none),
        // One entry must hold as a whole.
        (
            "SGX-12 SgxIsvSvnBelowFloor",
            |l| l.signers = Some(vec![signer(7, 2), signer(8, 0)]),
            |c| c.isv_svn = 1,
            |c| (c.isv_prod_id, c.isv_svn) = (8, 0),
        ),
        // Either list may name the enclave.
        (
            "SGX-10 SgxMrSignerUnknown",
            |l| (l.mr_enclaves, l.signers) = (Some(vec![Hex([0xE0; 32])]), Some(Vec::new())),
            |c| c.mr_enclave = Hex([0; 32]),
            none,
        ),
        (
            "SGX-14 SgxConfigIdMismatch",
            |l| l.config_ids = Allowed::Listed(vec![Hex([1; 64])]),
            |c| c.config_id = Hex([2; 64]),
            |c| c.config_id = Hex([1; 64]),
        ),
        (
            "SGX-15 SgxKssIdentity",
            |l| l.isv_ext_prod_id = Some(Hex([3; 16])),
            none,
            |c| c.isv_ext_prod_id = Hex([3; 16]),
        ),
        (
            "SGX-15 SgxKssIdentity",
            |l| l.isv_family_id = Some(Hex([4; 16])),
            |c| c.isv_family_id = Hex([5; 16]),
            |c| c.isv_family_id = Hex([4; 16]),
        ),
        ("SGX-15 SgxKssIdentity", |l| l.config_svn_floor = 2, |c| c.config_svn = 1, |c| c.config_svn = 2),
        (
            "SGX-16 SgxAexNotifyRequired",
            |l| l.require_aex_notify = true,
            none,
            |c| bits(c, |raw| raw | 1 << 10),
        ),
        ("SGX-07 SgxXfrmNotAllowed", |l| l.xfrm_bits = Some(0b111), |c| c.xfrm = 0b1111, |c| c.xfrm = 0b111),
        ("SGX-07 SgxXfrmNotAllowed", |l| l.xfrm_bits = Some(0), |c| c.xfrm = 0b111, |c| c.xfrm = 0b11),
    ];
    for (rule, limit, breaks, keeps) in cases {
        assert_eq!(refusals(&with(breaks), &limits(limit)), [rule]);
        if limits(limit).mr_enclaves != Some(Vec::new()) {
            assert_eq!(refusals(&with(keeps), &limits(limit)), Vec::<String>::new(), "{rule}");
        }
    }
    for (limit, breaks) in [
        ((|l| l.allow_32_bit = true) as Limit, (|c| bits(c, |raw| raw & !4)) as Change),
        (|l| l.allow_provision_key = true, |c| bits(c, |raw| raw | 1 << 4)),
        (|l| l.allow_einit_token_key = true, |c| bits(c, |raw| raw | 1 << 5)),
    ] {
        assert_eq!(refusals(&with(breaks), &limits(limit)), Vec::<String>::new());
    }
}
