use super::*;
use crate::policies::{Policies, PolicySource};

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A good value for every place.
fn good(template: &Template) -> BTreeMap<String, String> {
    let value = |parameter: &Parameter| match (parameter.name, parameter.kind) {
        ("until", _) => "2026-12-01T00:00:00Z",
        (_, Kind::Scope) => "acme/disk",
        (_, Kind::Tenant) => "acme",
        (_, Kind::Set) => "images-7.1",
        (_, Kind::Tier) => "gpu-cc",
        (_, Kind::Time) => "2026-11-01T00:00:00Z",
        (_, Kind::Chips) => "abab,cdcd",
        (_, Kind::Name) => "ci-runner",
        (_, Kind::Count) => "8",
        (_, Kind::Limit) => "3",
    };
    template.parameters.iter().map(|p| (p.name.to_owned(), value(p).to_owned())).collect()
}

#[test]
fn every_template_becomes_a_policy_without_a_warning() {
    for template in &TEMPLATES {
        for scope in ["acme/disk", "acme"] {
            let mut values = good(template);
            if let Some(value) = values.get_mut("scope") {
                scope.clone_into(value);
            }
            let text = template.fill(&values).unwrap();
            assert!(!text.contains("${"), "{text}");
            let source = [PolicySource { name: template.name.to_owned(), version: 1, text }];
            let policies = Policies::compile(&source).unwrap_or_else(|p| panic!("{p:?}"));
            assert_eq!(policies.warnings(), [], "{}", template.name);
            assert_eq!(Policies::review(&source), [], "{}", template.name);
        }
    }
}

#[test]
fn values_stand_in_the_policy_as_what_they_mean() {
    let text = Template::find("image-at-tier")
        .unwrap()
        .fill(&values(&[("scope", "acme/disk"), ("images", "prod"), ("tier", "H100")]))
        .unwrap();
    assert!(text.contains("resource == Key::\"acme/disk\")"), "{text}");
    assert!(text.contains("ReferenceSet::\"prod\" && principal.tier >= 3"), "{text}");
    assert!(
        text.starts_with("// acme/disk: to the images of the set prod, at tier H100 or more.\n"),
        "{text}"
    );
    let text = Template::find("between-dates")
        .unwrap()
        .fill(&values(&[
            ("scope", "acme"),
            ("images", "prod"),
            ("from", "2026-11-01T00:00:00Z"),
            ("until", "2026-12-01T00:00:00Z"),
        ]))
        .unwrap();
    assert!(text.contains("in Tenant::\"acme\"") && text.contains("context.now >= 1793491200 &&"), "{text}");
    assert!(text.contains("from 2026-11-01T00:00:00Z on"), "the comment is for people: {text}");
}

#[test]
fn a_value_of_another_kind_is_refused() {
    for (name, bad) in [
        ("scope", &["", "Acme", "acme//x", "acme\") when { true }; //", "acme/disk\""][..]),
        ("images", &["", "Images", "a b", "a\"", "-a", "\u{e9}"]),
        ("tier", &["", "5", "high", "2 "]),
        ("chips", &["", "AB", "abc", "ab,", "ab;cd", "zz"]),
    ] {
        let template = Template::find("image-on-chips").unwrap();
        for value in bad {
            let mut values = good(template);
            values.insert(name.to_owned(), (*value).to_owned());
            let refused = template.fill(&values).unwrap_err();
            assert!(
                matches!(&refused, TemplateError::Value { name: of, .. } if *of == name),
                "{value}: {refused}"
            );
        }
    }
    for (template, name, value) in [
        ("runner", "identity", "a*"),
        ("runner", "identity", "a\""),
        ("runner", "identity", ""),
        ("at-most-grants", "most", "0"),
        ("at-most-grants", "most", "1000001"),
        ("at-most-grants", "most", "three"),
        ("gpus", "count", "0"),
        ("gpus", "count", "65"),
        ("gpus", "count", "-1"),
        ("between-dates", "from", "yesterday"),
        ("tenant-nodes", "tenant", "acme/disk"),
    ] {
        let template = Template::find(template).unwrap();
        let mut values = good(template);
        values.insert(name.to_owned(), value.to_owned());
        assert!(matches!(template.fill(&values), Err(TemplateError::Value { .. })), "{name} {value}");
    }
    let many = vec!["ab"; MAX_CHIPS + 1].join(",");
    let template = Template::find("image-on-chips").unwrap();
    let mut values = good(template);
    values.insert("chips".to_owned(), many);
    assert!(matches!(template.fill(&values), Err(TemplateError::Value { .. })));
}

#[test]
fn places_and_values_belong_together() {
    let template = Template::find("between-dates").unwrap();
    let mut missing = good(template);
    missing.remove("until");
    assert_eq!(template.fill(&missing), Err(TemplateError::Missing { name: "until", kind: Kind::Time }));
    let mut unknown = good(template);
    unknown.insert("untill".to_owned(), "x".to_owned());
    assert_eq!(template.fill(&unknown), Err(TemplateError::Unknown("untill".to_owned())));
    let mut turned = good(template);
    turned.insert("until".to_owned(), "2026-11-01T00:00:00Z".to_owned());
    assert_eq!(template.fill(&turned), Err(TemplateError::Order));
    assert!(Template::find("nothing").is_none());
}
