//! The wire protocol of PostgreSQL, for psql, Grafana and whatever else speaks it: queries, prepared statements with
//! values, cancelling, a login with a password, TLS.
//!
//! ```text
//! connection.rs    one client: startup, queries, prepared statements
//!   session_words.rs   statements that drivers send about their session, answered without looking at the federation
//!   rows.rs        Arrow batches -> rows of the protocol, in text and in binary
//!   values.rs      values of parameters -> SQL constants
//! ```

mod connection;
mod rows;
mod session_words;
#[cfg(test)]
mod tests;
mod values;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pgwire::api::ConnectionManager;
use pgwire::tokio::{TlsAcceptor, process_socket};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::desk::Desk;
use super::error::{Class, Error, Result};
use super::flight::Tls;
use connection::Connection;

/// How often to look whether a client that has sent something is still there.
const LOOK: Duration = Duration::from_millis(500);

/// Answers on `listener` until `end` resolves; then cancels all queries and returns.
///
/// # Errors
/// Invalid: certificate or key cannot be used, or clients would need certificates, which this protocol's server does
/// not ask for. Peer: the socket fails.
pub async fn serve(
    listener: TcpListener,
    desk: Arc<Desk>,
    tls: Option<Tls>,
    end: impl Future<Output = ()> + Send,
) -> Result<()> {
    let acceptor = tls.as_ref().map(acceptor).transpose()?;
    let manager = Arc::new(ConnectionManager::new());
    let mut connections = JoinSet::new();
    let mut end = Box::pin(end);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let (socket, from) =
            accepted.map_err(|error| Error::new(Class::Peer, format!("the socket failed: {error}")))?;
        let connection = Connection::new(Arc::clone(&desk), Arc::clone(&manager), from);
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let Ok((socket, watched)) = twice(socket) else { return };
            tokio::select! {
                // A connection that breaks is its client's affair.
                _broken = process_socket(socket, acceptor, Arc::clone(&connection)) => {}
                () = gone(&watched) => {}
            }
            connection.close();
        });
    }
    // Their queries end with them.
    connections.shutdown().await;
    desk.close();
    Ok(())
}

/// A second handle of a socket, to see its end while the first is busy with a query.
fn twice(socket: TcpStream) -> std::io::Result<(TcpStream, TcpStream)> {
    socket.set_nodelay(true)?;
    let socket = socket.into_std()?;
    let second = socket.try_clone()?;
    Ok((TcpStream::from_std(socket)?, TcpStream::from_std(second)?))
}

/// Resolves when the client has gone away, so that its query does not go on for nobody. What it has sent and nobody has
/// read yet hides that for as long.
async fn gone(socket: &TcpStream) {
    loop {
        match socket.peek(&mut [0]).await {
            Ok(0) | Err(_) => return,
            Ok(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor> {
    if tls.client_authority.is_some() {
        return Err(Error::invalid("the PostgreSQL endpoint does not ask for certificates of clients")
            .with_hint("leave `tls_client_ca` out, or serve Flight SQL"));
    }
    let unusable =
        |error: &dyn std::fmt::Display| Error::invalid(format!("certificate or key cannot be used: {error}"));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&tls.certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(&error))?;
    let key = PrivateKeyDer::from_pem_slice(&tls.key).map_err(|error| unusable(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| unusable(&error))?)))
}
