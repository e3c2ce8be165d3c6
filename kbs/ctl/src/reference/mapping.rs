//! From a publisher's names to registers: what a name means is said, never guessed.

use super::check;
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_reference::Measured;
use hanzo_attestation_reference::corim::{PUBLISHED, register_of};
use hanzo_kbs_protocol::ReferenceValue;

/// Most names that a mistake lists: a screenful.
const MAX_LISTED: usize = 32;

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapped {
    /// The publisher's name: of one measurement, or of the environment with which the names of several begin.
    pub(super) name: String,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// It is left out.
    Nothing,
    /// Kind of evidence and register.
    Register(String, String),
    /// An environment of that kind of evidence: its measurements mean what the published profiles say.
    Environment(String),
}

impl Mapped {
    pub(super) fn to(name: &str, tee: &str, register: &str) -> Self {
        Self { name: name.to_owned(), target: Target::Register(tee.to_owned(), register.to_owned()) }
    }

    /// What it says of a measurement's name, after the environment's; nothing if it is about another.
    fn rest<'a>(&self, found: &'a str) -> Option<&'a str> {
        found.strip_prefix(&self.name)?.strip_prefix('/')
    }

    pub(super) fn is_about(&self, found: &str) -> bool {
        let inside = !matches!(self.target, Target::Register(..)) && self.rest(found).is_some();
        self.name == found || inside
    }
}

/// Reads `NAME=KIND:REGISTER`, `NAME=none` or `ENVIRONMENT=KIND`.
pub(super) fn parse_mapped(text: &str) -> Result<Mapped, String> {
    let shape = || "expected NAME=KIND:REGISTER, e.g. snp_launch_measurement=sev-snp:measurement".to_owned();
    let (name, target) = text.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(shape)?;
    if target == "none" {
        return Ok(Mapped { name: name.to_owned(), target: Target::Nothing });
    }
    let (tee, register) = match target.split_once(':') {
        Some((tee, register)) => (tee, Some(register)),
        None => (target, None),
    };
    match register {
        None => {
            registers_of(tee)?;
            Ok(Mapped { name: name.to_owned(), target: Target::Environment(tee.to_owned()) })
        }
        Some(register) => {
            known_register(tee, register)?;
            Ok(Mapped::to(name, tee, register))
        }
    }
}

/// Refuses a register that no evidence has, and says which there are.
pub(super) fn known_register(tee: &str, register: &str) -> Result<(), String> {
    let names = registers_of(tee)?;
    if names.contains(&register) {
        return Ok(());
    }
    Err(format!("`{tee}` has no register `{register}`; it has {}", names.join(", ")))
}

fn registers_of(tee: &str) -> Result<&'static [&'static str], String> {
    let names = hanzo_policy::REGISTERS.iter().find(|(known, _)| known.name() == tee);
    names.map(|(_, names)| *names).ok_or_else(|| {
        let kinds = hanzo_policy::REGISTERS.map(|(known, _)| known.name()).join(", ");
        format!("`{tee}` is no kind of evidence with registers; these are: {kinds}")
    })
}

/// The values of the registers that the names mean.
///
/// A name has one digest for each release, and all of them must fit the register; or, in manifests with
/// `each_algorithm`, one for each algorithm, and those of the register's size are meant.
pub(super) fn apply(
    measured: &[Measured],
    maps: &[Mapped],
    every_digest: bool,
) -> Result<Vec<ReferenceValue>, String> {
    if let Some(map) = maps.iter().find(|map| measured.iter().all(|found| !map.is_about(&found.name))) {
        return Err(format!("has no `{}`; it has {}", map.name, listed(measured.iter())));
    }
    let twice =
        maps.iter().enumerate().find(|(index, map)| maps.iter().skip(index + 1).any(|m| m.name == map.name));
    if let Some((_, map)) = twice {
        return Err(format!("--map says twice what `{}` means", map.name));
    }
    let mut unmapped = measured.iter().filter(|found| map_of(found, maps).is_none()).peekable();
    if unmapped.peek().is_some() {
        let names = listed(unmapped);
        return Err(format!("--map must say what these mean, or leave them out with NAME=none: {names}"));
    }
    let mut values = Vec::new();
    for found in measured {
        if let Some((tee, register)) =
            map_of(found, maps).map(|map| register(found, map)).transpose()?.flatten()
        {
            values.push(values_of(found, &tee, &register, every_digest)?);
        }
    }
    by_algorithm(&values)
}

