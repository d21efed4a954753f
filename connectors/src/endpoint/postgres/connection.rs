//! One client's connection: who it is, what it asks, what it is told.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all messages and errors these matter here")]

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::{Sink, SinkExt as _, stream};
use pgwire::api::auth::{
    DefaultServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{FieldInfo, QueryResponse, Response, Tag};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{
    ClientInfo, ClientPortalStore, ConnectionGuard, ConnectionHandle, ConnectionManager, METADATA_USER,
    PgWireConnectionState, PgWireServerHandlers, PidSecretKeyGenerator as _, RandomPidSecretKeyGenerator,
    Type,
};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::response::NoticeResponse;
use pgwire::messages::startup::Authentication;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};

use super::session_words::{SERVER_VERSION, Said, said};
use super::{rows, values};
use crate::endpoint::session::Session;
use crate::endpoint::{Class, Desk, Error, Query, Result, Rows, Shape, wire};

/// A connection, as the protocol's library is handed it.
pub(super) struct Connection(Arc<Client>);

/// The client at its other end.
pub(super) struct Client {
    desk: Arc<Desk>,
    manager: Arc<ConnectionManager>,
    from: SocketAddr,
    session: OnceLock<Arc<Session>>,
}

/// A prepared statement.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    sql: String,
    shape: Shape,
}

impl Connection {
    pub(super) fn new(desk: Arc<Desk>, manager: Arc<ConnectionManager>, from: SocketAddr) -> Arc<Self> {
        Arc::new(Self(Arc::new(Client { desk, manager, from, session: OnceLock::new() })))
    }

    /// Ends the session.
    pub(super) fn close(&self) {
        if let Some(session) = self.0.session.get() {
            self.0.desk.end(session);
        }
    }
}

impl PgWireServerHandlers for Connection {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.0)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(Extended(Arc::clone(&self.0)))
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.0)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::new(DefaultCancelHandler::new(Arc::clone(&self.0.manager)))
    }
}

impl Client {
    fn session(&self) -> Result<&Arc<Session>> {
        let session = self.session.get().ok_or_else(|| Error::internal("a query before the login"))?;
        session.touch();
        Ok(session)
    }

    /// Checks the password, if one is needed, and opens the session.
    async fn open(&self, user: &str, password: &str) -> Result<()> {
        let analyst = self.desk.login(user, password).await?;
        let session = self.desk.of_connection(&format!("postgres {}", self.from), Some(&analyst))?;
        // A second login on one connection does not happen; if it does, the first counts.
        let _first = self.session.set(session);
        Ok(())
    }

    /// What a statement gives and takes.
    async fn shape(&self, sql: &str) -> Result<Shape> {
        if let Some(said) = said(sql) {
            let columns = if let Said::Value(name, value) = said {
                Some(one_text(&name, &value)?.schema)
            } else {
                None
            };
            return Ok(Shape { columns, ..Shape::default() });
        }
        let session = self.session()?;
        if let Some(found) = session.inner.lookup(&without_values(sql)).await {
            return Ok(Shape { columns: Some(wire::schema(&found?.schema)), ..Shape::default() });
        }
        let shape = session.inner.shape(&Query::new(sql)).await?;
        Ok(Shape { columns: shape.columns.map(|columns| wire::schema(&columns)), ..shape })
    }

    /// Runs a statement.
    async fn run(&self, query: Query, format: Option<&Format>) -> Result<(Response, Vec<String>)> {
        if let Some(said) = said(&query.sql) {
            return Ok((respond(said, format)?, Vec::new()));
        }
        let session = self.session()?;
        if let Some(found) = session.inner.lookup(&with_values(&query)).await {
            return Ok((response(&found?, format)?, Vec::new()));
        }
        let answer = session.run(vec![query]).await?;
        let response = match &answer.rows {
            Some(rows) => response(rows, format)?,
            None => Response::Execution(Tag::new(answer.tag)),
        };
        Ok((response, answer.notices.clone()))
    }
}

fn respond(said: Said, format: Option<&Format>) -> Result<Response> {
    Ok(match said {
        Said::Done(tag) => Response::Execution(Tag::new(tag)),
        Said::Begun => Response::TransactionStart(Tag::new("BEGIN")),
        Said::Ended(tag) => Response::TransactionEnd(Tag::new(tag)),
        Said::Value(name, value) => response(&one_text(&name, &value)?, format)?,
    })
}

