//! Actions: prepared statements, cancelling, sessions.

use std::sync::Arc;

use arrow::datatypes::Schema;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command, ProstMessageExt,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo, IpcMessage,
    SchemaAsIpc,
};
use prost::Message;

use super::session_messages::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, OptionError, OptionFault, SessionOptionValue,
    SetSessionOptionsRequest, SetSessionOptionsResult,
};
use crate::endpoint::session::Session;
use crate::endpoint::{Desk, Error, Result, wire};

/// The actions that the server knows, with a line about each.
pub(super) const KNOWN: [(&str, &str); 7] = [
    ("CreatePreparedStatement", "Prepares a statement: its result columns and parameters, and a handle."),
    ("ClosePreparedStatement", "Forgets a prepared statement."),
    ("CancelFlightInfo", "Cancels a query at every party."),
    ("CancelQuery", "Cancels a query at every party; the older form."),
    ("SetSessionOptions", "Changes settings of the session."),
    ("GetSessionOptions", "The settings of the session."),
    ("CloseSession", "Ends the session and its queries; a token of it is not valid any more."),
];

/// The option that names the federation.
const CATALOG: &str = "catalog";

/// Does what an action asks for; the body of its result, if it has one.
pub(super) async fn act(
    desk: &Arc<Desk>,
    session: &Arc<Session>,
    action: &Action,
) -> Result<Option<Vec<u8>>> {
    match action.r#type.as_str() {
        "CreatePreparedStatement" => prepare(session, packed(&action.body)?).await.map(Some),
        "ClosePreparedStatement" => {
            let request: ActionClosePreparedStatementRequest = packed(&action.body)?;
            session.close_prepared(&request.prepared_statement_handle);
            Ok(None)
        }
        "CancelFlightInfo" => {
            let request: CancelFlightInfoRequest = plain(&action.body)?;
            let status = cancel(desk, session, &request.info.unwrap_or_default())?;
            Ok(Some(CancelFlightInfoResult::new(status).encode_to_vec()))
        }
        "CancelQuery" => {
            let request: ActionCancelQueryRequest = packed(&action.body)?;
            let status = cancel(desk, session, &plain(&request.info)?)?;
            // The older form has the same numbers.
            Ok(Some(ActionCancelQueryResult { result: status as i32 }.as_any().encode_to_vec()))
        }
        "SetSessionOptions" => Ok(Some(set_options(desk, session, &plain(&action.body)?).encode_to_vec())),
        "GetSessionOptions" => Ok(Some(options(desk, session).encode_to_vec())),
        "CloseSession" => {
            desk.end(session);
            Ok(Some(CloseSessionResult { status: CloseStatus::Closed as i32 }.encode_to_vec()))
        }
        "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => {
            Err(Error::unsupported("a federation is only read: there are no transactions"))
        }
        other => Err(Error::unsupported(format!("there is no action `{other}`"))),
    }
}

/// A message in the envelope of Flight SQL.
fn packed<M: ProstMessageExt>(body: &[u8]) -> Result<M> {
    let any = Any::decode(body).map_err(|_| unreadable())?;
    any.unpack().ok().flatten().ok_or_else(unreadable)
}

fn plain<M: Message + Default>(body: &[u8]) -> Result<M> {
    M::decode(body).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    Error::invalid("the body of the action cannot be read")
}

async fn prepare(session: &Session, request: ActionCreatePreparedStatementRequest) -> Result<Vec<u8>> {
    if request.transaction_id.is_some() {
        return Err(Error::unsupported("a federation is only read: there are no transactions"));
    }
    let (handle, shape) = session.prepare(&request.query).await?;
    // No columns: clients execute the statement as an update.
    let columns = shape.columns.map_or_else(|| Arc::new(Schema::empty()), |columns| wire::schema(&columns));
    let result = ActionCreatePreparedStatementResult {
        prepared_statement_handle: handle.into(),
        dataset_schema: encoded(&columns)?.into(),
        parameter_schema: encoded(&Schema::new(shape.parameters))?.into(),
    };
    Ok(result.as_any().encode_to_vec())
}

fn encoded(schema: &Schema) -> Result<Vec<u8>> {
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into();
    message.map(|message| message.0.to_vec()).map_err(|_| Error::internal("the schema cannot be encoded"))
}

/// Cancels what the endpoints of `info` stand for.
fn cancel(desk: &Desk, session: &Arc<Session>, info: &FlightInfo) -> Result<CancelStatus> {
    let mut status = CancelStatus::NotCancellable;
    for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
        let command = Any::decode(&*ticket.ticket).ok().and_then(|any| Command::try_from(any).ok());
        let Some(Command::TicketStatementQuery(ticket)) = command else { continue };
        if desk.statement(session, &ticket.statement_handle)?.cancel(session) {
            status = CancelStatus::Cancelled;
        }
    }
    Ok(status)
}

fn set_options(
    desk: &Desk,
    session: &Session,
    request: &SetSessionOptionsRequest,
) -> SetSessionOptionsResult {
    let known = session.inner.options();
    let mut errors = std::collections::BTreeMap::new();
    for (name, value) in &request.options {
        let value = value.as_setting();
        let fault = if name == CATALOG {
            (value != Some(desk.service.catalog())).then_some(OptionFault::InvalidValue)
        } else if known.iter().any(|(other, _)| other == name) {
            let set = value.map(|value| session.inner.set_option(name, &value));
            (!matches!(set, Some(Ok(())))).then_some(OptionFault::InvalidValue)
        } else {
            Some(OptionFault::InvalidName)
        };
        if let Some(fault) = fault {
            errors.insert(name.clone(), OptionError { fault: fault as i32 });
        }
    }
    SetSessionOptionsResult { errors }
}

fn options(desk: &Desk, session: &Session) -> GetSessionOptionsResult {
    let catalog = (CATALOG.to_owned(), SessionOptionValue::text(desk.service.catalog()));
    let set = session.inner.options().into_iter();
    let set = set.map(|(name, value)| (name, value.map_or_else(Default::default, SessionOptionValue::text)));
    GetSessionOptionsResult { options: set.chain([catalog]).collect() }
}
