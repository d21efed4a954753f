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

#[derive(Clone, Copy, PartialEq, Debug)]
enum Ring {
    Bit,
    Planes(u32),
    Number(RingSize),
}

fn run_program(compute: &Compute, input: &Table, defs: &[&ColumnDef]) -> Table {
    let ring_of = |def: &ColumnDef| match def.encoding {
        Encoding::Arithmetic(ring) => Ring::Number(ring),
        Encoding::Planes(width) => Ring::Planes(width),
        Encoding::Bit => Ring::Bit,
    };
    let mut rings: Vec<Ring> = Vec::new();
    let mut all: Vec<Vec<i128>> = Vec::new();
    for op in &compute.ops {
        let ring = match op {
            Op::Column(column) => ring_of(defs[*column]),
            Op::Constant { ring, .. } | Op::BitToArithmetic { ring, .. } | Op::Public { ring, .. } => {
                Ring::Number(*ring)
            }
            Op::DivideByRoot { x, y, .. } => {
                assert_eq!((rings[x.0], rings[y.0]), (Ring::Number(RingSize::Z128), rings[x.0]), "{op:?}");
                rings[x.0]
            }
            Op::PublicBit(_) => Ring::Bit,
            Op::ToPlanes { bits, .. } => Ring::Planes(*bits),
            Op::ConstantBit(_) | Op::And(..) | Op::Or(..) | Op::Xor(..) | Op::Not(_) => Ring::Bit,
            Op::Negative { .. } | Op::Zero { .. } => Ring::Bit,
            Op::Widen(_) => Ring::Number(RingSize::Z128),
            Op::Narrow(_) => Ring::Number(RingSize::Z64),
            Op::Add(x, y)
            | Op::Subtract(x, y)
            | Op::Multiply(x, y)
            | Op::Select { then: x, otherwise: y, .. } => {
                assert_eq!(rings[x.0], rings[y.0], "{op:?}");
                rings[x.0]
            }
            Op::Divide { numerator: x, denominator: y, .. } => {
                assert_eq!(rings[x.0], rings[y.0], "{op:?}");
                rings[x.0]
            }
            Op::Scale(x, _) | Op::Offset(x, _) | Op::DivideByConstant { x, .. } => rings[x.0],
        };
        let cells: Vec<i128> = (0..input.rows).map(|row| step(op, row, input, &all)).collect();
        let limit = match ring {
            Ring::Bit => 1,
            Ring::Planes(bits) => (1_i128 << bits) - 1,
            Ring::Number(RingSize::Z64) => 1_i128 << 62,
            Ring::Number(RingSize::Z128) => 1_i128 << 126,
        };
        assert!(cells.iter().all(|cell| cell.abs() <= limit), "{op:?} overflows");
        rings.push(ring);
        all.push(cells);
    }
    for (reg, def) in &compute.outputs {
        assert_eq!(rings[reg.0], ring_of(def), "{}", def.name);
    }
    Table { columns: compute.outputs.iter().map(|(reg, _)| all[reg.0].clone()).collect(), rows: input.rows }
}

