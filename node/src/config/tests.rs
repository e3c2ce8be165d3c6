use super::*;
use std::fs;

fn load(text: &str, flags: impl FnOnce(&mut Common)) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    fs::write(&path, text).unwrap();
    let mut common = Common { config: Some(path), ..Common::default() };
    flags(&mut common);
    Config::load(&common, &[], None)
}

fn problems(text: &str) -> Vec<&'static str> {
    match load(text, |_| {}) {
        Err(ConfigError::Problems(problems)) => problems.iter().map(|p| p.setting).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_configuration_names_no_broker_and_no_lab() {
    let config = load("", |_| {}).unwrap();
    assert!(config.kbs.is_none() && config.keys.is_empty() && config.socket.is_none());
    assert_eq!((config.source.clone(), config.kem), (SourceChoice::Auto, Kem::X25519HkdfSha256));
    assert_eq!(config.client().unwrap_err().code(), 2);
}

#[test]
fn every_setting_is_read() {
    let config = load(
        "keys = [\"t/a\", \"t/b\"]\nsource = { lab_socket = \"/lab\" }\nkem = \"X-Wing\"\n\
         [kbs]\naddr = \"http://127.0.0.1:9\"\n[agent]\nsocket = \"/run/x/s\"\n",
        |_| {},
    )
    .unwrap();
    assert_eq!(config.keys, ["t/a", "t/b"]);
    assert_eq!(config.source, SourceChoice::LabSocket("/lab".into()));
    assert_eq!(config.kem, Kem::XWing);
    assert_eq!(config.socket.as_deref(), Some(Path::new("/run/x/s")));
    assert!(matches!(config.kbs.as_ref().unwrap().trust, Trust::Nobody));
    assert!(config.client().is_ok());
}

#[test]
fn evidence_of_the_gpus_is_collected_where_they_are_confidential_unless_said() {
    let wanted = |text: &str| load(text, |_| {}).map(|config| config.gpus);
    assert_eq!(wanted("").unwrap(), Wanted::IfConfidential);
    for (word, expected) in
        [("auto", Wanted::IfConfidential), ("off", Wanted::Off), ("required", Wanted::Required)]
    {
        assert_eq!(wanted(&format!("[gpu]\nevidence = \"{word}\"\n")).unwrap(), expected);
        let flag = |flags: &mut Common| flags.gpu_evidence = Some(word.to_owned());
        assert_eq!(load("[gpu]\nevidence = \"off\"\n", flag).unwrap().gpus, expected);
    }
    assert_eq!(problems("[gpu]\nevidence = \"yes\"\n"), ["gpu"]);
    assert!(matches!(wanted("[gpu]\nnonce = \"off\"\n"), Err(ConfigError::Syntax { .. })));
    assert!(matches!(wanted("[gpu]\nevidence = true\n"), Err(ConfigError::Syntax { .. })));
}

#[test]
fn flags_win() {
    let config = load("source = \"sev-guest\"\nkem = \"X-Wing\"\n[kbs]\naddr = \"https://a\"\n", |flags| {
        flags.kbs_system_roots = true;
        flags.source = Some("configfs-tsm".to_owned());
        flags.kem = Some("P256-HKDF-SHA256".to_owned());
        flags.kbs_addr = Some("https://b".to_owned());
    })
    .unwrap();
    assert_eq!((config.source.clone(), config.kem), (SourceChoice::ConfigfsTsm, Kem::P256HkdfSha256));
    let kbs = config.kbs.unwrap();
    assert_eq!(kbs.address.to_string(), "https://b");
    assert!(matches!(kbs.trust, Trust::SystemStore));
    let lab = load("source = \"sev-guest\"\n", |flags| flags.lab_socket = Some("/l".into())).unwrap();
    assert_eq!(lab.source, SourceChoice::LabSocket("/l".into()));
}

#[test]
fn all_problems_are_named_at_once() {
    let all = problems(
        "source = \"lab\"\nkem = \"RSA\"\nkeys = [\"a\", \"a\"]\n[kbs]\naddr = \"http://kbs.example\"\n\
         [identity]\nkey_id = \"n\"\n",
    );
    assert_eq!(all, ["kbs", "source", "kem", "identity", "keys"]);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    assert_eq!(problems("[kbs]\nca_cert = \"/x\"\n"), ["kbs"]);
    assert_eq!(problems("[kbs]\nsystem_roots = true\n"), ["kbs"]);
    assert_eq!(problems("[kbs]\naddr = \"https://a\"\n"), ["kbs"]);
    let both = "[kbs]\naddr = \"https://a\"\nca_cert = \"/x\"\nsystem_roots = true\n";
    assert_eq!(problems(both), ["kbs"]);
    assert_eq!(problems("[kbs]\naddr = \"https://a\"\nca_cert = \"/nonexistent\"\n"), ["kbs"]);
    assert_eq!(problems("source = { lab_socket = \"\" }\n"), ["source"]);
    assert_eq!(problems("keys = [\"\"]\n"), ["keys"]);
    let many: Vec<String> = (0..33).map(|i| format!("\"t/{i}\"")).collect();
    assert_eq!(problems(&format!("keys = [{}]\n", many.join(","))), ["keys"]);
}

#[test]
fn what_is_not_the_expected_toml_is_refused_with_its_line() {
    for text in [
        "x = 1\n",
        "keys = 3\n",
        "[kbs]\nadr = \"x\"\n",
        "source = { lab = \"x\" }\n",
        "= 1\n",
        "source = 1\n",
    ] {
        let Err(ConfigError::Syntax { reason, .. }) = load(text, |_| {}) else { panic!("{text}") };
        assert!(reason.contains("line"), "{reason}");
    }
}

#[test]
fn an_unreadable_file_is_said_to_be_so() {
    let common = Common { config: Some("/nonexistent".into()), ..Common::default() };
    assert!(matches!(Config::load(&common, &[], None), Err(ConfigError::Unreadable { .. })));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big.toml");
    fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    let common = Common { config: Some(path), ..Common::default() };
    assert!(matches!(Config::load(&common, &[], None), Err(ConfigError::Unreadable { .. })));
}

const IDENTITY: &str = "[identity]\nkey_id = \"ci-runner\"\nkey = { file = \"/k\" }\n";

#[test]
fn an_identity_is_read_and_flags_win() {
    assert_eq!(load("", |_| {}).unwrap().identity, None);
    let identity = load(IDENTITY, |_| {}).unwrap().identity.unwrap();
    assert_eq!((identity.key_id.as_str(), identity.key.as_path()), ("ci-runner", Path::new("/k")));
    let flagged = |text| {
        let config = load(text, |flags| {
            flags.identity.identity_key_id = Some("other".to_owned());
            flags.identity.identity_key = Some("/o".into());
        });
        config.unwrap().identity.unwrap()
    };
    for identity in [flagged(IDENTITY), flagged("")] {
        assert_eq!((identity.key_id.as_str(), identity.key.as_path()), ("other", Path::new("/o")));
    }
}

#[test]
fn half_an_identity_is_refused() {
    for text in [
        "[identity]\nkey_id = \"n\"\n",
        "[identity]\nkey = { file = \"/k\" }\n",
        "[identity]\nkey_id = \"n\"\nkey = { file = \"\" }\n",
        "[identity]\nkey_id = \"\"\nkey = { file = \"/k\" }\n",
        "[identity]\nkey_id = \"a b\"\nkey = { file = \"/k\" }\n",
    ] {
        assert_eq!(problems(text), ["identity"], "{text}");
    }
    for text in [
        "[identity]\nkey = \"/k\"\n",
        "[identity]\nkey = { path = \"/k\" }\n",
        "[identity]\nname = \"n\"\n",
        "[identity]\nkey = { file = \"/k\", x = 1 }\n",
    ] {
        assert!(matches!(load(text, |_| {}), Err(ConfigError::Syntax { .. })), "{text}");
    }
}

#[test]
fn a_key_that_is_named_and_not_usable_is_never_passed_over() {
    let source = |text: &str| load(text, |_| {}).unwrap().source(Path::new("/nonexistent"));
    assert!(source("").is_ok_and(|source| source.source().identity().is_none()));
    for file in ["/nonexistent/key", "/", "/dev/null"] {
        let text = format!("[identity]\nkey_id = \"n\"\nkey = {{ file = \"{file}\" }}\n");
        assert!(source(&text).is_err(), "{file}");
    }
}
