//! A second reader of quotes, written by others: on every real quote both see the same fields.

use super::real::quotes;
use dcap_qvl::quote::{Quote as Theirs, Report};
use hanzo_attestation_evidence::dcap::{Body, Quote};
use hanzo_attestation_evidence::tdx;

#[test]
fn both_readers_see_the_same_fields() {
    let quotes = quotes();
    println!("{} quotes compared", quotes.len());
    for (name, quote, _) in quotes {
        let ours = Quote::parse(&quote).unwrap();
        let theirs = Theirs::parse(&quote).unwrap();
        assert_eq!(ours.header.version, theirs.header.version, "{name}");
        assert_eq!(ours.header.tee_type.code(), theirs.header.tee_type, "{name}");
        assert_eq!(ours.header.qe_vendor_id.0, theirs.header.qe_vendor_id, "{name}");
        assert_eq!(ours.header.user_data.0, theirs.header.user_data, "{name}");
        let Body::Td(body) = &ours.body else { panic!("{name}: a TD") };
        compare(&name, body, &theirs.report);
    }
}

fn compare(name: &str, ours: &tdx::Body, theirs: &Report) {
    let base = match theirs {
        Report::TD10(report) => report,
        Report::TD15(report) => {
            assert_eq!(ours.tee_tcb_svn_2.map(|svn| svn.0), Some(report.tee_tcb_svn2), "{name}");
            assert_eq!(ours.mr_service_td.map(|digest| digest.0), Some(report.mr_service_td), "{name}");
            &report.base
        }
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(ours.tee_tcb_svn.0, base.tee_tcb_svn, "{name}");
    assert_eq!(ours.mr_seam.0, base.mr_seam, "{name}");
    assert_eq!(ours.mr_signer_seam.0, base.mr_signer_seam, "{name}");
    assert_eq!(ours.seam_attributes.to_le_bytes(), base.seam_attributes, "{name}");
    assert_eq!(ours.td_attributes.raw.to_le_bytes(), base.td_attributes, "{name}");
    assert_eq!(ours.xfam.to_le_bytes(), base.xfam, "{name}");
    assert_eq!(ours.mr_td.0, base.mr_td, "{name}");
    assert_eq!(ours.mr_config_id.0, base.mr_config_id, "{name}");
    assert_eq!(ours.mr_owner.0, base.mr_owner, "{name}");
    assert_eq!(ours.mr_owner_config.0, base.mr_owner_config, "{name}");
    let registers = [base.rt_mr0, base.rt_mr1, base.rt_mr2, base.rt_mr3];
    assert_eq!(ours.rtmr.map(|register| register.0), registers, "{name}");
    assert_eq!(ours.report_data.0, base.report_data, "{name}");
}
