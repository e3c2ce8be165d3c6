use super::*;
use hanzo_attestation_evidence::Hex;
use hanzo_kbs_protocol::{Checkpoint, OpenedKey};
use proptest::prelude::*;

fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}

fn session_with(expires_at: i64, keys: &[(&str, i64)]) -> Session {
    Session {
        session_id: "s".to_owned(),
        tier: 2,
        expires_at: at(expires_at),
        keys: keys
            .iter()
            .map(|(id, end)| OpenedKey {
                key_id: (*id).to_owned(),
                version: 1,
                expires_at: at(*end),
                material: Zeroizing::new(vec![7; 32]),
            })
            .collect(),
        checkpoint: Checkpoint { seq: 1, hash: Hex([0; 32]) },
    }
}

fn session(expires_at: i64) -> Session {
    session_with(expires_at, &[("t/k", expires_at)])
}

fn refusal() -> Event {
    Event::Refused(Refusal { code: "EvidenceRefused".to_owned(), decision: Some(4) })
}

fn readable(machine: &mut Machine, now: i64) -> Result<usize, NoKey> {
    machine.with_key("t/k", at(now), <[u8]>::len)
}

/// A machine that got a session at 1000 with the given end.
fn holding(expires_at: i64) -> Machine {
    let mut machine = Machine::new(at(1000));
    assert_eq!(machine.handle(Event::Tick, at(1000), 0), Action::AskChallenge);
    assert_eq!(machine.handle(Event::Challenge, at(1000), 0), Action::Present(Purpose::Authorize));
    machine.handle(Event::Granted(session(expires_at)), at(1000), 0);
    machine
}

/// Brings a machine that waits to the point where it expects an answer.
fn renewing(machine: &mut Machine, now: i64) -> Action {
    assert_eq!(machine.handle(Event::Tick, at(now), 0), Action::AskChallenge);
    machine.handle(Event::Challenge, at(now), 0)
}

#[test]
fn a_grant_is_held_until_its_deadline_and_no_longer() {
    let mut machine = holding(1300);
    assert_eq!(readable(&mut machine, 1000), Ok(32));
    assert_eq!(readable(&mut machine, 1299), Ok(32));
    assert_eq!(readable(&mut machine, 1300), Err(NoKey::NoSession));
    assert_eq!(machine.status(at(1300)).trouble, Some(Trouble::Expired { at: at(1300) }));
}

#[test]
fn a_clock_set_back_brings_nothing_back() {
    let mut machine = holding(1300);
    assert_eq!(machine.handle(Event::Tick, at(1300), 0), Action::AskChallenge);
    assert_eq!(readable(&mut machine, 1001), Err(NoKey::NoSession));
    let mut machine = holding(1300);
    machine.expire(at(1299));
    machine.expire(at(1));
    assert_eq!(readable(&mut machine, 1), Ok(32));
    assert_eq!(machine.expire(at(1)), at(1299));
}

#[test]
fn renewal_comes_at_two_thirds_less_the_jitter() {
    let mut machine = Machine::new(at(1000));
    let mut granted = |dice| {
        machine = Machine::new(at(1000));
        renewing(&mut machine, 1000);
        machine.handle(Event::Granted(session(1300)), at(1000), dice)
    };
    assert_eq!(granted(0), Action::Wait(at(1200)));
    assert_eq!(granted(u16::MAX), Action::Wait(at(1170)));
}

#[test]
fn a_key_that_ends_earlier_sets_the_renewal_and_goes_alone() {
    let mut machine = Machine::new(at(1000));
    renewing(&mut machine, 1000);
    let session = session_with(1300, &[("t/k", 1060), ("t/l", 1400)]);
    assert_eq!(machine.handle(Event::Granted(session), at(1000), 0), Action::Wait(at(1040)));
    assert_eq!(readable(&mut machine, 1060), Err(NoKey::GrantEnded));
    assert_eq!(readable(&mut machine, 1061), Err(NoKey::NotHeld));
    assert_eq!(machine.with_key("t/l", at(1299), <[u8]>::len), Ok(32));
    assert_eq!(machine.with_key("t/l", at(1300), <[u8]>::len), Err(NoKey::NoSession));
}

#[test]
fn renewal_names_the_session_and_moves_the_deadline() {
    let mut machine = holding(1300);
    let renew = Action::Present(Purpose::Renew { session_id: "s".to_owned() });
    assert_eq!(renewing(&mut machine, 1200), renew);
    assert_eq!(readable(&mut machine, 1200), Ok(32), "the old grant serves meanwhile");
    machine.handle(Event::Granted(session(1500)), at(1201), 0);
    assert_eq!(machine.deadline(), Some(at(1500)));
}

#[test]
fn a_session_that_ends_while_renewing_is_asked_for_anew() {
    let mut machine = holding(1300);
    machine.handle(Event::Tick, at(1200), 0);
    assert_eq!(machine.handle(Event::Challenge, at(1300), 0), Action::Present(Purpose::Authorize));
}

#[test]
fn a_refusal_wipes_at_once_and_says_which() {
    let mut machine = holding(1300);
    renewing(&mut machine, 1200);
    assert_eq!(machine.handle(refusal(), at(1200), 0), Action::Wait(at(1201)));
    assert_eq!(readable(&mut machine, 1200), Err(NoKey::NoSession));
    let trouble = Trouble::Refused { code: "EvidenceRefused".to_owned(), decision: Some(4) };
    assert_eq!(machine.status(at(1200)).trouble, Some(trouble));
    assert_eq!(renewing(&mut machine, 1201), Action::Present(Purpose::Authorize));
}

