//! Rows that planning alone gives: SHOW and DESCRIBE.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;

use crate::bind::lineage::declared;
use crate::catalog::{Column, Domain, Federation, Table, Use};
use crate::error::{Error, Result};
use crate::function::registry::{self, Listed};
use crate::function::table::{self as table_functions, Spec};
use crate::nearest::{hint, same_name};
use crate::session::{SETTINGS, Session};

/// `SHOW TABLES`: tables of owners, then virtual tables.
pub(crate) fn tables(federation: &Federation, session: &Session) -> Result<RecordBatch> {
    let mut rows: Vec<[Option<String>; 3]> = Vec::new();
    let mut max_rows: Vec<Option<i64>> = Vec::new();
    for (party, table) in federation.tables() {
        let name = format!("{}.{}", party.name, table.name);
        rows.push([Some(name), Some("table".to_owned()), Some(party.name.clone())]);
        max_rows.push(i64::try_from(table.max_rows).ok());
    }
    let shadowed = |name: &str| session.virtual_tables.iter().any(|table| same_name(&table.name, name));
    for view in federation.views.iter().filter(|view| !shadowed(&view.name)) {
        rows.push([Some(view.name.clone()), Some("virtual table".to_owned()), None]);
    }
    for table in &session.virtual_tables {
        rows.push([Some(table.name.clone()), Some("virtual table of the session".to_owned()), None]);
    }
    max_rows.resize(rows.len(), None);
    let names = texts(&["table", "kind", "owner"], &rows)?;
    let field = Arc::new(Field::new("max_rows", DataType::Int64, true));
    let fields: Vec<_> = names.schema().fields().iter().cloned().chain([field]).collect();
    let numbers: ArrayRef = Arc::new(Int64Array::from(max_rows));
    let arrays = names.columns().iter().cloned().chain([numbers]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|_| Error::internal("rows of SHOW TABLES"))
}

/// `SHOW FUNCTIONS`: each with where it runs: at an owner (over its rows, in the clear), across owners (over rows of several
/// of them and over aggregates, on shares), over results (at the analyst, over what was released).
pub(crate) fn functions() -> Result<RecordBatch> {
    let row = |one: Listed| [Some(one.name), Some(one.kind.to_owned()), Some(one.runs), Some(one.doc)];
    let rows: Vec<[Option<String>; 4]> = registry::listing().into_iter().map(row).collect();
    texts(&["function", "kind", "runs", "description"], &rows)
}

/// `DESCRIBE FUNCTION name`: what it is, its arguments, the columns it returns, an example, what it discloses.
pub(crate) fn function(name: &str) -> Result<RecordBatch> {
    let columns = ["part", "name", "type", "default", "description"];
    let Some(spec) = table_functions::find(name) else {
        let Listed { name, kind, runs, doc } = registry::described(name)?;
        let row = |part: &str, name, kind, doc| [Some(part.to_owned()), name, kind, None, Some(doc)];
        let function = row("function", Some(name), Some(kind.to_owned()), doc);
        return texts(&columns, &[function, row("runs", None, None, runs)]);
    };
    texts(&columns, &described(spec))
}

/// The rows of `DESCRIBE FUNCTION` for a table function.
fn described(spec: &Spec) -> Vec<[Option<String>; 5]> {
    let text = |text: &str| Some(text.to_owned());
    let mut rows = vec![[text("function"), text(spec.name), text("table"), None, text(spec.doc)]];
    for parameter in spec.parameters {
        let (takes, preset) = (parameter.kind.shown(), parameter.preset.shown());
        rows.push([text("argument"), text(parameter.name), Some(takes), preset, text(parameter.doc)]);
    }
    for (name, column_type) in spec.columns {
        rows.push([text("column"), text(name), Some(column_type.shown()), None, None]);
    }
    rows.push([text("example"), None, None, None, text(spec.example)]);
    rows.push([text("discloses"), None, None, None, text(spec.discloses)]);
    rows
}

/// `SHOW ALL` and `SHOW name`.
pub(crate) fn settings(session: &Session, name: Option<&str>) -> Result<RecordBatch> {
    if let Some(name) = name
        && !SETTINGS.iter().any(|setting| same_name(setting.name, name))
    {
        let names = SETTINGS.iter().map(|setting| setting.name);
        return Err(Error::invalid(format!("unknown setting `{name}`")).with_hint(hint(
            name,
            names.chain(["TABLES", "FUNCTIONS", "ALL"]),
            "settings",
        )));
    }
    let shown = SETTINGS.iter().filter(|setting| name.is_none_or(|name| same_name(setting.name, name)));
    let rows: Vec<[Option<String>; 3]> = shown
        .map(|setting| {
            let value = session.setting(setting.name).map(str::to_owned);
            [Some(setting.name.to_owned()), value, Some(setting.description.to_owned())]
        })
        .collect();
    texts(&["name", "value", "description"], &rows)
}

