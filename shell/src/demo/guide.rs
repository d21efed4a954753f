//! Walks through the tour, and checks it.

use std::time::Instant;

use planner::Class;

use super::clear::Clear;
use super::compare;
use super::tour::{Expectation, Stop, TOUR};
use crate::config::Directory;
use crate::error::{Failure, Result};
use crate::format::{Format, ResultSet};
use crate::runner::{Runner, seconds};

/// Shows every stop: what there is to see, the statement, the answer, the time.
///
/// # Errors
/// If a stop does not come out as announced.
pub async fn tour(runner: &mut Runner) -> Result<()> {
    let printer = runner.printer();
    let people = printer.format() == Format::Table;
    for (index, stop) in TOUR.iter().enumerate() {
        if people {
            printer.heading(&format!("{}/{}  {}", index + 1, TOUR.len(), stop.title))?;
            printer.aside(&indented(stop.sql))?;
        }
        let start = Instant::now();
        match (runner.ask(stop.sql).await, stop.expectation) {
            (Ok(outcome), Expectation::Answer | Expectation::Model | Expectation::Explanation) => {
                runner.deliver(stop.sql, outcome)?;
            }
            (Err(failure), Expectation::Refusal) if failure.class == Class::Refused => {
                let failure = failure.within(stop.sql, planner::Position { line: 1, column: 1 });
                if people { printer.shown_failure(&failure)? } else { printer.failure(&failure) }
            }
            (Ok(_), Expectation::Refusal) => return Err(Failure::internal("a query was not refused")),
            (Err(failure), _) => return Err(failure),
        }
        if people {
            printer.aside(&format!("{}\n", seconds(start)))?;
        }
    }
    Ok(())
}

/// Runs every stop also in the clear, prints what was compared, and fails if anything differs.
///
/// # Errors
/// Class internal if an answer differs from the answer in the clear; what ends a query, if one ends.
pub async fn check(runner: &mut Runner, directory: &Directory) -> Result<()> {
    let printer = runner.printer();
    let clear = Clear::new(directory).await?;
    let mut differing = 0;
    for (index, stop) in TOUR.iter().enumerate() {
        let start = Instant::now();
        let verdict = compared(runner, &clear, stop).await?;
        let time = seconds(start);
        let line = match verdict {
            Ok(what) => format!("{:>2}  ok      {time:>8}  {what}", index + 1),
            Err(difference) => {
                differing += 1;
                format!("{:>2}  DIFFERS {time:>8}  {difference}", index + 1)
            }
        };
        printer.out(&format!("{line}\n      {}\n", stop.sql.lines().next().unwrap_or_default()))?;
    }
    if differing > 0 {
        let of = TOUR.len();
        return Err(Failure::internal(format!("{differing} of {of} answers differ from those in the clear")));
    }
    printer.out(&format!("all {} as in the clear\n", TOUR.len()))
}

async fn compared(runner: &mut Runner, clear: &Clear, stop: &Stop) -> Result<compare::Verdict> {
    let outcome = runner.ask(stop.sql).await;
    if stop.expectation == Expectation::Refusal {
        return Ok(match outcome {
            Err(failure) if failure.class == Class::Refused => Ok("refused, as it must be".to_owned()),
            Err(failure) => Err(format!("the refusal has class {}: {failure}", failure.class.name())),
            Ok(_) => Err("it was not refused".to_owned()),
        });
    }
    let rows = outcome?.rows.ok_or_else(|| Failure::internal("a query of the tour gave no rows"))?;
    let secure = ResultSet { schema: rows.schema, batches: rows.batches };
    match stop.expectation {
        Expectation::Model => compare::models(&secure, &clear.model(stop.sql).await?),
        Expectation::Explanation | Expectation::Refusal if secure.rows() > 0 => {
            Ok(Ok(format!("{} lines", secure.rows())))
        }
        Expectation::Explanation | Expectation::Refusal => Ok(Err("the explanation is empty".to_owned())),
        Expectation::Answer => {
            let counts = clear.answer(&compare::counting(stop.sql)).await?;
            compare::answers(&secure, &clear.answer(stop.sql).await?, &counts)
        }
    }
}

fn indented(sql: &str) -> String {
    sql.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
