//! Activation of a TPM's attestation key: whom the broker makes a credential for, and which answers it takes.
//! What a real TPM makes of it is in the tests of the whole programs.

use super::World;
use super::world::{Options, with};
use crate::judge::Grounds;
use aws_lc_rs::digest::{SHA256, digest};
use hanzo_attestation_evidence::tpm::Public;
use hanzo_attestation_evidence::{Hex, encoding};
use hanzo_attestation_lab::{EkDefect, Lab, TpmOrder};
use serde_json::{Value, json};
use std::time::Duration;

/// The RSA-2048 endorsement key of a TPM (swtpm 0.7), template L-1 up to the modulus: TPM_ALG_RSA, SHA-256,
/// its attributes, PolicySecret(endorsement), AES-128-CFB, no scheme, 2048 bits, the usual exponent.
const EK_HEAD: &str = "0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa\
                       000600800043001008000000000001\
                       00";
const EK_MODULUS: &str = "d77e399086fe0afb8539a204798264573cd303f7d1694ed13e61b0e46f126b116aae0d498d6ae75ecb53673e\
                          46f323763be48a68a00fd96034b691e548c7ae38d6da33eacf3f81685f2ff58475c69aa2d4c436f6fb29bbc0\
                          9eb94b21d9bf7a0566cc25f5504100a615a9986063a3e5836518e58a1a6f712ddfece325483872a4eb592254\
                          37e96328e2a0b610145d27d1d7d24b41309419b82eba982e9e3a9033711a88bc8eb7a8dd39eb60d09ef03a83\
                          bd6ddffdd05b7e1c2e905eecef659a70ab684f36df3f65828adc6269533e756799fdec2b4033de81dd3def1b\
                          9a5f6b19347e31c5bbd1378b4070587ec779c41bf59f077059ee7ae75d9f40c474aa34ff";
/// An attestation key of the same TPM: P-256, restricted, signing.
const AK: &str = "0023000b0005047200000010001 8000b000300100020fda01b150177c4cb1aa5598f1a96624556d61bc1dd0329af3b01\
                  9d3cede23fc700205ac38e47b1380733e7ac91ef6bee07a532129e69af3f420b39e345358a5db8d2";

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn ek() -> Vec<u8> {
    bytes(&[EK_HEAD, EK_MODULUS].concat())
}

fn ek_sha256() -> Hex<32> {
    let spki = Public::parse(&ek()).unwrap().spki().unwrap();
    Hex(digest(&SHA256, &spki).as_ref().try_into().unwrap())
}

fn request() -> Value {
    json!({"ek_public": encoding::base64_encode(&ek()), "ak_public": encoding::base64_encode(&bytes(AK))})
}

async fn knowing_the_ek() -> World {
    World::with(Options { eks: vec![ek_sha256()], ..Options::default() }).await
}

/// Asks for a credential, which is given.
async fn offered(world: &World) -> Value {
    let offered = world.post("/kbs/v1/tpm/credential", &request()).await;
    assert_eq!(offered.status, 200, "{offered:?}");
    offered.body
}

fn answer(challenge_id: &Value) -> Value {
    json!({"challenge_id": challenge_id, "secret": encoding::base64_encode(&[7; 32])})
}

#[tokio::test]
async fn a_listed_endorsement_key_gets_a_credential_of_the_right_form() {
    let world = knowing_the_ek().await;
    let offered = offered(&world).await;
    let part = |name: &str| encoding::base64_decode(offered[name].as_str().unwrap()).unwrap();
    // TPM2B_ID_OBJECT: size, an HMAC with its size, and the encrypted secret with its size.
    let blob = part("credential_blob");
    assert_eq!((&blob[..4], blob.len()), (&[0, 68, 0, 32][..], 70));
    // TPM2B_ENCRYPTED_SECRET: one RSA block.
    let secret = part("encrypted_secret");
    assert_eq!((&secret[..2], secret.len()), (&[1, 0][..], 258));
    let again = world.post("/kbs/v1/tpm/credential", &request()).await.body;
    assert_ne!(again["challenge_id"], offered["challenge_id"]);
}

/// TPM-28: TpmEkCertificateInvalid: neither listed, nor certified by anybody.
#[tokio::test]
async fn an_unknown_endorsement_key_is_refused_by_name() {
    let world = World::new().await;
    let refused = world.post("/kbs/v1/tpm/credential", &request()).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkCertificateInvalid").await;
    assert_eq!(world.newest().await["action"], "tpm.activate");
}

/// TPM-29: TpmEkRevoked: a denied key is refused though it is listed.
#[tokio::test]
async fn a_denied_endorsement_key_is_refused_by_name() {
    let (eks, denied_eks) = (vec![ek_sha256()], vec![ek_sha256()]);
    let world = World::with(Options { eks, denied_eks, ..Options::default() }).await;
    let refused = world.post("/kbs/v1/tpm/credential", &request()).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkRevoked").await;
}

