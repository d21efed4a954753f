//! A request at all parties, until every seat has given its part of the answer.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{join_all, select_all, try_join_all};
use planner::catalog::Federation;
use planner::plan::PartyId;
use tokio::time::{Duration, Instant, timeout};

use super::progress::Watch;
use crate::directory::{Directory, seats};
use crate::figures::{Figures, Mark, Verdict, nodes_from_text};
use crate::identity::Identity;
use crate::network::{Link, LinkError, LinkSettings, cannot_connect, channel, tls};
use crate::party::mark_name;
use crate::report::Report;
use crate::request::{Agreement, Nonce, Request, query_id, request_hash};
use crate::{Error, Result};

/// How long a party may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

/// After the first sign of a failure, how long the other parties may take to say what they know.
const REPORTS: Duration = Duration::from_millis(300);

/// Who asks whom.
#[derive(Clone)]
pub(crate) struct Peers {
    pub(crate) federation: Arc<Federation>,
    pub(crate) directory: Directory,
    pub(crate) identity: Arc<Identity>,
    pub(crate) link: LinkSettings,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("federation", &self.federation.name).finish_non_exhaustive()
    }
}

/// The answer, still in shares.
#[derive(Debug)]
pub(crate) struct Collected {
    /// For each release, the messages of seats 0, 1, 2.
    pub(crate) releases: Vec<[Vec<u8>; 3]>,
    /// What it took at the seats.
    pub(crate) figures: [Figures; 3],
    /// What each node of the plan took, at the seat where it took most.
    pub(crate) nodes: Vec<Figures>,
}

/// Sends a request and collects `releases` releases, while `watch` is told how far the seats have come. `plan` is the
/// hash of the analyst's own plan. Dropping the future cancels the query at all parties.
pub(crate) async fn submit(
    peers: &Peers,
    request: &Request,
    plan: &[u8; 32],
    releases: usize,
    watch: &Watch,
) -> Result<Collected> {
    let deadline = Instant::now() + request.timeout();
    let late = |_| Error::Deadline { limit: request.timeout() };
    let wire = request.sign(&peers.identity)?;
    let links = connect(peers, &wire);
    let links = tokio::time::timeout_at(deadline, Box::pin(links)).await.map_err(late)??;
    let collected = tokio::time::timeout_at(deadline, Box::pin(links.collect(peers, releases, watch))).await;
    let (collected, verdicts) = collected.map_err(late)??;
    let hash = request_hash(&wire, &peers.identity.public_key());
    check(&verdicts, &hash, plan, peers)?;
    Ok(collected)
}

/// Compares what the seats say was agreed with the analyst's own plan.
fn check(verdicts: &[Verdict], request: &[u8; 32], plan: &[u8; 32], peers: &Peers) -> Result<()> {
    let nonce = |text: &String| {
        let mut nonce = [0; 32];
        hex::decode_to_slice(text, &mut nonce).map(|()| Nonce(nonce))
    };
    let mut faults = Vec::new();
    for (verdict, party) in verdicts.iter().zip(seats(&peers.federation)?) {
        let party = peers.federation.parties.get(party.0).map(|party| party.name.clone()).unwrap_or_default();
        let nonces: Vec<Nonce> = verdict.nonces.iter().filter_map(|text| nonce(text).ok()).collect();
        let own = Agreement::new(&query_id(request, &nonces), plan, &peers.federation);
        let theirs = hex::decode(&verdict.agreement).ok().and_then(|bytes| Agreement::from_bytes(&bytes));
        let theirs = theirs.ok_or_else(|| Error::peer(&party, "its answer cannot be read"))?;
        let counted = (nonces.len() != peers.federation.parties.len()).then_some("number of parties");
        faults.extend(own.differs(&theirs).or(counted).map(|what| (party, what)));
    }
    let all = faults.len() == verdicts.len();
    match faults.into_iter().next() {
        None => Ok(()),
        Some((_, what)) if all => Err(Error::AnalystDiffers { what }),
        Some((party, what)) => Err(Error::Differs { party, what }),
    }
}

async fn connect(peers: &Peers, wire: &[u8]) -> Result<Links> {
    let dial = async |index: usize| {
        let name = || peers.federation.parties.get(index).map(|party| party.name.clone()).unwrap_or_default();
        let contact = peers.directory.parties.get(index);
        let contact = contact.ok_or_else(|| Error::internal("directory", "a party is missing"))?;
        let stream = tls::connect(&peers.identity, &contact.address, contact.key, CONNECT).await;
        Ok::<_, Error>(Link::open(
            stream.map_err(|error| cannot_connect(&name(), &contact.address, &error))?,
            &peers.link,
        ))
    };
    let links = try_join_all((0..peers.federation.parties.len()).map(dial)).await?;
    let names = peers.federation.parties.iter().map(|party| party.name.clone()).collect();
    let links = Links { names, links };
    for link in &links.links {
        // A link that is gone again shows when its answer is awaited.
        let _gone = link.send(channel("request"), wire.to_vec());
    }
    Ok(links)
}

