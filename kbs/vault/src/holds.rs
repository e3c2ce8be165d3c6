//! Which session holds which device: a GPU serves one holder at a time.
//!
//! Evidence of one device for two machines at once means that one of them shows what it does not have: a
//! report relayed, or a device moved while its session lives. So the transaction that opens or renews a
//! session writes down the devices that it rests on, and refuses one that another live session holds. The
//! same machine may attest anew, e.g. after a restart with a new recipient key: its older session ends then.
//! Who the machine is must be certain for that; where the platform hides it, the older session has to end by
//! itself, or by an operator's word.
//!
//! Each row has a MAC, and the ledger's row a keyed sum over all of them: an edited row is noticed when it is
//! read, a missing one by the count at the next release that rests on devices, and whatever else was done to
//! the table when the seal opens or the record is checked.

use crate::backend::{Backend, HoldRows, SessionRows};
use crate::envelope::{self, EnvelopeError};
use crate::error::{LogDamage, RecordError};
use crate::ledger::{Ledger, xor};
use crate::release::{Asker, Order, ReleaseError};
use crate::root::RootKey;
use crate::rows::{HoldRow, HoldsRow, SessionRow};
use crate::vault::Vault;
use aws_lc_rs::hmac;
use hanzo_attestation_evidence::{DeviceId, MachineId, UnixTime};
use hanzo_kbs_log::{Action, NewDecision};
use std::collections::BTreeMap;

/// Domain of the key that authenticates rows.
const DOMAIN: &[u8] = b"hanzo-kbs/v1/holds-mac";
/// What a row's MAC, and what it adds to the sum, begin with.
const MAC: u8 = 0;
const SHARE: u8 = 1;
/// Rows forgotten with each release that rests on devices: twice what a baseboard of eight GPUs and four
/// switches adds, so that the table shrinks, and few enough to cost little.
const PRUNE: u32 = 24;

/// In how many sessions one device may live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceSessions {
    /// In those of one holder.
    #[default]
    One,
    /// In any number: a device that is shown by two machines at once is not noticed.
    Any,
}

impl DeviceSessions {
    /// The word in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Any => "any",
        }
    }
}

/// Authenticates rows.
pub(crate) struct HoldsKey(hmac::Key);

impl HoldsKey {
    pub(crate) fn derive(root: &RootKey) -> Result<Self, EnvelopeError> {
        let key = envelope::derive(root.expose(), DOMAIN, &[])?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())))
    }

    fn signed(&self, row: HoldRow) -> HoldRow {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.0, &message(MAC, &row)).as_ref());
        HoldRow { mac, ..row }
    }

    fn verify(&self, row: &HoldRow) -> Result<(), LogDamage> {
        hmac::verify(&self.0, &message(MAC, row), &row.mac).map_err(|_| LogDamage::HoldsForged)
    }

    fn share(&self, row: &HoldRow) -> hmac::Tag {
        hmac::sign(&self.0, &message(SHARE, row))
    }

    /// Whether these are all the rows that the ledger counted. `counted` is without its mask.
    pub(crate) fn check(&self, rows: &[HoldRow], counted: HoldsRow) -> Result<(), LogDamage> {
        let mut found = HoldsRow::EMPTY;
        for row in rows {
            self.verify(row)?;
            found.digest = xor(found.digest, self.share(row).as_ref());
            found.count = found.count.saturating_add(1);
        }
        if found == counted { Ok(()) } else { Err(LogDamage::HoldsForged) }
    }
}

/// The parts before the session's name have a fixed length, and a name holds no zero byte.
fn message(purpose: u8, row: &HoldRow) -> Vec<u8> {
    [
        &[purpose][..],
        row.device.root.as_ref(),
        row.device.pdi.as_ref(),
        row.recipient_digest.as_ref(),
        &row.since.seconds().to_be_bytes(),
        &row.until.seconds().to_be_bytes(),
        row.session_id.as_bytes(),
        &[0],
        row.machine.map(|machine| machine.to_string()).unwrap_or_default().as_bytes(),
    ]
    .concat()
}

/// Where a device is held that evidence shows.
enum Held {
    /// By the same recipient: what is sealed to it in either session, one holder opens.
    Here,
    /// By the same machine, under another recipient key.
    Before,
    /// By somebody else, as far as can be told.
    Elsewhere,
}

/// Certain machines are compared first: two of them are two, whatever key they share. What a token stands for
/// may be older than what the device is held by: it ends nothing then.
fn held(hold: &HoldRow, asker: &Asker<'_>) -> Held {
    let same_machine = hold.machine.zip(asker.machine).map(|(held, shown)| held == shown);
    let same_recipient = hold.recipient_digest == asker.recipient_digest;
    match (same_machine, same_recipient) {
        (Some(false), _) | (None, false) => Held::Elsewhere,
        (_, true) => Held::Here,
        (Some(true), false) if asker.attested_at < hold.since => Held::Elsewhere,
        (Some(true), false) => Held::Before,
    }
}

