//! Reference values: the measurements that owners expect, as data.
//!
//! A new image is one more value in a set, and no policy changes: policies ask whether
//! `principal.measurement in ReferenceSet::"images"`.
//!
//! Values that were released together can be one *entry* of a set: then a node's register is in the set only
//! if the node has all of the entry's values (COL-25 ReferenceEntryMixed). Lists that are independent of each
//! other would accept combinations that nobody released.
//!
//! A value can have dates ([`Validity`]). Outside them it does not count, and with it its entry; the index
//! keeps it, so that a refusal can say which date caused it.

use crate::digest::Digester;
use hanzo_attestation_evidence::{Digest, Hex, Tee, UnixTime, encoding};
use std::collections::{BTreeMap, BTreeSet};

/// Most values in all sets together: a hundred images, a hundred releases each, ten registers.
pub const MAX_VALUES: usize = 100_000;
/// Longest name of a set, in bytes.
pub(crate) const MAX_SET_NAME: usize = 128;

/// Registers that a reference value can speak of, by kind of evidence, as the platform names them. Of a
/// TPM's, not 16 and 23, which whoever runs the machine can reset (TPM-34).
///
/// Of NVIDIA's devices, which manifest they measure to: SHA-256 of the manifest's file, the one name that tells
/// its issues apart. The manifest says what the device must measure; the value says which issue an owner takes.
pub const REGISTERS: [(Tee, &[&str]); 8] = [
    (Tee::NvidiaGpu, &["driver_rim", "vbios_rim"]),
    (Tee::NvidiaSwitch, &["bios_rim"]),
    (Tee::SevSnp, &["measurement"]),
    (Tee::Tdx, &["mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mr_seam"]),
    (Tee::Sgx, &["mr_enclave", "mr_signer"]),
    (
        Tee::Tpm,
        &[
            "pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5", "pcr6", "pcr7", "pcr8", "pcr9", "pcr10", "pcr11",
            "pcr12", "pcr13", "pcr14", "pcr15", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22",
        ],
    ),
    (
        Tee::AzSnpVtpm,
        &[
            "measurement",
            "pcr0",
            "pcr1",
            "pcr2",
            "pcr3",
            "pcr4",
            "pcr5",
            "pcr6",
            "pcr7",
            "pcr8",
            "pcr9",
            "pcr10",
            "pcr11",
            "pcr12",
            "pcr13",
            "pcr14",
            "pcr15",
            "pcr17",
            "pcr18",
            "pcr19",
            "pcr20",
            "pcr21",
            "pcr22",
        ],
    ),
    (
        Tee::AzTdxVtpm,
        &[
            "mr_td", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5",
            "pcr6", "pcr7", "pcr8", "pcr9", "pcr10", "pcr11", "pcr12", "pcr13", "pcr14", "pcr15", "pcr17",
            "pcr18", "pcr19", "pcr20", "pcr21", "pcr22",
        ],
    ),
];

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
    /// Kind of evidence, e.g. `sev-snp`.
    pub tee: String,
    /// Which register, in the platform's own name: `measurement`, `mr_td`, `rtmr0` …
    pub register: String,
    /// The digest, of the size that the register has.
    pub digest: Digest,
    /// The entry that the value belongs to, if its register alone says nothing.
    pub entry: Option<String>,
    /// For people: what was measured.
    pub note: Option<String>,
    /// When it counts.
    pub validity: Validity,
}

/// When a reference value counts. Without dates: always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Validity {
    /// The first instant at which it counts.
    pub not_before: Option<UnixTime>,
    /// The first instant at which it counts no more.
    pub expires_at: Option<UnixTime>,
}

impl Validity {
    /// Counts always.
    pub const ALWAYS: Self = Self { not_before: None, expires_at: None };

