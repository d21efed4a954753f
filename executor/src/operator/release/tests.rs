use datafusion::arrow::datatypes::{DataType, Field};
use mpc::world::World;
use planner::plan::{Encoding, KeyDomain, NodeId, Output, Range, RingSize, Rows, Scale};

use super::*;
use crate::operator::clear::{Clear, share};

fn def(encoding: Encoding, hi: i128) -> ColumnDef {
    ColumnDef { name: String::new(), encoding, range: Range { lo: 0, hi } }
}

fn threshold(persons: usize, at_least: u64) -> Threshold {
    Threshold { persons, at_least, reason: "min_people".to_owned() }
}

fn output(value: usize, known: Option<usize>, gate: Vec<Threshold>) -> Output {
    Output { field: Field::new("x", DataType::Int64, true), value, scale: Scale::Unit, known, gate }
}

/// Columns 0: value, 1: large value, 2: persons, 3: persons of another owner, 4: present, 5: known.
fn columns() -> (Vec<Clear>, Vec<ColumnDef>) {
    let (z64, z128) = (Encoding::Arithmetic(RingSize::Z64), Encoding::Arithmetic(RingSize::Z128));
    let columns = vec![
        Clear::Z64(vec![10, -20, 30, 40, 50]),
        Clear::Z128(vec![1 << 70, 2, 3, 4, -(1 << 80)]),
        Clear::Z64(vec![100, 9, 10, 1000, 0]),
        Clear::Z64(vec![10, 50, 50, 4, 50]),
        Clear::Bit(vec![true, true, true, true, true]),
        Clear::Bit(vec![true, true, false, true, true]),
    ];
    let defs = vec![
        def(z64, 100),
        def(z128, 1 << 90),
        def(z64, 1000),
        def(z64, 1000),
        def(Encoding::Bit, 1),
        def(Encoding::Bit, 1),
    ];
    (columns, defs)
}

struct Opened {
    row_bit: Option<Vec<bool>>,
    outputs: Vec<(Vec<i128>, Option<Vec<bool>>)>,
    transcript: Vec<mpc::world::Message>,
}

fn run(seed: u64, node: &Release, columns: &[Clear], defs: &[ColumnDef]) -> Opened {
    let world = World::new(seed);
    let tables = share(&world, columns);
    let ran = world.run(|ctx| {
        let table = tables[ctx.seat().index()].clone();
        let defs: Vec<&ColumnDef> = defs.iter().collect();
        async move { Ok(super::run(&ctx, node, &table, &defs).await) }
    });
    let transcript = ran.transcript.clone();
    let gated = ran.outputs().unwrap().map(|gated| gated.unwrap());
    let bits = |of: &dyn Fn(&Gated) -> Option<SharedBits>| {
        let parts: Vec<SharedBits> = gated.iter().filter_map(of).collect();
        let parts: Option<[SharedBits; 3]> = parts.try_into().ok();
        parts.map(|parts| mpc::combine_bits(&parts).unwrap().to_bools(0))
    };
    let value = |index: usize| -> Vec<i128> {
        let parts: Vec<Column> = gated.iter().map(|gated| gated.outputs[index].0.clone()).collect();
        let wide = matches!(parts[0], Column::U128(_));
        let values = mpc::world::reconstruct_column(parts.try_into().unwrap()).unwrap();
        values.into_iter().map(|v| if wide { v.cast_signed() } else { v.low_word().to_i128() }).collect()
    };
    Opened {
        row_bit: bits(&|gated| gated.row_bit.clone()),
        outputs: (0..node.outputs.len())
            .map(|i| (value(i), bits(&|gated| gated.outputs[i].1.clone())))
            .collect(),
        transcript,
    }
}

fn groups() -> Rows {
    Rows::Groups(vec![KeyDomain { field: Field::new("k", DataType::Int64, true), values: Vec::new() }])
}

#[test]
fn rows_below_a_threshold_are_zero_and_absent() {
    let (columns, defs) = columns();
    let node = Release {
        input: NodeId(0),
        rows: groups(),
        present: Some(4),
        gate: vec![threshold(2, 10), threshold(3, 5)],
        outputs: vec![
            output(0, None, vec![]),
            output(1, Some(5), vec![]),
            output(0, None, vec![threshold(3, 40)]),
        ],
    };
    let opened = run(1, &node, &columns, &defs);
    assert_eq!(opened.row_bit, Some(vec![true, false, true, false, false]));
    assert_eq!(opened.outputs[0], (vec![10, 0, 30, 0, 0], None));
    assert_eq!(opened.outputs[1], (vec![1 << 70, 0, 0, 0, 0], Some(vec![true, false, false, false, false])));
    assert_eq!(opened.outputs[2], (vec![0, 0, 30, 0, 0], Some(vec![false, false, true, false, false])));
}

#[test]
fn without_groups_conditions_on_rows_are_conditions_on_outputs() {
    let (columns, defs) = columns();
    let node = Release {
        input: NodeId(0),
        rows: Rows::Terms(Vec::new()),
        present: None,
        gate: vec![threshold(2, 10)],
        outputs: vec![output(0, None, vec![]), output(1, Some(5), vec![])],
    };
    let opened = run(2, &node, &columns, &defs);
    assert_eq!(opened.row_bit, None);
    assert_eq!(opened.outputs[0], (vec![10, 0, 30, 40, 0], Some(vec![true, false, true, true, false])));
    assert_eq!(opened.outputs[1], (vec![1 << 70, 0, 0, 4, 0], Some(vec![true, false, false, true, false])));
}

#[test]
fn without_conditions_nothing_is_sent() {
    let (columns, defs) = columns();
    let node = Release {
        input: NodeId(0),
        rows: groups(),
        present: None,
        gate: vec![],
        outputs: vec![output(0, None, vec![])],
    };
    let opened = run(3, &node, &columns, &defs);
    assert!(opened.transcript.is_empty() && opened.row_bit.is_none());
    assert_eq!(opened.outputs[0], (vec![10, -20, 30, 40, 50], None));
}

#[test]
fn messages_do_not_depend_on_who_passes() {
    let (columns, defs) = columns();
    let node = Release {
        input: NodeId(0),
        rows: groups(),
        present: Some(4),
        gate: vec![threshold(2, 10)],
        outputs: vec![output(0, Some(5), vec![threshold(3, 40)]), output(1, None, vec![])],
    };
    let mut others = columns.clone();
    others[2] = Clear::Z64(vec![0; 5]);
    others[4] = Clear::Bit(vec![false; 5]);
    let (first, second) = (run(4, &node, &columns, &defs), run(5, &node, &others, &defs));
    assert_eq!(first.transcript, second.transcript);
    assert_eq!(second.row_bit, Some(vec![false; 5]));
}
