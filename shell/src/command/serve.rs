//! `conjoin serve`: one party's server.

use std::sync::Arc;

use executor::directory::Directory as Contacts;
use executor::identity::Identity;
use executor::network::LinkSettings;
use executor::party::{Limits, PartyConfig, Tables, serve};
use planner::Class;
use tokio::net::TcpListener;

use crate::cli::Serve;
use crate::config::{Directory, PartyFile};
use crate::data::{FileTables, Sources};
use crate::error::{Failure, Result};
use crate::printer::Printer;
use crate::signals;

pub(super) async fn run(command: Serve, printer: Printer) -> Result<()> {
    let file = PartyFile::read(&command.config)?;
    let directory = Directory::load(&file.federation)?;
    let federation = Arc::clone(&directory.federation);
    directory.validate_views()?;
    let (id, party) = federation.party(&file.name).ok_or_else(|| {
        let names = federation.parties.iter().map(|party| party.name.as_str());
        Failure::invalid(format!("{}: the federation has no party `{}`", command.config.display(), file.name))
            .with_optional_hint(planner::nearest_hint(&file.name, names, "parties"))
    })?;
    check_sources(&file, party)?;
    let address = file.listen.as_ref().or(party.address.as_ref()).ok_or_else(|| {
        Failure::invalid(format!("{}: `listen` is missing", command.config.display()))
            .with_hint("federation.toml gives no address for this party either")
    })?;
    let sources = Sources { named: file.sources.clone(), folder: directory.data_folder(&party.name) };
    let tables = FileTables::new(Arc::clone(&federation), id, sources);
    // A server whose data cannot be used does not open its port.
    for table in &party.tables {
        tables.load(&table.name).await?;
    }
    std::fs::create_dir_all(&file.state)
        .map_err(|error| Failure::invalid(format!("cannot create {}: {error}", file.state.display())))?;
    let name = party.name.clone();
    let config = PartyConfig {
        directory: Contacts::of(&federation)?,
        identity: Arc::new(Identity::load(&file.key)?),
        party: id,
        tables: Arc::new(tables),
        limits: Limits {
            deadline: file.limits.time.unwrap_or(Limits::default().deadline),
            memory_bytes: file.limits.memory_bytes.unwrap_or(Limits::default().memory_bytes),
            ..Limits::default()
        },
        link: LinkSettings::default(),
        audit: Some(file.state.join("audit.jsonl")),
        messages: Arc::new(move |message: &str| printer.owner(&name, message)),
        reports: None,
        federation: Arc::clone(&federation),
    };
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::new(Class::Peer, format!("cannot listen on {address}: {error}")))?;
    let server = serve(config, listener)?;
    printer.status(&format!("{} listens on {}", party.name, server.local_addr));
    signals::ended().await;
    printer.status(&format!("{} ends", party.name));
    server.shutdown().await;
    Ok(())
}

/// Every `[source.TABLE]` must be a table of the policy.
pub(super) fn check_sources(file: &PartyFile, party: &planner::catalog::Party) -> Result<()> {
    for name in file.sources.keys() {
        if !party.tables.iter().any(|table| table.name.to_lowercase() == name.to_lowercase()) {
            let names = party.tables.iter().map(|table| table.name.as_str());
            return Err(Failure::invalid(format!(
                "[source.{name}]: the policy of {} has no such table",
                party.name
            ))
            .with_optional_hint(planner::nearest_hint(name, names, "tables")));
        }
    }
    Ok(())
}
