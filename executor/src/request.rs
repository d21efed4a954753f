//! What an analyst signs, and what all parties hash to know that they answer the same thing.
//!
//! A request on the wire is the Ed25519 signature (64 bytes) over a prefix and the text, then the text: JSON.

use std::time::Duration;

use planner::Session;
use planner::catalog::{Federation, PublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::{Identity, SIGNATURE_BYTES, verify};
use crate::{Error, Result};

/// The version of this program: two versions may plan differently, so they do not answer together.
pub const PROGRAM: &str = concat!("conjoin ", env!("CARGO_PKG_VERSION"));

const PURPOSE: &[u8] = b"conjoin request 1\n";

/// A random number that is used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce(pub [u8; 32]);

/// A statement and all that planning it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The statement.
    pub sql: String,
    /// The analyst's name, its virtual tables, settings and time of submission.
    pub session: Session,
    /// Hexadecimal, 32 bytes; used once.
    pub nonce: String,
    /// How long the analyst will wait.
    pub timeout_ms: u64,
}

impl Request {
    /// The wire form, signed.
    ///
    /// # Errors
    /// [`Error::Internal`] if the provider fails.
    pub fn sign(&self, identity: &Identity) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(self).map_err(|error| Error::internal("request", error.to_string()))?;
        let mut wire = identity.sign(&[PURPOSE, &text].concat())?;
        wire.extend_from_slice(&text);
        Ok(wire)
    }

    /// Reads the wire form and checks that `key` signed it.
    ///
    /// # Errors
    /// [`Error::Request`] if it did not, or if the text is not a request.
    pub fn open(wire: &[u8], key: &PublicKey) -> Result<Self> {
        let refuse = |reason: &str| Error::Request { reason: reason.to_owned() };
        let (signature, text) =
            wire.split_at_checked(SIGNATURE_BYTES).ok_or_else(|| refuse("it is too short"))?;
        if !verify(key, &[PURPOSE, text].concat(), signature) {
            return Err(refuse("its signature is not the analyst's"));
        }
        serde_json::from_slice(text).map_err(|_| refuse("its text is of another version"))
    }

    /// How long the analyst will wait.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The nonce; `None` if it is malformed.
    pub fn nonce(&self) -> Option<Nonce> {
        let mut nonce = [0; 32];
        hex::decode_to_slice(&self.nonce, &mut nonce).ok()?;
        Some(Nonce(nonce))
    }
}

/// Names a request before the parties have agreed on a query id: hash of what was signed and by whom.
pub(crate) fn request_hash(wire: &[u8], key: &PublicKey) -> [u8; 32] {
    digest(b"conjoin request hash 1\n", &[&key.0, wire])
}

/// The query id: what was signed, and a nonce of every party in the federation's order.
pub(crate) fn query_id(request_hash: &[u8; 32], nonces: &[Nonce]) -> [u8; 32] {
    let mut parts: Vec<&[u8]> = vec![request_hash];
    parts.extend(nonces.iter().map(|nonce| &nonce.0[..]));
    digest(b"conjoin query 1\n", &parts)
}

/// What all parties must have equal before anything leaves them, apart, so that an error can say what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// In the order in which they explain each other: program, federation with policies, plan, query id.
    parts: [[u8; 32]; 4],
}

impl Agreement {
    /// How an error names each part.
    const NAMES: [&str; 4] = ["program version", "federation.toml or a policy file", "plan", "query id"];

    pub(crate) fn new(query_id: &[u8; 32], plan: &[u8; 32], federation: &Federation) -> Self {
        let program = digest(b"conjoin program 1\n", &[PROGRAM.as_bytes()]);
        Agreement { parts: [program, federation.hash, *plan, *query_id] }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.parts.concat()
    }

    /// `None` if the length is wrong.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (parts, rest) = bytes.as_chunks::<32>();
        let parts = <[[u8; 32]; 4]>::try_from(parts).ok()?;
        rest.is_empty().then_some(Agreement { parts })
    }

    /// The first part that another has different.
    pub(crate) fn differs(&self, other: &Agreement) -> Option<&'static str> {
        let found = self.parts.iter().zip(&other.parts).position(|(a, b)| a != b)?;
        Agreement::NAMES.get(found).copied()
    }

    /// Who stands alone and with what, if not all are equal: who differs from what most have, or else from `own`.
    pub(crate) fn odd_one(all: &[Agreement], own: &Agreement) -> Option<(usize, &'static str)> {
        let most = all.iter().find(|one| 2 * all.iter().filter(|other| one == other).count() > all.len());
        let wanted = most.unwrap_or(own);
        all.iter().enumerate().find_map(|(index, one)| Some((index, wanted.differs(one)?)))
    }
}

/// Hashes parts with their lengths, so that no two lists of parts look the same.
fn digest(purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(purpose);
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A fresh nonce from the operating system.
///
/// # Errors
/// [`Error::Internal`] if it has no randomness.
pub(crate) fn fresh_nonce() -> Result<Nonce> {
    use rand::TryRng as _;
    let mut nonce = [0; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut nonce)
        .map_err(|error| Error::internal("nonce", error.to_string()))?;
    Ok(Nonce(nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let nonce = hex::encode(fresh_nonce().unwrap().0);
        let session = Session { analyst: "alice".into(), submitted_us: 7, ..Session::default() };
        Request { sql: "SELECT 1".into(), session, nonce, timeout_ms: 1000 }
    }

    #[test]
    fn a_request_is_read_back_only_under_the_key_that_signed_it() {
        let [alice, eve] = [(); 2].map(|()| Identity::generate().unwrap());
        let wire = request().sign(&alice).unwrap();
        assert_eq!(Request::open(&wire, &alice.public_key()).unwrap().session.analyst, "alice");
        assert!(Request::open(&wire, &eve.public_key()).is_err());
        for at in [0, SIGNATURE_BYTES, wire.len() - 1] {
            let mut damaged = wire.clone();
            damaged[at] ^= 1;
            assert!(Request::open(&damaged, &alice.public_key()).is_err());
        }
        assert!(Request::open(&wire[..10], &alice.public_key()).is_err());
    }

    #[test]
    fn who_differs_from_most_is_named_with_what_differs() {
        let of = |part: usize, value: u8| {
            let mut parts = [[0; 32]; 4];
            parts[part] = [value; 32];
            Agreement { parts }
        };
        let same = of(0, 0);
        assert_eq!(Agreement::odd_one(&[same, same, same], &same), None);
        let (files, plan) = (of(1, 7), of(2, 7));
        let named = "federation.toml or a policy file";
        for own in [same, files] {
            assert_eq!(Agreement::odd_one(&[files, same, same], &own), Some((0, named)));
        }
        assert_eq!(Agreement::odd_one(&[same, plan], &same), Some((1, "plan")));
        assert_eq!(Agreement::from_bytes(&plan.to_bytes()), Some(plan));
        assert_eq!(Agreement::from_bytes(&plan.to_bytes()[1..]), None);
    }

    #[test]
    fn the_query_id_depends_on_every_nonce_and_their_order() {
        let [a, b] = [(); 2].map(|()| fresh_nonce().unwrap());
        let id = query_id(&[1; 32], &[a, b]);
        assert_ne!(id, query_id(&[1; 32], &[b, a]));
        assert_ne!(id, query_id(&[2; 32], &[a, b]));
        assert_ne!(id, query_id(&[1; 32], &[a]));
    }
}
