//! Credential activation: a real TPM, its endorsement key's certificate, and a broker.

use crate::machine::Machine;
use crate::programs::Place;
use hanzo_attestation_evidence::encoding::{base64_decode, base64_encode};
use hanzo_node_attester::tpm::{AttestationKey, Credential, Enrolment, TpmError};
use hanzo_tests::http::Http;
use serde_json::{Value, json};
use std::fs;

/// The broker's configuration that trusts the manufacturer of this machine's TPM.
fn manufacturer(machine: &Machine) -> String {
    let [issuer, root] = machine.swtpm.authority();
    format!("[attestation.tpm]\nek_roots = [\"{}\", \"{}\"]\n", issuer.display(), root.display())
}

/// TPM-28, TPM-33: below a trusted manufacturer a key is activated, and its quotes count from then on.
#[test]
fn a_tpm_of_a_trusted_manufacturer_is_enrolled() {
    let (place, machine, stranger) = (Place::new(), Machine::start(), Machine::start());
    machine.boot();
    let _broker = place.serve(&manufacturer(&machine));
    place.assert_denied(&place.get(&machine, "acme/weights"), "TpmAkUntrusted");

    let (code, answer) = place.node(&machine, &["tpm", "enroll"]);
    assert_eq!((code, &answer["outcome"]), (Some(0), &"enrolled".into()), "{answer}");
    assert_eq!(answer["attestation_key"], place.name(&machine));
    let (code, answer) = place.get(&machine, "acme/weights");
    assert_eq!((code, &answer["outcome"], &answer["tier"]), (Some(0), &"granted".into(), &2.into()));
    place.assert_denied(&place.get(&machine, "acme/tee"), "CpuTeeRequired");

    // TpmEkCertificateInvalid: the certificate of another authority.
    place.assert_denied(&place.node(&stranger, &["tpm", "enroll"]), "TpmEkCertificateInvalid");
    // TpmActivationRecordInvalid: another TPM with the record of this one.
    stranger.boot();
    place.name(&stranger);
    let record = "activation-ecdsa-p256.json";
    fs::copy(machine.state().join(record), stranger.state().join(record)).unwrap();
    place.assert_denied(&place.get(&stranger, "acme/weights"), "TpmActivationRecordInvalid");
}

/// With `enroll = true` a node enrols by itself, before its first evidence.
#[test]
fn a_node_that_is_told_so_enrols_by_itself() {
    let (place, machine) = (Place::new(), Machine::start());
    machine.boot();
    let _broker = place.serve(&manufacturer(&machine));
    let config = place.file("node.toml");
    fs::write(&config, "[tpm]\nenroll = true\n").unwrap();
    let (code, answer) = place.node(&machine, &["attest", "--config", config.to_str().unwrap()]);
    assert_eq!((code, &answer["tier"]), (Some(0), &2.into()), "{answer}");
    let kept = fs::read(machine.state().join("activation-ecdsa-p256.json")).unwrap();
    place.node(&machine, &["attest", "--config", config.to_str().unwrap()]);
    let again = fs::read(machine.state().join("activation-ecdsa-p256.json")).unwrap();
    assert_eq!(again, kept, "a record that lives is not asked for again");
}

/// The messages of a node that behaves otherwise.
struct Exchange {
    http: Http,
    runtime: tokio::runtime::Runtime,
}

impl Exchange {
    fn with(place: &Place) -> Self {
        let http = Http::new(&place.installation.http()).unwrap();
        Self { http, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap() }
    }

    fn enrolment(&self, machine: &Machine) -> Enrolment {
        self.runtime.block_on(machine.tpm().enrolment()).unwrap()
    }

    /// Asks for a credential for one TPM's endorsement key and an attestation key.
    fn offered(&self, ek: &Enrolment, ak: &AttestationKey) -> Value {
        let certs: Vec<String> = ek.ek.certificate.iter().map(|der| base64_encode(der)).collect();
        let request = json!({
            "ek_public": base64_encode(&ek.ek.tpmt), "ek_certs": certs, "ak_public": base64_encode(&ak.tpmt),
        });
        let (status, offered) = self.http.post("/kbs/v1/tpm/credential", &request).unwrap();
        assert_eq!(status, 200, "{offered}");
        offered
    }

    fn opened(&self, machine: &Machine, offered: &Value) -> Result<Vec<u8>, TpmError> {
        let part = |name: &str| base64_decode(offered[name].as_str().unwrap()).unwrap();
        let credential =
            Credential { blob: part("credential_blob"), encrypted_secret: part("encrypted_secret") };
        self.runtime.block_on(machine.tpm().activate(&credential)).map(|secret| secret.to_vec())
    }

    fn answer(&self, offered: &Value, secret: &[u8]) -> (u16, Value) {
        let answer = json!({"challenge_id": offered["challenge_id"], "secret": base64_encode(secret)});
        self.http.post("/kbs/v1/tpm/activate", &answer).unwrap()
    }
}

/// TPM-33: a credential opens in one TPM alone, beside one key alone, and its secret counts once.
#[test]
fn a_credential_is_for_one_tpm_one_key_and_one_answer() {
    let (place, machine, other) = (Place::new(), Machine::start(), Machine::start());
    let _broker = place.serve(&manufacturer(&machine));
    let exchange = Exchange::with(&place);
    let (own, foreign) = (exchange.enrolment(&machine), exchange.enrolment(&other));

    // The certified TPM and a key of another one: neither of the two opens what the broker made.
    let offered = exchange.offered(&own, &foreign.ak);
    for machine in [&machine, &other] {
        let refused = exchange.opened(machine, &offered);
        let failed = matches!(refused, Err(TpmError::ToolFailed { tool: "tpm2_activatecredential", .. }));
        assert!(failed, "{refused:?}");
    }
    let (status, refused) = exchange.answer(&offered, &[0; 32]);
    assert_eq!((status, place.recorded(&refused["decision"])), (401, "TpmSecretWrong".to_owned()));

    let offered = exchange.offered(&own, &own.ak);
    assert!(exchange.opened(&other, &offered).is_err());
    let secret = exchange.opened(&machine, &offered).unwrap();
    let (status, given) = exchange.answer(&offered, &secret);
    assert_eq!(status, 200, "{given}");
    let (status, refused) = exchange.answer(&offered, &secret);
    assert_eq!((status, place.recorded(&refused["decision"])), (401, "ChallengeReused".to_owned()));
    // A secret of one challenge answers no other.
    let (status, refused) = exchange.answer(&exchange.offered(&own, &own.ak), &secret);
    assert_eq!((status, place.recorded(&refused["decision"])), (401, "TpmSecretWrong".to_owned()));
    // Nothing of a failed activation stays in the TPM.
    for handles in ["handles-transient", "handles-loaded-session", "handles-saved-session"] {
        assert_eq!(machine.swtpm.tool("tpm2_getcap", &[handles]).unwrap(), "", "{handles}");
    }
}
