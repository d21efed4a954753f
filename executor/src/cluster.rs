//! All parties of a federation in this process, over real sockets, with keys made for the run.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use planner::catalog::Federation;
use planner::plan::PartyId;
use tokio::net::TcpListener;

use crate::analyst::Connection;
use crate::directory::{Contact, Directory, KnownAnalyst};
use crate::identity::Identity;
use crate::network::LinkSettings;
use crate::party::job::{Engine, Secure};
use crate::party::{Limits, PartyConfig, Reports, ServerHandle, Tables, serve_with};
use crate::{Error, Result};

/// Takes the messages of owners: the party's name and the message.
pub type OwnerMessages = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// How a cluster runs.
#[derive(Clone)]
pub struct ClusterOptions {
    /// Limits of every party.
    pub limits: Limits,
    /// How all links behave.
    pub link: LinkSettings,
    /// The folder that gets an audit file per party.
    pub audit: Option<PathBuf>,
    /// Where owners' messages go.
    pub messages: OwnerMessages,
    /// Who is told what each query sent.
    pub reports: Option<Reports>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        ClusterOptions {
            limits: Limits::default(),
            link: LinkSettings::default(),
            audit: None,
            messages: Arc::new(|party, message| tracing::info!(party, message)),
            reports: None,
        }
    }
}

impl fmt::Debug for ClusterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterOptions").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The running parties. All end when it is dropped.
pub struct Cluster {
    federation: Arc<Federation>,
    directory: Directory,
    analyst: Arc<Identity>,
    configs: Vec<PartyConfig>,
    servers: Vec<Option<ServerHandle>>,
    engine: Arc<dyn Engine>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("federation", &self.federation.name).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Starts every party on a port of the loopback interface that the system chooses. `tables` are those of each party,
    /// in the federation's order. Addresses and keys of the federation's file are not used, and any name is an analyst.
    ///
    /// # Errors
    /// [`Error::Configuration`] if there are no sockets or `tables` has another length.
    pub async fn start(
        federation: Arc<Federation>,
        tables: Vec<Arc<dyn Tables>>,
        options: ClusterOptions,
    ) -> Result<Self> {
        Cluster::start_with(federation, tables, options, Arc::new(Secure)).await
    }

    pub(crate) async fn start_with(
        federation: Arc<Federation>,
        tables: Vec<Arc<dyn Tables>>,
        options: ClusterOptions,
        engine: Arc<dyn Engine>,
    ) -> Result<Self> {
        if tables.len() != federation.parties.len() {
            return Err(Error::Configuration("every party needs its tables, even if it has none".to_owned()));
        }
        let analyst = Arc::new(Identity::generate()?);
        let analysts = vec![KnownAnalyst { name: None, key: analyst.public_key() }];
        let mut directory = Directory { parties: Vec::new(), analysts };
        let mut bound = Vec::new();
        for _ in &tables {
            let (identity, listener) = (Arc::new(Identity::generate()?), listen("127.0.0.1:0").await?);
            let address = listener.local_addr().map_err(|error| no_socket(&error))?;
            directory.parties.push(Contact { address: address.to_string(), key: identity.public_key() });
            bound.push((identity, listener));
        }
        let mut cluster =
            Cluster { federation, directory, analyst, configs: Vec::new(), servers: Vec::new(), engine };
        for ((index, (identity, listener)), tables) in bound.into_iter().enumerate().zip(tables) {
            let config = cluster.config(index, identity, tables, &options);
            cluster.configs.push(config.clone());
            cluster.servers.push(Some(serve_with(config, listener, Arc::clone(&cluster.engine))?));
        }
        Ok(cluster)
    }

    /// A session of an analyst of this name.
    pub fn connection(&self, analyst: &str) -> Connection {
        let (federation, directory) = (Arc::clone(&self.federation), self.directory.clone());
        let link = self.configs.first().map(|config| config.link).unwrap_or_default();
        Connection::new(federation, directory, Arc::clone(&self.analyst), analyst, link)
    }

    /// The federation.
    pub fn federation(&self) -> &Arc<Federation> {
        &self.federation
    }

    /// Ends one party, as when its machine goes down.
    pub async fn stop(&mut self, party: PartyId) {
        if let Some(server) = self.servers.get_mut(party.0).and_then(Option::take) {
            server.shutdown().await;
        }
    }

    /// Starts a party that was ended, at its old address.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the address is taken.
    pub async fn restart(&mut self, party: PartyId) -> Result<()> {
        self.stop(party).await;
        let address = self.directory.parties.get(party.0).map(|contact| contact.address.clone());
        let (Some(config), Some(address)) = (self.configs.get(party.0).cloned(), address) else {
            return Err(Error::Configuration("there is no such party".to_owned()));
        };
        let listener = listen(&address).await?;
        let server = serve_with(config, listener, Arc::clone(&self.engine))?;
        if let Some(place) = self.servers.get_mut(party.0) {
            *place = Some(server);
        }
        Ok(())
    }

    /// Where a party listens.
    pub fn address(&self, party: PartyId) -> Option<SocketAddr> {
        self.servers.get(party.0)?.as_ref().map(|server| server.local_addr)
    }

    /// Cancels all queries and ends all parties, within five seconds.
    pub async fn shutdown(self) {
        futures::future::join_all(self.servers.into_iter().flatten().map(ServerHandle::shutdown)).await;
    }

    fn config(
        &self,
        index: usize,
        identity: Arc<Identity>,
        tables: Arc<dyn Tables>,
        options: &ClusterOptions,
    ) -> PartyConfig {
        let name = self.federation.parties.get(index).map(|party| party.name.clone()).unwrap_or_default();
        let audit = options.audit.as_ref().map(|folder| folder.join(format!("{name}.jsonl")));
        let messages = Arc::clone(&options.messages);
        PartyConfig {
            federation: Arc::clone(&self.federation),
            party: PartyId(index),
            identity,
            directory: self.directory.clone(),
            tables,
            limits: options.limits,
            link: options.link,
            audit,
            messages: Arc::new(move |message| messages(&name, message)),
            reports: options.reports.clone(),
        }
    }
}

async fn listen(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| no_socket(&error))
}

fn no_socket(error: &std::io::Error) -> Error {
    Error::Configuration(format!("no socket on the loopback interface: {error}"))
}

#[cfg(test)]
mod tests;
