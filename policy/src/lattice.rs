//! The lattice of tiers as laws, over generated evidence, keys and policies of every shape.

use crate::appraisal::Appraisal;
use crate::appraisal::nvidia::tests::{GPU, gpu, gpus, switches};
use crate::appraised::{Proved, proved};
use crate::decide::decide;
use crate::decision::{Decided, DenialCode};
use crate::hardware::Hardware;
use crate::key_id::KeyId;
use crate::next_tier::next_tier;
use crate::node::Node;
use crate::permit::{Earned, KeyScope, Permit};
use crate::policies::{Policies, PolicySource};
use crate::references::References;
use crate::sample;
use crate::tier::Tier;
use hanzo_attestation::nvidia::rim::Outcome;
use hanzo_attestation::tpm::AkTrust;
use hanzo_attestation::{Claims, Debug as Debuggable, Facts, TcbStatus};
use hanzo_attestation_evidence::{Hex, Kem, Recipient};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::time::Duration;

/// What one item of generated evidence shows.
#[derive(Clone, Debug)]
enum Item {
    Key,
    Snp(Cpu),
    Td(Cpu),
    Enclave(Cpu),
    /// Whether the attestation key is trusted.
    Tpm(bool),
    /// Whether the manifests vouch for each GPU.
    Gpus(Vec<bool>),
    Switches(usize),
}

#[derive(Clone, Copy, Debug)]
struct Cpu {
    debug: bool,
    status: TcbStatus,
}

const STATUSES: [TcbStatus; 12] = [
    TcbStatus::NotRated,
    TcbStatus::Unknown,
    TcbStatus::UpToDate,
    TcbStatus::SwHardeningNeeded,
    TcbStatus::ConfigurationNeeded,
    TcbStatus::ConfigurationAndSwHardeningNeeded,
    TcbStatus::OutOfDate,
    TcbStatus::OutOfDateConfigurationNeeded,
    TcbStatus::TdRelaunchAdvised,
    TcbStatus::TdRelaunchAdvisedConfigurationNeeded,
    TcbStatus::Revoked,
    TcbStatus::NotRecognized,
];
/// Statuses under which a CPU proves nothing.
const WORTHLESS: [TcbStatus; 3] = [TcbStatus::Unknown, TcbStatus::Revoked, TcbStatus::NotRecognized];

impl Item {
    fn shown(&self) -> (Claims, Facts) {
        let cpu = |(claims, facts): (Claims, Facts), cpu: &Cpu| {
            let debug = Some(if cpu.debug { Debuggable::Enabled } else { Debuggable::Disabled });
            (claims, Facts { debug, tcb_status: cpu.status, ..facts })
        };
        match self {
            Self::Key => sample::key_item(),
            Self::Snp(state) => cpu(sample::snp_item(sample::snp()), state),
            Self::Td(state) => cpu(sample::td_item(sample::td()), state),
            Self::Enclave(state) => cpu(sample::enclave_item(sample::enclave()), state),
            Self::Tpm(trusted) => {
                let ak_trust = if *trusted { AkTrust::AllowList } else { AkTrust::Untrusted };
                sample::tpm_item(hanzo_attestation::tpm::Claims { ak_trust, ..sample::tpm() })
            }
            Self::Gpus(vouched) => {
                let device = |vouched: &bool| {
                    gpu(|device| {
                        if !vouched {
                            device.rim.outcome = Outcome::Fail
                        }
                    })
                };
                (gpus(vouched.iter().map(device).collect()), GPU.1.clone())
            }
            Self::Switches(count) => {
                (switches(vec![crate::appraisal::nvidia::tests::switch(|_| {}); *count]), GPU.1.clone())
            }
        }
    }

    /// The same item with less to show, in every single way.
    fn weaker(&self) -> Vec<Self> {
        let cpu = |make: fn(Cpu) -> Self, cpu: &Cpu| {
            let worse = WORTHLESS.map(|status| make(Cpu { status, ..*cpu }));
            worse.into_iter().chain([make(Cpu { debug: true, ..*cpu })]).collect()
        };
        match self {
            Self::Snp(state) => cpu(Self::Snp, state),
            Self::Td(state) => cpu(Self::Td, state),
            Self::Enclave(state) => cpu(Self::Enclave, state),
            Self::Tpm(_) => vec![Self::Tpm(false)],
            Self::Gpus(vouched) => (0..vouched.len())
                .map(|at| {
                    let mut worse = vouched.clone();
                    worse[at] = false;
                    Self::Gpus(worse)
                })
                .collect(),
            Self::Key | Self::Switches(_) => Vec::new(),
        }
    }

