//! Random queries over the tables of [`super::schema`].
#![expect(clippy::format_push_string, reason = "a query is put together piece by piece")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::schema::{Federation, Kind};

/// Which rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Hospital,
    Insurer,
    /// Both on top of each other.
    Stacked,
    /// Side by side, by this join.
    Joined(&'static str),
}

/// A condition on rows.
#[derive(Clone, Debug)]
enum Condition {
    Compare(Index, &'static str, u16),
    Columns(Index, &'static str, Index),
    IsNull(Index, bool),
    In(Index, u16, u16),
    Not(Box<Condition>),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
}

/// What is computed of an aggregate's column.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Star,
    Count,
    Distinct,
    People,
    /// An aggregate of a number.
    Of(&'static str),
    /// An aggregate of two numbers.
    OfTwo(&'static str),
    /// A sum of an expression over two numbers.
    Sum(&'static str),
    /// MIN or MAX of anything.
    Extreme(&'static str),
    Truth(&'static str),
}

/// An aggregate among the outputs.
#[derive(Clone, Debug)]
struct Output {
    shape: Shape,
    one: Index,
    two: Index,
    filter: Option<Condition>,
}

/// How keys make groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    Plain,
    Rollup,
    Cube,
    /// Each key alone.
    Sets,
}

/// A query.
#[derive(Clone, Debug)]
pub(super) struct Query {
    from: From,
    filter: Option<Condition>,
    keys: Vec<Index>,
    grouping: Grouping,
    outputs: Vec<Output>,
    having: Option<u8>,
    limit: Option<u8>,
}

/// A column that a query may name.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    kind: Kind,
}

fn condition() -> impl Strategy<Value = Condition> {
    let operator = || prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        3 => (any::<Index>(), operator(), any::<u16>()).prop_map(|(column, operator, value)| Condition::Compare(column, operator, value)),
        2 => (any::<Index>(), operator(), any::<Index>()).prop_map(|(one, operator, two)| Condition::Columns(one, operator, two)),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(column, not)| Condition::IsNull(column, not)),
        1 => (any::<Index>(), any::<u16>(), any::<u16>()).prop_map(|(column, one, two)| Condition::In(column, one, two)),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
            (inner.clone(), inner.clone())
                .prop_map(|(one, two)| Condition::Both(Box::new(one), Box::new(two))),
            (inner.clone(), inner).prop_map(|(one, two)| Condition::Either(Box::new(one), Box::new(two))),
        ]
    })
}

fn output() -> impl Strategy<Value = Output> {
    let shape = prop_oneof![
        Just(Shape::Star),
        Just(Shape::Count),
        Just(Shape::Distinct),
        Just(Shape::People),
        prop::sample::select(vec!["SUM", "AVG", "VAR_SAMP", "VAR_POP", "STDDEV", "MEDIAN"])
            .prop_map(Shape::Of),
        prop::sample::select(vec!["COVAR_SAMP", "COVAR_POP", "CORR"]).prop_map(Shape::OfTwo),
        prop::sample::select(vec![
            "x + y",
            "x - y",
            "x * y",
            "CASE WHEN x > y THEN x ELSE 0 END",
            "COALESCE(x, y)",
            "-x"
        ])
        .prop_map(Shape::Sum),
        prop::sample::select(vec!["MIN", "MAX"]).prop_map(Shape::Extreme),
        prop::sample::select(vec!["BOOL_AND", "BOOL_OR"]).prop_map(Shape::Truth),
    ];
    (shape, any::<Index>(), any::<Index>(), prop::option::weighted(0.2, condition()))
        .prop_map(|(shape, one, two, filter)| Output { shape, one, two, filter })
}