/// TPM-08, TPM-09: an attestation key must be one.
#[tokio::test]
async fn another_kind_of_attestation_key_is_refused_by_name() {
    let world = knowing_the_ek().await;
    let mut unrestricted = bytes(AK);
    unrestricted[5] = 0x04;
    for (ak, code) in
        [(unrestricted, "TpmAkAttributes"), (vec![0; 4], "TpmAkMalformed"), (ek(), "TpmAkAttributes")]
    {
        let request = with(request(), "ak_public", json!(encoding::base64_encode(&ak)));
        let refused = world.post("/kbs/v1/tpm/credential", &request).await;
        world.assert_refused(&refused, 403, "EvidenceRefused", code).await;
    }
}

#[tokio::test]
async fn a_wrong_secret_uses_the_challenge_up() {
    let world = knowing_the_ek().await;
    let id = offered(&world).await["challenge_id"].clone();
    let refused = world.post("/kbs/v1/tpm/activate", &answer(&id)).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "TpmSecretWrong").await;
    let refused = world.post("/kbs/v1/tpm/activate", &answer(&id)).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeReused").await;
}

#[tokio::test]
async fn a_challenge_ends_and_is_of_one_broker() {
    let world = knowing_the_ek().await;
    let id = offered(&world).await["challenge_id"].clone();
    let other = World::with(Options { seed: 9, eks: vec![ek_sha256()], ..Options::default() }).await;
    let refused = other.post("/kbs/v1/tpm/activate", &answer(&id)).await;
    other.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeNotIssued").await;
    world.advance(301);
    let refused = world.post("/kbs/v1/tpm/activate", &answer(&id)).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeExpired").await;
    let refused = world.post("/kbs/v1/tpm/activate", &answer(&json!("AAAA"))).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeMalformed").await;
    // Nor does a nonce for evidence stand for one.
    let refused = world.post("/kbs/v1/tpm/activate", &answer(&json!(world.nonce().await))).await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn credentials_count_among_the_verifications() {
    let world = knowing_the_ek().await;
    let _all = world.broker.judge().take_all_slots();
    world.post("/kbs/v1/tpm/credential", &request()).await.assert_problem(503, "Unavailable");
}

/// A lab's TPM: an attestation key that no authority certified, and an endorsement key below the lab's
/// manufacturer.
pub(super) fn lab_request(defect: Option<EkDefect>) -> Value {
    let ek = Lab::fixture().endorsement_key(1, defect).unwrap();
    let certs: Vec<String> = ek.certificates.iter().map(|der| encoding::base64_encode(der)).collect();
    let ak = Lab::fixture().tpm(&uncertified()).unwrap()["ak_tpmt"].clone();
    json!({"ek_public": encoding::base64_encode(&ek.public), "ek_certs": certs, "ak_public": ak})
}

fn uncertified() -> TpmOrder {
    TpmOrder { certificate: None, ..TpmOrder::default() }
}

/// A credential for the lab's TPM, and the secret that it would find in it.
async fn opened(world: &World) -> Value {
    let offered = world.post("/kbs/v1/tpm/credential", &lab_request(None)).await;
    assert_eq!(offered.status, 200, "{offered:?}");
    let open = world.broker.open().await.unwrap();
    let id = offered.body["challenge_id"].as_str().unwrap();
    let fresh = open.tpm_challenges.check(id, world.broker.now().unwrap()).unwrap();
    let secret = open.tpm_challenges.answer(&fresh);
    json!({"challenge_id": id, "secret": encoding::base64_encode(secret.as_slice())})
}

/// Opens the credential as the lab's TPM would, and gives the broker's answer to the secret.
pub(super) async fn activated(world: &World) -> Value {
    let answer = opened(world).await;
    let given = world.post("/kbs/v1/tpm/activate", &answer).await;
    assert_eq!(given.status, 200, "{given:?}");
    let again = world.post("/kbs/v1/tpm/activate", &answer).await;
    world.assert_refused(&again, 401, "ChallengeRefused", "ChallengeReused").await;
    given.body
}

pub(super) async fn attest(world: &World, activation: &Value) -> super::world::Reply {
    let proof = world.tpm_proof(uncertified(), json!({"activation": activation["activation"]})).await;
    world.post("/kbs/v1/attest", &proof).await
}

/// The endorsement key of an activation, as the record names it.
pub(super) async fn activated_ek(world: &World) -> Hex<32> {
    let page = world.admin("GET", "/kbs/v1/audit?limit=1000", Value::Null).await;
    let rows = page.body["entries"].as_array().unwrap().clone();
    let row = rows.into_iter().find(|row| row["claims"]["ek_sha256"].is_string()).unwrap();
    serde_json::from_value(row["claims"]["ek_sha256"].clone()).unwrap()
}

/// The broker judges by these from now on.
fn judge_by(world: &World, change: impl FnOnce(&mut Grounds)) {
    let now = world.broker.judge().grounds();
    let mut grounds = Grounds {
        roots: now.roots.clone(),
        collateral: now.collateral.clone(),
        revocation: now.revocation.clone(),
        appraisal: now.appraisal.clone(),
        second_reader: None,
        cache: now.cache.clone(),
        store: None,
        grace: Duration::ZERO,
    };
    change(&mut grounds);
    world.broker.judge().replace(grounds);
}

/// TPM-33: the record of an activation makes the key trusted, for this broker, until it ends, and after a
/// restart; what a lab certified is marked, and stays marked.
#[tokio::test]
async fn an_activated_key_counts_until_its_record_ends() {
    let world = World::new().await;
    let unactivated = world.post("/kbs/v1/attest", &world.tpm_proof(uncertified(), json!({})).await).await;
    world.assert_refused(&unactivated, 403, "EvidenceRefused", "TpmAkUntrusted").await;

    let record = activated(&world).await;
    let granted = attest(&world, &record).await;
    assert_eq!((granted.status.as_u16(), &granted.body["tier"]), (200, &json!(2)), "{granted:?}");
    let world = world.restarted(Options { lab: false, ..Options::default() }).await;
    let granted = attest(&world, &record).await;
    assert_eq!((granted.status.as_u16(), &granted.body["tier"]), (200, &json!(2)), "{granted:?}");
    assert_eq!(world.newest().await["lab"], true, "a lab's TPM, of a lab that is no longer trusted");

    let other = World::with(Options { seed: 9, ..Options::default() }).await;
    let refused = attest(&other, &record).await;
    other.assert_refused(&refused, 403, "EvidenceRefused", "TpmActivationRecordInvalid").await;
    world.advance(86_400);
    assert_eq!(attest(&world, &record).await.status, 200, "the last second");
    world.advance(1);
    let refused = attest(&world, &record).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmActivationRecordInvalid").await;
}

/// The record names both keys, and is listed as every decision is.
#[tokio::test]
async fn an_activation_is_in_the_record() {
    let world = World::new().await;
    activated(&world).await;
    let page = world.admin("GET", "/kbs/v1/audit?limit=1000", Value::Null).await;
    let rows = page.body["entries"].as_array().unwrap().clone();
    let row = rows.iter().find(|row| row["action"] == "tpm.activate" && row["outcome"] == "granted").unwrap();
    assert_eq!(row["claims"]["ek_sha256"].as_str().unwrap().len(), 64, "{row}");
    assert!(row["claims"]["ak_name"].as_str().unwrap().starts_with("000b"), "{row}");
    assert_eq!(row["lab"], true);
}

/// TPM-29: an endorsement key that is denied takes its attestation keys with it, activated or not.
#[tokio::test]
async fn a_denied_endorsement_key_ends_what_was_activated() {
    let world = World::new().await;
    let record = activated(&world).await;
    assert_eq!(attest(&world, &record).await.status, 200);
    let ek = activated_ek(&world).await;
    judge_by(&world, |grounds| grounds.appraisal.tpm.denied_eks = vec![Hex([1; 32])]);
    assert_eq!(attest(&world, &record).await.status, 200, "another one is denied");
    let late = opened(&world).await;
    judge_by(&world, |grounds| grounds.appraisal.tpm.denied_eks = vec![ek]);
    let refused = world.post("/kbs/v1/tpm/activate", &late).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkRevoked").await;
    let refused = world.post("/kbs/v1/tpm/activate", &late).await;
    world.assert_refused(&refused, 401, "ChallengeRefused", "ChallengeReused").await;
    let refused = attest(&world, &record).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkRevoked").await;
    let refused = world.post("/kbs/v1/tpm/credential", &lab_request(None)).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkRevoked").await;
}

/// TPM-28: a certificate that is not an endorsement key's, is of another key, or not of this time.
#[tokio::test]
async fn an_endorsement_key_with_another_certificate_is_refused_by_name() {
    let world = World::new().await;
    for &defect in EkDefect::ALL {
        let refused = world.post("/kbs/v1/tpm/credential", &lab_request(Some(defect))).await;
        world.assert_refused(&refused, 403, "EvidenceRefused", defect.expects()).await;
    }
    let validity = Lab::fixture().validity();
    world.advance(validity.not_after.seconds() - super::world::START + 1);
    let refused = world.post("/kbs/v1/tpm/credential", &lab_request(None)).await;
    world.assert_refused(&refused, 403, "EvidenceRefused", "TpmEkCertificateInvalid").await;
}

/// A record ends with the certificates of its endorsement key, however long activations last.
#[tokio::test]
async fn a_record_does_not_outlive_the_certificate() {
    let world = World::new().await;
    let not_after = Lab::fixture().validity().not_after;
    world.advance(not_after.seconds() - super::world::START - 60);
    let record = activated(&world).await;
    assert_eq!(record["expires_at"], serde_json::to_value(not_after).unwrap());
}
