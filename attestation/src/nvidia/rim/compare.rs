//! What a device measured, beside what its manifests say it should.

use super::RimSigner;
use super::error::RimProblem;
use super::stored::TrustedRim;
use hanzo_attestation_evidence::nvidia::rim::{Golden, Minimum, Rim};
use hanzo_attestation_evidence::{Finding, Hex};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Index of the measurement that is taken only while NVDEC0 is on.
const NVDEC0_INDEX: u8 = 35;
/// NVDEC0_STATUS: on, and its measurement counts.
const ENABLED: u8 = 0xaa;
/// NVDEC0_STATUS: off, and its measurement is left out.
const DISABLED: u8 = 0x55;
/// DMTF value type of a raw security version number.
const SECURITY_VERSION: u8 = 0x87;

/// Which kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// A GPU: it needs the manifests of its driver and of its VBIOS.
    Gpu,
    /// An NVSwitch: it needs that of its BIOS.
    Switch,
}

/// What a device states, all of it signed by the device.
#[derive(Clone, Debug)]
pub struct Runtime<'a> {
    /// Which kind of device.
    pub device: Device,
    /// Its product, from the signed chip id or name: `GH100`, `GB100`, `LS10`.
    pub product: &'a str,
    /// DRIVER_VERSION; a switch has none.
    pub driver_version: Option<&'a str>,
    /// VBIOS_VERSION as text, e.g. `96.00.5E.00.01`.
    pub firmware_version: Option<&'a str>,
    /// Values of the measurement blocks, by SPDM index: block 1 is golden index 0.
    pub measurements: BTreeMap<u8, &'a [u8]>,
    /// NVDEC0_STATUS.
    pub nvdec0: Option<u8>,
    /// Entries of the opaque data that have a value type (layout `NVDAOD`), by their type: value type and
    /// data.
    pub counters: BTreeMap<u16, (u8, &'a [u8])>,
}

/// Which of a device's manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// That of the driver.
    Driver,
    /// That of the VBIOS, or of a switch's BIOS.
    Firmware,
}

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every manifest was there, and everything is as they say.
    Success,
    /// Something differs.
    Fail,
    /// Nothing differs, and a manifest is missing: what it would have said is unknown. Never a success.
    Incomplete,
}

/// A manifest that was compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RimUse {
    /// `tagId`.
    pub tag_id: String,
    /// `colloquialVersion`: the device's own version.
    pub version: String,
    /// SHA-256 of the file: the one name that tells issues apart.
    pub sha256: Hex<32>,
    /// Who signed it.
    pub signer: RimSigner,
    /// Whether a verified answer says of every certificate above it whether it is revoked.
    pub revocation_checked: bool,
    /// Whether one of them is on hold, which configuration accepts.
    pub on_hold: bool,
}

/// A measurement that is none of its golden values, with the names of NVIDIA's verifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mismatch {
    /// Golden index; the SPDM block is one more.
    pub index: u8,
    /// Bytes of the golden value.
    pub golden_size: usize,
    /// The first of the golden values.
    pub golden_value: Hex<48>,
    /// Bytes measured; absent when there is no such block.
    pub runtime_size: Option<usize>,
    /// What was measured, hex.
    pub runtime_value: Option<String>,
    /// Whose golden value it is.
    pub measurement_source: Source,
}

/// A security version that is below its minimum, absent, or of another type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CounterMismatch {
    /// Type of the entry in the opaque data.
    pub id: u16,
    /// Its name in the manifest.
    pub name: String,
    /// `MIN_SVN`.
    pub golden_type: &'static str,
    /// The lowest acceptable value.
    pub golden_value: u32,
    /// `MIN_SVN` where the device states a security version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_type: Option<&'static str>,
    /// What it states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime_value: Option<u16>,
}

