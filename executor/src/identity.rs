//! Who a program is: an Ed25519 key, and the certificate that carries it through TLS.
//!
//! Names, validity and issuers of certificates mean nothing here: the federation's files pin public keys, and
//! [`tls`](crate::network::tls) accepts a peer exactly when its certificate carries the expected one. The certificate
//! is made from the key whenever a program starts, so that only the key is kept.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use planner::catalog::PublicKey;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SigningKey as _};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SignatureVerificationAlgorithm, alg_id,
};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Length of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// The encoding of a `SubjectPublicKeyInfo` before the 32 bytes of an Ed25519 key (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A private key and its certificate.
pub struct Identity {
    key: KeyPair,
    certificate: CertificateDer<'static>,
    public: PublicKey,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Identity {
    /// A fresh key.
    ///
    /// # Errors
    /// [`Error::Internal`] if the operating system gives no randomness.
    pub fn generate() -> Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(|error| broken(&error))?;
        Identity::new(key).map_err(|reason| Error::internal("identity", reason))
    }

    /// The key of a PEM text (`PRIVATE KEY`, PKCS #8).
    ///
    /// # Errors
    /// The reason, without any of the text, if it is not an Ed25519 key.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let key = KeyPair::from_pem(text).map_err(|_| "not a PEM file with a private key".to_owned())?;
        Identity::new(key)
    }

    /// The key as a PEM text.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// Reads a key file that [`Identity::save`] wrote.
    ///
    /// # Errors
    /// [`Error::KeyFile`] if it cannot be read, is no Ed25519 key, or others than its owner may read it.
    pub fn load(path: &Path) -> Result<Self> {
        let fail = |reason: String| Error::KeyFile { path: path.to_owned(), reason };
        check_mode(path).map_err(fail)?;
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| fail(error.to_string()))?);
        Identity::from_pem(&text).map_err(fail)
    }

    /// Writes the key to a new file that only its owner may read.
    ///
    /// # Errors
    /// [`Error::KeyFile`] if the file exists or cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(self.to_pem().as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| {
            let reason = if error.kind() == ErrorKind::AlreadyExists {
                "exists already; a key is never overwritten".to_owned()
            } else {
                error.to_string()
            };
            Error::KeyFile { path: path.to_owned(), reason }
        })
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Signs a message. The message should begin with a text that says what it is for.
    ///
    /// # Errors
    /// [`Error::Internal`] if the provider fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.key.sign(message).map_err(|error| broken(&error))
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    fn new(key: KeyPair) -> Result<Self, String> {
        let raw = <[u8; 32]>::try_from(key.public_key_raw()).ok();
        let public = raw.filter(|_| key.is_compatible(&PKCS_ED25519)).map(PublicKey);
        let public = public.ok_or_else(|| "not an Ed25519 key".to_owned())?;
        let params = CertificateParams::new(vec!["conjoin".to_owned()]).map_err(|error| error.to_string())?;
        let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
        Ok(Identity { certificate: certificate.der().clone(), key, public })
    }
}

/// Whether `signature` over `message` was made with the private half of `key`.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let ed25519 = algorithms.all.iter().find(|algorithm| algorithm.public_key_alg_id() == alg_id::ED25519);
    ed25519.is_some_and(|algorithm: &&dyn SignatureVerificationAlgorithm| {
        algorithm.verify_signature(&key.0, message, signature).is_ok()
    })
}

/// The Ed25519 key of a certificate; `None` if it cannot be parsed or carries another kind of key.
pub(crate) fn key_of(certificate: &CertificateDer<'_>) -> Option<PublicKey> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).ok()?;
    let info = parsed.subject_public_key_info();
    let raw = info.as_ref().strip_prefix(&SPKI_PREFIX)?;
    Some(PublicKey(raw.try_into().ok()?))
}

fn broken(error: &rcgen::Error) -> Error {
    Error::internal("identity", error.to_string())
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_err(|error| error.to_string())?.permissions().mode();
    let others = mode & 0o077;
    if others == 0 {
        Ok(())
    } else {
        Err(format!("others may read it (mode {:03o}); run `chmod 600` on it", mode & 0o777))
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_hold_for_their_key_and_message_only() {
        let (alice, bob) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let signature = alice.sign(b"query").unwrap();
        assert_eq!(signature.len(), SIGNATURE_BYTES);
        assert!(verify(&alice.public_key(), b"query", &signature));
        assert!(!verify(&alice.public_key(), b"another", &signature));
        assert!(!verify(&bob.public_key(), b"query", &signature));
        assert!(!verify(&alice.public_key(), b"query", &signature[1..]));
    }

    #[test]
    fn the_certificate_carries_the_key() {
        let identity = Identity::generate().unwrap();
        assert_eq!(key_of(&identity.certificate()), Some(identity.public_key()));
        assert_eq!(key_of(&CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01])), None);
    }

    #[test]
    fn a_key_file_is_read_back_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alice.key");
        let identity = Identity::generate().unwrap();
        identity.save(&path).unwrap();
        assert_eq!(Identity::load(&path).unwrap().public_key(), identity.public_key());
        assert!(identity.save(&path).unwrap_err().to_string().contains("never overwritten"));
        fs::write(&path, "-----BEGIN PRIVATE KEY-----\nnonsense").unwrap();
        let error = Identity::load(&path).unwrap_err();
        assert!(!error.to_string().contains("nonsense"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alice.key");
        Identity::generate().unwrap().save(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Identity::load(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
