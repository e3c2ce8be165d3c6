//! CoMID (draft-ietf-rats-corim, 5): the measurements of target environments.

use super::{
    COMID, CorimError, MAX_ID, Map, Profile, SGX_ENCLAVE_CLASS, TDX_MODULE_CLASS, hex, identifier, only,
    parse,
};
use crate::cbor::Item;
use crate::cose::get;
use crate::{MAX_MEASURED, Measured};
use hanzo_attestation_evidence::Digest;

/// Classes of the AMD profile (3.2.1): by chip, and by cloud provider.
const SNP_BY_CHIP: &[u8] = b"\xd0\x5e\x6d\x1b\x9f\x46\x4a\xe2\xa6\x10\xce\x3e\x6e\xe7\xe1\x53";
const SNP_BY_PROVIDER: &[u8] = b"\x89\xa7\xa1\xf0\xe7\x04\x4f\xaa\xac\xbd\x81\xc8\x6d\xf8\xa9\x61";

/// Classes of the Intel profile (the examples of its draft): 2.16.840.1.113741.1.2.3.4.3, the TDX module, and
/// 2.16.840.1.113741.1.2.3.5.1, an enclave.
const TDX_MODULE: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x4d\x01\x02\x03\x04\x03";
const SGX_ENCLAVE: &[u8] = b"\x60\x86\x48\x01\x86\xf8\x4d\x01\x02\x03\x05\x01";
const INTEL: &str = "Intel Corporation";
/// How a name ends that means the digest of a TEE, and of its signer.
const MRTEE: &str = "/mrtee";
const MRSIGNER: &str = "/mrsigner";

/// Tag of an expression over digests, and its operator "is a member" (draft-cds-rats-intel-corim-profile, "Set
/// Expressions").
const DIGEST_EXPRESSION: u64 = 60_020;
const MEMBER: Item<'_> = Item::Int(6);

/// Entries of measurement-values-map (5.1.4.5): those that are digests, and the name, which is for people.
mod value {
    pub(super) const DIGESTS: i128 = 2;
    pub(super) const NAME: i128 = 11;
    pub(super) const INTEGRITY_REGISTERS: i128 = 14;
    /// draft-cds-rats-intel-corim-profile, 8.2.5; as an mkey, without the sign.
    pub(super) const MRTEE: i128 = -83;
    pub(super) const MRSIGNER: i128 = -84;
    /// Names of the others: of the base (5.1.4.5), then of the Intel profile (8.2).
    pub(super) const OTHERS: [(i128, &str); 26] = [
        (0, "version"),
        (1, "svn"),
        (3, "flags"),
        (4, "raw-value"),
        (5, "raw-value-mask"),
        (6, "mac-addr"),
        (7, "ip-addr"),
        (8, "serial-number"),
        (9, "ueid"),
        (10, "uuid"),
        (13, "cryptokeys"),
        (15, "int-range"),
        (-70, "tee.vendor"),
        (-71, "tee.model"),
        (-72, "tee.tcbdate"),
        (-73, "tee.isvsvn"),
        (-80, "tee.pceid"),
        (-81, "tee.miscselect"),
        (-82, "tee.attributes"),
        (-85, "tee.isvprodid"),
        (-86, "tee.tcb-eval-num"),
        (-88, "tee.tcbstatus"),
        (-89, "tee.advisory-ids"),
        (-91, "tee.cryptokeys"),
        (-101, "tee.platform-instance-id"),
        (-125, "tee.tcb-comp-svn"),
    ];
}

