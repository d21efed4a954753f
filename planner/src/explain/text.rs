//! Nodes and sizes in words.

use std::collections::BTreeSet;

use crate::catalog::Federation;
use crate::cost::LinkSpeed;
use crate::plan::{
    Aggregate, Assemble, Broadcast, Chosen, ColumnDef, Compute, Encoding, Family, Fold, Group, HashedJoin,
    How, Input, Lasso, LassoOutput, Matching, Measure, Multiplicity, Node, Op, Order, Release, RingSize,
    Rows, SecurePlan, SortKey, Threshold,
};

/// Bytes with a unit, in at most four digits.
pub(super) fn bytes(count: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (size, unit) in units {
        if count >= size {
            let tenths = count / (size / 10);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{count} B")
}

/// `0.012 s`.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.3} s") } else { format!("{seconds:.0} s") }
}

/// What an estimate of seconds rests on.
pub(super) fn link(link: LinkSpeed) -> String {
    let (whole, rest) = (link.rtt_us / 1_000, link.rtt_us % 1_000);
    let fraction = format!(".{rest:03}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!(
        "messages take {whole}{fraction} ms there and back and a party sends {} a second",
        bytes(link.bytes_per_second)
    )
}

/// `1 round`, `2 rounds`.
pub(super) fn plural(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// `a, b and c`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// The parties on seats 0, 1, 2.
pub(super) fn seats(federation: &Federation) -> Vec<&str> {
    let on = |seat: usize| federation.parties.iter().find(|party| party.seat == Some(seat));
    (0..3).filter_map(|seat| on(seat).map(|party| party.name.as_str())).collect()
}

/// A node's kind.
pub(super) fn kind(node: &Node) -> &'static str {
    match node {
        Node::Input(_) => "Input",
        Node::HashedJoin(join) => match join.matching {
            Matching::Pseudonyms { .. } => "HashedJoin",
            Matching::Oblivious { .. } => "ObliviousJoin",
        },
        Node::Union(_) => "Union",
        Node::Compute(_) => "Compute",
        Node::Broadcast(_) => "Broadcast",
        Node::Aggregate(_) => "Aggregate",
        Node::Fold(_) => "Fold",
        Node::Assemble(_) => "Assemble",
        Node::Group(_) => "Group",
        Node::Lasso(lasso) => match lasso.family {
            Family::Lasso if lasso.by_sum => "Ridge",
            Family::Lasso if lasso.l1_ratio < 1.0 => "ElasticNet",
            Family::Lasso => "Lasso",
            Family::Linear if lasso.is_penalised() => "Ridge",
            Family::Linear => "LinearRegression",
            Family::Logistic => "LogisticRegression",
            Family::Poisson => "PoissonRegression",
            Family::Cox => "ProportionalHazards",
        },
        Node::Release(_) => "Release",
    }
}

/// Where a node runs.
pub(super) fn place(plan: &SecurePlan, federation: &Federation, index: usize) -> String {
    let Some(node) = plan.nodes.get(index) else { return String::new() };
    match node {
        Node::Input(input) if plan.at_home().stays(index) => format!("at {}", owner(input, federation)),
        Node::Input(input) => format!("at {}, then secure", owner(input, federation)),
        Node::Union(_) if plan.at_home().stays(index) => "at each owner".to_owned(),
        Node::Aggregate(_) if plan.at_home().sums(index).is_some() => {
            format!("at {}, then secure", listed(&owners(plan, federation, index)))
        }
        Node::Release(_) => "secure, then to the analyst".to_owned(),
        Node::HashedJoin(_)
        | Node::Union(_)
        | Node::Compute(_)
        | Node::Broadcast(_)
        | Node::Aggregate(_)
        | Node::Fold(_)
        | Node::Assemble(_)
        | Node::Group(_)
        | Node::Lasso(_) => "secure".to_owned(),
    }
}

fn owner<'f>(input: &Input, federation: &'f Federation) -> &'f str {
    federation.parties.get(input.owner.0).map_or("?", |party| party.name.as_str())
}

/// Who makes the sums of a node at home.
fn owners<'f>(plan: &SecurePlan, federation: &'f Federation, index: usize) -> Vec<&'f str> {
    let mut names = Vec::new();
    for (id, _) in plan.at_home().sums(index).unwrap_or_default() {
        if let Some(Node::Input(input)) = plan.nodes.get(id.0)
            && !names.contains(&owner(input, federation))
        {
            names.push(owner(input, federation));
        }
    }
    names
}

