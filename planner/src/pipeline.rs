//! From a statement to what it turns into.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all statements only queries can be explained")]

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{Expr, Query, UnaryOperator, Value, visit_expressions};

use crate::bind::{self, Bound};
use crate::catalog::Federation;
use crate::error::{Error, Result};
use crate::nearest::{hint, same_name};
use crate::place;
use crate::plan::SecurePlan;
use crate::planned::{CheckedPlan, OpenQuery, Planned, SessionChange};
use crate::session::{PreparedStatement, SETTINGS, Session, VirtualTable};
use crate::sql_text::readable;
use crate::stack::on_own_stack;
use crate::statement::{Explain, Kind, parse, parse_query_text, show};
use crate::{disclosure, explain};

/// Plans one statement.
///
/// Everything that a party or the analyst derives from SQL text comes from here: the same federation, session and text
/// give the same result everywhere. Errors come in the order of their classes: syntax and names, then release and
/// policy, then what is not built.
///
/// # Errors
/// [`Class::Invalid`](crate::Class::Invalid): syntax, names, types, what is not built;
/// [`Class::Refused`](crate::Class::Refused): release and policy; [`Class::Resource`](crate::Class::Resource): a
/// statement that is too long. Positions count from the beginning of `sql`.
pub fn plan(federation: &Federation, session: &Session, sql: &str) -> Result<Planned> {
    let planner = Planner { federation, session, sql };
    on_own_stack(|| planner.statement(parse(sql)?)).map_err(|error| shown(&error))
}

/// The columns and parameters of a query that has parameters, before they have values; `None` for any other statement.
/// What the values decide (release, policy, what is not built) is found by [`plan`], with the values.
///
/// # Errors
/// [`Class::Invalid`](crate::Class::Invalid): syntax, names, types; an argument of a table function without a value.
pub fn open_query(federation: &Federation, session: &Session, sql: &str) -> Result<Option<OpenQuery>> {
    let open = || {
        let Kind::Query(query) = parse(sql)? else { return Ok(None) };
        if !has_parameters(&query) {
            return Ok(None);
        }
        let plan = bind::bind_open(federation, session, query).map_err(|error| place::found(error, sql))?;
        let types = plan.get_parameter_types().map_err(|_| Error::internal("types of parameters"))?;
        let number = |name: &String| name.trim_start_matches('$').parse::<usize>().ok();
        let count = types.keys().filter_map(number).max().unwrap_or(0);
        let of = |index: usize| types.get(&format!("${index}")).cloned().flatten().unwrap_or(DataType::Utf8);
        let fields = plan.schema().fields().iter();
        let fields = fields.map(|field| Field::new(field.name(), field.data_type().clone(), true));
        let columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Some(OpenQuery { columns, parameters: (1..=count).map(of).collect() }))
    };
    on_own_stack(open).map_err(|error| shown(&error))
}

