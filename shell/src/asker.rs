//! Who answers: the parties' servers, or parties of this process.

use std::sync::Arc;
use std::time::Duration;

use executor::analyst::{Connection, Outcome, ProgressHook, Query};
use executor::cluster::{Cluster, ClusterOptions};
use executor::directory::Directory as Contacts;
use executor::identity::Identity;
use executor::network::LinkSettings;
use executor::party::Tables;
use planner::SessionChange;
use planner::plan::PartyId;

use crate::config::{AnalystFile, Directory};
use crate::data::{FileTables, Sources};
use crate::error::{Failure, Result};
use crate::printer::Printer;

/// An analyst's session, and the parties if they run in this process.
#[derive(Debug)]
pub struct Asker {
    connection: Connection,
    /// Its servers end when it is dropped.
    cluster: Option<Cluster>,
    planning_only: bool,
}

impl Asker {
    /// Starts all parties of a directory in this process, over loopback sockets, with keys made for the run. Owners'
    /// messages go to standard error.
    ///
    /// # Errors
    /// Class invalid if a virtual table of the federation is broken or there are no sockets.
    pub async fn local(directory: &Directory, analyst: &str, printer: Printer) -> Result<Self> {
        let federation = &directory.federation;
        directory.validate_views()?;
        let tables = federation.parties.iter().enumerate().map(|(index, party)| {
            let sources = Sources { folder: directory.data_folder(&party.name), ..Sources::default() };
            let tables = FileTables::new(Arc::clone(federation), PartyId(index), sources);
            Arc::new(tables) as Arc<dyn Tables>
        });
        let options = ClusterOptions {
            messages: Arc::new(move |party: &str, message: &str| printer.owner(party, message)),
            ..ClusterOptions::default()
        };
        let cluster = Cluster::start(Arc::clone(federation), tables.collect(), options).await?;
        let connection = cluster.connection(analyst);
        Ok(Self { connection, cluster: Some(cluster), planning_only: false })
    }

    /// A session with the servers that the federation's file lists. Connects when a query needs it.
    ///
    /// # Errors
    /// Class invalid: the key cannot be read, or the file lacks addresses or keys.
    pub fn remote(directory: &Directory, file: &AnalystFile) -> Result<Self> {
        let federation = Arc::clone(&directory.federation);
        directory.validate_views()?;
        let contacts = Contacts::of(&federation)?;
        let identity = Arc::new(Identity::load(&file.key)?);
        let mut connection =
            Connection::new(federation, contacts, identity, &file.name, LinkSettings::default());
        if let Some(time) = file.limits.time {
            connection.set_timeout(time);
        }
        if let Some(memory_bytes) = file.limits.memory_bytes {
            connection.set_memory(memory_bytes);
        }
        Ok(Self { connection, cluster: None, planning_only: false })
    }

    /// A session that plans and explains, and asks nobody.
    ///
    /// # Errors
    /// Class invalid if a virtual table of the federation is broken.
    pub fn planning(directory: &Directory, analyst: &str) -> Result<Self> {
        let federation = Arc::clone(&directory.federation);
        directory.validate_views()?;
        let nobody = Contacts { parties: Vec::new(), analysts: Vec::new() };
        let identity = Arc::new(Identity::generate()?);
        let connection = Connection::new(federation, nobody, identity, analyst, LinkSettings::default());
        Ok(Self { connection, cluster: None, planning_only: true })
    }

    /// The session.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// How long a statement may take.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.connection.set_timeout(timeout);
    }

    /// Who is told how far queries have come.
    pub fn set_progress(&mut self, progress: Option<ProgressHook>) {
        self.connection.set_progress(progress);
    }

    /// Plans one statement; asks nobody.
    ///
    /// # Errors
    /// Class invalid, refused or resource.
    pub fn prepare(&self, sql: &str) -> Result<Query> {
        Ok(self.connection.prepare(sql)?)
    }

    /// What a query's result columns are about, for people.
    pub fn titles(&self, sql: &str) -> Vec<planner::bind::Title> {
        planner::bind::titles(self.connection.federation(), self.connection.session(), sql)
    }

    /// Changes the session as a statement's plan says.
    pub fn apply(&mut self, change: SessionChange) {
        self.connection.apply(change);
    }

    /// Runs one statement. Dropping the future cancels it at every party.
    ///
    /// # Errors
    /// Of every class; nothing of the session has changed then.
    pub async fn ask(&mut self, sql: &str) -> Result<Outcome> {
        if self.planning_only && self.connection.plan(sql).await?.asks_parties() {
            return Err(Failure::invalid("`explain` runs nothing").with_hint("use `conjoin run`"));
        }
        Ok(Box::pin(self.connection.execute(sql)).await?)
    }

    /// Ends the parties of this process, if there are any.
    pub async fn finish(self) {
        if let Some(cluster) = self.cluster {
            cluster.shutdown().await;
        }
    }
}
