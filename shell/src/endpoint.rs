//! What endpoints ask of the program: sessions of analysts, over the analyst library.

mod catalog;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use connectors::endpoint::{
    Answer, Class, Error, Observer, Progress, Query, QueryService, QuerySession, Result, Rows, Shape, Table,
    TableKind,
};
use executor::analyst::{Connection, Outcome};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use planner::catalog::Federation;
use planner::{Planned, PreparedStatement, SETTINGS, Session as State, SessionChange};

use crate::error::Failure;

/// The analysts' side of a federation, for endpoints.
#[derive(Debug)]
pub struct Analysts(Connection);

impl Analysts {
    /// Sessions that ask the parties of `connection` with its key and time limit.
    pub fn new(connection: &Connection) -> Self {
        Self(connection.clone())
    }
}

impl QueryService for Analysts {
    fn catalog(&self) -> String {
        self.0.federation().name.clone()
    }

    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn statements(&self, text: &str) -> Result<Vec<(usize, String)>> {
        let statements = planner::statements(text).map_err(|fault| error(fault.into()))?;
        let before = |at: planner::Position| {
            let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(0);
            let lines: usize = text.split('\n').take(line).map(|line| line.chars().count() + 1).sum();
            lines + usize::try_from(at.column.saturating_sub(1)).unwrap_or(0)
        };
        Ok(statements.into_iter().map(|statement| (before(statement.position), statement.sql)).collect())
    }

    fn open(&self, analyst: &str) -> Arc<dyn QuerySession> {
        Arc::new(Session(Arc::new(Mutex::new(self.0.for_analyst(analyst)))))
    }
}

/// A session of one analyst. Every query runs on a fork of it, so that several may run at once.
struct Session(Arc<Mutex<Connection>>);

fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl QuerySession for Session {
    fn tables(&self) -> BoxFuture<'static, Result<Vec<Table>>> {
        let fork = locked(&self.0).clone();
        planning(move || Ok(tables(&fork)))
    }

    fn shape(&self, query: &Query) -> BoxFuture<'static, Result<Shape>> {
        let (fork, query) = (locked(&self.0).clone(), query.clone());
        planning(move || shape(fork, &query))
    }

    fn run(&self, query: Query, observer: Observer) -> BoxFuture<'static, Result<Answer>> {
        let session = Arc::clone(&self.0);
        async move {
            let mut fork = locked(&session).clone();
            fork.set_progress(Some(Arc::new(move |at: &executor::analyst::Progress| {
                observer(Progress { fraction: Some(at.fraction()), stage: at.stage_name() });
            })));
            let sql = bound(&mut fork, &query);
            let planned = fork.plan(&sql).await.map_err(error)?;
            let outcome = Box::pin(fork.run(planned)).await.map_err(error)?;
            if let Some(change) = &outcome.change {
                locked(&session).apply(change.clone());
            }
            answer(outcome)
        }
        .boxed()
    }

    fn lookup(&self, sql: &str) -> BoxFuture<'static, Option<Result<Rows>>> {
        if !catalog::is_question(sql) {
            return async { None }.boxed();
        }
        let (fork, sql) = (locked(&self.0).clone(), sql.to_owned());
        async move {
            let name = fork.federation().name.clone();
            let user = fork.session().analyst.clone();
            let tables = planning(move || Ok(tables(&fork))).await;
            Some(match tables {
                Ok(tables) => Box::pin(catalog::answer(&sql, &name, &user, &tables)).await,
                Err(error) => Err(error),
            })
        }
        .boxed()
    }

    fn options(&self) -> Vec<(String, Option<String>)> {
        let session = locked(&self.0);
        let value = |name: &str| session.session().setting(name).map(str::to_owned);
        SETTINGS.iter().map(|setting| (setting.name.to_owned(), value(setting.name))).collect()
    }

    fn set_option(&self, name: &str, value: &str) -> Result<()> {
        let mut session = locked(&self.0);
        let sql = format!("SET {name} = '{}'", value.replace('\'', "''"));
        let planned = session.prepare(&sql).map_err(error)?;
        let Planned::Session(change) = planned.planned() else {
            return Err(Error::invalid(format!("`{name}` is no setting")));
        };
        session.apply(change.clone());
        Ok(())
    }
}

/// Planning computes and waits for nobody: it stays off the threads that serve sockets.
fn planning<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> BoxFuture<'static, Result<T>> {
    async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err(Error::internal("planning was aborted")))
    }
    .boxed()
}

/// The name under which a statement with values is prepared in the fork that runs it.
const BOUND: &str = "endpoint_statement";