/// Sessions that end because their machine opens another one, by id.
pub(crate) type Superseded = BTreeMap<String, HoldRow>;

impl<B: Backend> Vault<B> {
    /// NV-90: whether the devices of whoever asks are free, or become so by ending the sessions returned.
    ///
    /// # Errors
    /// [`ReleaseError::DeviceInAnotherSession`], [`ReleaseError::Record`].
    pub(crate) async fn claim_devices(
        &self,
        tx: &mut B::Tx,
        ledger: &Ledger<'_>,
        asker: &Asker<'_>,
        now: UnixTime,
    ) -> Result<Superseded, ReleaseError> {
        let mut superseded = Superseded::new();
        if asker.devices.is_empty() {
            return Ok(superseded);
        }
        if tx.count_holds().await? != ledger.holds().count {
            return Err(self.forged(LogDamage::HoldsForged).into());
        }
        for device in asker.devices {
            for hold in tx.holds_of(device).await? {
                self.holds_key().verify(&hold).map_err(|damage| self.forged(damage))?;
                if now >= hold.until || asker.rules.sessions == DeviceSessions::Any {
                    continue;
                }
                match held(&hold, asker) {
                    Held::Here => {}
                    Held::Before => {
                        superseded.insert(hold.session_id.clone(), hold);
                    }
                    Held::Elsewhere => {
                        return Err(ReleaseError::DeviceInAnotherSession {
                            device: *device,
                            session: hold.session_id,
                            until: hold.until,
                            holder: Box::new(Machine(hold.machine)),
                            found: Box::new(Machine(asker.machine)),
                        });
                    }
                }
            }
        }
        Ok(superseded)
    }

    /// Ends what is superseded, and writes down what the session holds now in place of what it held.
    pub(crate) async fn hold_devices(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        session: &SessionRow,
        superseded: Superseded,
        order: &Order,
    ) -> Result<(), RecordError> {
        let template = &order.decision;
        for (id, hold) in superseded {
            tx.supersede_session(&id, template.at).await?;
            let devices = self.free_devices(tx, ledger, &id).await?;
            ledger.append(tx, ended(id, &hold, devices, session, template)).await?;
        }
        self.free_devices(tx, ledger, &session.id).await?;
        if session.devices.is_empty() {
            return Ok(());
        }
        for hold in tx.ended_holds(ledger.oldest_possible_now(), PRUNE).await? {
            self.free_device(tx, ledger, &hold).await?;
        }
        for device in &session.devices {
            let hold = self.holds_key().signed(HoldRow {
                device: *device,
                session_id: session.id.clone(),
                recipient_digest: session.recipient_digest,
                machine: session.machine,
                since: order.attested_at,
                until: session.expires_at,
                mac: [0; 32],
            });
            tx.insert_hold(&hold).await?;
            ledger.hold(self.holds_key().share(&hold).as_ref());
        }
        Ok(())
    }

    /// Frees whatever a session holds, and says what that was.
    pub(crate) async fn free_devices(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        session_id: &str,
    ) -> Result<Vec<DeviceId>, RecordError> {
        let mut freed = Vec::new();
        for hold in tx.holds_in(session_id).await? {
            self.free_device(tx, ledger, &hold).await?;
            freed.push(hold.device);
        }
        Ok(freed)
    }

    async fn free_device(
        &self,
        tx: &mut B::Tx,
        ledger: &mut Ledger<'_>,
        hold: &HoldRow,
    ) -> Result<(), RecordError> {
        self.holds_key().verify(hold).map_err(|damage| self.forged(damage))?;
        ledger.free(self.holds_key().share(hold).as_ref()).map_err(|damage| self.forged(damage))?;
        Ok(tx.remove_hold(&hold.device, &hold.session_id).await?)
    }

    fn forged(&self, damage: LogDamage) -> RecordError {
        self.found(damage).into()
    }
}

/// The row about a session that was superseded.
fn ended(
    id: String,
    hold: &HoldRow,
    devices: Vec<DeviceId>,
    session: &SessionRow,
    template: &NewDecision,
) -> NewDecision {
    let NewDecision { at, door, actor, request_id, .. } = template;
    NewDecision {
        code: "SessionSuperseded".to_owned(),
        reason: format!("its machine opened session `{}` for the same devices", session.id),
        lab: session.lab,
        machine: hold.machine,
        devices,
        recipient_digest: Some(hold.recipient_digest),
        session_id: Some(id),
        ..NewDecision::granted(*at, *door, Action::Revoke, actor.as_str(), request_id.as_str())
    }
}

/// A machine in words, also where the platform hides which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine(pub Option<MachineId>);

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(machine) => write!(f, "the machine {machine}"),
            None => f.write_str("a machine that hides which one it is"),
        }
    }
}
