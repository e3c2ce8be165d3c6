//! Reference values: the measurements that owners expect, as data.
//!
//! A new image is one more value in a set, and no policy changes: policies ask whether
//! `principal.measurement in ReferenceSet::"images"`.

use crate::digest::Digester;
use hanzo_attestation_evidence::{Digest, Hex, Tee, encoding};
use std::collections::{BTreeMap, BTreeSet};

/// Most values in all sets together: a hundred images, a hundred releases each, ten registers.
pub const MAX_VALUES: usize = 100_000;
/// Longest name of a set, in bytes.
pub(crate) const MAX_SET_NAME: usize = 128;

/// Registers that a reference value can speak of, by kind of evidence, as the platform names them.
pub const REGISTERS: [(Tee, &[&str]); 2] =
    [(Tee::SevSnp, &["measurement"]), (Tee::Tdx, &["mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mr_seam"])];

/// A named set of expected measurements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceSet {
    /// How policies name it.
    pub name: String,
    /// Its values.
    pub values: Vec<ReferenceValue>,
}

/// One expected measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceValue {
    /// Kind of evidence: `sev-snp` or `tdx`.
    pub tee: String,
    /// Which register, in the platform's own name: `measurement`, `mr_td`, `rtmr0` …
    pub register: String,
    /// The digest, of the size that the register has.
    pub digest: Digest,
    /// For people: what was measured.
    pub note: Option<String>,
}

/// Reference values that cannot be used; the whole is refused, never a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Two sets of one name.
    #[error("the reference set `{0}` is given twice")]
    DuplicateSet(String),
    /// A name that is empty, too long, or has a control character.
    #[error("the name of a reference set has 1 to {MAX_SET_NAME} bytes and no control characters: `{name}`", name = .0.escape_debug())]
    SetName(String),
    /// A kind of evidence without measurements.
    #[error("reference set `{set}`: `{tee}` has no registers; sev-snp and tdx have")]
    Tee {
        /// The set.
        set: String,
        /// The kind found.
        tee: String,
    },
    /// A register that this kind of evidence does not have.
    #[error("reference set `{set}`: `{tee}` has no register `{register}`")]
    Register {
        /// The set.
        set: String,
        /// The kind of evidence.
        tee: String,
        /// The register found.
        register: String,
    },
    /// A digest of another size than the register's.
    #[error("reference set `{set}`: `{register}` of `{tee}` has {expected} bytes, not {actual}")]
    DigestSize {
        /// The set.
        set: String,
        /// The kind of evidence.
        tee: String,
        /// The register.
        register: String,
        /// Its size in bytes.
        expected: usize,
        /// The size found.
        actual: usize,
    },
    /// All zero: what an absent measurement reads as.
    #[error("reference set `{set}`: a digest of zeros is no reference value for `{register}`")]
    ZeroDigest {
        /// The set.
        set: String,
        /// The register.
        register: String,
    },
    /// More values than [`MAX_VALUES`].
    #[error("{0} reference values are more than {MAX_VALUES}")]
    TooMany(usize),
}

/// One measured register of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Register {
    pub(crate) tee: Tee,
    pub(crate) name: &'static str,
    pub(crate) digest: Digest,
}

impl Register {
    /// A register by its names, if there is such a one.
    pub(crate) fn named(tee: &str, name: &str, digest: Digest) -> Option<Self> {
        let (tee, names) = REGISTERS.iter().find(|(known, _)| known.name() == tee)?;
        let name = names.iter().find(|known| **known == name)?;
        Some(Self { tee: *tee, name, digest })
    }

    /// Reads the id of a `Measurement` entity: `sev-snp/measurement/<96 hex digits>`.
    pub(crate) fn from_entity_id(id: &str) -> Option<Self> {
        let (tee, rest) = id.split_once('/')?;
        let (name, digest) = rest.split_once('/')?;
        Self::named(tee, name, Digest::try_from(encoding::hex_decode(digest).ok()?.as_slice()).ok()?)
    }
}