pub(super) fn query() -> impl Strategy<Value = Query> {
    let from = prop_oneof![
        2 => Just(From::Hospital),
        1 => Just(From::Insurer),
        2 => Just(From::Stacked),
        4 => Just(From::Joined("JOIN")),
        1 => prop::sample::select(vec!["LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]).prop_map(From::Joined),
    ];
    (
        from,
        prop::option::of(condition()),
        vec(any::<Index>(), 0..3),
        prop_oneof![
            8 => Just(Grouping::Plain),
            1 => prop::sample::select(vec![Grouping::Rollup, Grouping::Cube, Grouping::Sets]),
        ],
        vec(output(), 1..4),
        prop::option::weighted(0.15, 0u8..6),
        prop::option::weighted(0.2, 0u8..4),
    )
        .prop_map(|(from, filter, keys, grouping, outputs, having, limit)| Query {
            from,
            filter,
            keys,
            grouping,
            outputs,
            having,
            limit,
        })
}

impl Condition {
    fn sql(&self, columns: &[Named]) -> String {
        let named = |index: &Index| index.get(columns);
        match self {
            Condition::Compare(column, operator, value) => {
                let Named { name, kind } = named(column);
                format!("{name} {operator} {}", kind.literal(*value))
            }
            Condition::Columns(one, operator, two) => {
                let one = named(one);
                let same: Vec<&Named> = columns
                    .iter()
                    .filter(|other| other.kind == one.kind || other.kind.is_number() && one.kind.is_number())
                    .collect();
                format!("{} {operator} {}", one.name, two.get(&same).name)
            }
            Condition::IsNull(column, not) => {
                format!("{} IS {}NULL", named(column).name, if *not { "NOT " } else { "" })
            }
            Condition::In(column, one, two) => {
                let Named { name, kind } = named(column);
                format!("{name} IN ({}, {})", kind.literal(*one), kind.literal(*two))
            }
            Condition::Not(one) => format!("NOT ({})", one.sql(columns)),
            Condition::Both(one, two) => format!("({}) AND ({})", one.sql(columns), two.sql(columns)),
            Condition::Either(one, two) => format!("({}) OR ({})", one.sql(columns), two.sql(columns)),
        }
    }
}

impl Output {
    /// The aggregate, and its argument if it has one that may be NULL.
    fn parts(&self, columns: &[Named]) -> (String, Option<String>) {
        let numbers: Vec<&Named> = columns.iter().filter(|column| column.kind.is_number()).collect();
        let truths: Vec<&Named> = columns.iter().filter(|column| column.kind == Kind::Truth).collect();
        let star = ("COUNT(*)".to_owned(), None);
        let one = |columns: &[&Named]| self.one.get(columns).name.clone();
        let (aggregate, argument) = match self.shape {
            Shape::Count => {
                let name = self.one.get(columns).name.clone();
                (format!("COUNT({name})"), Some(name))
            }
            Shape::Distinct => {
                let name = self.one.get(columns).name.clone();
                (format!("COUNT(DISTINCT {name})"), Some(name))
            }
            Shape::People => ("COUNT(DISTINCT id)".to_owned(), Some("id".to_owned())),
            Shape::Of(function) if !numbers.is_empty() => {
                let name = one(&numbers);
                (format!("{function}({name})"), Some(name))
            }
            Shape::OfTwo(function) if !numbers.is_empty() => {
                let (x, y) = (one(&numbers), self.two.get(&numbers).name.clone());
                (format!("{function}({x}, {y})"), Some(format!("{x} + {y}")))
            }
            Shape::Sum(form) if !numbers.is_empty() => {
                let argument = form.replace('x', &one(&numbers)).replace('y', &self.two.get(&numbers).name);
                (format!("SUM({argument})"), Some(argument))
            }
            Shape::Extreme(function) => {
                let name = self.one.get(columns).name.clone();
                (format!("{function}({name})"), Some(name))
            }
            Shape::Truth(function) if !truths.is_empty() => {
                let name = one(&truths);
                (format!("{function}({name})"), Some(name))
            }
            Shape::Star | Shape::Of(_) | Shape::OfTwo(_) | Shape::Sum(_) | Shape::Truth(_) => star,
        };
        match &self.filter {
            Some(filter) => (format!("{aggregate} FILTER (WHERE {})", filter.sql(columns)), argument),
            None => (aggregate, argument),
        }
    }
}

impl Query {
    /// The columns that it may name, and whose persons count: an expression for each owner's identifier.
    fn columns(&self, federation: &Federation) -> (Vec<Named>, Vec<&'static str>) {
        let of = |columns: &[super::schema::Column], alias: &str, prefix: &str| {
            let named = columns
                .iter()
                .enumerate()
                .map(|(index, column)| Named { name: format!("{alias}{prefix}{index}"), kind: column.kind });
            named.collect::<Vec<_>>()
        };
        let left = &federation.left.columns;
        let right = &federation.right.columns;
        match self.from {
            From::Hospital => (of(left, "", "a"), vec!["id"]),
            From::Insurer => (of(right, "", "b"), vec!["id"]),
            From::Stacked => {
                (of(left, "", "a"), vec!["CASE WHEN o = 0 THEN id END", "CASE WHEN o = 1 THEN id END"])
            }
            From::Joined(_) => ([of(left, "t.", "a"), of(right, "u.", "b")].concat(), vec!["t.id", "u.id"]),
        }
    }

    fn from(&self, federation: &Federation, tagged: bool) -> String {
        match self.from {
            From::Hospital => "hospital.t".to_owned(),
            From::Insurer => "insurer.u".to_owned(),
            From::Stacked => {
                let names: Vec<String> =
                    (0..federation.left.columns.len()).map(|index| format!("a{index}")).collect();
                let tag = |owner: u8| if tagged { format!("{owner} AS o, ") } else { String::new() };
                format!(
                    "(SELECT {}id, {names} FROM hospital.t UNION ALL SELECT {}id, {names} FROM clinic.t) AS s",
                    tag(0),
                    tag(1),
                    names = names.join(", ")
                )
            }
            From::Joined(join) => format!("hospital.t t {join} insurer.u u ON HASHED(t.id) = HASHED(u.id)"),
        }
    }

    fn keys(&self, columns: &[Named]) -> Vec<String> {
        // Most keys have a closed domain.
        let closed: Vec<&Named> = columns.iter().filter(|column| column.kind.is_closed()).collect();
        let name = |key: &Index| {
            if closed.is_empty() || key.index(3) == 0 { key.get(columns) } else { *key.get(&closed) }
                .name
                .clone()
        };
        let mut keys: Vec<String> = self.keys.iter().map(name).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// How many of its output columns are keys.
    pub(super) fn key_count(&self, federation: &Federation) -> usize {
        self.keys(&self.columns(federation).0).len()
    }

    /// For each number its text, its argument if that may be NULL, and the rows that it is of.
    fn aggregates(&self, columns: &[Named]) -> Vec<(String, Option<String>, Option<String>)> {
        // A joined row's identifier has two names; that of the hospital is asked for.
        let qualified = |text: String| match self.from {
            From::Joined(_) => text.replace("DISTINCT id", "DISTINCT t.id"),
            From::Hospital | From::Insurer | From::Stacked => text,
        };
        let person = |argument: String| match self.from {
            From::Joined(_) if argument == "id" => "t.id".to_owned(),
            From::Hospital | From::Insurer | From::Stacked | From::Joined(_) => argument,
        };
        let of = |output: &Output| {
            let (aggregate, argument) = output.parts(columns);
            let filter = output.filter.as_ref().map(|filter| filter.sql(columns));
            (qualified(aggregate), argument.map(person), filter)
        };
        let mut all: Vec<_> = self.outputs.iter().map(of).collect();
        if self.having.is_some() {
            // HAVING may use only what is output.
            all.push(("COUNT(*)".to_owned(), None, None));
        }
        all
    }

    /// Everything but the SELECT list.
    fn tail(&self, federation: &Federation, columns: &[Named], tagged: bool) -> String {
        let mut sql = format!(" FROM {}", self.from(federation, tagged));
        if let Some(filter) = &self.filter {
            sql += &format!(" WHERE {}", filter.sql(columns));
        }
        let keys = self.keys(columns);
        if !keys.is_empty() {
            let names = keys.join(", ");
            sql += &match self.grouping {
                Grouping::Plain => format!(" GROUP BY {names}"),
                Grouping::Rollup => format!(" GROUP BY ROLLUP({names})"),
                Grouping::Cube => format!(" GROUP BY CUBE({names})"),
                Grouping::Sets => format!(" GROUP BY GROUPING SETS(({}))", keys.join("), (")),
            };
        }
        if let (Some(least), false) = (self.having, keys.is_empty()) {
            sql += &format!(" HAVING COUNT(*) > {least}");
        }
        if self.limit().is_some() {
            sql += &format!(" ORDER BY {}", keys.join(", "));
        }
        sql
    }

    /// How many groups it asks for; without keys there is one.
    pub(super) fn limit(&self) -> Option<usize> {
        self.limit.filter(|_| !self.keys.is_empty()).map(usize::from)
    }

    /// Its text.
    pub(super) fn sql(&self, federation: &Federation) -> String {
        let (columns, _) = self.columns(federation);
        let keys = self.keys(&columns);
        let aggregates = self.aggregates(&columns).into_iter().enumerate();
        let outputs = aggregates.map(|(index, (aggregate, _, _))| format!("{aggregate} AS v{index}"));
        let select: Vec<String> = keys.into_iter().chain(outputs).collect();
        let mut sql = format!("SELECT {}{}", select.join(", "), self.tail(federation, &columns, false));
        if let Some(limit) = self.limit() {
            sql += &format!(" LIMIT {limit}");
        }
        sql
    }

    /// Whether the gate's oracle covers it: whose persons an outer join's rows count, and whether the total of grouping sets
    /// is a group, is tested elsewhere.
    pub(super) fn is_gateable(&self) -> bool {
        let plain =
            matches!(self.from, From::Hospital | From::Insurer | From::Stacked | From::Joined("JOIN"));
        let arguments =
            self.outputs.iter().all(|output| !matches!(output.shape, Shape::Sum(_) | Shape::OfTwo(_)));
        let total = matches!(self.grouping, Grouping::Rollup | Grouping::Cube) && !self.keys.is_empty();
        plain && arguments && !total
    }

    /// Its keys and numbers, then for each owner the persons of the row, then for each number and owner the persons
    /// behind it, for all groups in its order. Tags the owners' rows.
    pub(super) fn with_persons(&self, federation: &Federation) -> String {
        let (columns, identifiers) = self.columns(federation);
        let mut select = self.keys(&columns);
        let aggregates = self.aggregates(&columns);
        select
            .extend(aggregates.iter().enumerate().map(|(index, (text, _, _))| format!("{text} AS v{index}")));
        let persons = |condition: &str, identifier: &str| {
            format!("COUNT(DISTINCT CASE WHEN {condition} THEN {identifier} END)")
        };
        let mut counts: Vec<String> =
            identifiers.iter().map(|identifier| persons("true", identifier)).collect();
        for (_, argument, filter) in &aggregates {
            let mut condition =
                argument.as_ref().map_or_else(|| "true".to_owned(), |text| format!("({text}) IS NOT NULL"));
            if let Some(filter) = filter {
                condition += &format!(" AND ({filter})");
            }
            counts.extend(identifiers.iter().map(|identifier| persons(&condition, identifier)));
        }
        select.extend(counts.iter().enumerate().map(|(index, text)| format!("{text} AS p{index}")));
        format!("SELECT {}{}", select.join(", "), self.tail(federation, &columns, true))
    }

    /// How many owners' persons count.
    pub(super) fn owners(&self, federation: &Federation) -> usize {
        self.columns(federation).1.len()
    }

    /// How many numbers it gives.
    pub(super) fn numbers(&self) -> usize {
        self.outputs.len() + usize::from(self.having.is_some())
    }
}