fn step(op: &Op, row: usize, input: &Table, all: &[Vec<i128>]) -> i128 {
    let at = |reg: &crate::plan::Reg| all[reg.0][row];
    let within = |x: i128, bits: u32| {
        assert!(-(1_i128 << (bits - 1)) <= x && x < 1_i128 << (bits - 1), "{op:?} of {x}");
    };
    match op {
        Op::Column(column) => input.columns[*column][row],
        Op::Constant { value, .. } => *value,
        Op::ConstantBit(value) => i128::from(*value),
        Op::Public { values, .. } => values[row],
        Op::PublicBit(values) => i128::from(values[row]),
        Op::ToPlanes { x, bits } => at(x).rem_euclid(1_i128 << bits),
        Op::DivideByRoot { x, y, levels, quotient_bits, fraction } => {
            assert!((0..1_i128 << (2 * levels)).contains(&at(y)), "{op:?} by {}", at(y));
            if at(y) == 0 {
                return 0;
            }
            let quotient = at(x) as f64 / (at(y) as f64).sqrt();
            assert!(
                quotient.abs() <= 2_f64.powi(quotient_bits.cast_signed()) * 1.000_001,
                "{op:?} is {quotient}"
            );
            // A double has fewer digits than the result.
            let most = 1_i128 << (quotient_bits + fraction);
            ((quotient * 2_f64.powi(fraction.cast_signed())).round() as i128).clamp(-most, most)
        }
        Op::Add(x, y) => at(x) + at(y),
        Op::Subtract(x, y) => at(x) - at(y),
        Op::Scale(x, factor) => at(x).checked_mul(*factor).unwrap(),
        Op::Offset(x, by) => at(x) + by,
        Op::Multiply(x, y) => at(x).checked_mul(at(y)).unwrap(),
        Op::Widen(x) | Op::Narrow(x) => at(x),
        Op::Negative { x, bits } => {
            within(at(x), *bits);
            i128::from(at(x) < 0)
        }
        Op::Zero { x, bits } => {
            within(at(x), *bits);
            i128::from(at(x) == 0)
        }
        Op::And(x, y) => at(x) & at(y),
        Op::Or(x, y) => at(x) | at(y),
        Op::Xor(x, y) => at(x) ^ at(y),
        Op::Not(x) => 1 - at(x),
        Op::BitToArithmetic { bit, .. } => at(bit),
        Op::Select { bit, then, otherwise } => {
            if at(bit) == 1 {
                at(then)
            } else {
                at(otherwise)
            }
        }
        Op::Divide { numerator, denominator, numerator_bits, denominator_bits } => {
            assert!(at(numerator).unsigned_abs() < 1 << numerator_bits, "{op:?}");
            assert!(at(denominator).unsigned_abs() < 1 << denominator_bits, "{op:?}");
            if at(denominator) == 0 { 0 } else { at(numerator) / at(denominator) }
        }
        Op::DivideByConstant { x, divisor, rounding, bits } => {
            assert!(at(x).unsigned_abs() < 1 << bits, "{op:?} of {}", at(x));
            match rounding {
                Rounding::Truncate => at(x) / divisor,
                Rounding::Nearest => (2 * at(x).abs() + divisor) / (2 * divisor) * at(x).signum(),
            }
        }
    }
}

fn sums(aggregate: &Aggregate, input: &Table, defs: &[&ColumnDef]) -> Table {
    let mut cells: Vec<Vec<usize>> = vec![Vec::new()];
    for key in &aggregate.keys {
        cells = cells
            .iter()
            .flat_map(|cell| key.iter().map(move |column| [cell.as_slice(), &[*column]].concat()))
            .collect();
    }
    let in_cell = |cell: &[usize], row: usize| cell.iter().all(|column| input.columns[*column][row] == 1);
    let all = 0..input.rows;
    let columns = aggregate.measures.iter().map(|measure| {
        let sum = |cell: &Vec<usize>| -> i128 {
            match measure {
                Measure::Sum { value } => {
                    assert!(matches!(defs[*value].encoding, Encoding::Arithmetic(_)));
                    all.clone().filter(|row| in_cell(cell, *row)).map(|row| input.columns[*value][row]).sum()
                }
                Measure::SumOfRows { value, rows } => {
                    rows.clone().filter(|row| in_cell(cell, *row)).map(|row| input.columns[*value][row]).sum()
                }
                Measure::SumOfProducts { left, right } => {
                    let product = |row: usize| input.columns[*left][row] * input.columns[*right][row];
                    all.clone().filter(|row| in_cell(cell, *row)).map(product).sum()
                }
                Measure::PersonsBy { .. } | Measure::Exists | Measure::Same { .. } => {
                    panic!("in groups of open keys only")
                }
                Measure::AtRank { value, counts, rank } => {
                    let counting = |row: &usize| input.columns[*counts][*row] == 1 && in_cell(cell, *row);
                    let rows = all.clone().filter(counting);
                    let mut values: Vec<i128> = rows.map(|row| input.columns[*value][row]).collect();
                    values.sort_unstable();
                    let (offset, shift) = rank.line();
                    let top = values.len() as i128 * i128::from(rank.numerator) + i128::from(offset);
                    let place = top.div_euclid(i128::from(rank.denominator)) + i128::from(shift);
                    usize::try_from(place).ok().and_then(|place| values.get(place).copied()).unwrap_or(0)
                }
                Measure::DistinctNumbers { parts, bits } => {
                    distinct_persons(parts, *bits, input, &|row| in_cell(cell, row))
                }
                Measure::Persons { counts, run_starts, max_run, rows } => {
                    let mut persons = 0;
                    let (mut length, mut counted) = (0, false);
                    for row in rows.clone() {
                        if input.columns[*run_starts][row] == 1 {
                            (length, counted) = (0, false);
                        }
                        length += 1;
                        assert!(length <= *max_run, "a run of {length}");
                        if input.columns[*counts][row] == 1 && in_cell(cell, row) && !counted {
                            counted = true;
                            persons += 1;
                        }
                    }
                    persons
                }
            }
        };
        cells.iter().map(sum).collect()
    });
    Table { columns: columns.collect(), rows: cells.len() }
}