/// The whole comparison of one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RimResult {
    /// In one word.
    pub outcome: Outcome,
    /// The driver's manifest, if a trusted one is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<RimUse>,
    /// The firmware's, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<RimUse>,
    /// How many golden values were compared.
    pub compared: usize,
    /// Measurements that differ.
    pub mismatches: Vec<Mismatch>,
    /// Security versions that are too low.
    pub counter_mismatches: Vec<CounterMismatch>,
    /// What both manifests speak of.
    pub conflicts: Vec<String>,
    /// Whether index 35 was left out because NVDEC0 is off.
    pub nvdec0_skipped: bool,
    /// Measured, not zero, and without a golden value: indices that no manifest vouches for.
    pub unmatched: Vec<u8>,
    /// Security versions that the manifests want in a result, by name.
    pub security_versions: BTreeMap<String, u16>,
    /// How many manifests were at hand, for this device or any other.
    pub at_hand: usize,
    #[serde(skip)]
    problems: Vec<RimProblem>,
}

impl RimResult {
    /// What is wrong, in the order of the rules.
    #[must_use]
    pub fn problems(&self) -> &[RimProblem] {
        &self.problems
    }

    /// What appraisal has to say: each problem refuses, a manifest that is not at hand too.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.problems.iter().map(Finding::refuse).collect()
    }

    /// Adds what was wrong before there was anything to compare.
    pub(super) fn with_problems(mut self, before: Vec<RimProblem>, at_hand: usize) -> Self {
        self.problems.splice(0..0, before);
        self.at_hand = at_hand;
        self
    }
}

/// Compares a device with its manifests, whose versions and product are the device's.
#[must_use]
pub fn compare(
    runtime: &Runtime<'_>,
    driver: Option<&TrustedRim>,
    firmware: Option<&TrustedRim>,
) -> RimResult {
    let mut comparison = Comparison::default();
    let sources =
        [(Source::Driver, driver.map(TrustedRim::rim)), (Source::Firmware, firmware.map(TrustedRim::rim))];
    comparison.measurements(&sources, runtime);
    comparison.counters(&sources, runtime);
    let complete = firmware.is_some() && (driver.is_some() || runtime.device == Device::Switch);
    comparison.result(driver.map(RimUse::of), firmware.map(RimUse::of), complete)
}

impl RimUse {
    fn of(trusted: &TrustedRim) -> Self {
        let rim = trusted.rim();
        Self {
            tag_id: rim.tag_id().to_owned(),
            version: rim.meta().version.clone(),
            sha256: rim.sha256(),
            signer: trusted.signer(),
            revocation_checked: trusted.is_revocation_checked(),
            on_hold: trusted.is_on_hold(),
        }
    }
}

#[derive(Default)]
struct Comparison {
    compared: usize,
    mismatches: Vec<Mismatch>,
    counter_mismatches: Vec<CounterMismatch>,
    conflicts: Vec<String>,
    nvdec0_skipped: bool,
    nvdec0_problem: Option<RimProblem>,
    unmatched: Vec<u8>,
    security_versions: BTreeMap<String, u16>,
}

type Sources<'r> = [(Source, Option<&'r Rim>); 2];

impl Comparison {
    fn measurements(&mut self, sources: &Sources<'_>, runtime: &Runtime<'_>) {
        let mut golden: BTreeMap<u8, (Source, &Golden)> = BTreeMap::new();
        let mut conflicting = BTreeSet::new();
        for (source, rim) in sources {
            for (index, values) in rim.iter().flat_map(|rim| rim.golden()) {
                if golden.insert(*index, (*source, values)).is_some() {
                    conflicting.insert(*index);
                }
            }
        }
        for (index, (source, values)) in &golden {
            // Neither of the two is right, and the index is judged by neither.
            if conflicting.contains(index) || !self.is_taken(*index, runtime) {
                continue;
            }
            self.compared += 1;
            let measured = index.checked_add(1).and_then(|block| runtime.measurements.get(&block).copied());
            if !values.alternatives.iter().any(|value| measured == Some(value.as_ref())) {
                self.mismatches.extend(mismatch(*index, *source, values, measured));
            }
        }
        self.conflicts.extend(conflicting.iter().map(|index| format!("index {index}")));
        let unmatched = runtime.measurements.iter().filter(|(_, value)| value.iter().any(|byte| *byte != 0));
        let indices = unmatched.filter_map(|(block, _)| block.checked_sub(1));
        self.unmatched = indices.filter(|index| !golden.contains_key(index)).collect();
    }

