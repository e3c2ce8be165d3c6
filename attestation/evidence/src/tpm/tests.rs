//! Bytes built by hand: one that is read, and each rule broken alone.

use super::*;
use crate::rule::Broken;

/// Values as they come: bank, index, bytes.
type Received = Vec<(Hash, u8, Vec<u8>)>;

/// A TPMS_ATTEST by its parts: magic, type, clock's last byte, selection.
fn attest(magic: u32, kind: u16, safe: u8, selection: &[u8]) -> Vec<u8> {
    let mut bytes = [magic.to_be_bytes().as_slice(), &kind.to_be_bytes()].concat();
    bytes.extend(b"\x00\x02qs\x00\x03ext");
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, safe]);
    bytes.extend([1, 2, 3, 4, 5, 6, 7, 8]);
    bytes.extend(selection);
    bytes.extend(b"\x00\x01d");
    bytes
}

/// One bank and bitmap after another, with their count.
fn selection(banks: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = u32::try_from(banks.len()).unwrap().to_be_bytes().to_vec();
    for (bank, bitmap) in banks {
        bytes.extend(bank.to_be_bytes());
        bytes.push(u8::try_from(bitmap.len()).unwrap());
        bytes.extend(*bitmap);
    }
    bytes
}

fn quote(selection: &[u8]) -> Result<Attest, &'static str> {
    Attest::parse(&attest(0xFF54_4347, 0x8018, 1, selection)).map_err(|error| error.rule().id)
}

const SHA256: u16 = 0x000B;

/// TPM-01: every field, and nothing after the last.
#[test]
fn a_quote_is_read_to_the_last_byte() {
    let bytes = attest(0xFF54_4347, 0x8018, 1, &selection(&[(SHA256, &[0x81, 0, 0x80])]));
    let read = Attest::parse(&bytes).unwrap();
    assert_eq!((read.qualified_signer.as_slice(), read.extra_data.as_slice()), (&b"qs"[..], &b"ext"[..]));
    let clock = Clock { milliseconds: 5, reset_count: 6, restart_count: 7, safe: true };
    assert_eq!((read.clock, read.firmware_version), (clock, 0x0102_0304_0506_0708));
    assert_eq!(read.selection.registers().collect::<Vec<_>>(), [0, 7, 23].map(|n| (Hash::Sha256, n)));
    assert_eq!((read.pcr_digest.as_slice(), read.bytes()), (&b"d"[..], bytes.as_slice()));
    for length in 0..bytes.len() {
        let id = Attest::parse(&bytes[..length]).unwrap_err().rule().id;
        assert!(["TPM-01", "TPM-16"].contains(&id), "{length}: {id}");
    }
    let rule = |bytes: &[u8]| Attest::parse(bytes).unwrap_err().rule().to_string();
    assert_eq!(rule(&[bytes.as_slice(), &[0]].concat()), "TPM-01 TpmAttestMalformed");
    assert_eq!(rule(&vec![0; MAX_ATTEST + 1]), "TPM-01 TpmAttestMalformed");
    let neither = attest(0xFF54_4347, 0x8018, 2, &selection(&[(SHA256, &[1, 0, 0])]));
    assert_eq!(rule(&neither), "TPM-01 TpmAttestMalformed");
}

/// TPM-02, TPM-03: made by a TPM, and a quote.
#[test]
fn other_attestations_are_refused_by_name() {
    let selection = selection(&[(SHA256, &[1, 0, 0])]);
    let rule =
        |magic, kind| Attest::parse(&attest(magic, kind, 1, &selection)).unwrap_err().rule().to_string();
    for magic in [0, 0xFF54_4346, 0x4743_54FF] {
        assert_eq!(rule(magic, 0x8018), "TPM-02 TpmMagic");
    }
    // Certification, NV contents, command audit, session audit, creation, time.
    for kind in [0x8017, 0x8014, 0x8015, 0x8016, 0x801A, 0x8019, 0] {
        assert_eq!(rule(0xFF54_4347, kind), "TPM-03 TpmNotAQuote");
    }
}

