//! `conjoin flight`, `conjoin serve-pg` and `--flight`: servers for BI tools, notebooks and programs.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use connectors::endpoint::flight::Tls;
use connectors::endpoint::{Desk, DeskOptions, Users, flight, postgres};
use planner::Class;
use tokio::net::TcpListener;

use crate::asker::Asker;
use crate::cli::{Flight, ServePg, Target};
use crate::config::{AnalystFile, Directory, FlightFile};
use crate::endpoint::Analysts;
use crate::error::{Failure, Result};
use crate::printer::Printer;
use crate::signals;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    FlightSql,
    Postgres,
}

pub(super) async fn run(command: Flight, printer: Printer) -> Result<()> {
    start(Protocol::FlightSql, &command.target, &command.analyst, &command.listen, printer).await
}

pub(super) async fn run_postgres(command: ServePg, printer: Printer) -> Result<()> {
    start(Protocol::Postgres, &command.target, &command.analyst, &command.listen, printer).await
}

async fn start(
    protocol: Protocol,
    target: &Target,
    analyst: &str,
    listen: &str,
    printer: Printer,
) -> Result<()> {
    if let Some(dir) = &target.local {
        let asker = Asker::local(&Directory::load(dir)?, analyst, printer).await?;
        return without_login(protocol, asker, listen, analyst, printer).await;
    }
    let path = target.config.as_ref();
    let path = path.ok_or_else(|| Failure::invalid("--config or --local is missing"))?;
    let file = AnalystFile::read(path)?;
    let asker = Asker::remote(&Directory::load(&file.federation)?, &file)?;
    let users = Users::new(file.flight.users.iter().cloned())?;
    let options = DeskOptions { users, analyst: file.name.clone(), max_queries: file.flight.max_queries };
    let tls = file.flight.tls()?;
    let listener = bind(listen).await?;
    if !is_loopback(&listener)? {
        check_public(path, &file.flight, tls.as_ref())?;
    }
    serve(protocol, asker, listener, options, tls, printer).await
}

/// `--flight`: Flight SQL on a loopback address, in plaintext and without login.
pub(super) async fn beside(asker: Asker, listen: &str, analyst: &str, printer: Printer) -> Result<()> {
    without_login(Protocol::FlightSql, asker, listen, analyst, printer).await
}

async fn without_login(
    protocol: Protocol,
    asker: Asker,
    listen: &str,
    analyst: &str,
    printer: Printer,
) -> Result<()> {
    let listener = bind(listen).await?;
    if !is_loopback(&listener)? {
        return Err(Failure::invalid(format!(
            "{listen} is not a loopback address: anybody could ask without a login"
        ))
        .with_hint("127.0.0.1:8815; with --config analyst.toml others are served, with TLS and logins"));
    }
    let max_queries = FlightFile::MAX_QUERIES;
    let options = DeskOptions { users: Users::default(), analyst: analyst.to_owned(), max_queries };
    serve(protocol, asker, listener, options, None, printer).await
}

async fn serve(
    protocol: Protocol,
    asker: Asker,
    listener: TcpListener,
    options: DeskOptions,
    tls: Option<Tls>,
    printer: Printer,
) -> Result<()> {
    let address = listener.local_addr().map_err(|error| socket(&error))?;
    let desk = Desk::new(Arc::new(Analysts::new(asker.connection())), options);
    let end = async {
        // A server that was told to end has done its work: the exit code is 0.
        let _signal = signals::ended().await;
    };
    let served = match protocol {
        Protocol::FlightSql => {
            let scheme = if tls.is_some() { "grpc+tls" } else { "grpc" };
            printer.status(&format!("Flight SQL on {scheme}://{address}"));
            flight::serve(listener, desk, tls, end).await
        }
        Protocol::Postgres => {
            printer.status(&format!("PostgreSQL on postgresql://{address}"));
            postgres::serve(listener, desk, tls, end).await
        }
    };
    asker.finish().await;
    Ok(served?)
}

/// Whoever can be reached from elsewhere needs TLS, and must know who asks.
fn check_public(path: &Path, flight: &FlightFile, tls: Option<&Tls>) -> Result<()> {
    let path = path.display();
    let Some(tls) = tls else {
        return Err(Failure::invalid(format!("{path}: [flight] `tls_cert` and `tls_key` are missing"))
            .with_hint("without TLS only a loopback address such as 127.0.0.1:8815 is served"));
    };
    if flight.users.is_empty() && tls.client_authority.is_none() {
        return Err(Failure::invalid(format!("{path}: there is no [[flight.user]]: anybody could ask"))
            .with_hint(
                "`conjoin init user NAME` writes one; `tls_client_ca` lets in clients with a certificate",
            ));
    }
    Ok(())
}

async fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| {
        // What is no address is a mistake on the command line.
        let class = if error.kind() == ErrorKind::InvalidInput { Class::Invalid } else { Class::Peer };
        Failure::new(class, format!("cannot listen on {listen}: {error}"))
    })
}

fn is_loopback(listener: &TcpListener) -> Result<bool> {
    listener.local_addr().map(|address| address.ip().is_loopback()).map_err(|error| socket(&error))
}

fn socket(error: &std::io::Error) -> Failure {
    Failure::new(Class::Peer, format!("the socket failed: {error}"))
}
