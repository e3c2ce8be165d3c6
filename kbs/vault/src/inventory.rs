//! Which machine has which devices: the inventory, and what a release asks of it.
//!
//! A pair is a rule like a policy: versioned, authenticated, compared with the record. The inventory is read
//! once an epoch; a release names its epoch, so that a change in between is noticed in its transaction.

use crate::backend::{Backend, DecisionRows, RuleRows, Transaction};
use crate::changes::Cleared;
use crate::error::{ChangeError, RecordError, RulesError};
use crate::holds::DeviceSessions;
use crate::ledger::{Ledger, expect_outcome};
use crate::quorum::Target;
use crate::release::{Order, ReleaseError};
use crate::rows::{RuleKind, RuleRow};
use crate::rules::{NewRule, check_name, compare};
use crate::vault::Vault;
use aws_lc_rs::digest;
use hanzo_attestation_evidence::{DeviceId, MachineId, UnixTime};
use hanzo_kbs_log::{Action, NewDecision, Outcome};
use hanzo_kbs_protocol::changes::{PairBody, canonical};
use hanzo_kbs_protocol::{ChangeKind, PairInfo};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};

/// Most devices of one pair: five times the eight GPUs and four switches of a baseboard, and room.
pub const MAX_PAIR_DEVICES: usize = 64;
/// Longest note in bytes: a line for people.
const MAX_NOTE: usize = 200;
/// What the names of pairs begin with that first use wrote; the rest names the machine.
const FIRST_USE: &str = "first-use-";

/// Which devices a machine may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuInventory {
    /// Any.
    #[default]
    Any,
    /// Those that it showed first.
    Tofu,
    /// Those that an operator paired it with.
    Pinned,
}

impl GpuInventory {
    /// The word in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Tofu => "tofu",
            Self::Pinned => "pinned",
        }
    }
}

/// What a release asks of the devices that its evidence is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceRules {
    /// In how many sessions one of them may live.
    pub sessions: DeviceSessions,
    /// Which of them the machine may show.
    pub inventory: GpuInventory,
}

/// A version of a pair: a machine, and all the devices that it has, or that one of its guests has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its name.
    pub name: String,
    /// 1 and up.
    pub version: u64,
    /// The machine.
    pub machine: MachineId,
    /// Its devices, in order; none in a pair that was taken back.
    pub devices: Vec<DeviceId>,
    /// For people.
    pub note: Option<String>,
    /// When this version was put.
    pub created_at: UnixTime,
}

impl From<Pair> for PairInfo {
    fn from(pair: Pair) -> Self {
        let Pair { name, version, machine, devices, note, created_at } = pair;
        Self { name, version, machine, devices, note, created_at }
    }
}

/// Devices in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Devices(pub Vec<DeviceId>);

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&words.join(" "))
    }
}

/// The pairs in force, at one epoch of the rules.
pub(crate) struct Inventory {
    epoch: u64,
    /// The sets of devices of each machine.
    sets: BTreeMap<MachineId, Vec<Vec<DeviceId>>>,
    /// The machine of each device.
    machines: BTreeMap<DeviceId, MachineId>,
}

impl Inventory {
    fn of(epoch: u64, pairs: &[Pair]) -> Self {
        let (mut sets, mut machines) = (BTreeMap::new(), BTreeMap::new());
        for pair in pairs.iter().filter(|pair| !pair.devices.is_empty()) {
            let of_machine: &mut Vec<Vec<DeviceId>> = sets.entry(pair.machine).or_default();
            of_machine.push(pair.devices.clone());
            machines.extend(pair.devices.iter().map(|device| (*device, pair.machine)));
        }
        Self { epoch, sets, machines }
    }

    fn sets_of(&self, machine: &MachineId) -> &[Vec<DeviceId>] {
        self.sets.get(machine).map_or(&[], Vec::as_slice)
    }

    /// The first of these devices that another machine has.
    fn elsewhere(&self, machine: &MachineId, devices: &[DeviceId]) -> Option<(DeviceId, MachineId)> {
        let known = devices.iter().filter_map(|device| Some((*device, *self.machines.get(device)?)));
        known.into_iter().find(|(_, of)| of != machine)
    }
}

