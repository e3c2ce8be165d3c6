//! Every lab TD quote is accepted as ordered, and every defect is refused by its own code.

use crate::judge::{REPORT_DATA, judge};
use hanzo_attestation::Claims;
use hanzo_attestation_lab::{Lab, PckAuthority, TdxBody, TdxDefect, TdxOrder};

fn order() -> TdxOrder {
    TdxOrder { report_data: REPORT_DATA, ..TdxOrder::default() }
}

fn all_forms() -> impl Iterator<Item = TdxOrder> {
    let forms = [(4, TdxBody::Td10), (5, TdxBody::Td10), (5, TdxBody::Td15)];
    forms.into_iter().flat_map(|(version, body)| {
        [PckAuthority::Platform, PckAuthority::Processor].map(|pck_authority| TdxOrder {
            version,
            body,
            pck_authority,
            ..order()
        })
    })
}

/// The code of the refusal, or `accepted`.
fn verdict(order: &TdxOrder) -> &'static str {
    let lab = Lab::fixture();
    judge(lab.tdx(order).unwrap(), &lab.collateral()).err().unwrap_or("accepted")
}

#[test]
fn every_version_body_and_authority_is_genuine() {
    for order in all_forms() {
        let lab = Lab::fixture();
        let verified = judge(lab.tdx(&order).unwrap(), &lab.collateral())
            .unwrap_or_else(|code| panic!("{order:?}: {code}"));
        assert!(verified.lab());
        let Claims::Tdx(claims) = verified.items()[0].claims() else { panic!("other claims") };
        assert_eq!(claims.mr_td.0, order.mr_td);
        assert_eq!(claims.dcap.quote_version, order.version);
        assert_eq!(claims.dcap.ppid.0, order.ppid());
        assert_eq!(claims.mr_service_td.is_some(), order.version == 5 && order.body == TdxBody::Td15);
    }
}

#[test]
fn every_defect_is_refused_by_its_own_code() {
    let mut wrong = Vec::new();
    for form in all_forms() {
        for defect in TdxDefect::ALL {
            let order = form.clone().with_defect(*defect);
            let verdict = verdict(&order);
            if verdict != defect.expects() {
                let (version, body) = (order.version, order.body);
                wrong.push(format!(
                    "v{version} {body:?} {}: {} expected, {verdict} found",
                    defect.name(),
                    defect.expects()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_knobs_have_their_own_codes() {
    assert_eq!(verdict(&TdxOrder { debug: true, ..order() }), "TdDebug");
    assert_eq!(verdict(&TdxOrder { wrong_nonce: true, ..order() }), "QuoteReportDataMismatch");
    assert_eq!(verdict(&TdxOrder { td_attributes: 0, ..order() }), "TdSeptVeEnabled");
    assert_eq!(verdict(&TdxOrder { mr_config_id: [1; 48], ..order() }), "TdMrConfigIdMismatch");
    assert_eq!(verdict(&TdxOrder { mr_owner_config: [1; 48], ..order() }), "TdOwnerIdentity");
    let [rtmr0, rtmr1, rtmr2, _] = order().rtmr;
    assert_eq!(verdict(&TdxOrder { rtmr: [rtmr0, rtmr1, rtmr2, [1; 48]], ..order() }), "TdRtmrUnknown");
}

#[test]
fn a_tcb_below_is_genuine_and_lower() {
    let lab = Lab::fixture();
    let verified =
        judge(lab.tdx(&TdxOrder { tcb_below: true, ..order() }).unwrap(), &lab.collateral()).unwrap();
    let Claims::Tdx(claims) = verified.items()[0].claims() else { panic!("other claims") };
    assert_eq!(claims.tee_tcb_svn.0[0], TdxOrder::TEE_TCB_SVN[0] - 1);
}
