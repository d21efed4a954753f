//! One party's process: connects to the two others, runs a work, measures and checks.

use std::collections::BTreeSet;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use executor::identity::Identity;
use executor::network::{Link, LinkSettings, Throttle, tls};
use mpc::{Context, Network as _, Seat, seeds};
use planner::catalog::PublicKey;
use tokio::net::TcpListener;

use crate::Failure;
use crate::arguments::Arguments;
use crate::figures::{Figures, cpu_time, peak_kib};
use crate::peers::Peers;
use crate::work::{Inputs, Work};

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes a seat, and prints the figures as one line.
pub(crate) fn run(arguments: &Arguments, seat: Seat) -> Result<(), Failure> {
    let work = *arguments.works.first().ok_or("no work")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let peers = Arc::new(Peers::new(seat, runtime.block_on(connect(arguments, seat))?));
    // As a party does: a query has a thread of its own, and the runtime's threads move messages.
    let _buffers = mpc::keep_buffers();
    let figures = runtime.block_on(measure(arguments, work, &peers))?;
    say(&figures.to_line())
}

async fn measure(arguments: &Arguments, work: &Work, peers: &Arc<Peers>) -> Result<Figures, Failure> {
    let (rows, runs) = (arguments.rows(work), arguments.runs);
    let inputs = work.inputs(rows, peers.seat())?;
    let mut rng: rand::rngs::StdRng = rand::make_rng();
    let seeds = seeds::agree(peers.as_ref(), &[0; 32], &mut rng).await?;
    let ctx = Context::new(Arc::clone(peers) as _, &seeds);
    let mut figures = Figures {
        seconds: Vec::new(),
        cpu_seconds: Vec::new(),
        bytes: 0,
        rounds: 0,
        peak_kib: 0,
        fault: None,
    };
    let mut output = Vec::new();
    for index in 0..=runs {
        drop(std::mem::take(&mut output));
        peers.start(index, index == 0).await?;
        let (start, processor) = (Instant::now(), cpu_time());
        output = once(&ctx, peers, &inputs, index).await?;
        if index > 0 {
            figures.seconds.push(start.elapsed().as_secs_f64());
            figures.cpu_seconds.push(cpu_time().saturating_sub(processor).as_secs_f64());
        } else {
            figures.rounds = peers.rounds();
        }
        figures.bytes = peers.sent();
    }
    figures.peak_kib = peak_kib();
    drop(inputs);
    peers.start(runs + 1, false).await?;
    figures.fault = work.check(&ctx.step("check"), rows, &output).await?.err();
    // Nobody leaves while another one still reads.
    peers.start(runs + 2, false).await?;
    peers.flush().await;
    Ok(figures)
}

async fn once(
    ctx: &Context,
    peers: &Arc<Peers>,
    inputs: &Inputs,
    index: usize,
) -> Result<Vec<mpc::Column>, Failure> {
    let ctx = ctx.step("run").nth(index);
    match inputs {
        Inputs::Shared(protocol, columns) => Ok(protocol(&ctx, columns).await?),
        Inputs::Plain(join) => join.run(&ctx, peers, index).await,
    }
}

/// Meets the two others: the lower seat dials.
async fn connect(arguments: &Arguments, seat: Seat) -> Result<[Option<Link>; 3], Failure> {
    let identity = Identity::generate()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&format!("{} {}", listener.local_addr()?, key_text(identity.public_key())))?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let (addresses, _) = words.as_chunks::<2>();
    let keys = addresses.iter().map(|[_, key]| key_of(key)).collect::<Result<Vec<_>, _>>()?;
    if keys.len() != 3 {
        return Err("the addresses of three parties are needed".into());
    }
    let throttle = arguments.rtt.map(|rtt| Throttle { latency: rtt / 2, bytes_per_second: None });
    let settings = LinkSettings { throttle, ..LinkSettings::default() };
    let mut links = [None, None, None];
    for other in seat.index() + 1..3 {
        let stream = tls::connect(&identity, addresses[other][0], keys[other], PATIENCE).await?;
        links[other] = Some(Link::open(stream, &settings));
    }
    let acceptor =
        tls::Acceptor::new(&identity, keys.iter().take(seat.index()).copied().collect::<BTreeSet<_>>())?;
    for _ in 0..seat.index() {
        let (stream, key) = tls::accept(&acceptor, listener.accept().await?.0, PATIENCE).await?;
        let other = keys.iter().position(|&known| known == key).ok_or("an unknown key")?;
        links[other] = Some(Link::open(stream, &settings));
    }
    Ok(links)
}

fn key_text(key: PublicKey) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    key.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn key_of(text: &str) -> Result<PublicKey, Failure> {
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits)?, 16)?;
    }
    Ok(PublicKey(key))
}

/// Tells the parent process.
fn say(line: &str) -> Result<(), Failure> {
    println!("{line}");
    Ok(std::io::stdout().flush()?)
}