    /// NVR-46: index 35 of a GPU is taken while NVDEC0 is on, left out while it is off, and no third thing is
    /// said.
    fn is_taken(&mut self, index: u8, runtime: &Runtime<'_>) -> bool {
        if index != NVDEC0_INDEX || runtime.device == Device::Switch {
            return true;
        }
        match runtime.nvdec0 {
            Some(ENABLED) => true,
            Some(DISABLED) => {
                self.nvdec0_skipped = true;
                false
            }
            other => {
                let said = other.map_or_else(|| "absent".to_owned(), |status| format!("{status:#04x}"));
                self.nvdec0_problem = Some(RimProblem::Nvdec(said));
                false
            }
        }
    }

    fn counters(&mut self, sources: &Sources<'_>, runtime: &Runtime<'_>) {
        let mut minimums: BTreeMap<u16, &Minimum> = BTreeMap::new();
        for (_, rim) in sources {
            for (kind, minimum) in rim.iter().flat_map(|rim| rim.minimums()) {
                let same_name = minimums.values().any(|other| other.name == minimum.name);
                if minimums.insert(*kind, minimum).is_some() || same_name {
                    self.conflicts.push(format!("security version {kind} `{}`", minimum.name));
                }
            }
        }
        for (kind, minimum) in minimums {
            let stated = runtime.counters.get(&kind).and_then(|(value_type, data)| {
                let value = u16::from_le_bytes((*data).try_into().ok()?);
                (*value_type == SECURITY_VERSION).then_some(value)
            });
            if let Some(value) = stated.filter(|_| minimum.include_in_result) {
                self.security_versions.insert(minimum.name.clone(), value);
            }
            if stated.is_none_or(|value| u32::from(value) < minimum.min_svn) {
                self.counter_mismatches.push(CounterMismatch {
                    id: kind,
                    name: minimum.name.clone(),
                    golden_type: "MIN_SVN",
                    golden_value: minimum.min_svn,
                    runtime_type: stated.map(|_| "MIN_SVN"),
                    runtime_value: stated,
                });
            }
        }
    }

    fn result(self, driver: Option<RimUse>, firmware: Option<RimUse>, complete: bool) -> RimResult {
        let problems = self.problems();
        let outcome = match (problems.is_empty(), complete) {
            (false, _) => Outcome::Fail,
            (true, false) => Outcome::Incomplete,
            (true, true) => Outcome::Success,
        };
        RimResult {
            outcome,
            driver,
            firmware,
            compared: self.compared,
            mismatches: self.mismatches,
            counter_mismatches: self.counter_mismatches,
            conflicts: self.conflicts,
            nvdec0_skipped: self.nvdec0_skipped,
            unmatched: self.unmatched,
            security_versions: self.security_versions,
            at_hand: 0,
            problems,
        }
    }

    fn problems(&self) -> Vec<RimProblem> {
        let mut problems: Vec<RimProblem> =
            self.conflicts.iter().cloned().map(RimProblem::Conflict).collect();
        if !self.mismatches.is_empty() {
            let indices = self.mismatches.iter().map(|mismatch| mismatch.index).collect();
            problems.push(RimProblem::Measurement { indices, compared: self.compared });
        }
        problems.extend(self.nvdec0_problem.clone());
        if !self.counter_mismatches.is_empty() {
            let names: Vec<&str> = self.counter_mismatches.iter().map(|found| found.name.as_str()).collect();
            problems.push(RimProblem::SecurityVersion(names.join(", ")));
        }
        problems
    }
}

/// The record; a manifest has at least one golden value at each of its indices.
fn mismatch(index: u8, source: Source, values: &Golden, measured: Option<&[u8]>) -> Option<Mismatch> {
    let first = values.alternatives.first()?;
    Some(Mismatch {
        index,
        golden_size: first.0.len(),
        golden_value: *first,
        runtime_size: measured.map(<[u8]>::len),
        runtime_value: measured.map(hex::encode),
        measurement_source: source,
    })
}
