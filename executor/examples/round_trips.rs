//! Measures what a dependent round costs over TLS on loopback: `cargo run --release -p executor --example round_trips`.
//!
//! Two programs' worth of threads, each blocking on its own future as a party's protocol does, exchange short messages
//! whose next one depends on the last; then each sends the other one large column.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use executor::identity::Identity;
use executor::network::{Link, LinkSettings, tls};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

const ROUNDS: u64 = 20_000;
const COLUMN_BYTES: usize = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (a, b) = runtime.block_on(pair())?;
    let start = Instant::now();
    both(runtime.handle(), [&a, &b], async |link| {
        for round in 0..ROUNDS {
            link.send(round, vec![0; 64])?;
            link.recv(round).await?;
        }
        Ok(())
    })?;
    let round = start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(ROUNDS)?);
    let start = Instant::now();
    both(runtime.handle(), [&a, &b], async |link| {
        link.send(ROUNDS, vec![0; COLUMN_BYTES])?;
        link.recv(ROUNDS).await?;
        Ok(())
    })?;
    let rate = f64::from(u32::try_from(COLUMN_BYTES >> 20)?) / start.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "one round: {round:.1} us; both directions at once: {rate:.0} MiB/s each")?;
    Ok(())
}

async fn pair() -> Result<(Link, Link), Box<dyn Error>> {
    let (a, b) = (Identity::generate()?, Identity::generate()?);
    let patience = Duration::from_secs(5);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let acceptor = tls::Acceptor::new(&b, BTreeSet::from([a.public_key()]))?;
    let accept = async { tls::accept(&acceptor, listener.accept().await?.0, patience).await };
    let (dialled, accepted) = tokio::try_join!(tls::connect(&a, &address, b.public_key(), patience), accept)?;
    let settings = LinkSettings::default();
    Ok((Link::open(dialled, &settings), Link::open(accepted.0, &settings)))
}

fn both<F>(runtime: &Handle, links: [&Link; 2], side: F) -> Result<(), String>
where
    F: AsyncFn(&Link) -> Result<(), executor::network::LinkError> + Sync,
{
    std::thread::scope(|scope| {
        let threads = links.map(|link| scope.spawn(|| runtime.block_on(side(link))));
        threads
            .map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned()))
            .into_iter()
            .try_for_each(|result| result?.map_err(|error| error.to_string()))
    })
}
