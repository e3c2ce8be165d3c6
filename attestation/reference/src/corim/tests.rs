use super::*;
use crate::cose;
use crate::signer::Signer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};
use hanzo_attestation_evidence::encoding::base64_encode;
use proptest::prelude::*;

// A writer of CBOR for these tests, of its own so that the reader is not judged by itself.

fn head(major: u8, value: u64) -> Vec<u8> {
    let major = major << 5;
    match value {
        0..24 => vec![major | u8::try_from(value).unwrap()],
        24..=0xff => vec![major | 24, u8::try_from(value).unwrap()],
        0x100..=0xffff => [&[major | 25][..], &u16::try_from(value).unwrap().to_be_bytes()].concat(),
        0x1_0000..=0xffff_ffff => [&[major | 26][..], &u32::try_from(value).unwrap().to_be_bytes()].concat(),
        _ => [&[major | 27][..], &value.to_be_bytes()].concat(),
    }
}

fn int(value: i64) -> Vec<u8> {
    if value < 0 {
        head(1, u64::try_from(-1 - value).unwrap())
    } else {
        head(0, u64::try_from(value).unwrap())
    }
}

fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len() as u64), value.to_vec()].concat()
}

fn text(value: &str) -> Vec<u8> {
    [head(3, value.len() as u64), value.as_bytes().to_vec()].concat()
}

fn array(parts: &[Vec<u8>]) -> Vec<u8> {
    [head(4, parts.len() as u64), parts.concat()].concat()
}

fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let inside = entries.iter().flat_map(|(key, value)| [key.clone(), value.clone()].concat()).collect();
    [head(5, entries.len() as u64), inside].concat()
}

fn numbered(entries: &[(i64, Vec<u8>)]) -> Vec<u8> {
    map(&entries.iter().map(|(key, value)| (int(*key), value.clone())).collect::<Vec<_>>())
}

fn tag(number: u64, inside: &[u8]) -> Vec<u8> {
    [head(6, number), inside.to_vec()].concat()
}

fn digest(algorithm: i64, byte: u8, length: usize) -> Vec<u8> {
    array(&[int(algorithm), bytes(&vec![byte; length])])
}

fn date(seconds: i64) -> Vec<u8> {
    tag(1, &int(seconds))
}

const SNP: &[u8] = b"\xd0\x5e\x6d\x1b\x9f\x46\x4a\xe2\xa6\x10\xce\x3e\x6e\xe7\xe1\x53";
const NOW: i64 = 1_800_000_000;

fn now() -> UnixTime {
    UnixTime::from_seconds(NOW).unwrap()
}

fn snp_environment() -> Vec<u8> {
    numbered(&[(0, numbered(&[(0, tag(37, &bytes(SNP))), (2, text("Genoa"))]))])
}

/// A measurement with a numeric key.
fn keyed(key: i64, values: &[(i64, Vec<u8>)]) -> Vec<u8> {
    numbered(&[(0, int(key)), (1, numbered(values))])
}

fn launch(byte: u8) -> Vec<u8> {
    keyed(641, &[(2, array(&[digest(7, byte, 48)]))])
}

fn triple(environment: &[u8], measurements: &[Vec<u8>]) -> Vec<u8> {
    array(&[environment.to_vec(), array(measurements)])
}

fn comid(triples: &[(i64, Vec<u8>)]) -> Vec<u8> {
    tag(506, &bytes(&numbered(&[(1, numbered(&[(0, text("release 7"))])), (4, numbered(triples))])))
}

fn corim_with(more: &[(i64, Vec<u8>)], tags: &[Vec<u8>]) -> Vec<u8> {
    let entries = [&[(0, text("example corim")), (1, array(tags))][..], more].concat();
    tag(501, &numbered(&entries))
}

fn corim(triples: &[Vec<u8>]) -> Vec<u8> {
    corim_with(&[], &[comid(&[(0, array(triples))])])
}