/// All reference sets, indexed by value: a decision looks up the few registers of one node.
#[derive(Debug)]
pub struct References {
    sets: Vec<String>,
    values: BTreeMap<Register, BTreeSet<usize>>,
    digest: Hex<32>,
}

impl References {
    /// Checks and indexes the sets. No sets at all is fine: then no measurement is known.
    ///
    /// # Errors
    /// [`ReferenceError`] for the first value that cannot be used.
    pub fn new(mut sets: Vec<ReferenceSet>) -> Result<Self, ReferenceError> {
        let count = sets.iter().map(|set| set.values.len()).sum();
        if count > MAX_VALUES {
            return Err(ReferenceError::TooMany(count));
        }
        sets.sort_by(|a, b| a.name.cmp(&b.name));
        let mut values: BTreeMap<Register, BTreeSet<usize>> = BTreeMap::new();
        for (index, set) in sets.iter().enumerate() {
            if index.checked_sub(1).and_then(|before| sets.get(before)).is_some_and(|b| b.name == set.name) {
                return Err(ReferenceError::DuplicateSet(set.name.clone()));
            }
            if !(1..=MAX_SET_NAME).contains(&set.name.len()) || set.name.chars().any(char::is_control) {
                return Err(ReferenceError::SetName(set.name.chars().take(MAX_SET_NAME).collect()));
            }
            for value in &set.values {
                values.entry(register(&set.name, value)?).or_default().insert(index);
            }
        }
        let digest = digest(&sets, &values);
        Ok(Self { sets: sets.into_iter().map(|set| set.name).collect(), values, digest })
    }

    /// SHA-256 over all sets and values; independent of their order and of notes.
    #[must_use]
    pub const fn digest(&self) -> Hex<32> {
        self.digest
    }

    /// The names of the sets, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.sets
    }

    /// How many different values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The sets that hold this value of a register.
    pub(crate) fn sets_of(&self, register: &Register) -> impl Iterator<Item = &str> {
        let held = self.values.get(register).into_iter().flatten();
        held.filter_map(|index| self.sets.get(*index)).map(String::as_str)
    }
}

/// Bytes of a register: SHA-384 for SEV-SNP and TDX, SHA-256 for SGX and for the PCR bank that policies use.
const fn digest_size(tee: Tee) -> usize {
    match tee {
        Tee::SevSnp | Tee::Tdx => 48,
        Tee::Sgx | Tee::Tpm | Tee::AzSnpVtpm | Tee::AzTdxVtpm | Tee::RegisteredKey => 32,
    }
}

fn register(set: &str, value: &ReferenceValue) -> Result<Register, ReferenceError> {
    let (tee, names) = REGISTERS
        .iter()
        .find(|(tee, _)| tee.name() == value.tee)
        .ok_or_else(|| ReferenceError::Tee { set: set.to_owned(), tee: value.tee.clone() })?;
    let name =
        names.iter().find(|name| **name == value.register).ok_or_else(|| ReferenceError::Register {
            set: set.to_owned(),
            tee: value.tee.clone(),
            register: value.register.clone(),
        })?;
    let (expected, actual) = (digest_size(*tee), value.digest.as_bytes().len());
    if expected != actual {
        let (set, tee, register) = (set.to_owned(), value.tee.clone(), value.register.clone());
        return Err(ReferenceError::DigestSize { set, tee, register, expected, actual });
    }
    if value.digest.is_zero() {
        return Err(ReferenceError::ZeroDigest { set: set.to_owned(), register: value.register.clone() });
    }
    Ok(Register { tee: *tee, name, digest: value.digest })
}

