//! The gRPC service: which command is meant, and who asks. Planning and running is the desk's.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "Flight SQL has dozens of commands; what is not supported falls under one rule"
)]

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow::record_batch::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{
    Any, Command, DoPutPreparedStatementResult, DoPutUpdateResult, ProstMessageExt as _, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};

use super::metadata::{self, Catalog};
use super::status::status;
use super::{actions, login};
use crate::endpoint::running::State;
use crate::endpoint::session::{PATIENCE, Session, Statement};
use crate::endpoint::{Answer, Desk, Error, Query, Result, Rows, literal, wire};

/// How long a poll waits for something new.
const PAUSE: Duration = Duration::from_secs(1);

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Service {
    desk: Arc<Desk>,
}

impl Service {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn session<T>(&self, request: &Request<T>) -> Result<Arc<Session>, Status> {
        login::session(&self.desk, request).await.map_err(|error| status(&error))
    }

    /// Plans what a descriptor asks for.
    async fn planned(&self, session: &Arc<Session>, descriptor: &FlightDescriptor) -> Result<Planned> {
        let command = command(&descriptor.cmd)?;
        let queries = match command {
            Command::CommandStatementQuery(command) => vec![Query::new(command.query)],
            Command::CommandPreparedStatementQuery(command) => {
                session.prepared(&command.prepared_statement_handle)?.queries()
            }
            Command::TicketStatementQuery(ticket) => {
                let statement = self.desk.statement(session, &ticket.statement_handle)?;
                let ticket = Ticket::new(ticket.as_any().encode_to_vec());
                return Ok(Planned { schema: told(&statement), ticket, statement: Some(statement) });
            }
            other => {
                let schema = metadata::schema(&other).ok_or_else(|| unsupported(&other))?;
                let ticket = Ticket::new(other.into_any().encode_to_vec());
                return Ok(Planned { schema, ticket, statement: None });
            }
        };
        let (handle, statement) = session.plan(queries).await?;
        if !statement.shape.parameters.is_empty() {
            let wanted = statement.shape.parameters.len();
            return Err(Error::invalid(format!(
                "no values are given for the {wanted} parameters of the statement"
            )));
        }
        let ticket = TicketStatementQuery { statement_handle: handle.into() };
        let ticket = Ticket::new(ticket.as_any().encode_to_vec());
        Ok(Planned { schema: told(&statement), ticket, statement: Some(statement) })
    }

    /// The rows behind a ticket, and what to say about them.
    async fn fetched(&self, session: &Arc<Session>, ticket: &Ticket) -> Result<(Rows, Vec<String>)> {
        match command(&ticket.ticket)? {
            Command::TicketStatementQuery(ticket) => {
                let statement = self.desk.statement(session, &ticket.statement_handle)?;
                let answer = session.start(&statement).answer().await?;
                Ok((sent(&answer)?, answer.notices.clone()))
            }
            command => {
                let tables =
                    if metadata::needs_tables(&command) { session.inner.tables().await? } else { Vec::new() };
                let service = &self.desk.service;
                let catalog = Catalog { name: service.catalog(), version: service.version(), tables };
                let batch = metadata::rows(command, &catalog)?;
                Ok((Rows { schema: batch.schema(), batches: vec![batch] }, Vec::new()))
            }
        }
    }

    /// What a client puts: values of parameters, or a statement without result.
    async fn put(
        &self,
        session: &Arc<Session>,
        command: Command,
        data: Option<FlightRecordBatchStream>,
    ) -> Result<Vec<u8>> {
        let queries = match command {
            Command::CommandPreparedStatementQuery(command) => {
                let handle = command.prepared_statement_handle;
                let rows = match data {
                    Some(data) => arguments(data).await?,
                    None => Vec::new(),
                };
                session.bind(&handle, rows)?;
                let bound = DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
                return Ok(bound.encode_to_vec());
            }
            Command::CommandStatementUpdate(command) => vec![Query::new(command.query)],
            Command::CommandPreparedStatementUpdate(command) => {
                let handle = command.prepared_statement_handle;
                // Without values of its own it takes those that were bound before.
                if let Some(data) = data {
                    session.bind(&handle, arguments(data).await?)?;
                }
                session.prepared(&handle)?.queries()
            }
            Command::CommandStatementIngest(_) => {
                return Err(Error::new(
                    super::Class::Refused,
                    "a federation is only read: nothing can be ingested",
                ));
            }
            other => return Err(unsupported(&other)),
        };
        if session.shape(&queries).await?.columns.is_some() {
            return Err(Error::invalid("this statement gives rows").with_hint("execute it as a query"));
        }
        session.run(queries).await?;
        Ok(DoPutUpdateResult { record_count: 0 }.encode_to_vec())
    }
}