/// Sums and products along an axis.
fn folded(fold: &Fold, input: &Table) -> Table {
    let axis = fold.axis;
    if fold.how == How::Pool {
        return pooled(fold, input);
    }
    let columns = input.columns.iter().map(|column| {
        let mut all = column.clone();
        let mut sums = Vec::new();
        for run in 0..axis.outer * axis.inner {
            let at = |place: usize| (run / axis.inner * axis.length + place) * axis.inner + run % axis.inner;
            sums.push((0..axis.length).map(|place| column[at(place)]).sum());
            for place in 1..axis.length {
                let (now, before) = match fold.how {
                    How::FromEnd => (at(axis.length - 1 - place), at(axis.length - place)),
                    _ => (at(place), at(place - 1)),
                };
                all[now] = match fold.how {
                    How::Product { fraction } => (all[now] * all[before]) >> fraction,
                    _ => all[now] + all[before],
                };
            }
        }
        if fold.how == How::Sum { sums } else { all }
    });
    Table { columns: columns.collect(), rows: fold.rows() }
}

/// Sums since the last cell shown, and which cells are.
fn pooled(fold: &Fold, input: &Table) -> Table {
    let axis = fold.axis;
    let mut columns = input.columns.clone();
    let mut shown = vec![1; axis.cells()];
    for run in 0..axis.outer * axis.inner {
        let at = |place: usize| (run / axis.inner * axis.length + place) * axis.inner + run % axis.inner;
        for place in 0..axis.length {
            for column in columns.iter_mut().filter(|_| place > 0 && shown[at(place - 1)] == 0) {
                column[at(place)] += column[at(place - 1)];
            }
            let enough = |(column, least): (&Vec<i128>, &u64)| column[at(place)] >= i128::from(*least);
            shown[at(place)] = i128::from(columns.iter().zip(&fold.at_least).all(enough));
        }
    }
    columns.push(shown);
    Table { columns, rows: fold.rows() }
}

/// How many numbers of persons are in rows of a group that count.
fn distinct_persons(
    parts: &[crate::plan::NumberedPart],
    bits: u32,
    input: &Table,
    in_group: &dyn Fn(usize) -> bool,
) -> i128 {
    let mut persons = std::collections::BTreeSet::new();
    for part in parts {
        for row in part.rows.clone() {
            let person = input.columns[part.number][row];
            assert!((0..1 << bits).contains(&person));
            if input.columns[part.counts][row] == 1 && in_group(row) {
                assert!(person > 0, "a counting row without a person");
                persons.insert(person);
            }
        }
    }
    persons.len() as i128
}

/// Groups of open keys; rows that stand for nothing are 0.
fn groups(group: &crate::plan::Group, input: &Table) -> Table {
    let mut members: BTreeMap<Vec<i128>, Vec<usize>> = BTreeMap::new();
    for row in (0..input.rows).filter(|row| input.columns[group.valid][*row] == 1) {
        members.entry(group.keys.iter().map(|key| input.columns[*key][row]).collect()).or_default().push(row);
    }
    let measured = |measure: &Measure, rows: &[usize]| -> i128 {
        let at = |column: usize, row: &usize| input.columns[column][*row];
        match measure {
            Measure::Sum { value } => rows.iter().map(|row| at(*value, row)).sum(),
            Measure::SumOfProducts { left, right } => {
                rows.iter().map(|row| at(*left, row) * at(*right, row)).sum()
            }
            Measure::PersonsBy { counts, person, max_run } => {
                let mut runs: BTreeMap<i128, usize> = BTreeMap::new();
                for row in rows {
                    *runs.entry(at(*person, row)).or_default() += 1;
                }
                let counting: std::collections::BTreeSet<i128> =
                    rows.iter().filter(|row| at(*counts, row) == 1).map(|row| at(*person, row)).collect();
                assert!(counting.iter().all(|person| runs[person] <= *max_run), "a run is too long");
                counting.len() as i128
            }
            Measure::DistinctNumbers { parts, bits } => {
                distinct_persons(parts, *bits, input, &|row| rows.contains(&row))
            }
            Measure::AtRank { value, counts, rank } => {
                let counting = rows.iter().filter(|row| at(*counts, row) == 1).map(|row| at(*value, row));
                let found = if *rank == Rank::FIRST { counting.min() } else { counting.max() };
                found.unwrap_or(0)
            }
            Measure::Exists => 1,
            Measure::Same { column } => {
                assert!(rows.iter().all(|row| at(*column, row) == at(*column, &rows[0])));
                at(*column, &rows[0])
            }
            other => panic!("{other:?}"),
        }
    };
    let column = |measure: &Measure| {
        let mut cells: Vec<i128> = members.values().map(|rows| measured(measure, rows)).collect();
        cells.resize(input.rows, 0);
        cells
    };
    Table { columns: group.measures.iter().map(column).collect(), rows: input.rows }
}

