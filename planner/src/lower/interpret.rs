//! Secure plans evaluated in the clear, on plain integers: what the protocols must compute, checked on the way against
//! every declared range, ring and width.
#![expect(
    clippy::too_many_lines,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    clippy::match_same_arms,
    clippy::format_collect,
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a test's oracle: as plain as can be"
)]

mod groups;
mod model;
mod program;
mod reveal;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, TableScanBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use groups::{folded, groups, sums};
use model::{MODEL_BITS, fit, of_model};
use program::run_program;
use reveal::reveal;

use super::scale::{decode, encode};
use super::value::same_text;
use crate::function::hashed::{canonical, normalise};
use crate::plan::{
    Aggregate, ColumnDef, Compute, Encoding, Family, Fold, HashedJoin, How, Input, Lasso, LassoOutput,
    Measure, Multiplicity, Node, Op, Order, Piece, Rank, Release, RingSize, Rounding, Rows, Scale,
    SecurePlan, Source,
};

/// Data by `party.table`.
pub(crate) type Data = BTreeMap<String, RecordBatch>;

/// A table of integers, column by column.
#[derive(Clone, Debug)]
struct Table {
    columns: Vec<Vec<i128>>,
    rows: usize,
}

/// The result of a plan over data.
pub(crate) fn interpret(plan: &SecurePlan, parties: &[String], data: &Data) -> RecordBatch {
    let mut tables: Vec<Table> = Vec::new();
    let mut locals: BTreeMap<usize, (RecordBatch, Vec<Option<usize>>)> = BTreeMap::new();
    let mut released = Data::new();
    let mut persons = BTreeMap::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        let table = match node {
            Node::Input(input) => {
                let batch = run(&input.plan, data);
                assert!(batch.num_rows() <= input.bound, "bound of {}", parties[input.owner.0]);
                let order = ordered(input, &batch);
                let table = share(input, &batch, &order, &mut persons);
                locals.insert(index, (batch, order));
                table
            }
            Node::HashedJoin(join) => hashed_join(join, &tables, &locals),
            Node::Union(union) => {
                let mut all = tables[union.inputs[0].0].clone();
                for input in &union.inputs[1..] {
                    let next = &tables[input.0];
                    assert_eq!(all.columns.len(), next.columns.len());
                    all.columns.iter_mut().zip(&next.columns).for_each(|(a, b)| a.extend(b));
                    all.rows += next.rows;
                }
                same_encodings(plan, &union.inputs, &union.columns);
                all
            }
            Node::Compute(compute) => {
                run_program(compute, &tables[compute.input.0], &plan.nodes[compute.input.0].columns())
            }
            Node::Broadcast(broadcast) => {
                let mut table = tables[broadcast.input.0].clone();
                for value in &broadcast.values {
                    let one = &tables[value.from.0];
                    assert_eq!(one.rows, 1);
                    let met = |gate: &crate::plan::Threshold| {
                        one.columns[gate.persons][0] >= i128::from(gate.at_least)
                    };
                    let known = value.known.is_none_or(|known| one.columns[known][0] == 1);
                    table.columns.push(vec![one.columns[value.value][0]; table.rows]);
                    table.columns.push(vec![i128::from(known && value.gate.iter().all(met)); table.rows]);
                }
                table
            }
            Node::Aggregate(aggregate) => {
                sums(aggregate, &tables[aggregate.input.0], &plan.nodes[aggregate.input.0].columns())
            }
            Node::Fold(fold) => folded(fold, &tables[fold.input.0]),
            Node::Assemble(assemble) => {
                let mut columns = Vec::new();
                for piece in &assemble.pieces {
                    match piece {
                        Piece::Table { input, rows } => columns.extend(
                            tables[input.0]
                                .columns
                                .iter()
                                .map(|column| rows.iter().map(|row| column[*row as usize]).collect()),
                        ),
                        Piece::Public(values) => columns.push(values.clone()),
                    }
                }
                Table { columns, rows: assemble.rows }
            }
            Node::Group(group) => groups(group, &tables[group.input.0]),
            Node::Lasso(lasso) => {
                fit(lasso, &tables[lasso.input.0], lasso.counts.map(|counts| &tables[counts.0]))
            }
            Node::Release(release) => {
                let number = plan.releases.iter().position(|id| id.0 == index).unwrap();
                released.insert(
                    format!("released.r{number}"),
                    reveal(release, &tables[release.input.0], of_model(plan, release.input)),
                );
                Table { columns: Vec::new(), rows: 0 }
            }
        };
        for (column, def) in table.columns.iter().zip(node.columns()) {
            for value in column {
                let (lo, hi) = (def.range.lo, def.range.hi);
                assert!(
                    lo <= *value && *value <= hi,
                    "node {index}: {value} in {} is not in {lo}..={hi}",
                    def.name
                );
            }
            let bits = def.range.bits();
            match def.encoding {
                Encoding::Arithmetic(RingSize::Z64) => assert!(bits <= 63, "{} needs {bits} bits", def.name),
                Encoding::Arithmetic(RingSize::Z128) => {
                    assert!(bits <= 127, "{} needs {bits} bits", def.name);
                }
                Encoding::Bit => assert!(bits <= 1, "{} is no bit", def.name),
                Encoding::Planes(planes) => assert!(bits <= planes && def.range.lo >= 0),
            }
        }
        tables.push(table);
    }
    run(&plan.clear, &released)
}

