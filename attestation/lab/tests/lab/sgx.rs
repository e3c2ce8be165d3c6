//! Lab SGX quotes, byte by byte: the layouts of three versions, every signature, and defects that change one
//! thing.

use crate::judge::{REPORT_DATA, judge};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use hanzo_attestation::{Claims, TcbStatus};
use hanzo_attestation_evidence::encoding::base64_decode;
use hanzo_attestation_evidence::x509::{Certificate, PublicKey};
use hanzo_attestation_lab::{IntelDefect, IntelOrder, Lab, PckAuthority, SgxDefect, SgxOrder, TdxDefect};

/// A quote cut into its parts by the lengths that it states.
struct Parts {
    quote: Vec<u8>,
    /// Offset of the body.
    body: usize,
    signature: Vec<u8>,
    key: Vec<u8>,
    report: Vec<u8>,
    report_signature: Vec<u8>,
    auth: Vec<u8>,
    chain: String,
}

const BODY: usize = 384;

impl Parts {
    fn of(order: &SgxOrder) -> Self {
        let item = Lab::fixture().sgx(order).unwrap();
        assert_eq!(item["type"], "sgx");
        let quote = base64_decode(item["quote"].as_str().unwrap()).unwrap();
        let body = if order.version == 5 { 54 } else { 48 };
        let mut rest = &quote[body + BODY..];
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at(length);
            rest = after;
            taken.to_vec()
        };
        let stated = u32_of(&take(4));
        let (signature, key) = (take(64), take(64));
        if order.version > 3 {
            assert_eq!(take(2), [6, 0]);
            assert_eq!(u32_of(&take(4)), stated - 128 - 6);
        }
        let (report, report_signature) = (take(BODY), take(64));
        let auth_length = take(2);
        let auth = take(auth_length[0].into());
        assert_eq!(take(2), [5, 0]);
        let chain_length = u32_of(&take(4));
        let chain = take(chain_length);
        let chain = String::from_utf8(chain).unwrap();
        assert!(rest.is_empty());
        assert_eq!(quote.len(), body + BODY + 4 + stated);
        Self { quote, body, signature, key, report, report_signature, auth, chain }
    }

    fn u16_at(&self, offset: usize) -> u16 {
        u16::from_le_bytes(self.quote[offset..offset + 2].try_into().unwrap())
    }

    fn field(&self, offset: usize, length: usize) -> &[u8] {
        &self.quote[self.body + offset..self.body + offset + length]
    }

    fn is_signed(&self) -> bool {
        verify(&self.key, &self.quote[..self.body + BODY], &self.signature)
    }

    fn report_is_signed(&self) -> bool {
        let base64: String = self.chain.split("-----").nth(2).unwrap().split_whitespace().collect();
        let der = base64_decode(&base64).unwrap();
        let leaf = Certificate::parse(&der).unwrap();
        let PublicKey::P256(key) = leaf.public_key() else { panic!("another key") };
        verify(&key[1..], &self.report, &self.report_signature)
    }

    fn is_bound(&self) -> bool {
        digest(&SHA256, &[&self.key[..], &self.auth].concat()).as_ref() == &self.report[320..352]
    }
}

fn u32_of(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes.try_into().unwrap()).try_into().unwrap()
}

fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = [&[4], key].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature).is_ok()
}

fn order(version: u16) -> SgxOrder {
    SgxOrder { report_data: [0x5a; 64], version, ..SgxOrder::default() }
}

