//! Against the definition, with ties and without, and obliviousness. What lifelines says is compared, and costs are
//! asserted by the planner's formula, in the tests of the executor.
#![expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "references in the clear")]

use super::*;
use crate::ideal::cox as twin;
use crate::protocol::lasso::Variable;
use crate::world::{Cost, Message, World, reconstruct, reconstruct_bits};

/// A row of integers: time, event, features in steps of [`STEPS_OF`].
type Row = (usize, bool, Vec<i64>);

/// What an integer of each feature is worth.
const STEPS_OF: [f64; 4] = [0.01, 0.5, 1.0, 1000.0];

/// Times of a grid, heavily tied if there are few; features that are correlated, of two values, and of no effect.
fn sample(rows: usize, times: usize, near: i64) -> Vec<Row> {
    let mut state = 7u64;
    let mut next = |modulus: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % modulus).unwrap()
    };
    (0..rows)
        .map(|_| {
            let a = next(401) - 200;
            let b = a + next(2 * near.unsigned_abs() + 1) - near;
            let c = next(2);
            let d = next(2001) - 1000;
            let wait = next(100) * next(100) / (300 + a + 150 * c).max(20);
            let time = usize::try_from(wait).unwrap().min(times - 1);
            (time, next(10) < 7, vec![a, b, c, d])
        })
        .collect()
}

struct Clear {
    coefficients: Vec<f64>,
    errors: Vec<f64>,
    likelihoods: [f64; 2],
    rows: u128,
    events: u128,
    accepted: bool,
    cost: Cost,
    transcript: Vec<Message>,
}

fn model(rows: usize, features: usize) -> Model {
    let features = STEPS_OF[..features].iter().map(|&step| Variable { bits: 12, offset: 0, step });
    Model { features: features.collect(), max_rows: rows as u64 }
}

/// Runs the protocol; the codes of rows that do not count are left as they are.
fn run(model: &Model, times: usize, rows: &[Row], valid: &[bool]) -> Clear {
    let world = World::new(5);
    let share = |cell: &dyn Fn(usize) -> i64| -> [Shared<u128>; 3] {
        let cells = (0..rows.len()).map(|row| i128::from(cell(row)).cast_unsigned());
        world.share(&cells.collect::<Vec<_>>())
    };
    let counts = |row: usize| i64::from(valid[row]);
    let features = (0..model.features.len()).map(|k| share(&|row| rows[row].2[k] * counts(row)));
    let features: Vec<_> = features.collect();
    let event = share(&|row| i64::from(rows[row].1) * counts(row));
    let valid = share(&counts);
    let codes: Vec<_> = (0..times).map(|time| share(&|row| i64::from(rows[row].0 == time))).collect();
    let run = world.run(|ctx| {
        let own = |column: &[Shared<u128>; 3]| column[ctx.seat().index()].clone();
        let features: Vec<Shared<u128>> = features.iter().map(own).collect();
        let codes: Vec<Shared<u128>> = codes.iter().map(own).collect();
        let (event, valid) = (own(&event), own(&valid));
        async move {
            let features: Vec<&Shared<u128>> = features.iter().collect();
            let times: Vec<&Shared<u128>> = codes.iter().collect();
            let columns = Columns { features: &features, event: &event, valid: &valid, times: &times };
            Box::pin(fit(&ctx, model, columns)).await
        }
    });
    let (cost, transcript) = (run.cost(), run.transcript.clone());
    let parts = run.outputs().unwrap();
    let clear = |f: fn(&Fit) -> &Shared<u128>| reconstruct(&parts.each_ref().map(|s| f(s).clone())).unwrap();
    let accepted = reconstruct_bits::<u64>(&parts.each_ref().map(|s| s.accepted.clone())).unwrap();
    Clear {
        coefficients: model.decode(&clear(|fit| &fit.coefficients)).unwrap(),
        errors: model.decode(&clear(|fit| &fit.errors)).unwrap(),
        likelihoods: [
            Model::decode_likelihood(clear(|fit| &fit.likelihoods[0])[0]),
            Model::decode_likelihood(clear(|fit| &fit.likelihoods[1])[0]),
        ],
        rows: clear(|fit| &fit.rows)[0],
        events: clear(|fit| &fit.events)[0],
        accepted: accepted == [1],
        cost,
        transcript,
    }
}

fn all(times: usize, rows: &[Row]) -> Clear {
    let features = rows.first().map_or(4, |row| row.2.len());
    run(&model(rows.len().max(1), features), times, rows, &vec![true; rows.len()])
}

fn in_the_clear(rows: &[Row]) -> twin::Fit {
    let row = |(time, event, features): &Row| twin::Row {
        time: *time,
        event: *event,
        features: features.iter().zip(STEPS_OF).map(|(&x, step)| x as f64 * step).collect(),
    };
    twin::fit(&rows.iter().map(row).collect::<Vec<_>>()).unwrap()
}

