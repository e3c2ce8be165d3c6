//! Does what the [`Machine`] says, with a real broker, real evidence and real time.

use crate::clock::Clock;
use crate::exchange::{self, Door, ExchangeError};
use crate::machine::{Action, Event, Machine, NoKey, Purpose};
use crate::status::Status;
use hanzo_attestation_evidence::{Kem, UnixTime};
use hanzo_kbs_protocol::{Challenge, RecipientKeyPair, RevokeRequest, Session};
use hanzo_node_attester::EvidenceSource;
use serde_json::Value;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often deadlines are looked at: what has ended is wiped within this time, and is unreadable at once.
const LOOK: Duration = Duration::from_secs(1);
/// Longest sleep: a machine that was suspended notices soon.
const LONGEST_SLEEP: u64 = 5;
/// Patience for the courtesy of ending the session at the broker when the agent stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What an agent holds.
#[derive(Clone, Debug)]
pub struct AgentPlan {
    /// The keys: 1 to 32, none twice.
    pub keys: Vec<String>,
    /// The kind of the recipient key; a fresh one is made for each session.
    pub kem: Kem,
    /// The caller's own data, bound into the evidence.
    pub runtime_data: Option<Value>,
}

/// The keys that the agent holds, for whoever may read them.
#[derive(Clone)]
pub struct Keyring<C> {
    machine: Arc<Mutex<Machine>>,
    clock: C,
}

impl<C: Clock> Keyring<C> {
    fn new(clock: C) -> Self {
        Self { machine: Arc::new(Mutex::new(Machine::new(clock.now()))), clock }
    }

    /// Lets `use_key` see one key, if it may be read now.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn with_key<T>(&self, key_id: &str, use_key: impl FnOnce(&[u8]) -> T) -> Result<T, NoKey> {
        let now = self.clock.now();
        self.machine().with_key(key_id, now, use_key)
    }

    /// What the agent says of itself now.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = self.clock.now();
        self.machine().status(now)
    }

    fn handle(&self, event: Event, dice: u16) -> Action {
        let now = self.clock.now();
        self.machine().handle(event, now, dice)
    }

    async fn wipe_at_deadlines(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.clock.now();
            self.machine().expire(now);
        }
    }

    /// The machine stays usable if a reader panicked: it is changed in whole steps only.
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Attests, holds the session, and renews it.
pub struct Agent<D, S, C, R> {
    door: D,
    source: S,
    clock: C,
    dice: R,
    plan: AgentPlan,
    keyring: Keyring<C>,
    pair: Option<RecipientKeyPair>,
    challenge: Option<Challenge>,
}

impl<D: Door, S: EvidenceSource, C: Clock + Clone, R: FnMut() -> u16 + Send> Agent<D, S, C, R> {
    /// An agent that has not begun. `dice` gives random numbers for pauses; they need not be secret.
    pub fn new(door: D, source: S, clock: C, dice: R, plan: AgentPlan) -> Self {
        let keyring = Keyring::new(clock.clone());
        Self { door, source, clock, dice, plan, keyring, pair: None, challenge: None }
    }

    /// The keys that it holds, now and later.
    #[must_use]
    pub fn keyring(&self) -> Keyring<C> {
        self.keyring.clone()
    }

    /// Runs until `stop`; then wipes every key and, if the broker answers soon, ends the session there too.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let keyring = self.keyring.clone();
        tokio::select! {
            biased;
            () = stop => {}
            () = keyring.wipe_at_deadlines() => {}
            () = self.work() => {}
        }
        self.pair = None;
        let closed = keyring.machine().close();
        if let Some(session_id) = closed {
            let request = RevokeRequest { session_id };
            let farewell = tokio::time::timeout(FAREWELL, self.door.revoke(&request)).await;
            match farewell {
                Ok(Ok(_)) => tracing::info!("session ended at the broker"),
                _ => tracing::warn!("the broker was not told; the session ends there at its deadline"),
            }
        }
    }

    async fn work(&mut self) {
        let mut event = Event::Tick;
        loop {
            let dice = (self.dice)();
            event = match self.keyring.handle(event, dice) {
                Action::Wait(until) => {
                    tokio::time::sleep(until_or_less(until, self.clock.now())).await;
                    Event::Tick
                }
                Action::AskChallenge => self.ask().await,
                Action::Present(purpose) => self.present(purpose).await,
            };
        }
    }

    async fn ask(&mut self) -> Event {
        match self.door.challenge().await {
            Ok(challenge) => {
                self.challenge = Some(challenge);
                Event::Challenge
            }
            Err(error) => event_of(&error.into()),
        }
    }

    async fn present(&mut self, purpose: Purpose) -> Event {
        match self.converse(purpose).await {
            Ok(session) => {
                tracing::info!(tier = session.tier, expires_at = %session.expires_at, "granted");
                Event::Granted(session)
            }
            Err(error) => event_of(&error),
        }
    }

    async fn converse(&mut self, purpose: Purpose) -> Result<Session, ExchangeError> {
        let Some(challenge) = self.challenge.take() else {
            // The machine asks for a challenge before each presentation.
            return Err(ExchangeError::Document);
        };
        if purpose == Purpose::Authorize {
            // The old key goes with the old session.
            self.pair = None;
        }
        let pair = match self.pair.take() {
            Some(pair) => self.pair.insert(pair),
            None => self.pair.insert(RecipientKeyPair::generate(self.plan.kem)?),
        };
        let AgentPlan { keys, runtime_data, .. } = &self.plan;
        let (expect, items) =
            exchange::collect(pair, &challenge, runtime_data.clone(), &self.source, &self.clock).await?;
        Ok(match purpose {
            Purpose::Authorize => {
                let answer = self.door.authorize(&expect.authorize(items, keys.clone())).await?;
                expect.answer(&answer, keys, self.clock.now())?
            }
            Purpose::Renew { session_id } => {
                let answer = self.door.renew(&expect.renew(items, session_id.clone())).await?;
                expect.renewed(&answer, &session_id, keys, self.clock.now())?
            }
        })
    }
}

fn event_of(error: &ExchangeError) -> Event {
    if let Some(refusal) = error.refusal() {
        tracing::warn!(code = refusal.code, decision = refusal.decision, "refused; every key is wiped");
        return Event::Refused(refusal);
    }
    tracing::warn!(reason = %error, "no answer; what is held ends at its deadline");
    Event::Failed(error.to_string())
}

fn until_or_less(until: UnixTime, now: UnixTime) -> Duration {
    let left = u64::try_from(until.seconds().saturating_sub(now.seconds())).unwrap_or(0);
    Duration::from_secs(left.min(LONGEST_SLEEP))
}

#[cfg(test)]
mod tests;
