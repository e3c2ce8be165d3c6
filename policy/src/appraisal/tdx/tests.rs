//! Each rule alone: one claim or threshold is changed, and exactly that rule answers.

use super::*;
use crate::appraisal::{Appraisal, appraise_claims};
use crate::sample;
use hanzo_attestation::tdx;
use hanzo_attestation_evidence::Severity;

type Change = fn(&mut tdx::Claims);
type Limit = fn(&mut Thresholds);

fn refusals(claims: &tdx::Claims, thresholds: &Thresholds) -> Vec<String> {
    let (claims, facts) = sample::td_item(claims.clone());
    let appraisal = Appraisal { tdx: thresholds.clone(), ..Appraisal::strict() };
    let findings = appraise_claims(&claims, &facts, &appraisal);
    assert!(findings.iter().all(|finding| finding.severity == Severity::Refuse));
    findings.iter().map(|finding| finding.rule.to_string()).collect()
}

fn with(change: Change) -> tdx::Claims {
    let mut claims = sample::td();
    change(&mut claims);
    claims
}

fn limits(change: Limit) -> Thresholds {
    let mut thresholds = Thresholds::strict();
    change(&mut thresholds);
    thresholds
}

fn none(_: &mut tdx::Claims) {}

#[test]
fn a_clean_td_is_acceptable_once_it_is_rated_and_never_before() {
    assert_eq!(refusals(&sample::td(), &Thresholds::strict()), Vec::<String>::new());
    let (claims, facts) = sample::unrated(sample::td_item(sample::td()));
    for appraisal in [Appraisal::strict(), Appraisal::corpus()] {
        let findings = appraise_claims(&claims, &facts, &appraisal);
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!((finding.rule.id, finding.rule.code), ("COL-10", "CollateralMissing"));
        assert_eq!(finding.severity, Severity::Refuse);
    }
}

#[test]
fn what_the_quote_says_is_named_before_what_is_missing() {
    let (claims, facts) = sample::unrated(sample::td_item(with(|c| c.td_attributes.debug = true)));
    let findings = appraise_claims(&claims, &facts, &Appraisal::corpus());
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["TDX-09", "COL-10"]);
}

const OFF_IN_CORPUS: [(&str, Change); 13] = [
    ("TDX-12 TdSeptVeEnabled", |c| c.td_attributes.sept_ve_disable = false),
    ("TDX-15 TdServiceTdBound", |c| c.mr_service_td = Some(Hex([1; 48]))),
    ("TDX-17 TdXfamNotAllowed", |c| c.xfam |= 1 << 15),
    ("TDX-17 TdXfamNotAllowed", |c| c.xfam |= 1 << 8),
    ("TDX-18 TdAttributesNotAllowed", |c| c.td_attributes.perfmon = true),
    ("TDX-18 TdAttributesNotAllowed", |c| c.td_attributes.pks = true),
    ("TDX-18 TdAttributesNotAllowed", |c| c.td_attributes.kl = true),
    ("TDX-18 TdAttributesNotAllowed", |c| c.td_attributes.tpa = true),
    ("TDX-18 TdAttributesNotAllowed", |c| c.td_attributes.icssd = true),
    ("TDX-22 TdRtmrUnknown", |c| c.rtmr[3] = Hex([1; 48])),
    ("TDX-23 TdMrConfigIdMismatch", |c| c.mr_config_id = Hex([1; 48])),
    ("TDX-24 TdOwnerIdentity", |c| c.mr_owner = Hex([1; 48])),
    ("TDX-24 TdOwnerIdentity", |c| c.mr_owner_config = Hex([1; 48])),
];

const NEVER_OFF: [(&str, Change); 4] = [
    ("TDX-09 TdDebug", |c| c.td_attributes.debug = true),
    ("TDX-10 TdProfiling", |c| c.td_attributes.profiling = true),
    ("TDX-13 TdMigratable", |c| c.td_attributes.migratable = true),
    ("TDX-14 TdServiceTdExtension", |c| c.td_attributes.servtd_ext = true),
];

#[test]
fn strict_refuses_by_default() {
    for (rule, change) in OFF_IN_CORPUS.into_iter().chain(NEVER_OFF) {
        assert_eq!(refusals(&with(change), &Thresholds::strict()), [rule]);
    }
    assert_eq!(
        refusals(&with(|c| c.td_attributes.lass = true), &Thresholds::strict()),
        ["TDX-18 TdAttributesNotAllowed"]
    );
}

#[test]
fn corpus_lets_pass_what_it_says_and_no_more() {
    for (_, change) in OFF_IN_CORPUS {
        assert_eq!(refusals(&with(change), &Thresholds::corpus()), Vec::<String>::new());
    }
    for (rule, change) in NEVER_OFF {
        assert_eq!(refusals(&with(change), &Thresholds::corpus()), [rule]);
    }
}

