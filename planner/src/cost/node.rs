//! What a node costs, put together from the protocols that its operator runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Federation;
use crate::lower::matchings;
use crate::plan::{
    Aggregate, AtHome, Broadcast, Chosen, ColumnDef, Compute, Encoding, Family, Fold, HashedJoin, How, Input,
    JoinKey, Lasso, Matching, Measure, Multiplicity, Node, NodeId, NumberedPart, Op, Order, Rank, Reg,
    Release, RingSize, Rounding, Rows, SecurePlan,
};

use super::{Cost, cox, model, newton, sort, table};

/// The cost of node number `index`; `rows` are those of every node's output, `home` is what owners do at home.
pub(super) fn cost(
    plan: &SecurePlan,
    federation: &Federation,
    (rows, home): (&[usize], &AtHome),
    index: usize,
) -> Cost {
    let Some(node) = plan.nodes.get(index) else { return Cost::default() };
    let of = |id: NodeId| rows.get(id.0).copied().unwrap_or_default() as u64;
    let columns = |id: NodeId| plan.nodes.get(id.0).map(Node::columns).unwrap_or_default();
    match node {
        Node::Input(_) if home.stays(index) => Cost::default(),
        Node::Input(input) => shared(federation, input, &node.columns(), input.bound),
        Node::HashedJoin(join) => {
            JoinedTables::of(plan, federation, rows, join).cost(join.matching, join.multiplicity)
        }
        Node::Union(_) | Node::Assemble(_) => Cost::default(),
        Node::Fold(fold) => self::fold(fold),
        Node::Broadcast(broadcast) => self::broadcast(broadcast, &columns),
        Node::Compute(compute) => self::compute(compute, of(compute.input), &columns(compute.input)),
        Node::Aggregate(aggregate) => match home.sums(index) {
            Some(inputs) => {
                let inputs = inputs.iter().filter_map(|(id, _)| match plan.nodes.get(id.0) {
                    Some(Node::Input(input)) => Some(input),
                    _ => None,
                });
                let cells = |input| shared(federation, input, &node.columns(), aggregate.cells());
                inputs.map(cells).fold(Cost::default(), Cost::beside)
            }
            None => self::aggregate(aggregate, of(aggregate.input), &columns(aggregate.input)),
        },
        Node::Group(group) => super::group::cost(group, of(group.input), &columns(group.input)),
        Node::Lasso(lasso) => self::lasso(lasso, of(lasso.input), &columns(lasso.input)),
        Node::Release(release) => self::release(release, of(release.input), &columns(release.input)),
    }
}

/// Rows that the owner of an input shares.
fn shared(federation: &Federation, input: &Input, columns: &[&ColumnDef], rows: usize) -> Cost {
    let seat = federation.parties.get(input.owner.0).and_then(|party| party.seat);
    let bytes = columns.iter().map(|def| table::component(def.encoding, rows as u64)).sum();
    table::input(seat, bytes)
}

/// What the cost of a join depends on.
pub(crate) struct JoinedTables {
    /// Rows of the table that stays, and of the other.
    pub(crate) rows: [u64; 2],
    /// The seats of their owners.
    pub(crate) seats: [Option<usize>; 2],
    /// The columns that move.
    pub(crate) encodings: Vec<Encoding>,
}

/// The other ways to join that the policies allow, and what they would cost.
pub(crate) fn alternatives(
    plan: &SecurePlan,
    federation: &Federation,
    index: usize,
) -> Vec<(Matching, Cost)> {
    let Some(Node::HashedJoin(join)) = plan.nodes.get(index) else { return Vec::new() };
    let input = |key: &JoinKey| match plan.nodes.get(key.input.0) {
        Some(Node::Input(input)) => Some(input),
        _ => None,
    };
    let (Some(stay), Some(moved)) = (input(&join.stay_key), input(&join.moved_key)) else {
        return Vec::new();
    };
    let tables = JoinedTables::of(plan, federation, &plan.rows(), join);
    let shown = [stay, moved].iter().all(|input| matches!(input.order, Order::Shuffled { .. }));
    matchings(federation, [stay.owner, moved.owner], [&stay.tables, &moved.tables], [stay.bound, moved.bound])
        .into_iter()
        .filter(|other| *other != join.matching && (shown || matches!(other, Matching::Oblivious { .. })))
        .map(|other| (other, tables.cost(other, join.multiplicity)))
        .collect()
}

