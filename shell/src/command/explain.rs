//! `conjoin explain`: what statements would do. Starts no party and reads no data.

use super::{analyst_of, check_output, runner, text};
use crate::asker::Asker;
use crate::batch::Variables;
use crate::cli::Explain;
use crate::config::Directory;
use crate::error::{Failure, Result};
use crate::printer::Printer;
use crate::runner::Ended;

pub(super) async fn run(command: Explain, printer: Printer) -> Result<(), Ended> {
    check_output(&command.output)?;
    let text = text(&command.statements)?
        .ok_or_else(|| Failure::invalid("there is nothing to explain").with_hint("give -e SQL or -f FILE"))?;
    let text = Variables::new(&command.statements.variables)?.expand(&text)?.sql;
    let (path, analyst) = analyst_of(&command.target, command.analyst)?;
    let asker = Asker::planning(&Directory::load(&path)?, &analyst)?;
    let mut runner = runner(asker, &command.output, printer)?;
    let prefix = if command.disclosure { "EXPLAIN DISCLOSURE " } else { "EXPLAIN " };
    let begin = planner::Position { line: 1, column: 1 };
    let statements = planner::statements(&text).map_err(|error| Failure::from(error).within(&text, begin))?;
    for statement in statements {
        // Statements that change the session do so, for those that follow.
        let explained = is_query(&statement.sql);
        let sql = if explained { format!("{prefix}{}", statement.sql) } else { statement.sql.clone() };
        runner.run(&sql).await.map_err(|mut failure| {
            if let (true, Some(position)) = (explained, &mut failure.position)
                && position.line == 1
            {
                position.column = position.column.saturating_sub(prefix.len() as u64).max(1);
            }
            failure.within(&text, statement.position)
        })?;
    }
    Ok(())
}

/// Whether the statement asks for rows, and is no EXPLAIN itself.
fn is_query(sql: &str) -> bool {
    let first: String = sql.trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
    sql.trim_start().starts_with('(')
        || matches!(first.to_lowercase().as_str(), "select" | "with" | "values" | "table" | "execute")
}