/// What a client may fetch.
struct Planned {
    schema: SchemaRef,
    ticket: Ticket,
    /// `None` for questions about the federation.
    statement: Option<Arc<Statement>>,
}

impl Planned {
    fn info(self, descriptor: Option<FlightDescriptor>) -> Result<FlightInfo> {
        let unencoded = |_| Error::internal("the schema cannot be encoded");
        let info = FlightInfo::new().try_with_schema(&self.schema).map_err(unencoded)?;
        let info = info.with_endpoint(FlightEndpoint::new().with_ticket(self.ticket)).with_ordered(true);
        let info = info.with_total_records(-1).with_total_bytes(-1);
        Ok(match descriptor {
            Some(descriptor) => info.with_descriptor(descriptor),
            None => info,
        })
    }
}

fn command(bytes: &[u8]) -> Result<Command> {
    let unreadable = || Error::invalid("the command cannot be read: it is none of Flight SQL");
    let any = Any::decode(bytes).map_err(|_| unreadable())?;
    Command::try_from(any).map_err(|_| unreadable())
}

fn unsupported(command: &Command) -> Error {
    let name = command.type_url().rsplit('.').next().unwrap_or_default();
    Error::unsupported(format!("`{name}` is not supported"))
}

/// The schema that a client is told.
fn told(statement: &Statement) -> SchemaRef {
    statement.shape.columns.as_ref().map_or_else(outcome_schema, |columns| wire::schema(columns))
}

/// The rows that a client is sent; for a statement without result, one row that says what was done.
fn sent(answer: &Answer) -> Result<Rows> {
    let Some(rows) = &answer.rows else {
        let column: ArrayRef = Arc::new(StringArray::from(vec![answer.tag]));
        let batch = RecordBatch::try_new(outcome_schema(), vec![column]);
        let batch = batch.map_err(|_| Error::internal("the outcome cannot be encoded"))?;
        return Ok(Rows { schema: batch.schema(), batches: vec![batch] });
    };
    wire::rows(rows)
}

fn outcome_schema() -> SchemaRef {
    wire::schema(&Schema::new(vec![Field::new("status", DataType::Utf8, true)]))
}

/// The values of parameters in a stream of batches, row by row.
async fn arguments(data: FlightRecordBatchStream) -> Result<Vec<Vec<String>>> {
    let batches: Vec<RecordBatch> = data
        .try_collect()
        .await
        .map_err(|error| Error::invalid(format!("the parameters cannot be read: {error}")))?;
    literal::constants(&batches)
}

/// What a poll says about a query that has not ended.
fn unfinished(planned: Planned, state: &State) -> Result<PollInfo> {
    let retry = FlightDescriptor::new_cmd(planned.ticket.ticket.clone());
    let mut info = planned.info(None)?;
    // Nothing can be fetched yet without waiting for all.
    info.endpoint.clear();
    let (words, progress) = match state {
        State::Queued(place) => (serde_json::json!({ "state": "queued", "place": place }), Some(0.0)),
        State::Working(progress) => {
            (serde_json::json!({ "state": "running", "stage": progress.stage }), progress.fraction)
        }
        State::Done(_) => (serde_json::json!({ "state": "done" }), Some(1.0)),
    };
    info.app_metadata = words.to_string().into();
    Ok(PollInfo { info: Some(info), flight_descriptor: Some(retry), progress, expiration_time: None })
}