impl<B: Backend> Vault<B> {
    /// The newest version of each pair in force, by name.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn inventory(&self) -> Result<Vec<Pair>, RulesError> {
        let mut tx = self.backend().read().await?;
        let mut pairs = self.pairs_in(&mut tx).await?;
        pairs.retain(|pair| !pair.devices.is_empty());
        Ok(pairs)
    }

    /// The newest version of a pair, also of one that was taken back.
    ///
    /// # Errors
    /// [`RulesError`].
    pub async fn pair(&self, name: &str) -> Result<Option<Pair>, RulesError> {
        let row = self.backend().read().await?.rule(RuleKind::Inventory, name, None).await?;
        row.map(|row| self.pair_of(row)).transpose()
    }

    /// Pairs a machine with devices. A machine may have several pairs, one for each of its guests; a device has
    /// one machine.
    ///
    /// # Errors
    /// [`ChangeError::Name`], [`ChangeError::PairMalformed`], [`ChangeError::DevicePaired`],
    /// [`ChangeError::VersionConflict`], [`ChangeError::Quorum`], [`ChangeError::Record`].
    pub async fn put_pair(
        &self,
        name: &str,
        machine: MachineId,
        devices: &[DeviceId],
        note: Option<String>,
        expected: Option<u64>,
        decision: NewDecision,
    ) -> Result<Pair, ChangeError> {
        let mut devices = devices.to_vec();
        devices.sort_unstable();
        if devices.is_empty() {
            return Err(ChangeError::PairMalformed { reason: SIZE });
        }
        let pair = PairBody { machine, devices, note };
        check_pair(name, &pair)?;
        self.change_pair(name, pair, expected, decision).await
    }

    /// Takes a pair back. Its history stays.
    ///
    /// # Errors
    /// [`ChangeError::VersionConflict`] when there is none or another version of it; [`ChangeError::Record`].
    pub async fn remove_pair(
        &self,
        name: &str,
        expected: u64,
        decision: NewDecision,
    ) -> Result<Pair, ChangeError> {
        // Said first: who may not change it is not told what it is.
        Cleared::direct(self.quorum(), Target::rule(ChangeKind::Inventory, name))?;
        let current = self.pair(name).await?.filter(|pair| !pair.devices.is_empty());
        let Some(Pair { machine, .. }) = current else {
            let (name, expected) = (name.chars().take(63).collect(), Some(expected));
            return Err(ChangeError::VersionConflict { name, expected, current: None });
        };
        let pair = PairBody { machine, devices: Vec::new(), note: None };
        self.change_pair(name, pair, Some(expected), decision).await
    }

    async fn change_pair(
        &self,
        name: &str,
        pair: PairBody,
        expected: Option<u64>,
        decision: NewDecision,
    ) -> Result<Pair, ChangeError> {
        expect_outcome(&decision, Outcome::Granted)?;
        check_name(name)?;
        let cleared = Cleared::direct(self.quorum(), Target::rule(ChangeKind::Inventory, name))?;
        let (mut tx, mut ledger) = self.write(decision.at).await?;
        let row = self.put_pair_in(&mut tx, &mut ledger, name, pair, expected, decision, cleared).await?;
        ledger.close(&mut tx).await?;
        tx.commit().await?;
        Ok(self.pair_of(row)?)
    }

    /// Writes the next version of a pair that has been looked at in itself, and its decision.
    #[expect(clippy::too_many_arguments, reason = "a row of the record, a pair, and what it must fit to")]
    pub(crate) async fn put_pair_in(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        name: &str,
        body: PairBody,
        expected: Option<u64>,
        decision: NewDecision,
        cleared: Cleared,
    ) -> Result<RuleRow, ChangeError> {
        let stored = self.pairs_in(tx).await?;
        let current = stored.iter().find(|pair| pair.name == name);
        // A name whose pair was taken back is free again.
        let live = current.filter(|pair| !pair.devices.is_empty()).map(|pair| pair.version);
        if live != expected {
            return Err(ChangeError::VersionConflict { name: name.to_owned(), expected, current: live });
        }
        let moved = body.devices.is_empty() && current.is_none_or(|pair| pair.machine != body.machine);
        if moved {
            return Err(ChangeError::PairMalformed { reason: "it takes back the pair of another machine" });
        }
        let others: Vec<Pair> = stored.iter().filter(|pair| pair.name != name).cloned().collect();
        if let Some((device, machine)) = Inventory::of(0, &others).elsewhere(&body.machine, &body.devices) {
            return Err(ChangeError::DevicePaired { device, machine: Box::new(machine) });
        }
        let version = current.map(|pair| pair.version);
        self.write_pair(tx, ledger, name, version, body, decision, cleared).await
    }

    #[expect(clippy::too_many_arguments, reason = "a row of the record, a pair, and what it replaces")]
    async fn write_pair(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        name: &str,
        current: Option<u64>,
        body: PairBody,
        decision: NewDecision,
        cleared: Cleared,
    ) -> Result<RuleRow, ChangeError> {
        let decision = NewDecision { machine: Some(body.machine), devices: body.devices.clone(), ..decision };
        let body = canonical(&body)
            .map_err(|error| RulesError::Unreadable { name: name.to_owned(), reason: error.to_string() })?;
        let (kind, name) = (RuleKind::Inventory, name.to_owned());
        self.put_rule_in(tx, ledger, NewRule { kind, name, body, current, decision, cleared }).await
    }

    /// NV-91 to NV-94: whether the machine may show these devices. Its first ones are written down under
    /// `tofu`.
    ///
    /// All of a pair's devices must be there, not some: of one that is absent nobody knows where it is. A
    /// machine without any is not asked about, for they earned it nothing.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub(crate) async fn pair_devices(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        order: &Order,
    ) -> Result<(), ReleaseError> {
        let (rule, party) = (order.devices.inventory, &order.party);
        if rule == GpuInventory::Any || party.devices.is_empty() {
            return Ok(());
        }
        let machine = party.machine.ok_or(ReleaseError::MachineUnidentified)?;
        let inventory = self.inventory_in(tx, ledger.rules_epoch()).await?;
        let (sets, found) = (inventory.sets_of(&machine), || Devices(party.devices.clone()));
        if sets.contains(&party.devices) {
            return Ok(());
        }
        if !sets.is_empty() {
            let known = sets.iter().cloned().map(Devices).collect();
            return Err(ReleaseError::PairingDiffers { machine: Box::new(machine), known, found: found() });
        }
        if rule == GpuInventory::Pinned {
            let machine = Box::new(machine);
            return Err(ReleaseError::MachineNotInInventory { machine, found: found() });
        }
        if let Some((device, known)) = inventory.elsewhere(&machine, &party.devices) {
            let (known, found) = (Box::new(known), Box::new(machine));
            return Err(ReleaseError::DevicePairedElsewhere { device, known, found });
        }
        self.first_use(tx, ledger, machine, order).await
    }

    async fn first_use(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        machine: MachineId,
        order: &Order,
    ) -> Result<(), ReleaseError> {
        let name = first_use_name(&machine);
        let current = tx.rule(RuleKind::Inventory, &name, None).await?.map(|row| row.version);
        let NewDecision { at, door, actor, request_id, .. } = &order.decision;
        let decision = NewDecision {
            reason: "first use".to_owned(),
            lab: order.party.lab,
            evidence_digest: Some(order.party.evidence_digest),
            recipient_digest: Some(order.party.recipient_digest),
            ..NewDecision::granted(*at, *door, Action::InventoryPut, actor.as_str(), request_id.as_str())
        };
        let body = PairBody { machine, devices: order.party.devices.clone(), note: None };
        let cleared = Cleared::first_use();
        match self.write_pair(tx, ledger, &name, current, body, decision, cleared).await {
            Ok(_) => Ok(()),
            Err(ChangeError::Record(error)) => Err(error.into()),
            Err(ChangeError::Rules(error)) => Err(error.into()),
            // A pair of at most 64 devices has a name and a size that every rule may have.
            Err(error) => Err(RecordError::Store(crate::StoreError::Query(error.to_string())).into()),
        }
    }

    /// The inventory of this epoch, read anew when rules were changed since it was read.
    async fn inventory_in(&self, tx: &mut B::Tx, epoch: u64) -> Result<Arc<Inventory>, RulesError> {
        let last = self.inventory_cache().lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(inventory) = last.filter(|inventory| inventory.epoch == epoch) {
            return Ok(inventory);
        }
        let inventory = Arc::new(Inventory::of(epoch, &self.pairs_in(tx).await?));
        let mut cache = self.inventory_cache().lock().unwrap_or_else(PoisonError::into_inner);
        *cache = Some(Arc::clone(&inventory));
        Ok(inventory)
    }

    /// The newest version of each pair, authenticated and compared with the record.
    async fn pairs_in(&self, tx: &mut B::Tx) -> Result<Vec<Pair>, RulesError> {
        let rows = tx.current_rules(RuleKind::Inventory).await?;
        let recorded = tx.newest_rule_decisions().await?;
        let recorded = recorded.into_iter().filter(|(kind, ..)| *kind == RuleKind::Inventory).collect();
        compare(rows.iter(), recorded)?;
        rows.into_iter().map(|row| self.pair_of(row)).collect()
    }

    pub(crate) fn pair_of(&self, row: RuleRow) -> Result<Pair, RulesError> {
        self.authenticate(&row)?;
        let RuleRow { name, version, body, created_at, .. } = row;
        let PairBody { machine, devices, note } = serde_json::from_str(&body)
            .map_err(|error| RulesError::Unreadable { name: name.clone(), reason: error.to_string() })?;
        Ok(Pair { name, version, machine, devices, note, created_at })
    }
}