fn same_encodings(plan: &SecurePlan, inputs: &[crate::plan::NodeId], columns: &[ColumnDef]) {
    for input in inputs {
        let own: Vec<Encoding> = plan.nodes[input.0].columns().iter().map(|def| def.encoding).collect();
        let all: Vec<Encoding> = columns.iter().map(|def| def.encoding).collect();
        assert_eq!(own, all);
    }
}

/// Runs a plan whose scans are named after tables of `data`.
pub(crate) fn run(plan: &LogicalPlan, data: &Data) -> RecordBatch {
    let attached = plan.clone().transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(Transformed::no(node)) };
        let batch = data.get(&scan.table_name.to_string()).unwrap_or_else(|| panic!("{}", scan.table_name));
        let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]])?;
        let scan = TableScanBuilder::new(scan.table_name, provider_as_source(Arc::new(table)))
            .with_projection(scan.projection)
            .build()?;
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    });
    let plan = attached.unwrap().data;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    let fields: Vec<Field> =
        plan.schema().fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = runtime.block_on(async {
        let frame = context.execute_logical_plan(plan).await.unwrap();
        frame.collect().await.unwrap()
    });
    let batches: Vec<RecordBatch> = batches
        .into_iter()
        .map(|batch| {
            let options =
                datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)
                .unwrap()
        })
        .collect();
    concat_batches(&schema, &batches).unwrap()
}

fn value(column: &ArrayRef, row: usize) -> ScalarValue {
    ScalarValue::try_from_array(column, row).unwrap()
}

fn key_of(batch: &RecordBatch, columns: &[usize], row: usize) -> String {
    columns.iter().map(|column| format!("{:?}|", value(batch.column(*column), row))).collect()
}

/// The shared rows: those of the batch in some order, then padding.
fn ordered(input: &Input, batch: &RecordBatch) -> Vec<Option<usize>> {
    let mut rows: Vec<usize> = (0..batch.num_rows()).collect();
    match &input.order {
        Order::Local => {}
        Order::Shuffled { adjacent } if adjacent.is_empty() => rows.reverse(),
        Order::Shuffled { adjacent } | Order::Adjacent(adjacent) => {
            rows.sort_by_key(|row| {
                adjacent.iter().map(|column| key_of(batch, &[*column], *row)).collect::<Vec<_>>()
            });
        }
    }
    let mut rows: Vec<Option<usize>> = rows.into_iter().map(Some).collect();
    rows.resize(input.bound, None);
    rows
}

