use super::*;

const WHOLE: &str = r#"
listen = "127.0.0.1:9443"
public_url = "https://kbs.example:9443"
[tls]
cert = "tls.pem"
key = { file = "tls.key" }
[store]
sqlite = "kbs.db"
[seal]
key = { file = "seal.key" }
[admin]
token = { file = "admin.token" }
"#;

fn mistakes(text: &str) -> Vec<(String, Option<usize>)> {
    let found = Config::parse(text, Path::new("/etc/kbs")).unwrap_err();
    found.into_iter().map(|m| (m.path, m.line)).collect()
}

fn with(extra: &str) -> String {
    format!("{WHOLE}{extra}")
}

#[test]
fn a_whole_file_is_production_with_required_revocation() {
    let config = Config::parse(WHOLE, Path::new("/etc/kbs")).unwrap();
    assert_eq!(config.environment, Environment::Production);
    assert_eq!(config.attestation.revocation, hanzo_attestation::Revocation::Required);
    assert_eq!(config.attestation.extra_roots, None);
    assert_eq!(config.plain_listen, None);
    assert_eq!(config.admin_listen, "127.0.0.1:8081".parse().unwrap());
    assert_eq!(config.sqlite, Path::new("/etc/kbs/kbs.db"));
    assert_eq!(config.limits, Limits::default());
}

#[test]
fn an_empty_file_starts_nothing_and_names_all_that_is_missing() {
    let paths: Vec<_> = mistakes("").into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["public_url", "tls.cert", "tls.key", "store.sqlite", "seal.key", "admin.token"]);
}

#[test]
fn all_mistakes_come_at_once_with_their_lines() {
    let text =
        "environment = \"prod\"\nlisten = 8080\nnonsense = 1\n[limits]\nchallenge_seconds = 0\nother = 2\n";
    let found = mistakes(text);
    for expected in [
        ("environment", 1),
        ("listen", 2),
        ("nonsense", 3),
        ("limits.challenge_seconds", 5),
        ("limits.other", 6),
    ] {
        assert!(found.contains(&(expected.0.to_owned(), Some(expected.1))), "{expected:?} in {found:?}");
    }
}

#[test]
fn a_secret_outside_a_file_is_refused_and_not_repeated() {
    let text = WHOLE.replace("token = { file = \"admin.token\" }", "token = \"s3cret\"");
    let found = Config::parse(&text, Path::new("")).unwrap_err();
    assert!(found.iter().any(|m| m.path == "admin.token" && m.line == Some(12)), "{found:?}");
    assert!(!format!("{found:?}").contains("s3cret"));
}

#[test]
fn production_refuses_extra_roots_and_plain_listeners() {
    assert_eq!(mistakes(&with("[attestation]\nextra_roots = \"lab\"\n"))[0].0, "attestation.extra_roots");
    assert_eq!(mistakes(&with("[http]\nlisten = \"127.0.0.1:80\"\n"))[0].0, "http.listen");
    let development = format!("environment = \"development\"\n{WHOLE}");
    let both =
        format!("{development}[attestation]\nextra_roots = \"lab\"\n[http]\nlisten = \"127.0.0.1:80\"\n");
    assert!(Config::parse(&both, Path::new("")).is_ok());
    assert_eq!(mistakes(&format!("{development}[http]\nlisten = \"0.0.0.0:80\"\n"))[0].0, "http.listen");
}

#[test]
fn a_waiver_needs_its_reason_and_a_profile_is_strict() {
    for wrong in ["revocation = \"waived\"", "revocation = { waived = \" \" }", "profile = \"corpus\""] {
        assert_eq!(mistakes(&with(&format!("[attestation]\n{wrong}\n"))).len(), 1, "{wrong}");
    }
    let waived =
        Config::parse(&with("[attestation]\nrevocation = { waived = \"air gap\" }\n"), Path::new(""));
    let reason = "air gap".to_owned();
    assert_eq!(waived.unwrap().attestation.revocation, hanzo_attestation::Revocation::Waived { reason });
}