/// One link to every party, in the federation's order.
struct Links {
    names: Vec<String>,
    links: Vec<Link>,
}

/// For each node, the most rounds and the most bytes of any seat.
fn most(verdicts: &[Verdict]) -> Vec<Figures> {
    let mut most: Vec<Figures> = Vec::new();
    for verdict in verdicts {
        let nodes = nodes_from_text(&verdict.nodes);
        most.resize(most.len().max(nodes.len()), Figures::default());
        for (most, node) in most.iter_mut().zip(nodes) {
            most.rounds = most.rounds.max(node.rounds);
            most.sent_bytes = most.sent_bytes.max(node.sent_bytes);
        }
    }
    most
}

impl Links {
    async fn collect(
        &self,
        peers: &Peers,
        releases: usize,
        watch: &Watch,
    ) -> Result<(Collected, Vec<Verdict>)> {
        let seats = seats(&peers.federation)?;
        let parts = try_join_all(seats.map(|party| self.part(party, releases)));
        let any_ended = select_all(self.links.iter().map(|link| link.ended().boxed()));
        let parts = tokio::select! {
            biased;
            parts = parts => parts,
            _ = any_ended => Err(None),
            () = self.follow(seats[0], watch) => Err(None),
        };
        let parts = match parts {
            Ok(parts) => parts,
            Err(Some(error)) => return Err(error),
            Err(None) => return Err(self.failure().await),
        };
        let mut verdicts = Vec::with_capacity(3);
        let mut messages = Vec::with_capacity(3);
        for (verdict, part) in parts {
            verdicts.push(verdict);
            messages.push(part.into_iter());
        }
        let figures: Vec<Figures> = verdicts.iter().map(|verdict| verdict.figures).collect();
        let figures =
            <[Figures; 3]>::try_from(figures).map_err(|_| Error::internal("collect", "three seats"))?;
        let nodes = most(&verdicts);
        let mut next = || messages.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>().try_into().ok();
        let releases = (0..releases).map_while(|_| next()).collect();
        Ok((Collected { releases, figures, nodes }, verdicts))
    }

    /// Passes on what seat 0 says about how far it has come, until its link has ended.
    async fn follow(&self, seat: PartyId, watch: &Watch) {
        let Some(link) = self.links.get(seat.0) else { return std::future::pending().await };
        for number in 0.. {
            let Ok(mark) = link.recv(channel(&mark_name(number))).await else { break };
            if let Some(mark) = Mark::from_bytes(&mark) {
                watch.mark(mark);
            }
        }
        // What that means is for the others to say.
        std::future::pending::<()>().await;
    }

    /// What one seat sends. The error is `None` where the reason is for [`Links::failure`] to find.
    async fn part(&self, party: PartyId, releases: usize) -> Result<(Verdict, Vec<Vec<u8>>), Option<Error>> {
        let link = self.links.get(party.0).ok_or(None)?;
        let verdict = link.recv(channel("verdict")).await.map_err(|_| None)?;
        let verdict = serde_json::from_slice(&verdict);
        let unreadable = |_| Some(Error::peer(self.name(party), "its answer cannot be read"));
        let verdict = verdict.map_err(unreadable)?;
        let mut messages = Vec::with_capacity(releases);
        for index in 0..releases {
            messages.push(link.recv(channel(&format!("release {index}"))).await.map_err(|_| None)?);
        }
        Ok((verdict, messages))
    }

    /// The one error to show, when something has ended the query: parties report what they know for a moment more.
    async fn failure(&self) -> Error {
        let _late = timeout(REPORTS, join_all(self.links.iter().map(|link| link.ended().map(drop)))).await;
        let ended =
            self.links.iter().zip(&self.names).filter_map(|(link, name)| Some((link.end_reason()?, name)));
        let causes = ended.map(|(reason, name)| match reason {
            LinkError::Report(report) => {
                let (error, relayed) = Report::to_error(&report, name);
                (rank(&error, relayed), error)
            }
            LinkError::KeyRefused => {
                let error = Error::Key { party: name.clone(), ours: true };
                (rank(&error, false), error)
            }
            LinkError::Closed(_) | LinkError::Misbehaved(_) => {
                (CLOSED, Error::peer(name, reason.to_string()))
            }
        });
        let first = causes.min_by_key(|(rank, _)| *rank);
        first.map_or_else(|| Error::internal("collect", "nothing has ended"), |(_, error)| error)
    }

    fn name(&self, party: PartyId) -> &str {
        self.names.get(party.0).map_or("?", String::as_str)
    }
}

/// The rank of a connection that closed without a report.
const CLOSED: u8 = 3;

/// Which report explains a failure best: a failed security check, then any cause, then lost connections, then what is
/// only passed on.
fn rank(error: &Error, relayed: bool) -> u8 {
    match (relayed, error.class()) {
        (false, planner::Class::Abort) => 0,
        (false, planner::Class::Peer) => 2,
        (false, _) => 1,
        (true, _) => CLOSED + 1,
    }
}