fn share(
    input: &Input,
    batch: &RecordBatch,
    order: &[Option<usize>],
    persons: &mut BTreeMap<String, i128>,
) -> Table {
    let is_true =
        |column: usize, row: usize| value(batch.column(column), row) == ScalarValue::Boolean(Some(true));
    let valid = |row: usize| input.valid.is_none_or(|column| is_true(column, row));
    let columns = input.columns.iter().map(|shared| {
        let mut previous: Option<String> = None;
        let mut run = -1;
        let cells = order.iter().map(|row| {
            let Some(row) = *row else {
                previous = None;
                if let Source::RunIndex(_) = shared.source {
                    run += 1;
                    return run;
                }
                return i128::from(matches!(shared.source, Source::RunStart(_)));
            };
            match &shared.source {
                Source::RunIndex(columns) => {
                    let null = columns.iter().any(|column| value(batch.column(*column), row).is_null());
                    let key = key_of(batch, columns, row);
                    run += i128::from(null || previous.as_ref() != Some(&key));
                    previous = Some(key);
                    run
                }
                Source::RunStart(columns) => {
                    let null = columns.iter().any(|column| value(batch.column(*column), row).is_null());
                    let key = key_of(batch, columns, row);
                    let first = null || previous.as_ref() != Some(&key);
                    previous = Some(key);
                    i128::from(first)
                }
                _ if !valid(row) => 0,
                Source::Rank(column) => {
                    let text = |row: usize| {
                        value(batch.column(*column), row).try_as_str().flatten().map(str::to_owned)
                    };
                    let all: std::collections::BTreeSet<_> = (0..batch.num_rows()).filter_map(text).collect();
                    text(row).map_or(0, |own| 1 + all.iter().position(|other| *other == own).unwrap() as i128)
                }
                Source::Person { columns, .. } if columns.is_empty() => {
                    let of_owner = format!("{:?} ", input.owner);
                    let next = persons.keys().filter(|key| key.starts_with(&of_owner)).count() as i128 + 1;
                    *persons.entry(format!("{:?} {:?} row {row}", input.owner, input.tables)).or_insert(next)
                }
                Source::Person { columns, normalised } => {
                    let parts: Vec<ArrayRef> =
                        columns.iter().map(|column| Arc::clone(batch.column(*column))).collect();
                    let of_owner = format!("{:?} {normalised} ", input.owner);
                    let next = persons.keys().filter(|key| key.starts_with(&of_owner)).count() as i128 + 1;
                    let form = if *normalised { normalise } else { canonical };
                    match &form(&parts, batch.num_rows()).unwrap()[row] {
                        Some(form) => {
                            let key = format!("{:?} {normalised} {form:?}", input.owner);
                            *persons.entry(key).or_insert(next)
                        }
                        None => 0,
                    }
                }
                Source::Value { column, scale, dictionary, offset } => {
                    let value = value(batch.column(*column), row);
                    if value.is_null() {
                        return 0;
                    }
                    match dictionary {
                        Some(entries) => {
                            entries.iter().position(|entry| same_text(entry, &value)).unwrap() as i128
                        }
                        None => encode(&value, *scale).unwrap() - offset,
                    }
                }
                Source::Known(columns) => {
                    i128::from(columns.iter().all(|column| !value(batch.column(*column), row).is_null()))
                }
                Source::True(column) => i128::from(is_true(*column, row)),
                Source::Equals { column, value: wanted } => {
                    let found = value(batch.column(*column), row);
                    i128::from(
                        found == *wanted
                            || (found.is_null() && wanted.is_null())
                            || (!found.is_null()
                                && wanted.try_as_str().flatten().is_some()
                                && same_text(&found, wanted)),
                    )
                }
            }
        });
        cells.collect()
    });
    Table { columns: columns.collect(), rows: order.len() }
}

type Locals = BTreeMap<usize, (RecordBatch, Vec<Option<usize>>)>;

fn hashed_join(join: &HashedJoin, tables: &[Table], locals: &Locals) -> Table {
    let identifiers = |key: &crate::plan::JoinKey| -> Vec<Option<Vec<u8>>> {
        let (batch, order) = &locals[&key.input.0];
        let parts: Vec<ArrayRef> =
            key.columns.iter().map(|column| Arc::clone(batch.column(*column))).collect();
        let forms = if join.normalised {
            normalise(&parts, batch.num_rows())
        } else {
            canonical(&parts, batch.num_rows())
        };
        let forms = forms.unwrap();
        let shared: Vec<Option<Vec<u8>>> =
            order.iter().map(|row| row.and_then(|row| forms[row].clone())).collect();
        let mut counts: BTreeMap<&Vec<u8>, usize> = BTreeMap::new();
        for id in shared.iter().flatten() {
            *counts.entry(id).or_default() += 1;
        }
        assert!(counts.values().all(|count| *count <= key.max_rows), "{} repeats", key.name);
        shared
    };
    let stay = identifiers(&join.stay_key);
    let moved = identifiers(&join.moved_key);
    assert_eq!(join.moved_key.max_rows, 1);
    assert_eq!(join.multiplicity == Multiplicity::OneToOne, join.stay_key.max_rows == 1);
    let staying = &tables[join.stay.0];
    let moving = &tables[join.moved.0];
    assert_eq!(moving.rows, moved.len());
    assert_eq!(staying.rows, stay.len());
    let partner: Vec<Option<usize>> = stay
        .iter()
        .map(|id| id.as_ref().and_then(|id| moved.iter().position(|other| other.as_ref() == Some(id))))
        .collect();
    let mut columns = staying.columns.clone();
    for column in &moving.columns {
        // Rows without partner hold arbitrary values of the moved table.
        let cells =
            partner.iter().enumerate().map(|(row, at)| column[at.unwrap_or((row * 7 + 3) % moving.rows)]);
        columns.push(cells.collect());
    }
    let matched: Vec<i128> = partner.iter().map(|at| i128::from(at.is_some())).collect();
    columns.push(matched.clone());
    columns.push(matched);
    Table { columns, rows: staying.rows }
}
