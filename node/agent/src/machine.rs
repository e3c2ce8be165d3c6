//! The session's states, each named for what it expects next.
//!
//! ```text
//!        ┌──────────────── time comes ───────────────┐
//!        │                                           ▼
//!   ExpectTime ◀──failed── ExpectChallenge ◀── (asks for one)
//!     ▲  ▲ ▲                     │ challenge
//!     │  │ └─────failed────── ExpectAnswer
//!     │  └── refused: keys are wiped ─┤
//!     └───── granted: keys are held ──┘
//! ```
//! Beside the state stands what is held. It ends at its deadline in every state, and at the first refusal;
//! nothing but a grant makes or lengthens it.

use crate::status::{KeyInfo, SessionInfo, Status, StepInfo, Trouble};
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_protocol::Session;
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::Zeroizing;

/// First pause after a failed attempt.
const FIRST_PAUSE: u64 = 1;
/// Longest pause after no answer: a broker that comes back is found within a minute.
const LONGEST_PAUSE: u64 = 60;
/// Longest pause after a refusal: each one is a row of the broker's record for ever.
const LONGEST_PAUSE_REFUSED: u64 = 600;

/// What happened.
pub enum Event {
    /// Time passed.
    Tick,
    /// The broker sent a challenge.
    Challenge,
    /// The broker granted, and every key came out of its envelope.
    Granted(Session),
    /// The broker said no.
    Refused(Refusal),
    /// No answer, an answer that does not follow from the question, or no evidence to send. It takes nothing
    /// away before the deadline, and gives nothing.
    Failed(String),
}

/// The broker's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its stable code.
    pub code: String,
    /// Where the operator finds the reason.
    pub decision: Option<u64>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Come back with [`Event::Tick`] at this time.
    Wait(UnixTime),
    /// Ask the broker for a challenge; come back with [`Event::Challenge`] or [`Event::Failed`].
    AskChallenge,
    /// Collect evidence over the challenge and send it.
    Present(Purpose),
}

/// What evidence is sent for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new session.
    Authorize,
    /// More time for this one.
    Renew {
        /// The session.
        session_id: String,
    },
}

/// Why a key cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// No session lives: nothing can be read now.
    #[error("no session lives")]
    NoSession,
    /// The session does not hold this key.
    #[error("the session does not hold this key")]
    NotHeld,
    /// The key's own grant has ended.
    #[error("the grant of this key has ended")]
    GrantEnded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Time { until: UnixTime },
    Challenge,
    Answer,
}

struct Held {
    session_id: String,
    tier: u8,
    expires_at: UnixTime,
    keys: BTreeMap<String, HeldKey>,
}

struct HeldKey {
    version: u64,
    expires_at: UnixTime,
    material: Zeroizing<Vec<u8>>,
}

/// The state machine of one agent.
pub struct Machine {
    step: Expect,
    held: Option<Held>,
    /// Attempts since the last grant that gave nothing.
    failures: u32,
    trouble: Option<Trouble>,
    /// The latest time seen. A clock that is set back does not lengthen a session.
    latest: UnixTime,
}

impl Machine {
    /// A machine that wants a session at once.
    #[must_use]
    pub const fn new(now: UnixTime) -> Self {
        Self { step: Expect::Time { until: now }, held: None, failures: 0, trouble: None, latest: now }
    }

    /// Takes what happened at `now` and says what to do. `dice` is a random number: pauses and renewals of
    /// many nodes must not fall together. An event that the state does not expect changes nothing.
    pub fn handle(&mut self, event: Event, now: UnixTime, dice: u16) -> Action {
        let now = self.expire(now);
        match (self.step, event) {
            // The one event that takes away does so in every state.
            (_, Event::Refused(Refusal { code, decision })) => {
                self.held = None;
                self.trouble = Some(Trouble::Refused { code, decision });
                self.pause(now, LONGEST_PAUSE_REFUSED, dice);
            }
            (Expect::Time { until }, Event::Tick) if now >= until => self.step = Expect::Challenge,
            (Expect::Challenge, Event::Challenge) => self.step = Expect::Answer,
            (Expect::Answer, Event::Granted(session)) => self.hold(session, now, dice),
            (Expect::Challenge | Expect::Answer, Event::Failed(reason)) => {
                self.trouble = Some(Trouble::Failed { reason });
                self.pause(now, LONGEST_PAUSE, dice);
            }
            _ => {}
        }
        self.action()
    }