impl JoinedTables {
    fn of(plan: &SecurePlan, federation: &Federation, rows: &[usize], join: &HashedJoin) -> Self {
        let count = |id: NodeId| rows.get(id.0).copied().unwrap_or_default() as u64;
        let seat = |key: &JoinKey| match plan.nodes.get(key.input.0) {
            Some(Node::Input(input)) => federation.parties.get(input.owner.0).and_then(|party| party.seat),
            _ => None,
        };
        let columns = plan.nodes.get(join.moved.0).map(Node::columns).unwrap_or_default();
        JoinedTables {
            rows: [count(join.stay), count(join.moved)],
            seats: [seat(&join.stay_key), seat(&join.moved_key)],
            encodings: columns.iter().map(|def| def.encoding).collect(),
        }
    }

    /// The cost of a join of these tables.
    pub(crate) fn cost(&self, matching: Matching, multiplicity: Multiplicity) -> Cost {
        match matching {
            Matching::Pseudonyms { matcher } => self.by_pseudonyms(matcher, multiplicity),
            Matching::Oblivious { bits } => self.oblivious(bits),
        }
    }

    /// Pseudonyms to the matcher; then the moved columns, beside the match as a bit and as a number.
    fn by_pseudonyms(&self, matcher: usize, multiplicity: Multiplicity) -> Cost {
        let [stay, moved] = self.rows;
        let tags = Cost { rounds: 1, owner_bytes: table::TAG_BYTES * (stay + moved), ..Cost::default() };
        let table = match multiplicity {
            // Nothing moves where nothing of the other table is asked for but the match.
            Multiplicity::OneToOne | Multiplicity::ManyToOne if self.encodings.is_empty() => Cost::default(),
            Multiplicity::OneToOne => table::place(&self.encodings, moved, stay, matcher),
            Multiplicity::ManyToOne => table::gather(&self.encodings, moved, stay, matcher),
        };
        let number = Encoding::Arithmetic(RingSize::Z64);
        let bytes = table::component(Encoding::Bit, stay) + table::component(number, stay);
        tags.then(table.beside(table::input(Some(matcher), bytes)))
    }

    /// Shares of the hashes by both owners, then the join on them.
    fn oblivious(&self, bits: u32) -> Cost {
        let [stay, moved] = self.rows;
        let share = |side: usize| {
            table::input(self.seats[side], table::component(Encoding::Planes(bits), self.rows[side]))
        };
        let join = table::oblivious_join(&self.encodings, stay, moved, u64::from(bits));
        share(0).beside(share(1)).then(join)
    }
}

/// Independent operations share rounds: the rounds are those of the longest path.
fn compute(compute: &Compute, n: u64, columns: &[&ColumnDef]) -> Cost {
    let mut depth: Vec<u64> = Vec::with_capacity(compute.ops.len());
    let mut rings: Vec<Option<RingSize>> = Vec::with_capacity(compute.ops.len());
    let mut total = Cost::default();
    for op in &compute.ops {
        let operands = op.operands();
        let ring = ring_of(op, &operands, &rings, columns);
        let own = op_cost(op, n, ring);
        let before =
            operands.iter().filter_map(|Reg(reg)| depth.get(*reg)).max().copied().unwrap_or_default();
        depth.push(before + own.rounds);
        rings.push(ring);
        total = total.beside(own);
    }
    Cost { rounds: depth.into_iter().max().unwrap_or_default(), ..total }
}

