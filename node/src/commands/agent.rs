//! `agent`: holds the session until it is told to stop.

use super::{ROOT, remark_on};
use crate::args::AgentArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::enrolment::Enrolling;
use crate::exit::{Answer, Failure};
use crate::output;
use hanzo_node_agent::local::{OwnedSocket, serve};
use hanzo_node_agent::{Agent, AgentPlan};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

pub(crate) async fn run(args: AgentArgs) -> Result<Answer, Failure> {
    let config = Config::load(&args.common, &args.keys, args.socket.as_deref())?;
    let client = config.client()?;
    if config.keys.is_empty() {
        return Err(Failure::unusable("no key to hold: set keys in the configuration, or --key"));
    }
    let path = config.socket.clone().ok_or_else(|| {
        Failure::unusable("no socket for workloads: set agent.socket in the configuration, or --socket")
    })?;
    // Keys must not reach a core file, nor a debugger of the same user.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| Failure::unusable(format!("memory cannot be closed to debuggers: {error}")))?;
    let source = Enrolling::of(&config, Path::new(ROOT))?;
    remark_on(source.source());
    let socket = OwnedSocket::bind(&path).await?;
    output::remark(&format!("serving {} keys on {}", config.keys.len(), path.display()));

    let plan = AgentPlan { keys: config.keys, kem: config.kem, runtime_data: None };
    let agent = Agent::new(client, source, SystemClock::start(), dice, plan);
    let keyring = agent.keyring();
    let (stop, stopped) = watch::channel(false);
    let until_stop = |mut stopped: watch::Receiver<bool>| async move {
        // The sender lives until the end of this function.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let serving = async {
        let served = serve(socket, keyring, until_stop(stopped.clone())).await;
        let _ = stop.send(true);
        served
    };
    let signalled = async {
        let caught = end_signal().await;
        let _ = stop.send(true);
        caught
    };
    let ended = async {
        tokio::select! {
            caught = signalled => caught,
            () = until_stop(stopped.clone()) => Ok(()),
        }
    };
    let ((), served, ended) = tokio::join!(agent.run(until_stop(stopped.clone())), serving, ended);
    served.and(ended).map_err(|error| Failure::unusable(format!("{}: {error}", path.display())))?;
    Ok(Answer::Yes)
}

async fn end_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Spreads pauses and renewals of many nodes. Without randomness they fall together, which is no danger.
fn dice() -> u16 {
    let mut bytes = [0; 2];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