    /// Whether it counts at this instant.
    #[must_use]
    pub fn holds(self, now: UnixTime) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.expires_at.is_none_or(|end| now < end)
    }

    /// When both count.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let end = [self.expires_at, other.expires_at].into_iter().flatten().min();
        Self { not_before: self.not_before.max(other.not_before), expires_at: end }
    }

    /// Whether there is an instant at which it counts.
    fn is_possible(self) -> bool {
        match (self.not_before, self.expires_at) {
            (Some(from), Some(end)) => from < end,
            _ => true,
        }
    }
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
    #[error("reference set `{set}`: `{tee}` has no registers")]
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
    /// An entry with two values of one register: no node could have both.
    #[error("reference set `{set}`: the entry `{entry}` has two values of `{register}`")]
    EntryRegister {
        /// The set.
        set: String,
        /// The entry.
        entry: String,
        /// The register.
        register: String,
    },
    /// The name of an entry that is empty, too long, or has a control character.
    #[error("the name of an entry has 1 to {MAX_SET_NAME} bytes and no control characters: `{name}`", name = .0.escape_debug())]
    EntryName(String),
    /// All zero: what an absent measurement reads as.
    #[error("reference set `{set}`: a digest of zeros is no reference value for `{register}`")]
    ZeroDigest {
        /// The set.
        set: String,
        /// The register.
        register: String,
    },
    /// A value, or an entry, that counts at no instant.
    #[error("reference set `{set}`: a value of `{register}` expires before it begins to count")]
    Never {
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
        let fits = digest_sizes(*tee, name).contains(&digest.as_bytes().len());
        fits.then_some(Self { tee: *tee, name, digest })
    }

    /// The register of that name with a value that none has: zeros.
    pub(crate) fn absent(name: &str) -> Option<Self> {
        let (tee, names) = REGISTERS.iter().find(|(_, names)| names.contains(&name))?;
        let name = names.iter().find(|known| **known == name)?;
        let small = digest_sizes(*tee, name).first() == Some(&32);
        let digest = if small { Hex([0; 32]).into() } else { Hex([0; 48]).into() };
        Some(Self { tee: *tee, name, digest })
    }

    /// The id of its `Measurement` entity: `sev-snp/measurement/<96 hex digits>`.
    pub(crate) fn entity_id(&self) -> String {
        format!("{}/{}/{}", self.tee, self.name, self.digest)
    }

    /// Reads what [`Register::entity_id`] writes.
    pub(crate) fn from_entity_id(id: &str) -> Option<Self> {
        let (tee, rest) = id.split_once('/')?;
        let (name, digest) = rest.split_once('/')?;
        Self::named(tee, name, Digest::try_from(encoding::hex_decode(digest).ok()?.as_slice()).ok()?)
    }
}

/// All reference sets, indexed by value: a decision looks up the few registers of one node.
#[derive(Clone, Debug)]
pub struct References {
    sets: Vec<String>,
    values: BTreeMap<Register, BTreeSet<Place>>,
    entries: Vec<Entry>,
    digest: Hex<32>,
}

/// Where a value stands: in which set, and in which entry of it, if in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    set: usize,
    entry: Option<usize>,
    validity: Validity,
}

/// Values that belong together.
#[derive(Clone, Debug)]
struct Entry {
    set: usize,
    name: String,
    registers: BTreeSet<Register>,
    /// When all its values count.
    validity: Validity,
}

impl Entry {
    fn is_of(&self, node: &BTreeSet<Register>) -> bool {
        self.registers.iter().all(|register| node.contains(register))
    }
}

