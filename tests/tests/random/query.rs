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
    /// The different rows of both.
    United,
    /// Both on top of each other, with a key that says whose a row is.
    Sites,
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
    /// A percentile of a number x.
    Percentile(&'static str),
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

/// A comparison with an aggregate of all rows of a table.
#[derive(Clone, Debug)]
struct Inner {
    column: Index,
    operator: &'static str,
    function: &'static str,
    /// Of the hospital or of the insurer.
    left: bool,
    argument: Index,
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
    inner: Option<Inner>,
}

/// A column that a query may name.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    kind: Kind,
    nullable: bool,
}

/// An aggregate over some columns.
struct Aggregate {
    /// Its text.
    text: String,
    /// What makes a row count for its gate: enough persons for each. None: nothing that can be said here.
    behind: Option<Vec<String>>,
    /// Its FILTER.
    filter: Option<String>,
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
        prop::sample::select(vec![
            "PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY x)",
            "PERCENTILE_DISC(0.6) WITHIN GROUP (ORDER BY x)",
            "PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY x DESC)"
        ])
        .prop_map(Shape::Percentile),
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

fn inner() -> impl Strategy<Value = Inner> {
    let operator = prop::sample::select(vec!["<", "<=", ">", ">=", "="]);
    let function = prop::sample::select(vec!["AVG", "MIN", "MAX", "COUNT", "SUM"]);
    let filter = prop::option::weighted(0.4, condition());
    (any::<Index>(), operator, function, any::<bool>(), any::<Index>(), filter).prop_map(
        |(column, operator, function, left, argument, filter)| Inner {
            column,
            operator,
            function,
            left,
            argument,
            filter,
        },
    )
}

pub(super) fn query() -> impl Strategy<Value = Query> {
    let from = prop_oneof![
        2 => Just(From::Hospital),
        1 => Just(From::Insurer),
        2 => Just(From::Stacked),
        1 => prop::sample::select(vec![From::United, From::Sites]),
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
        prop::option::weighted(0.2, inner()),
    )
        .prop_map(|(from, filter, keys, grouping, outputs, having, limit, inner)| Query {
            from,
            filter,
            keys,
            grouping,
            outputs,
            having,
            limit,
            inner,
        })
}

impl Condition {
    fn sql(&self, columns: &[Named]) -> String {
        let named = |index: &Index| index.get(columns);
        match self {
            Condition::Compare(column, operator, value) => {
                let Named { name, kind, .. } = named(column);
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
                let Named { name, kind, .. } = named(column);
                format!("{name} IN ({}, {})", kind.literal(*one), kind.literal(*two))
            }
            Condition::Not(one) => format!("NOT ({})", one.sql(columns)),
            Condition::Both(one, two) => format!("({}) AND ({})", one.sql(columns), two.sql(columns)),
            Condition::Either(one, two) => format!("({}) OR ({})", one.sql(columns), two.sql(columns)),
        }
    }
}

impl Output {
    /// The aggregate; `person` is the identifier that it names.
    fn aggregate(&self, columns: &[Named], person: &str) -> Aggregate {
        let numbers: Vec<&Named> = columns.iter().filter(|column| column.kind.is_number()).collect();
        let truths: Vec<&Named> = columns.iter().filter(|column| column.kind == Kind::Truth).collect();
        let known = |argument: &str| Some(vec![format!("({argument}) IS NOT NULL")]);
        let of = |function: &str, name: &str| (format!("{function}({name})"), known(name));
        let one = |columns: &[&Named]| self.one.get(columns).name.clone();
        let any = &self.one.get(columns).name;
        let (text, behind) = match self.shape {
            Shape::Count => of("COUNT", any),
            Shape::Distinct => (format!("COUNT(DISTINCT {any})"), known(any)),
            Shape::People => (format!("COUNT(DISTINCT {person})"), known(person)),
            Shape::Of(function) if !numbers.is_empty() => of(function, &one(&numbers)),
            Shape::Percentile(form) if !numbers.is_empty() => {
                let name = one(&numbers);
                (form.replace('x', &name), known(&name))
            }
            Shape::OfTwo(function) if !numbers.is_empty() => {
                let (x, y) = (one(&numbers), &self.two.get(&numbers).name);
                (format!("{function}({x}, {y})"), known(&format!("{x} + {y}")))
            }
            Shape::Sum(form) if !numbers.is_empty() => {
                let (x, y): (&Named, &Named) = (*self.one.get(&numbers), *self.two.get(&numbers));
                let argument = form.replace('x', &x.name).replace('y', &y.name);
                (format!("SUM({argument})"), behind_sum(form, &argument, x, y))
            }
            Shape::Extreme(function) => of(function, any),
            Shape::Truth(function) if !truths.is_empty() => of(function, &one(&truths)),
            Shape::Star
            | Shape::Of(_)
            | Shape::Percentile(_)
            | Shape::OfTwo(_)
            | Shape::Sum(_)
            | Shape::Truth(_) => ("COUNT(*)".to_owned(), Some(vec!["true".to_owned()])),
        };
        let filter = self.filter.as_ref().map(|filter| filter.sql(columns));
        let text = match &filter {
            Some(filter) => format!("{text} FILTER (WHERE {filter})"),
            None => text,
        };
        Aggregate { text, behind, filter }
    }
}

/// The rows behind a sum of an expression over two numbers: where it holds a condition, those in which it is not 0, and of
/// these those with each outcome of the condition.
fn behind_sum(form: &str, argument: &str, x: &Named, y: &Named) -> Option<Vec<String>> {
    let nonzero = format!("({argument}) <> 0");
    match form {
        // A product that is never 0 tells no more than its factors.
        "x * y" if x.kind != Kind::Level || y.kind != Kind::Level => Some(vec![nonzero]),
        _ if form.starts_with("CASE") => (x.name != y.name).then(|| vec![nonzero]),
        _ if form.starts_with("COALESCE") => (x.name != y.name && x.nullable && y.nullable).then(|| {
            let outcome = |is_null: &str| format!("{nonzero} AND {} {is_null}", x.name);
            vec![nonzero.clone(), outcome("IS NOT NULL"), outcome("IS NULL")]
        }),
        _ => Some(vec![format!("({argument}) IS NOT NULL")]),
    }
}

impl Query {
    /// The columns that it may name, and whose persons count: an expression for each owner's identifier.
    fn columns(&self, federation: &Federation) -> (Vec<Named>, Vec<&'static str>) {
        let of = |columns: &[super::schema::Column], alias: &str, prefix: &str| {
            let named = columns.iter().enumerate().map(|(index, column)| Named {
                name: format!("{alias}{prefix}{index}"),
                kind: column.kind,
                nullable: column.nullable,
            });
            named.collect::<Vec<_>>()
        };
        let left = &federation.left.columns;
        let right = &federation.right.columns;
        match self.from {
            // With a key that says whose a row is, a group has persons of that owner alone.
            From::Hospital | From::Sites => (of(left, "", "a"), vec!["id"]),
            From::Insurer => (of(right, "", "b"), vec!["id"]),
            From::Stacked | From::United => {
                (of(left, "", "a"), vec!["CASE WHEN o = 0 THEN id END", "CASE WHEN o = 1 THEN id END"])
            }
            From::Joined(_) => ([of(left, "t.", "a"), of(right, "u.", "b")].concat(), vec!["t.id", "u.id"]),
        }
    }

