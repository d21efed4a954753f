//! TLS 1.3 with pinned keys on both sides.
//!
//! No certificate authority, no names, no validity periods, no resumption: a peer is who its public key says, checked in
//! every handshake. The provider is *ring*, given explicitly.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use planner::catalog::PublicKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName,
    PeerIncompatible, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::identity::{Identity, key_of};

/// Named in the handshake, so that another version of the wire is told apart before the first frame.
const PROTOCOL: &[u8] = b"conjoin/1";

/// What is read from the socket at once. TLS itself asks for 4 KiB at a time.
const READ_BYTES: usize = 1 << 17;

/// What may wait encrypted inside TLS before it asks for the socket.
const WRITE_BYTES: usize = 1 << 17;

/// How long a refused connection stays open to be read.
const REFUSED: Duration = Duration::from_secs(1);

/// What a refused connection may still say in that time.
const REFUSED_BYTES: u64 = 1 << 22;

/// An authenticated, encrypted connection.
pub type Stream = TlsStream<BufReader<TcpStream>>;

/// Connects and checks that exactly `expected` answers.
///
/// # Errors
/// The system's reason, if nobody answers or the handshake fails, within `patience`.
pub async fn connect(
    identity: &Identity,
    address: &str,
    expected: PublicKey,
    patience: Duration,
) -> io::Result<Stream> {
    let config = client_config(identity, expected).map_err(io::Error::other)?;
    let name = ServerName::try_from("conjoin").map_err(io::Error::other)?;
    let dial = async {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, BufReader::with_capacity(READ_BYTES, socket)).await?;
        stream.get_mut().1.set_buffer_limit(Some(WRITE_BYTES));
        Ok(TlsStream::from(stream))
    };
    within(patience, dial).await
}

/// Accepts a connection from any of the keys of `acceptor`, and says whose it is.
///
/// # Errors
/// The system's reason, if the handshake fails or does not end within `patience`.
pub async fn accept(
    acceptor: &Acceptor,
    socket: TcpStream,
    patience: Duration,
) -> io::Result<(Stream, PublicKey)> {
    let shake = async {
        socket.set_nodelay(true)?;
        let socket = BufReader::with_capacity(READ_BYTES, socket);
        let mut stream = match acceptor.tls.accept(socket).into_fallible().await {
            Ok(stream) => stream,
            Err((error, socket)) => {
                let_read(socket).await;
                return Err(error);
            }
        };
        stream.get_mut().1.set_buffer_limit(Some(WRITE_BYTES));
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let key = certificate.and_then(key_of).ok_or_else(|| io::Error::other("no Ed25519 key"))?;
        Ok((TlsStream::from(stream), key))
    };
    within(patience, shake).await
}

/// Why a handshake failed, if it was for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// The other side shows a key that is not expected.
    Theirs,
    /// The other side does not expect this side's key.
    Ours,
}

/// Whether an error of a connection is about keys.
pub fn key_fault(error: &io::Error) -> Option<KeyFault> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    if *error == rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure) {
        Some(KeyFault::Theirs)
    } else if *error == rustls::Error::AlertReceived(AlertDescription::AccessDenied) {
        Some(KeyFault::Ours)
    } else {
        None
    }
}

/// The accepting side's configuration.
#[derive(Clone)]
pub struct Acceptor {
    tls: TlsAcceptor,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor(..)")
    }
}

impl Acceptor {
    /// Accepts the keys in `known`, and nobody else.
    ///
    /// # Errors
    /// If the identity cannot be used.
    pub fn new(identity: &Identity, known: BTreeSet<PublicKey>) -> Result<Self, rustls::Error> {
        let provider = provider();
        let pinned = Arc::new(Pinned { known, provider: Arc::clone(&provider) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(pinned)
            .with_single_cert(vec![identity.certificate()], identity.private_key())?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Acceptor { tls: TlsAcceptor::from(Arc::new(config)) })
    }
}

fn client_config(identity: &Identity, expected: PublicKey) -> Result<ClientConfig, rustls::Error> {
    let provider = provider();
    let pinned = Arc::new(Pinned { known: BTreeSet::from([expected]), provider: Arc::clone(&provider) });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(pinned)
        .with_client_auth_cert(vec![identity.certificate()], identity.private_key())?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.enable_sni = false;
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// ring, with AES-128-GCM first: `ChaCha20` costs 40% more where the processor has instructions for the other.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

/// Lets the other side read why it is refused: a socket that is closed with unread bytes takes that with it.
async fn let_read(mut socket: BufReader<TcpStream>) {
    let _gone = socket.shutdown().await;
    let rest = async { tokio::io::copy(&mut socket.take(REFUSED_BYTES), &mut tokio::io::sink()).await };
    let _late = tokio::time::timeout(REFUSED, rest).await;
}

async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {} s", patience.as_secs_f64()),
        )),
    }
}

/// Accepts certificates with known keys, and checks that the peer holds the private half.
#[derive(Debug)]
struct Pinned {
    known: BTreeSet<PublicKey>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let known = key_of(certificate).is_some_and(|key| self.known.contains(&key));
        if known { Ok(()) } else { Err(CertificateError::ApplicationVerificationFailure.into()) }
    }

    fn signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(certificate).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(certificate).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