/// Why a pair has a wrong number of devices.
const SIZE: &str = "a pair has 1 to 64 devices";

/// What a pair asks of itself: its devices in order, each once. None of them takes it back.
pub(crate) fn check_pair(name: &str, pair: &PairBody) -> Result<(), ChangeError> {
    let malformed = |reason| Err(ChangeError::PairMalformed { reason });
    if pair.devices.len() > MAX_PAIR_DEVICES {
        return malformed(SIZE);
    }
    if !pair.devices.is_sorted() {
        return malformed("the devices are not in order");
    }
    if pair.devices.windows(2).any(|two| matches!(two, [one, other] if one == other)) {
        return malformed("a device is there twice");
    }
    if pair.note.as_ref().is_some_and(|note| note.len() > MAX_NOTE) {
        return malformed("a note has at most 200 bytes");
    }
    if name.starts_with(FIRST_USE) && name != first_use_name(&pair.machine) {
        return malformed("this name is kept for another machine's first use");
    }
    Ok(())
}

/// The name under which first use writes a machine's pair: half of a SHA-256, so that no two machines share
/// one.
fn first_use_name(machine: &MachineId) -> String {
    let digest = digest::digest(&digest::SHA256, machine.to_string().as_bytes());
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{FIRST_USE}{hex}")
}