/// What was said of this very name, or else of the longest environment that it is in.
fn map_of<'a>(found: &Measured, maps: &'a [Mapped]) -> Option<&'a Mapped> {
    maps.iter().filter(|map| map.is_about(&found.name)).max_by_key(|map| map.name.len())
}

/// Kind of evidence and register; nothing if the name is left out.
fn register(found: &Measured, map: &Mapped) -> Result<Option<(String, String)>, String> {
    match &map.target {
        Target::Nothing => Ok(None),
        Target::Register(tee, register) => Ok(Some((tee.clone(), register.clone()))),
        Target::Environment(tee) => {
            let published = PUBLISHED.iter().find(|(name, of, _)| *name == found.name && of == tee);
            let meant = match published {
                Some((.., register)) => Some((*register).to_owned()),
                None => map.rest(&found.name).and_then(|rest| register_of(tee, rest)),
            };
            let names = hanzo_policy::REGISTERS.iter().find(|(known, _)| known.name() == tee);
            let known =
                |register: &String| names.is_some_and(|(_, names)| names.contains(&register.as_str()));
            match meant.filter(known) {
                Some(register) => Ok(Some((tee.clone(), register))),
                None => Err(format!(
                    "no profile says which register of `{tee}` this is: `{name}`. Say so with --map \
                     '{name}={tee}:REGISTER', or leave it out with --map '{name}=none'",
                    name = found.name
                )),
            }
        }
    }
}

/// Values of one group with digests of several algorithms become one entry for each algorithm: a TPM quotes the
/// bank of one. A register that has one digest is in each of them, so no entry asks less than was published.
fn by_algorithm(found: &[Vec<ReferenceValue>]) -> Result<Vec<ReferenceValue>, String> {
    let group_of = |values: &[ReferenceValue]| values.first().and_then(|value| value.entry.clone());
    let (mut values, mut done) = (Vec::new(), Vec::new());
    for first in found {
        match group_of(first) {
            None => values.extend(first.iter().cloned()),
            Some(group) if !done.contains(&group) => {
                let of_group = |values: &&Vec<ReferenceValue>| group_of(values).as_ref() == Some(&group);
                values.extend(alternatives(&found.iter().filter(of_group).collect::<Vec<_>>(), &group)?);
                done.push(group);
            }
            Some(_) => {}
        }
    }
    Ok(values)
}

/// The entries of one group: itself, or one for each algorithm that some of its registers have beside others.
fn alternatives(group: &[&Vec<ReferenceValue>], name: &str) -> Result<Vec<ReferenceValue>, String> {
    if group.iter().all(|values| values.len() < 2) {
        return Ok(group.iter().flat_map(|values| values.iter().cloned()).collect());
    }
    let mut entries = Vec::new();
    for (bytes, algorithm) in [(32, "sha-256"), (48, "sha-384"), (64, "sha-512")] {
        let fits = |values: &[ReferenceValue]| {
            values.iter().find(|value| value.digest.as_bytes().len() == bytes).cloned()
        };
        if !group.iter().any(|values| values.len() > 1 && fits(values).is_some()) {
            continue;
        }
        let of_size = |values: &&Vec<ReferenceValue>| match values.as_slice() {
            [one] => Some(one.clone()),
            several => fits(several),
        };
        let all: Option<Vec<ReferenceValue>> = group.iter().map(of_size).collect();
        entries.extend(all.unwrap_or_default().into_iter().map(|value| {
            let entry = value.entry.map(|entry| format!("{entry}/{algorithm}"));
            ReferenceValue { entry, ..value }
        }));
    }
    if entries.is_empty() {
        return Err(format!("the registers of `{name}` have digests of no algorithm in common"));
    }
    Ok(entries)
}

fn values_of(
    found: &Measured,
    tee: &str,
    register: &str,
    every: bool,
) -> Result<Vec<ReferenceValue>, String> {
    let name = &found.name;
    if let Some(problem) = &found.problem {
        return Err(format!("`{name}` is no digest alone, and can only be left out: {problem}"));
    }
    let value = |digest: &Digest| ReferenceValue {
        entry: found.group.clone(),
        note: found.note.clone(),
        ..ReferenceValue::new(tee, register, *digest)
    };
    let (mut values, mut misfit) = (Vec::new(), None);
    for value in found.digests.iter().map(value) {
        match check("the import", vec![value.clone()]) {
            Ok(()) => values.push(value),
            Err(reason) => misfit = Some(reason),
        }
    }
    match misfit {
        Some(reason) if every || values.is_empty() => Err(format!("`{name}`: {reason}")),
        _ => Ok(values),
    }
}