/// All numbers agree to `relative`, or to a `relative` part of `unit`.
fn close(found: &[f64], expected: &[f64], unit: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len());
    for ((a, b), unit) in found.iter().zip(expected).zip(unit) {
        assert!((a - b).abs() <= relative * b.abs().max(*unit), "{found:?}\n{expected:?}");
    }
}

fn agrees(fit: &Clear, expected: &twin::Fit, relative: f64) {
    assert!(fit.accepted);
    close(&fit.coefficients, &expected.coefficients, &expected.errors, relative);
    close(&fit.errors, &expected.errors, &expected.errors, relative);
    close(&fit.likelihoods, &expected.likelihoods, &[1.0; 2], relative);
}

#[test]
fn agrees_with_the_definition() {
    // Hardly tied, tied, and half of all events at one time; correlations of 0.9 and of 0.9997.
    for (rows, times, near) in [(150, 60, 100), (200, 12, 100), (120, 3, 100), (150, 30, 5)] {
        let rows = sample(rows, times, near);
        let fit = all(times, &rows);
        agrees(&fit, &in_the_clear(&rows), 1e-6);
        assert_eq!(fit.rows, rows.len() as u128);
        assert_eq!(fit.events, rows.iter().filter(|row| row.1).count() as u128);
    }
}

#[test]
fn one_feature_and_one_time() {
    let rows = sample(80, 20, 50);
    let one: Vec<Row> = rows.iter().map(|(t, e, x)| (*t, *e, vec![x[0]])).collect();
    agrees(&all(20, &one), &in_the_clear(&one), 1e-6);
    // All events are tied, and nobody is at risk but those of the one time.
    let tied: Vec<Row> = rows.iter().map(|(t, e, x)| (0, *e && t % 2 == 0, vec![x[0], x[2]])).collect();
    agrees(&all(1, &tied), &in_the_clear(&tied), 1e-6);
}

#[test]
fn rows_that_do_not_count_change_nothing() {
    let rows = sample(190, 12, 100);
    let valid: Vec<bool> = (0..190).map(|row| row % 4 != 1).collect();
    let kept: Vec<Row> = rows.iter().zip(&valid).filter(|(_, v)| **v).map(|(row, _)| row.clone()).collect();
    let fit = run(&model(1000, 4), 12, &rows, &valid);
    agrees(&fit, &in_the_clear(&kept), 2e-6);
    assert_eq!(fit.rows, kept.len() as u128);
}

#[test]
fn what_has_no_solution_is_not_accepted() {
    let rows = sample(100, 12, 100);
    let changed = |f: &dyn Fn(&Row) -> Row| all(12, &rows.iter().map(f).collect::<Vec<_>>()).accepted;
    assert!(changed(&Row::clone));
    assert!(!changed(&|(t, e, x)| (*t, *e, vec![x[0], 2 * x[0], x[2], x[3]])), "collinear");
    assert!(!changed(&|(t, e, x)| (*t, *e, vec![x[0], x[1], 1, x[3]])), "constant");
    assert!(!changed(&|(t, _, x)| (*t, false, x.clone())), "no events");
    assert!(!changed(&|(t, e, x)| (*t, *e && x[2] == 1, x.clone())), "events of one value only");
    assert!(
        !changed(&|(t, e, x)| (*t, *e, vec![-100 * i64::try_from(*t).unwrap(), x[1], x[2], x[3]])),
        "ordered"
    );
    let none = run(&model(20, 4), 12, &rows[..20], &[false; 20]);
    assert!(!none.accepted && none.rows == 0);
    for few in 0..3 {
        assert!(!all(12, &rows[..few]).accepted, "{few} rows");
    }
}

#[test]
fn messages_do_not_depend_on_the_data() {
    let one = run(&model(60, 4), 9, &sample(60, 9, 100), &[true; 60]);
    let other = run(&model(60, 4), 9, &vec![(0, false, vec![0; 4]); 60], &[false; 60]);
    assert_eq!(one.transcript, other.transcript);
}

/// Rounds, and bytes of the seat that sends most, at several sizes; the planner's formula gives the same.
#[test]
fn cost() {
    let sizes = [(60, 4, 9), (60, 4, 30), (60, 1, 9), (120, 4, 9), (120, 2, 1)];
    let found = sizes.map(|(rows, features, times)| {
        let sample: Vec<Row> = sample(rows, times, 100)
            .into_iter()
            .map(|(time, event, x)| (time, event, x[..features].to_vec()))
            .collect();
        let Cost { rounds, bytes } = run(&model(rows, features), times, &sample, &vec![true; rows]).cost;
        (rounds, bytes)
    });
    assert_eq!(found, COST);
}

const COST: [(usize, usize); 5] =
    [(3488, 2_220_079), (3488, 2_901_159), (3415, 1_824_730), (3488, 3_630_563), (3452, 3_048_870)];