fn digest(sets: &[ReferenceSet], values: &BTreeMap<Register, BTreeSet<usize>>) -> Hex<32> {
    let mut held: BTreeMap<usize, Vec<&Register>> = BTreeMap::new();
    for (register, indexes) in values {
        indexes.iter().for_each(|index| held.entry(*index).or_default().push(register));
    }
    let mut digester = Digester::new("hanzo-kbs/v1/references");
    for (index, set) in sets.iter().enumerate() {
        let registers = held.get(&index).map_or(&[][..], Vec::as_slice);
        digester.add(set.name.as_bytes());
        digester.add(&u64::try_from(registers.len()).unwrap_or(u64::MAX).to_be_bytes());
        for register in registers {
            digester.add(register.tee.name().as_bytes());
            digester.add(register.name.as_bytes());
            digester.add(register.digest.as_bytes());
        }
    }
    digester.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tee: &str, register: &str, byte: u8) -> ReferenceValue {
        ReferenceValue {
            tee: tee.into(),
            register: register.into(),
            digest: Hex([byte; 48]).into(),
            note: None,
        }
    }

    fn set(name: &str, values: Vec<ReferenceValue>) -> ReferenceSet {
        ReferenceSet { name: name.into(), values }
    }

    #[test]
    fn a_register_is_found_in_every_set_that_holds_it() {
        let references = References::new(vec![
            set("b", vec![value("sev-snp", "measurement", 1), value("tdx", "rtmr1", 1)]),
            set("a", vec![value("sev-snp", "measurement", 1)]),
        ])
        .unwrap();
        let held = |tee, name| {
            let register = Register { tee, name, digest: Hex([1; 48]).into() };
            references.sets_of(&register).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(held(Tee::SevSnp, "measurement"), ["a", "b"]);
        assert_eq!(held(Tee::Tdx, "rtmr1"), ["b"]);
        // The same digest in another register, or of another kind of evidence, is another measurement.
        assert!(held(Tee::Tdx, "rtmr0").is_empty());
        assert!(held(Tee::Tdx, "measurement").is_empty());
        assert_eq!((references.names(), references.len()), (&["a".to_owned(), "b".to_owned()][..], 2));
    }

    #[test]
    fn each_rule_refuses_by_name() {
        let one = |v| References::new(vec![set("s", vec![v])]).unwrap_err();
        assert!(matches!(one(value("sgx", "mr_enclave", 1)), ReferenceError::Tee { .. }));
        assert!(matches!(one(value("registered-key", "measurement", 1)), ReferenceError::Tee { .. }));
        assert!(matches!(one(value("sev-snp", "mr_td", 1)), ReferenceError::Register { .. }));
        assert!(matches!(one(value("tdx", "measurement", 1)), ReferenceError::Register { .. }));
        assert!(matches!(one(value("sev-snp", "measurement", 0)), ReferenceError::ZeroDigest { .. }));
        let short = ReferenceValue { digest: Hex([1; 32]).into(), ..value("sev-snp", "measurement", 1) };
        assert!(matches!(one(short), ReferenceError::DigestSize { expected: 48, actual: 32, .. }));
        let twice = References::new(vec![set("s", vec![]), set("s", vec![])]).unwrap_err();
        assert_eq!(twice, ReferenceError::DuplicateSet("s".into()));
        for name in ["", "a\nb", &"n".repeat(129)] {
            let refused = References::new(vec![set(name, vec![])]).unwrap_err();
            assert!(matches!(refused, ReferenceError::SetName(_)), "{name:?}");
        }
        let many = vec![value("sev-snp", "measurement", 1); MAX_VALUES + 1];
        assert_eq!(References::new(vec![set("s", many)]).unwrap_err(), ReferenceError::TooMany(100_001));
    }

    #[test]
    fn the_digest_depends_on_values_and_sets_alone() {
        let (x, y) = (value("sev-snp", "measurement", 1), value("sev-snp", "measurement", 2));
        let digest = |sets| References::new(sets).unwrap().digest();
        let one = digest(vec![set("a", vec![x.clone(), y.clone()]), set("b", vec![])]);
        assert_eq!(one, digest(vec![set("b", vec![]), set("a", vec![y.clone(), x.clone()])]));
        let noted = ReferenceValue { note: Some("v1".into()), ..x.clone() };
        assert_eq!(one, digest(vec![set("a", vec![noted, y.clone()]), set("b", vec![])]));
        assert_ne!(one, digest(vec![set("a", vec![x.clone()]), set("b", vec![y.clone()])]));
        assert_ne!(one, digest(vec![set("a", vec![x, y])]));
    }
}