/// The protocol that a node runs.
pub(super) fn protocol(plan: &SecurePlan, federation: &Federation, index: usize) -> String {
    let Some(node) = plan.nodes.get(index) else { return String::new() };
    match node {
        Node::Input(_) | Node::Union(_) if plan.at_home().stays(index) => {
            "in the clear; no row leaves".to_owned()
        }
        Node::Aggregate(_) if plan.at_home().sums(index).is_some() => {
            "sums in the clear, which are shared; replicated secret sharing".to_owned()
        }
        Node::Input(_) => "replicated secret sharing".to_owned(),
        Node::HashedJoin(join) => matching(join.matching, federation),
        Node::Union(_) | Node::Assemble(_) => "no communication".to_owned(),
        Node::Compute(_) => "arithmetic and comparisons on shares".to_owned(),
        Node::Broadcast(_) => "gate on shares; one secret row repeated, opened to nobody".to_owned(),
        Node::Aggregate(aggregate) => aggregate_protocol(aggregate),
        Node::Fold(fold) => match fold.how {
            How::Sum | How::FromStart | How::FromEnd => "no communication".to_owned(),
            How::Product { .. } => "products of fixed-point numbers, doubling the distance".to_owned(),
            How::Pool => "sums and comparisons, one cell after the other".to_owned(),
        },
        Node::Group(group) => {
            let sorts = "radix sort by key, prefix sums, groups moved to the front";
            let ranked = group.measures.iter().any(|measure| matches!(measure, Measure::AtRank { .. }));
            let ranks = if ranked { "; radix sort by key and value, rows at ranks picked" } else { "" };
            format!("{sorts}{ranks}")
        }
        Node::Lasso(lasso) => match lasso.family {
            Family::Lasso => "sufficient statistics, ADMM and Newton steps on shares".to_owned(),
            Family::Linear => "sufficient statistics, normal equations on shares".to_owned(),
            Family::Logistic | Family::Poisson => "standardised rows, Newton steps on shares".to_owned(),
            Family::Cox => "risk sets by one-hot times, Newton steps on shares".to_owned(),
        },
        Node::Release(_) => "gate on shares; every seat sends its shares to the analyst alone".to_owned(),
    }
}

fn aggregate_protocol(aggregate: &Aggregate) -> String {
    let sums = if aggregate.keys.is_empty() { "sums of shares" } else { "one-hot dot products" };
    if aggregate.measures.iter().any(|measure| matches!(measure, Measure::AtRank { .. })) {
        return format!("{sums}; radix sort, reads at secret places");
    }
    sums.to_owned()
}

/// How identifiers are compared.
pub(super) fn matching(matching: Matching, federation: &Federation) -> String {
    match matching {
        Matching::Pseudonyms { matcher } => {
            let matcher = federation.parties.iter().find(|party| party.seat == Some(matcher));
            format!(
                "HMAC-SHA-256 pseudonyms, compared by {}",
                matcher.map_or("?", |party| party.name.as_str())
            )
        }
        Matching::Oblivious { bits } => {
            format!(
                "HMAC-SHA-256 hashes of {bits} bits as shares, sorted and compared inside; nobody learns anything"
            )
        }
    }
}

/// What a node does, in a line.
pub(super) fn summary(plan: &SecurePlan, federation: &Federation, index: usize) -> String {
    let Some(node) = plan.nodes.get(index) else { return String::new() };
    match node {
        Node::Input(input) => self::input(input, federation, plan.at_home().stays(index)),
        Node::HashedJoin(join) => self::join(join),
        Node::Union(union) => format!("{} tables stacked", union.inputs.len()),
        Node::Compute(compute) => self::compute(compute),
        Node::Broadcast(broadcast) => self::broadcast(broadcast),
        Node::Aggregate(aggregate) => self::aggregate(aggregate),
        Node::Fold(fold) => self::fold(fold),
        Node::Assemble(assemble) => self::assemble(assemble),
        Node::Group(group) => self::group(group),
        Node::Lasso(lasso) => self::lasso(lasso),
        Node::Release(release) => self::release(release),
    }
}

fn input(input: &Input, federation: &Federation, stays: bool) -> String {
    let owner = owner(input, federation);
    let tables: Vec<_> = input.tables.iter().map(|table| format!("{owner}.{table}")).collect();
    let mut names: Vec<&str> = Vec::new();
    for column in &input.columns {
        if !names.contains(&column.def.name.as_str()) {
            names.push(&column.def.name);
        }
    }
    let order = match &input.order {
        Order::Local => "",
        Order::Shuffled { .. } => "; in a fresh secret order",
        Order::Adjacent(_) => "; rows of a person together",
    };
    let names = if names.is_empty() { "no column".to_owned() } else { names.join(", ") };
    let does = if stays { "has" } else { "shares" };
    format!("{} {does} {names}{order}", tables.join(" and "))
}