fn good() -> Vec<u8> {
    corim(&[triple(&snp_environment(), &[launch(0x11)])])
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

impl Pair {
    fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn p384() -> Self {
        Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    fn signer(&self, name: &str) -> Signer {
        let (prefix, key): (&[u8], &[u8]) = match self {
            Self::Ed25519(pair) => (b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", pair.public_key().as_ref()),
            Self::P256(pair) => (
                b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
                pair.public_key().as_ref(),
            ),
            Self::P384(pair) => (
                b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00",
                pair.public_key().as_ref(),
            ),
        };
        let body = base64_encode(&[prefix, key].concat());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        Signer::from_pem(name, pem.as_bytes()).unwrap()
    }

    const fn algorithm(&self) -> i64 {
        match self {
            Self::Ed25519(_) => -8,
            Self::P256(_) => -7,
            Self::P384(_) => -35,
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::P256(pair) | Self::P384(pair) => {
                pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            }
        }
    }

    fn envelope(&self, protected: &[u8], unprotected: &[u8], payload: &[u8]) -> Vec<u8> {
        let message = array(&[text("Signature1"), bytes(protected), bytes(b""), bytes(payload)]);
        let signature = bytes(&self.sign(&message));
        tag(18, &array(&[bytes(protected), unprotected.to_vec(), bytes(payload), signature]))
    }

    fn signed(&self, payload: &[u8]) -> Vec<u8> {
        self.envelope(&protected(&meta(None), self.algorithm()), &map(&[]), payload)
    }
}

/// corim-meta, with the dates of the signature.
fn meta(dates: Option<(i64, i64)>) -> Vec<u8> {
    let mut entries = vec![(0, numbered(&[(0, text("Example Images"))]))];
    entries.extend(dates.map(|(from, end)| (1, numbered(&[(0, date(from)), (1, date(end))]))));
    numbered(&entries)
}

fn protected(meta: &[u8], algorithm: i64) -> Vec<u8> {
    numbered(&[(1, int(algorithm)), (3, text("application/rim+cbor")), (8, bytes(meta))])
}

fn read(signed: &[u8], signers: &[Signer]) -> Result<Corim, String> {
    let signed = cose::verify(signed, signers, now()).map_err(|error| format!("{error:?}"))?;
    Corim::read(&signed, now()).map_err(|error| format!("{error:?}"))
}

/// What the reading of an otherwise good, signed manifest comes to.
fn outcome(payload: &[u8]) -> Result<Corim, CorimError> {
    let pair = Pair::ed25519();
    let (bytes, signer) = (pair.signed(payload), pair.signer("maker"));
    Corim::read(&cose::verify(&bytes, &[signer], now()).unwrap(), now())
}

#[test]
fn a_launch_measurement_comes_with_its_name() {
    for pair in [Pair::ed25519(), Pair::p256(), Pair::p384()] {
        let (bytes, signer) = (pair.signed(&good()), pair.signer("maker"));
        let signed = cose::verify(&bytes, std::slice::from_ref(&signer), now()).unwrap();
        assert_eq!((signed.key_id(), signed.key_name()), (signer.id(), "maker"));
        assert_eq!(signed.signer(), Some("Example Images"));
        let corim = Corim::read(&signed, now()).unwrap();
        assert_eq!((corim.id.as_str(), corim.not_after), ("example corim", None));
        let [measured] = corim.measured.as_slice() else { panic!("one measurement") };
        assert_eq!(measured.name, "sev-snp/key:641");
        assert_eq!(measured.digests, [hanzo_attestation_evidence::Hex([0x11; 48]).into()]);
        assert_eq!((measured.group.as_ref(), measured.note.as_deref()), (None, Some("Genoa")));
    }
}

#[test]
fn measurements_of_one_triple_belong_together_and_registers_have_names() {
    let td = numbered(&[(0, numbered(&[(1, text("Example")), (2, text("TD/1"))]))]);
    let registers = map(&[
        (int(0), array(&[digest(7, 2, 48)])),
        (text("rtmr1"), array(&[digest(7, 3, 48), digest(1, 3, 32)])),
    ]);
    let measurements = [
        numbered(&[
            (0, text("mrtd")),
            (1, numbered(&[(2, array(&[digest(7, 1, 48)])), (11, text("build 9"))])),
        ]),
        numbered(&[(1, numbered(&[(14, registers)]))]),
    ];
    let corim = outcome(&corim(&[triple(&td, &measurements)])).unwrap();
    let names: Vec<_> = corim.measured.iter().map(|m| (m.name.as_str(), m.digests.len())).collect();
    let class = "vendor:Example/model:TD%2F1";
    let expected = [
        (format!("{class}/key:mrtd"), 1),
        (format!("{class}/register:0"), 1),
        (format!("{class}/register:rtmr1"), 2),
    ];
    assert_eq!(names, expected.iter().map(|(name, count)| (name.as_str(), *count)).collect::<Vec<_>>());
    assert!(corim.measured.iter().all(|m| m.group.as_deref() == Some("release 7#0")));
    assert_eq!(corim.measured[0].note.as_deref(), Some("build 9"));
}

#[test]
fn dates_of_the_manifest_become_those_of_its_values() {
    let dated = |from, end| {
        let validity = numbered(&[(0, date(from)), (1, date(end))]);
        corim_with(&[(4, validity)], &[comid(&[(0, array(&[triple(&snp_environment(), &[launch(1)])]))])])
    };
    let corim = outcome(&dated(NOW - 1, NOW)).unwrap();
    assert_eq!((corim.not_before.unwrap().seconds(), corim.not_after.unwrap().seconds()), (NOW - 1, NOW));
    assert!(outcome(&dated(NOW + 5, NOW + 9)).is_ok(), "values that begin later are imported beforehand");
    assert!(matches!(outcome(&dated(NOW - 9, NOW - 1)), Err(CorimError::Expired { .. })));
}

#[test]
fn what_is_more_than_digests_is_named_and_not_skipped() {
    // POLICY beside the measurement (mkey 2): a raw value.
    let policy = keyed(2, &[(4, tag(560, &bytes(&[0; 8])))]);
    let found = outcome(&corim(&[triple(&snp_environment(), &[launch(1), policy])])).unwrap().measured;
    assert_eq!((found[1].name.as_str(), found[1].digests.len()), ("sev-snp/key:2", 0));
    assert!(found[1].problem.as_deref().unwrap().contains('4'));
    // A digest of an algorithm that no register has, and a minimum version beside a digest.
    let sha3 = keyed(641, &[(2, array(&[digest(11, 1, 48)]))]);
    let versioned = keyed(641, &[(2, array(&[digest(7, 1, 48)])), (1, tag(553, &int(3)))]);
    let short = keyed(641, &[(2, array(&[digest(7, 1, 47)]))]);
    let nothing = keyed(641, &[(11, text("launch"))]);
    for measurement in [sha3, versioned, short, nothing] {
        let found = outcome(&corim(&[triple(&snp_environment(), &[measurement])])).unwrap().measured;
        assert!(found.len() == 1 && found[0].problem.is_some(), "{found:?}");
    }
}

#[test]
fn extensions_count_by_their_profile_alone() {
    let environment = numbered(&[(0, numbered(&[(2, text("TD"))]))]);
    let measurement = numbered(&[(1, numbered(&[(-83, digest(7, 4, 48))]))]);
    let tags = [comid(&[(0, array(&[triple(&environment, &[measurement])]))])];
    let intel = (3, tag(111, &bytes(INTEL_PROFILE)));
    let found = outcome(&corim_with(&[intel], &tags)).unwrap().measured;
    assert_eq!((found[0].name.as_str(), found[0].problem.as_ref()), ("model:TD/mrtee", None));
    let found = outcome(&corim_with(&[], &tags)).unwrap().measured;
    assert!(found[0].problem.is_some(), "without the profile, -83 means nothing");
    let other = (3, tag(32, &text("http://example.com/profile")));
    assert!(matches!(outcome(&corim_with(&[other], &tags)), Err(CorimError::Profile(_))));
    let amd = (3, tag(32, &text(PROFILES[0])));
    let snp = [comid(&[(0, array(&[triple(&snp_environment(), &[launch(1)])]))])];
    assert_eq!(outcome(&corim_with(&[amd], &snp)).unwrap().measured[0].name, "sev-snp/key:641");
}

/// 2.16.840.1.113741.1.2.3 and two more arcs: a class of the Intel profile's examples.
fn intel_class(arcs: [u8; 2], more: &[(i64, Vec<u8>)]) -> Vec<u8> {
    let oid = [b"\x60\x86\x48\x01\x86\xf8\x4d\x01\x02\x03", &arcs[..]].concat();
    numbered(&[(0, numbered(&[&[(0, tag(111, &bytes(&oid)))][..], more].concat()))])
}

/// What one triple comes to under Intel's profile.
fn intel(environment: &[u8], measurements: &[Vec<u8>]) -> Vec<Measured> {
    let profile = (3, tag(111, &bytes(INTEL_PROFILE)));
    let tags = [comid(&[(0, array(&[triple(environment, measurements)]))])];
    outcome(&corim_with(&[profile], &tags)).unwrap().measured
}

fn values(entries: &[(i64, Vec<u8>)]) -> Vec<u8> {
    numbered(&[(1, numbered(entries))])
}

fn member(operator: i64, set: &[Vec<u8>]) -> Vec<u8> {
    tag(60020, &array(&[int(operator), array(set)]))
}

#[test]
fn the_classes_of_the_intel_profile_have_their_names() {
    let described = [(1, text("Intel Corporation")), (2, text("TDX SEAM"))];
    let mrtee = || values(&[(-83, digest(7, 4, 48))]);
    for (environment, name) in [
        (intel_class([4, 3], &[]), "tdx-module/mrtee"),
        (intel_class([4, 3], &described), "tdx-module/mrtee"),
        (intel_class([5, 1], &[]), "sgx-enclave/mrtee"),
        (intel_class([4, 3], &[(1, text("Example"))]), "id:6086480186f84d0102030403/vendor:Example/mrtee"),
        (intel_class([4, 3], &[(4, int(1))]), "id:6086480186f84d0102030403/index:1/mrtee"),
        (intel_class([4, 4], &[]), "id:6086480186f84d0102030404/mrtee"),
    ] {
        assert_eq!(intel(&environment, &[mrtee()])[0].name, name);
    }
    let found = intel(&intel_class([4, 3], &described), &[mrtee()]);
    assert_eq!(found[0].note.as_deref(), Some("TDX SEAM"));
    // Without the profile the class has no short name.
    let base = corim(&[triple(&intel_class([4, 3], &[]), &[values(&[(2, array(&[digest(7, 1, 48)]))])])]);
    assert_eq!(outcome(&base).unwrap().measured[0].name, "id:6086480186f84d0102030403");
}

#[test]
fn the_digests_of_a_tee_are_read_in_each_of_their_forms() {
    let td = numbered(&[(0, numbered(&[(2, text("TD"))]))]);
    let set = |list: &[Vec<u8>]| array(list);
    for (measurement, name) in [
        (values(&[(-83, digest(7, 4, 48))]), "model:TD/mrtee"),
        (values(&[(-83, set(&[digest(7, 4, 48)]))]), "model:TD/mrtee"),
        (values(&[(-83, member(6, &[digest(7, 4, 48)]))]), "model:TD/mrtee"),
        (keyed(83, &[(2, array(&[digest(7, 4, 48)]))]), "model:TD/mrtee"),
        (values(&[(-84, digest(7, 4, 48))]), "model:TD/mrsigner"),
        (keyed(84, &[(2, array(&[digest(7, 4, 48)]))]), "model:TD/mrsigner"),
        (keyed(85, &[(2, array(&[digest(7, 4, 48)]))]), "model:TD/key:85"),
    ] {
        let found = intel(&td, &[measurement]);
        assert_eq!((found[0].name.as_str(), found[0].problem.as_ref()), (name, None));
        assert_eq!(found[0].digests, [hanzo_attestation_evidence::Hex([4; 48]).into()]);
    }
    let without = outcome(&corim(&[triple(&td, &[keyed(83, &[(2, array(&[digest(7, 4, 48)]))])])])).unwrap();
    assert_eq!(without.measured[0].name, "model:TD/key:83", "a key of the profile's, without the profile");
}

#[test]
fn expressions_over_digests_that_are_more_than_one_are_named() {
    let td = numbered(&[(0, numbered(&[(2, text("TD"))]))]);
    let (one, other) = (digest(7, 4, 48), digest(7, 5, 48));
    for (value, problem) in [
        (member(7, std::slice::from_ref(&one)), "not membership"),
        (member(6, &[one.clone(), other.clone()]), "not one member"),
        (member(6, &[one.clone(), digest(1, 5, 32)]), "not one member"),
        (member(6, &[]), "not one member"),
        (tag(60020, &int(6)), "another form"),
        (tag(60021, &array(&[int(6), array(std::slice::from_ref(&one))])), "another form"),
        (array(&[one.clone(), other.clone()]), "two digests of one algorithm"),
        (array(&[]), "another form"),
        (digest(11, 1, 48), "the digest algorithm 11"),
    ] {
        let found = intel(&td, &[values(&[(-83, value)])]);
        let said = found[0].problem.as_deref().unwrap();
        assert!(said.contains(problem) && found[0].digests.is_empty(), "{said}");
    }
}

/// A measurement whose digest counts only beside something else is never a digest alone.
#[test]
fn constraints_of_the_intel_profile_are_never_dropped() {
    let enclave = intel_class([5, 1], &[]);
    let at_least = |number| tag(60010, &array(&[int(2), int(number)]));
    for (key, value, name) in [
        (-70, text("Intel Corporation"), "tee.vendor (-70)"),
        (-71, text("TDX SEAM"), "tee.model (-71)"),
        (-73, at_least(6), "tee.isvsvn (-73)"),
        (-81, tag(563, &array(&[bytes(&[0; 4]), bytes(&[255; 4])])), "tee.miscselect (-81)"),
        (-82, tag(563, &array(&[bytes(&[0; 16]), bytes(&[255; 16])])), "tee.attributes (-82)"),
        (-85, int(1), "tee.isvprodid (-85)"),
        (-86, at_least(11), "tee.tcb-eval-num (-86)"),
        (-88, array(&[text("UpToDate")]), "tee.tcbstatus (-88)"),
        (-89, array(&[]), "tee.advisory-ids (-89)"),
        (-101, bytes(&[1; 16]), "tee.platform-instance-id (-101)"),
        (-125, array(&vec![at_least(1); 16]), "tee.tcb-comp-svn (-125)"),
        (1, tag(553, &int(3)), "svn (1)"),
        (4, tag(560, &bytes(&[1])), "raw-value (4)"),
        (-7000, int(1), "-7000"),
    ] {
        let found = intel(&enclave, &[values(&[(-83, digest(1, 4, 32)), (key, value)])]);
        let said = found[0].problem.as_deref().unwrap();
        assert!(found.len() == 1 && said.contains(name), "{said}");
    }
    let vouched =
        numbered(&[(1, numbered(&[(-83, digest(1, 4, 32))])), (2, array(&[tag(554, &text("key"))]))]);
    let found = intel(&enclave, &[vouched]);
    assert!(found[0].problem.as_deref().unwrap().contains("authorized-by"));
    let named = intel(&enclave, &[keyed(71, &[(11, text("TDX SEAM"))])]);
    assert_eq!((named[0].name.as_str(), named[0].problem.is_some()), ("sgx-enclave/key:71", true));
}

/// draft-ietf-rats-corim, 5.1.4.5.8 and its example: numbers and text, and an algorithm that no register has.
#[test]
fn integrity_registers_have_digests_of_several_algorithms() {
    let tpm = numbered(&[(0, numbered(&[(1, text("ACME Inc.")), (2, text("ACME RoadRunner"))]))]);
    let foreign = || array(&[text("my-alg-id"), bytes(b"\xde\xad\xbe\xef")]);
    let registers = |list: &[(Vec<u8>, Vec<u8>)]| {
        outcome(&corim(&[triple(&tpm, &[values(&[(14, map(list))])])])).unwrap().measured
    };
    let found = registers(&[
        (int(0), array(&[digest(1, 4, 32), foreign()])),
        (text("my-ir"), array(&[digest(1, 5, 32), digest(7, 5, 48)])),
    ]);
    let rows: Vec<_> =
        found.iter().map(|m| (m.name.as_str(), m.digests.len(), m.problem.is_none())).collect();
    let class = "vendor:ACME Inc./model:ACME RoadRunner";
    let (zero, named) = (format!("{class}/register:0"), format!("{class}/register:my-ir"));
    assert_eq!(rows, [(zero.as_str(), 1, true), (named.as_str(), 2, true)]);
    for (list, problem) in [
        (array(&[foreign()]), "my-alg-id"),
        (array(&[digest(1, 4, 32), digest(1, 5, 32)]), "two digests of one algorithm"),
        (array(&[digest(1, 4, 32), digest(7, 4, 32)]), "32 bytes in the place of 48"),
        (array(&[digest(1, 4, 32), int(7)]), "another form"),
    ] {
        let found = registers(&[(int(0), list)]);
        assert!(found[0].problem.as_deref().unwrap().contains(problem), "{found:?}");
    }
}

#[test]
fn each_rule_of_the_manifest_refuses_by_name() {
    let one = triple(&snp_environment(), &[launch(1)]);
    let refused = |payload: &[u8]| outcome(payload).unwrap_err();
    assert!(matches!(refused(b"\xff"), CorimError::Cbor { .. }));
    assert!(matches!(refused(&numbered(&[])), CorimError::Form("tag 501")));
    assert!(matches!(
        refused(&corim_with(&[(2, array(&[]))], &[])),
        CorimError::Unknown { map: "corim-map", .. }
    ));
    assert!(matches!(refused(&corim_with(&[(-1, int(0))], &[])), CorimError::Unknown { .. }));
    assert_eq!(refused(&corim_with(&[], &[tag(505, &bytes(b""))])), CorimError::Tag(505));
    assert!(matches!(refused(&corim_with(&[], &[tag(506, &bytes(b"\xf6"))])), CorimError::Form(_)));
    for kind in [1, 2, 3, 10] {
        let tags = [comid(&[(0, array(std::slice::from_ref(&one))), (kind, array(&[]))])];
        assert_eq!(refused(&corim_with(&[], &tags)), CorimError::Triples(kind.to_string()));
    }
    let instance = numbered(&[(0, numbered(&[(0, tag(37, &bytes(SNP)))])), (1, tag(560, &bytes(&[7; 64])))]);
    let bound = corim(&[triple(&instance, &[launch(1)])]);
    assert!(matches!(refused(&bound), CorimError::Unknown { map: "environment-map", .. }));
    let other = numbered(&[(1, numbered(&[(2, array(&[digest(7, 1, 48)]))])), (3, array(&[]))]);
    let other = corim(&[triple(&snp_environment(), &[other])]);
    assert!(matches!(refused(&other), CorimError::Unknown { map: "measurement-map", .. }));
    let classless = corim(&[triple(&numbered(&[(0, numbered(&[]))]), &[launch(1)])]);
    assert_eq!(refused(&classless), CorimError::Form("class-map"));
    let many: Vec<_> = (0..=crate::MAX_MEASURED).map(|_| launch(1)).collect();
    assert!(matches!(refused(&corim(&[triple(&snp_environment(), &many)])), CorimError::TooMany { .. }));
    let tags = vec![comid(&[(0, array(&[]))]); MAX_TAGS + 1];
    assert!(matches!(refused(&corim_with(&[], &tags)), CorimError::TooMany { .. }));
}

#[test]
fn a_signature_has_to_be_by_a_pinned_key() {
    let (pair, other, third) = (Pair::p256(), Pair::p256(), Pair::ed25519());
    let signed = pair.signed(&good());
    let pinned = |pair: &Pair| [pair.signer("maker")];
    assert!(read(&signed, &pinned(&pair)).is_ok());
    assert!(read(&signed, &[other.signer("a"), third.signer("b"), pair.signer("c")]).is_ok());
    for wrong in [&other, &third] {
        let refused = cose::verify(&signed, &pinned(wrong), now()).unwrap_err();
        let id = wrong.signer("maker").id().to_string();
        assert!(matches!(&refused, CoseError::SignerUnknown(names) if names.contains(&id)), "{refused}");
    }
    assert_eq!(cose::verify(&signed, &[], now()), Err(CoseError::Signers(0)));
    let nine = vec![pair.signer("a"); 9];
    assert_eq!(cose::verify(&signed, &nine, now()), Err(CoseError::Signers(9)));
    assert_eq!(cose::verify(&good(), &pinned(&pair), now()), Err(CoseError::NotSigned), "an unsigned CoRIM");
}

#[test]
fn every_byte_is_signed() {
    let pair = Pair::ed25519();
    let (signed, signer) = (pair.signed(&good()), pair.signer("maker"));
    for index in 0..signed.len() {
        let mut changed = signed.clone();
        changed[index] ^= 1;
        assert!(read(&changed, std::slice::from_ref(&signer)).is_err(), "byte {index}");
    }
    for length in 0..signed.len() {
        assert!(read(&signed[..length], std::slice::from_ref(&signer)).is_err(), "{length} bytes");
    }
    assert!(read(&[&signed[..], &[0]].concat(), &[signer]).is_err(), "one byte more");
}

#[test]
fn each_rule_of_the_signature_refuses_by_name() {
    let pair = Pair::ed25519();
    let refused = |protected: &[u8], unprotected: &[u8]| {
        let bytes = pair.envelope(protected, unprotected, &good());
        cose::verify(&bytes, &[pair.signer("maker")], now()).map(drop)
    };
    let none = map(&[]);
    let with = |meta: &[u8]| refused(&protected(meta, -8), &none);
    assert_eq!(with(&meta(Some((NOW, NOW)))), Ok(()));
    assert!(matches!(with(&meta(Some((NOW + 1, NOW + 2)))), Err(CoseError::NotYetValid { .. })));
    assert!(matches!(with(&meta(Some((0, NOW - 1)))), Err(CoseError::Expired { .. })));
    assert_eq!(with(&numbered(&[])), Err(CoseError::Header(8)));
    assert!(matches!(with(b"\xff"), Err(CoseError::Cbor { .. })));
    assert_eq!(refused(&protected(&meta(None), -257), &none), Err(CoseError::Algorithm(-257)), "RS256");
    assert_eq!(refused(&protected(&meta(None), -36), &none), Err(CoseError::Algorithm(-36)), "ES512");
    let (algorithm, content) = ((1, int(-8)), (3, text("application/rim+cbor")));
    let (corim_meta, claims) = ((8, bytes(&meta(None))), (15, numbered(&[(1, text("Example"))])));
    let header = |entries: &[(i64, Vec<u8>)]| refused(&numbered(entries), &none);
    assert_eq!(header(&[algorithm.clone(), content.clone(), claims.clone()]), Ok(()));
    assert_eq!(header(&[algorithm.clone(), content.clone()]), Err(CoseError::Header(8)));
    let both = [algorithm.clone(), content.clone(), corim_meta.clone(), claims];
    assert_eq!(header(&both), Err(CoseError::Header(8)), "one of the two");
    assert_eq!(header(&[algorithm.clone(), corim_meta.clone()]), Err(CoseError::Header(3)));
    assert_eq!(header(&[content.clone(), corim_meta.clone()]), Err(CoseError::Header(1)));
    let critical = [algorithm, content, corim_meta, (2, array(&[int(8)]))];
    assert_eq!(header(&critical), Err(CoseError::HeaderUnknown("2".to_owned())));
    let unsigned = numbered(&[(1, int(-8))]);
    let refused = refused(&protected(&meta(None), -8), &unsigned);
    assert_eq!(refused, Err(CoseError::HeaderUnknown("1".to_owned())), "an algorithm that nobody signed");
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(mut payload in Just(good()), at in 0_usize..200, byte in any::<u8>()) {
        let index = at % payload.len();
        payload[index] = byte;
        drop(Corim::parse(&payload));
    }
}