/// A value that a node has, and that does not count because of its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undated<'a> {
    /// The set that holds it.
    pub(crate) set: &'a str,
    /// The value.
    pub(crate) register: Register,
    /// When it counts, or when its entry does.
    pub(crate) validity: Validity,
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
        let mut values: BTreeMap<Register, BTreeSet<Place>> = BTreeMap::new();
        let mut entries = Vec::new();
        for (index, set) in sets.iter().enumerate() {
            if index.checked_sub(1).and_then(|before| sets.get(before)).is_some_and(|b| b.name == set.name) {
                return Err(ReferenceError::DuplicateSet(set.name.clone()));
            }
            if !is_name(&set.name) {
                return Err(ReferenceError::SetName(set.name.chars().take(MAX_SET_NAME).collect()));
            }
            let mut named = BTreeMap::new();
            for value in &set.values {
                let register = register(&set.name, value)?;
                let entry = value
                    .entry
                    .as_deref()
                    .map(|name| {
                        join(&mut entries, &mut named, (index, set), name, (register, value.validity))
                    })
                    .transpose()?;
                let place = Place { set: index, entry, validity: value.validity };
                values.entry(register).or_default().insert(place);
            }
        }
        let digest = digest(&sets, &values, &entries);
        Ok(Self { sets: sets.into_iter().map(|set| set.name).collect(), values, entries, digest })
    }

    /// SHA-256 over all sets and values with their dates; independent of their order, of notes, and of where a
    /// value came from.
    #[must_use]
    pub const fn digest(&self) -> Hex<32> {
        self.digest
    }

    /// The names of the sets, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.sets
    }

    /// The same with these values beside them, without dates. The digest stays that of the sets themselves.
    pub(crate) fn with(&self, more: &BTreeMap<String, BTreeSet<Register>>) -> Self {
        let mut this = self.clone();
        for (name, registers) in more {
            let known = this.sets.iter().position(|set| set == name);
            let set = known.unwrap_or_else(|| {
                this.sets.push(name.clone());
                this.sets.len().saturating_sub(1)
            });
            let place = Place { set, entry: None, validity: Validity::ALWAYS };
            for register in registers {
                this.values.entry(*register).or_default().insert(place);
            }
        }
        this
    }

    /// Whether any value counts only at some times.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        let mut places = self.values.values().flatten();
        places.any(|place| self.validity(place) != Validity::ALWAYS)
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

    /// Entries of which a node with these registers has a part, and not the rest: set and name.
    pub(crate) fn partly_held<'a>(
        &'a self,
        node: &BTreeSet<Register>,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let touched = node.iter().filter_map(|register| self.values.get(register)).flatten();
        let touched: BTreeSet<usize> = touched.filter_map(|place| place.entry).collect();
        let entries = touched.into_iter().filter_map(|entry| self.entries.get(entry));
        let parts: Vec<&Entry> =
            entries.filter(|entry| !entry.registers.iter().all(|r| node.contains(r))).collect();
        let named = |entry: &'a Entry| Some((self.sets.get(entry.set)?.as_str(), entry.name.as_str()));
        parts.into_iter().filter_map(named)
    }

    /// The sets that hold this value of a register for a node with these registers at this instant: what
    /// belongs to an entry counts only where the node has the whole entry (COL-25). Without an instant, as if
    /// no value had dates.
    pub(crate) fn sets_of<'a>(
        &'a self,
        register: &Register,
        node: &'a BTreeSet<Register>,
        now: Option<UnixTime>,
    ) -> impl Iterator<Item = &'a str> {
        let held = self.values.get(register).into_iter().flatten();
        held.filter(move |place| now.is_none_or(|now| self.validity(place).holds(now)))
            .filter(move |place| self.is_whole(place, node))
            .filter_map(|place| self.sets.get(place.set))
            .map(String::as_str)
    }

    /// The node's values that do not count at this instant because of their dates.
    pub(crate) fn undated<'a>(
        &'a self,
        node: &'a BTreeSet<Register>,
        now: UnixTime,
    ) -> impl Iterator<Item = Undated<'a>> {
        let places = node.iter().flat_map(|register| {
            self.values.get(register).into_iter().flatten().map(move |place| (*register, place))
        });
        places.filter(|(_, place)| self.is_whole(place, node)).filter_map(move |(register, place)| {
            let (set, validity) = (self.sets.get(place.set)?.as_str(), self.validity(place));
            (!validity.holds(now)).then_some(Undated { set, register, validity })
        })
    }

    /// The instants at which a value of this register begins to count somewhere, or ends.
    pub(crate) fn dates_of(&self, register: &Register) -> impl Iterator<Item = UnixTime> {
        let validities = self.values.get(register).into_iter().flatten().map(|place| self.validity(place));
        validities.flat_map(|validity| [validity.not_before, validity.expires_at]).flatten()
    }

    fn is_whole(&self, place: &Place, node: &BTreeSet<Register>) -> bool {
        place.entry.is_none_or(|entry| self.entries.get(entry).is_some_and(|entry| entry.is_of(node)))
    }

    /// When a value counts: where it belongs to an entry, when all of the entry does.
    fn validity(&self, place: &Place) -> Validity {
        place.entry.and_then(|entry| self.entries.get(entry)).map_or(place.validity, |entry| entry.validity)
    }
}

pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_SET_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Adds a register to its entry; the index of the entry.
fn join<'a>(
    entries: &mut Vec<Entry>,
    named: &mut BTreeMap<&'a str, usize>,
    (set, in_set): (usize, &ReferenceSet),
    name: &'a str,
    (register, validity): (Register, Validity),
) -> Result<usize, ReferenceError> {
    if !is_name(name) {
        return Err(ReferenceError::EntryName(name.chars().take(MAX_SET_NAME).collect()));
    }
    let next = entries.len();
    let index = *named.entry(name).or_insert(next);
    if index == next {
        let (registers, validity) = (BTreeSet::new(), Validity::ALWAYS);
        entries.push(Entry { set, name: name.to_owned(), registers, validity });
    }
    let Some(entry) = entries.get_mut(index) else { return Ok(index) };
    let other =
        |known: &Register| (known.tee, known.name) == (register.tee, register.name) && *known != register;
    if entry.registers.iter().any(other) {
        let (set, entry, register) = (in_set.name.clone(), name.to_owned(), register.name.to_owned());
        return Err(ReferenceError::EntryRegister { set, entry, register });
    }
    entry.validity = entry.validity.and(validity);
    if !entry.validity.is_possible() {
        let (set, register) = (in_set.name.clone(), register.name.to_owned());
        return Err(ReferenceError::Never { set, register });
    }
    entry.registers.insert(register);
    Ok(index)
}

/// Bytes that a register can have, the usual number first: SHA-384 for SEV-SNP and TDX, SHA-256 for SGX, the
/// bank's for a TPM.
pub(crate) fn digest_sizes(tee: Tee, name: &str) -> &'static [usize] {
    match tee {
        _ if name.starts_with("pcr") => &[32, 48, 64],
        Tee::NvidiaGpu | Tee::NvidiaSwitch => &[32],
        Tee::Sgx => &[32],
        _ => &[48],
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
    let (sizes, actual) = (digest_sizes(*tee, name), value.digest.as_bytes().len());
    if !sizes.contains(&actual) {
        let expected = sizes.first().copied().unwrap_or_default();
        let (set, tee, register) = (set.to_owned(), value.tee.clone(), value.register.clone());
        return Err(ReferenceError::DigestSize { set, tee, register, expected, actual });
    }
    if value.digest.is_zero() {
        return Err(ReferenceError::ZeroDigest { set: set.to_owned(), register: value.register.clone() });
    }
    if !value.validity.is_possible() {
        return Err(ReferenceError::Never { set: set.to_owned(), register: value.register.clone() });
    }
    Ok(Register { tee: *tee, name, digest: value.digest })
}

fn digest(sets: &[ReferenceSet], values: &BTreeMap<Register, BTreeSet<Place>>, entries: &[Entry]) -> Hex<32> {
    let mut held: BTreeMap<usize, Vec<(&Register, Validity)>> = BTreeMap::new();
    for (register, places) in values {
        let alone = places.iter().filter(|place| place.entry.is_none());
        alone.for_each(|place| held.entry(place.set).or_default().push((register, place.validity)));
    }
    let mut together: BTreeMap<usize, BTreeMap<&str, &Entry>> = BTreeMap::new();
    for entry in entries {
        together.entry(entry.set).or_default().insert(&entry.name, entry);
    }
    let mut digester = Digester::new("hanzo-kbs/v1/references");
    for (index, set) in sets.iter().enumerate() {
        let registers = held.get(&index).map_or(&[][..], Vec::as_slice);
        digester.add(set.name.as_bytes());
        digester.add(&u64::try_from(registers.len()).unwrap_or(u64::MAX).to_be_bytes());
        for (register, validity) in registers {
            add_register(&mut digester, register);
            add_validity(&mut digester, *validity);
        }
        for (name, entry) in together.get(&index).into_iter().flatten() {
            digester.add(name.as_bytes());
            digester.add(&u64::try_from(entry.registers.len()).unwrap_or(u64::MAX).to_be_bytes());
            entry.registers.iter().for_each(|register| add_register(&mut digester, register));
            add_validity(&mut digester, entry.validity);
        }
    }
    digester.finish()
}

fn add_register(digester: &mut Digester, register: &Register) {
    digester.add(register.tee.name().as_bytes());
    digester.add(register.name.as_bytes());
    digester.add(register.digest.as_bytes());
}

