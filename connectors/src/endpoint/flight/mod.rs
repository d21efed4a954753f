//! Flight SQL, for JDBC, ODBC and ADBC clients.
//!
//! ```text
//! service.rs           the gRPC service: one method a call, one match over commands
//!   login.rs           headers and handshakes -> a session
//!   metadata.rs        commands about the federation -> schema, rows (pure)
//!   info.rs            what the server can do, its types
//!   actions.rs         prepared statements, cancelling, session options
//!   session_messages.rs    messages that the library does not have
//!   status.rs          errors -> gRPC status
//! ```

mod actions;
mod info;
mod login;
mod metadata;
mod service;
pub mod session_messages;
mod status;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use super::desk::Desk;
use super::error::{Class, Error, Result};
use service::Service;

/// The largest message that a client may send: values of parameters.
const MOST_BYTES: usize = 64 << 20;
/// How often a quiet connection is asked whether it is still there; a query may take long.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long connections may take to end with the server.
const GRACE: Duration = Duration::from_secs(3);

/// Certificate and key of a server, as PEM texts.
#[derive(Clone)]
pub struct Tls {
    /// Its certificate, and those between it and a known authority.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
    /// Only clients with a certificate of this authority may connect.
    pub client_authority: Option<Vec<u8>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("client_authority", &self.client_authority.is_some())
            .finish_non_exhaustive()
    }
}

/// Answers on `listener` until `end` resolves; then cancels all queries and returns within a few seconds.
///
/// # Errors
/// Invalid: certificate or key cannot be used. Peer: the socket fails.
pub async fn serve(
    listener: TcpListener,
    desk: Arc<Desk>,
    tls: Option<Tls>,
    end: impl Future<Output = ()> + Send,
) -> Result<()> {
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE));
    if let Some(tls) = tls {
        server = server.tls_config(tls_config(tls)).map_err(|error| unusable(&error))?;
    }
    let service =
        FlightServiceServer::new(Service::new(Arc::clone(&desk))).max_decoding_message_size(MOST_BYTES);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let running = server.add_service(service).serve_with_incoming_shutdown(incoming, async {
        // Whether it is told to stop or the teller is gone: it ends.
        let _told = stopped.await;
    });
    let mut running = Box::pin(running);
    tokio::select! {
        ended = &mut running => return ended.map_err(|error| socket(&error)),
        () = end => {}
    }
    desk.close();
    let _gone = stop.send(());
    match tokio::time::timeout(GRACE, running).await {
        Ok(ended) => ended.map_err(|error| socket(&error)),
        // Connections that are still open end with the program.
        Err(_) => Ok(()),
    }
}

fn tls_config(tls: Tls) -> ServerTlsConfig {
    let config = ServerTlsConfig::new().identity(Identity::from_pem(tls.certificate, tls.key));
    match tls.client_authority {
        Some(authority) => config.client_ca_root(Certificate::from_pem(authority)),
        None => config,
    }
}

fn unusable(error: &dyn std::error::Error) -> Error {
    Error::invalid(format!("certificate or key cannot be used: {}", causes(error)))
}

fn socket(error: &dyn std::error::Error) -> Error {
    Error::new(Class::Peer, format!("the socket failed: {}", causes(error)))
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
