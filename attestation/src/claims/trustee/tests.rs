//! Claims behind Azure's paravisor. The lab has no SEV-SNP machine of Azure's that verifies, because its
//! intermediate certificate is no vendor's: here a report and a vTPM that verify apart are put together.

use super::*;
use crate::{Cache, Collateral, Context, ExtraAmdRoot, ExtraRoots, Revocation, Roots, verify};
use hanzo_attestation_evidence::Document;
use hanzo_attestation_lab::{AzOrder, Lab, SnpOrder, SnpProduct};
use std::time::Duration;

/// The lab's roots, in the types of the crate as it is tested here.
fn roots() -> Roots {
    let lab = Lab::fixture();
    let ark = |product: SnpProduct| ExtraAmdRoot {
        product: product.into(),
        ark_der: lab.amd_root(product).to_vec(),
    };
    let amd = SnpProduct::ALL.map(ark).to_vec();
    Roots::vendor().with_extra(ExtraRoots {
        amd,
        intel: vec![lab.intel_root().to_vec()],
        ..ExtraRoots::default()
    })
}

fn verified(item: Value) -> Claims {
    let lab = Lab::fixture();
    let evidence = Document::from_json(Lab::document(vec![item]).to_string().as_bytes()).unwrap().parse();
    let context = Context {
        roots: &roots(),
        collateral: &lab.amd_lists().into_iter().fold(Collateral::default(), Collateral::with_amd_crl),
        revocation: &Revocation::Required,
        now: lab.validity().not_before.after(Duration::from_secs(86_400)),
        cache: Cache::off(),
    };
    verify(evidence.unwrap(), &context).unwrap().items()[0].claims().clone()
}

fn azure_snp() -> azure::SnpClaims {
    let lab = Lab::fixture();
    let snp = verified(lab.snp(&SnpOrder::default()).unwrap());
    let azure = verified(lab.azure(&AzOrder::tdx()).unwrap());
    let (Claims::SevSnp(snp), Claims::AzTdxVtpm(azure)) = (snp, azure) else { panic!("a report and a vTPM") };
    azure::SnpClaims { vtpm: azure.vtpm, snp: *snp }
}

#[test]
fn a_report_behind_azures_paravisor_is_text_and_base64() {
    let claims = azure_snp();
    let found = azure_snp_claims(&claims);
    let names = [
        "init_data",
        "measurement",
        "platform_smt_enabled",
        "platform_tsme_enabled",
        "policy_abi_major",
        "policy_abi_minor",
        "policy_debug_allowed",
        "policy_migrate_ma",
        "policy_single_socket",
        "policy_smt_allowed",
        "report_data",
        "reported_tcb_bootloader",
        "reported_tcb_microcode",
        "reported_tcb_snp",
        "reported_tcb_tee",
        "tpm",
    ];
    let mut keys: Vec<&String> = found.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, names);
    let texts = names.iter().filter(|name| **name != "tpm");
    assert!(texts.clone().all(|name| found[*name].is_string()), "{found:#}");
    assert_eq!(
        (&found["policy_debug_allowed"], &found["policy_smt_allowed"]),
        (&json!("false"), &json!("true"))
    );
    assert_eq!(found["measurement"], base64_encode(&claims.snp.measurement.0));
    assert_eq!(found["report_data"], claims.vtpm.tpm.extra_data.to_string(), "the vTPM's nonce, in hex");
    let pcrs = found["tpm"].as_object().unwrap();
    assert_eq!(pcrs.len(), 24);
    assert_eq!(found["init_data"], pcrs["pcr08"]);
    assert!(pcrs.values().all(|value| value.as_str().unwrap().len() == 64));
}
