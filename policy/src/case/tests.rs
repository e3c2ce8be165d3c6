use super::*;
use crate::policies::PolicySource;
use crate::references::{ReferenceSet, ReferenceValue, Validity};
use crate::sample;
use hanzo_attestation_evidence::Hex;
use serde_json::json;

fn run(text: &str, case: serde_json::Value) -> CaseReport {
    let sources = [PolicySource { name: "p".into(), version: 1, text: text.into() }];
    let policies = Policies::compile(&sources).unwrap_or_else(|problems| panic!("{problems:?}"));
    let value = |tee: &str, register: &str, byte| ReferenceValue {
        tee: tee.into(),
        register: register.into(),
        digest: Hex([byte; 48]).into(),
        entry: None,
        note: None,
        validity: Validity::ALWAYS,
    };
    let signer = ReferenceValue { digest: Hex([0x33; 32]).into(), ..value("sgx", "mr_signer", 0) };
    let values = vec![
        value("sev-snp", "measurement", 0x11),
        value("tdx", "mr_td", 0x22),
        value("tdx", "rtmr1", 0xA1),
        signer,
        ReferenceValue { digest: Hex([0x44; 32]).into(), ..value("tpm", "pcr4", 0) },
        ReferenceValue { digest: Hex([0x55; 32]).into(), ..value("nvidia-gpu", "driver_rim", 0) },
    ];
    let references = References::new(vec![ReferenceSet { name: "images".into(), values }]).unwrap();
    let cases = TestCase::read(case.to_string().as_bytes()).unwrap();
    let [case] = &cases[..] else { panic!("one case") };
    case.run(&policies, &references, sample::now())
}

fn case(node: serde_json::Value, expect: &str) -> serde_json::Value {
    json!({"name": "c", "node": node, "key": {"id": "acme/disk", "minimum_tier": 2}, "expect": expect})
}

const IMAGES: &str =
    "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"images\" };";

#[test]
fn cases_pass_and_fail_with_the_reason() {
    let known = json!({"tee": "sev-snp", "measurement": "11".repeat(48)});
    let report = run(IMAGES, case(known.clone(), "granted"));
    assert!(report.passed);
    assert_eq!(report.reasons, ["p"]);
    let report = run(IMAGES, case(known, "PolicyDenied"));
    assert_eq!(
        (report.passed, report.expected.as_str(), report.actual.as_str()),
        (false, "PolicyDenied", "granted")
    );
    let unknown = json!({"tee": "sev-snp", "measurement": "12".repeat(48)});
    let report = run(IMAGES, case(unknown, "MeasurementUnknown"));
    assert!(report.passed && report.reasons.iter().any(|reason| reason.contains("`images`")), "{report:?}");
    let low = json!({"tee": "sev-snp", "tier": 1, "measurement": "11".repeat(48)});
    assert_eq!(run(IMAGES, case(low, "TierTooLow")).actual, "TierTooLow");
    assert_eq!(run(IMAGES, case(json!({"tee": "none"}), "TierTooLow")).actual, "TierTooLow");
}