fn join(join: &HashedJoin) -> String {
    let rows = match join.multiplicity {
        Multiplicity::OneToOne => "1:1".to_owned(),
        Multiplicity::ManyToOne => format!("up to {}:1", join.stay_key.max_rows),
    };
    let equal = if join.normalised { "= (HASHED)" } else { "=" };
    format!("{} {equal} {}, {rows}", join.stay_key.name, join.moved_key.name)
}

fn compute(compute: &Compute) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for op in &compute.ops {
        let Some(word) = word(op) else { continue };
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let work: Vec<_> = counts.into_iter().map(|(word, count)| plural(count, word)).collect();
    let names: Vec<_> = compute.outputs.iter().map(|(_, def)| def.name.as_str()).collect();
    let work = if work.is_empty() { "local arithmetic".to_owned() } else { work.join(", ") };
    format!("{} ({work})", unique(&names))
}

fn broadcast(broadcast: &Broadcast) -> String {
    let given = broadcast.columns.iter().rev().skip(1).step_by(2).take(broadcast.values.len());
    let mut names: Vec<&str> = given.map(|def| def.name.as_str()).collect();
    names.reverse();
    let demands: BTreeSet<String> =
        broadcast.values.iter().flat_map(|value| &value.gate).map(demand).collect();
    let demands: Vec<_> = demands.into_iter().collect();
    let gate =
        if demands.is_empty() { "nothing".to_owned() } else { format!("at least {}", demands.join(", ")) };
    format!("{} given to every row, opened to nobody; gate: {gate}", unique(&names))
}

/// What costs rounds.
fn word(op: &Op) -> Option<&'static str> {
    match op {
        Op::Multiply(..) => Some("product"),
        Op::Negative { .. } | Op::Zero { .. } => Some("comparison"),
        Op::And(..) | Op::Or(..) => Some("AND"),
        Op::Select { .. } => Some("choice"),
        Op::Divide { .. } | Op::DivideByConstant { .. } => Some("division"),
        Op::DivideByRoot { .. } => Some("division by a square root"),
        Op::BitToArithmetic { .. } | Op::Widen(_) | Op::ToPlanes { .. } => Some("conversion"),
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
        | Op::PublicBit(_) => None,
    }
}

fn aggregate(aggregate: &Aggregate) -> String {
    let names: Vec<_> = aggregate.columns.iter().map(|def| def.name.as_str()).collect();
    let cells = aggregate.cells();
    let persons = aggregate
        .measures
        .iter()
        .any(|measure| matches!(measure, Measure::Persons { .. } | Measure::DistinctNumbers { .. }));
    let counting = if persons { "; persons counted once" } else { "" };
    let ranked = aggregate.measures.iter().any(|measure| matches!(measure, Measure::AtRank { .. }));
    let counting =
        if ranked { format!("{counting}; values sorted, ranks read") } else { counting.to_owned() };
    let by = if aggregate.keys.is_empty() {
        String::new()
    } else {
        format!(" in {}", plural(cells as u64, "cell"))
    };
    format!("{}{by}{counting}", unique(&names))
}

fn fold(fold: &Fold) -> String {
    let names: Vec<_> = fold.columns.iter().map(|def| def.name.as_str()).collect();
    let what = match fold.how {
        How::Sum => "sums over",
        How::FromStart => "running sums over",
        How::FromEnd => "running sums from the end of",
        How::Product { .. } => "running products over",
        How::Pool => "sums until there are enough over",
    };
    format!("{what} {} cells: {}", fold.axis.length, unique(&names))
}

fn assemble(assemble: &Assemble) -> String {
    let names: Vec<_> = assemble.columns.iter().map(|def| def.name.as_str()).collect();
    format!("{} side by side", unique(&names))
}

fn group(group: &Group) -> String {
    let names: Vec<_> = group.columns.iter().map(|def| def.name.as_str()).collect();
    let any = |wanted: fn(&Measure) -> bool| group.measures.iter().any(wanted);
    let persons =
        any(|measure| matches!(measure, Measure::PersonsBy { .. } | Measure::DistinctNumbers { .. }));
    let counted = if persons { "; persons counted once" } else { "" };
    let ranked = any(|measure| matches!(measure, Measure::AtRank { .. }));
    let sorted = if ranked { "; values sorted, ranks picked" } else { "" };
    format!("{} by key{counted}{sorted}", unique(&names))
}

