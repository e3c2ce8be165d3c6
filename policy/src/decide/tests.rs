use super::*;
use crate::appraised::proved;
use crate::key_id::KeyId;
use crate::policies::PolicySource;
use crate::references::{ReferenceSet, ReferenceValue, Validity};
use crate::sample::{self, node};
use crate::tier::Tier;
use hanzo_attestation::{Claims, Facts};
use hanzo_attestation_evidence::Hex;
use proptest::prelude::*;

fn snp() -> Node {
    node(&[sample::snp_item(sample::snp())])
}

fn scope(key: &str, minimum: Tier) -> KeyScope {
    KeyScope { key: KeyId::parse(key).unwrap(), minimum, require_cpu_tee: false }
}

fn disk() -> KeyScope {
    scope("acme/disk", Tier::Confidential)
}

fn policies(texts: &[&str]) -> Policies {
    let source = |(text, number): (&&str, usize)| PolicySource {
        name: format!("p{number}"),
        version: 1,
        text: (*text).to_owned(),
    };
    let sources: Vec<_> = texts.iter().zip(1..).map(source).collect();
    Policies::compile(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn references(values: &[(&str, &str, &str, u8)]) -> References {
    let mut sets: Vec<ReferenceSet> = Vec::new();
    for (set, tee, register, byte) in values {
        let digest = Hex([*byte; 48]);
        let value = ReferenceValue {
            tee: (*tee).into(),
            register: (*register).into(),
            digest: digest.into(),
            entry: None,
            note: None,
            validity: Validity::ALWAYS,
        };
        match sets.iter_mut().find(|known| known.name == *set) {
            Some(known) => known.values.push(value),
            None => sets.push(ReferenceSet { name: (*set).into(), values: vec![value] }),
        }
    }
    References::new(sets).unwrap()
}

fn ask(node: &Node, scope: &KeyScope, texts: &[&str], references: &References) -> Result<Decided, Denial> {
    decide(node, scope, &policies(texts), references, sample::circumstances())
}

fn code(node: &Node, scope: &KeyScope, texts: &[&str], references: &References) -> &'static str {
    ask(node, scope, texts, references).map_or_else(|denial| denial.code, |_| "granted")
}

const ALL: &str = "permit (principal, action, resource);";
const IMAGES: &str =
    "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"images\" };";

#[test]
fn a_known_image_is_granted_by_the_policies_that_permit() {
    let known = references(&[("images", "sev-snp", "measurement", 0x11)]);
    let decided = ask(&snp(), &disk(), &[IMAGES, ALL], &known).unwrap();
    assert_eq!(decided.permitted_by, ["p1", "p2"]);
    assert_eq!(decided.policy_digest, policies(&[IMAGES, ALL]).digest());
    assert_eq!(decided.reference_digest, known.digest());
}

#[test]
fn no_policy_means_no() {
    let none = references(&[]);
    for texts in [
        &[][..],
        &["// nothing"],
        &["forbid (principal, action, resource) when { principal.lab };"],
        &["permit (principal, action, resource == Key::\"acme/other\");"],
        &["permit (principal, action, resource in Tenant::\"other\");"],
    ] {
        assert_eq!(code(&snp(), &disk(), texts, &none), "NoPolicy", "{texts:?}");
    }
}

#[test]
fn forbid_beats_permit_wherever_it_stands() {
    let none = references(&[]);
    for forbid in [
        "forbid (principal, action, resource);",
        "forbid (principal, action, resource == Key::\"acme/disk\");",
        "forbid (principal, action, resource in Tenant::\"acme\") when { principal.tier < 3 };",
        "forbid (principal, action, resource) unless { principal.measurement in ReferenceSet::\"images\" };",
    ] {
        for texts in [[ALL, forbid], [forbid, ALL]] {
            let denial = ask(&snp(), &disk(), &texts, &none).unwrap_err();
            assert_eq!(denial.code, "PolicyForbids", "{forbid}");
            let name = if texts[0] == ALL { "p2" } else { "p1" };
            assert_eq!(denial.reasons[0], format!("policy `{name}` forbids"));
        }
    }
    // A forbid for another key, or whose condition fails, does not apply.
    let granted = [
        ALL,
        "forbid (principal, action, resource == Key::\"acme/x\");",
        "forbid (principal, action, resource) when { principal.lab };",
    ];
    assert_eq!(code(&snp(), &disk(), &granted, &none), "granted");
}

/// Cedar itself skips a policy that fails; here that would turn a `forbid` into nothing.
#[test]
fn a_policy_that_fails_denies() {
    let none = references(&[]);
    let overflow = "{ context.now * 9223372036854775807 > principal.tier }";
    for failing in [
        format!("forbid (principal, action, resource) when {overflow};"),
        format!("permit (principal, action, resource) when {overflow};"),
        format!("forbid (principal, action, resource == Key::\"acme/disk\") when {overflow};"),
    ] {
        let denial = ask(&snp(), &disk(), &[ALL, &failing], &none).unwrap_err();
        assert_eq!(denial.code, "PolicyError", "{failing}");
        assert!(denial.reasons[0].contains("p2") && denial.reasons[0].contains("overflow"), "{denial:?}");
    }
    // A failing policy about another key is not asked.
    let other = format!("forbid (principal, action, resource == Key::\"acme/x\") when {overflow};");
    assert_eq!(code(&snp(), &disk(), &[ALL, &other], &none), "granted");
}

#[test]
fn nothing_overrides_the_minimum_tier_and_the_demand_for_a_cpu() {
    let none = references(&[]);
    let denial = ask(&snp(), &scope("acme/disk", Tier::GpuCc), &[ALL], &none).unwrap_err();
    assert_eq!(denial.code, "TierTooLow");
    assert_eq!(denial.message, "the evidence proves tier 2 (confidential), the key demands 3 (gpu-cc)");
    let runner = node(&[sample::key_item()]);
    assert_eq!(code(&runner, &disk(), &[ALL], &none), "TierTooLow");
    assert_eq!(code(&node(&[]), &scope("acme/x", Tier::Encrypted), &[ALL], &none), "TierTooLow");
    assert_eq!(code(&node(&[]), &scope("acme/x", Tier::Open), &[ALL], &none), "granted");
    let cpu = KeyScope { require_cpu_tee: true, ..scope("acme/x", Tier::Encrypted) };
    assert_eq!(code(&runner, &cpu, &[ALL], &none), "CpuTeeRequired");
    assert_eq!(code(&snp(), &cpu, &[ALL], &none), "granted");
    // The tier comes first: a denial does not depend on the policies.
    assert_eq!(code(&runner, &disk(), &[], &none), "TierTooLow");
}

#[test]
fn an_unknown_measurement_is_named_with_the_sets_that_would_permit() {
    let other = references(&[("images", "sev-snp", "measurement", 0x99)]);
    let denial = ask(&snp(), &disk(), &[IMAGES], &other).unwrap_err();
    assert_eq!(denial.code, "MeasurementUnknown");
    let reason = "SNP-42 SnpMeasurementUnknown: the measurement is not in the reference set `images`";
    assert_eq!(denial.reasons, [reason]);
    // A set that does not exist holds nothing.
    assert_eq!(code(&snp(), &disk(), &[IMAGES], &references(&[])), "MeasurementUnknown");
    // Either set is enough: both are named.
    let either = "permit (principal, action, resource) when { principal.measurement in [ReferenceSet::\"b\", ReferenceSet::\"a\"] };";
    let denial = ask(&snp(), &disk(), &[either], &other).unwrap_err();
    assert_eq!(denial.reasons.len(), 2);
    // The value of another register or kind is no value of this one.
    let td = references(&[("images", "tdx", "mr_td", 0x11)]);
    assert_eq!(code(&snp(), &disk(), &[IMAGES], &td), "MeasurementUnknown");
}

/// SNP-42, TDX-21: the launch measurement has a rule; another register, or several together, have none.
#[test]
fn an_unknown_launch_measurement_is_named_by_its_rule() {
    let td = node(&[sample::td_item(sample::td())]);
    let known = references(&[("images", "tdx", "mr_td", 0x22)]);
    assert_eq!(code(&td, &disk(), &[IMAGES], &known), "granted");
    let denial = ask(&td, &disk(), &[IMAGES], &references(&[])).unwrap_err();
    let reason = "TDX-21 TdMrTdUnknown: the measurement is not in the reference set `images`";
    assert_eq!(denial.reasons, [reason]);
}

/// COL-25: MRTD of one release beside RTMR1 of another is named.
#[test]
fn a_part_of_an_entry_is_named() {
    let td = node(&[sample::td_item(sample::td())]);
    let of = |register: &str, byte: u8| ReferenceValue {
        tee: "tdx".to_owned(),
        register: register.to_owned(),
        digest: Hex([byte; 48]).into(),
        entry: Some("release 7".to_owned()),
        note: None,
        validity: Validity::ALWAYS,
    };
    let entry = |rtmr1| {
        let values = vec![of("mr_td", 0x22), of("rtmr1", rtmr1)];
        References::new(vec![ReferenceSet { name: "images".to_owned(), values }]).unwrap()
    };
    assert_eq!(code(&td, &disk(), &[IMAGES], &entry(0xA1)), "granted");
    let denial = ask(&td, &disk(), &[IMAGES], &entry(0xB1)).unwrap_err();
    let mixed = "COL-25 ReferenceEntryMixed: the node has a part of the entry `release 7` of `images`, and not the rest";
    assert_eq!(denial.reasons[1..], [mixed]);
}

fn dated(from: Option<i64>, end: Option<i64>) -> References {
    let at = |seconds| UnixTime::from_seconds(sample::now().seconds() + seconds).unwrap();
    let value = ReferenceValue {
        tee: "sev-snp".to_owned(),
        register: "measurement".to_owned(),
        digest: Hex([0x11; 48]).into(),
        entry: None,
        note: None,
        validity: Validity { not_before: from.map(at), expires_at: end.map(at) },
    };
    References::new(vec![ReferenceSet { name: "images".to_owned(), values: vec![value] }]).unwrap()
}

#[test]
fn an_expired_reference_value_does_not_count_and_is_named() {
    assert_eq!(code(&snp(), &disk(), &[IMAGES], &dated(Some(0), Some(1))), "granted");
    let name = format!("the reference value sev-snp/measurement/{} of the set `images`", "11".repeat(48));
    let now = sample::now();
    let expired = ask(&snp(), &disk(), &[IMAGES], &dated(None, Some(0))).unwrap_err();
    assert_eq!(expired.code, "ReferenceExpired");
    assert_eq!(expired.reasons, [format!("{name} expired at {now}")]);
    let early = ask(&snp(), &disk(), &[IMAGES], &dated(Some(1), None)).unwrap_err();
    let from = UnixTime::from_seconds(now.seconds() + 1).unwrap();
    assert_eq!((early.code, early.reasons), ("ReferenceExpired", vec![format!("{name} counts from {from}")]));
    // A forbid that rests on it forbids, and says why.
    let unless =
        "forbid (principal, action, resource) unless { principal.measurement in ReferenceSet::\"images\" };";
    let forbidden = ask(&snp(), &disk(), &[ALL, unless], &dated(None, Some(0))).unwrap_err();
    assert_eq!(forbidden.code, "PolicyForbids");
    assert_eq!(forbidden.reasons[1], format!("{name} expired at {now}"));
}

#[test]
fn a_date_is_not_blamed_for_what_it_did_not_do() {
    let both = "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"images\" && principal has snp && principal.snp.guest_svn > 7 };";
    assert_eq!(code(&snp(), &disk(), &[both], &dated(None, Some(0))), "PolicyDenied");
    // Another set is asked for: the expired value is in none of it.
    let other =
        "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"other\" };";
    assert_eq!(code(&snp(), &disk(), &[other], &dated(None, Some(0))), "MeasurementUnknown");
}

#[test]
fn a_measurement_is_not_blamed_for_what_it_did_not_do() {
    let none = references(&[]);
    // Membership would not help: the SVN is too low as well.
    let both = "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"images\" && principal has snp && principal.snp.guest_svn > 7 };";
    let denial = ask(&snp(), &disk(), &[both], &none).unwrap_err();
    assert_eq!(denial.code, "PolicyDenied");
    assert_eq!(denial.reasons, ["policy `p1` does not apply"]);
    // The set belongs to a policy about another key.
    let elsewhere = "permit (principal, action, resource == Key::\"acme/x\") when { principal.measurement in ReferenceSet::\"images\" };";
    let svn =
        "permit (principal, action, resource) when { principal has snp && principal.snp.guest_svn > 7 };";
    assert_eq!(code(&snp(), &disk(), &[elsewhere, svn], &none), "PolicyDenied");
    // A node without any measurement has none that could be known.
    let runner = node(&[sample::key_item()]);
    assert_eq!(code(&runner, &scope("acme/disk", Tier::Encrypted), &[IMAGES], &none), "PolicyDenied");
    // The known set has the image, and something else is wrong.
    let known = references(&[("images", "sev-snp", "measurement", 0x11)]);
    assert_eq!(code(&snp(), &disk(), &[both], &known), "PolicyDenied");
}

#[test]
fn several_registers_must_be_in_several_sets() {
    let td = node(&[sample::td_item(sample::td())]);
    let policy = "permit (principal, action, resource) when { principal has tdx &&
        principal.measurement in ReferenceSet::\"firmware\" &&
        principal.tdx.rtmr1 in ReferenceSet::\"kernels\" &&
        principal.tdx.mr_seam in ReferenceSet::\"modules\" };";
    let unrelated = "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"z\" && principal.lab };";
    let all = [
        ("firmware", "tdx", "mr_td", 0x22),
        ("kernels", "tdx", "rtmr1", 0xA1),
        ("modules", "tdx", "mr_seam", 0x5E),
    ];
    assert_eq!(code(&td, &disk(), &[policy], &references(&all)), "granted");
    let denial = ask(&td, &disk(), &[policy, unrelated], &references(&all[..2])).unwrap_err();
    assert_eq!(denial.code, "MeasurementUnknown");
    assert_eq!(denial.reasons, ["the measurement is not in the reference set `modules`"]);
    let denial = ask(&td, &disk(), &[policy, unrelated], &references(&all[..1])).unwrap_err();
    assert_eq!(denial.reasons, ["measurements are not in all of the reference sets `kernels`, `modules`"]);
    // The digest of one register in another register's place.
    let swapped = references(&[all[0], ("kernels", "tdx", "rtmr0", 0xA1), all[2]]);
    assert_eq!(code(&td, &disk(), &[policy], &swapped), "MeasurementUnknown");
}

#[test]
fn policies_see_the_claims_as_the_schema_names_them() {
    let known = references(&[("images", "sev-snp", "measurement", 0x11), ("td", "tdx", "rtmr2", 0xA2)]);
    let (td, runner) = (node(&[sample::td_item(sample::td())]), node(&[sample::key_item()]));
    let both = node(&[sample::key_item(), sample::snp_item(sample::snp())]);
    for (node, condition) in [
        (&snp(), "principal.tier == 2 && principal.tee == \"sev-snp\" && !principal.lab"),
        (&snp(), "principal has product && principal.product == \"genoa\""),
        (&snp(), "principal has snp && principal.snp.platform_info.raw == \"0000000000000005\""),
        (
            &snp(),
            "principal has snp && principal.snp.key.vek == \"vcek\" && principal.snp.tcb_reported.snp >= 23",
        ),
        (
            &snp(),
            "principal has snp && principal.snp has mit_launch && principal.snp.mit_launch == \"000000000000000b\"",
        ),
        (&snp(), "principal has snp && principal.snp.vek_not_after > context.now"),
        (&snp(), "principal has chip && principal.chip like \"abab*\" && !(principal has tdx)"),
        (
            &snp(),
            "principal.measurement.register == \"measurement\" && principal.measurement.digest like \"1111*\"",
        ),
        (&snp(), "principal.measurements.contains(principal.measurement) && principal has tcb_status"),
        (&snp(), "principal has host_data && principal.host_data like \"00*\""),
        (
            &snp(),
            "resource.tenant == Tenant::\"acme\" && resource.minimum_tier == 1 && !resource.require_cpu_tee",
        ),
        (&snp(), "context.now == 1793491200"),
        (
            &snp(),
            &format!("principal.measurement == Measurement::\"sev-snp/measurement/{}\"", "11".repeat(48)),
        ),
        // A measurement that the policy names itself is looked up too.
        (
            &runner,
            &format!("Measurement::\"sev-snp/measurement/{}\" in ReferenceSet::\"images\"", "11".repeat(48)),
        ),
        (&td, "principal.tee == \"tdx\" && principal has tdx && principal.tdx.rtmr2 in ReferenceSet::\"td\""),
        (
            &td,
            "principal has tdx && principal.tdx.td_attributes.sept_ve_disable && principal.tdx.xfam == \"00000000000602e7\"",
        ),
        (
            &td,
            "principal has tdx && principal.tdx.dcap.fmspc == \"50806f000000\" && principal.tdx.body == \"Td15\"",
        ),
        (
            &runner,
            "principal.tee == \"registered-key\" && principal has identity && principal.identity == \"runner\"",
        ),
        (
            &runner,
            "principal.measurement == Measurement::\"none\" && principal.measurement.digest == \"none\"",
        ),
        (
            &both,
            "principal.tee == \"sev-snp\" && principal has identity && principal.measurement in ReferenceSet::\"images\"",
        ),
    ] {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        let answer = ask(node, &scope("acme/disk", Tier::Encrypted), &[&text], &known);
        assert!(answer.is_ok(), "{condition}: {answer:?}");
    }
}

/// The values conform to the schema that the policies were checked against, attribute by attribute.
#[test]
fn entities_conform_to_the_schema() {
    let (schema, _) = cedar_policy::Schema::from_cedarschema_str(&Policies::schema_text()).unwrap();
    let known = references(&[("images", "sev-snp", "measurement", 0x11)]);
    let policies = policies(&[IMAGES]);
    for items in [
        vec![],
        vec![sample::key_item()],
        vec![sample::snp_item(sample::snp())],
        vec![sample::snp_item(sample::vlek()), sample::key_item()],
        vec![sample::td_item(sample::td())],
    ] {
        let (node, scope) = (node(&items), disk());
        let groups = policies.about(&scope.key).collect();
        let question = Question::new(&node, &scope, groups, &known, sample::circumstances()).unwrap();
        let whole = question.groups.iter().map(|group| &group.whole);
        let entities = question.entities(whole, |_| &["images"]).unwrap();
        Entities::from_entities(entities, Some(&schema)).unwrap_or_else(|error| panic!("{error:?}"));
    }
}

/// Attack: the answer must not come from an earlier state of the references or the clock.
#[test]
fn a_change_between_two_questions_changes_the_answer() {
    let compiled = policies(&[
        "permit (principal, action, resource) when { principal.measurement in ReferenceSet::\"images\" && context.now < 1793491201 };",
    ]);
    let known = references(&[("images", "sev-snp", "measurement", 0x11)]);
    let at = |references, now| {
        decide(&snp(), &disk(), &compiled, references, sample::when(now)).map(drop).map_err(|d| d.code)
    };
    assert_eq!(at(&known, sample::now()), Ok(()));
    assert_eq!(at(&known, sample::now().after(std::time::Duration::from_secs(1))), Err("PolicyDenied"));
    assert_eq!(at(&references(&[]), sample::now()), Err("MeasurementUnknown"));
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    Key,
    Snp,
    DebugSnp,
    Td,
    UnratedTd,
}

fn item(piece: Piece) -> (Claims, Facts) {
    match piece {
        Piece::Key => sample::key_item(),
        Piece::Snp => sample::snp_item(sample::snp()),
        Piece::DebugSnp => {
            let mut claims = sample::snp();
            claims.policy.debug = true;
            sample::snp_item(claims)
        }
        Piece::Td => sample::td_item(sample::td()),
        Piece::UnratedTd => sample::unrated(sample::td_item(sample::td())),
    }
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        Just(Piece::Key),
        Just(Piece::Snp),
        Just(Piece::DebugSnp),
        Just(Piece::Td),
        Just(Piece::UnratedTd)
    ];
    prop::collection::vec(piece, 0..4)
}

