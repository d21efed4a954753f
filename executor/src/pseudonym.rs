//! Pseudonyms of a hashed join: keyed tags of identifiers, made by two owners, compared by a neutral seat, or shared to
//! all seats and compared by nobody.
//!
//! The two owners draw 32 random bytes each and exchange them on their direct link; no seat sees them. The key is
//! HKDF-SHA-256 over both, salted with the query id, for this join alone ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)).
//! The pseudonym of an identifier is the first 16 bytes of HMAC-SHA-256 over its normal form. Rows without an
//! identifier and padding get random pseudonyms, so that they match nothing and look like all others. The matcher sees
//! which pseudonyms of two whole declared tables are equal, in orders that the owners have shuffled, and nothing else.

use std::collections::HashMap;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use mpc::{Part, Planes, Seat};
use planner::plan::{HashedJoin, Input, JoinKey, Matching, Multiplicity, PartyId};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ingest::{Rows, broken, owner_tables};
use crate::links::Links;
use crate::operator::input;
use crate::{Error, Result};

/// Bytes of a pseudonym.
pub(crate) const TAG_BYTES: usize = 16;

/// Which of the two inputs of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one whose rows keep their place.
    Stay,
    /// The one whose rows are moved beside them.
    Moved,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Stay => "stay",
            Side::Moved => "moved",
        }
    }

    fn other(self) -> Side {
        match self {
            Side::Stay => Side::Moved,
            Side::Moved => Side::Stay,
        }
    }

    /// The identifier of this side.
    pub(crate) fn key(self, join: &HashedJoin) -> &JoinKey {
        match self {
            Side::Stay => &join.stay_key,
            Side::Moved => &join.moved_key,
        }
    }

    /// The message with the pseudonyms of this side of the join at node `node`.
    pub(crate) fn channel(self, node: usize) -> String {
        format!("join/{node}/pseudonyms/{}", self.name())
    }
}

/// An owner's side: checks its identifiers, agrees the key with the other owner and sends the matcher one pseudonym for
/// each shared row of its input.
///
/// # Errors
/// Class source if an identifier, after normalisation, has more rows than declared; nothing has left then.
pub(crate) async fn send(
    links: &Links<'_>,
    node: usize,
    join: &HashedJoin,
    side: Side,
    input: &Input,
    rows: &Rows,
    other: PartyId,
) -> Result<()> {
    let identifiers = identifiers(join, side.key(join), input, rows)?;
    let mut rng = links.run().rng()?;
    let key = agree(links, node, side, other, &mut rng).await?;
    let tags = tags(&key, &identifiers, rows, &mut rng)?;
    drop(key);
    let channel = side.channel(node);
    match join.matching {
        Matching::Pseudonyms { matcher } => {
            links.send(links.at(Seat::from_index(matcher)), &channel, tags).await
        }
        Matching::Oblivious { bits } => share(links, &channel, &tags, bits, &mut rng).await,
    }
}

/// Hands the tags to this party's own seat, which inputs them; without a seat, deals shares of them.
async fn share(
    links: &Links<'_>,
    channel: &str,
    tags: &[u8],
    bits: u32,
    rng: &mut impl CryptoRng,
) -> Result<()> {
    let own = links.run().party();
    if Seat::ALL.into_iter().any(|seat| links.at(seat) == own) {
        return links.send(own, channel, tags.to_vec()).await;
    }
    input::deal(links, channel, vec![Part::Bits(planes(tags, bits))], rng).await
}

/// The first bits of tags, a row each.
pub(crate) fn planes(tags: &[u8], bits: u32) -> Planes {
    let number = |tag: &[u8]| tag.iter().rev().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let mask = u128::MAX >> (128 - bits.clamp(1, 128));
    let numbers: Vec<u128> = tags.chunks_exact(TAG_BYTES).map(|tag| number(tag) & mask).collect();
    Planes::from_values(&numbers, bits as usize)
}

/// The normal form of the identifier of every row of the local plan, checked.
fn identifiers(join: &HashedJoin, key: &JoinKey, input: &Input, rows: &Rows) -> Result<Vec<Option<Vec<u8>>>> {
    let arrays = key.columns.iter().map(|&column| rows.batch.columns().get(column).cloned());
    let arrays: Option<Vec<_>> = arrays.collect();
    let arrays =
        arrays.ok_or_else(|| Error::internal("join", "the plan names an identifier that does not exist"))?;
    let identifiers = if join.normalised {
        planner::function::hashed::normalise(&arrays, rows.batch.num_rows())?
    } else {
        planner::function::hashed::canonical(&arrays, rows.batch.num_rows())?
    };
    let repeated = repeated(&identifiers, key.max_rows);
    if repeated > 0 {
        let occur = if repeated == 1 { "identifier occurs" } else { "identifiers occur" };
        let rows = if key.max_rows == 1 { "row" } else { "rows" };
        let rule = format!(
            "duplicate identifiers: column `{}`: {repeated} {occur} in more than {} {rows} (`max_rows_per_person`, \
             `max_rows_per_value`)",
            key.name, key.max_rows
        );
        return Err(broken(&owner_tables(input), &rule));
    }
    Ok(identifiers)
}