#[test]
fn claims_are_completed_by_the_schema() {
    for (text, node) in [
        (
            "principal has snp && principal.snp.guest_svn == 3 && !principal.snp.policy.debug && principal.snp.policy.smt",
            json!({"tee": "sev-snp", "snp": {"guest_svn": 3, "policy": {"smt": true}}}),
        ),
        (
            "principal has snp && !(principal.snp has cpuid) && principal.snp.report_version == 0",
            json!({"tee": "sev-snp"}),
        ),
        (
            "principal has snp && principal.snp has cpuid && principal.snp.cpuid.family == 25 && principal.snp.cpuid.model == 0",
            json!({"tee": "sev-snp", "snp": {"cpuid": {"family": 25}}}),
        ),
        (
            "principal has tdx && principal.tdx.rtmr1 in ReferenceSet::\"images\" && principal.measurement in ReferenceSet::\"images\"",
            json!({"tee": "tdx", "measurement": "22".repeat(48), "registers": {"rtmr1": "a1".repeat(48)}}),
        ),
        (
            "principal has tdx && !(principal.tdx.rtmr2 in ReferenceSet::\"images\") && principal.tdx.dcap.sgx_type == 2",
            json!({"tee": "tdx", "tdx": {"dcap": {"sgx_type": 2}}}),
        ),
        (
            "principal has sgx && principal.sgx.mr_signer in ReferenceSet::\"images\" && principal.sgx.isv_svn >= 3 && !principal.sgx.attributes.debug",
            json!({"tee": "sgx", "registers": {"mr_signer": "33".repeat(32)}, "sgx": {"isv_svn": 3}}),
        ),
        (
            "principal has tpm && principal.tpm has pcr4 && principal.tpm.pcr4 in ReferenceSet::\"images\" && !(principal.tpm has pcr5) && principal.tpm.ak_trust == \"allow_list\"",
            json!({"tee": "tpm", "registers": {"pcr4": "44".repeat(32)}, "tpm": {"ak_trust": "allow_list"}}),
        ),
        (
            "principal has azure && principal.azure.vm_config has secure_boot && principal.azure.vm_config.secure_boot && principal has snp && principal.snp.vmpl == 0 && principal has tpm && principal.tpm has pcr4 && principal.tpm.pcr4 in ReferenceSet::\"images\"",
            json!({"tee": "az-snp-vtpm", "registers": {"pcr4": "44".repeat(32)}, "azure": {"vm_config": {"secure_boot": true}}}),
        ),
        (
            "principal has tdx && principal.tdx has log && principal.tdx.log.boot_components.contains(\"rtmr1/aa\") && principal.tdx.log has kernel_cmdline && principal.tdx.log.kernel_cmdline like \"*lockdown=integrity*\"",
            json!({"tee": "tdx", "tdx": {"log": {"boot_components": ["rtmr1/aa"], "kernel_cmdline": "quiet lockdown=integrity"}}}),
        ),
        (
            "principal.advisories.containsAny([\"INTEL-SA-00837\"]) && principal has tcb_status && principal.tcb_status == \"SWHardeningNeeded\"",
            json!({"tee": "tdx", "tcb_status": "SWHardeningNeeded", "advisories": ["INTEL-SA-00837"]}),
        ),
        (
            "principal.lab && principal has product && principal.product == \"turin\" && principal has host_data",
            json!({"tee": "sev-snp", "lab": true, "product": "turin", "host_data": "00"}),
        ),
    ] {
        let report =
            run(&format!("permit (principal, action, resource) when {{ {text} }};"), case(node, "granted"));
        assert!(report.passed, "{text}: {report:?}");
    }
}

#[test]
fn the_time_of_a_case_is_its_own() {
    let text = "permit (principal, action, resource) when { context.now < 1000 };";
    let mut early = case(json!({"tee": "sev-snp"}), "granted");
    assert_eq!(run(text, early.clone()).actual, "PolicyDenied");
    early["now"] = json!("1970-01-01T00:10:00Z");
    assert!(run(text, early).passed);
}

#[test]
fn nodes_that_cannot_be_are_errors_and_never_pass() {
    for (node, part) in [
        (json!({"tee": "sev-snp", "snp": {"guest_svm": 3}}), "no claim `snp.guest_svm`"),
        (json!({"tee": "sev-snp", "snp": {"policy": {"dbg": true}}}), "no claim `snp.policy.dbg`"),
        (json!({"tee": "sev-snp", "snp": {"guest_svn": "3"}}), "`snp.guest_svn` is an integer"),
        (json!({"tee": "sev-snp", "snp": {"provisional": 1}}), "`snp.provisional` is true or false"),
        (json!({"tee": "sev-snp", "snp": {"family_id": 1}}), "`snp.family_id` is a text"),
        (json!({"tee": "sev-snp", "snp": {"policy": []}}), "`snp.policy` is an object"),
        (json!({"tee": "tdx", "tdx": {"rtmr0": "00"}}), "stated under `registers`"),
        (json!({"tee": "sev-snp", "tdx": {}}), "has no `tdx` claims"),
        (json!({"tee": "sev-snp", "registers": {"rtmr0": "00".repeat(48)}}), "no register `rtmr0`"),
        (json!({"tee": "registered-key", "measurement": "11".repeat(48)}), "no register"),
    ] {
        for expect in ["granted", "PolicyDenied"] {
            let report = run(IMAGES, case(node.clone(), expect));
            assert!(!report.passed && report.actual == "error", "{node}: {report:?}");
            assert!(report.reasons[0].contains(part), "{node}: {report:?}");
        }
    }
}