    /// Wipes what has reached its deadline, and gives the time that counts: `now`, or the latest time seen if
    /// the clock went back.
    pub fn expire(&mut self, now: UnixTime) -> UnixTime {
        self.latest = self.latest.max(now);
        let now = self.latest;
        if let Some(held) = self.held.take_if(|held| held.expires_at <= now) {
            self.trouble = Some(Trouble::Expired { at: held.expires_at });
        }
        if let Some(held) = &mut self.held {
            held.keys.retain(|_, key| key.expires_at > now);
        }
        now
    }

    /// Lets `use_key` see one key. Nothing is readable at or after its deadline.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn with_key<T>(
        &mut self,
        key_id: &str,
        now: UnixTime,
        use_key: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, NoKey> {
        let known = self.held.as_ref().is_some_and(|held| held.keys.contains_key(key_id));
        self.expire(now);
        let held = self.held.as_ref().ok_or(NoKey::NoSession)?;
        match held.keys.get(key_id) {
            Some(key) => Ok(use_key(&key.material)),
            None if known => Err(NoKey::GrantEnded),
            None => Err(NoKey::NotHeld),
        }
    }

    /// Ends the session here: wipes everything, and says which session it was.
    pub fn close(&mut self) -> Option<String> {
        self.held.take().map(|held| held.session_id)
    }

    /// When what is held ends; `None` if nothing is held.
    #[must_use]
    pub fn deadline(&self) -> Option<UnixTime> {
        self.held.as_ref().map(|held| held.expires_at)
    }

    /// What a status answer says at `now`.
    pub fn status(&mut self, now: UnixTime) -> Status {
        self.expire(now);
        let session = self.held.as_ref().map(|held| SessionInfo {
            session_id: held.session_id.clone(),
            tier: held.tier,
            expires_at: held.expires_at,
            keys: held.keys.iter().map(|(id, key)| key.info(id)).collect(),
        });
        let step = match self.step {
            Expect::Time { until } => StepInfo::Time { until },
            Expect::Challenge => StepInfo::Challenge,
            Expect::Answer => StepInfo::Answer,
        };
        Status { session, step, trouble: self.trouble.clone() }
    }

    fn action(&self) -> Action {
        match self.step {
            // Never sleep over the deadline: what is held must be wiped then.
            Expect::Time { until } => Action::Wait(self.deadline().map_or(until, |at| at.min(until))),
            Expect::Challenge => Action::AskChallenge,
            Expect::Answer => Action::Present(match &self.held {
                Some(held) => Purpose::Renew { session_id: held.session_id.clone() },
                None => Purpose::Authorize,
            }),
        }
    }

    fn hold(&mut self, session: Session, now: UnixTime, dice: u16) {
        let Session { session_id, tier, expires_at, keys, .. } = session;
        // The first end of all: the session's, or a key's that ends earlier.
        let first_end = keys.iter().map(|key| key.expires_at).fold(expires_at, UnixTime::min);
        let keys = keys
            .into_iter()
            .map(|key| {
                let expires_at = key.expires_at.min(expires_at);
                (key.key_id, HeldKey { version: key.version, expires_at, material: key.material })
            })
            .collect();
        self.held = Some(Held { session_id, tier, expires_at, keys });
        self.failures = 0;
        self.trouble = None;
        self.step = Expect::Time { until: renewal(now, first_end, dice) };
        self.expire(now);
    }

    fn pause(&mut self, now: UnixTime, longest: u64, dice: u16) {
        let doubled = 1_u64.checked_shl(self.failures).and_then(|times| FIRST_PAUSE.checked_mul(times));
        let longest = doubled.unwrap_or(longest).min(longest);
        self.failures = self.failures.saturating_add(1);
        // Half of it is certain, half is random.
        let half = longest.div_ceil(2);
        let pause = half + share(longest - half, dice);
        self.step = Expect::Time { until: now.after(Duration::from_secs(pause)) };
    }
}

impl HeldKey {
    fn info(&self, key_id: &str) -> KeyInfo {
        KeyInfo { key_id: key_id.to_owned(), version: self.version, expires_at: self.expires_at }
    }
}

/// Two thirds of the remaining life from now, less up to a tenth of it.
fn renewal(now: UnixTime, end: UnixTime, dice: u16) -> UnixTime {
    let life = u64::try_from(end.seconds().saturating_sub(now.seconds())).unwrap_or(0);
    let wait = life.saturating_mul(2) / 3 - share(life / 10, dice);
    // A life of a second or two must not become a storm of renewals.
    now.after(Duration::from_secs(wait.max(1)))
}

/// The part of `whole` that `dice` points to, from 0 to `whole`.
fn share(whole: u64, dice: u16) -> u64 {
    whole.saturating_mul(u64::from(dice)) / u64::from(u16::MAX)
}

#[cfg(test)]
mod tests;
