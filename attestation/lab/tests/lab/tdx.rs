//! Every lab TD quote is accepted as ordered, and every defect is refused by its own code.

use crate::judge::{REPORT_DATA, authentic, judge};
use hanzo_attestation::{Claims, TcbStatus};
use hanzo_attestation_lab::event_log::LabLog;
use hanzo_attestation_lab::{IntelDefect, IntelOrder, Lab, PckAuthority, TdxBody, TdxDefect, TdxOrder};

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

/// DCAP-58: an authentic quote of a platform that Intel has a better level for.
#[test]
fn a_tcb_below_is_genuine_and_out_of_date() {
    let order = TdxOrder { tcb_below: true, ..order() };
    assert_eq!(verdict(&order), "TcbStatusNotAllowed");
    let lab = Lab::fixture();
    let verified = authentic(lab.tdx(&order).unwrap(), &lab.collateral()).unwrap();
    let Claims::Tdx(claims) = verified.items()[0].claims() else { panic!("other claims") };
    assert_eq!(claims.tee_tcb_svn.0[0], TdxOrder::TEE_TCB_SVN[0] - 1);
    assert_eq!(verified.items()[0].facts().tcb_status, TcbStatus::OutOfDate);
}

#[test]
fn the_usual_platform_is_up_to_date() {
    let lab = Lab::fixture();
    for order in all_forms() {
        let verified = judge(lab.tdx(&order).unwrap(), &lab.collateral()).unwrap();
        let facts = verified.items()[0].facts();
        assert_eq!((facts.tcb_status, facts.advisories.len()), (TcbStatus::UpToDate, 0), "{order:?}");
    }
}

#[test]
fn a_log_is_replayed_to_the_registers() {
    let lab = Lab::fixture();
    for order in all_forms() {
        let order = order.with_log(&LabLog::usual_td());
        judge(lab.tdx(&order).unwrap(), &lab.collateral()).unwrap();
        let [rtmr0, rtmr1, _, rtmr3] = order.rtmr;
        let other = TdxOrder { rtmr: [rtmr0, rtmr1, [1; 48], rtmr3], ..order };
        assert_eq!(verdict(&other), "EventLogReplayMismatch");
    }
}

/// The code of the refusal of the usual quote under other collateral, or `accepted`.
fn verdict_with(order: &TdxOrder, intel: &IntelOrder) -> &'static str {
    let lab = Lab::fixture();
    let collateral = lab.collateral_with_intel(intel).unwrap();
    judge(lab.tdx(order).unwrap(), &collateral).err().unwrap_or("accepted")
}

#[test]
fn every_defect_of_the_collateral_is_refused_by_its_own_code() {
    let mut wrong = Vec::new();
    // The one that most machines make, and the one that differs most from it.
    let forms = [(4, TdxBody::Td10, PckAuthority::Platform), (5, TdxBody::Td15, PckAuthority::Processor)];
    for (version, body, pck_authority) in forms {
        let form = TdxOrder { version, body, pck_authority, ..order() };
        for defect in IntelDefect::ALL {
            let verdict = verdict_with(&form, &Lab::fixture().intel_order().with_defect(*defect));
            if verdict != defect.expects() {
                let (version, body) = (form.version, form.body);
                wrong.push(format!(
                    "v{version} {body:?} {:?} {}: {} expected, {verdict} found",
                    form.pck_authority,
                    defect.name(),
                    defect.expects()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// DCAP-40: the order in which Intel writes its levels decides nothing.
#[test]
fn shuffled_levels_give_the_same_answer() {
    let lab = Lab::fixture();
    for (tcb_below, expected) in [(false, "accepted"), (true, "TcbStatusNotAllowed")] {
        let order = TdxOrder { tcb_below, ..order() };
        for turns in 0..3 {
            let intel = lab.intel_order().with_tcb_infos(|info| info.levels.rotate_left(turns));
            assert_eq!(verdict_with(&order, &intel), expected, "{turns}");
        }
        let intel = lab.intel_order().with_tcb_infos(|info| info.levels.reverse());
        assert_eq!(verdict_with(&order, &intel), expected);
    }
}

/// DCAP-58: the words that strict appraisal accepts, and all others.
#[test]
fn each_status_of_the_platform_has_its_verdict() {
    let lab = Lab::fixture();
    for (status, expected) in [
        ("UpToDate", "accepted"),
        ("SWHardeningNeeded", "accepted"),
        ("ConfigurationNeeded", "TcbStatusNotAllowed"),
        ("ConfigurationAndSWHardeningNeeded", "TcbStatusNotAllowed"),
        ("OutOfDate", "TcbStatusNotAllowed"),
        ("OutOfDateConfigurationNeeded", "TcbStatusNotAllowed"),
        ("Revoked", "TcbRevoked"),
    ] {
        let intel =
            lab.intel_order().with_tcb_infos(|info| info.levels[0].standing.status = status.to_owned());
        assert_eq!(verdict_with(&order(), &intel), expected, "{status}");
    }
}

/// TDX-07: the module is current by SVN_2, and the TD was launched on the one before.
#[test]
fn a_td_of_an_older_module_is_to_be_relaunched() {
    let [_, rest @ ..] = TdxOrder::TEE_TCB_SVN;
    let mut tee_tcb_svn = [10; 16];
    tee_tcb_svn[1..].copy_from_slice(&rest);
    let order = TdxOrder { version: 5, body: TdxBody::Td15, tee_tcb_svn, ..order() };
    assert_eq!(verdict(&order), "TdRelaunchAdvised");
}