/// TPM-16, TPM-17: known banks once, three bytes each, something selected.
#[test]
fn selections_are_strict() {
    assert!(quote(&selection(&[(4, &[0, 0, 1]), (SHA256, &[0, 0, 0]), (0xC, &[1, 0, 0])])).is_ok());
    let all: [(u16, &[u8]); 4] = [4, 0xB, 0xC, 0xD].map(|bank| (bank, &[1_u8, 0, 0][..]));
    assert!(quote(&selection(&all)).is_ok());
    for broken in [
        vec![0, 0, 0, 0],
        vec![0xFF; 4],
        [&[0, 0, 0, 9][..], &selection(&[(SHA256, &[1, 0, 0])])].concat(),
        selection(&[(SHA256, &[1, 0, 0]), (SHA256, &[2, 0, 0])]),
        selection(&[(SHA256, &[1, 0])]),
        selection(&[(SHA256, &[1, 0, 0, 0])]),
        selection(&[(SHA256, &[])]),
        selection(&[(0x12, &[1, 0, 0])]),
        selection(&[(0x10, &[1, 0, 0])]),
    ] {
        assert_eq!(quote(&broken).unwrap_err(), "TPM-16", "{broken:?}");
    }
    for empty in [selection(&[(SHA256, &[0, 0, 0])]), selection(&[(4, &[0; 3]), (SHA256, &[0; 3])])] {
        assert_eq!(quote(&empty).unwrap_err(), "TPM-17");
    }
}

fn signature(scheme: u16, hash: u16, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [scheme, hash].map(u16::to_be_bytes).concat();
    for part in parts {
        bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(*part);
    }
    bytes
}

