//! The seeds that neighbours share, and how they agree on them.

use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Channel, Error, Network, Result, Seat};

/// The two seeds of a seat, wiped when dropped.
#[derive(Clone)]
pub struct Seeds {
    /// Shared with the previous neighbour.
    pub previous: Zeroizing<[u8; 16]>,
    /// Shared with the next neighbour.
    pub next: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seeds(..)")
    }
}

/// Agrees with both neighbours on fresh seeds, bound to `query_id`.
///
/// Each side of a pair commits to a random number, then opens it; the seed hashes both numbers, the query id and the
/// pair. Neither side can choose the seed, and no earlier query's messages fit.
/// Functionality: coin tossing.           Paper: Blum, "Coin flipping by telephone" (1981), by hash commitments.
/// Model: semi-honest, and secure against a malicious peer as far as a hash is a random oracle.
/// Cost: 2 rounds, 96 bytes to each neighbour.
///
/// # Errors
/// [`Error::Peer`]; [`Error::Abort`] if a commitment does not open.
pub async fn agree<G: CryptoRng + ?Sized>(
    network: &dyn Network,
    query_id: &[u8; 32],
    rng: &mut G,
) -> Result<Seeds> {
    let seat = network.seat();
    let mut openings = [Zeroizing::new([0; 64]), Zeroizing::new([0; 64])];
    for opening in &mut openings {
        rng.fill_bytes(&mut opening[..]);
    }
    let [to_next, to_previous] = openings;
    let previous = pair(network, query_id, seat.previous(), &to_previous);
    let next = pair(network, query_id, seat.next(), &to_next);
    let (previous, next) = futures::try_join!(previous, next)?;
    Ok(Seeds { previous, next })
}

/// One pair's agreement. `opening` is 32 bytes of contribution and 32 bytes that hide it in the commitment.
async fn pair(
    network: &dyn Network,
    query_id: &[u8; 32],
    peer: Seat,
    opening: &[u8; 64],
) -> Result<Zeroizing<[u8; 16]>> {
    let seat = network.seat();
    let commit = channel(query_id, b"seed commitment");
    let open = channel(query_id, b"seed opening");
    network.trace(commit, &"seeds/commit");
    network.send(peer, commit, commitment(query_id, seat, peer, opening).to_vec()).await?;
    let committed = network.recv(peer, commit).await?;
    network.trace(open, &"seeds/open");
    network.send(peer, open, opening.to_vec()).await?;
    let theirs = Zeroizing::new(network.recv(peer, open).await?);
    let theirs: Zeroizing<[u8; 64]> = Zeroizing::new(theirs.as_slice().try_into().map_err(|_| mismatch())?);
    if !bool::from(commitment(query_id, peer, seat, &theirs)[..].ct_eq(&committed)) {
        return Err(mismatch());
    }
    let (low, high) = if seat < peer { (opening, &*theirs) } else { (&*theirs, opening) };
    let mut hash = Sha256::new();
    hash.update(b"conjoin pairwise seed 1");
    hash.update(query_id);
    hash.update([seat.min(peer) as u8, seat.max(peer) as u8]);
    hash.update(&low[..32]);
    hash.update(&high[..32]);
    let digest = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
    let mut seed = Zeroizing::new([0; 16]);
    seed.copy_from_slice(&digest[..16]);
    Ok(seed)
}

fn commitment(query_id: &[u8; 32], from: Seat, to: Seat, opening: &[u8; 64]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"conjoin seed commitment 1");
    hash.update(query_id);
    hash.update([from as u8, to as u8]);
    hash.update(opening);
    hash.finalize().into()
}

fn channel(query_id: &[u8; 32], purpose: &[u8]) -> Channel {
    let mut hash = Sha256::new();
    hash.update(query_id);
    hash.update(purpose);
    let digest: [u8; 32] = hash.finalize().into();
    let mut low = [0; 8];
    low.copy_from_slice(&digest[..8]);
    Channel(u64::from_le_bytes(low))
}

fn mismatch() -> Error {
    Error::Abort { step: "seeds".to_owned(), check: "a commitment to a seed does not open" }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::SeedableRng;
    use rand_chacha::ChaCha12Rng;

    use super::*;
    use crate::world::{Fate, World};

    #[test]
    fn neighbours_agree_and_a_false_opening_aborts() {
        let seeds = |world: &World| {
            world.run_on_networks(|network: Arc<dyn Network>| async move {
                let mut rng = ChaCha12Rng::seed_from_u64(network.seat() as u64);
                agree(&*network, &[3; 32], &mut rng).await
            })
        };
        let run = seeds(&World::new(1));
        assert_eq!((run.cost().rounds, run.cost().bytes), (2, 192));
        let [a, b, c] = run.outputs().unwrap();
        assert!(a.next == b.previous && b.next == c.previous && c.next == a.previous);
        assert!(a.next != a.previous && b.next != a.next);

        let tampered = World::new(1).with_hook(|message, payload| {
            if message.step == "seeds/open" && message.from == Seat::P0 && message.to == Seat::P1 {
                payload[3] ^= 1;
            }
            Fate::Deliver
        });
        let [_, second, _] = seeds(&tampered).results;
        assert!(matches!(second, Err(Error::Abort { .. })));
    }
}