#[test]
fn thresholds_refuse_below_and_accept_at_the_limit() {
    const SVN: [u8; 16] = [7, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let cases: [(&str, Limit, Change, Change); 17] = [
        (
            "TDX-15 TdServiceTdBound",
            |l| l.service_tds = Allowed::Listed(vec![Hex([1; 48])]),
            |c| c.mr_service_td = Some(Hex([2; 48])),
            |c| c.mr_service_td = Some(Hex([1; 48])),
        ),
        (
            "TDX-18 TdAttributesNotAllowed",
            |l| l.attributes = Allowed::Listed(vec![Attribute::Pks]),
            |c| c.td_attributes.kl = true,
            |c| c.td_attributes.pks = true,
        ),
        (
            "TDX-19 TdModuleMeasurementNotAllowed",
            |l| l.modules = Some(vec![Hex([0x5E; 48])]),
            |c| c.mr_seam = Hex([1; 48]),
            none,
        ),
        (
            "TDX-20 TdTcbSvnBelowFloor",
            |l| l.tee_tcb_svn_floor = Some(Hex(SVN)),
            |c| c.tee_tcb_svn.0[0] = 6,
            none,
        ),
        (
            "TDX-20 TdTcbSvnBelowFloor",
            |l| l.tee_tcb_svn_floor = Some(Hex(SVN)),
            |c| c.tee_tcb_svn_2 = Some(Hex([9, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
            none,
        ),
        (
            "TDX-22 TdRtmrUnknown",
            |l| l.rtmr3 = Allowed::Listed(vec![Hex([1; 48])]),
            |c| c.rtmr[3] = Hex([2; 48]),
            |c| c.rtmr[3] = Hex([1; 48]),
        ),
        (
            "TDX-25 TdQuoteVersionTooOld",
            |l| l.require_service_td_facts = true,
            |c| c.mr_service_td = None,
            none,
        ),
        ("TDX-13 TdMigratable", |_| (), |c| c.td_attributes.migratable = true, none),
        ("DCAP-64 SgxTypeNotAllowed", |l| l.dcap.sgx_types = vec![0, 2], none, |c| c.dcap.sgx_type = 2),
        (
            "DCAP-65 DynamicPlatformNotAllowed",
            |l| l.dcap.require_static_platform = true,
            |c| c.dcap.dynamic_platform = Some(true),
            none,
        ),
        (
            "DCAP-65 DynamicPlatformNotAllowed",
            |l| l.dcap.require_static_platform = true,
            |c| c.dcap.dynamic_platform = None,
            none,
        ),
        (
            "DCAP-66 CachedKeysNotAllowed",
            |l| l.dcap.require_uncached_keys = true,
            |c| c.dcap.cached_keys = Some(true),
            none,
        ),
        (
            "DCAP-67 PlatformSmtNotAllowed",
            |l| l.dcap.require_smt_off = true,
            |c| c.dcap.smt_enabled = None,
            none,
        ),
        (
            "DCAP-68 PlatformNotAllowed",
            |l| l.dcap.ppids = Some(vec![Hex([0x99; 16])]),
            |c| c.dcap.ppid = Hex([1; 16]),
            none,
        ),
        (
            "DCAP-68 PlatformNotAllowed",
            |l| l.dcap.platform_instances = Some(vec![Hex([0x88; 16])]),
            |c| c.dcap.platform_instance_id = None,
            none,
        ),
        // A list of one kind is never satisfied by the other.
        (
            "DCAP-68 PlatformNotAllowed",
            |l| l.dcap.platform_instances = Some(vec![Hex([0x99; 16])]),
            none,
            |c| c.dcap.platform_instance_id = Some(Hex([0x99; 16])),
        ),
        (
            "DCAP-69 FmspcNotAllowed",
            |l| l.dcap.fmspcs = Some(vec![Hex([0x50, 0x80, 0x6F, 0, 0, 0])]),
            |c| c.dcap.fmspc = Hex([0; 6]),
            none,
        ),
    ];
    for (rule, limit, breaks, keeps) in cases {
        assert_eq!(refusals(&with(breaks), &limits(limit)), [rule]);
        assert_eq!(refusals(&with(keeps), &limits(limit)), Vec::<String>::new(), "{rule}");
    }
    for (rule, limit, breaks) in [
        ("TDX-13 TdMigratable", (|l| l.allow_migration = true) as Limit, NEVER_OFF[2].1),
        ("TDX-14 TdServiceTdExtension", |l| l.allow_service_td_extension = true, NEVER_OFF[3].1),
        ("TDX-12 TdSeptVeEnabled", |l| l.allow_sept_ve = true, OFF_IN_CORPUS[0].1),
    ] {
        assert_eq!(refusals(&with(breaks), &limits(limit)), Vec::<String>::new(), "{rule}");
    }
}