/// `DESCRIBE party.table`.
pub(crate) fn table(table: &Table) -> Result<RecordBatch> {
    let row = |(index, column)| Described {
        declared: Some(column),
        rows: table.keys.iter().find(|key| key.columns == [index]).map(|key| key.max_rows),
        ..Described::of(column)
    };
    describe(&table.columns.iter().enumerate().map(row).collect::<Vec<_>>())
}

/// `DESCRIBE` of a virtual table: the columns of its query; what owners declare of those that are theirs untouched.
pub(crate) fn query(plan: &LogicalPlan, federation: &Federation) -> Result<RecordBatch> {
    let row = |(index, field): (usize, &Arc<Field>)| Described {
        name: field.name().clone(),
        sql_type: sql_type(field.data_type()),
        nullable: field.is_nullable(),
        declared: declared(plan, index, federation),
        rows: None,
    };
    describe(&plan.schema().fields().iter().enumerate().map(row).collect::<Vec<_>>())
}

/// A row of DESCRIBE.
struct Described<'c> {
    name: String,
    sql_type: String,
    nullable: bool,
    declared: Option<&'c Column>,
    /// The most rows with the same value, where that is declared.
    rows: Option<u64>,
}

impl Described<'_> {
    fn of(column: &Column) -> Self {
        let (name, sql_type) = (column.name.clone(), column.sql_type.to_string());
        Described { name, sql_type, nullable: column.nullable, declared: None, rows: None }
    }

    /// Its values, and how many rows may have the same.
    fn domain(&self) -> Option<String> {
        let rows = self
            .rows
            .map(|rows| format!("at most {rows} {} a value", if rows == 1 { "row" } else { "rows" }));
        let parts: Vec<String> = self.declared.and_then(domain).into_iter().chain(rows).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn describe(rows: &[Described<'_>]) -> Result<RecordBatch> {
    let text = |of: &dyn Fn(&Described<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let nullable: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.nullable)).collect::<BooleanArray>());
    let arrays = vec![
        text(&|row| Some(row.name.clone())),
        text(&|row| Some(row.sql_type.clone())),
        text(&|row| row.domain()),
        text(&|row| row.declared.map(allow)),
        nullable,
        text(&|row| row.declared.and_then(label)),
    ];
    let names = ["column", "type", "domain", "allow", "nullable", "label"];
    let fields: Vec<Field> = names
        .iter()
        .zip(&arrays)
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|_| Error::internal("rows of DESCRIBE"))
}

/// `values a, b` or `0 to 366, steps of 0.1`.
fn domain(column: &Column) -> Option<String> {
    let base = match &column.domain {
        Domain::Type => None,
        Domain::Bounds(lo, hi) => Some(format!("{} to {}", plain(lo), plain(hi))),
        Domain::Values(values) => Some(values.iter().map(plain).collect::<Vec<_>>().join(", ")),
    };
    match column.scale {
        crate::plan::Scale::Step(step) => {
            Some(base.map_or_else(|| format!("steps of {step}"), |base| format!("{base}; steps of {step}")))
        }
        crate::plan::Scale::Unit | crate::plan::Scale::Decimal(_) => base,
    }
}

fn plain(value: &ScalarValue) -> String {
    value.to_string()
}

fn allow(column: &Column) -> String {
    column.allow.iter().copied().map(Use::name).collect::<Vec<_>>().join(", ")
}

/// The label with its unit.
fn label(column: &Column) -> Option<String> {
    match (&column.label, &column.unit) {
        (Some(label), Some(unit)) => Some(format!("{label} ({unit})")),
        (Some(label), None) => Some(label.clone()),
        (None, Some(unit)) => Some(format!("({unit})")),
        (None, None) => None,
    }
}

/// The SQL name of an Arrow type.
fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 | DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float32 => "REAL".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision},{scale})"),
        DataType::Date32 | DataType::Date64 => "DATE".to_owned(),
        DataType::Timestamp(..) => "TIMESTAMP".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "TEXT".to_owned(),
        other => other.to_string().to_uppercase(),
    }
}

fn texts<const N: usize>(names: &[&str; N], rows: &[[Option<String>; N]]) -> Result<RecordBatch> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let arrays: Vec<ArrayRef> = (0..N)
        .map(|i| Arc::new(rows.iter().map(|row| row[i].as_deref()).collect::<StringArray>()) as ArrayRef)
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|_| Error::internal("rows of SHOW"))
}