fn one_text(name: &str, value: &str) -> Result<Rows> {
    let column: ArrayRef = Arc::new(StringArray::from(vec![value]));
    let batch = RecordBatch::try_from_iter([(name, column)]);
    let batch = batch.map_err(|_| Error::internal("a row of one text"))?;
    Ok(Rows { schema: batch.schema(), batches: vec![batch] })
}

fn response(rows: &Rows, format: Option<&Format>) -> Result<Response> {
    let rows = wire::rows(rows)?;
    let fields = rows::fields(&rows.schema, format);
    let encoded = rows::encode(&rows, &fields)?;
    Ok(Response::Query(QueryResponse::new(Arc::new(fields), stream::iter(encoded.into_iter().map(Ok)))))
}

/// A question about catalogs, with values in place of its parameters: only then it is one text.
fn with_values(query: &Query) -> String {
    let values = query.arguments.as_deref().unwrap_or_default();
    substituted(&query.sql, |index| values.get(index).map(String::as_str))
}

fn without_values(sql: &str) -> String {
    substituted(sql, |_| Some("NULL"))
}

/// A text with what stands for `$1`, `$2`, ... (numbered from 0), where something does. Texts in quotes stay.
fn substituted<'v>(sql: &str, value: impl Fn(usize) -> Option<&'v str>) -> String {
    let mut done = String::with_capacity(sql.len());
    for (place, part) in sql.split('\'').enumerate() {
        if place > 0 {
            done.push('\'');
        }
        let mut pieces = part.split('$');
        done.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = piece.split_at(digits);
            let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            match index.filter(|_| place % 2 == 0).and_then(&value) {
                Some(value) => done.push_str(value),
                None => done.extend(["$", number]),
            }
            done.push_str(rest);
        }
    }
    done
}

/// An error as the protocol carries it. `sql` is the text that its place is in, which begins after `before` characters
/// of the text that the client has sent.
fn failed(error: &Error, sql: &str, before: usize) -> PgWireError {
    let mut info = ErrorInfo::new(
        "ERROR".to_owned(),
        state(error.class).to_owned(),
        format!("{}: {}", error.class.name(), error.message),
    );
    info.hint.clone_from(&error.hint);
    info.position = error.position.map(|place| (before + offset(sql, place) + 1).to_string());
    PgWireError::UserError(Box::new(info))
}

/// The characters before a line and column, both from 1.
fn offset(sql: &str, (line, column): (u64, u64)) -> usize {
    let line = usize::try_from(line.saturating_sub(1)).unwrap_or(0);
    let before: usize = sql.split('\n').take(line).map(|line| line.chars().count() + 1).sum();
    before + usize::try_from(column.saturating_sub(1)).unwrap_or(0)
}

/// The SQLSTATE of a class.
const fn state(class: Class) -> &'static str {
    match class {
        Class::Invalid => "42000",
        Class::Unsupported => "0A000",
        Class::Unauthenticated => "28P01",
        Class::Refused => "42501",
        Class::Source => "HV000",
        Class::Peer => "HV00N",
        Class::Abort => "XX001",
        Class::Resource => "53000",
        Class::Cancelled => "57014",
        Class::Internal => "XX000",
    }
}

fn notice(text: &str) -> PgWireBackendMessage {
    let info = ErrorInfo::new("NOTICE".to_owned(), "00000".to_owned(), text.to_owned());
    PgWireBackendMessage::NoticeResponse(NoticeResponse::from(info))
}

#[async_trait]
impl StartupHandler for Client {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let password = match message {
            PgWireFrontendMessage::Startup(startup) => {
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                if self.desk.needs_login() {
                    client.set_state(PgWireConnectionState::AuthenticationInProgress);
                    let ask = PgWireBackendMessage::Authentication(Authentication::CleartextPassword);
                    return Ok(client.send(ask).await?);
                }
                String::new()
            }
            PgWireFrontendMessage::PasswordMessageFamily(message) => message.into_password()?.password,
            _ => return Ok(()),
        };
        let user = client.metadata().get(METADATA_USER).cloned().unwrap_or_default();
        self.open(&user, &password).await.map_err(|error| match failed(&error, "", 0) {
            PgWireError::UserError(mut info) => {
                "FATAL".clone_into(&mut info.severity);
                PgWireError::UserError(info)
            }
            other => other,
        })?;
        let (pid, key) = RandomPidSecretKeyGenerator::default().generate(client);
        // Connections differ by their ports: one generator for each would count from the same number.
        let pid = pid.wrapping_add(i32::from(self.from.port()));
        client.set_pid_and_secret_key(pid, key.clone());
        let (handle, guard) = self.manager.register(pid, key);
        client.session_extensions().insert::<Arc<ConnectionHandle>>(handle);
        client.session_extensions().insert::<ConnectionGuard>(guard);
        let mut parameters = DefaultServerParameterProvider::default();
        SERVER_VERSION.clone_into(&mut parameters.server_version);
        parameters.is_superuser = false;
        parameters.default_transaction_read_only = true;
        finish_authentication(client, &parameters).await
    }
}