    fn from(&self, federation: &Federation, tagged: bool) -> String {
        match self.from {
            From::Hospital => "hospital.t".to_owned(),
            From::Insurer => "insurer.u".to_owned(),
            From::Stacked | From::United | From::Sites => {
                let names: Vec<String> =
                    (0..federation.left.columns.len()).map(|index| format!("a{index}")).collect();
                let tag = |owner: u8| match (self.from == From::Sites, tagged) {
                    (true, _) => format!("{owner} AS site, "),
                    (false, true) => format!("{owner} AS o, "),
                    (false, false) => String::new(),
                };
                let all = if self.from == From::United { "" } else { " ALL" };
                format!(
                    "(SELECT {}id, {names} FROM hospital.t UNION{all} SELECT {}id, {names} FROM clinic.t) AS s",
                    tag(0),
                    tag(1),
                    names = names.join(", ")
                )
            }
            From::Joined(join) => format!("hospital.t t {join} insurer.u u ON HASHED(t.id) = HASHED(u.id)"),
        }
    }

    /// The comparison with an aggregate of a table, if both have numbers.
    fn compared(&self, federation: &Federation, columns: &[Named]) -> Option<String> {
        let Inner { column, operator, function, left, argument, filter } = self.inner.as_ref()?;
        let (table, prefix, own) =
            if *left { ("hospital.t", "a", &federation.left) } else { ("insurer.u", "b", &federation.right) };
        let inner: Vec<Named> = own
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| Named {
                name: format!("i.{prefix}{index}"),
                kind: column.kind,
                nullable: column.nullable,
            })
            .collect();
        // A mean is compared with what a double holds exactly.
        let exact = |kind: Kind| kind.is_number() && (*function != "AVG" || kind != Kind::Money);
        let outer: Vec<&Named> = columns.iter().filter(|column| exact(column.kind)).collect();
        let numbers: Vec<&Named> = inner.iter().filter(|column| exact(column.kind)).collect();
        if outer.is_empty() || numbers.is_empty() {
            return None;
        }
        let (outer, argument) = (&column.get(&outer).name, &argument.get(&numbers).name);
        let filter =
            filter.as_ref().map_or_else(String::new, |filter| format!(" WHERE {}", filter.sql(&inner)));
        Some(format!("{outer} {operator} (SELECT {function}({argument}) FROM {table} i{filter})"))
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
        if self.from == From::Sites {
            keys.push("site".to_owned());
        }
        keys
    }