/// A stream of one answer.
fn once<T: Send + 'static>(answer: T) -> Response<Answers<T>> {
    Response::new(Box::pin(stream::iter([Ok(answer)])))
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;
    type DoExchangeStream = Answers<FlightData>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let (headers, _, mut messages) = request.into_parts();
        // Some clients send the login in a header and no message at all.
        let first = if headers.contains_key("authorization") { None } else { messages.message().await? };
        let open = async {
            let (user, password) = login::handshake(&headers, first.as_ref())?;
            let user = self.desk.login(&user, &password).await?;
            self.desk.open(&user)
        };
        let token = open.await.map_err(|error| status(&error))?;
        let payload = token.clone().into();
        let mut response = once(HandshakeResponse { protocol_version: 0, payload });
        let header =
            format!("Bearer {token}").parse().map_err(|_| Status::internal("the token is no header"))?;
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn list_flights(
        &self,
        request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.session(&request).await?;
        Err(status(
            &Error::unsupported("there are no flights to list").with_hint("ask for tables with Flight SQL"),
        ))
    }

    async fn get_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let session = self.session(&request).await?;
        let descriptor = request.into_inner();
        let planned = self.planned(&session, &descriptor).await;
        let info = planned.and_then(|planned| planned.info(Some(descriptor)));
        info.map(Response::new).map_err(|error| status(&error))
    }

    async fn poll_flight_info(
        &self,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        let session = self.session(&request).await?;
        let descriptor = request.into_inner();
        let poll = async {
            let planned = self.planned(&session, &descriptor).await?;
            let Some(statement) = planned.statement.clone() else {
                let info = Some(planned.info(Some(descriptor))?);
                return Ok(PollInfo { info, progress: Some(1.0), ..PollInfo::default() });
            };
            match session.start(&statement).poll(PATIENCE, PAUSE).await {
                State::Done(outcome) => {
                    outcome?;
                    let info = Some(planned.info(None)?);
                    Ok(PollInfo { info, progress: Some(1.0), ..PollInfo::default() })
                }
                state => unfinished(planned, &state),
            }
        };
        poll.await.map(Response::new).map_err(|error| status(&error))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let session = self.session(&request).await?;
        let planned = self.planned(&session, request.get_ref()).await.map_err(|error| status(&error))?;
        let options = IpcWriteOptions::default();
        let schema = SchemaAsIpc::new(&planned.schema, &options).try_into();
        schema.map(Response::new).map_err(|_| Status::internal("the schema cannot be encoded"))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let session = self.session(&request).await?;
        let (rows, notices) =
            self.fetched(&session, request.get_ref()).await.map_err(|error| status(&error))?;
        let mut encoder = FlightDataEncoderBuilder::new().with_schema(rows.schema);
        if !notices.is_empty() {
            encoder = encoder.with_metadata(serde_json::json!({ "notices": notices }).to_string().into());
        }
        let data = encoder.build(stream::iter(rows.batches.into_iter().map(Ok)));
        Ok(Response::new(Box::pin(data.map_err(Status::from))))
    }

    async fn do_put(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        let session = self.session(&request).await?;
        let mut data = request.into_inner();
        let first = data.message().await?.unwrap_or_default();
        let descriptor = first.flight_descriptor.clone().unwrap_or_default();
        let has_values = !first.data_header.is_empty();
        let rest = data.map_err(|error| FlightError::Tonic(Box::new(error)));
        let data = FlightRecordBatchStream::new_from_flight_data(stream::iter([Ok(first)]).chain(rest));
        let data = has_values.then_some(data);
        let put = async { self.put(&session, command(&descriptor.cmd)?, data).await };
        let metadata = put.await.map_err(|error| status(&error))?;
        Ok(once(PutResult { app_metadata: metadata.into() }))
    }

    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        let known = actions::KNOWN.map(|(name, description)| {
            Ok(ActionType { r#type: name.to_owned(), description: description.to_owned() })
        });
        Ok(Response::new(Box::pin(stream::iter(known))))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let session = self.session(&request).await?;
        let done = actions::act(&self.desk, &session, request.get_ref()).await;
        match done.map_err(|error| status(&error))? {
            Some(body) => Ok(once(arrow_flight::Result { body: body.into() })),
            None => Ok(Response::new(Box::pin(stream::empty()))),
        }
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        Err(status(&Error::unsupported("Flight SQL has no exchange")))
    }
}