#[test]
fn failures_take_nothing_and_are_retried_ever_more_slowly_up_to_the_deadline() {
    let mut machine = holding(1300);
    let mut now = 1200;
    for expected in [1, 1, 2, 4, 8, 16, 30, 30] {
        machine.handle(Event::Tick, at(now), 0);
        let action = machine.handle(Event::Failed("unreachable".to_owned()), at(now), 0);
        assert_eq!(action, Action::Wait(at((now + expected).min(1300))), "at {now}");
        assert_eq!(readable(&mut machine, now), Ok(32));
        now += expected;
    }
    machine.handle(Event::Tick, at(now), 0);
    assert_eq!(machine.handle(Event::Failed("x".to_owned()), at(now), u16::MAX), Action::Wait(at(1300)));
    assert_eq!(machine.handle(Event::Tick, at(1300), 0), Action::Wait(at(now + 60)));
    assert_eq!(readable(&mut machine, 1300), Err(NoKey::NoSession));
}

#[test]
fn refusals_are_repeated_ever_more_slowly_up_to_ten_minutes() {
    let mut machine = Machine::new(at(1000));
    let mut now = 1000;
    let mut longest = 0;
    for _ in 0..80 {
        renewing(&mut machine, now);
        let Action::Wait(until) = machine.handle(refusal(), at(now), u16::MAX) else { panic!("no pause") };
        assert!(until.seconds() - now >= longest);
        longest = until.seconds() - now;
        now = until.seconds();
    }
    assert_eq!(longest, 600);
}

#[test]
fn a_grant_that_nobody_asked_for_is_dropped() {
    let mut machine = Machine::new(at(1000));
    machine.handle(Event::Granted(session(1300)), at(1000), 0);
    assert_eq!(machine.deadline(), None);
    machine.handle(Event::Tick, at(1000), 0);
    machine.handle(Event::Granted(session(1300)), at(1000), 0);
    assert_eq!(machine.deadline(), None);
}

#[test]
fn a_grant_that_is_over_holds_nothing() {
    let mut machine = Machine::new(at(1000));
    renewing(&mut machine, 1000);
    machine.handle(Event::Granted(session(1000)), at(1000), 0);
    assert_eq!(readable(&mut machine, 1000), Err(NoKey::NoSession));
}

#[test]
fn closing_wipes_and_names_the_session() {
    let mut machine = holding(1300);
    assert_eq!(machine.close().as_deref(), Some("s"));
    assert_eq!(machine.close(), None);
    assert_eq!(readable(&mut machine, 1000), Err(NoKey::NoSession));
}

#[test]
fn status_says_what_is_held_and_no_material() {
    let mut machine = holding(1300);
    let json = serde_json::to_value(machine.status(at(1000))).unwrap();
    assert_eq!(json["session"]["tier"], 2);
    assert_eq!(json["session"]["keys"][0]["key_id"], "t/k");
    assert_eq!(json["step"]["waits_for"], "time");
    assert!(json.get("trouble").is_none());
    assert_eq!(serde_json::from_value::<Status>(json).unwrap(), machine.status(at(1000)));
}

#[derive(Clone, Debug)]
enum Happening {
    Tick,
    Challenge,
    Granted(i64),
    Refused,
    Failed,
}

fn happening() -> impl Strategy<Value = (Happening, i64, u16)> {
    let kind = prop_oneof![
        4 => Just(Happening::Tick),
        3 => Just(Happening::Challenge),
        3 => (0_i64..400).prop_map(Happening::Granted),
        1 => Just(Happening::Refused),
        1 => Just(Happening::Failed),
    ];
    // Time goes on, stands, and is sometimes set back.
    (kind, prop_oneof![8 => 0_i64..120, 1 => -200_i64..0], any::<u16>())
}

proptest! {
    #[test]
    fn nothing_outlives_its_deadline_or_a_refusal(
        happenings in proptest::collection::vec(happening(), 1..80)
    ) {
        let mut now = 10_000;
        let mut latest = now;
        let mut machine = Machine::new(at(now));
        let mut ends = Vec::new();
        for (kind, step, dice) in happenings {
            now = (now + step).max(1);
            latest = latest.max(now);
            let (event, refused) = match kind {
                Happening::Tick => (Event::Tick, false),
                Happening::Challenge => (Event::Challenge, false),
                Happening::Granted(life) => {
                    ends.push(at(now + life));
                    (Event::Granted(session(now + life)), false)
                }
                Happening::Refused => (refusal(), true),
                Happening::Failed => (Event::Failed("x".to_owned()), false),
            };
            let action = machine.handle(event, at(now), dice);
            if refused {
                prop_assert_eq!(machine.deadline(), None);
                prop_assert_eq!(readable(&mut machine, now), Err(NoKey::NoSession));
            }
            if let Some(deadline) = machine.deadline() {
                prop_assert!(deadline > at(latest), "held after its deadline");
                prop_assert!(ends.contains(&deadline), "a deadline that no grant set");
                if let Action::Wait(until) = action {
                    prop_assert!(until <= deadline, "sleeps over the deadline");
                }
            }
        }
        if let Some(deadline) = machine.deadline() {
            prop_assert_eq!(readable(&mut machine, deadline.seconds()), Err(NoKey::NoSession));
            prop_assert_eq!(machine.deadline(), None);
        }
    }
}