/// Whether a query has places for values.
fn has_parameters(query: &Query) -> bool {
    let found = visit_expressions(query, |expr| match expr {
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// What the engine says while the analyst runs SQL over what was released, in our words.
pub fn engine_fault(error: &DataFusionError) -> Error {
    shown(&bind::engine_error::translate(error))
}

/// An error in the words of SQL, not of the engine, and short enough to be read.
fn shown(error: &Error) -> Error {
    let text = |text: &str| shortened(readable(text));
    Error { message: text(&error.message), hint: error.hint.as_deref().map(text), ..*error }
}

/// The first of a text that quotes too much of a query.
fn shortened(mut text: String) -> String {
    const MOST_BYTES: usize = 800;
    if text.len() > MOST_BYTES {
        text.truncate(text.floor_char_boundary(MOST_BYTES));
        text.push_str(" ...");
    }
    text
}

#[derive(Clone, Copy)]
struct Planner<'a> {
    federation: &'a Federation,
    session: &'a Session,
    sql: &'a str,
}

impl Planner<'_> {
    fn statement(&self, kind: Kind) -> Result<Planned> {
        let change = |change| Ok(Planned::Session(change));
        match kind {
            Kind::Query(query) => self.query(query, &[]),
            Kind::Execute { name, arguments } => self.execute(&name, &arguments),
            Kind::Copy { query, path } => {
                Ok(Planned::Copy { query: Box::new(self.query(query, &[])?), path })
            }
            Kind::Explain { what, inner } => self.explain(what, *inner),
            Kind::Create { name, or_replace, sql, query } => {
                change(self.create(&name, or_replace, sql, query)?)
            }
            Kind::Drop { name, if_exists } => change(self.drop_table(&name, if_exists)?),
            Kind::Set { name, value } => change(set(&name, &value)?),
            Kind::Prepare { name, sql, query } => change(self.prepare(name, sql, query)?),
            Kind::Deallocate(name) => self
                .prepared(&name)
                .map(|found| Planned::Session(SessionChange::Deallocate(found.name.clone()))),
            Kind::ShowTables => show::tables(self.federation, self.session).map(Planned::Rows),
            Kind::ShowFunctions => show::functions().map(Planned::Rows),
            Kind::ShowSettings(name) => show::settings(self.session, name.as_deref()).map(Planned::Rows),
            Kind::DescribeFunction(name) => show::function(&name).map(Planned::Rows),
            Kind::Describe(name) => self.describe(&name).map(Planned::Rows),
        }
    }

    /// A query: answered by the parties, or by the analyst alone if it reads no table.
    fn query(&self, query: Box<Query>, parameters: &[Expr]) -> Result<Planned> {
        self.planned(query, parameters).map_err(|error| place::found(error, self.sql))
    }

    fn planned(&self, query: Box<Query>, parameters: &[Expr]) -> Result<Planned> {
        let bound = bind::bind_query(self.federation, self.session, query, parameters)?;
        if !bound.reads_tables() {
            return Ok(Planned::Clear(Box::new(bound.optimised)));
        }
        // `LIMIT 0` and `WHERE 1 = 0`, as programs ask for the columns of a table: no row is read, so none can leave.
        if !bind::reads_tables(&bound.optimised) {
            return Ok(Planned::Clear(Box::new(bound.optimised)));
        }
        crate::release_check::check(self.federation, self.session, self.sql, &bound.raw)?;
        self.secure(&bound).map(|checked| Planned::Secure(Box::new(checked)))
    }

    fn secure(&self, bound: &Bound) -> Result<CheckedPlan> {
        let mut plan = crate::lower::lower(self.federation, self.session, bound)?;
        let missing: Vec<String> =
            bound.notices.iter().filter(|notice| !plan.notices.contains(notice)).cloned().collect();
        plan.notices.splice(0..0, missing);
        crate::check::check(plan, self.federation, self.session)
    }

    /// Runs a prepared statement. Places in its text are not places in this one, so they are left out.
    fn execute(&self, name: &str, arguments: &[Expr]) -> Result<Planned> {
        if let Some(odd) = arguments.iter().find(|argument| !is_constant(argument)) {
            return Err(Error::invalid(format!("EXECUTE takes constants, not {odd}")));
        }
        let prepared = self.prepared(name)?;
        let inner = Planner { sql: &prepared.sql, ..*self };
        let planned = parse_query_text(&prepared.sql).and_then(|query| inner.query(query, arguments));
        planned.map_err(|error| Error { position: None, ..error })
    }

    fn prepared(&self, name: &str) -> Result<&PreparedStatement> {
        let all = &self.session.prepared;
        all.iter().find(|prepared| same_name(&prepared.name, name)).ok_or_else(|| {
            let names = all.iter().map(|prepared| prepared.name.as_str());
            Error::invalid(format!("no prepared statement `{name}`")).with_hint(hint(name, names, "prepared"))
        })
    }

    fn prepare(&self, name: String, sql: String, query: Box<Query>) -> Result<SessionChange> {
        if self.prepared(&name).is_ok() {
            return Err(Error::invalid(format!("the prepared statement `{name}` exists already"))
                .with_hint(format!("DEALLOCATE {name}")));
        }
        bind::check_names(self.federation, self.session, query)?;
        Ok(SessionChange::Prepare(PreparedStatement { name, sql }))
    }

    fn create(&self, name: &str, or_replace: bool, sql: String, query: Box<Query>) -> Result<SessionChange> {
        let of_session = self.session.virtual_tables.iter().any(|table| same_name(&table.name, name));
        if !or_replace && (of_session || self.federation.view(name).is_some()) {
            return Err(Error::invalid(format!("the virtual table `{name}` exists already"))
                .with_hint(format!("CREATE OR REPLACE VIRTUAL TABLE {name} AS ...")));
        }
        bind::check_virtual_table(self.federation, self.session, name, query)?;
        Ok(SessionChange::CreateVirtualTable(VirtualTable { name: name.to_owned(), sql }))
    }

    fn drop_table(&self, name: &str, if_exists: bool) -> Result<SessionChange> {
        let found = self.session.virtual_tables.iter().find(|table| same_name(&table.name, name));
        match found {
            Some(table) => Ok(SessionChange::DropVirtualTable(table.name.clone())),
            None if self.federation.view(name).is_some() => {
                Err(Error::invalid(format!("`{name}` belongs to the federation and cannot be dropped")))
            }
            None if if_exists => Ok(SessionChange::DropVirtualTable(name.to_owned())),
            None => {
                let names = self.session.virtual_tables.iter().map(|table| table.name.as_str());
                Err(Error::invalid(format!("the session has no virtual table `{name}`")).with_hint(hint(
                    name,
                    names,
                    "virtual tables",
                )))
            }
        }
    }

    fn describe(&self, name: &[String]) -> Result<RecordBatch> {
        let name = match name {
            [catalog, rest @ ..] if rest.len() == 2 && same_name(catalog, &self.federation.name) => rest,
            all => all,
        };
        if let [owner, table] = name
            && let Some((_, _, found)) = self.federation.table(owner, table)
        {
            return show::table(found);
        }
        let quoted: Vec<String> =
            name.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        let query = parse_query_text(&format!("SELECT * FROM {}", quoted.join(".")))?;
        let bound = bind::bind_query(self.federation, self.session, query, &[])
            .map_err(|error| place::found(Error { position: None, ..error }, self.sql))?;
        show::query(&bound.raw, self.federation)
    }

    fn explain(&self, what: Explain, inner: Kind) -> Result<Planned> {
        match (self.statement(inner)?, what) {
            (Planned::Secure(checked), Explain::Analyze) => Ok(Planned::ExplainAnalyze(checked)),
            (Planned::Secure(checked), what) => self.explain_secure(what, &checked.plan).map(Planned::Rows),
            (Planned::Clear(plan), what) => explain_clear(what, &plan).map(Planned::Rows),
            _ => Err(Error::internal("EXPLAIN of a statement that is no query")),
        }
    }

    fn explain_secure(&self, what: Explain, plan: &SecurePlan) -> Result<RecordBatch> {
        let link = self.session.link_speed();
        match what {
            Explain::Disclosure => {
                disclosure::rows(&disclosure::disclosures(plan, self.federation, self.session))
            }
            Explain::Json => explain::lines(&[explain::json(plan, self.federation, link).to_string()]),
            Explain::Tree { verbose } => explain::rows(plan, self.federation, link, verbose),
            Explain::Analyze => explain::rows(plan, self.federation, link, false),
        }
    }
}

/// A query that the analyst answers alone: nobody learns anything.
fn explain_clear(what: Explain, plan: &LogicalPlan) -> Result<RecordBatch> {
    let tree = readable(&plan.display_indent().to_string());
    let title = "at the analyst, in the clear: no party is asked";
    match what {
        Explain::Disclosure => disclosure::rows(&[]),
        Explain::Json => {
            let lines: Vec<&str> = tree.lines().collect();
            explain::lines(&[serde_json::json!({ "stage": "clear", "plan": lines }).to_string()])
        }
        Explain::Tree { .. } | Explain::Analyze => {
            let indented = tree.lines().map(|line| format!("  {line}"));
            explain::lines(&std::iter::once(title.to_owned()).chain(indented).collect::<Vec<_>>())
        }
    }
}

/// A known setting and a value that it takes.
fn set(name: &str, value: &str) -> Result<SessionChange> {
    let Some(setting) = SETTINGS.iter().find(|setting| same_name(setting.name, name)) else {
        let names = SETTINGS.iter().map(|setting| setting.name);
        return Err(
            Error::invalid(format!("unknown setting `{name}`")).with_hint(hint(name, names, "settings"))
        );
    };
    let takes = setting.takes;
    if !takes.accepts(value) {
        return Err(Error::invalid(format!("`{}` takes {}, not `{value}`", setting.name, takes.name()))
            .with_hint(format!("SET {} = '{}'", setting.name, takes.example())));
    }
    Ok(SessionChange::Set(setting.name.to_owned(), value.to_owned()))
}

/// Literals, their negatives and casts.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(_) | Expr::TypedString(_) => true,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_constant(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_constant(expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::Int64Type;

    use super::*;
    use crate::error::Class;

    const FEDERATION: &str = r#"
version = 1
name = "test"
party = [{ name = "hospital", seat = 0 }, { name = "insurer", seat = 1 }, { name = "helper", seat = 2 }]
[[view]]
name = "Adults"
sql = "SELECT age AS Years, bmi * 2 AS double_bmi FROM hospital.lifestyle WHERE age >= 18"
"#;

    const HOSPITAL: &str = r#"
version = 1
[release]
min_people = 1
[table.lifestyle]
max_rows = 100
[table.lifestyle.column]
age = { type = "INTEGER", bounds = [0, 120], allow = ["filter", "aggregate"], unit = "years", label = "Age" }
bmi = { type = "DOUBLE", bounds = [10, 80], step = 0.5, nullable = false, allow = ["aggregate"] }
"#;

    fn federation() -> Federation {
        crate::policy::parse(FEDERATION, &[("hospital".to_owned(), HOSPITAL.to_owned())]).unwrap()
    }

    fn planned(session: &Session, sql: &str) -> Planned {
        plan(&federation(), session, sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// Applies a change as the program does.
    fn change(session: &mut Session, sql: &str) {
        let Planned::Session(change) = planned(session, sql) else { panic!("{sql}") };
        match change {
            SessionChange::CreateVirtualTable(table) => {
                session.virtual_tables.retain(|other| !same_name(&other.name, &table.name));
                session.virtual_tables.push(table);
            }
            SessionChange::DropVirtualTable(name) => {
                session.virtual_tables.retain(|other| !same_name(&other.name, &name));
            }
            SessionChange::Set(name, value) => session.settings.push((name, value)),
            SessionChange::Prepare(prepared) => session.prepared.push(prepared),
            SessionChange::Deallocate(name) => session.prepared.retain(|other| other.name != name),
        }
    }

    fn rows(session: &Session, sql: &str) -> Vec<String> {
        let Planned::Rows(batch) = planned(session, sql) else { panic!("{sql}") };
        let cell = |column: usize, row: usize| match batch.column(column).as_string_opt::<i32>() {
            Some(texts) if texts.is_valid(row) => texts.value(row).to_owned(),
            Some(_) => "-".to_owned(),
            None => {
                let truths = batch.column(column).as_boolean_opt();
                truths.map_or_else(
                    || {
                        let numbers = batch.column(column).as_primitive::<Int64Type>();
                        numbers
                            .is_valid(row)
                            .then(|| numbers.value(row))
                            .map_or("-".to_owned(), |n| n.to_string())
                    },
                    |truths| truths.value(row).to_string(),
                )
            }
        };
        let line = |row| (0..batch.num_columns()).map(|c| cell(c, row)).collect::<Vec<_>>().join(" | ");
        (0..batch.num_rows()).map(line).collect()
    }

    fn fault(session: &Session, sql: &str) -> String {
        let error = plan(&federation(), session, sql).expect_err(sql);
        format!("{}: {}; {}", error.class.name(), error.message, error.hint.unwrap_or_default())
    }

    #[test]
    fn queries_without_tables_need_no_party() {
        let session = Session::default();
        assert!(matches!(planned(&session, "SELECT 1"), Planned::Clear(_)));
        assert!(matches!(planned(&session, "EXPLAIN SELECT 1"), Planned::Rows(_)));
        let Planned::Copy { query, path } = planned(&session, "COPY (SELECT 1) TO 'x.csv'") else { panic!() };
        assert!(matches!(*query, Planned::Clear(_)));
        assert_eq!(path, "x.csv");
    }

    #[test]
    fn aggregates_are_planned_and_rows_are_refused() {
        let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        assert!(matches!(planned(&session, "SELECT AVG(AGE) FROM Hospital.Lifestyle"), Planned::Secure(_)));
        assert!(matches!(
            planned(&session, "EXPLAIN ANALYZE SELECT COUNT(*) FROM adults"),
            Planned::ExplainAnalyze(_)
        ));
        assert!(matches!(
            planned(&session, "SELECT COUNT(*) FROM adults WHERE 1 = 0"),
            Planned::Clear(_) | Planned::Secure(_)
        ));
        let error = plan(&federation(), &session, "SELECT age FROM hospital.lifestyle").unwrap_err();
        assert_eq!(error.class, Class::Refused);
    }

    #[test]
    fn questions_for_columns_alone_are_answered_from_the_plan() {
        let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        for sql in [
            "SELECT * FROM hospital.lifestyle LIMIT 0",
            "SELECT age FROM hospital.lifestyle WHERE 1 = 0",
            "SELECT * FROM (SELECT * FROM adults) t WHERE false",
        ] {
            let Planned::Clear(plan) = planned(&session, sql) else { panic!("{sql}") };
            assert!(!bind::reads_tables(&plan), "{sql}");
        }
        for sql in ["SELECT * FROM hospital.lifestyle LIMIT 10", "SELECT age FROM hospital.lifestyle LIMIT 1"]
        {
            let error = plan(&federation(), &session, sql).unwrap_err();
            assert_eq!(error.class, Class::Refused, "{sql}");
        }
    }

    #[test]
    fn a_query_without_values_has_columns_and_parameters() {
        let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        let open = |sql: &str| open_query(&federation(), &session, sql);
        let sql = "SELECT COUNT(*) AS n, $3 AS x FROM hospital.lifestyle WHERE age > $1 AND bmi < $2";
        let found = open(sql).unwrap().unwrap();
        assert_eq!(found.parameters, [DataType::Int32, DataType::Float64, DataType::Utf8]);
        let columns: Vec<_> =
            found.columns.fields().iter().map(|f| (f.name().as_str(), f.is_nullable())).collect();
        assert_eq!(columns, [("n", true), ("x", true)]);
        assert_eq!(open("SELECT COUNT(*) FROM adults WHERE years > ?").unwrap().unwrap().parameters.len(), 1);
        assert_eq!(open("SELECT COUNT(*) FROM adults").unwrap(), None);
        assert_eq!(open("SHOW TABLES").unwrap(), None);
        assert_eq!(open("SELECT nope FROM adults WHERE years > $1").unwrap_err().class, Class::Invalid);
    }

    #[test]
    fn explain_in_its_forms() {
        let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        for what in ["", "VERBOSE ", "DISCLOSURE ", "(FORMAT JSON) "] {
            let secure = rows(&session, &format!("EXPLAIN {what}SELECT AVG(age) FROM hospital.lifestyle"));
            assert!(!secure.is_empty(), "{what}");
            let clear = rows(&session, &format!("EXPLAIN {what}SELECT 1 AS one"));
            assert_eq!(clear.is_empty(), what == "DISCLOSURE ");
        }
        let json = rows(&session, "EXPLAIN (FORMAT JSON) SELECT COUNT(*) FROM adults").concat();
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
        assert_eq!(rows(&session, "EXPLAIN SELECT 1")[0], "at the analyst, in the clear: no party is asked");
    }

    #[test]
    fn a_session_of_its_own() {
        let mut session = Session { analyst: "analyst".to_owned(), ..Session::default() };
        change(&mut session, "CREATE VIRTUAL TABLE Old AS SELECT * FROM adults WHERE years > 64");
        assert!(fault(&session, "CREATE VIEW old AS SELECT 1").contains("exists already; CREATE OR REPLACE"));
        assert!(
            fault(&session, "CREATE OR REPLACE VIEW old AS SELECT * FROM OLD").contains("refers to itself")
        );
        change(&mut session, "CREATE OR REPLACE VIEW old AS SELECT * FROM adults WHERE years > 70");
        assert_eq!(session.virtual_tables.len(), 1);
        change(&mut session, "PREPARE p AS SELECT COUNT(*) FROM old WHERE years > $1 AND years < ?");
        assert!(fault(&session, "PREPARE P AS SELECT 1").contains("exists already"));
        assert!(fault(&session, "PREPARE q AS SELECT nope FROM old").contains("unknown column"));
        assert!(fault(&session, "EXECUTE p").contains("no value is given for the parameter $1 (0 given)"));
        assert!(fault(&session, "EXECUTE p(years)").contains("takes constants"));
        assert!(fault(&session, "EXECUTE pp(1)").contains("did you mean `p`?"));
        change(&mut session, "SET Timeout = '5m'");
        assert_eq!(session.timeout_ms(), Some(300_000));
        assert!(fault(&session, "SET timout = 3").contains("did you mean `timeout`?"));
        assert!(fault(&session, "SET timeout = 'soon'").contains("takes a duration"));
        assert_eq!(rows(&session, "SHOW timeout").len(), 1);
        assert!(fault(&session, "DROP VIEW adults").contains("belongs to the federation"));
        assert!(fault(&session, "DROP VIEW nothing").contains("has no virtual table"));
        change(&mut session, "DROP VIEW IF EXISTS nothing");
        change(&mut session, "DROP VIRTUAL TABLE OLD");
        assert!(session.virtual_tables.is_empty());
        change(&mut session, "DEALLOCATE P");
        assert!(session.prepared.is_empty());
    }

    #[test]
    fn show_and_describe() {
        let session = Session::default();
        assert_eq!(
            rows(&session, "SHOW TABLES"),
            ["hospital.lifestyle | table | hospital | 100", "Adults | virtual table | - | -"]
        );
        assert_eq!(
            rows(&session, "DESCRIBE HOSPITAL.lifestyle"),
            [
                "age | INTEGER | 0 to 120 | filter, aggregate | true | Age (years)",
                "bmi | DOUBLE | 10 to 80; steps of 0.5 | aggregate | false | -"
            ]
        );
        assert_eq!(
            rows(&session, "DESC adults"),
            [
                "Years | INTEGER | 0 to 120 | filter, aggregate | true | Age (years)",
                "double_bmi | DOUBLE | - | - | false | -"
            ]
        );
        assert!(rows(&session, "SHOW FUNCTIONS").iter().any(|row| row.starts_with("LASSO | table")));
        let lasso = rows(&session, "DESCRIBE FUNCTION Lasso");
        assert_eq!(lasso[0], "function | LASSO | table | - | Coefficients of a LASSO: term, coefficient.");
        let alpha = "argument | alpha | number of at least 0 or 'cv' | 1 | The weight of the penalty";
        assert!(lasso.iter().any(|row| row.starts_with(alpha)), "{lasso:#?}");
        assert!(lasso.iter().any(|row| row == "column | coefficient | DOUBLE | - | -"), "{lasso:#?}");
        assert!(rows(&session, "DESCRIBE FUNCTION upper")[0].starts_with("function | upper | scalar"));
        assert!(
            fault(&session, "DESCRIBE FUNCTION lassoo").starts_with("invalid: unknown function `lassoo`")
        );
        assert!(
            fault(&session, "DESCRIBE hospital.lifestile").contains("did you mean `hospital.lifestyle`?")
        );
        assert!(fault(&session, "SHOW timout").contains("did you mean `timeout`?"));
    }
}