    fn is_good_cpu(&self) -> bool {
        match self {
            Self::Snp(cpu) | Self::Td(cpu) | Self::Enclave(cpu) => {
                !cpu.debug && !WORTHLESS.contains(&cpu.status)
            }
            _ => false,
        }
    }
}

fn item() -> impl Strategy<Value = Item> {
    let cpu = || (any::<bool>(), select(&STATUSES[..])).prop_map(|(debug, status)| Cpu { debug, status });
    prop_oneof![
        Just(Item::Key),
        cpu().prop_map(Item::Snp),
        cpu().prop_map(Item::Td),
        cpu().prop_map(Item::Enclave),
        any::<bool>().prop_map(Item::Tpm),
        prop::collection::vec(any::<bool>(), 0..4).prop_map(Item::Gpus),
        (0_usize..3).prop_map(Item::Switches),
    ]
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec(item(), 0..5)
}

fn prove(items: &[Item]) -> Proved {
    let shown: Vec<_> = items.iter().map(Item::shown).collect();
    proved(shown.iter().map(|(claims, facts)| (claims, facts)), &Default::default())
}

fn node(items: &[Item]) -> Node {
    let shown: Vec<_> = items.iter().map(Item::shown).collect();
    sample::node(&shown)
}

/// Policies of every shape: scopes, effects, conditions that hold, that do not, and that ask about tiers.
fn policy() -> impl Strategy<Value = String> {
    let scope = select(&["", " == Key::\"acme/disk\"", " in Tenant::\"acme\"", " in Tenant::\"other\""][..]);
    let effect = select(&["permit", "permit", "permit", "forbid"][..]);
    let condition = select(
        &[
            "",
            "when { principal.tier >= 2 }",
            "when { principal.tier < 2 }",
            "when { resource.minimum_tier < 3 }",
            "when { resource.minimum_tier == 4 && principal.tier == 0 }",
            "when { principal has snp && !principal.snp.provisional }",
            "when { principal has gpus && principal.gpus.manifests_match }",
            "when { principal has identity && principal.identity == \"runner\" }",
            "unless { principal.lab }",
            "when { resource.require_cpu_tee }",
            "when { context.now * 9223372036854775807 > 0 }",
        ][..],
    );
    (effect, scope, condition).prop_map(|(effect, scope, condition)| {
        format!("{effect} (principal, action, resource{scope}) {condition};")
    })
}

fn policies() -> impl Strategy<Value = Policies> {
    prop::collection::vec(policy(), 0..6).prop_map(|texts| {
        let source =
            |(text, number): (String, usize)| PolicySource { name: format!("p{number}"), version: 1, text };
        Policies::compile(&texts.into_iter().zip(0..).map(source).collect::<Vec<_>>()).unwrap()
    })
}

fn scope() -> impl Strategy<Value = KeyScope> {
    let key = select(&["acme/disk", "acme/other", "other/disk"][..]);
    (key, select(&Tier::ALL[..]), any::<bool>()).prop_map(|(key, minimum, require_cpu_tee)| KeyScope {
        key: KeyId::parse(key).unwrap(),
        minimum,
        require_cpu_tee,
    })
}

fn all() -> Policies {
    let text = "permit (principal, action, resource);".to_owned();
    Policies::compile(&[PolicySource { name: "all".to_owned(), version: 1, text }]).unwrap()
}

