//! Where everybody is and which keys they hold.

use planner::catalog::{Federation, PublicKey};
use planner::plan::PartyId;

use crate::{Error, Result};

/// Addresses and pinned keys of one federation.
#[derive(Clone, Debug)]
pub struct Directory {
    /// All parties, in the federation's order.
    pub parties: Vec<Contact>,
    /// Who may ask.
    pub analysts: Vec<KnownAnalyst>,
}

/// How to reach a party.
#[derive(Clone, Debug)]
pub struct Contact {
    /// `host:port`.
    pub address: String,
    /// Its key.
    pub key: PublicKey,
}

/// Someone who may ask.
#[derive(Clone, Debug)]
pub struct KnownAnalyst {
    /// Its name; `None`: any name (where the whole federation runs in one process).
    pub name: Option<String>,
    /// Its key.
    pub key: PublicKey,
}

impl Directory {
    /// What the federation's file says.
    ///
    /// # Errors
    /// [`Error::Configuration`] if it leaves a key or an address out.
    pub fn of(federation: &Federation) -> Result<Self> {
        let lacks =
            |who: &str, what| Error::Configuration(format!("federation.toml gives no {what} for {who}"));
        let parties = federation.parties.iter().map(|party| {
            let address = party.address.clone().ok_or_else(|| lacks(&party.name, "address"))?;
            Ok(Contact { address, key: party.key.ok_or_else(|| lacks(&party.name, "key"))? })
        });
        let analysts = federation.analysts.iter().map(|analyst| {
            let key = analyst.key.ok_or_else(|| lacks(&analyst.name, "key"))?;
            Ok(KnownAnalyst { name: Some(analyst.name.clone()), key })
        });
        Ok(Directory { parties: parties.collect::<Result<_>>()?, analysts: analysts.collect::<Result<_>>()? })
    }

    /// The party that holds `key`.
    pub fn party(&self, key: &PublicKey) -> Option<PartyId> {
        self.parties.iter().position(|contact| contact.key == *key).map(PartyId)
    }

    /// Whether `key` may ask under `name`.
    pub fn is_analyst(&self, key: &PublicKey, name: &str) -> bool {
        let matches =
            |known: &KnownAnalyst| known.key == *key && known.name.as_deref().is_none_or(|n| n == name);
        self.analysts.iter().any(matches)
    }
}

/// Which party sits on seat 0, 1, 2.
///
/// # Errors
/// [`Error::Internal`] if a seat is empty, which a validated federation has not.
pub(crate) fn seats(federation: &Federation) -> Result<[PartyId; 3]> {
    let at = |seat| {
        let party = federation.parties.iter().position(|party| party.seat == Some(seat)).map(PartyId);
        party.ok_or_else(|| Error::internal("federation", format!("seat {seat} is empty")))
    };
    Ok([at(0)?, at(1)?, at(2)?])
}