/// How many identifiers occur in more than `max_rows` rows.
fn repeated(identifiers: &[Option<Vec<u8>>], max_rows: usize) -> usize {
    let mut known: Vec<&[u8]> = identifiers.iter().flatten().map(Vec::as_slice).collect();
    known.sort_unstable();
    known.chunk_by(|a, b| a == b).filter(|rows| rows.len() > max_rows).count()
}

/// The key of one join, known to its two owners alone.
///
/// Cost: 32 bytes each way on their direct link.
async fn agree(
    links: &Links<'_>,
    node: usize,
    side: Side,
    other: PartyId,
    rng: &mut impl CryptoRng,
) -> Result<Zeroizing<[u8; 32]>> {
    let mut own = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *own);
    let (to_other, to_me) = (key_channel(node, side), key_channel(node, side.other()));
    let send = links.send(other, &to_other, own.to_vec());
    let theirs = Zeroizing::new(futures::try_join!(send, links.recv(other, &to_me, 32))?.1);
    let (stay, moved): (&[u8], &[u8]) = match side {
        Side::Stay => (&*own, &theirs),
        Side::Moved => (&theirs, &*own),
    };
    let secret = Zeroizing::new([stay, moved].concat());
    let info = [b"conjoin hashed join ".as_slice(), &(node as u64).to_le_bytes()].concat();
    let mut key = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(Some(links.run().query_id()), &secret).expand(&info, &mut *key);
    expanded.map_err(|_| Error::internal("join", "a key cannot be derived"))?;
    Ok(key)
}

fn key_channel(node: usize, from: Side) -> String {
    format!("join/{node}/key/{}", from.name())
}

/// The pseudonyms of all shared rows, in their order.
fn tags(
    key: &[u8; 32],
    identifiers: &[Option<Vec<u8>>],
    rows: &Rows,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>> {
    let keyed =
        Hmac::<Sha256>::new_from_slice(key).map_err(|_| Error::internal("join", "a key cannot be used"))?;
    // Random bytes everywhere first: what is drawn does not depend on which rows have an identifier.
    let mut tags = vec![0; rows.positions.len() * TAG_BYTES];
    rng.fill_bytes(&mut tags);
    for (tag, row) in tags.chunks_exact_mut(TAG_BYTES).zip(&rows.positions) {
        if let Some(Some(identifier)) = row.and_then(|row| identifiers.get(row)) {
            let mut mac = keyed.clone();
            mac.update(identifier);
            tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG_BYTES]);
        }
    }
    Ok(tags)
}

/// The matcher's side: for each row that stays, the row to be moved beside it.
///
/// # Errors
/// Class abort if pseudonyms repeat more often than the plan allows, which an owner that follows the protocol
/// has excluded.
pub(crate) fn pairs(stay: &[u8], moved: &[u8], multiplicity: Multiplicity) -> Result<Vec<Option<u32>>> {
    let too_often = || Error::Abort { step: "join".to_owned(), check: "a pseudonym repeats".to_owned() };
    let mut places = HashMap::with_capacity(moved.len() / TAG_BYTES);
    for (tag, place) in moved.chunks_exact(TAG_BYTES).zip(0u32..) {
        if places.insert(tag, place).is_some() {
            return Err(too_often());
        }
    }
    let pairs: Vec<Option<u32>> = stay.chunks_exact(TAG_BYTES).map(|tag| places.get(tag).copied()).collect();
    if multiplicity == Multiplicity::OneToOne {
        let mut matched: Vec<u32> = pairs.iter().flatten().copied().collect();
        matched.sort_unstable();
        if matched.windows(2).any(|two| two[0] == two[1]) {
            return Err(too_often());
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(value: u8) -> [u8; TAG_BYTES] {
        [value; TAG_BYTES]
    }

    #[test]
    fn pairs_are_found_and_repetitions_abort() {
        let moved = [tag(1), tag(2), tag(3)].concat();
        let stay = [tag(3), tag(9), tag(1)].concat();
        assert_eq!(pairs(&stay, &moved, Multiplicity::OneToOne).unwrap(), [Some(2), None, Some(0)]);
        let twice = [tag(3), tag(3)].concat();
        assert!(pairs(&twice, &moved, Multiplicity::OneToOne).is_err());
        assert_eq!(pairs(&twice, &moved, Multiplicity::ManyToOne).unwrap(), [Some(2), Some(2)]);
        assert!(pairs(&stay, &twice, Multiplicity::ManyToOne).is_err());
        assert!(pairs(&[], &[], Multiplicity::OneToOne).unwrap().is_empty());
    }

    #[test]
    fn repetitions_are_counted_by_identifier() {
        let ids: Vec<Option<Vec<u8>>> = [Some("a"), None, Some("b"), None, Some("a"), Some("a")]
            .map(|id| id.map(|id| id.as_bytes().to_vec()))
            .into();
        assert_eq!(repeated(&ids, 1), 1);
        assert_eq!(repeated(&ids, 2), 1);
        assert_eq!(repeated(&ids, 3), 0);
    }
}
