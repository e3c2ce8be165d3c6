//! The program `hanzo-kbs`: arguments in, exit code out.

mod args;
mod output;

use anyhow::Context as _;
use args::{Args, ConfigVerb, Verb};
use clap::Parser as _;
use hanzo_kbs::clock::SystemClock;
use hanzo_kbs::config::{Config, ConfigError, show};
use hanzo_kbs::harden::harden_process;
use hanzo_kbs::serve::{DevOptions, serve, serve_dev};
use hanzo_kbs::verbs::{RemoteError, Seal, doctor, init, sealing};
use hanzo_kbs_vault::SystemRng;
use output::Output;
use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Exit codes: 0 yes, 1 a clear no, 2 wrong usage or unreadable input, 3 the broker could not be reached.
const NO: u8 = 1;
const UNUSABLE: u8 = 2;
const UNREACHED: u8 = 3;

fn main() -> ExitCode {
    // The one provider of TLS cryptography in this process; nothing else may be picked up by default.
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    if provider.install_default().is_err() {
        eprintln!("error: a TLS provider is already installed");
        return ExitCode::from(UNUSABLE);
    }
    let args = Args::parse();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines).with(args.log.clone()).init();
    if let Err(error) = harden_process() {
        eprintln!("error: {error}");
        return ExitCode::from(UNUSABLE);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::from(UNUSABLE);
        }
    };
    match runtime.block_on(run(args)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(UNUSABLE)
        }
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let output = Output::new(args.format);
    match args.verb {
        Verb::Serve(serve_args) if serve_args.dev => {
            let options =
                DevOptions { lab: serve_args.lab, info: serve_args.dev_info, listen: serve_args.listen };
            serve_dev(&options).await?;
        }
        Verb::Serve(serve_args) => {
            let path = serve_args.config.context("serve needs --config FILE, or --dev")?;
            serve(&Config::read(&path)?).await?;
        }
        Verb::Config(ConfigVerb::Check { config }) => return check(&config, &output),
        Verb::Config(ConfigVerb::Show { config }) => output.value(&show(&Config::read(&config)?))?,
        Verb::Config(ConfigVerb::Trust { config }) => {
            output.canonical(&hanzo_kbs::trust::of(&Config::read(&config)?)?)?;
        }
        Verb::Init { config } => {
            let made = init(&Config::read(&config)?, &SystemClock, Arc::new(SystemRng)).await?;
            output.value(&serde_json::to_value(made)?)?;
        }
        Verb::Unseal(remote) => return remote_sealing(Seal::Open, &remote, &output).await,
        Verb::Seal(remote) => return remote_sealing(Seal::Close, &remote, &output).await,
        Verb::Doctor { config } => {
            let checks = doctor(&config, &SystemClock, Arc::new(SystemRng)).await;
            let sound = checks.iter().all(|check| check.ok);
            output.value(&serde_json::to_value(checks)?)?;
            return Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(NO) });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    match Config::read(path) {
        Ok(_) => {
            output.value(&serde_json::json!({"ok": true}))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(ConfigError::Mistaken { mistakes }) => {
            let mistakes: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
            output.value(&serde_json::json!({"ok": false, "mistakes": mistakes}))?;
            Ok(ExitCode::from(NO))
        }
        Err(error) => Err(error.into()),
    }
}

async fn remote_sealing(seal: Seal, remote: &args::Remote, output: &Output) -> anyhow::Result<ExitCode> {
    let config = Config::read(&remote.config)?;
    match sealing(seal, &config, remote.addr.as_deref(), remote.cacert.as_deref()).await {
        Ok(answer) => {
            output.value(&answer)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ RemoteError::Setup(_)) => Err(error.into()),
        Err(error) => {
            eprintln!("error: {error}");
            Ok(ExitCode::from(if matches!(error, RemoteError::Unreached(_)) { UNREACHED } else { NO }))
        }
    }
}
