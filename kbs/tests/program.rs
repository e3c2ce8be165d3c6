//! The program itself: its verbs, its exit codes, and what it leaves on disk.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers included")]

use hanzo_kbs_client::{Address, AdminToken, Client, Readiness, Trust};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

fn program(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hanzo-kbs")).args(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(args: &[&str]) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_hanzo-kbs")).args(args).stderr(Stdio::null()).spawn();
    Running(child.unwrap())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A folder with a certificate and a configuration that names it.
struct Site {
    dir: TempDir,
    config: PathBuf,
    port: u16,
    admin_port: u16,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let cert = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("tls.pem"), cert.pem()).unwrap();
        std::fs::write(dir.path().join("tls.key"), key.serialize_pem()).unwrap();
        let (port, admin_port) = (free_port(), free_port());
        let text = format!(
            r#"
            listen = "127.0.0.1:{port}"
            public_url = "https://localhost:{port}"
            [tls]
            cert = "tls.pem"
            key = {{ file = "tls.key" }}
            [store]
            sqlite = "kbs.db"
            [seal]
            key = {{ file = "seal.key" }}
            [admin]
            listen = "127.0.0.1:{admin_port}"
            token = {{ file = "admin.token" }}
            [attestation]
            revocation = {{ waived = "no lists in this test" }}
            "#
        );
        let config = dir.path().join("kbs.toml");
        std::fs::write(&config, text).unwrap();
        Self { dir, config, port, admin_port }
    }

    fn path(&self) -> &str {
        self.config.to_str().unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn client(&self, port: u16) -> Client {
        let trust = Trust::Authority(std::fs::read(self.file("tls.pem")).unwrap());
        Client::new(Address::parse(&format!("https://127.0.0.1:{port}")).unwrap(), &trust).unwrap()
    }
}

