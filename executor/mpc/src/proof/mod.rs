//! One table of all functionalities, and what every one of them must show.
//!
//! For all lengths in [`LENGTHS`] and all contents in [`Content::ALL`]: the result is that of the twin in
//! [`crate::ideal`], the cost is that of its formula in [`bill`], messages do not depend on the content, and what is
//! opened is what was declared. A protocol that is missing here fails [`every_protocol_is_in_the_table`].

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
mod tables;

use std::ops::RangeInclusive;

use crate::Seat;
use crate::harness::{self, Clear, Outcome};
use bill::Bill;

/// Lengths at which columns like to break; long ones are for [`Case::long`].
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
    /// Values about zero, with many duplicates.
    Small,
}

impl Content {
    const ALL: [Content; 7] = [
        Content::Random(1),
        Content::Random(2),
        Content::Lowest,
        Content::Highest,
        Content::Extremes,
        Content::Sorted,
        Content::Small,
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
            Content::Small => random(3, 2).iter().map(|v| (v - 1).clamp(low, high)).collect(),
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
    /// How many uniformly random values are opened.
    masked: fn(usize) -> usize,
    /// Whether it is also run on [`LONG`] rows.
    long: bool,
}

impl Case {
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
            let (cost, bill) = (cost_of(&run), (self.cost)(n));
            assert_eq!(cost.sent, bill.sent, "{place}: bytes");
            // A move ends one round later at P1 than at the two others, which may begin what follows meanwhile.
            let moves = (self.masked)(64) / 64;
            let rounds = bill.rounds.saturating_sub(moves)..=bill.rounds;
            assert!(rounds.contains(&cost.rounds), "{place}: {} rounds, not {rounds:?}", cost.rounds);
            assert_eq!(run.masked, (self.masked)(n), "{place}: opened values");
            assert!(run.openings_are_spent, "{place}: declared and opened differ");
            let transcript = first.get_or_insert_with(|| run.transcript.clone());
            assert!(*transcript == run.transcript, "{place}: messages depend on the content");
        }
    }
}

fn cost_of(run: &Outcome) -> Bill {
    let sent = |seat: Seat| run.transcript.iter().filter(|m| m.from == seat).map(|m| m.bytes).sum();
    Bill { rounds: run.cost.rounds, sent: Seat::ALL.map(sent) }
}

/// Nothing to prepare.
fn as_they_are(_: &mut Values) {}

/// Nothing is opened.
fn none(_: usize) -> usize {
    0
}

fn all() -> Vec<Case> {
    [bits::cases(), numbers::cases(), fixed::cases(), movement::cases(), tables::cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn check_all(cases: &[Case]) {
    for case in cases {
        for n in LENGTHS {
            case.check(n, &Content::ALL);
        }
        if case.long {
            case.check(LONG, &[Content::Random(1), Content::Highest]);
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

/// Protocols that have no inputs to be shared, or that no table can describe, with the test that covers each.
const ELSEWHERE: &[(&str, &str)] = &[
    ("open::open", "open::tests"),
    ("open::open_bits", "open::tests"),
    ("open::open_to", "open::tests"),
    ("verify::verify", "makes a token, without messages"),
    ("join::require_unique", "join::tests"),
    ("lasso::cross_validate", "lasso::tests"),
    ("lasso::statistics", "lasso::tests"),
    ("lasso::statistics_of_folds", "lasso::tests"),
    ("lasso::solve", "lasso::tests"),
    ("regression::fit", "regression::tests"),
    ("cox::fit", "cox::tests"),
    ("fixed::polynomial", "fixed::polynomial::tests"),
    ("fixed::running_products", "fixed::running_products::tests"),
];

#[test]
fn every_protocol_is_in_the_table() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/protocol");
    let mut names = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let inside = path.strip_prefix(root).unwrap();
            // A folder is one module to its users.
            let module = inside.components().next().unwrap().as_os_str().to_str().unwrap();
            let module = module.trim_end_matches(".rs");
            for line in text.lines() {
                if let Some(rest) = line.strip_prefix("pub async fn ") {
                    let end = rest.find(['(', '<']).unwrap();
                    names.push(format!("{module}::{}", &rest[..end]));
                }
            }
        }
    }
    assert!(names.len() > 70, "the sources were not found");
    let cases = all();
    for name in &names {
        let known =
            cases.iter().any(|case| case.name == name) || ELSEWHERE.iter().any(|(other, _)| other == name);
        assert!(
            known,
            "{name} has no case in `proof`, and `ELSEWHERE` does not say which tests it has instead"
        );
    }
    for case in &cases {
        assert!(names.iter().any(|name| name == case.name), "{} does not exist", case.name);
    }
}