/// The text to execute: the statement itself, or, if it has values, its execution as a prepared one.
fn bound(fork: &mut Connection, query: &Query) -> String {
    match query.arguments.as_deref() {
        None | Some([]) => query.sql.clone(),
        Some(arguments) => {
            let prepared = PreparedStatement { name: BOUND.to_owned(), sql: query.sql.clone() };
            fork.apply(SessionChange::Prepare(prepared));
            format!("EXECUTE {BOUND}({})", arguments.join(", "))
        }
    }
}

fn shape(mut fork: Connection, query: &Query) -> Result<Shape> {
    if query.arguments.is_none() {
        let open = planner::open_query(fork.federation(), fork.session(), &query.sql);
        if let Some(open) = open.map_err(|fault| error(fault.into()))? {
            let parameter =
                |(index, kind): (usize, DataType)| Field::new((index + 1).to_string(), kind, true);
            let parameters = open.parameters.into_iter().enumerate().map(parameter).collect();
            return Ok(Shape { columns: Some(open.columns), parameters });
        }
    }
    let sql = bound(&mut fork, query);
    let planned = fork.prepare(&sql).map_err(error)?;
    if matches!(planned.planned(), Planned::Copy { .. }) {
        return Err(copies());
    }
    Ok(Shape { columns: planned.schema(), parameters: Vec::new() })
}

fn answer(outcome: Outcome) -> Result<Answer> {
    if outcome.copy_to.is_some() {
        return Err(copies());
    }
    let tag = outcome.change.as_ref().map_or("SELECT", tag);
    let rows = outcome.rows.map(|rows| Rows { schema: rows.schema, batches: rows.batches });
    Ok(Answer { rows, tag, notices: outcome.notices })
}

fn copies() -> Error {
    Error::new(Class::Refused, "COPY ... TO writes a file of the server: it is refused here")
        .with_hint("fetch the query's rows and write them at your side")
}

fn tag(change: &SessionChange) -> &'static str {
    match change {
        SessionChange::CreateVirtualTable(_) => "CREATE VIRTUAL TABLE",
        SessionChange::DropVirtualTable(_) => "DROP VIRTUAL TABLE",
        SessionChange::Set(..) => "SET",
        SessionChange::Prepare(_) => "PREPARE",
        SessionChange::Deallocate(_) => "DEALLOCATE",
    }
}

/// All tables that a session sees. A virtual table whose query cannot be planned any more has no columns.
fn tables(connection: &Connection) -> Vec<Table> {
    let federation = connection.federation();
    let owned = federation.tables().map(|(party, table)| Table {
        schema: party.name.clone(),
        name: table.name.clone(),
        kind: TableKind::Owned,
        columns: table.schema(),
    });
    let state = connection.session();
    let own = state.virtual_tables.iter().map(|table| (&table.name, &table.sql));
    let shared = federation.views.iter().map(|view| (&view.name, &view.sql));
    let shared =
        shared.filter(|(name, _)| own.clone().all(|(other, _)| other.to_lowercase() != name.to_lowercase()));
    let named = shared.chain(own.clone()).map(|(name, sql)| Table {
        schema: Table::VIRTUAL.to_owned(),
        name: name.clone(),
        kind: TableKind::Virtual,
        columns: columns(federation, state, sql),
    });
    owned.chain(named).collect()
}

fn columns(federation: &Federation, state: &State, sql: &str) -> SchemaRef {
    let bound = planner::bind::bind(federation, state, sql);
    let schema = bound.map(|bound| Arc::new(bound.raw.schema().as_arrow().clone()));
    schema.unwrap_or_else(|_| Arc::new(Schema::empty()))
}

fn error(error: executor::Error) -> Error {
    let cancelled = matches!(error, executor::Error::Cancelled);
    let Failure { class, message, hint, position, .. } = Failure::from(error);
    let class = match class {
        _ if cancelled => Class::Cancelled,
        planner::Class::Invalid => Class::Invalid,
        planner::Class::Refused => Class::Refused,
        planner::Class::Source => Class::Source,
        planner::Class::Peer => Class::Peer,
        planner::Class::Abort => Class::Abort,
        planner::Class::Resource => Class::Resource,
        planner::Class::Internal => Class::Internal,
    };
    Error { class, message, hint, position: position.map(|at| (at.line, at.column)) }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let class = match error.class {
            Class::Invalid | Class::Unsupported => planner::Class::Invalid,
            Class::Refused | Class::Unauthenticated => planner::Class::Refused,
            Class::Source => planner::Class::Source,
            Class::Peer | Class::Cancelled => planner::Class::Peer,
            Class::Abort => planner::Class::Abort,
            Class::Resource => planner::Class::Resource,
            Class::Internal => planner::Class::Internal,
        };
        Failure::new(class, error.message).with_optional_hint(error.hint)
    }
}
