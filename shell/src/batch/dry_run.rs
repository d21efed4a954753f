//! `--dry-run`: every statement is planned and checked against policy, and none runs.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use planner::Planned;

use super::{Variables, severity};
use crate::asker::Asker;
use crate::error::{Failure, Result};
use crate::format::ResultSet;
use crate::printer::Printer;
use crate::runner::{Ended, OnFailure};

#[derive(Default)]
struct Columns {
    line: Vec<i64>,
    what: Vec<&'static str>,
    rounds: Vec<Option<i64>>,
    bytes: Vec<Option<i64>>,
    statement: Vec<String>,
}

/// Plans all statements of a text and prints a row for each: what it would do, in how many rounds, how many bytes the
/// seat sends that sends most.
///
/// # Errors
/// As a run, but for what only a run finds.
pub fn dry_run(
    asker: &mut Asker,
    text: &str,
    variables: &Variables,
    on_failure: OnFailure,
    printer: Printer,
) -> Result<(), Ended> {
    let expanded = variables.expand(text)?;
    let begin = planner::Position { line: 1, column: 1 };
    let statements = planner::statements(&expanded.sql)
        .map_err(|error| expanded.restore(Failure::from(error).within(&expanded.sql, begin)))?;
    let mut columns = Columns::default();
    let mut worst: Option<Failure> = None;
    for statement in statements {
        match columns.add(asker, &statement) {
            Ok(()) => {}
            Err(failure) => {
                let failure = expanded.restore(failure.within(&expanded.sql, statement.position));
                printer.failure(&failure);
                if worst.as_ref().is_none_or(|old| severity(old.class) < severity(failure.class)) {
                    worst = Some(failure);
                }
                if on_failure == OnFailure::Stop {
                    break;
                }
            }
        }
    }
    printer.out(&printer.format().render(&columns.result()?, true)?)?;
    worst.map_or(Ok(()), |failure| Err(Ended { failure, printed: true }))
}

impl Columns {
    fn add(&mut self, asker: &mut Asker, statement: &planner::Statement) -> Result<()> {
        let query = asker.prepare(&statement.sql)?;
        let cost = query.cost();
        let number = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
        self.line.push(number(statement.position.line));
        self.what.push(what(query.planned()));
        self.rounds.push(cost.map(|cost| number(cost.rounds)));
        self.bytes.push(cost.map(|cost| number(cost.bytes())));
        self.statement.push(statement.sql.split_whitespace().collect::<Vec<_>>().join(" "));
        if let Planned::Session(change) = query.planned() {
            asker.apply(change.clone());
        }
        Ok(())
    }

    fn result(self) -> Result<ResultSet> {
        let arrays: Vec<(&str, ArrayRef)> = vec![
            ("line", Arc::new(Int64Array::from(self.line))),
            ("what", Arc::new(StringArray::from(self.what))),
            ("rounds", Arc::new(Int64Array::from(self.rounds))),
            ("bytes", Arc::new(Int64Array::from(self.bytes))),
            ("statement", Arc::new(StringArray::from(self.statement))),
        ];
        let batch = RecordBatch::try_from_iter(arrays);
        batch.map(ResultSet::from).map_err(|error| Failure::internal(format!("the dry run: {error}")))
    }
}

fn what(planned: &Planned) -> &'static str {
    match planned {
        Planned::Secure(_) => "asks the parties",
        Planned::ExplainAnalyze(_) => "asks the parties, shows the plan",
        Planned::Clear(_) => "answered here",
        Planned::Rows(_) => "shows what is known",
        Planned::Copy { .. } => "asks, writes a file",
        Planned::Session(_) => "changes the session",
    }
}
