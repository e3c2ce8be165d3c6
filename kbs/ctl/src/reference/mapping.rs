//! From a publisher's names to registers: what a name means is said, never guessed.

use super::check;
use hanzo_attestation_evidence::Digest;
use hanzo_attestation_reference::Measured;
use hanzo_kbs_protocol::ReferenceValue;

/// Most names that a mistake lists: a screenful.
const MAX_LISTED: usize = 32;

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapped {
    /// The publisher's name.
    pub(super) name: String,
    /// Kind of evidence and register; nothing if the name is left out.
    register: Option<(String, String)>,
}

impl Mapped {
    pub(super) fn to(name: &str, tee: &str, register: &str) -> Self {
        Self { name: name.to_owned(), register: Some((tee.to_owned(), register.to_owned())) }
    }
}

/// Reads `NAME=KIND:REGISTER` or `NAME=none`.
pub(super) fn parse_mapped(text: &str) -> Result<Mapped, String> {
    let shape = || "expected NAME=KIND:REGISTER, e.g. snp_launch_measurement=sev-snp:measurement".to_owned();
    let (name, target) = text.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(shape)?;
    if target == "none" {
        return Ok(Mapped { name: name.to_owned(), register: None });
    }
    let (tee, register) = target.split_once(':').ok_or_else(shape)?;
    let names = hanzo_policy::REGISTERS.iter().find(|(known, _)| known.name() == tee);
    let names = names.ok_or_else(|| format!("`{tee}` is no kind of evidence with registers"))?;
    if names.1.contains(&register) {
        Ok(Mapped::to(name, tee, register))
    } else {
        Err(format!("`{tee}` has no register `{register}`; it has {}", names.1.join(", ")))
    }
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
    if let Some(map) = maps.iter().find(|map| measured.iter().all(|found| found.name != map.name)) {
        return Err(format!("has no `{}`; it has {}", map.name, listed(measured.iter())));
    }
    let twice =
        maps.iter().enumerate().find(|(index, map)| maps.iter().skip(index + 1).any(|m| m.name == map.name));
    if let Some((_, map)) = twice {
        return Err(format!("--map says twice what `{}` means", map.name));
    }
    let map_of = |found: &Measured| maps.iter().find(|map| map.name == found.name);
    let mut unmapped = measured.iter().filter(|found| map_of(found).is_none()).peekable();
    if unmapped.peek().is_some() {
        return Err(format!("--map must say what these mean: {}", listed(unmapped)));
    }
    let mut values = Vec::new();
    for found in measured {
        if let Some((tee, register)) = map_of(found).and_then(|map| map.register.as_ref()) {
            values.extend(values_of(found, tee, register, every_digest)?);
        }
    }
    Ok(values)
}

fn values_of(
    found: &Measured,
    tee: &str,
    register: &str,
    every: bool,
) -> Result<Vec<ReferenceValue>, String> {
    let name = &found.name;
    if let Some(problem) = &found.problem {
        return Err(format!("`{name}` is no digest alone: {problem}"));
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

fn listed<'a>(names: impl Iterator<Item = &'a Measured>) -> String {
    let mut names: Vec<String> = names.map(|found| format!("`{}`", found.name)).collect();
    names.dedup();
    let more = names.len().saturating_sub(MAX_LISTED);
    names.truncate(MAX_LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
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

    #[test]
    fn a_mapping_names_a_register_that_there_is() {
        assert_eq!(parse_mapped("a=b=tdx:mr_td").unwrap(), Mapped::to("a=b", "tdx", "mr_td"));
        for text in ["", "a", "=tdx:mr_td", "a=tdx", "a=tdx:measurement", "a=nvidia-gpu:x", "a=:"] {
            assert!(parse_mapped(text).is_err(), "{text}");
        }
    }
}
