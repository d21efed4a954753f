//! One table of all functionalities, and what every one of them must show.
//!
//! For all lengths in [`LENGTHS`] and all contents in [`Content::ALL`], and for random lengths and mixtures of contents:
//! the result is that of the twin in
//! [`crate::ideal`], the cost is that of its formula in [`bill`], messages do not depend on the content, and what is
//! opened is what was declared. A protocol that is missing here, or that has no benchmark, fails
//! [`every_protocol_is_in_the_table`].

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    reason = "tables of small numbers"
)]

mod bill;
mod bits;
mod fixed;
mod movement;
mod numbers;
mod openings;
mod tables;

use std::ops::RangeInclusive;

use crate::Seat;
use crate::harness::{self, Clear, Outcome};
use bill::Bill;

/// Lengths at which columns like to break; longer ones are in [`Case::also`].
const LENGTHS: [usize; 6] = [0, 1, 2, 63, 64, 65];
const LONG: usize = (1 << 16) + 1;

/// One input of a protocol.
#[derive(Clone, Copy, Debug)]
struct Input {
    kind: Kind,
    rows: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Numbers in [-2^(bits-1), 2^(bits-1)), in a column.
    Signed(u32),
    /// Numbers in [0, 2^bits), in a column.
    Unsigned(u32),
    /// Numbers of so many planes.
    Planes(usize),
    /// Single bits, one plane.
    Flags,
}

fn signed(rows: usize, bits: u32) -> Input {
    Input { kind: Kind::Signed(bits), rows }
}

fn unsigned(rows: usize, bits: u32) -> Input {
    Input { kind: Kind::Unsigned(bits), rows }
}

fn planes(rows: usize, width: usize) -> Input {
    Input { kind: Kind::Planes(width), rows }
}

fn flags(rows: usize) -> Input {
    Input { kind: Kind::Flags, rows }
}

impl Kind {
    /// The smallest and the largest value.
    fn range(self) -> (i128, i128) {
        match self {
            Kind::Signed(bits) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            Kind::Unsigned(bits) => (0, (1 << bits) - 1),
            Kind::Planes(width) => (0, (1 << width) - 1),
            Kind::Flags => (0, 1),
        }
    }
}

/// What the rows of a table are.
#[derive(Clone, Copy, Debug)]
enum Content {
    Random(u64),
    /// All rows are equal, and none is valid.
    Lowest,
    /// All rows are equal and valid.
    Highest,
    /// The two ends of the domain in turn.
    Extremes,
    /// Ascending.
    Sorted,
    /// Descending.
    Reversed,
    /// Values about zero, with many duplicates.
    Small,
    /// Arbitrary values, and no row is valid.
    Invalid,
    /// Equal values, some of them valid.
    Equal,
    /// Of each input another of these.
    Mixed(u64),
}

impl Content {
    const ALL: [Content; 10] = [
        Content::Random(1),
        Content::Random(2),
        Content::Lowest,
        Content::Highest,
        Content::Extremes,
        Content::Sorted,
        Content::Reversed,
        Content::Small,
        Content::Invalid,
        Content::Equal,
    ];

    fn values(self, input: Input, place: usize) -> Vec<i128> {
        let (low, high) = input.kind.range();
        let bits = 128 - (high - low).leading_zeros();
        let random = |seed, bits| harness::numbers(16 * seed + place as u64, input.rows, bits, false);
        match self {
            Content::Random(seed) => random(seed, bits).iter().map(|v| low + v).collect(),
            Content::Lowest => vec![low; input.rows],
            Content::Highest => vec![high; input.rows],
            Content::Extremes => (0..input.rows).map(|i| if i % 2 == 0 { low } else { high }).collect(),
            Content::Sorted => {
                let step = (high - low) / (input.rows.max(1) as i128);
                (0..input.rows as i128).map(|i| low + i * step).collect()
            }
            Content::Reversed => Content::Sorted.values(input, place).into_iter().rev().collect(),
            Content::Small => random(3, 2).iter().map(|v| (v - 1).clamp(low, high)).collect(),
            Content::Invalid if matches!(input.kind, Kind::Flags) => vec![0; input.rows],
            Content::Equal if !matches!(input.kind, Kind::Flags) => vec![low + (high - low) / 3; input.rows],
            Content::Invalid | Content::Equal => random(4, bits).iter().map(|v| low + v).collect(),
            Content::Mixed(seed) => {
                let place = place as u64;
                let which = (seed / 10_u64.pow(place as u32 % 10) + 3 * place) as usize % Content::ALL.len();
                Content::ALL[which].values(input, place as usize)
            }
        }
    }
}