#[test]
fn files_without_cases_are_errors() {
    let good = case(json!({"tee": "none"}), "NoPolicy");
    assert_eq!(TestCase::read(json!([good, good]).to_string().as_bytes()).unwrap().len(), 2);
    let mut slips = vec![json!({}), json!([1]), json!("x")];
    for (field, value) in [
        ("expect", json!("Granted")),
        ("expect", json!("SnpDebugAllowed")),
        ("extra", json!(1)),
        ("key", json!({"id": "acme//disk", "minimum_tier": 2})),
        ("key", json!({"id": "acme/disk", "minimum_tier": 5})),
        ("key", json!({"id": "acme/disk"})),
        ("node", json!({"tee": "cca"})),
        ("node", json!({"tee": "sev-snp", "measurement": "11"})),
        ("node", json!({"tee": "sev-snp", "measurment": "11"})),
        ("now", json!("yesterday")),
    ] {
        let mut slip = good.clone();
        slip[field] = value;
        slips.push(slip);
    }
    for slip in slips {
        let error = TestCase::read(slip.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, CaseError::Case { number: 1, .. }), "{slip}: {error}");
    }
    assert!(matches!(TestCase::read(b"{\"a\":1,\"a\":2}"), Err(CaseError::Json(_))));
    assert!(matches!(TestCase::read(b"[] x"), Err(CaseError::Json(_))));
    assert!(matches!(TestCase::read(&vec![b' '; MAX_CASE_FILE + 1]), Err(CaseError::TooLarge(_))));
}

fn judged_case(expect: &str) -> TestCase {
    let case = json!({
        "name": "c", "evidence": {"file": "e.json", "at": "2026-11-01T00:00:00Z"},
        "key": {"id": "acme/disk", "minimum_tier": 2}, "expect": expect,
    });
    TestCase::read(case.to_string().as_bytes()).unwrap().remove(0)
}

#[test]
fn evidence_is_decided_by_what_was_found_about_it() {
    let text = "permit (principal, action, resource) when { principal has snp && principal.snp.guest_svn == 3 && context.now < 1793491201 };";
    let policies =
        Policies::compile(&[PolicySource { name: "p".into(), version: 1, text: text.into() }]).unwrap();
    let references = References::new(Vec::new()).unwrap();
    let run =
        |case: &TestCase, judged: &Judged<'_>| case.run_judged(judged, &policies, &references, UnixTime::MAX);
    let (claims, facts) = sample::snp_item(sample::snp());
    let genuine = Judged::Acceptable(vec![(&claims, &facts)]);
    let report = run(&judged_case("granted"), &genuine);
    assert!(report.passed, "{report:?}");
    // Of the document's own instant, not of the run's: the last argument is long after.
    assert_eq!(report.reasons, ["p"]);
    let report = run(&judged_case("granted"), &Judged::Acceptable(Vec::new()));
    assert_eq!((report.passed, report.actual.as_str()), (false, "TierTooLow"));
    let (claims, facts) = sample::key_item();
    assert!(run(&judged_case("TierTooLow"), &Judged::Acceptable(vec![(&claims, &facts)])).passed);
    let refused = Judged::Refused { code: "SnpDebugAllowed".to_owned(), message: "SNP-40: debug".to_owned() };
    assert!(run(&judged_case("SnpDebugAllowed"), &refused).passed);
    let report = run(&judged_case("granted"), &refused);
    assert_eq!((report.passed, report.reasons.as_slice()), (false, &["SNP-40: debug".to_owned()][..]));
    // Nobody verified it: an error, whatever is expected.
    let unverified = judged_case("granted").run(&policies, &references, sample::now());
    assert_eq!((unverified.passed, unverified.actual.as_str()), (false, "error"));
}