proptest! {
    #[test]
    fn one_more_item_never_lowers_a_tier(items in items(), more in item(), at in any::<Index>()) {
        let before = prove(&items);
        let mut after = items.clone();
        after.insert(at.index(items.len() + 1), more);
        let after = prove(&after);
        prop_assert!(after.tier >= before.tier, "{before:?} {after:?}");
        prop_assert!(after.cpu_tee >= before.cpu_tee);
    }

    #[test]
    fn a_weaker_claim_never_raises_a_tier(items in items()) {
        let before = prove(&items);
        for (at, item) in items.iter().enumerate() {
            for weaker in item.weaker() {
                let mut after = items.clone();
                after[at] = weaker;
                let after = prove(&after);
                prop_assert!(after.tier <= before.tier && after.cpu_tee <= before.cpu_tee, "{before:?} {after:?}");
            }
            let mut without = items.clone();
            without.remove(at);
            prop_assert!(prove(&without).tier <= before.tier);
        }
    }

    #[test]
    fn the_order_of_items_means_nothing(items in items().prop_shuffle(), other in any::<Index>()) {
        let mut rotated = items.clone();
        if !items.is_empty() {
            rotated.rotate_left(other.index(items.len()));
        }
        prop_assert_eq!(prove(&items), prove(&rotated));
    }

    /// The weakest link: GPUs count only beside a CPU that proves something, and only if all of them do.
    #[test]
    fn the_weakest_link_decides(items in items(), vouched in prop::collection::vec(any::<bool>(), 0..5)) {
        let cpu = items.iter().any(Item::is_good_cpu);
        let mut items: Vec<Item> = items.into_iter().filter(|item| !matches!(item, Item::Gpus(_))).collect();
        let all = !vouched.is_empty() && vouched.iter().all(|vouched| *vouched);
        items.push(Item::Gpus(vouched));
        let found = prove(&items);
        prop_assert_eq!(found.tier >= Tier::GpuCc, cpu && all);
        prop_assert_eq!(found.cpu_tee, cpu);
        prop_assert!(found.tier < Tier::TeeIo, "nothing here speaks of TEE-I/O");
    }

    /// No policy, fallback or default breaks the demands of a key.
    #[test]
    fn what_is_released_has_at_least_the_minimum(items in items(), scope in scope(), policies in policies()) {
        let (node, none) = (node(&items), References::new(Vec::new()).unwrap());
        match decide(&node, &scope, &policies, &none, sample::circumstances()) {
            Ok(_) => {
                prop_assert!(node.tier >= scope.minimum);
                prop_assert!(node.cpu_tee || !scope.require_cpu_tee);
            }
            Err(denial) if node.tier < scope.minimum => {
                prop_assert_eq!(denial.code, DenialCode::TierTooLow.as_str());
            }
            Err(denial) if scope.require_cpu_tee && !node.cpu_tee => {
                prop_assert_eq!(denial.code, DenialCode::CpuTeeRequired.as_str());
            }
            Err(_) => {}
        }
    }

    /// The administrator who permits everything gives away what the tier allows, and nothing above it.
    #[test]
    fn a_permit_for_everything_gives_what_the_tier_allows(items in items(), scope in scope()) {
        let (node, none) = (node(&items), References::new(Vec::new()).unwrap());
        let allowed = node.tier >= scope.minimum && (node.cpu_tee || !scope.require_cpu_tee);
        prop_assert_eq!(decide(&node, &scope, &all(), &none, sample::circumstances()).is_ok(), allowed);
    }

    /// A forbid beats every permit, and no policy is a no, whatever the evidence.
    #[test]
    fn a_forbid_beats_every_permit_and_no_policy_is_a_no(items in items(), scope in scope(), texts in prop::collection::vec(policy(), 0..5)) {
        let (node, none) = (node(&items), References::new(Vec::new()).unwrap());
        let source = |(number, text): (usize, &String)| PolicySource { name: format!("p{number}"), version: 1, text: text.clone() };
        let mut sources: Vec<PolicySource> = texts.iter().enumerate().map(source).collect();
        sources.push(PolicySource { name: "no".to_owned(), version: 1, text: "forbid (principal, action, resource);".to_owned() });
        let forbidden = Policies::compile(&sources).unwrap();
        prop_assert!(decide(&node, &scope, &forbidden, &none, sample::circumstances()).is_err());
        sources.retain(|source| source.text.starts_with("forbid"));
        let no_permit = Policies::compile(&sources).unwrap();
        prop_assert!(decide(&node, &scope, &no_permit, &none, sample::circumstances()).is_err());
    }

    /// The permit's own constructor repeats the demands: no decision before it can lift them.
    #[test]
    fn a_permit_cannot_be_issued_below_its_key(tier in select(&Tier::ALL[..]), cpu_tee in any::<bool>(), scope in scope()) {
        let earned = Earned {
            tier,
            cpu_tee,
            recipient: Recipient::new(Kem::X25519HkdfSha256, vec![7; 32]).unwrap(),
            evidence_digest: Hex([1; 32]),
            not_after: sample::at("2030-01-01T00:00:00Z"),
            references: None,
            lab: false,
            hardware: Hardware::of(std::iter::empty()),
        };
        let decided = Decided { permitted_by: vec!["p".to_owned()], policy_digest: Hex([2; 32]), reference_digest: Hex([3; 32]), live_grants: None };
        let permit = Permit::issue(earned, &scope, decided, sample::now(), Duration::from_secs(60));
        let allowed = tier >= scope.minimum && (cpu_tee || !scope.require_cpu_tee);
        prop_assert_eq!(permit.is_ok(), allowed);
    }

    #[test]
    fn what_is_missing_is_named_up_to_the_highest_tier(items in items()) {
        let shown: Vec<_> = items.iter().map(Item::shown).collect();
        let found = || shown.iter().map(|(claims, facts)| (claims, facts));
        let tier = proved(found(), &Default::default()).tier;
        match next_tier(found(), &Appraisal::strict()) {
            None => prop_assert_eq!(tier, Tier::TeeIo),
            Some(next) => {
                prop_assert_eq!(next.tier.number(), tier.number() + 1);
                prop_assert!(!next.missing.is_empty());
            }
        }
    }
}