    /// How many of its output columns are keys.
    pub(super) fn key_count(&self, federation: &Federation) -> usize {
        self.keys(&self.columns(federation).0).len()
    }

    /// Its aggregates. A joined row's identifier has two names; that of the hospital is asked for.
    fn aggregates(&self, columns: &[Named]) -> Vec<Aggregate> {
        let person = match self.from {
            From::Joined(_) => "t.id",
            From::Hospital | From::Insurer | From::Stacked | From::United | From::Sites => "id",
        };
        let mut all: Vec<Aggregate> =
            self.outputs.iter().map(|output| output.aggregate(columns, person)).collect();
        if self.having.is_some() {
            // HAVING may use only what is output.
            let behind = Some(vec!["true".to_owned()]);
            all.push(Aggregate { text: "COUNT(*)".to_owned(), behind, filter: None });
        }
        all
    }

    /// Everything but the SELECT list.
    fn tail(&self, federation: &Federation, columns: &[Named], tagged: bool) -> String {
        let mut sql = format!(" FROM {}", self.from(federation, tagged));
        let filter = self.filter.as_ref().map(|filter| format!("({})", filter.sql(columns)));
        let conditions: Vec<String> = filter.into_iter().chain(self.compared(federation, columns)).collect();
        if !conditions.is_empty() {
            sql += &format!(" WHERE {}", conditions.join(" AND "));
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
        let outputs = aggregates.map(|(index, aggregate)| format!("{} AS v{index}", aggregate.text));
        let select: Vec<String> = keys.into_iter().chain(outputs).collect();
        let mut sql = format!("SELECT {}{}", select.join(", "), self.tail(federation, &columns, false));
        if let Some(limit) = self.limit() {
            sql += &format!(" LIMIT {limit}");
        }
        sql
    }

    /// Whether the gate's oracle covers it: it leaves out sums of which it depends on more than the text what is behind them.
    pub(super) fn is_gateable(&self, federation: &Federation) -> bool {
        let (columns, _) = self.columns(federation);
        // Whose persons are behind an inner aggregate is tested in the planner; rows of both owners that are one row, and totals
        // of sites, count persons of both.
        let split = match self.from {
            From::United => false,
            From::Sites => self.grouping == Grouping::Plain,
            From::Hospital | From::Insurer | From::Stacked | From::Joined(_) => true,
        };
        split
            && self.inner.is_none()
            && self.aggregates(&columns).iter().all(|aggregate| aggregate.behind.is_some())
    }

    /// Whether a row is the total of all groups, which is shown as it is without GROUP BY: always, unless HAVING decides.
    pub(super) fn shows_total(&self) -> bool {
        matches!(self.grouping, Grouping::Rollup | Grouping::Cube) && self.having.is_none()
    }

    /// Its keys and numbers, then for each owner the persons of the row, then for each number and owner the persons
    /// behind it, then by how many keys the row is not grouped, for all groups in its order. Tags the owners' rows.
    pub(super) fn with_persons(&self, federation: &Federation) -> String {
        let (columns, identifiers) = self.columns(federation);
        let keys = self.keys(&columns);
        let mut select = keys.clone();
        let aggregates = self.aggregates(&columns);
        let texts = aggregates.iter().enumerate();
        select.extend(texts.map(|(index, aggregate)| format!("{} AS v{index}", aggregate.text)));
        let persons = |condition: &str, identifier: &str| {
            format!("COUNT(DISTINCT CASE WHEN {condition} THEN {identifier} END)")
        };
        let mut counts: Vec<String> =
            identifiers.iter().map(|identifier| persons("true", identifier)).collect();
        for Aggregate { behind, filter, .. } in &aggregates {
            let filtered = |condition: &String| match filter {
                Some(filter) => format!("{condition} AND ({filter})"),
                None => condition.clone(),
            };
            let conditions: Vec<String> = behind.iter().flatten().map(filtered).collect();
            let fewest = |identifier: &&str| {
                let each: Vec<String> =
                    conditions.iter().map(|condition| persons(condition, identifier)).collect();
                if let [one] = each.as_slice() { one.clone() } else { format!("LEAST({})", each.join(", ")) }
            };
            counts.extend(identifiers.iter().map(fewest));
        }
        select.extend(counts.iter().enumerate().map(|(index, text)| format!("{text} AS p{index}")));
        let missing: Vec<String> = match self.grouping {
            Grouping::Rollup | Grouping::Cube => keys.iter().map(|key| format!("GROUPING({key})")).collect(),
            Grouping::Plain | Grouping::Sets => Vec::new(),
        };
        select.push(if missing.is_empty() { "0".to_owned() } else { missing.join(" + ") } + " AS g");
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
