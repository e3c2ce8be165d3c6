//! Running a broker: listeners, signals, and the throwaway broker of `serve --dev`.

mod assemble;
mod dev;
mod listeners;
mod reload;

pub use assemble::{StartError, assemble, read_admin_token, read_grounds, read_quorum};
pub use dev::{DevOptions, serve_dev};

pub(crate) use assemble::read_bounded;
pub(crate) use dev::write_private;
pub use listeners::{Listeners, bind, run_until_signal};
pub use reload::{Reload, reload};

use crate::broker::{UnsealError, Who};
use crate::config::Config;
use crate::router::{Doors, router};
use crate::tls;
use hanzo_kbs_vault::DeviceSessions;
use std::sync::Arc;

/// Serves a configuration until SIGINT or SIGTERM. A vault that cannot be unsealed now stays sealed, says so
/// in `readyz`, and can be unsealed later.
///
/// # Errors
/// [`StartError`], before anything is served.
pub async fn serve(config: &Config) -> Result<(), StartError> {
    let tls = tls::from_files(&config.tls.cert, &config.tls.key)?;
    let broker = assemble(config).await?;
    match broker.unseal(&Who::operator()).await {
        Ok(()) => {}
        // It would run by what nobody approved as soon as somebody unsealed it.
        Err(UnsealError::Trust(error)) => return Err(StartError::Trust(*error)),
        Err(error) => tracing::warn!(%error, "the vault stays sealed"),
    }
    if config.attestation.devices.sessions == DeviceSessions::Any {
        tracing::warn!(
            environment = config.environment.name(),
            "attestation.device_sessions = \"any\": one GPU may serve several machines at once, and nobody notices"
        );
    }
    reload::watch(Arc::clone(&broker), config.attestation.clone()).map_err(StartError::Socket)?;
    let together = config.admin_listen == config.listen;
    let doors = if together { Doors::All } else { Doors::Native };
    let mut listeners = Listeners::default();
    listeners.tls(bind(config.listen)?, Arc::clone(&tls), router(&broker, doors))?;
    if !together {
        listeners.tls(bind(config.admin_listen)?, tls, router(&broker, Doors::Admin))?;
    }
    if let Some(plain) = config.plain_listen {
        tracing::warn!(address = %plain, "a listener without TLS is open");
        listeners.plain(bind(plain)?, router(&broker, Doors::Native))?;
    }
    tracing::info!(address = %config.listen, admin = %config.admin_listen, environment = config.environment.name(), "serving");
    run_until_signal(listeners).await
}