/// The names, and of each that can only be left out, why.
fn listed<'a>(names: impl Iterator<Item = &'a Measured>) -> String {
    let mut names: Vec<String> = names.map(described).collect();
    names.dedup();
    let more = names.len().saturating_sub(MAX_LISTED);
    names.truncate(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

fn described(found: &Measured) -> String {
    let name = &found.name;
    match &found.problem {
        Some(problem) => format!("`{name}` (can only be left out: {problem})"),
        None => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hanzo_attestation_evidence::Hex;

    fn found(name: &str, digests: &[Digest]) -> Measured {
        let digests = digests.to_vec();
        Measured { name: name.to_owned(), digests, group: None, note: None, problem: None }
    }

    fn sha384(byte: u8) -> Digest {
        Hex([byte; 48]).into()
    }

    fn sha256(byte: u8) -> Digest {
        Hex([byte; 32]).into()
    }

    #[test]
    fn a_name_means_what_is_said() {
        let maps = [Mapped::to("mrtd", "tdx", "mr_td"), parse_mapped("svn=none").unwrap()];
        let svn = Measured { problem: Some("a number".to_owned()), ..found("svn", &[]) };
        let values = apply(&[found("mrtd", &[sha384(1), sha384(2)]), svn], &maps, true).unwrap();
        let expected = [1, 2].map(|byte| ReferenceValue::new("tdx", "mr_td", sha384(byte)));
        assert_eq!(values, expected);
        let both = [found("mrtd", &[sha256(1), sha384(1)])];
        assert_eq!(apply(&both, &maps[..1], false).unwrap(), expected[..1], "one for each algorithm");
    }

    #[test]
    fn what_is_not_said_is_an_error() {
        let maps = [Mapped::to("a", "tdx", "mr_td")];
        let refused = |measured: &[Measured], maps: &[Mapped]| apply(measured, maps, true).unwrap_err();
        let a = || found("a", &[sha384(1)]);
        assert!(refused(&[a(), found("b", &[]), found("c", &[])], &maps).contains("`b`, `c`"));
        assert!(refused(&[found("b", &[])], &maps).contains("has no `a`; it has `b`"));
        assert!(refused(&[a()], &[maps[0].clone(), maps[0].clone()]).contains("twice"));
        let problem = Measured { problem: Some("a number".to_owned()), ..a() };
        assert!(refused(&[problem], &maps).contains("a number"));
        assert!(refused(&[found("a", &[sha384(1), sha256(1)])], &maps).contains("48 bytes"));
        assert!(refused(&[found("a", &[sha384(0)])], &maps).contains("zeros"));
        let short = apply(&[found("a", &[sha256(1)])], &maps, false).unwrap_err();
        assert!(short.contains("48 bytes"), "no digest of the register's size: {short}");
    }

    fn grouped(name: &str, digests: &[Digest]) -> Measured {
        Measured { group: Some("release 7#0".to_owned()), ..found(name, digests) }
    }

    /// Register, first byte of the digest, entry.
    fn short(values: &[ReferenceValue]) -> Vec<(String, u8, String)> {
        let row = |value: &ReferenceValue| {
            let entry = value.entry.clone().unwrap_or_default();
            (value.register.clone(), value.digest.as_bytes()[0], entry)
        };
        values.iter().map(row).collect()
    }

    #[test]
    fn an_environment_of_a_kind_needs_no_word_about_each_register() {
        let env = |text: &str| [parse_mapped(text).unwrap()];
        let pcrs =
            [grouped("model:A/register:0", &[sha256(1)]), grouped("model:A/register:pcr7", &[sha256(2)])];
        let values = apply(&pcrs, &env("model:A=tpm"), false).unwrap();
        let row = |register: &str, byte| (register.to_owned(), byte, "release 7#0".to_owned());
        assert_eq!(short(&values), [row("pcr0", 1), row("pcr7", 2)]);
        let td = [grouped("model:A/mrtee", &[sha384(1)]), grouped("model:A/register:rtmr1", &[sha384(2)])];
        let values = apply(&td, &env("model:A=tdx"), false).unwrap();
        assert_eq!(short(&values), [row("mr_td", 1), row("rtmr1", 2)]);
        let enclave = [grouped("model:A/mrtee", &[sha256(1)]), grouped("model:A/mrsigner", &[sha256(2)])];
        let values = apply(&enclave, &env("model:A=sgx"), false).unwrap();
        assert_eq!(short(&values), [row("mr_enclave", 1), row("mr_signer", 2)]);
        let published = [found("sgx-enclave/mrsigner", &[sha256(3)])];
        assert_eq!(apply(&published, &env("sgx-enclave=sgx"), false).unwrap()[0].register, "mr_signer");
        assert_eq!(apply(&published, &env("sgx-enclave=none"), false), Ok(Vec::new()));
    }

    #[test]
    fn what_no_profile_names_in_an_environment_is_an_error() {
        let refused = |name: &str, map: &str| {
            apply(&[found(name, &[sha384(1)])], &[parse_mapped(map).unwrap()], false).unwrap_err()
        };
        for (name, map) in [
            ("a/register:0", "a=tdx"),
            ("a/register:rtmr4", "a=tdx"),
            ("a/register:16", "a=tpm"),
            ("a/register:24", "a=tpm"),
            ("a/register:1", "a=az-tdx-vtpm"),
            ("a/mrsigner", "a=tdx"),
            ("a/mrtee", "a=sev-snp"),
            ("a/mrtee", "a=tpm"),
            ("a/key:641", "a=sev-snp"),
            ("a/key:1/mrtee", "a=tdx"),
            ("a", "a=tdx"),
        ] {
            assert!(refused(name, map).contains("no profile says"), "{name} {map}");
        }
        assert!(refused("ab/mrtee", "a=tdx").contains("has no `a`"), "a part of a name is no environment");
        let two = [found("a/mrtee", &[sha384(1)]), found("b/mrtee", &[sha384(2)])];
        let unsaid = apply(&two, &[parse_mapped("a=tdx").unwrap()], false).unwrap_err();
        assert!(unsaid.contains("`b/mrtee`") && !unsaid.contains("`a/mrtee`"), "{unsaid}");
        let constrained = Measured { problem: Some("tee.isvsvn (-73)".to_owned()), ..two[0].clone() };
        let refused = apply(&[constrained], &[parse_mapped("a=tdx").unwrap()], false).unwrap_err();
        assert!(refused.contains("tee.isvsvn"), "{refused}");
    }

    #[test]
    fn the_narrower_word_counts() {
        let maps = ["a=tdx", "a/register:0=tdx:rtmr0", "a/register:9=none", "a/b=none"];
        let maps = maps.map(|text| parse_mapped(text).unwrap());
        let names = ["a/mrtee", "a/register:0", "a/register:9", "a/b/mrtee"];
        let values = apply(&names.map(|name| found(name, &[sha384(1)])), &maps, false).unwrap();
        let registers: Vec<_> = values.iter().map(|value| value.register.as_str()).collect();
        assert_eq!(registers, ["mr_td", "rtmr0"]);
    }

    #[test]
    fn banks_of_a_tpm_are_alternatives_that_ask_no_less() {
        let maps = [parse_mapped("a=tpm").unwrap()];
        let both = |byte| [sha256(byte), sha384(byte)];
        let measured = [grouped("a/register:0", &both(1)), grouped("a/register:7", &both(2))];
        let row =
            |register: &str, byte, bank: &str| (register.to_owned(), byte, format!("release 7#0/{bank}"));
        assert_eq!(
            short(&apply(&measured, &maps, false).unwrap()),
            [
                row("pcr0", 1, "sha-256"),
                row("pcr7", 2, "sha-256"),
                row("pcr0", 1, "sha-384"),
                row("pcr7", 2, "sha-384"),
            ]
        );
        let one_bank = [grouped("a/register:0", &both(1)), grouped("a/register:7", &[sha256(2)])];
        let entries = short(&apply(&one_bank, &maps, false).unwrap());
        assert_eq!(entries.len(), 4, "each entry has both registers: {entries:?}");
        let none = [
            grouped("a/register:0", &[sha256(1), sha384(1)]),
            grouped("a/register:1", &[sha384(1), Hex([1; 64]).into()]),
            grouped("a/register:2", &[sha256(1), Hex([1; 64]).into()]),
        ];
        assert!(apply(&none, &maps, false).unwrap_err().contains("no algorithm in common"));
        let alone = apply(&[found("a/register:0", &both(1))], &maps, false).unwrap();
        assert_eq!(short(&alone).len(), 2, "without a group, either");
    }

    #[test]
    fn a_mapping_names_a_register_that_there_is() {
        assert_eq!(parse_mapped("a=b=tdx:mr_td").unwrap(), Mapped::to("a=b", "tdx", "mr_td"));
        for text in ["", "a", "=tdx:mr_td", "a=td", "a=tdx:measurement", "a=nvidia-gpu:x", "a=:", "a=tdx:"] {
            assert!(parse_mapped(text).is_err(), "{text}");
        }
    }
}