#[test]
fn a_case_has_one_subject() {
    let node = json!({"tee": "none"});
    let evidence = json!({"file": "e.json"});
    for (subject, part) in [
        (json!({}), "either `node` or `evidence`"),
        (json!({"node": node, "evidence": evidence}), "either `node` or `evidence`"),
        (json!({"evidence": {}}), "file"),
        (json!({"evidence": {"file": "e.json", "crl": []}}), "crl"),
        (json!({"evidence": {"file": "e.json", "profile": "lenient"}}), "lenient"),
    ] {
        let mut case =
            json!({"name": "c", "key": {"id": "acme/disk", "minimum_tier": 2}, "expect": "NoPolicy"});
        case.as_object_mut().unwrap().extend(subject.as_object().unwrap().clone());
        let error = TestCase::read(case.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{case}: {error}");
    }
}

#[test]
fn a_policy_can_pin_the_issue_of_a_gpus_manifest() {
    let policy =
        "permit (principal, action, resource) when { principal has gpus && principal.gpus has driver_rim
        && principal.gpus.driver_rim in ReferenceSet::\"images\" };";
    let report = |registers: serde_json::Value, gpus: serde_json::Value| {
        run(
            policy,
            json!({
                "name": "a", "key": {"id": "acme/model", "minimum_tier": 3}, "expect": "granted",
                "node": {"tee": "sev-snp", "tier": 3, "measurement": "99".repeat(48), "registers": registers,
                    "gpus": gpus},
            }),
        )
    };
    let count = || json!({"count": 1});
    let code = |registers, gpus| report(registers, gpus).actual;
    assert_eq!(code(json!({"driver_rim": "55".repeat(32)}), count()), "granted");
    assert_eq!(code(json!({"driver_rim": "56".repeat(32)}), count()), "MeasurementUnknown");
    assert_eq!(code(json!({}), count()), "PolicyDenied", "no one manifest of all devices");
    assert_eq!(code(json!({"vbios_rim": "55".repeat(32)}), count()), "PolicyDenied");
    let stray = json!({
        "name": "a switch's, and there is none", "key": {"id": "acme/model", "minimum_tier": 3}, "expect": "granted",
        "node": {"tee": "sev-snp", "registers": {"bios_rim": "55".repeat(32)}, "gpus": count()},
    });
    let error = TestCase::read(stray.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("`bios_rim` of `sev-snp`"), "{error}");
}

#[test]
fn a_case_can_state_reference_values_and_expect_any_denial() {
    let node = json!({"tee": "sev-snp", "measurement": "77".repeat(48)});
    let stated = |value: String, expect: &str| {
        let mut stated = case(node.clone(), expect);
        stated["references"] = json!({"images": [value]});
        stated
    };
    let own = || format!("sev-snp/measurement/{}", "77".repeat(48));
    assert!(run(IMAGES, stated(own(), "granted")).passed);
    let report = run(IMAGES, stated(own(), "denied"));
    assert_eq!(
        (report.passed, report.expected.as_str(), report.actual.as_str()),
        (false, "denied", "granted")
    );
    let other = format!("sev-snp/measurement/{}", "78".repeat(48));
    assert!(run(IMAGES, stated(other, "denied")).passed, "a value of another image");
    assert!(
        run(IMAGES, case(node.clone(), "denied")).passed,
        "a value of one case counts in that case alone"
    );
    let broken = json!({"tee": "sev-snp", "gpus": {"nonsense": 1}});
    let report = run(IMAGES, case(broken, "denied"));
    assert_eq!((report.passed, report.actual.as_str()), (false, "error"), "no decision is no denial");
    for wrong in [
        "images".to_owned(),
        format!("sev-snp/measurement/{}", "77".repeat(47)),
        format!("sev-snp/measurement/{}", "00".repeat(48)),
        format!("sev-snp/pcr4/{}", "77".repeat(48)),
    ] {
        assert!(TestCase::read(stated(wrong.clone(), "denied").to_string().as_bytes()).is_err(), "{wrong}");
    }
}