/// Asks until the broker answers; a process needs a moment to bind its port.
async fn answering(client: &Client) -> Readiness {
    for _ in 0..500 {
        if let Ok(readiness) = client.ready().await {
            return readiness;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the broker does not answer");
}

#[test]
fn help_names_the_exit_codes() {
    for verb in [&["--help"][..], &["serve", "--help"], &["doctor", "--help"], &["config", "check", "--help"]]
    {
        let help = program(verb);
        assert_eq!(code(&help), 0);
        assert!(String::from_utf8_lossy(&help.stdout).contains("Exit codes:"), "{verb:?}");
    }
    for wrong in
        [&[][..], &["serve"], &["serve", "--dev", "--config", "x"], &["serve", "--lab", "x"], &["nonsense"]]
    {
        assert_eq!(code(&program(wrong)), 2, "{wrong:?}");
    }
}

#[test]
fn a_configuration_is_checked_and_shown() {
    let site = Site::new();
    let checked = program(&["config", "check", "--config", site.path()]);
    assert_eq!((code(&checked), json(&checked)["ok"].clone()), (0, Value::Bool(true)));
    let shown = json(&program(&["config", "show", "--config", site.path()]));
    assert_eq!(
        (&shown["environment"], &shown["limits"]["token_seconds"]),
        (&"production".into(), &300.into())
    );

    let broken = site.file("broken.toml");
    std::fs::write(&broken, "listen = 1\nnonsense = 2\n").unwrap();
    let checked = program(&["config", "check", "--config", broken.to_str().unwrap()]);
    assert_eq!(code(&checked), 1);
    let mistakes = json(&checked)["mistakes"].clone();
    assert!(mistakes[0].as_str().unwrap().starts_with("line 1: listen: "), "{mistakes}");
    assert!(mistakes.as_array().unwrap().len() > 5, "{mistakes}");
    assert_eq!(code(&program(&["config", "check", "--config", "/no/such/file"])), 2);
    assert_eq!(code(&program(&["serve", "--config", broken.to_str().unwrap()])), 2);
}

#[test]
fn init_makes_private_files_once() {
    let site = Site::new();
    let made = program(&["init", "--config", site.path()]);
    assert_eq!(code(&made), 0, "{made:?}");
    for name in ["seal.key", "admin.token", "kbs.db"] {
        let mode = std::fs::metadata(site.file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let token = std::fs::read_to_string(site.file("admin.token")).unwrap();
    assert!(!String::from_utf8_lossy(&made.stdout).contains(token.trim()));
    let before = std::fs::read(site.file("seal.key")).unwrap();
    assert_eq!(code(&program(&["init", "--config", site.path()])), 2);
    assert_eq!(std::fs::read(site.file("seal.key")).unwrap(), before);
}

#[test]
fn doctor_finds_what_would_keep_a_broker_from_serving() {
    let site = Site::new();
    let checks = program(&["doctor", "--config", site.path()]);
    assert_eq!(code(&checks), 1);
    assert_eq!(code(&program(&["init", "--config", site.path()])), 0);
    let checks = program(&["doctor", "--config", site.path()]);
    assert_eq!(code(&checks), 0, "{checks:?}");
    let wrong = |name: &str| {
        let checks = json(&program(&["doctor", "--config", site.path()]));
        let all = checks.as_array().unwrap().clone();
        let failed: Vec<_> = all.into_iter().filter(|check| check["ok"] == false).collect();
        assert!(failed.iter().any(|check| check["check"] == name), "{name}: {failed:?}");
    };
    std::fs::set_permissions(site.file("admin.token"), std::fs::Permissions::from_mode(0o644)).unwrap();
    wrong("admin token");
    std::fs::rename(site.file("seal.key"), site.file("away")).unwrap();
    wrong("seal");
    std::fs::write(site.file("tls.key"), "").unwrap();
    wrong("tls");
}

#[tokio::test]
async fn a_broker_serves_seals_and_unseals() {
    let site = Site::new();
    assert_eq!(code(&program(&["unseal", "--config", site.path()])), 2, "no token to ask with");
    assert_eq!(code(&program(&["init", "--config", site.path()])), 0);
    assert_eq!(code(&program(&["unseal", "--config", site.path()])), 3, "nobody there");
    let _running = start(&["serve", "--config", site.path()]);
    let node = site.client(site.port);
    assert_eq!(answering(&node).await, Readiness::Ready);
    assert_eq!(code(&program(&["seal", "--config", site.path()])), 0);
    assert_eq!(node.ready().await.unwrap(), Readiness::NotReady);
    assert!(node.health().await.unwrap().sealed);
    assert_eq!(code(&program(&["unseal", "--config", site.path()])), 0);
    assert_eq!(node.ready().await.unwrap(), Readiness::Ready);

    // each door is at its own address
    let token = AdminToken::parse(&std::fs::read_to_string(site.file("admin.token")).unwrap()).unwrap();
    assert_eq!(node.admin(token.clone()).list_keys().await.unwrap_err().code(), Some("NotFound"));
    let admin = site.client(site.admin_port);
    assert_eq!(admin.challenge().await.unwrap_err().code(), Some("NotFound"));
    assert_eq!(admin.admin(token).list_keys().await.unwrap(), []);
}

#[tokio::test]
async fn a_development_broker_says_where_it_is_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let info = dir.path().join("info.json");
    let mut running =
        start(&["serve", "--dev", "--listen", "127.0.0.1:0", "--dev-info", info.to_str().unwrap()]);
    for _ in 0..500 {
        if info.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let info: Value = serde_json::from_slice(&std::fs::read(&info).unwrap()).unwrap();
    let (ca, token) = (info["ca_cert"].as_str().unwrap(), info["admin_token_file"].as_str().unwrap());
    let trust = Trust::Authority(std::fs::read(ca).unwrap());
    for (address, trust) in [(&info["addr"], &trust), (&info["http_addr"], &Trust::Nobody)] {
        let client = Client::new(Address::parse(address.as_str().unwrap()).unwrap(), trust).unwrap();
        assert_eq!(client.ready().await.unwrap(), Readiness::Ready);
        let health = client.health().await.unwrap();
        assert_eq!((health.environment.as_str(), health.lab), ("development", false));
        let token = AdminToken::parse(&std::fs::read_to_string(token).unwrap()).unwrap();
        assert_eq!(client.admin(token).list_keys().await.unwrap(), []);
    }
    let folder = Path::new(ca).parent().unwrap().to_owned();
    assert!(folder.exists());
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(running.0.wait().unwrap().success());
    assert!(!folder.exists());
}