#[test]
fn every_version_has_its_layout_and_holds() {
    for version in 3..=5 {
        for pck_authority in [PckAuthority::Platform, PckAuthority::Processor] {
            let order = SgxOrder { pck_authority, ..order(version) };
            let parts = Parts::of(&order);
            assert!(parts.is_signed() && parts.is_bound() && parts.report_is_signed(), "{version}");
            assert_eq!(parts.u16_at(0), version);
            assert_eq!(&parts.quote[2..8], [2, 0, 0, 0, 0, 0]);
            if version == 5 {
                assert_eq!(&parts.quote[48..54], [1, 0, 0x80, 1, 0, 0]);
            }
            assert_eq!(parts.field(64, 32), order.mr_enclave);
            assert_eq!(parts.field(128, 32), order.mr_signer);
            assert_eq!(parts.field(48, 16), [5, 0, 0, 0, 0, 0, 0, 0, 0xe7, 0, 0, 0, 0, 0, 0, 0]);
            assert_eq!(parts.field(256, 4), [1, 0, 1, 0]);
            assert_eq!(parts.field(320, 64), [0x5a; 64]);
            assert_eq!(parts.chain.matches("BEGIN CERTIFICATE").count(), 3);
        }
    }
}

/// DCAP-55: version 3 alone repeats the quoting enclave's SVN in its header, and the lab can make the two
/// differ.
#[test]
fn the_header_of_version_3_has_the_svn_of_the_quoting_enclave() {
    let parts = Parts::of(&order(3));
    assert_eq!(parts.u16_at(8), u16::from_le_bytes(parts.report[258..260].try_into().unwrap()));
    assert_eq!(parts.u16_at(10), 13);
    let other = Parts::of(&SgxOrder { header_qe_svn: 3, ..order(3) });
    assert!(other.u16_at(8) == 3 && other.is_signed() && other.report_is_signed());
    assert_eq!(&Parts::of(&SgxOrder { header_qe_svn: 3, ..order(4) }).quote[8..12], [0; 4]);
}

#[test]
fn an_enclave_with_kss_has_its_identity() {
    let order = SgxOrder {
        attributes: SgxOrder::default().attributes | SgxOrder::KSS,
        config_id: [1; 64],
        config_svn: 0x0203,
        isv_ext_prod_id: [4; 16],
        isv_family_id: [5; 16],
        ..order(3)
    };
    let parts = Parts::of(&order);
    assert_eq!(parts.field(48, 1), [0x85]);
    assert_eq!(parts.field(192, 64), [1; 64]);
    assert_eq!(parts.field(260, 2), [3, 2]);
    assert_eq!(parts.field(32, 16), [4; 16]);
    assert_eq!(parts.field(304, 16), [5; 16]);
    assert!(parts.is_signed());
}

#[test]
fn a_defect_of_the_enclave_is_signed_over() {
    for version in 3..=5 {
        let usual = Parts::of(&order(version));
        for defect in SgxDefect::ALL {
            let parts = Parts::of(&order(version).with_defect(*defect));
            assert!(parts.is_signed() && parts.is_bound() && parts.report_is_signed(), "{}", defect.name());
            let differ =
                parts.field(0, BODY).iter().zip(usual.field(0, BODY)).filter(|(a, b)| a != b).count();
            assert_eq!(differ, 1, "{}", defect.name());
        }
    }
}

#[test]
fn quotes_of_both_kinds_share_the_defects_around_the_body() {
    let shared = TdxDefect::ALL.iter().filter_map(|defect| order(3).with_quote_defect(*defect));
    assert_eq!(shared.clone().count(), TdxDefect::ALL.iter().filter(|found| found.is_of_any_quote()).count());
    let lab = Lab::fixture();
    let usual = lab.sgx(&order(3)).unwrap();
    for order in shared {
        assert_ne!(lab.sgx(&order).unwrap(), usual);
    }
    assert!(order(3).with_quote_defect(TdxDefect::Profiling).is_none());
    assert!(order(3).with_quote_defect(TdxDefect::ReportData).is_none());
    let altered = Parts::of(&order(3).with_quote_defect(TdxDefect::AlteredAfterSigning).unwrap());
    assert!(!altered.is_signed() && altered.report_is_signed());
    let unbound = Parts::of(&order(3).with_quote_defect(TdxDefect::QeBinding).unwrap());
    assert!(unbound.is_signed() && !unbound.is_bound() && unbound.report_is_signed());
}