/// TPM-04, TPM-06, TPM-07: three schemes over three hash functions, to the last byte.
#[test]
fn signatures_are_of_known_schemes_and_hash_functions() {
    for (scheme, parts) in [(0x14, 1), (0x16, 1), (0x18, 2)] {
        for hash in [0xB, 0xC, 0xD] {
            let bytes = signature(scheme, hash, &vec![&[7; 32][..]; parts]);
            let read = Signature::parse(&bytes).unwrap();
            assert_eq!((read.scheme().id(), read.hash.id()), (scheme, hash));
            for length in 0..bytes.len() {
                assert_eq!(Signature::parse(&bytes[..length]).unwrap_err().rule().id, "TPM-04");
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert_eq!(
                Signature::parse(&longer).unwrap_err().rule().to_string(),
                "TPM-04 TpmSignatureMalformed"
            );
        }
        let rule =
            |hash| Signature::parse(&signature(scheme, hash, &[&[7; 32]])).unwrap_err().rule().to_string();
        assert_eq!(rule(0x4), "TPM-07 TpmWeakHash");
        for hash in [0, 0x10, 0x12, 0x27, 0xFFFF] {
            assert_eq!(rule(hash), "TPM-06 TpmSignatureAlgorithm");
        }
    }
    // None, HMAC, ECDAA, SM2, EC-Schnorr, and a cipher.
    for scheme in [0x10, 0x5, 0x1A, 0x1B, 0x1C, 0x6] {
        let error = Signature::parse(&signature(scheme, 0xB, &[&[7; 32]])).unwrap_err();
        assert_eq!(error.rule().to_string(), "TPM-06 TpmSignatureAlgorithm");
    }
    let empty = signature(0x18, 0xB, &[&[], &[7]]);
    assert_eq!(Signature::parse(&empty).unwrap_err().rule().id, "TPM-04");
    assert_eq!(Signature::parse(&[0; MAX_SIGNATURE + 1]).unwrap_err().rule().id, "TPM-04");
}

/// TPM-19, TPM-20: exactly the quoted registers, each as long as its bank's digests.
#[test]
fn values_are_those_of_the_quoted_registers() {
    let attest = quote(&selection(&[(SHA256, &[0x05, 0, 0]), (0xC, &[0x02, 0, 0])])).unwrap();
    let good =
        vec![(Hash::Sha256, 2, vec![2; 32]), (Hash::Sha384, 1, vec![1; 48]), (Hash::Sha256, 0, vec![0; 32])];
    let of = |values: Vec<(Hash, u8, Vec<u8>)>| {
        let signature = Signature::bare_rsassa_sha256([1; 256]);
        Quote::new(attest.clone(), signature, Some(values)).map_err(|error| error.rule().to_string())
    };
    let pcrs = of(good.clone()).unwrap().pcrs.unwrap();
    // In the order of the selection, and of the indices in a bank: not in the order of arrival.
    let whole = [vec![0; 32], vec![2; 32], vec![1; 48]].concat();
    for hash in [SigningHash::Sha256, SigningHash::Sha384, SigningHash::Sha512] {
        assert_eq!(pcrs.digest(hash).as_ref(), hash.digest([whole.as_slice()]).as_ref());
    }
    let changed = |change: &dyn Fn(&mut Received)| {
        let mut values = good.clone();
        change(&mut values);
        of(values).unwrap_err()
    };
    let set = "TPM-19 TpmPcrSetMismatch";
    assert_eq!(changed(&|values| values.clear()), set);
    assert_eq!(changed(&|values| values.truncate(2)), set);
    assert_eq!(changed(&|values| values.push((Hash::Sha256, 3, vec![0; 32]))), set);
    assert_eq!(changed(&|values| values.push((Hash::Sha256, 0, vec![0; 32]))), set);
    assert_eq!(changed(&|values| values[0].1 = 8), set);
    assert_eq!(changed(&|values| values[0].0 = Hash::Sha1), set);
    assert_eq!(changed(&|values| *values = vec![values[0].clone(); 121]), set);
    for length in [0, 31, 33, 48, 65] {
        assert_eq!(changed(&|values| values[0].2 = vec![0; length]), "TPM-20 TpmPcrLength");
    }
}

/// TPMT_PUBLIC of an RSA key: name hash, attributes, scheme and its hash, bits, exponent, modulus.
fn rsa(name: u16, attributes: u32, scheme: &[u16], bits: u16, exponent: u32, modulus: &[u8]) -> Vec<u8> {
    let mut bytes = [1, name].map(u16::to_be_bytes).concat();
    bytes.extend(attributes.to_be_bytes());
    bytes.extend([0, 0, 0, 0x10]);
    bytes.extend(scheme.iter().flat_map(|word| word.to_be_bytes()));
    bytes.extend(bits.to_be_bytes());
    bytes.extend(exponent.to_be_bytes());
    bytes.extend(u16::try_from(modulus.len()).unwrap().to_be_bytes());
    bytes.extend(modulus);
    bytes
}

fn modulus(length: usize) -> Vec<u8> {
    vec![0xA5; length]
}

const AK: u32 = 0x0005_0072;

/// TPM-08: read to the last byte; the Name is over all of them.
#[test]
fn a_public_area_is_read_to_the_last_byte_and_named() {
    let bytes = rsa(SHA256, AK, &[0x14, 0xB], 2048, 0, &modulus(256));
    let public = Public::parse(&bytes).unwrap();
    assert!(public.attributes.is_attestation_key() && !public.attributes.is_endorsement_key());
    assert_eq!(public.scheme, Some((Scheme::Rsassa, SigningHash::Sha256)));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    assert_eq!(public.name().as_bytes(), [&[0, 0xB], digest.as_ref()].concat());
    for length in 0..bytes.len() {
        assert_eq!(Public::parse(&bytes[..length]).unwrap_err().rule().id, "TPM-08", "{length}");
    }
    for broken in [
        [bytes.as_slice(), &[0]].concat(),
        rsa(0x10, AK, &[0x14, 0xB], 2048, 0, &modulus(256)),
        rsa(0x04, AK, &[0x14, 0xB], 2048, 0, &modulus(256)),
        rsa(SHA256, AK, &[0x14, 0x4], 2048, 0, &modulus(256)),
        rsa(SHA256, AK, &[0x99, 0xB], 2048, 0, &modulus(256)),
        rsa(SHA256, AK, &[0x14, 0xB], 2048, 0, &modulus(255)),
        rsa(SHA256, AK, &[0x14, 0xB], 2048, 0, &[&[0], modulus(255).as_slice()].concat()),
        [&[0, 8], &bytes[2..]].concat(),
    ] {
        assert_eq!(Public::parse(&broken).unwrap_err().rule().to_string(), "TPM-08 TpmAkMalformed");
    }
    // Without a scheme of its own the key fixes none.
    assert_eq!(Public::parse(&rsa(SHA256, AK, &[0x10], 2048, 0, &modulus(256))).unwrap().scheme, None);
}

fn key(public: &[u8]) -> Result<AttestationKey, String> {
    let spki = Public::parse(public).unwrap().spki().unwrap();
    let text = crate::encoding::base64_encode(&spki);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    AttestationKey::parse(&pem, Some(public)).map_err(|error| error.rule().to_string())
}

/// TPM-05, TPM-09, TPM-10: what the key is, may do, and is bound to.
#[test]
fn attestation_keys_are_restricted_strong_and_bound_to_a_scheme() {
    let of = |attributes, bits: u16, exponent| {
        key(&rsa(SHA256, attributes, &[0x14, 0xB], bits, exponent, &modulus(usize::from(bits) / 8)))
    };
    let good = of(AK, 2048, 0).unwrap();
    assert!(of(AK, 4096, 65537).is_ok());
    for bit in [1, 4, 5, 16, 17, 18] {
        assert_eq!(of(AK ^ 1 << bit, 2048, 0), Err("TPM-09 TpmAkAttributes".to_owned()), "bit {bit}");
    }
    for (bits, exponent) in [(1024, 0), (2048, 3), (2048, 65_539), (8192, 0)] {
        assert_eq!(of(AK, bits, exponent), Err("TPM-10 TpmAkWeak".to_owned()));
    }
    let check = |scheme, hash, length| {
        let signature = Signature::parse(&signature(scheme, hash, &[&vec![1; length]])).unwrap();
        good.check_signature(&signature).map_err(|error| error.rule().to_string())
    };
    assert_eq!(check(0x14, 0xB, 256), Ok(()));
    assert_eq!(check(0x16, 0xB, 256), Err("TPM-05 TpmSignatureKeyMismatch".to_owned()));
    assert_eq!(check(0x14, 0xC, 256), Err("TPM-05 TpmSignatureKeyMismatch".to_owned()));
    assert_eq!(check(0x14, 0xB, 255), Err("TPM-04 TpmSignatureMalformed".to_owned()));
    let ecdsa = Signature::parse(&signature(0x18, 0xB, &[&[1; 32], &[1; 32]])).unwrap();
    assert_eq!(good.check_signature(&ecdsa).unwrap_err().rule().id, "TPM-05");
}

/// TPM-12: part 1, 26.2: qualified Names are hashed from the parent down.
#[test]
fn qualified_names_follow_the_parents() {
    let name = Public::parse(&rsa(SHA256, AK, &[0x10], 2048, 0, &modulus(256))).unwrap().name();
    let hash = |parent: &[u8], name: &Name| {
        let digest = SigningHash::Sha256.digest([parent, name.as_bytes()]);
        [&[0, 0xB], digest.as_ref()].concat()
    };
    let primary = name.qualified_in(Hierarchy::Endorsement);
    assert_eq!(primary.as_bytes(), hash(&[0x40, 0, 0, 0x0B], &name));
    assert_eq!(name.qualified_below(&primary).as_bytes(), hash(primary.as_bytes(), &name));
    assert_eq!(name.to_string().parse::<Name>(), Ok(name.clone()));
    for text in ["", "000b", &"00".repeat(34), &format!("0004{}", "00".repeat(20)), &name.to_string()[2..]] {
        assert!(text.parse::<Name>().is_err(), "{text}");
    }
}
