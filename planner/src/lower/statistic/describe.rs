//! `DESCRIBE_STATS`: size, moments and order statistics of columns.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::functions::math::expr_fn::sqrt;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, lit};
use datafusion::scalar::ScalarValue;

use super::cells::{Cells, beside};
use super::order::{Order, quantiles};
use super::rows::{Key, Measured, Rows};
use super::t_test::Sample;
use super::{Job, Leaving, released};
use crate::Result;
use crate::catalog::Use;
use crate::function::Variable;
use crate::function::table::rows_of;
use crate::lower::failure;
use crate::plan::Node;

/// The order statistics, in the order of the result, and whether each is MIN or MAX.
const ORDERS: [(&str, f64, bool); 5] = [
    ("min", 0.0, true),
    ("q25", 0.25, false),
    ("median", 0.5, false),
    ("q75", 0.75, false),
    ("max", 1.0, true),
];

/// The most columns: each has a release of its own numbers.
const MOST: usize = 32;

/// What is summed of a column.
struct Column {
    measured: Measured,
    /// Where its tables are: of complete rows, of rows without a value, of its grid.
    tables: (usize, usize, Option<(usize, Key)>),
    /// Which order statistics its owners allow.
    shown: [bool; 5],
}

pub(super) fn lower(job: &mut Job<'_>) -> Result<LogicalPlan> {
    let mut rows = Rows::new(job.function, job.relation, job.federation)?;
    let variables = job.function.arguments.columns("columns");
    if variables.len() > MOST {
        return Err(failure::invalid(format!("DESCRIBE_STATS takes at most {MOST} columns")));
    }
    let columns = variables.iter().map(|variable| column(&mut rows, variable)).collect::<Result<Vec<_>>>()?;
    let (bound, multiple) = (rows.bound(), rows.multiple());
    let tables = rows.finish(job.nodes)?;
    job.notice_rounding(multiple);
    let mut parts: Vec<(Cells, Vec<(String, f64)>)> = Vec::new();
    for column in &columns {
        parts.push(numbers(column, &tables, (bound, multiple), job.nodes)?);
    }
    let suffixes: Vec<String> = (0..parts.len()).map(|index| format!(" {index}")).collect();
    let sides: Vec<_> =
        parts.iter().zip(&suffixes).map(|((cells, _), suffix)| (cells.whole(), suffix.as_str())).collect();
    let all = beside(&sides, Vec::new(), job.nodes)?;
    let mut leaving = Vec::new();
    let mut gates = all.gates.iter();
    let mut names = Vec::new();
    for ((cells, outputs), suffix) in parts.iter().zip(&suffixes) {
        let own: Vec<_> = gates.by_ref().take(cells.gates.len()).cloned().collect();
        for (name, unit) in outputs {
            names.push((format!("{name}{suffix}"), format!("known {name}{suffix}"), *unit, own.clone()));
        }
    }
    for (name, known, unit, own) in &names {
        let whole = name.starts_with("n ") || name.starts_with("nulls ");
        let number = if whole { Leaving::whole(name) } else { Leaving::double(name, *unit) };
        leaving.push(Leaving { gates: Some(own.clone()), ..number.where_known(known) });
    }
    let released = job.release_columns(&all, &leaving)?;
    result(job, released, &columns, variables)
}

/// What is summed of a column.
fn column(rows: &mut Rows<'_>, variable: &Variable) -> Result<Column> {
    let measured = rows.measured(variable)?;
    let counting = rows.known(&[variable])?;
    let gates = rows.gates(&counting, &variable.name)?;
    rows.count("n", &counting)?;
    rows.total("sum", &counting, &measured, Some("squares"))?;
    let complete = rows.table(&[], &gates)?;
    let missing = rows.missing(variable)?;
    let gates = rows.gates(&missing, "without a value")?;
    rows.count("nulls", &missing)?;
    let nulls = rows.table(&[], &gates)?;
    let quantile = rows.allows(variable, Use::Quantile)?;
    let extreme = rows.allows(variable, Use::MinMax)?;
    let shown = ORDERS.map(|(_, _, is_extreme)| if is_extreme { extreme } else { quantile });
    let grid = if quantile || extreme { rows.grid(variable, "columns").ok() } else { None };
    let grid = match grid {
        None => None,
        Some(grid) => {
            rows.count("n", &counting)?;
            Some((rows.table(&[&grid], &[])?, grid))
        }
    };
    let shown = if grid.is_some() { shown } else { [false; 5] };
    Ok(Column { measured, tables: (complete, nulls, grid), shown })
}

