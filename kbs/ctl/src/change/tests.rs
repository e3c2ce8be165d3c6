use super::*;
use hanzo_attestation_evidence::UnixTime;
use hanzo_kbs_protocol::ChangeState;

const TEXT: &str = "permit (principal, action, resource);\n";

fn info(body: Option<&str>) -> ChangeInfo {
    let statement = Statement {
        kind: ChangeKind::Policy,
        name: "prod-release".to_owned(),
        body_digest: body_digest(TEXT),
        expected_version: Some(1),
        author: "alice".to_owned(),
        nonce: Hex([1; 16]),
    };
    let at = UnixTime::parse("2026-11-01T00:00:00Z").unwrap();
    ChangeInfo {
        id: statement.id().unwrap(),
        statement,
        body: body.map(str::to_owned),
        signature: Hex([2; 64]),
        scopes: vec!["production".to_owned()],
        proposed_at: at,
        due_at: at,
        expires_at: at,
        state: ChangeState::Open,
        needed: 2,
        approvals: Vec::new(),
        break_glass_needed: None,
        break_glass: Vec::new(),
        glass_broken: false,
        acknowledgements: Vec::new(),
    }
}

#[test]
fn only_a_text_that_the_id_names_is_signed() {
    let honest = info(Some(TEXT));
    let id = honest.id;
    assert_eq!(checked(&honest, &id), Ok(TEXT));
    assert!(checked(&info(None), &id).unwrap_err().contains("without its text"));
    assert!(checked(&info(Some("permit")), &id).unwrap_err().contains("another text"));
    assert!(checked(&honest, &Hex([9; 32])).unwrap_err().contains("another change"));
    let mut renamed = info(Some(TEXT));
    renamed.statement.name = "prod-other".to_owned();
    assert!(checked(&renamed, &id).unwrap_err().contains("another change"));
    let mut relabelled = info(Some(TEXT));
    relabelled.id = Hex([9; 32]);
    assert!(checked(&relabelled, &id).unwrap_err().contains("another change"));
}

#[test]
fn a_difference_leaves_out_what_both_have() {
    let lines = |old, new| difference(ChangeKind::Policy, old, new);
    assert_eq!(lines("a\nb\nc\n", "a\nx\ny\nc\n"), ["- b", "+ x", "+ y"]);
    assert_eq!(lines("", "a\n"), ["+ a"]);
    assert_eq!(lines("a\na\n", "a\n"), ["- a"]);
    assert!(lines("a\n", "a\n").is_empty());
    let sets = difference(ChangeKind::Reference, r#"[{"a":1},{"a":2}]"#, r#"[{"a":2}]"#);
    assert_eq!(sets, [r#"- {"a":1}"#]);
}
