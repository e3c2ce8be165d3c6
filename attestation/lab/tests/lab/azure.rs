//! Lab Azure items, byte by byte: the paravisor's report, the bindings from the hardware to the TPM's quote,
//! and defects that change one thing.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use hanzo_attestation_evidence::encoding::{base64_decode, hex_decode};
use hanzo_attestation_lab::{AzDefect, AzGuest, AzOrder, Lab, TdxOrder, TpmHash, TpmOrder};
use serde_json::Value;

struct Item {
    evidence: Value,
    hcl: Vec<u8>,
}

impl Item {
    fn of(order: &AzOrder) -> Self {
        let item = Lab::fixture().azure(order).unwrap();
        let kind = if matches!(order.guest, AzGuest::Snp(_)) { "az-snp-vtpm" } else { "az-tdx-vtpm" };
        assert_eq!(item["type"], kind);
        let evidence = item["evidence"].clone();
        let hcl = base64_url(evidence["hcl_report"].as_str().unwrap());
        Self { evidence, hcl }
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.hcl[offset..offset + 4].try_into().unwrap())
    }

    fn runtime_data(&self) -> &[u8] {
        let length: usize = self.number(1232).try_into().unwrap();
        &self.hcl[1236..1236 + length]
    }

    fn report_data(&self) -> &[u8] {
        // REPORT_DATA of a SEV-SNP report, or REPORTDATA of a TDREPORT.
        let offset = if self.number(1224) == 2 { 0x50 } else { 128 };
        &self.hcl[32 + offset..32 + offset + 64]
    }

    fn quote_part(&self, name: &str) -> Vec<u8> {
        hex_decode(self.evidence["tpm_quote"][name].as_str().unwrap()).unwrap()
    }

    fn registers(&self) -> Vec<Vec<u8>> {
        let registers = self.evidence["tpm_quote"]["pcrs"].as_array().unwrap();
        registers.iter().map(|value| hex_decode(value.as_str().unwrap()).unwrap()).collect()
    }

    fn is_bound(&self) -> bool {
        let (bound, rest) = self.report_data().split_at(32);
        bound == digest(&SHA256, self.runtime_data()).as_ref() && rest.iter().all(|byte| *byte == 0)
    }

    /// The quote under the first key of the runtime data.
    fn is_signed(&self) -> bool {
        let runtime: Value = serde_json::from_slice(self.runtime_data()).unwrap();
        let modulus = base64_url(runtime["keys"][0]["n"].as_str().unwrap());
        let key = RsaPublicKeyComponents { n: modulus, e: vec![1, 0, 1] };
        let (message, signature) = (self.quote_part("message"), self.quote_part("signature"));
        key.verify(&RSA_PKCS1_2048_8192_SHA256, &message, &signature).is_ok()
    }

    fn registers_are_quoted(&self) -> bool {
        self.quote_part("message").ends_with(digest(&SHA256, &self.registers().concat()).as_ref())
    }
}

fn base64_url(text: &str) -> Vec<u8> {
    let mut text = text.replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    base64_decode(&text).unwrap()
}

fn orders() -> [AzOrder; 2] {
    let tpm = TpmOrder { qualifying_data: vec![0x5a; 32], ..TpmOrder::default() };
    [AzOrder::default(), AzOrder::tdx()].map(|order| AzOrder { tpm: tpm.clone(), ..order })
}

#[test]
fn a_report_has_its_layout_and_binds_the_quote_to_the_hardware() {
    for order in orders() {
        let item = Item::of(&order);
        assert_eq!(item.hcl.len(), 2600);
        assert_eq!(&item.hcl[..4], b"HCLA");
        let length: u32 = item.runtime_data().len().try_into().unwrap();
        let kind = if matches!(order.guest, AzGuest::Snp(_)) { 2 } else { 4 };
        assert_eq!([4, 8, 12, 16].map(|at| item.number(at)), [1, 32 + 1184 + 20 + length, 2, 0]);
        assert_eq!([1216, 1220, 1224, 1228].map(|at| item.number(at)), [20 + length, 1, kind, 1]);
        assert!(item.hcl[20..32].iter().all(|byte| *byte == 0));
        assert!(item.hcl[1236 + item.runtime_data().len()..].iter().all(|byte| *byte == 0));
        assert!(item.is_bound() && item.is_signed() && item.registers_are_quoted());
        assert_eq!(item.registers().len(), 24);
        assert_eq!(item.quote_part("signature").len(), 256);
    }
}