#[test]
fn a_second_opinion_is_asked_for_by_a_word_of_two() {
    let read = |text: &str| Config::parse(&with(&format!("[attestation]\n{text}\n")), Path::new(""));
    assert!(read("second_opinion = true").unwrap().attestation.second_opinion);
    assert!(!read("second_opinion = false").unwrap().attestation.second_opinion);
    assert!(!read("").unwrap().attestation.second_opinion, "it costs as much again: nobody pays unasked");
    for wrong in ["second_opinion = 1", "second_opinion = \"true\""] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn identities_are_checked() {
    let key = encoding(32);
    let good = format!("[[identities]]\nkey_id = \"n1\"\nalgorithm = \"ed25519\"\npublic_key = \"{key}\"\n");
    assert_eq!(Config::parse(&with(&good), Path::new("")).unwrap().attestation.identities.len(), 1);
    for (from, to) in
        [("ed25519", "rsa"), ("n1", ""), (&key[..], "AAA"), ("ed25519", "p256"), ("key_id", "id")]
    {
        assert!(Config::parse(&with(&good.replace(from, to)), Path::new("")).is_err(), "{from} -> {to}");
    }
}

#[test]
fn broken_syntax_has_a_line() {
    let found = mistakes("listen = \"a\"\n= 3\n[x\n");
    assert!(found.iter().all(|(path, line)| path == "(syntax)" && line.is_some()), "{found:?}");
}

#[test]
fn public_urls_are_https_without_a_path() {
    for wrong in ["http://a", "https://", "https://a/", "https://a b", "https://u@h"] {
        assert!(public_url(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_shown_configuration_holds_defaults_and_no_secret() {
    let config = Config::parse(WHOLE, Path::new("/etc/kbs")).unwrap();
    let shown = show(&config);
    assert_eq!(shown["limits"]["challenge_seconds"], 300);
    assert_eq!(shown["admin"]["token"]["file"], "/etc/kbs/admin.token");
}

fn encoding(length: usize) -> String {
    hanzo_attestation_evidence::encoding::base64_encode(&vec![7; length])
}

#[test]
fn the_example_is_a_whole_configuration_with_the_defaults() {
    let config = Config::parse(include_str!("example.toml"), Path::new("/etc/kbs")).unwrap();
    assert_eq!((config.environment, config.limits), (Environment::Production, Limits::default()));
    assert_eq!(config.attestation.amd_crls, [Path::new("/etc/kbs/milan-vcek.crl")]);
}

#[test]
fn appraisal_thresholds_are_typed() {
    assert!(Config::parse(&with("[attestation.appraisal]\nsnp = {}\n"), Path::new("")).is_ok());
    let found = mistakes(&with("[attestation.appraisal]\nnonsense = 1\n"));
    assert_eq!(found[0].0, "attestation.appraisal");
}

#[test]
fn a_store_of_collateral_has_bounds_and_guesses_nothing() {
    let store = |rest: &str| with(&format!("[attestation.collateral]\nstore = \"s\"\n{rest}"));
    let read = Config::parse(&store("keys = [\"a\"]\n"), Path::new("/etc/kbs")).unwrap().attestation;
    let found = read.store.unwrap();
    assert_eq!((found.directory.as_path(), found.threshold), (Path::new("/etc/kbs/s"), 1));
    assert_eq!((found.reload.as_secs(), found.grace.as_secs(), read.cache_entries), (60, 0, 4096));
    let two = Config::parse(&store("keys = [\"a\", \"b\"]\nthreshold = 2\ngrace_days = 7\n"), Path::new(""));
    let two = two.unwrap().attestation.store.unwrap();
    assert_eq!((two.threshold, two.grace.as_secs()), (2, 7 * 86_400));
    for wrong in [
        store("keys = [\"a\", \"b\"]\n"),
        store("keys = [\"a\"]\nthreshold = 2\n"),
        store("threshold = 0\n"),
        store("grace_days = 8\n"),
        store("reload_seconds = 9\n"),
        store("key = \"a\"\n"),
        with("[attestation.collateral]\nkeys = [\"a\"]\n"),
        with("[attestation]\ncache_entries = 4097\n"),
    ] {
        assert_eq!(mistakes(&wrong).len(), 1, "{wrong}");
    }
    assert!(Config::parse(&with("[attestation]\n"), Path::new("")).unwrap().attestation.store.is_none());
    let shown = show(&Config::parse(&store(""), Path::new("/etc/kbs")).unwrap());
    assert_eq!(shown["attestation"]["collateral"]["store"], "/etc/kbs/s");
}

/// TPM-11: trust is named, and what is misspelt is not ignored.
#[test]
fn trust_in_tpms_is_named_by_files() {
    let tpm = "[attestation.tpm]\ntrusted_aks = [\"ak.pem\"]\nak_cas = [\"/ca.pem\"]\n\
               ak_cas_any_usage = [\"gce.pem\"]\nek_roots = [\"ek.der\"]\n";
    let read = Config::parse(&with(tpm), Path::new("/etc/kbs")).unwrap();
    let found = &read.attestation.tpm;
    let paths = [&found.trusted_aks, &found.ak_cas, &found.ek_roots].map(|paths| paths[0].as_path());
    assert_eq!(paths, ["/etc/kbs/ak.pem", "/ca.pem", "/etc/kbs/ek.der"].map(Path::new));
    assert_eq!(show(&read)["attestation"]["tpm"]["ak_cas"][0], "/ca.pem");
    assert_eq!(show(&read)["attestation"]["tpm"]["ak_cas_any_usage"][0], "/etc/kbs/gce.pem");
    for wrong in ["[attestation.tpm]\ntrusted_ak = [\"a\"]\n", "[attestation.tpm]\nak_cas = \"a\"\n"] {
        assert_eq!(mistakes(&with(wrong)).len(), 1, "{wrong}");
    }
    let none = Config::parse(&with("[attestation]\n"), Path::new("")).unwrap().attestation.tpm;
    assert_eq!(none, TpmConfig::default());
}

/// TPM-11, TPM-28: keys of TPMs by name, and the lines of what names none.
#[test]
fn trust_in_tpms_is_named_by_digests() {
    let (name, ek) = (format!("000b{}", "11".repeat(32)), "22".repeat(32));
    let tpm = format!(
        "[attestation.tpm]\ntrusted_ak_names = [\"{name}\"]\ntrusted_eks = [\"{ek}\"]\n\
         [limits]\nactivation_seconds = 7200\n"
    );
    let read = Config::parse(&with(&tpm), Path::new("/etc/kbs")).unwrap();
    let found = &read.attestation.tpm;
    assert_eq!(found.trusted_ak_names[0].as_bytes()[2..], [0x11; 32]);
    assert_eq!((found.trusted_eks[0].0, read.limits.activation.as_secs()), ([0x22; 32], 7200));
    let shown = show(&read);
    assert_eq!(shown["attestation"]["tpm"]["trusted_ak_names"][0], name);
    assert_eq!(shown["attestation"]["tpm"]["trusted_eks"][0], ek);
    assert_eq!(shown["limits"]["activation_seconds"], 7200);
    let line = Some(with("").lines().count() + 2);
    for wrong in [
        "trusted_ak_names = \"x\"",
        "trusted_ak_names = [1]",
        "trusted_ak_names = [\"000b11\"]",
        "trusted_eks = [\"22\"]",
        "trusted_eks = [\"zz\", 1]",
        "activation_seconds = 7200",
        "denied_eks = []",
    ] {
        let name = wrong.split(' ').next().unwrap();
        let found = mistakes(&with(&format!("[attestation.tpm]\n{wrong}\n")));
        assert!(!found.is_empty(), "{wrong}");
        for mistake in found {
            assert_eq!(mistake, (format!("attestation.tpm.{name}"), line), "{wrong}");
        }
    }
    for wrong in [60, 3599, 2_592_001] {
        let found = mistakes(&with(&format!("[limits]\nactivation_seconds = {wrong}\n")));
        assert_eq!(found, [("limits.activation_seconds".to_owned(), line)]);
    }
}

/// NV-90, NV-91: what is asked of devices is one word each, and the safe one without it.
#[test]
fn devices_have_a_setting_each() {
    use hanzo_kbs_vault::{DeviceRules, DeviceSessions, GpuInventory};
    let rules = |text: &str| Config::parse(&with(text), Path::new("/")).unwrap().attestation.devices;
    assert_eq!(rules(""), DeviceRules { sessions: DeviceSessions::One, inventory: GpuInventory::Any });
    let loose = "[attestation]\ndevice_sessions = \"any\"\ngpu_inventory = \"tofu\"\n";
    assert_eq!(rules(loose), DeviceRules { sessions: DeviceSessions::Any, inventory: GpuInventory::Tofu });
    assert_eq!(rules("[attestation]\ngpu_inventory = \"pinned\"\n").inventory, GpuInventory::Pinned);
    let wrong = "[attestation]\ndevice_sessions = \"two\"\ngpu_inventory = true\n";
    let paths: Vec<_> = mistakes(&with(wrong)).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["attestation.device_sessions", "attestation.gpu_inventory"]);
    let shown = show(&Config::parse(&with(loose), Path::new("/")).unwrap());
    assert_eq!(shown["attestation"]["device_sessions"], "any");
    assert_eq!(shown["attestation"]["gpu_inventory"], "tofu");
}

/// NVR-30: a hold is refused unless a configuration says otherwise, in one of two words.
#[test]
fn a_hold_of_manifests_is_refused_by_default() {
    let read = |text: &str| Config::parse(&with(&format!("[attestation]\n{text}\n")), Path::new(""));
    let hold = |text: &str| read(text).unwrap().attestation.nvidia_rim_hold;
    assert_eq!(hold(""), hanzo_attestation::RimHold::Refuse);
    assert_eq!(hold("nvidia_rim_hold = \"refuse\""), hanzo_attestation::RimHold::Refuse);
    assert_eq!(hold("nvidia_rim_hold = \"accept\""), hanzo_attestation::RimHold::Accept);
    for wrong in ["nvidia_rim_hold = true", "nvidia_rim_hold = \"maybe\"", "nvidia_crls = \"one\""] {
        assert_eq!(mistakes(&with(&format!("[attestation]\n{wrong}\n"))).len(), 1, "{wrong}");
    }
    let lists = read("nvidia_crls = [\"l1-root.crl\"]").unwrap().attestation.nvidia_crls;
    assert_eq!(lists.len(), 1);
}

const PEOPLE: &str = r#"
[[quorum.people]]
name = "alice"
public_key = "alice.pub"
[[quorum.people]]
name = "bob"
public_key = "bob.pub"
"#;

fn scope(fields: &str) -> String {
    with(&format!("{PEOPLE}[[quorum.scopes]]\n{fields}"))
}

const SCOPE: &str = "name = \"prod\"\nchanges = [\"policy\"]\nnames = [\"prod-*\"]\napprovals = 1\n";

#[test]
fn people_and_what_they_decide_are_read() {
    let config = Config::parse(&scope(SCOPE), Path::new("/etc/kbs")).unwrap();
    assert_eq!(config.quorum.people[1].public_key, Path::new("/etc/kbs/bob.pub"));
    let [read] = &config.quorum.scopes[..] else { panic!("{:?}", config.quorum) };
    assert_eq!((read.name.as_str(), read.approvals, read.break_glass), ("prod", 1, None));
    let shown = show(&config);
    assert_eq!(shown["quorum"]["scopes"][0]["names"], serde_json::json!(["prod-*"]));
    let more = SCOPE.replace("\"policy\"", "\"key\", \"inventory\"").replace("prod-*", "acme/*");
    let config = Config::parse(&scope(&format!("{more}minimum_tier = 3\n")), Path::new("")).unwrap();
    assert_eq!(config.quorum.scopes[0].minimum_tier, Some(3));
    let trust = SCOPE.replace("\"policy\"", "\"trust\"").replace("names = [\"prod-*\"]\n", "");
    let config = Config::parse(&scope(&trust), Path::new("")).unwrap();
    assert_eq!((config.quorum.scopes[0].names.len(), config.quorum.scopes[0].minimum_tier), (0, None));
    assert_eq!(Config::parse(WHOLE, Path::new("")).unwrap().quorum, QuorumConfig::default());
}

#[test]
fn mistakes_about_people_and_scopes_are_named() {
    let found = |text: &str| {
        let found = Config::parse(text, Path::new("")).unwrap_err();
        found.into_iter().map(|m| format!("{}: {}", m.path, m.message)).collect::<Vec<_>>().join("\n")
    };
    let wrong = |from: &str, to: &str| found(&scope(&SCOPE.replace(from, to)));
    assert!(wrong("approvals = 1", "approvals = 2").contains("asks for 2 approvals, and there are 1 people"));
    assert!(wrong("approvals = 1\n", "").contains("quorum.scopes[0].approvals: is missing"));
    assert!(wrong("\"policy\"", "\"root\"").contains("must be \"policy\", \"reference\", \"key\""));
    assert!(wrong("approvals = 1", "minimum_tier = 3\napprovals = 1").contains("covers no keys"));
    assert!(wrong("approvals = 1", "minimum_tier = 5\napprovals = 1").contains("minimum_tier"));
    assert!(wrong("prod-*", "*-prod").contains("must be a name, or the beginning of names"));
    assert!(wrong("name = \"prod\"\n", "").contains("quorum.scopes[0].name: is missing"));
    assert!(wrong("[\"prod-*\"]", "[]").contains("covers nothing"));
    assert!(found(&scope(&format!("{SCOPE}break_glass_approvals = 0\n"))).contains("break_glass_approvals"));
    assert!(found(&scope(&format!("{SCOPE}wait_seconds = 9999999\n"))).contains("wait_seconds"));
    assert!(found(&scope(&format!("{SCOPE}[[quorum.scopes]]\n{SCOPE}"))).contains("of another scope"));
    let twice = scope(SCOPE).replace("name = \"bob\"", "name = \"alice\"");
    assert!(found(&twice).contains("quorum.people[1].name: is the name of somebody else"));
    let shared = scope(SCOPE).replace("bob.pub", "alice.pub");
    assert!(found(&shared).contains("has the key of somebody else"));
    assert!(found(&with("[quorum]\npersons = 1\n")).contains("quorum.persons: unknown field"));
}