/// The ring of an op's result; none for a bit.
fn ring_of(
    op: &Op,
    operands: &[Reg],
    rings: &[Option<RingSize>],
    columns: &[&ColumnDef],
) -> Option<RingSize> {
    let operand = |index: usize| operands.get(index).and_then(|Reg(reg)| rings.get(*reg).copied().flatten());
    match op {
        Op::Column(index) => match columns.get(*index)?.encoding {
            Encoding::Arithmetic(ring) => Some(ring),
            Encoding::Bit | Encoding::Planes(_) => None,
        },
        Op::Constant { ring, .. } | Op::BitToArithmetic { ring, .. } | Op::Public { ring, .. } => Some(*ring),
        Op::Widen(_) | Op::DivideByRoot { .. } => Some(RingSize::Z128),
        Op::Narrow(_) => Some(RingSize::Z64),
        Op::Add(..)
        | Op::Subtract(..)
        | Op::Multiply(..)
        | Op::Scale(..)
        | Op::Offset(..)
        | Op::Divide { .. }
        | Op::DivideByConstant { .. }
        | Op::Negative { .. }
        | Op::Zero { .. }
        | Op::ToPlanes { .. } => operand(0),
        Op::Select { .. } => operand(1),
        Op::ConstantBit(_) | Op::PublicBit(_) | Op::And(..) | Op::Or(..) | Op::Xor(..) | Op::Not(_) => None,
    }
}

fn op_cost(op: &Op, n: u64, ring: Option<RingSize>) -> Cost {
    let ring = ring.unwrap_or(RingSize::Z64);
    let within = |bits: u32| u64::from(bits).min(table::width(ring));
    match op {
        Op::Column(_)
        | Op::Constant { .. }
        | Op::ConstantBit(_)
        | Op::Add(..)
        | Op::Subtract(..)
        | Op::Scale(..)
        | Op::Offset(..)
        | Op::Narrow(_)
        | Op::Xor(..)
        | Op::Not(_)
        | Op::Public { .. }
        | Op::PublicBit(_) => Cost::default(),
        Op::Multiply(..) => table::multiply(n, ring),
        Op::Widen(_) => table::widen(n),
        Op::Negative { bits, .. } => table::negative(n, within(*bits)),
        Op::Zero { bits, .. } => table::zero(n, within(*bits)),
        Op::And(..) | Op::Or(..) => table::and(n, 1),
        Op::BitToArithmetic { ring, .. } => table::to_arithmetic(n, 1, *ring),
        Op::Select { .. } => table::mask(n, ring),
        Op::Divide { numerator_bits, denominator_bits, .. } => {
            table::divide(n, u64::from(*numerator_bits), u64::from(*denominator_bits), ring)
        }
        Op::DivideByRoot { levels, fraction, .. } => {
            table::divide_by_root(n, u64::from(*levels), u64::from(*fraction))
        }
        Op::ToPlanes { bits, .. } => table::all_bits(n, within(*bits)),
        Op::DivideByConstant { divisor, rounding, bits, .. } => {
            table::divide_by_constant(n, *divisor, *rounding == Rounding::Nearest, u64::from(*bits), ring)
        }
    }
}

/// Whose persons are counted in which rows: the column of their numbers, the first row, the row after the last.
type Parts = Vec<(usize, usize, usize)>;