/// The values of all inputs, in order.
type Values = Vec<Vec<i128>>;

/// What a value of a result may be.
type Slot = RangeInclusive<i128>;

fn exactly(values: impl IntoIterator<Item = i128>) -> Vec<Slot> {
    values.into_iter().map(|v| v..=v).collect()
}

fn floor_or_below(values: impl IntoIterator<Item = i128>) -> Vec<Slot> {
    values.into_iter().map(|v| v - 1..=v).collect()
}

/// Rows that mean nothing.
fn anything(rows: usize) -> Vec<Slot> {
    vec![i128::MIN..=i128::MAX; rows]
}

/// A functionality.
struct Case {
    /// `file::function`.
    name: &'static str,
    /// Its inputs for n rows.
    inputs: fn(usize) -> Vec<Input>,
    /// Makes arbitrary values keep to the preconditions.
    prepare: fn(&mut Values),
    run: fn(&Clear, usize) -> Outcome,
    expected: fn(&Values) -> Vec<Slot>,
    cost: fn(usize) -> Bill,
    /// More lengths to run it on, longer ones among them, with fewer contents.
    also: &'static [usize],
}

/// A functionality of which all inputs are valid, run on [`LONG`] rows too.
fn case(
    name: &'static str,
    inputs: fn(usize) -> Vec<Input>,
    run: fn(&Clear, usize) -> Outcome,
    expected: fn(&Values) -> Vec<Slot>,
    cost: fn(usize) -> Bill,
) -> Case {
    Case { name, inputs, prepare: as_they_are, run, expected, cost, also: &[LONG] }
}

impl Case {
    fn prepared(self, prepare: fn(&mut Values)) -> Case {
        Case { prepare, ..self }
    }

    fn clear(&self, n: usize, content: Content) -> (Values, Clear) {
        let inputs = (self.inputs)(n);
        let mut values: Values =
            inputs.iter().enumerate().map(|(place, &input)| content.values(input, place)).collect();
        (self.prepare)(&mut values);
        let clear =
            inputs.iter().zip(&values).fold(Clear::new(), |clear, (input, values)| match input.kind {
                Kind::Signed(_) | Kind::Unsigned(_) => clear.column(values),
                Kind::Planes(width) => clear.planes(&harness::words(values), width),
                Kind::Flags => clear.bools(&values.iter().map(|&v| v == 1).collect::<Vec<_>>()),
            });
        (values, clear)
    }

    fn check(&self, n: usize, contents: &[Content]) {
        let mut first = None;
        for &content in contents {
            let (values, clear) = self.clear(n, content);
            let place = format!("{} of {n} rows, {content:?}", self.name);
            let run = (self.run)(&clear, n);
            let expected = (self.expected)(&values);
            assert_eq!(run.values.len(), expected.len(), "{place}: size of the result");
            for (row, (value, slot)) in run.values.iter().zip(&expected).enumerate() {
                assert!(slot.contains(value), "{place}: entry {row} is {value}, not in {slot:?}");
            }
            let bill = (self.cost)(n);
            assert_eq!(sent_by_each(&run), bill.sent, "{place}: bytes");
            assert_eq!(run.cost.rounds, bill.rounds(), "{place}: rounds");
            assert_eq!(run.masked, bill.masked, "{place}: opened values");
            assert!(run.openings_are_spent, "{place}: declared and opened differ");
            let transcript = first.get_or_insert_with(|| run.transcript.clone());
            assert!(*transcript == run.transcript, "{place}: messages depend on the content");
        }
    }
}

fn sent_by_each(run: &Outcome) -> [usize; 3] {
    Seat::ALL.map(|seat| run.transcript.iter().filter(|m| m.from == seat).map(|m| m.bytes).sum())
}

/// Nothing to prepare.
fn as_they_are(_: &mut Values) {}

