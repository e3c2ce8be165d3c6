//! Thresholds in a configuration file.

use super::*;

fn read(text: &str) -> Result<Appraisal, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn an_empty_configuration_is_strict() {
    assert_eq!(read("").unwrap(), Appraisal::strict());
    assert_eq!(read("[snp]\n[tdx]\n").unwrap(), Appraisal::strict());
    assert_eq!(Appraisal::default(), Appraisal::strict());
}

#[test]
fn thresholds_are_read_by_name() {
    let text = r#"
        [snp]
        minimum_report_version = 3
        require_alias_check = true
        host_data = "any"
        id_keys = ["090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909090909"]
        committed_tcb_floor.genoa = { bootloader = 10, tee = 0, snp = 23, microcode = 84 }
        committed_tcb_floor.turin = { fmc = 1, bootloader = 1, tee = 1, snp = 3, microcode = 7 }
        firmware_floor.genoa = { major = 1, minor = 55, build = 49 }
        required_mitigations = [0, 1]
        trusted_io = "off"
        csps = ["CN=cc-us-east-2.amazonaws.com"]
        [tdx]
        attributes = ["pks"]
        [tdx.dcap]
        statuses = ["UpToDate", "ConfigurationNeeded"]
        advisories = ["INTEL-SA-00615"]
        tcb_date_floor = "2024-03-13T00:00:00Z"
        fmspcs = ["50806f000000"]
    "#;
    let appraisal = read(text).unwrap();
    assert_eq!(appraisal.snp.minimum_report_version, 3);
    assert_eq!(appraisal.snp.host_data, Allowed::Any);
    assert_eq!(appraisal.snp.trusted_io, snp::Switch::Off);
    assert_eq!(appraisal.tdx.attributes, Allowed::Listed(vec![tdx::Attribute::Pks]));
    assert_eq!(appraisal.tdx.dcap.statuses, [dcap::Status::UpToDate, dcap::Status::ConfigurationNeeded]);
    assert_eq!(appraisal.tdx.dcap.advisories, Allowed::Listed(vec!["INTEL-SA-00615".to_owned()]));
    assert_eq!(appraisal.tdx.dcap.out_of_date_grace_days, None);
    // What is not named keeps its strict value.
    assert_eq!(appraisal.snp.vmpls, [0]);
}

/// COL-26: an appraisal loads whole or not at all.
#[test]
fn slips_are_errors_and_never_the_absence_of_a_threshold() {
    for slip in [
        "[snp]\nguest_svn_flor = 3",
        "[snp]\nfmspcs = []",
        "[spn]\n",
        "profile = \"strict\"",
        "[snp]\nguest_svn_floor = \"3\"",
        "[snp]\nguest_svn_floor = -1",
        "[snp]\ncommitted_tcb_floor.genoa = { bootloader = 10, tee = 0, snp = 23 }",
        "[snp]\ncommitted_tcb_floor.genoa = { fmc = 1, bootloader = 1, tee = 0, snp = 2, microcode = 3 }",
        "[snp]\ncommitted_tcb_floor.turin = { bootloader = 1, tee = 1, snp = 3, microcode = 7 }",
        "[snp]\ncommitted_tcb_floor.venice = { bootloader = 1, tee = 1, snp = 3, microcode = 7 }",
        "[snp]\nrequired_mitigations = [64]",
        "[snp]\nid_keys = [\"09\"]",
        "[snp]\nid_keys = \"all\"",
        "[snp]\nchips = [\"AB\"]",
        "[snp]\ntrusted_io = \"maybe\"",
        "[snp]\nguest_svn_floor = 1\nguest_svn_floor = 2",
        "[tdx]\nattributes = [\"debug\"]",
        "[tdx]\nsept_ve = true",
        "[tdx]\nfmspcs = [\"50806f000000\"]",
        "[tdx.dcap]\nstatuses = [\"Revoked\"]",
        "[tdx.dcap]\nstatuses = [\"uptodate\"]",
        "[tdx.dcap]\nadvisories = \"all\"",
        "[tdx.dcap]\ntcb_date_floor = \"2024\"",
        "[tdx.dcap]\nout_of_date_grace_days = -1",
    ] {
        assert!(read(slip).is_err(), "{slip}");
    }
    let error = read("[snp]\nguest_svn_flor = 3").unwrap_err();
    assert!(error.contains("guest_svn_flor") && error.contains("line 2"), "{error}");
}