/// One row of a column's numbers under these names, each with a bit `known ...`; names and units of what leaves.
fn numbers(
    column: &Column,
    tables: &[Cells],
    (bound, multiple): (i128, i128),
    nodes: &mut Vec<Node>,
) -> Result<(Cells, Vec<(String, f64)>)> {
    let table = |index: usize| tables.get(index).ok_or_else(|| failure::internal("a table of a column"));
    let (complete, nulls) = (table(column.tables.0)?, table(column.tables.1)?);
    let without = nulls.ungated();
    let mut parts = vec![(complete.whole(), ""), (without.whole(), "")];
    let orders: Vec<(&str, Order)> = ORDERS
        .iter()
        .zip(column.shown)
        .filter(|(_, shown)| *shown)
        .map(|((name, q, _), _)| Ok((*name, Order::new(*q)?)))
        .collect::<Result<_>>()?;
    let values = match &column.tables.2 {
        Some((index, grid)) if !orders.is_empty() => {
            let orders: Vec<Order> = orders.iter().map(|(_, order)| *order).collect();
            Some(quantiles(table(*index)?, grid, &orders, bound, nodes)?)
        }
        _ => None,
    };
    let suffixes: Vec<String> = orders.iter().map(|(name, _)| format!(" {name}")).collect();
    if let Some((values, _)) = &values {
        parts.extend(suffixes.iter().enumerate().map(|(row, suffix)| (values.row(row), suffix.as_str())));
    }
    let all = beside(&parts, Vec::new(), nodes)?;
    let mut registers = all.registers();
    let sample = Sample::new(&mut registers, &column.measured, "", bound)?;
    let variance = sample.variance(&mut registers)?;
    let (one, two) = (registers.at_least(sample.n, 1)?, registers.at_least(sample.n, 2)?);
    let mut enough = registers.program.bit(true);
    for gate in &nulls.gates {
        let persons = registers.column(complete.defs.len() + gate.column);
        let met = registers.at_least(persons, i128::from(gate.at_least))?;
        enough = registers.program.and(enough, met);
    }
    let always = registers.program.bit(true);
    let missing = registers.get("nulls")?;
    let (n, missing) = (registers.rounded(sample.n, multiple)?, registers.rounded(missing, multiple)?);
    let mut kept = vec![
        ("n".to_owned(), 1.0, n, always),
        ("nulls".to_owned(), 1.0, missing, enough),
        ("mean".to_owned(), sample.mean.unit, sample.mean.reg, one),
        ("variance".to_owned(), variance.unit, variance.reg, two),
    ];
    if let Some((_, unit)) = &values {
        for (name, _) in &orders {
            kept.push(((*name).to_owned(), *unit, registers.get(&format!("value {name}"))?, one));
        }
    }
    let known: Vec<String> = kept.iter().map(|(name, ..)| format!("known {name}")).collect();
    let outputs: Vec<_> = kept
        .iter()
        .zip(&known)
        .flat_map(|((name, _, reg, bit), known)| [(*reg, name.as_str()), (*bit, known.as_str())])
        .collect();
    let cells = registers.keep(&outputs, nodes);
    Ok((cells, kept.into_iter().map(|(name, unit, ..)| (name, unit)).collect()))
}

/// A row for each column.
fn result(
    job: &Job<'_>,
    released_row: LogicalPlan,
    columns: &[Column],
    variables: &[Variable],
) -> Result<LogicalPlan> {
    let entry = |(index, (column, variable)): (usize, (&Column, &Variable))| {
        let number = |name: &str| released(&format!("{name} {index}"));
        let order = |place: usize| {
            let shown = column.shown.get(place).copied().unwrap_or(false);
            if shown { number(ORDERS[place].0) } else { lit(ScalarValue::Float64(None)) }
        };
        let values: Vec<Expr> = [number("n"), number("nulls"), number("mean"), sqrt(number("variance"))]
            .into_iter()
            .chain((0..ORDERS.len()).map(order))
            .collect();
        (vec![ScalarValue::from(variable.name.as_str())], values)
    };
    let entries: Vec<_> = columns.iter().zip(variables).enumerate().map(entry).collect();
    let plan = rows_of(released_row, &entries)?;
    let schema: &DFSchema = &job.function.schema;
    let mut exprs = Vec::new();
    for (column, (qualifier, field)) in plan.schema().columns().into_iter().zip(schema.iter()) {
        let typed = Expr::Column(column);
        let typed = datafusion::logical_expr::cast(typed, field.data_type().clone());
        exprs.push(typed.alias_qualified(qualifier.cloned(), field.name()));
    }
    let projection = Projection::try_new(exprs, Arc::new(plan)).map_err(|error| failure::engine(&error))?;
    Ok(LogicalPlan::Projection(projection))
}