fn lasso(lasso: &Lasso) -> String {
    let names: Vec<_> = lasso.features.iter().map(|term| term.name.as_str()).collect();
    let what = match lasso.output {
        LassoOutput::Coefficients => "coefficients",
        LassoOutput::Summary => "summary",
    };
    if lasso.family == Family::Cox {
        let times = lasso.times.len();
        return format!("{what} of {} over {times} times on {}", lasso.target.name, names.join(", "));
    }
    let scale = if lasso.standardize { ", standardised" } else { "" };
    let intercept = if lasso.intercept { "" } else { ", no intercept" };
    let ratio = match lasso.family {
        Family::Lasso if lasso.l1_ratio < 1.0 && !lasso.by_sum => format!(", l1_ratio = {}", lasso.l1_ratio),
        Family::Logistic if lasso.is_penalised() && lasso.l1_ratio > 0.0 => ", l1".to_owned(),
        Family::Lasso | Family::Linear | Family::Logistic | Family::Poisson | Family::Cox => String::new(),
    };
    let folds = match lasso.folds.len() {
        0 => String::new(),
        others => format!(", chosen by {} folds", others + 1),
    };
    let offset = match &lasso.offset {
        None => String::new(),
        Some(term) => format!(", offset {}", term.name),
    };
    let alphas: Vec<String> = lasso.alphas.iter().map(f64::to_string).collect();
    format!(
        "{what} of {} on {}; alpha = {}{ratio}{folds}{scale}{intercept}{offset}",
        lasso.target.name,
        names.join(", "),
        alphas.join(", ")
    )
}

fn release(release: &Release) -> String {
    let mut names: Vec<&str> = Vec::new();
    let rows = match &release.rows {
        Rows::One => String::new(),
        Rows::Groups(keys) => {
            names.extend(keys.iter().map(|key| key.field.name().as_str()));
            "groups; ".to_owned()
        }
        Rows::Chosen(chosen) => self::chosen(chosen, release),
        Rows::Terms(_) => {
            names.push("term");
            String::new()
        }
    };
    names.extend(release.outputs.iter().map(|output| output.field.name().as_str()));
    let gates: Vec<&Threshold> =
        release.gate.iter().chain(release.outputs.iter().flat_map(|o| &o.gate)).collect();
    let demands: BTreeSet<String> = gates.iter().map(|gate| demand(gate)).collect();
    let demands: Vec<_> = demands.into_iter().collect();
    let gate =
        if demands.is_empty() { "nothing".to_owned() } else { format!("at least {}", demands.join(", ")) };
    format!("{}; {rows}gate: {gate}", names.join(", "))
}

/// `the first 3 groups by n descending, sorted inside; `.
fn chosen(chosen: &Chosen, release: &Release) -> String {
    let name = |key: &SortKey| {
        let name = release.outputs.get(key.output).map_or("?", |output| output.field.name().as_str());
        if key.descending { format!("{name} descending") } else { name.to_owned() }
    };
    let order: Vec<String> = chosen.order.iter().map(name).collect();
    let by = if order.is_empty() { String::new() } else { format!(" by {}", order.join(", ")) };
    match (chosen.skip, chosen.fetch) {
        (0, None) => format!("groups{by}, moved to the front inside; "),
        (0, Some(fetch)) => format!("the first {}{by}, chosen inside; ", plural(fetch as u64, "group")),
        (skip, None) => format!("groups{by} but the first {skip}, chosen inside; "),
        (skip, Some(fetch)) => {
            format!("{}{by} after the first {skip}, chosen inside; ", plural(fetch as u64, "group"))
        }
    }
}

/// `10 people of hospital`.
pub(crate) fn demand(threshold: &Threshold) -> String {
    match threshold.reason.strip_prefix("min_people of ") {
        Some(owner) => format!("{} people of {owner}", threshold.at_least),
        None => format!("{} people ({})", threshold.at_least, threshold.reason),
    }
}

/// Names, each once, the first few of them.
fn unique(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(name) {
            once.push(name);
        }
    }
    let more = once.len().saturating_sub(SHOWN);
    once.truncate(SHOWN);
    if more > 0 { format!("{} and {more} more", once.join(", ")) } else { once.join(", ") }
}

/// `days: Z_2^64, 0 to 366`.
pub(super) fn column(def: &ColumnDef) -> String {
    let encoding = match def.encoding {
        Encoding::Arithmetic(RingSize::Z64) => "Z_2^64".to_owned(),
        Encoding::Arithmetic(RingSize::Z128) => "Z_2^128".to_owned(),
        Encoding::Bit => "bit".to_owned(),
        Encoding::Planes(width) => format!("{width} bits"),
    };
    match def.encoding {
        Encoding::Bit => format!("{}: {encoding}", def.name),
        Encoding::Arithmetic(_) | Encoding::Planes(_) => {
            format!("{}: {encoding}, {} to {}", def.name, def.range.lo, def.range.hi)
        }
    }
}