fn condition() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        Just("principal.lab || true".to_owned()),
        Just("principal.lab".to_owned()),
        Just("context.now * 9223372036854775807 > principal.tier".to_owned()),
        Just("principal.measurement in ReferenceSet::\"images\"".to_owned()),
        (0_u8..6).prop_map(|tier| format!("principal.tier >= {tier}")),
        (0_u8..6).prop_map(|tier| format!("resource.minimum_tier <= {tier}")),
        Just("principal has snp && principal.snp.policy.debug".to_owned()),
        Just("!(principal has tdx)".to_owned()),
    ];
    atom.prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), inner, any::<bool>())
            .prop_map(|(a, b, and)| format!("(({a}) {} !({b}))", if and { "&&" } else { "||" }))
    })
}

fn policy() -> impl Strategy<Value = String> {
    let effect = prop_oneof![3 => Just("permit"), 1 => Just("forbid")];
    let scope = prop_oneof![
        Just("resource"),
        Just("resource == Key::\"acme/disk\""),
        Just("resource in Tenant::\"acme\""),
        Just("resource == Key::\"other/disk\""),
    ];
    (effect, scope, condition())
        .prop_map(|(effect, scope, when)| format!("{effect} (principal, action, {scope}) when {{ {when} }};"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// Released implies tier(evidence) ≥ minimum(key), whatever the policies say; and the index of policies
    /// by key never changes an answer.
    #[test]
    fn granted_implies_the_tier(
        pieces in pieces(),
        texts in prop::collection::vec(policy(), 0..5),
        minimum in 0_u8..5,
        require_cpu_tee in any::<bool>(),
        known in any::<bool>(),
    ) {
        let items: Vec<_> = pieces.iter().copied().map(item).collect();
        let node = node(&items);
        let scope = KeyScope {
            minimum: Tier::from_number(minimum).unwrap(),
            require_cpu_tee,
            ..disk()
        };
        let sources: Vec<_> = texts.iter().zip(1_usize..).map(|(text, n)| PolicySource {
            name: n.to_string(), version: 1, text: text.clone(),
        }).collect();
        // Policies that can never apply are refused when they are compiled.
        prop_assume!(Policies::compile(&sources).is_ok());
        let policies = Policies::compile(&sources).unwrap();
        let byte = if known { 0x11 } else { 0x12 };
        let references = references(&[("images", "sev-snp", "measurement", byte)]);
        let proved_tier = items.iter().map(|(claims, facts)| match claims {
            Claims::Nvidia(_) | Claims::Tdi(_) | Claims::RegisteredKey(_) => 1,
            _ if facts.debug == Some(hanzo_attestation::Debug::Enabled) => 0,
            _ if facts.tcb_status == hanzo_attestation::TcbStatus::Unknown => 0,
            _ => 2,
        }).max().unwrap_or(0);
        prop_assert_eq!(node.tier.number(), proved_tier);
        if decide(&node, &scope, &policies, &references, sample::circumstances()).is_ok() {
            prop_assert!(proved_tier >= minimum);
            prop_assert!(!require_cpu_tee || pieces.iter().any(|piece| matches!(piece, Piece::Snp | Piece::Td)));
        }
    }

    /// More evidence never lowers the tier, and its order does not matter.
    #[test]
    fn the_tier_is_monotone_in_the_evidence(pieces in pieces(), more in pieces(), at in any::<prop::sample::Index>()) {
        let tier = |pieces: &[Piece]| {
            let items: Vec<_> = pieces.iter().copied().map(item).collect();
            proved(items.iter().map(|(claims, facts)| (claims, facts)), &Default::default()).tier
        };
        let mut all = pieces.clone();
        let index = at.index(all.len() + 1);
        all.splice(index..index, more.iter().copied());
        prop_assert!(tier(&all) >= tier(&pieces).max(tier(&more)));
        all.reverse();
        prop_assert_eq!(tier(&all), tier(&pieces).max(tier(&more)));
    }
}
