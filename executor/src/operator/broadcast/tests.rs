use mpc::protocol::compare::is_negative;
use planner::plan::{Encoding, NodeId, Range, RingSize, SecretValue, Threshold};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::operator::clear::{self, Clear, Ran};

/// Numbers of people are below this.
const MOST: i128 = 1000;

/// A row of the values: a small and a large number, two numbers of people, and two bits that a number is known.
#[derive(Clone, Copy, Debug)]
struct Values {
    small: i128,
    large: i128,
    people: [i128; 2],
    known: [bool; 2],
}

impl Values {
    fn random(rng: &mut StdRng) -> Values {
        // Around the limits, and at the ends.
        let mut people = || [0, 9, 10, 11, 49, 50, MOST][rng.random_range(0..7)];
        Values {
            people: [people(), people()],
            small: rng.random_range(-(1 << 40)..1 << 40),
            large: rng.random_range(-(1 << 90)..1 << 90),
            known: [rng.random_range(0..3) > 0, rng.random_range(0..3) > 0],
        }
    }

    /// 0: small, 1: large, 2 and 3: people, 4 and 5: known; the same in `rows` rows.
    fn columns(&self, rows: usize) -> Vec<Clear> {
        vec![
            Clear::Z64(vec![self.small; rows]),
            Clear::Z128(vec![self.large; rows]),
            Clear::Z64(vec![self.people[0]; rows]),
            Clear::Z64(vec![self.people[1]; rows]),
            Clear::Bit(vec![self.known[0]; rows]),
            Clear::Bit(vec![self.known[1]; rows]),
        ]
    }
}

fn defs() -> Vec<ColumnDef> {
    let def = |encoding, range| ColumnDef { name: String::new(), encoding, range };
    let (z64, z128) = (Encoding::Arithmetic(RingSize::Z64), Encoding::Arithmetic(RingSize::Z128));
    let people = Range { lo: 0, hi: MOST };
    vec![
        def(z64, Range { lo: -(1 << 40), hi: 1 << 40 }),
        def(z128, Range { lo: -(1 << 90), hi: 1 << 90 }),
        def(z64, people),
        def(z64, people),
        def(Encoding::Bit, Range { lo: 0, hi: 1 }),
        def(Encoding::Bit, Range { lo: 0, hi: 1 }),
    ]
}

/// Values of the same table: behind two gates and a bit, one gate, a bit, and nothing.
fn node() -> Broadcast {
    let gate = |persons, at_least| Threshold { persons, at_least, reason: "min_people".to_owned() };
    let value = |value, known, gate| SecretValue { from: NodeId(1), value, known, gate };
    Broadcast {
        input: NodeId(0),
        values: vec![
            value(0, Some(4), vec![gate(2, 10), gate(3, 50)]),
            value(1, None, vec![gate(2, 10)]),
            value(1, Some(5), Vec::new()),
            value(0, None, Vec::new()),
        ],
        columns: Vec::new(),
    }
}

/// What [`node`] gives, in the clear: for each value its number and whether it is known.
fn ideal(values: &Values) -> [(i128, bool); 4] {
    let enough = [values.people[0] >= 10, values.people[1] >= 50];
    [
        (values.small, values.known[0] && enough[0] && enough[1]),
        (values.large, enough[0]),
        (values.large, values.known[1]),
        (values.small, true),
    ]
}

fn numbers(seed: u64, rows: usize) -> Vec<i128> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..rows).map(|_| rng.random_range(-1000..1000)).collect()
}

/// [`node`] over rows with these numbers.
fn run(seed: u64, numbers: &[i128], values: &Values) -> Ran {
    let mut columns = vec![Clear::Z64(numbers.to_vec())];
    columns.extend(values.columns(numbers.len()));
    clear::run(seed, &columns, |ctx, table| async move {
        let (rows, values) = table.columns().split_at(1);
        let rows = Table::new(rows.to_vec(), table.rows())?;
        let values = Table::new(values.iter().map(|column| column.gather(&[0])).collect(), 1)?;
        let (node, defs) = (node(), defs());
        let of_each: Vec<(&Table, Vec<&ColumnDef>)> =
            node.values.iter().map(|_| (&values, defs.iter().collect())).collect();
        super::run(&ctx, &node, &rows, &of_each).await
    })
}

#[test]
fn every_row_has_the_values_of_enough_people() {
    let mut rng = StdRng::seed_from_u64(31);
    for (seed, rows) in (0..40).zip([1, 2, 7, 65].into_iter().cycle()) {
        let (numbers, values) = (numbers(seed, rows), Values::random(&mut rng));
        let ran = run(seed, &numbers, &values);
        assert_eq!(ran.columns[0], numbers, "seed {seed}");
        for (index, (number, known)) in ideal(&values).into_iter().enumerate() {
            let context = format!("seed {seed}, value {index} of {values:?}");
            assert_eq!(ran.columns[1 + 2 * index], vec![number; numbers.len()], "{context}");
            assert_eq!(ran.columns[2 + 2 * index], vec![i128::from(known); numbers.len()], "{context}");
        }
    }
}

#[test]
fn a_table_of_other_than_one_row_is_no_value() {
    let values = Values { small: 1, large: 2, people: [10, 50], known: [true, true] };
    let world = mpc::world::World::new(3);
    let tables = clear::share(&world, &values.columns(2));
    let ran = world.run(|ctx| {
        let table = tables[ctx.seat().index()].clone();
        async move {
            let plain = node().values.split_off(3);
            let node = Broadcast { values: plain, ..node() };
            let defs = defs();
            Ok(super::run(&ctx, &node, &table, &[(&table, defs.iter().collect())]).await.is_err())
        }
    });
    assert_eq!(ran.outputs().unwrap(), [true; 3]);
}

/// One batch of three comparisons of 11 bits, and a tree of ANDs of three bits, however many rows there are.
#[test]
fn a_cost_is_that_of_the_gates() {
    let values = Values { small: 1, large: 2, people: [10, 50], known: [true, true] };
    let world = mpc::world::World::new(4);
    let people = world.share(&[0_u64; 3]);
    let bits = world.share_bits(&mpc::Planes::from_bools(&[true]));
    let gates = world.run(|ctx| {
        let (people, bit) = (people[ctx.seat().index()].clone(), bits[ctx.seat().index()].clone());
        async move {
            is_negative(&ctx.step("compare"), &people, 11).await?;
            and_many(&ctx.step("and"), &[&bit, &bit, &bit]).await
        }
    });
    let expected = gates.cost();
    // Four rounds to carry through 11 bits after one, and two for three factors.
    assert_eq!(expected.rounds, 1 + 4 + 2);
    for rows in [1, 3, 100] {
        let cost = run(5, &numbers(5, rows), &values).cost;
        assert_eq!((cost.rounds, cost.bytes), (expected.rounds, expected.bytes), "{rows} rows");
    }
}

#[test]
fn messages_do_not_depend_on_values_or_people() {
    let mut rng = StdRng::seed_from_u64(32);
    let [first, second] = [(6, 1), (7, 2)]
        .map(|(seed, data)| run(seed, &numbers(data, 20), &Values::random(&mut rng)).transcript);
    assert_eq!(first, second);
    assert!(!first.is_empty());
}