/// Fractional bits of the numbers of a fit here; the secure solver has scales of its own.
const MODEL_BITS: i32 = 40;

/// Coordinate descent on doubles, with the shapes of the node.
fn fit(lasso: &Lasso, input: &Table, counts: Option<&Table>) -> Table {
    let rows: Vec<usize> = (0..input.rows).filter(|row| input.columns[lasso.valid][*row] == 1).collect();
    for term in lasso.features.iter().chain([&lasso.target]) {
        for row in 0..input.rows {
            let cell = input.columns[term.column][row];
            assert!(cell.unsigned_abs() < 1 << term.bits, "{}", term.name);
            assert!(cell == 0 || input.columns[lasso.valid][row] == 1, "{} is not masked", term.name);
        }
    }
    let column = |term: &crate::plan::LassoTerm| -> Vec<f64> {
        rows.iter().map(|row| input.columns[term.column][*row] as f64 * term.step + term.middle).collect()
    };
    let n = rows.len() as f64;
    let mean = |x: &[f64]| if lasso.intercept && n > 0.0 { x.iter().sum::<f64>() / n } else { 0.0 };
    let y = column(&lasso.target);
    let x: Vec<Vec<f64>> = lasso.features.iter().map(column).collect();
    let centred = |x: &[f64]| x.iter().map(|v| v - mean(x)).collect::<Vec<f64>>();
    let (cx, mut residual): (Vec<Vec<f64>>, Vec<f64>) = (x.iter().map(|x| centred(x)).collect(), centred(&y));
    let deviation = |x: &[f64]| (x.iter().map(|v| v * v).sum::<f64>() / n).sqrt();
    let mut w = vec![0.0; x.len()];
    for _ in 0..5000 {
        for (j, xj) in cx.iter().enumerate() {
            let scale = if lasso.standardize { deviation(xj) } else { 1.0 };
            let square = xj.iter().map(|v| v * v).sum::<f64>() / n;
            if !(square > 1e-12) {
                continue;
            }
            let rho = xj.iter().zip(&residual).map(|(a, b)| a * b).sum::<f64>() / n + square * w[j];
            let alpha = lasso.alphas[0] * lasso.l1_ratio * scale;
            let rows = if lasso.by_sum { n } else { 1.0 };
            let ridge = lasso.alphas[0] * (1.0 - lasso.l1_ratio) * scale * scale / rows;
            let new = match lasso.family {
                Family::Lasso => (rho.abs() - alpha).max(0.0) * rho.signum() / (square + ridge),
                Family::Linear => rho / (square + ridge / n),
                Family::Logistic | Family::Poisson | Family::Cox => {
                    panic!("no interpretation of {:?}", lasso.family)
                }
            };
            residual.iter_mut().zip(xj).for_each(|(r, v)| *r -= (new - w[j]) * v);
            w[j] = new;
        }
    }
    let fixed = |value: f64| (value * 2_f64.powi(MODEL_BITS)) as i128;
    let mut columns = match lasso.output {
        LassoOutput::Coefficients => {
            let intercept = mean(&y) - x.iter().zip(&w).map(|(x, w)| mean(x) * w).sum::<f64>();
            let mut values: Vec<i128> = w.iter().map(|w| fixed(*w)).collect();
            if lasso.intercept {
                values.insert(0, fixed(intercept));
            }
            assert!(!lasso.has_errors(), "no interpretation of standard errors");
            vec![values]
        }
        LassoOutput::Summary => {
            let mse = residual.iter().map(|r| r * r).sum::<f64>() / n;
            let total = centred(&y).iter().map(|v| v * v).sum::<f64>() / n;
            let nonzero = w.iter().filter(|w| **w != 0.0).count() as i128;
            vec![
                vec![rows.len() as i128],
                vec![fixed(1.0 - mse / total)],
                vec![fixed(mse)],
                vec![40],
                vec![nonzero],
                vec![0],
            ]
        }
    };
    let length = columns[0].len();
    columns.push(vec![1; length]);
    for count in counts.into_iter().flat_map(|counts| &counts.columns) {
        columns.push(vec![count[0]; length]);
    }
    Table { columns, rows: length }
}