/// Products of columns first, then sums and counts per cell side by side.
fn aggregate(aggregate: &Aggregate, n: u64, columns: &[&ColumnDef]) -> Cost {
    let keys: Vec<u64> = aggregate.keys.iter().map(|key| key.len() as u64).collect();
    let ring = |index: usize| match columns.get(index).map(|def| def.encoding) {
        Some(Encoding::Arithmetic(ring)) => ring,
        Some(Encoding::Bit | Encoding::Planes(_)) | None => RingSize::Z64,
    };
    let mut products = Cost::default();
    let mut sums: BTreeMap<(RingSize, u64, u64), u64> = BTreeMap::new();
    let mut cells = Cost::default();
    let mut ranked: BTreeMap<(usize, usize), Vec<Rank>> = BTreeMap::new();
    let mut numbered: BTreeMap<(u32, Parts, bool), u64> = BTreeMap::new();
    let rows_of = |(person, rows): (usize, &std::ops::Range<usize>)| (person, rows.start, rows.end);
    for measure in &aggregate.measures {
        match measure {
            Measure::Sum { value } => *sums.entry((ring(*value), 0, n)).or_default() += 1,
            Measure::SumOfRows { value, rows } => {
                *sums.entry((ring(*value), rows.start as u64, rows.end as u64)).or_default() += 1;
            }
            Measure::SumOfProducts { left, .. } if keys.is_empty() => {
                products = products.beside(table::multiply(1, ring(*left)));
            }
            Measure::SumOfProducts { left, .. } => {
                products = products.beside(table::multiply(n, ring(*left)));
                *sums.entry((ring(*left), 0, n)).or_default() += 1;
            }
            Measure::AtRank { value, counts, rank } => {
                ranked.entry((*value, *counts)).or_default().push(*rank);
            }
            Measure::PersonsBy { .. } | Measure::Exists | Measure::Same { .. } => {}
            Measure::Persons { max_run, rows, .. } => {
                cells = cells.beside(persons(&keys, (rows.end - rows.start) as u64, *max_run as u64));
            }
            Measure::DistinctNumbers { parts, bits } => {
                let sort: Vec<_> = parts.iter().map(|part| (part.number, &part.rows)).map(rows_of).collect();
                *numbered.entry((*bits, sort, in_planes(parts, columns))).or_default() += 1;
            }
        }
    }
    for ((value, _), ranks) in ranked {
        let width = columns.get(value).map_or(0, |def| planes_of(def));
        cells = cells.beside(ranks_of(&keys, n, width, &ranks));
    }
    for ((bits, parts, in_planes), measures) in numbered {
        let rows: Vec<u64> = parts.iter().map(|(_, start, end)| (end - start) as u64).collect();
        cells = cells.beside(numbered_persons(&keys, &rows, (u64::from(bits), in_planes), measures));
    }
    for ((ring, start, end), members) in sums {
        cells = cells.beside(sums_of(&keys, ring, end.saturating_sub(start), members));
    }
    products.then(cells)
}

/// Distinct persons per cell.
fn persons(keys: &[u64], n: u64, max_run: u64) -> Cost {
    let mut cost = Cost::default();
    let mut cells = 1;
    for key in keys {
        cells *= key;
        cost = cost.then(table::and(n, cells));
    }
    cost.then(table::segmented_or(n, cells, max_run)).then(table::to_arithmetic(n, cells, RingSize::Z64))
}

pub(super) fn planes_of(def: &ColumnDef) -> u64 {
    match def.encoding {
        Encoding::Planes(width) => u64::from(width),
        Encoding::Bit => 1,
        Encoding::Arithmetic(_) => 0,
    }
}

/// The values at ranks: a sort by cell and value beside the counts of the cells, then one read for each cell and rank.
fn ranks_of(keys: &[u64], n: u64, width: u64, ranks: &[Rank]) -> Cost {
    let cells: u64 = keys.iter().product();
    let index: u64 = keys.iter().map(|key| table::bits_below(*key)).sum();
    let payload = Encoding::Planes(u32::try_from(width).unwrap_or(u32::MAX));
    let sorted = sort::sort(n, width + index + 1, &[payload]);
    let reads = cells * ranks.len() as u64;
    let place = table::bits_below(n).max(1);
    let mut places = table::to_arithmetic(n, 1, RingSize::Z64).then(sums_of(keys, RingSize::Z64, n, 1));
    let divided = ranks
        .iter()
        .filter(|rank| rank.denominator > 1)
        .map(|rank| table::divide_by_public(cells, i128::from(rank.denominator), RingSize::Z64));
    places = places.then(divided.fold(Cost::default(), Cost::beside)).then(table::all_bits(reads, place));
    sorted.beside(places).then(table::read(n, width, reads, place)).then(table::to_arithmetic(
        reads,
        width,
        RingSize::Z64,
    ))
}

/// Distinct persons per cell by numbers, of `measures` measures that share a sort of parts of so many rows.
fn numbered_persons(keys: &[u64], parts: &[u64], (bits, in_planes): (u64, bool), measures: u64) -> Cost {
    let mut coded = Cost::default();
    let mut cells = 1;
    for key in keys {
        cells *= key;
        let planes = parts.iter().map(|rows| table::and(*rows, cells)).fold(Cost::default(), Cost::beside);
        coded = coded.then((0..measures).fold(Cost::default(), |all, _| all.beside(planes)));
    }
    table::distinct(parts, (bits, in_planes), measures * cells, coded)
}