#[async_trait]
impl SimpleQueryHandler for Client {
    async fn do_query<C>(&self, client: &mut C, text: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let statements = self.desk.service.statements(text).map_err(|error| failed(&error, text, 0))?;
        let mut responses = Vec::with_capacity(statements.len());
        for (before, sql) in statements {
            match self.run(Query::new(&sql), None).await {
                Ok((response, notices)) => {
                    for text in notices {
                        client.feed(notice(&text)).await?;
                    }
                    responses.push(response);
                }
                Err(error) => {
                    let PgWireError::UserError(info) = failed(&error, &sql, before) else { continue };
                    // What came before stays answered.
                    responses.push(Response::Error(info));
                    break;
                }
            }
        }
        Ok(responses)
    }
}

/// Prepared statements of a client.
pub(super) struct Extended(Arc<Client>);

#[async_trait]
impl QueryParser for Client {
    type Statement = Prepared;

    async fn parse_sql<C>(
        &self,
        _client: &C,
        sql: &str,
        _types: &[Option<Type>],
    ) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let shape = self.shape(sql).await.map_err(|error| failed(&error, sql, 0))?;
        Ok(Some(Prepared { sql: sql.to_owned(), shape }))
    }

    fn get_parameter_types(&self, prepared: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(kinds(&prepared.shape))
    }

    fn get_result_schema(
        &self,
        prepared: &Prepared,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        let none = Arc::new(Schema::empty());
        Ok(rows::fields(prepared.shape.columns.as_ref().unwrap_or(&none), format))
    }
}

fn kinds(shape: &Shape) -> Vec<Type> {
    shape.parameters.iter().map(|field| rows::kind(field.data_type())).collect()
}

#[async_trait]
impl ExtendedQueryHandler for Extended {
    type Statement = Prepared;
    type QueryParser = Client;

    fn query_parser(&self) -> Arc<Client> {
        Arc::clone(&self.0)
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Prepared>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let Prepared { sql, shape } = &portal.statement.statement;
        let run = async {
            let known = kinds(shape);
            let said = &portal.statement.parameter_types;
            let kind =
                |index: usize| said.get(index).cloned().flatten().or_else(|| known.get(index).cloned());
            let kinds: Vec<Type> =
                (0..portal.parameters.len()).map(|index| kind(index).unwrap_or(Type::UNKNOWN)).collect();
            let arguments = values::constants(&portal.parameters, &portal.parameter_format, &kinds)?;
            let query = Query { sql: sql.clone(), arguments: Some(arguments) };
            self.0.run(query, Some(&portal.result_column_format)).await
        };
        let (response, notices) = run.await.map_err(|error| failed(&error, sql, 0))?;
        for text in notices {
            client.feed(notice(&text)).await?;
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_of_what_was_sent() {
        let error = Error { position: Some((2, 3)), ..Error::invalid("x") };
        let PgWireError::UserError(info) = failed(&error, "SELÉCT\n  y", 10) else { panic!() };
        assert_eq!(info.position.as_deref(), Some("20"));
        assert_eq!((info.code.as_str(), info.message.as_str()), ("42000", "invalid: x"));
    }

    #[test]
    fn values_of_catalog_questions_are_put_in() {
        let query = Query {
            sql: "SELECT $1, $2, $12, '$1', $13".into(),
            arguments: Some((1..=12).map(|n| format!("<{n}>")).collect()),
        };
        assert_eq!(with_values(&query), "SELECT <1>, <2>, <12>, '$1', $13");
        assert_eq!(without_values("SELECT $1, $10 || 'a''$2', $x"), "SELECT NULL, NULL || 'a''$2', $x");
        assert_eq!(without_values("SELECT $1, $2"), "SELECT NULL, NULL");
    }
}