fn of_model(plan: &SecurePlan, node: crate::plan::NodeId) -> bool {
    match &plan.nodes[node.0] {
        Node::Compute(compute) => of_model(plan, compute.input),
        node => matches!(node, Node::Lasso(_)),
    }
}

fn reveal(release: &Release, input: &Table, model: bool) -> RecordBatch {
    let met = |gate: &[crate::plan::Threshold], row: usize| {
        gate.iter().all(|threshold| input.columns[threshold.persons][row] >= i128::from(threshold.at_least))
    };
    let present: Vec<usize> = (0..input.rows)
        .filter(|row| {
            release.present.is_none_or(|column| input.columns[column][*row] == 1) && met(&release.gate, *row)
        })
        .collect();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    let present = match &release.rows {
        Rows::Chosen(chosen) => {
            let mut order = present;
            let key = |row: usize, sort: &crate::plan::SortKey| {
                let output = &release.outputs[sort.output];
                let known = output.known.is_none_or(|column| input.columns[column][row] == 1);
                let value = (known && met(&output.gate, row)).then(|| input.columns[output.value][row]);
                (value.is_none() != sort.nulls_first, if sort.descending { value.map(|v| -v) } else { value })
            };
            order.sort_by_key(|row| chosen.order.iter().map(|sort| key(*row, sort)).collect::<Vec<_>>());
            order.into_iter().skip(chosen.skip).take(chosen.fetch.unwrap_or(usize::MAX)).collect()
        }
        _ => present,
    };
    if let Rows::Groups(keys) = &release.rows {
        let mut repeat: usize = keys.iter().map(|key| key.values.len()).product();
        assert_eq!(repeat.max(1), input.rows);
        for key in keys {
            repeat /= key.values.len();
            let cells = present.iter().map(|row| key.values[row / repeat % key.values.len()].clone());
            fields.push(key.field.clone());
            columns.push(array(cells.collect(), key.field.data_type()));
        }
    }
    if let Rows::Terms(terms) = &release.rows {
        fields.push(Field::new("term", DataType::Utf8, true));
        columns.push(array(
            terms.iter().map(|term| ScalarValue::from(term.as_str())).collect(),
            &DataType::Utf8,
        ));
    }
    for output in &release.outputs {
        let scale = match output.field.data_type() {
            DataType::Float64 if model => Scale::Step(2_f64.powi(-MODEL_BITS)),
            _ => output.scale,
        };
        let cell = |row: &usize| {
            let known = output.known.is_none_or(|column| input.columns[column][*row] == 1);
            let null = ScalarValue::try_from(output.field.data_type()).unwrap();
            if known && met(&output.gate, *row) {
                scalar(input.columns[output.value][*row], scale, output.field.data_type())
            } else {
                null
            }
        };
        assert!(output.field.is_nullable());
        fields.push(output.field.clone());
        columns.push(array(present.iter().map(cell).collect(), output.field.data_type()));
    }
    let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(present.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}

fn array(cells: Vec<ScalarValue>, data_type: &DataType) -> ArrayRef {
    if cells.is_empty() {
        return datafusion::arrow::array::new_empty_array(data_type);
    }
    ScalarValue::iter_to_array(cells).unwrap()
}

fn scalar(integer: i128, scale: Scale, data_type: &DataType) -> ScalarValue {
    if let DataType::Float64 = data_type {
        return ScalarValue::Float64(Some(decode(integer, scale)));
    }
    match (data_type, scale) {
        (DataType::Decimal128(_, digits), Scale::Decimal(own)) => assert_eq!(*digits, own),
        (_, scale) => assert_eq!(scale, Scale::Unit, "{data_type}"),
    }
    super::facts::scalar(integer, data_type).unwrap()
}