/// Reads one tag of a CoRIM: `#6.506(bytes .cbor concise-mid-tag)`.
pub(super) fn read(tag: &Item<'_>, profile: Profile, into: &mut Vec<Measured>) -> Result<(), CorimError> {
    let Item::Tag(number, inside) = tag else { return Err(CorimError::Form("a tag")) };
    if *number != COMID {
        return Err(CorimError::Tag(*number));
    }
    let Item::Bytes(bytes) = **inside else { return Err(CorimError::Form("a CoMID")) };
    let Item::Map(comid) = parse("a CoMID", bytes)? else {
        return Err(CorimError::Form("concise-mid-tag"));
    };
    // 0, language, and 2, entities, are for people; 3, linked-tags, would replace or supplement another tag.
    only("concise-mid-tag", &comid, &[0, 1, 2, 4])?;
    let Some(Item::Map(identity)) = get(&comid, 1) else {
        return Err(CorimError::Form("concise-mid-tag / tag-identity"));
    };
    only("tag-identity-map", identity, &[0, 1])?;
    let id = identifier(get(identity, 0)).ok_or(CorimError::Form("tag-identity-map / tag-id"))?;
    let Some(Item::Map(triples)) = get(&comid, 4) else {
        return Err(CorimError::Form("concise-mid-tag / triples"));
    };
    if let Some((kind, _)) = triples.iter().find(|(kind, _)| *kind != Item::Int(0)) {
        return Err(CorimError::Triples(number_or_text(kind).unwrap_or_default()));
    }
    let Some(Item::Array(records)) = get(triples, 0) else {
        return Err(CorimError::Form("triples-map / reference-triples"));
    };
    for (index, record) in records.iter().enumerate() {
        let group = format!("{id}#{index}");
        triple(record, &group, profile, into)?;
    }
    Ok(())
}

/// reference-triple-record (5.1.5): `[environment, [+ measurement]]`. Its measurements hold together.
fn triple(
    record: &Item<'_>,
    group: &str,
    profile: Profile,
    into: &mut Vec<Measured>,
) -> Result<(), CorimError> {
    let Item::Array(parts) = record else { return Err(CorimError::Form("reference-triple-record")) };
    let [Item::Map(environment), Item::Array(measurements)] = parts.as_slice() else {
        return Err(CorimError::Form("reference-triple-record"));
    };
    let (class, model) = class(environment, profile)?;
    let start = into.len();
    for measurement in measurements {
        let Item::Map(measurement) = measurement else { return Err(CorimError::Form("measurement-map")) };
        self::measurement(measurement, &class, profile, into)?;
        if into.len() > MAX_MEASURED {
            return Err(CorimError::TooMany { what: "measurements", limit: MAX_MEASURED });
        }
    }
    let added = into.get_mut(start..).unwrap_or_default();
    let together = added.len() > 1;
    for measured in added {
        measured.group = together.then(|| group.to_owned());
        measured.note = measured.note.take().or_else(|| model.clone());
    }
    Ok(())
}

/// environment-map (5.1.4.1): the name of its class, and its model for people.
fn class(environment: &Map<'_>, profile: Profile) -> Result<(String, Option<String>), CorimError> {
    // 1, instance, and 2, group, would tie the values to one machine or to an anonymity group.
    only("environment-map", environment, &[0])?;
    let Some(Item::Map(class)) = get(environment, 0) else {
        return Err(CorimError::Form("environment-map / class"));
    };
    only("class-map", class, &[0, 1, 2, 3, 4])?;
    let form = CorimError::Form("class-map");
    let id = match get(class, 0) {
        None => None,
        Some(Item::Tag(37 | 111 | 560, inside)) => match **inside {
            Item::Bytes(bytes) => Some(bytes),
            _ => return Err(form),
        },
        Some(_) => return Err(form),
    };
    let model =
        get(class, 2).map(|model| part(model).ok_or(CorimError::Form("class-map / model"))).transpose()?;
    // The profile's model is the product (3.2.1): the measurement already depends on it, and policies ask for
    // the product by itself.
    match id {
        Some(SNP_BY_CHIP) => return Ok(("sev-snp".to_owned(), model)),
        Some(SNP_BY_PROVIDER) => return Ok(("sev-snp-vlek".to_owned(), model)),
        _ => {}
    }
    // A layer or an index would be one of several modules or enclaves: such a class keeps its long name.
    let whole = get(class, 3).or(get(class, 4)).is_none();
    let of_intel = get(class, 1).is_none_or(|vendor| *vendor == Item::Text(INTEL));
    match id.filter(|_| profile == Profile::Intel && whole && of_intel) {
        Some(TDX_MODULE) => return Ok((TDX_MODULE_CLASS.to_owned(), model)),
        Some(SGX_ENCLAVE) => return Ok((SGX_ENCLAVE_CLASS.to_owned(), model)),
        _ => {}
    }
    let mut parts: Vec<String> = id.map(|id| format!("id:{}", hex(id))).into_iter().collect();
    for (key, name) in [(1, "vendor"), (2, "model"), (3, "layer"), (4, "index")] {
        if let Some(item) = get(class, key) {
            parts.push(format!("{name}:{}", part(item).ok_or(CorimError::Form("class-map"))?));
        }
    }
    if parts.is_empty() { Err(form) } else { Ok((parts.join("/"), model)) }
}