#[test]
fn every_version_has_its_fields() {
    let [snp, tdx] = orders();
    for version in 0..=2 {
        let item = Item::of(&AzOrder { version, ..snp.clone() });
        let fields = if version == 0 { 3 } else { 4 };
        assert_eq!(item.evidence.as_object().unwrap().len(), fields);
        assert!(item.evidence["vcek"].is_string());
        let item = Item::of(&AzOrder { version, ..tdx.clone() });
        assert_eq!(item.evidence.as_object().unwrap().len(), fields);
        assert!(item.evidence["td_quote"].is_string());
    }
}

#[test]
fn runtime_data_name_the_keys_and_the_machine() {
    let item = Item::of(&AzOrder { user_data: [0xab; 64], ..orders()[0].clone() });
    let runtime: Value = serde_json::from_slice(item.runtime_data()).unwrap();
    assert_eq!(runtime["keys"][0]["kid"], "HCLAkPub");
    assert_eq!(runtime["keys"][0]["key_ops"][0], "sign");
    assert_eq!(runtime["keys"][1]["kid"], "HCLEkPub");
    assert_ne!(runtime["keys"][0]["n"], runtime["keys"][1]["n"]);
    assert_eq!(runtime["vm-configuration"]["secure-boot"], true);
    assert!(runtime["vm-configuration"].get("tpm-persisted").is_none());
    assert_eq!(runtime["user-data"], "AB".repeat(64));
}

#[test]
fn longer_hashes_bind_more_of_the_report_data() {
    for (hash, kind) in [(TpmHash::Sha384, 2), (TpmHash::Sha512, 3)] {
        for order in orders() {
            let item = Item::of(&AzOrder { hash, ..order });
            assert_eq!(item.number(1228), kind);
            let algorithm = if kind == 2 { &SHA384 } else { &SHA512 };
            let bound = digest(algorithm, item.runtime_data());
            assert!(item.report_data().starts_with(bound.as_ref()));
        }
    }
}

#[test]
fn a_td_report_says_what_the_quote_says() {
    let rtmr = [[1; 48], [2; 48], [3; 48], [4; 48]];
    let guest = TdxOrder {
        rtmr,
        mr_config_id: [5; 48],
        mr_owner: [6; 48],
        mr_owner_config: [7; 48],
        ..TdxOrder::default()
    };
    let item = Item::of(&AzOrder { guest: AzGuest::Tdx(guest), ..orders()[1].clone() });
    let report = &item.hcl[32..32 + 1024];
    let quote = base64_url(item.evidence["td_quote"].as_str().unwrap());
    let body = &quote[48..48 + 584];
    assert_eq!(report[0], 0x81);
    assert_eq!(report[128..192], body[520..584]);
    assert_eq!(report[512..528], body[120..136]);
    assert_eq!(report[528..912], body[136..520]);
    assert_eq!(report[720..768], [1; 48]);
    assert_eq!(report[864..912], [4; 48]);
}

#[test]
fn every_defect_changes_the_item_and_breaks_no_binding_but_its_own() {
    for order in orders() {
        for defect in AzDefect::ALL.iter().filter(|defect| defect.is_of(&order.guest)) {
            let item = Item::of(&order.clone().with_defect(*defect));
            let name = defect.name();
            // Those in which nothing can be found at its place.
            if matches!(
                defect,
                AzDefect::HclTruncated
                    | AzDefect::RuntimeDataTruncated
                    | AzDefect::HclReportType
                    | AzDefect::HclDataSize
            ) {
                continue;
            }
            let unbound = matches!(defect, AzDefect::RuntimeDataAltered | AzDefect::ReportDataUpperHalf);
            assert_eq!(item.is_bound(), !unbound, "{name}");
            // The key that is missing is the first, and a key is not told twice in JSON that a map holds.
            let unsigned =
                matches!(defect, AzDefect::QuoteOfOther | AzDefect::QuoteAltered | AzDefect::AkMissing);
            assert_eq!(item.is_signed(), !unsigned, "{name}");
            let unquoted = matches!(defect, AzDefect::PcrAltered | AzDefect::Selection);
            assert_eq!(item.registers_are_quoted(), !unquoted, "{name}");
            assert_ne!(Item::of(&order).evidence, item.evidence, "{name}");
        }
    }
}
