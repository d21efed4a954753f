//! The files of a federation: `federation.toml` and the owners' `policy.toml`, to a validated [`Federation`].
//!
//! The policy is the schema: a table, a column or a use that is not named in it does not exist. Every fault is
//! an error of class invalid that names the file, the line, the key, and the nearest known key; nothing is
//! ignored and nothing is repaired.

mod calendar;
mod column;
mod document;
mod federation;
mod key;
mod names;
mod owner;
#[cfg(test)]
mod tests;
mod value;

use sha2::{Digest, Sha256};

use crate::catalog::{Federation, PublicKey};
use crate::error::{Error, Result};
use crate::nearest::{hint, same_name};
use crate::plan::PartyId;
use document::{File, Section};

/// Reads a federation.
///
/// `policies` holds, for every party that has one, its name and the text of its `policy.toml`; the order does not
/// matter.
///
/// # Errors
/// [`Class::Invalid`](crate::Class::Invalid) for anything that is wrong in a file, with its name, line and column; a
/// policy of an unknown party, or two of one party.
pub fn parse(federation_toml: &str, policies: &[(String, String)]) -> Result<Federation> {
    let agreed = federation::parse(File { label: "federation.toml", text: federation_toml })?;
    let mut federation = Federation {
        name: agreed.name,
        parties: agreed.parties,
        analysts: agreed.analysts,
        views: agreed.views,
        hash: hash(federation_toml, policies),
    };
    for (index, (name, text)) in policies.iter().enumerate() {
        let label = format!("parties/{name}/policy.toml");
        let Some((id, _)) = federation.party(name) else {
            let names = federation.parties.iter().map(|p| p.name.as_str());
            return Err(Error::invalid(format!("{label}: federation.toml has no party `{name}`"))
                .with_hint(hint(name, names, "parties")));
        };
        if policies[..index].iter().any(|(other, _)| same_name(other, name)) {
            return Err(Error::invalid(format!("{label}: a second policy of `{name}`")));
        }
        let (release, tables) = owner::parse(File { label: &label, text }, id, &federation.analysts)?;
        let PartyId(party) = id;
        federation.parties[party].release = release;
        federation.parties[party].tables = tables;
    }
    Ok(federation)
}

/// Reads a public key as in `ed25519:BASE64`.
///
/// # Errors
/// [`Class::Invalid`](crate::Class::Invalid) if it is not one.
pub fn parse_key(text: &str) -> Result<PublicKey> {
    key::parse(text).map_err(Error::invalid)
}

/// Files say `version = 1`.
fn version(top: &Section<'_>) -> Result<()> {
    let entry = top.require("version")?;
    entry.integer(0, u64::MAX)?;
    entry.integer(1, 1).map(|_| ()).map_err(|_| entry.error("this program reads version 1"))
}

/// SHA-256 over all texts, each with its length; policies in the order of their parties' names.
fn hash(federation_toml: &str, policies: &[(String, String)]) -> [u8; 32] {
    let mut sorted: Vec<(String, &str)> =
        policies.iter().map(|(name, text)| (name.to_lowercase(), text.as_str())).collect();
    sorted.sort();
    let mut hasher = Sha256::new();
    hasher.update(b"conjoin federation 1");
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    add(federation_toml);
    for (name, text) in &sorted {
        add(name);
        add(text);
    }
    hasher.finalize().into()
}