/// measurement-map (5.1.4.5): `{?0: mkey, 1: mval, ?2: authorized-by}`.
fn measurement(
    measurement: &Map<'_>,
    class: &str,
    profile: Profile,
    into: &mut Vec<Measured>,
) -> Result<(), CorimError> {
    only("measurement-map", measurement, &[0, 1, 2])?;
    let name = match get(measurement, 0) {
        None => class.to_owned(),
        Some(Item::Int(83)) if profile == Profile::Intel => format!("{class}{MRTEE}"),
        Some(Item::Int(84)) if profile == Profile::Intel => format!("{class}{MRSIGNER}"),
        Some(key) => format!("{class}/key:{}", mkey(key).ok_or(CorimError::Form("mkey"))?),
    };
    let Some(Item::Map(values)) = get(measurement, 1) else {
        return Err(CorimError::Form("measurement-map / mval"));
    };
    let note = get(values, value::NAME).and_then(part);
    let add = |suffix: &str, digests: Result<Vec<Digest>, String>| {
        let (digests, problem) = match digests {
            Ok(digests) => (digests, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        Measured { name: format!("{name}{suffix}"), digests, group: None, note: note.clone(), problem }
    };
    let before = into.len();
    let mut others = Vec::new();
    for (key, item) in values {
        match key {
            Item::Int(value::NAME) => {}
            Item::Int(value::DIGESTS) => into.push(add("", digests(item)?)),
            Item::Int(value::INTEGRITY_REGISTERS) => {
                let Item::Map(registers) = item else { return Err(CorimError::Form("integrity-registers")) };
                for (register, item) in registers {
                    let register = part(register).ok_or(CorimError::Form("integrity-registers"))?;
                    into.push(add(&format!("/register:{register}"), digests(item)?));
                }
            }
            Item::Int(value::MRTEE) if profile == Profile::Intel => into.push(add(MRTEE, tee_digest(item))),
            Item::Int(value::MRSIGNER) if profile == Profile::Intel => {
                into.push(add(MRSIGNER, tee_digest(item)));
            }
            other => others.push(value_name(other)),
        }
    }
    let mut problem =
        (!others.is_empty()).then(|| format!("measurement values are no digests: {}", others.join(", ")));
    if get(measurement, 2).is_some() {
        // authorized-by: whose word the value needs.
        problem = Some("it counts only where a key vouches that it names (authorized-by)".to_owned());
    }
    if before == into.len() {
        into.push(add("", Err(problem.unwrap_or_else(|| "no digest".to_owned()))));
        return Ok(());
    }
    // What stands beside the digests has to hold with them: it makes each of them more than a digest.
    if let Some(problem) = problem {
        into.iter_mut().skip(before).for_each(|measured| measured.problem = Some(problem.clone()));
    }
    Ok(())
}

/// The name of a measurement value that is no digest, with its number.
fn value_name(key: &Item<'_>) -> String {
    let number = number_or_text(key).unwrap_or_default();
    let known = value::OTHERS.iter().find(|(known, _)| *key == Item::Int(*known));
    known.map_or_else(|| number.clone(), |(_, name)| format!("{name} ({number})"))
}

/// `tee.mrtee` and `tee.mrsigner`: one digest; several, one for each algorithm; or the expression that it is a
/// member of a set. Of a set with several members the drafts say that one has to match, and that all have to.
fn tee_digest(item: &Item<'_>) -> Result<Vec<Digest>, String> {
    match item {
        Item::Array(parts) if matches!(parts.first(), Some(Item::Array(_))) => by_algorithm(parts),
        Item::Array(parts) if !parts.is_empty() => by_algorithm(std::slice::from_ref(item)),
        Item::Tag(DIGEST_EXPRESSION, inside) => match &**inside {
            Item::Array(parts) => match parts.as_slice() {
                [MEMBER, Item::Array(set)] if set.len() == 1 => by_algorithm(set),
                [MEMBER, Item::Array(_)] => Err("a set of digests that has not one member".to_owned()),
                _ => Err("an expression over digests that is not membership".to_owned()),
            },
            _ => Err("an expression over digests of another form".to_owned()),
        },
        _ => Err("digests of another form".to_owned()),
    }
}

/// digests-type (7.7): `[+ [algorithm, bytes]]`.
fn digests(item: &Item<'_>) -> Result<Result<Vec<Digest>, String>, CorimError> {
    match item {
        Item::Array(list) if !list.is_empty() => Ok(by_algorithm(list)),
        _ => Err(CorimError::Form("digests")),
    }
}

/// The digests of the algorithms that registers have. One of another algorithm beside them asks nothing: digests
/// are compared by the algorithms that both sides have ("Comparison for digests entries"). Two of one algorithm
/// match nothing.
fn by_algorithm(list: &[Item<'_>]) -> Result<Vec<Digest>, String> {
    let (mut digests, mut others): (Vec<Digest>, Vec<String>) = (Vec::new(), Vec::new());
    for item in list {
        match digest(item)? {
            Ok(digest) if digests.iter().any(|known| known.as_bytes().len() == digest.as_bytes().len()) => {
                return Err("two digests of one algorithm: nothing has both".to_owned());
            }
            Ok(digest) => digests.push(digest),
            Err(algorithm) => others.push(algorithm),
        }
    }
    if digests.is_empty() { Err(format!("the digest algorithm {}", others.join(", "))) } else { Ok(digests) }
}

/// One digest by an algorithm of the Named Information registry (RFC 6920): SHA-256, SHA-384 or SHA-512; or the
/// name of another algorithm.
fn digest(item: &Item<'_>) -> Result<Result<Digest, String>, String> {
    let Item::Array(parts) = item else { return Err("a digest of another form".to_owned()) };
    let [algorithm, Item::Bytes(bytes)] = parts.as_slice() else {
        return Err("a digest of another form".to_owned());
    };
    let length = match algorithm {
        Item::Int(1) | Item::Text("sha-256") => 32,
        Item::Int(7) | Item::Text("sha-384") => 48,
        Item::Int(8) | Item::Text("sha-512") => 64,
        other => return Ok(Err(number_or_text(other).ok_or("a digest of another form")?)),
    };
    if bytes.len() != length {
        return Err(format!("a digest of {} bytes in the place of {length}", bytes.len()));
    }
    Digest::try_from(*bytes).map(Ok).map_err(|error| error.to_string())
}

/// measured-element-type-choice (5.1.4.5.1): a number, text, an OID or a UUID.
fn mkey(item: &Item<'_>) -> Option<String> {
    match item {
        Item::Tag(37 | 111, inside) => match **inside {
            Item::Bytes(bytes) => Some(hex(bytes)),
            _ => None,
        },
        other => part(other),
    }
}

/// A part of a name: a number, or text in which nothing can be taken for the end of the part.
fn part(item: &Item<'_>) -> Option<String> {
    let plain = |letter: char| !letter.is_control() && !matches!(letter, '/' | '=' | '%');
    match item {
        Item::Int(number) if *number >= 0 => Some(number.to_string()),
        Item::Text(text) if (1..=MAX_ID).contains(&text.len()) => {
            Some(
                text.chars()
                    .map(|letter| {
                        if plain(letter) { letter.to_string() } else { format!("%{:02X}", u32::from(letter)) }
                    })
                    .collect(),
            )
        }
        _ => None,
    }
}

fn number_or_text(item: &Item<'_>) -> Option<String> {
    match item {
        Item::Int(number) => Some(number.to_string()),
        other => part(other),
    }
}