/// Whether numbers are shared as planes.
pub(super) fn in_planes(parts: &[NumberedPart], columns: &[&ColumnDef]) -> bool {
    let first = parts.first().and_then(|part| columns.get(part.number));
    first.is_some_and(|def| matches!(def.encoding, Encoding::Planes(_)))
}

/// The sums per cell of `members` columns.
fn sums_of(keys: &[u64], ring: RingSize, n: u64, members: u64) -> Cost {
    let Some((_, before)) = keys.split_last() else { return Cost::default() };
    let codes: u64 = keys.iter().sum();
    let mut cost = if ring == RingSize::Z128 { table::widen(n * codes) } else { Cost::default() };
    let mut scaled = members;
    for key in before {
        scaled *= key;
        cost = cost.then(table::multiply(scaled * n, ring));
    }
    cost.then(table::multiply(members * keys.iter().product::<u64>(), ring))
}

/// Sums are local; running products double their distance in every step; pooled sums go cell by cell.
fn fold(fold: &Fold) -> Cost {
    let runs = (fold.axis.outer * fold.axis.inner) as u64;
    let length = fold.axis.length as u64;
    match fold.how {
        How::Sum | How::FromStart | How::FromEnd => Cost::default(),
        How::Product { fraction } => {
            let products = table::running_products(runs, length, u64::from(fraction));
            fold.columns.iter().fold(Cost::default(), |cost, _| cost.beside(products))
        }
        How::Pool => {
            let asking = fold.at_least.iter().filter(|&&least| least > 0).count() as u64;
            let bits = u64::from(fold.pooled_bits());
            table::pool(runs, length, [asking, fold.at_least.len() as u64], bits)
        }
    }
}

fn lasso(lasso: &Lasso, n: u64, columns: &[&ColumnDef]) -> Cost {
    let terms = lasso.features.len() as u64;
    let ring = match columns.get(lasso.target.column).map(|def| def.encoding) {
        Some(Encoding::Arithmetic(ring)) => ring,
        Some(Encoding::Bit | Encoding::Planes(_)) | None => RingSize::Z64,
    };
    if lasso.family == Family::Cox {
        let all = lasso.features.iter().chain([&lasso.target]);
        let bits = all.map(|term| u64::from(term.bits)).max().unwrap_or_default();
        return cox::cox(terms, lasso.times.len() as u64, n, bits);
    }
    match lasso.family {
        Family::Lasso => model::lasso(lasso, n, ring),
        Family::Linear => model::linear(lasso, n, ring),
        Family::Logistic | Family::Poisson => newton::newton(lasso, n, ring),
        Family::Cox => Cost::default(),
    }
}

/// The gate: comparisons in one batch, trees of ANDs side by side, one batch of products; then shares to the analyst.
/// All gates in one batch of comparisons, then a tree of ANDs for each value. Giving the row to the rows is local.
fn broadcast<'p>(broadcast: &Broadcast, columns: &dyn Fn(NodeId) -> Vec<&'p ColumnDef>) -> Cost {
    let mut bits = Vec::new();
    let mut trees = Cost::default();
    for value in &broadcast.values {
        let own = columns(value.from);
        bits.extend(value.gate.iter().map(|gate| threshold_bits((gate.persons, gate.at_least), &own)));
        let conditions = value.gate.len() as u64 + u64::from(value.known.is_some());
        trees = trees.beside(table::and_many(1, conditions));
    }
    let compare = match bits.iter().max() {
        Some(widest) => table::negative(bits.len() as u64, *widest),
        None => Cost::default(),
    };
    compare.then(trees)
}

