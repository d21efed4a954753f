//! Whether a plan is well-formed.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

use crate::catalog::Federation;
use crate::error::Result;
use crate::plan::{
    Aggregate, Assemble, Broadcast, ColumnDef, Compute, Encoding, Family, Fold, Group, HashedJoin, How,
    Input, JoinKey, Lasso, Matching, Measure, Node, NumberedPart, Op, Order, Piece, Range, Reg, Release,
    RingSize, SecurePlan, Source, Union,
};

use super::broken;

/// Checks every node against those it reads.
pub(super) fn check(plan: &SecurePlan, federation: &Federation) -> Result<()> {
    for (index, node) in plan.nodes.iter().enumerate() {
        for input in node.inputs() {
            let read = plan.nodes.get(input.0).filter(|_| input.0 < index);
            let read = read.ok_or_else(|| broken(index, "reads a node that is not before it"))?;
            if matches!(read, Node::Release(_)) {
                return Err(broken(index, "reads a release"));
            }
        }
        for def in node.columns() {
            fits(def).map_err(|what| broken(index, format!("column `{}` {what}", def.name)))?;
        }
        let checked = match node {
            Node::Input(input) => self::input(input, federation),
            Node::HashedJoin(join) => hashed_join(join, plan, federation),
            Node::Union(union) => self::union(union, plan),
            Node::Compute(compute) => self::compute(compute, plan),
            Node::Broadcast(broadcast) => self::broadcast(broadcast, plan),
            Node::Aggregate(aggregate) => self::aggregate(aggregate, plan),
            Node::Fold(fold) => self::fold(fold, plan),
            Node::Assemble(assemble) => self::assemble(assemble, plan),
            Node::Group(group) => self::group(group, plan),
            Node::Lasso(lasso) => self::lasso(lasso, plan),
            Node::Release(release) => self::release(release, plan),
        };
        checked.map_err(|what| broken(index, what))?;
    }
    let releases = plan.nodes.iter().enumerate().filter(|(_, node)| matches!(node, Node::Release(_)));
    let releases: Vec<usize> = releases.map(|(index, _)| index).collect();
    let mut listed: Vec<usize> = plan.releases.iter().map(|id| id.0).collect();
    listed.sort_unstable();
    if releases != listed || releases.is_empty() {
        return Err(broken(plan.nodes.len(), "the releases listed are not the release nodes"));
    }
    clear_stage(&plan.clear, plan.releases.len())
}

