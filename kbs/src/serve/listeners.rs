//! Sockets: bounded, HTTP/1.1 only, closed gently on a signal.

use super::StartError;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// How long a client may take to send its request head.
const HEAD: Duration = Duration::from_secs(10);
/// How long open requests may take to finish after a signal: longer than any verification and transaction.
const FAREWELL: Duration = Duration::from_secs(5);

/// Binds a socket.
///
/// # Errors
/// [`StartError::Listen`].
pub fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address).map_err(|source| StartError::Listen { address, source })?;
    listener.set_nonblocking(true).map_err(|source| StartError::Listen { address, source })?;
    Ok(listener)
}

/// The listeners of one process.
#[derive(Default)]
pub struct Listeners {
    serving: JoinSet<io::Result<()>>,
    handle: Handle<SocketAddr>,
}

impl Listeners {
    /// Serves a router over TLS.
    ///
    /// # Errors
    /// [`StartError::Socket`].
    pub fn tls(
        &mut self,
        socket: TcpListener,
        tls: Arc<ServerConfig>,
        app: Router,
    ) -> Result<(), StartError> {
        let tls = RustlsConfig::from_config(tls);
        let mut server = axum_server::from_tcp_rustls(socket, tls).map_err(StartError::Socket)?.http1_only();
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
        let server = server.handle(self.handle.clone());
        self.serving.spawn(server.serve(app.into_make_service()));
        Ok(())
    }

    /// Serves a router without TLS; callers have made sure that the address is a loopback one.
    ///
    /// # Errors
    /// [`StartError::Socket`].
    pub fn plain(&mut self, socket: TcpListener, app: Router) -> Result<(), StartError> {
        let mut server = axum_server::from_tcp(socket).map_err(StartError::Socket)?.http1_only();
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
        let server = server.handle(self.handle.clone());
        self.serving.spawn(server.serve(app.into_make_service()));
        Ok(())
    }
}

/// Serves until SIGINT or SIGTERM, then lets open requests finish.
///
/// # Errors
/// [`StartError::Socket`] if a listener fails.
pub async fn run_until_signal(mut listeners: Listeners) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Socket)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Socket)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        Some(ended) = listeners.serving.join_next() => {
            return ended.map_err(io::Error::other).and_then(|served| served).map_err(StartError::Socket);
        }
    }
    listeners.handle.graceful_shutdown(Some(FAREWELL));
    while listeners.serving.join_next().await.is_some() {}
    Ok(())
}