fn all_forms() -> impl Iterator<Item = SgxOrder> {
    (3..=5).flat_map(|version| {
        [PckAuthority::Platform, PckAuthority::Processor].map(|pck_authority| SgxOrder {
            pck_authority,
            report_data: REPORT_DATA,
            ..order(version)
        })
    })
}

/// The code of the refusal, or `accepted`.
fn verdict(order: &SgxOrder) -> &'static str {
    let lab = Lab::fixture();
    judge(lab.sgx(order).unwrap(), &lab.collateral()).err().unwrap_or("accepted")
}

fn verdict_with(order: &SgxOrder, intel: &IntelOrder) -> &'static str {
    let lab = Lab::fixture();
    let collateral = lab.collateral_with_intel(intel).unwrap();
    judge(lab.sgx(order).unwrap(), &collateral).err().unwrap_or("accepted")
}

#[test]
fn every_version_and_authority_is_accepted_and_up_to_date() {
    for order in all_forms() {
        let lab = Lab::fixture();
        let verified = judge(lab.sgx(&order).unwrap(), &lab.collateral())
            .unwrap_or_else(|code| panic!("{order:?}: {code}"));
        assert!(verified.lab());
        let Claims::Sgx(claims) = verified.items()[0].claims() else { panic!("other claims") };
        assert_eq!(claims.mr_enclave.0, order.mr_enclave);
        assert_eq!(verified.items()[0].facts().tcb_status, TcbStatus::UpToDate);
    }
}

#[test]
fn every_defect_is_refused_by_its_own_code() {
    let mut wrong = Vec::new();
    for form in all_forms() {
        let enclave = SgxDefect::ALL
            .iter()
            .map(|defect| (defect.name(), defect.expects(), form.clone().with_defect(*defect)));
        let quote = TdxDefect::ALL.iter().filter_map(|defect| {
            Some((defect.name(), defect.expects(), form.clone().with_quote_defect(*defect)?))
        });
        for (name, expects, order) in enclave.chain(quote) {
            let verdict = verdict(&order);
            if verdict != expects {
                wrong.push(format!(
                    "v{} {:?} {name}: {expects} expected, {verdict} found",
                    order.version, order.pck_authority
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_defect_of_the_collateral_is_refused_by_its_own_code() {
    let mut wrong = Vec::new();
    // The one that most machines make, and the one that differs most from it.
    let forms = [(3, PckAuthority::Processor), (5, PckAuthority::Platform)];
    for (version, pck_authority) in forms {
        let form = SgxOrder { pck_authority, report_data: REPORT_DATA, ..order(version) };
        for defect in IntelDefect::ALL.iter().filter(|defect| !defect.is_of_tdx_alone()) {
            let verdict = verdict_with(&form, &Lab::fixture().intel_order().with_defect(*defect));
            if verdict != defect.expects() {
                wrong.push(format!(
                    "v{} {:?} {}: {} expected, {verdict} found",
                    form.version,
                    form.pck_authority,
                    defect.name(),
                    defect.expects()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// DCAP-35: a TCB info of version 2, which names no TEE, speaks of SGX.
#[test]
fn tcb_info_of_version_2_judges_an_enclave() {
    let mut intel = Lab::fixture().intel_order();
    intel.sgx_tcb_info = intel.sgx_tcb_info.map(hanzo_attestation_lab::TcbInfo::version_2);
    assert_eq!(verdict_with(&SgxOrder { report_data: REPORT_DATA, ..order(3) }, &intel), "accepted");
}

#[test]
fn the_knobs_have_their_own_codes() {
    let order = || SgxOrder { report_data: REPORT_DATA, ..order(3) };
    assert_eq!(verdict(&SgxOrder { debug: true, ..order() }), "SgxDebug");
    assert_eq!(verdict(&SgxOrder { wrong_nonce: true, ..order() }), "QuoteReportDataMismatch");
    assert_eq!(verdict(&SgxOrder { tcb_below: true, ..order() }), "TcbStatusNotAllowed");
    assert_eq!(verdict(&SgxOrder { xfrm: 3 | 1 << 19, ..order() }), "SgxXfrmNotAllowed");
}