fn release(release: &Release, n: u64, columns: &[&ColumnDef]) -> Cost {
    let all = release.gate.iter().chain(release.outputs.iter().flat_map(|output| &output.gate));
    let distinct: BTreeSet<(usize, u64)> = all.map(|t| (t.persons, t.at_least)).collect();
    let bits = distinct.iter().map(|t| threshold_bits(*t, columns)).max().unwrap_or_default();
    let compare =
        if distinct.is_empty() { Cost::default() } else { table::negative(n * distinct.len() as u64, bits) };
    let of_row = release.gate.len() as u64 + u64::from(release.present.is_some());
    let shows_rows = matches!(release.rows, Rows::Groups(_) | Rows::Chosen(_));
    let mut trees = if shows_rows { table::and_many(n, of_row) } else { Cost::default() };
    let mut masked: BTreeMap<RingSize, u64> = BTreeMap::new();
    let mut result = if shows_rows && of_row > 0 { table::component(Encoding::Bit, n) } else { 0 };
    for output in &release.outputs {
        let own = output.gate.len() as u64 + u64::from(output.known.is_some());
        let own_bit = if own == 0 { of_row > 0 && !shows_rows } else { true };
        if own_bit {
            trees = trees.beside(table::and_many(n, own + of_row));
            result += table::component(Encoding::Bit, n);
        }
        let encoding = columns.get(output.value).map_or(Encoding::Bit, |def| def.encoding);
        result += table::component(encoding, n);
        if let (Encoding::Arithmetic(ring), true) = (encoding, own_bit || of_row > 0) {
            *masked.entry(ring).or_default() += 1;
        }
    }
    let mask = |(ring, outputs): (RingSize, u64)| table::mask(n * outputs, ring);
    let masks = masked.into_iter().map(mask).fold(Cost::default(), Cost::beside);
    let (ordered, result) = match &release.rows {
        Rows::Chosen(chosen) => choose(chosen, release, n, columns),
        Rows::One | Rows::Groups(_) | Rows::Terms(_) => (Cost::default(), result),
    };
    let sent = Cost { rounds: 1, result_bytes: 2 * result, ..Cost::default() };
    compare.then(trees).then(masks).then(ordered).then(sent)
}

/// Sorts the groups behind their gate, or moves those present to the front; and the bytes of those that are revealed.
fn choose(chosen: &Chosen, release: &Release, n: u64, columns: &[&ColumnDef]) -> (Cost, u64) {
    let mut payload = vec![Encoding::Bit];
    for output in &release.outputs {
        payload.extend((output.known.is_some() || !output.gate.is_empty()).then_some(Encoding::Bit));
        payload.extend(columns.get(output.value).map(|def| def.encoding));
    }
    let (widths, planes) = order_of(chosen, release, columns);
    let of_key = |width: u64| table::all_bits(n, width).then(table::and(n, width));
    let bits = widths.into_iter().map(of_key).fold(Cost::default(), Cost::beside);
    let rows = chosen.rows(usize::try_from(n).unwrap_or(usize::MAX)) as u64;
    let moved = if planes == 1 {
        table::compact(n, &payload)
    } else {
        sort::first_rows(n, planes, &payload, (chosen.skip as u64).min(n) + rows)
    };
    (bits.then(moved), payload.into_iter().map(|encoding| table::component(encoding, rows)).sum())
}

/// The widths of the keys that rows are ordered by, and the planes of all of them, which say too which rows are there.
pub(super) fn order_of(chosen: &Chosen, release: &Release, columns: &[&ColumnDef]) -> (Vec<u64>, u64) {
    let key = |output: usize| release.outputs.get(output).and_then(|output| columns.get(output.value));
    let defs = chosen.order.iter().filter_map(|order| key(order.output));
    let widths: Vec<u64> = defs.map(|def| u64::from(crate::plan::width_of(def.range))).collect();
    let planes = 1 + widths.iter().map(|width| width + 1).sum::<u64>();
    (widths, planes)
}

/// The width at which a number of persons less its threshold is compared.
fn threshold_bits((persons, at_least): (usize, u64), columns: &[&ColumnDef]) -> u64 {
    let Some(def) = columns.get(persons) else { return 1 };
    let limit = i128::from(at_least);
    signed_bits(def.range.lo.saturating_sub(limit)).max(signed_bits(def.range.hi.saturating_sub(limit)))
}

/// The least width in which a number fits in two's complement.
fn signed_bits(value: i128) -> u64 {
    let magnitude = if value < 0 { !value } else { value };
    u64::from(129 - magnitude.leading_zeros())
}