/// Nothing for a value without dates: its set keeps the digest that it always had. A date begins with a zero
/// byte, which no name and no kind of evidence has.
fn add_validity(digester: &mut Digester, validity: Validity) {
    for (tag, date) in [(b"\0from", validity.not_before), (b"\0till", validity.expires_at)] {
        if let Some(date) = date {
            digester.add(tag);
            digester.add(&date.seconds().to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tee: &str, register: &str, byte: u8) -> ReferenceValue {
        ReferenceValue {
            tee: tee.into(),
            register: register.into(),
            digest: Hex([byte; 48]).into(),
            entry: None,
            note: None,
            validity: Validity::ALWAYS,
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
            references.sets_of(&register, &BTreeSet::new(), None).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(held(Tee::SevSnp, "measurement"), ["a", "b"]);
        assert_eq!(held(Tee::Tdx, "rtmr1"), ["b"]);
        // The same digest in another register, or of another kind of evidence, is another measurement.
        assert!(held(Tee::Tdx, "rtmr0").is_empty());
        assert!(held(Tee::Tdx, "measurement").is_empty());
        assert_eq!((references.names(), references.len()), (&["a".to_owned(), "b".to_owned()][..], 2));
    }

    fn of(entry: Option<&str>, register: &str, byte: u8) -> ReferenceValue {
        ReferenceValue { entry: entry.map(str::to_owned), ..value("tdx", register, byte) }
    }

    /// COL-25: values of one entry count together or not at all.
    #[test]
    fn an_entry_holds_only_as_a_whole() {
        let a = [of(Some("a"), "mr_td", 1), of(Some("a"), "rtmr0", 2)];
        let b = [of(Some("b"), "mr_td", 3), of(Some("b"), "rtmr0", 4)];
        let references = References::new(vec![set("images", [a, b].concat())]).unwrap();
        let register = |name, byte| Register { tee: Tee::Tdx, name, digest: Hex([byte; 48]).into() };
        let known = |mr_td, rtmr0| {
            let node = BTreeSet::from([register("mr_td", mr_td), register("rtmr0", rtmr0)]);
            node.iter().filter(|r| references.sets_of(r, &node, None).count() > 0).count()
        };
        assert_eq!((known(1, 2), known(3, 4)), (2, 2), "what was released together");
        assert_eq!((known(1, 4), known(3, 2)), (0, 0), "MRTD of one release with RTMR0 of another");
        assert_eq!((known(1, 9), known(9, 2)), (0, 0), "half an entry");
        let alone = BTreeSet::from([register("mr_td", 1)]);
        assert_eq!(references.sets_of(&register("mr_td", 1), &alone, None).count(), 0, "a register left out");
    }

    #[test]
    fn an_entry_that_no_node_can_have_is_refused() {
        let refused = |values| References::new(vec![set("s", values)]).unwrap_err();
        let twice = refused(vec![of(Some("a"), "mr_td", 1), of(Some("a"), "mr_td", 2)]);
        assert!(matches!(twice, ReferenceError::EntryRegister { .. }));
        for name in ["", "a\n", &"a".repeat(129)] {
            let error = refused(vec![of(Some(name), "mr_td", 1)]);
            assert!(matches!(error, ReferenceError::EntryName(_)), "{name:?}");
        }
    }

    #[test]
    fn entries_are_part_of_the_digest() {
        let digest = |values| References::new(vec![set("s", values)]).unwrap().digest();
        let alone = digest(vec![of(None, "mr_td", 1), of(None, "rtmr0", 2)]);
        let one = digest(vec![of(Some("a"), "mr_td", 1), of(Some("a"), "rtmr0", 2)]);
        let two = digest(vec![of(Some("a"), "mr_td", 1), of(Some("b"), "rtmr0", 2)]);
        assert!(alone != one && one != two && alone != two);
        assert_eq!(one, digest(vec![of(Some("a"), "rtmr0", 2), of(Some("a"), "mr_td", 1)]), "not the order");
    }

    #[test]
    fn each_rule_refuses_by_name() {
        let one = |v| References::new(vec![set("s", vec![v])]).unwrap_err();
        assert!(matches!(one(value("nvidia-gpu", "mr_enclave", 1)), ReferenceError::Register { .. }));
        assert!(matches!(one(value("nvidia-gpu", "driver_rim", 1)), ReferenceError::DigestSize { .. }));
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

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(seconds).unwrap()
    }

    fn dated(value: ReferenceValue, from: Option<i64>, end: Option<i64>) -> ReferenceValue {
        ReferenceValue { validity: Validity { not_before: from.map(at), expires_at: end.map(at) }, ..value }
    }

    #[test]
    fn a_value_counts_within_its_dates() {
        let image = dated(value("tdx", "mr_td", 1), Some(100), Some(200));
        let references = References::new(vec![set("images", vec![image])]).unwrap();
        let register = Register { tee: Tee::Tdx, name: "mr_td", digest: Hex([1; 48]).into() };
        let node = BTreeSet::from([register]);
        let counts = |now: i64| references.sets_of(&register, &node, Some(at(now))).count() == 1;
        assert!(counts(100) && counts(199), "both ends");
        assert!(!counts(99), "not yet");
        assert!(!counts(200), "the first instant at which it counts no more");
        assert!(!counts(i64::from(u32::MAX)), "long after");
        assert_eq!(references.undated(&node, at(150)).count(), 0);
        let named: Vec<_> = references.undated(&node, at(200)).collect();
        let validity = Validity { not_before: Some(at(100)), expires_at: Some(at(200)) };
        assert_eq!(named, [Undated { set: "images", register, validity }]);
    }

    #[test]
    fn an_entry_with_an_expired_value_does_not_count() {
        let values = vec![dated(of(Some("a"), "mr_td", 1), None, Some(200)), of(Some("a"), "rtmr0", 2)];
        let references = References::new(vec![set("images", values)]).unwrap();
        let register = |name, byte| Register { tee: Tee::Tdx, name, digest: Hex([byte; 48]).into() };
        let node = BTreeSet::from([register("mr_td", 1), register("rtmr0", 2)]);
        let counts =
            |now| node.iter().filter(|r| references.sets_of(r, &node, Some(at(now))).count() > 0).count();
        assert_eq!(counts(199), 2);
        assert_eq!(counts(200), 0, "the value without dates falls with the other");
        assert_eq!(references.undated(&node, at(200)).count(), 2);
    }

    #[test]
    fn a_value_in_one_set_twice_counts_while_either_does() {
        let image = |from, end| dated(value("tdx", "mr_td", 1), from, end);
        let values = vec![image(None, Some(100)), image(Some(200), None)];
        let references = References::new(vec![set("images", values)]).unwrap();
        let register = Register { tee: Tee::Tdx, name: "mr_td", digest: Hex([1; 48]).into() };
        let count = |now| references.sets_of(&register, &BTreeSet::from([register]), Some(at(now))).count();
        assert_eq!([count(99), count(100), count(199), count(200)], [1, 0, 0, 1]);
    }

    #[test]
    fn a_value_that_never_counts_is_refused() {
        let never = |values| References::new(vec![set("s", values)]).unwrap_err();
        for (from, end) in [(200, 200), (200, 100), (1, 0)] {
            let refused = never(vec![dated(value("tdx", "mr_td", 1), Some(from), Some(end))]);
            assert!(matches!(refused, ReferenceError::Never { .. }), "{from} {end}");
        }
        let early = dated(of(Some("a"), "mr_td", 1), None, Some(100));
        let late = dated(of(Some("a"), "rtmr0", 2), Some(100), None);
        assert!(matches!(never(vec![early, late]), ReferenceError::Never { .. }), "an entry as a whole");
    }

    #[test]
    fn dates_are_part_of_the_digest() {
        let digest = |values| References::new(vec![set("s", values)]).unwrap().digest();
        let plain = || value("tdx", "mr_td", 1);
        let all = [
            digest(vec![plain()]),
            digest(vec![dated(plain(), Some(1), None)]),
            digest(vec![dated(plain(), None, Some(1))]),
            digest(vec![dated(plain(), None, Some(2))]),
            digest(vec![dated(of(Some("a"), "mr_td", 1), None, Some(2))]),
            digest(vec![of(Some("a"), "mr_td", 1)]),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