fn all() -> Vec<Case> {
    [bits::cases(), numbers::cases(), fixed::cases(), movement::cases(), tables::cases(), openings::cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn check_all(cases: &[Case]) {
    for case in cases {
        for n in LENGTHS {
            case.check(n, &Content::ALL);
        }
        // Lengths and contents that nobody thought of, the same in every run.
        for seed in harness::numbers(7, 4, 40, false) {
            let seed = seed as u64;
            case.check(seed as usize % 150, &[Content::Mixed(seed), Content::Mixed(seed / 7)]);
        }
        for &n in case.also {
            case.check(n, &[Content::Random(1), Content::Highest]);
        }
    }
}

#[test]
fn bits_hold() {
    check_all(&bits::cases());
}

#[test]
fn numbers_hold() {
    check_all(&numbers::cases());
}

#[test]
fn fixed_point_numbers_hold() {
    check_all(&fixed::cases());
}

#[test]
fn movements_hold() {
    check_all(&movement::cases());
}

#[test]
fn tables_hold() {
    check_all(&tables::cases());
}

#[test]
fn openings_hold() {
    check_all(&openings::cases());
}

/// Every message of every protocol flipped once: never a hang, never a panic, and no error but an abort.
#[test]
fn changed_messages_end_in_an_abort_or_a_result() {
    for case in all() {
        let (_, clear) = case.clear(2, Content::Random(1));
        let messages = (case.run)(&clear, 2).transcript.len();
        // Long protocols are made of short ones: every so many messages will do.
        for target in (0..messages).step_by(messages.div_ceil(60).max(1)) {
            harness::with_changed_message(target, || (case.run)(&clear, 2));
        }
    }
}

/// Protocols whose inputs no table can describe, and the tests that show of each what the table shows of the others: that
/// it equals its twin, what it costs, and that messages do not depend on the data.
const ELSEWHERE: &[(&str, &str, &[&str])] = &[
    (
        "lasso::solve",
        "lasso/tests/mod.rs",
        &["agrees_with_scikit_learn", "few_rows_end_in_finite_numbers", "constant_columns", "cost"],
    ),
    (
        "lasso::solve",
        "lasso/tests/mod.rs",
        &["messages_do_not_depend_on_the_data", "invalid_rows_do_not_count"],
    ),
    ("lasso::solve", "lasso/tests/random.rs", &["random_problems_agree_with_the_reference"]),
    (
        "lasso::cross_validate",
        "lasso/tests/validation.rs",
        &[
            "cross_validation_chooses_what_scikit_learn_does",
            "cross_validation_costs_the_rounds_of_one_model_and_tells_nothing",
        ],
    ),
    (
        "regression::fit",
        "regression/tests.rs",
        &["agrees_with_statsmodels", "what_has_no_solution_is_not_accepted", "cost"],
    ),
    ("regression::fit", "regression/tests.rs", &["messages_do_not_depend_on_the_data"]),
    (
        "cox::fit",
        "cox/tests.rs",
        &["agrees_with_the_definition", "what_has_no_solution_is_not_accepted", "cost"],
    ),
    ("cox::fit", "cox/tests.rs", &["messages_do_not_depend_on_the_data"]),
];

/// Makes a token, without messages and without work to measure.
const FREE: &str = "verify::verify";

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The text of all sources below a folder, with their places in it.
fn sources(folder: &str) -> Vec<(std::path::PathBuf, String)> {
    let root = std::path::Path::new(ROOT).join(folder);
    let mut texts = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                texts.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    texts
}

#[test]
fn every_protocol_is_in_the_table() {
    let mut names = Vec::new();
    for (path, text) in sources("src/protocol") {
        // A folder is one module to its users.
        let module = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = module.trim_end_matches(".rs");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("pub async fn ") {
                let end = rest.find(['(', '<']).unwrap();
                names.push(format!("{module}::{}", &rest[..end]));
            }
        }
    }
    assert!(names.len() > 75, "the sources were not found");
    names.retain(|name| name != FREE);
    let benches: String = sources("benches").into_iter().map(|(_, text)| text).collect();
    let cases = all();
    for name in &names {
        let known =
            cases.iter().any(|case| case.name == name) || ELSEWHERE.iter().any(|(other, ..)| other == name);
        assert!(
            known,
            "{name} has no case in `proof`, and `ELSEWHERE` does not say which tests it has instead"
        );
        assert!(benches.contains(&format!("\"{name}\"")), "{name} has no benchmark");
    }
    for case in &cases {
        assert!(names.iter().any(|name| name == case.name), "{} does not exist", case.name);
    }
    for (name, file, tests) in ELSEWHERE {
        let text = std::fs::read_to_string(format!("{ROOT}/src/protocol/{file}")).unwrap();
        for test in *tests {
            assert!(text.contains(&format!("#[test]\nfn {test}()")), "{name}: no test {test} in {file}");
        }
    }
}