/// The clear stage reads released tables only.
fn clear_stage(clear: &LogicalPlan, releases: usize) -> Result<()> {
    let mut unknown = None;
    let walked = clear.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let number = scan.table_name.table().strip_prefix('r').and_then(|n| n.parse::<usize>().ok());
            let known = scan.table_name.schema() == Some("released") && number.is_some_and(|n| n < releases);
            if !known {
                unknown = Some(scan.table_name.to_string());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (unknown, walked) {
        (None, Ok(_)) => Ok(()),
        (Some(table), _) => Err(broken(0, format!("the clear stage reads {table}"))),
        (None, Err(error)) => Err(broken(0, format!("the clear stage cannot be read: {error}"))),
    }
}

type Checked = std::result::Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

/// Whether a column's integers fit its encoding.
fn fits(def: &ColumnDef) -> Checked {
    let Range { lo, hi } = def.range;
    let fits = match def.encoding {
        Encoding::Arithmetic(RingSize::Z64) => i64::try_from(lo).is_ok() && i64::try_from(hi).is_ok(),
        Encoding::Arithmetic(RingSize::Z128) => true,
        Encoding::Bit => lo >= 0 && hi <= 1,
        Encoding::Planes(width) => width > 0 && width <= 128,
    };
    ensure(lo <= hi && fits, || format!("has a range that does not fit its encoding: {lo} to {hi}"))
}

fn columns(plan: &SecurePlan, node: crate::plan::NodeId) -> Vec<&ColumnDef> {
    plan.nodes.get(node.0).map(Node::columns).unwrap_or_default()
}

fn input(input: &Input, federation: &Federation) -> Checked {
    let party = federation.parties.get(input.owner.0).ok_or("an owner that does not exist")?;
    ensure(input.bound > 0, || "an input without rows".to_owned())?;
    let width = input.plan.schema().fields().len();
    let mut used: Vec<usize> = input.valid.into_iter().collect();
    match &input.order {
        Order::Local => {}
        Order::Shuffled { adjacent } | Order::Adjacent(adjacent) => used.extend(adjacent),
    }
    for column in &input.columns {
        match &column.source {
            Source::Value { column, .. }
            | Source::True(column)
            | Source::Rank(column)
            | Source::Equals { column, .. } => {
                used.push(*column);
            }
            Source::Known(columns) | Source::Person { columns, .. } => used.extend(columns),
            Source::RunStart(columns) | Source::RunIndex(columns) => {
                used.extend(columns);
                let adjacent = match &input.order {
                    Order::Local => &[][..],
                    Order::Shuffled { adjacent } | Order::Adjacent(adjacent) => adjacent,
                };
                // As a sort leaves them: equal in a first few of the columns.
                let first: std::collections::BTreeSet<_> = adjacent.iter().take(columns.len()).collect();
                let wanted: std::collections::BTreeSet<_> = columns.iter().collect();
                let finer = columns.iter().all(|c| adjacent.contains(c));
                ensure(first == wanted || finer, || "run starts of rows that are not adjacent".to_owned())?;
            }
        }
    }
    ensure(used.iter().all(|column| *column < width), || "a local column that does not exist".to_owned())?;
    let mut foreign = None;
    let walked = input.plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let own = scan.table_name.schema().is_some_and(|schema| schema.eq_ignore_ascii_case(&party.name));
            let table = scan.table_name.table();
            let listed = input.tables.iter().any(|name| name.eq_ignore_ascii_case(table));
            if !own || !listed || !party.tables.iter().any(|t| t.name.eq_ignore_ascii_case(table)) {
                foreign = Some(scan.table_name.to_string());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    ensure(walked.is_ok(), || "a local plan that cannot be read".to_owned())?;
    foreign.map_or(Ok(()), |table| Err(format!("the local plan of {} reads {table}", party.name)))
}

fn hashed_join(join: &HashedJoin, plan: &SecurePlan, federation: &Federation) -> Checked {
    let key = |key: &JoinKey| {
        let Some(Node::Input(input)) = plan.nodes.get(key.input.0) else {
            return Err("an identifier that is of no input".to_owned());
        };
        let width = input.plan.schema().fields().len();
        ensure(!key.columns.is_empty() && key.columns.iter().all(|column| *column < width), || {
            format!("the identifier {} has a column that does not exist", key.name)
        })?;
        let shown = matches!(join.matching, Matching::Pseudonyms { .. });
        ensure(!shown || matches!(input.order, Order::Shuffled { .. }), || {
            format!("the rows of {} are not shuffled before their pseudonyms are compared", key.name)
        })?;
        ensure(key.max_rows > 0, || format!("the identifier {} has no rows", key.name))?;
        Ok(input)
    };
    let (stay, moved) = (key(&join.stay_key)?, key(&join.moved_key)?);
    ensure(join.stay_key.input != join.moved_key.input, || "a table is joined with itself".to_owned())?;
    ensure(join.stay_key.columns.len() == join.moved_key.columns.len(), || {
        "identifiers of different numbers of parts".to_owned()
    })?;
    ensure(join.moved_key.max_rows == 1, || {
        "the table that moves has several rows per identifier".to_owned()
    })?;
    let several = join.multiplicity == crate::plan::Multiplicity::ManyToOne;
    ensure(several || join.stay_key.max_rows == 1, || {
        "a 1:1 join of several rows per identifier".to_owned()
    })?;
    match join.matching {
        Matching::Pseudonyms { matcher } => {
            let matcher = federation.parties.iter().position(|party| party.seat == Some(matcher));
            let matcher = matcher.ok_or("a matcher without a seat")?;
            for owner in [stay.owner, moved.owner] {
                ensure(owner.0 != matcher, || "the matcher owns a table of the join".to_owned())?;
            }
        }
        Matching::Oblivious { bits } => {
            let enough = Matching::oblivious(stay.bound, moved.bound);
            ensure(Matching::Oblivious { bits } == enough, || format!("hashes of {bits} bits"))?;
        }
    }
    ensure(stay.owner != moved.owner, || "pseudonyms between the tables of one owner".to_owned())?;
    let rows = plan.rows();
    let of = |node: crate::plan::NodeId| rows.get(node.0).copied().unwrap_or_default();
    for (node, input) in [(join.stay, stay), (join.moved, moved)] {
        ensure(of(node) == input.bound, || "joined rows that are not those of their identifier".to_owned())?;
    }
    let mut encodings: Vec<Encoding> = Vec::new();
    encodings.extend(columns(plan, join.stay).iter().map(|def| def.encoding));
    encodings.extend(columns(plan, join.moved).iter().map(|def| def.encoding));
    encodings.extend([Encoding::Bit, Encoding::Arithmetic(RingSize::Z64)]);
    let found: Vec<Encoding> = join.columns.iter().map(|def| def.encoding).collect();
    ensure(found == encodings, || "columns that are not those of the two tables and the match".to_owned())
}

fn union(union: &Union, plan: &SecurePlan) -> Checked {
    ensure(!union.inputs.is_empty(), || "a union of nothing".to_owned())?;
    for input in &union.inputs {
        let part = columns(plan, *input);
        let same = part.len() == union.columns.len()
            && part.iter().zip(&union.columns).all(|(a, b)| {
                a.encoding == b.encoding && b.range.lo <= a.range.lo && a.range.hi <= b.range.hi
            });
        ensure(same, || "stacked tables of different columns".to_owned())?;
    }
    Ok(())
}

/// What a register holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bit,
    Number(RingSize),
    Planes,
}

fn kind(encoding: Encoding) -> Kind {
    match encoding {
        Encoding::Arithmetic(ring) => Kind::Number(ring),
        Encoding::Bit => Kind::Bit,
        Encoding::Planes(_) => Kind::Planes,
    }
}

fn compute(compute: &Compute, plan: &SecurePlan) -> Checked {
    let input = columns(plan, compute.input);
    let rows = plan.rows().get(compute.input.0).copied().unwrap_or_default();
    let mut kinds: Vec<Kind> = Vec::new();
    for (index, op) in compute.ops.iter().enumerate() {
        let operands = op.operands();
        ensure(operands.iter().all(|Reg(reg)| *reg < index), || {
            format!("op {index} reads a later register")
        })?;
        let found: Vec<Kind> = operands.iter().map(|Reg(reg)| kinds[*reg]).collect();
        let result =
            result_kind(op, &found, &input).ok_or_else(|| format!("op {index} has the wrong operands"))?;
        ensure(public_rows(op).is_none_or(|found| found == rows), || {
            format!("op {index} has public values for another number of rows")
        })?;
        kinds.push(result);
    }
    for (Reg(reg), def) in &compute.outputs {
        let same = kinds.get(*reg).is_some_and(|found| *found == kind(def.encoding));
        ensure(same, || format!("output `{}` is not of its register's kind", def.name))?;
    }
    Ok(())
}

/// For how many rows an op brings public values.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other ops bring none")]
fn public_rows(op: &Op) -> Option<usize> {
    match op {
        Op::Public { values, .. } => Some(values.len()),
        Op::PublicBit(values) => Some(values.len()),
        _ => None,
    }
}

/// What an op makes of these operands; none if it cannot take them.
fn result_kind(op: &Op, operands: &[Kind], input: &[&ColumnDef]) -> Option<Kind> {
    let number = |kind: &Kind| matches!(kind, Kind::Number(_));
    let bits = |wide: u32, kind: &Kind| match kind {
        Kind::Number(RingSize::Z64) => wide > 0 && wide <= 64,
        Kind::Number(RingSize::Z128) => wide > 0 && wide <= 128,
        Kind::Bit | Kind::Planes => false,
    };
    match (op, operands) {
        (Op::Column(column), []) => input.get(*column).map(|def| kind(def.encoding)),
        (Op::Add(..) | Op::Subtract(..) | Op::Multiply(..) | Op::Divide { .. }, [x, y]) => {
            (number(x) && x == y).then_some(*x)
        }
        (Op::Scale(..) | Op::Offset(..), [x]) => number(x).then_some(*x),
        (Op::Widen(_), [Kind::Number(RingSize::Z64)]) => Some(Kind::Number(RingSize::Z128)),
        (Op::Narrow(_), [Kind::Number(RingSize::Z128)]) => Some(Kind::Number(RingSize::Z64)),
        (Op::Negative { bits: wide, .. } | Op::Zero { bits: wide, .. }, [x]) => {
            bits(*wide, x).then_some(Kind::Bit)
        }
        (Op::ConstantBit(_) | Op::PublicBit(_), [])
        | (Op::And(..) | Op::Or(..) | Op::Xor(..), [Kind::Bit, Kind::Bit])
        | (Op::Not(_), [Kind::Bit]) => Some(Kind::Bit),
        (Op::Constant { ring, .. } | Op::Public { ring, .. }, [])
        | (Op::BitToArithmetic { ring, .. }, [Kind::Bit]) => Some(Kind::Number(*ring)),
        (
            Op::DivideByRoot { levels, quotient_bits, fraction, .. },
            [Kind::Number(RingSize::Z128), Kind::Number(RingSize::Z128)],
        ) => {
            let fits = *levels > 0 && levels + quotient_bits <= 68 && *fraction <= 56 + levels;
            fits.then_some(Kind::Number(RingSize::Z128))
        }
        (Op::ToPlanes { bits: wide, .. }, [x]) => bits(*wide, x).then_some(Kind::Planes),
        (Op::Select { .. }, [Kind::Bit, x, y]) => (number(x) && x == y).then_some(*x),
        (Op::DivideByConstant { divisor, .. }, [x]) => (number(x) && *divisor > 0).then_some(*x),
        _ => None,
    }
}

fn aggregate(aggregate: &Aggregate, plan: &SecurePlan) -> Checked {
    let input = columns(plan, aggregate.input);
    let rows = plan.rows().get(aggregate.input.0).copied().unwrap_or_default();
    let is = |column: usize, wanted: Encoding| input.get(column).is_some_and(|def| def.encoding == wanted);
    let ring = |column: usize| match input.get(column).map(|def| def.encoding) {
        Some(Encoding::Arithmetic(ring)) => Some(ring),
        Some(Encoding::Bit | Encoding::Planes(_)) | None => None,
    };
    for key in &aggregate.keys {
        let codes = !key.is_empty() && key.iter().all(|code| is(*code, Encoding::Arithmetic(RingSize::Z64)));
        ensure(codes, || "a key that is no one-hot code".to_owned())?;
    }
    ensure(aggregate.measures.len() == aggregate.columns.len(), || {
        "measures and columns differ in number".to_owned()
    })?;
    for (measure, def) in aggregate.measures.iter().zip(&aggregate.columns) {
        let out = match measure {
            Measure::Sum { value } => ring(*value),
            Measure::SumOfProducts { left, right } => {
                ring(*left).filter(|found| ring(*right) == Some(*found))
            }
            Measure::SumOfRows { value, rows: part } => {
                ring(*value).filter(|_| part.start <= part.end && part.end <= rows)
            }
            Measure::PersonsBy { .. } | Measure::Exists | Measure::Same { .. } => None,
            Measure::AtRank { value, counts, rank } => {
                let planes = input.get(*value).is_some_and(|def| matches!(def.encoding, Encoding::Planes(_)));
                let share = rank.denominator > 0 && rank.numerator <= rank.denominator;
                (planes && share && is(*counts, Encoding::Bit)).then_some(RingSize::Z64)
            }
            Measure::Persons { counts, run_starts, max_run, rows: part } => {
                let bits = is(*counts, Encoding::Bit) && is(*run_starts, Encoding::Bit) && *max_run > 0;
                let within = part.start <= part.end && part.end <= rows;
                (bits && within).then_some(RingSize::Z64)
            }
            Measure::DistinctNumbers { parts, bits } => {
                distinct_persons(parts, *bits, &input, rows).then_some(RingSize::Z64)
            }
        };
        let fits = out.is_some_and(|ring| def.encoding == Encoding::Arithmetic(ring));
        ensure(fits, || format!("measure `{}` does not fit its columns", def.name))?;
    }
    Ok(())
}

/// Whether columns of numbered persons fit, in a table of so many rows.
fn distinct_persons(parts: &[NumberedPart], bits: u32, input: &[&ColumnDef], rows: usize) -> bool {
    let is = |column: usize, encoding| input.get(column).is_some_and(|def| def.encoding == encoding);
    let first = parts.first().and_then(|part| input.get(part.number));
    let kind = first.map_or(Encoding::Bit, |def| def.encoding);
    let fits = |part: &NumberedPart| {
        is(part.counts, Encoding::Bit)
            && (bits <= 63 && is(part.number, Encoding::Arithmetic(RingSize::Z64))
                || bits <= 126 && is(part.number, Encoding::Planes(bits)))
            && is(part.number, kind)
            && part.rows.start <= part.rows.end
            && part.rows.end <= rows
            && input.get(part.number).is_some_and(|def| def.range.lo >= 0 && def.range.hi < 1_i128 << bits)
    };
    !parts.is_empty() && parts.iter().all(fits)
}

fn fold(fold: &Fold, plan: &SecurePlan) -> Checked {
    let rows = plan.rows().get(fold.input.0).copied().unwrap_or_default();
    ensure(fold.axis.cells() == rows, || "an axis that is not one of its cells".to_owned())?;
    let input = columns(plan, fold.input);
    let pooled = fold.how == How::Pool;
    let bit = |def: &ColumnDef| def.encoding == Encoding::Bit;
    ensure(
        input.len() + usize::from(pooled) == fold.columns.len()
            && fold.at_least.len() == if pooled { input.len() } else { 0 }
            && (!pooled || fold.columns.last().is_some_and(bit))
            && (!pooled || fold.pooled_bits() < 63),
        || "columns that are not those of its cells".to_owned(),
    )?;
    for (before, after) in input.iter().zip(&fold.columns) {
        let fits = match (fold.how, after.encoding) {
            (How::Product { fraction }, Encoding::Arithmetic(RingSize::Z128)) => fraction <= 60,
            (How::Pool, Encoding::Arithmetic(RingSize::Z64)) => before.range.lo >= 0,
            (How::Sum | How::FromStart | How::FromEnd, Encoding::Arithmetic(_)) => true,
            (_, Encoding::Arithmetic(_) | Encoding::Bit | Encoding::Planes(_)) => false,
        };
        ensure(fits && before.encoding == after.encoding, || {
            format!("column `{}` cannot be put together", after.name)
        })?;
    }
    Ok(())
}

fn group(group: &Group, plan: &SecurePlan) -> Checked {
    let input = columns(plan, group.input);
    let encoding = |column: usize| input.get(column).map(|def| def.encoding);
    let in_planes = |column: usize| matches!(encoding(column), Some(Encoding::Bit | Encoding::Planes(_)));
    ensure(!group.keys.is_empty() && group.keys.iter().all(|key| in_planes(*key)), || {
        "a key that is no plane".to_owned()
    })?;
    ensure(encoding(group.valid) == Some(Encoding::Bit), || "no bit says which rows count".to_owned())?;
    ensure(group.measures.len() == group.columns.len(), || {
        "measures and columns differ in number".to_owned()
    })?;
    let number = |found: Option<Encoding>| found.filter(|found| matches!(found, Encoding::Arithmetic(_)));
    for (measure, def) in group.measures.iter().zip(&group.columns) {
        let out = match measure {
            Measure::Sum { value } => number(encoding(*value)),
            Measure::SumOfProducts { left, right } => {
                number(encoding(*left)).filter(|found| encoding(*right) == Some(*found))
            }
            Measure::PersonsBy { counts, person, max_run } => {
                let fits = encoding(*counts) == Some(Encoding::Bit) && in_planes(*person) && *max_run > 0;
                fits.then_some(Encoding::Arithmetic(RingSize::Z64))
            }
            Measure::DistinctNumbers { parts, bits } => {
                let rows = plan.rows().get(group.input.0).copied().unwrap_or_default();
                let fits = distinct_persons(parts, *bits, &input, rows);
                fits.then_some(Encoding::Arithmetic(RingSize::Z64))
            }
            Measure::Exists => Some(Encoding::Bit),
            Measure::Same { column } => {
                encoding(*column).filter(|found| !matches!(found, Encoding::Planes(_)))
            }
            Measure::AtRank { value, counts, rank } => {
                let planes = matches!(encoding(*value), Some(Encoding::Planes(_)));
                let share = rank.denominator > 0 && rank.numerator <= rank.denominator;
                let fits = planes && encoding(*counts) == Some(Encoding::Bit) && share;
                fits.then_some(Encoding::Arithmetic(RingSize::Z64))
            }
            Measure::Persons { .. } | Measure::SumOfRows { .. } => None,
        };
        ensure(out == Some(def.encoding), || format!("measure `{}` does not fit its columns", def.name))?;
    }
    let common = group.rank_sorts().iter().all(|sort| sort.denominator().is_some());
    ensure(common, || "shares of rows without a small common denominator".to_owned())
}

fn assemble(assemble: &Assemble, plan: &SecurePlan) -> Checked {
    let rows = plan.rows();
    let mut encodings: Vec<Encoding> = Vec::new();
    for piece in &assemble.pieces {
        let length = match piece {
            Piece::Table { input, rows: places } => {
                let bound = rows.get(input.0).copied().unwrap_or_default();
                ensure(places.iter().all(|place| (*place as usize) < bound), || {
                    "a place that its table does not have".to_owned()
                })?;
                encodings.extend(columns(plan, *input).iter().map(|def| def.encoding));
                places.len()
            }
            Piece::Public(values) => {
                let def = assemble.columns.get(encodings.len()).ok_or("a public column without a name")?;
                let fits = values.iter().all(|value| def.range.lo <= *value && *value <= def.range.hi);
                let number = matches!(def.encoding, Encoding::Arithmetic(_));
                ensure(fits && number, || format!("public column `{}` does not fit", def.name))?;
                encodings.push(def.encoding);
                values.len()
            }
        };
        ensure(length == assemble.rows, || "pieces of different lengths".to_owned())?;
    }
    let found: Vec<Encoding> = assemble.columns.iter().map(|def| def.encoding).collect();
    ensure(found == encodings, || "columns that are not those of its pieces".to_owned())
}

fn broadcast(broadcast: &Broadcast, plan: &SecurePlan) -> Checked {
    let rows = plan.rows();
    let mut encodings: Vec<Encoding> =
        columns(plan, broadcast.input).iter().map(|def| def.encoding).collect();
    ensure(!broadcast.values.is_empty(), || "nothing to give to the rows".to_owned())?;
    for value in &broadcast.values {
        ensure(rows.get(value.from.0) == Some(&1), || "a secret value of other than one row".to_owned())?;
        let own = columns(plan, value.from);
        let encoding = |column: usize| own.get(column).map(|def| def.encoding);
        let number = encoding(value.value).filter(|found| matches!(found, Encoding::Arithmetic(_)));
        encodings.push(number.ok_or("a secret value that is no number")?);
        encodings.push(Encoding::Bit);
        let known = value.known.is_none_or(|known| encoding(known) == Some(Encoding::Bit));
        ensure(known, || "whether a secret value is known is no bit".to_owned())?;
        for threshold in &value.gate {
            let counts = encoding(threshold.persons) == Some(Encoding::Arithmetic(RingSize::Z64));
            ensure(counts, || format!("{} compares no number", threshold.reason))?;
        }
    }
    let found: Vec<Encoding> = broadcast.columns.iter().map(|def| def.encoding).collect();
    ensure(found == encodings, || "columns that are not those of the rows and the values".to_owned())
}

fn lasso(lasso: &Lasso, plan: &SecurePlan) -> Checked {
    let input = columns(plan, lasso.input);
    let ring = |column: usize| match input.get(column).map(|def| def.encoding) {
        Some(Encoding::Arithmetic(ring)) => Some(ring),
        Some(Encoding::Bit | Encoding::Planes(_)) | None => None,
    };
    let wanted = ring(lasso.valid).ok_or("no column says which rows count")?;
    for term in lasso.features.iter().chain([&lasso.target]) {
        ensure(ring(term.column) == Some(wanted), || format!("variable `{}` is in another ring", term.name))?;
        ensure(term.step.is_finite() && term.step > 0.0 && term.middle.is_finite(), || {
            format!("variable `{}` has no step or middle", term.name)
        })?;
    }
    if let Some(counts) = lasso.counts {
        let rows = plan.rows().get(counts.0).copied().unwrap_or_default();
        let table: Vec<Encoding> = columns(plan, counts).iter().map(|def| def.encoding).collect();
        let own = lasso.columns.len().saturating_sub(table.len());
        let same = lasso.columns.iter().skip(own).map(|def| def.encoding).eq(table);
        ensure(rows == 1 && same, || "the counts of a model are no table of one row".to_owned())?;
    }
    let timed = lasso.family == Family::Cox;
    ensure(timed != lasso.times.is_empty(), || "times without hazards, or hazards without times".to_owned())?;
    ensure(lasso.times.iter().all(|time| ring(*time) == Some(wanted)), || {
        "times in another ring".to_owned()
    })?;
    ensure(!lasso.features.is_empty(), || "a model without features".to_owned())?;
    if let Some(term) = &lasso.offset {
        ensure(term.step.is_finite() && term.step > 0.0 && term.middle.is_finite(), || {
            format!("offset `{}` has no step or middle", term.name)
        })?;
    }
    let others =
        lasso.folds.iter().chain(&lasso.factorials).chain(lasso.offset.iter().map(|term| &term.column));
    let same = others.into_iter().all(|&column| ring(column) == Some(wanted));
    ensure(same, || "folds, offset or factorials in another ring".to_owned())?;
    let single = lasso.family == Family::Lasso || lasso.alphas.len() == 1;
    ensure(single && !lasso.alphas.is_empty(), || "another number of penalties".to_owned())?;
    let weights = lasso.alphas.iter().all(|alpha| alpha.is_finite() && *alpha >= 0.0);
    let ratio = (0.0..=1.0).contains(&lasso.l1_ratio);
    ensure(weights && ratio, || "a penalty below 0".to_owned())
}

fn release(release: &Release, plan: &SecurePlan) -> Checked {
    let input = columns(plan, release.input);
    let is_bit = |column: usize| input.get(column).is_some_and(|def| def.encoding == Encoding::Bit);
    let ring = |column: usize| match input.get(column).map(|def| def.encoding) {
        Some(Encoding::Arithmetic(ring)) => Some(ring),
        Some(Encoding::Bit | Encoding::Planes(_)) | None => None,
    };
    ensure(release.present.is_none_or(is_bit), || "presence is no bit".to_owned())?;
    for output in &release.outputs {
        let name = output.field.name();
        ensure(ring(output.value).is_some(), || format!("output `{name}` is no number"))?;
        ensure(output.known.is_none_or(is_bit), || format!("whether `{name}` is known is no bit"))?;
        ensure(output.field.is_nullable(), || format!("output `{name}` cannot be withheld"))?;
    }
    for threshold in release.gate.iter().chain(release.outputs.iter().flat_map(|output| &output.gate)) {
        let counts = ring(threshold.persons) == Some(RingSize::Z64);
        ensure(counts, || format!("{} compares no number", threshold.reason))?;
    }
    let rows = plan.rows().get(release.input.0).copied().unwrap_or_default();
    let labels = match &release.rows {
        crate::plan::Rows::Chosen(chosen) => {
            let known = |key: &crate::plan::SortKey| key.output < release.outputs.len();
            ensure(chosen.order.iter().all(known), || "an order by no output".to_owned())?;
            let some = release.present.is_some() || !release.gate.is_empty();
            ensure(some, || "groups are chosen that are never absent".to_owned())?;
            rows
        }
        crate::plan::Rows::One => 1,
        crate::plan::Rows::Groups(keys) => keys.iter().map(|key| key.values.len()).product(),
        crate::plan::Rows::Terms(terms) => terms.len(),
    };
    ensure(labels == rows, || format!("{rows} rows have {labels} labels"))
}
