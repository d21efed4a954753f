//! Formulas against the costs that the protocols state.

use crate::plan::{Encoding, Family, Lasso, LassoTerm, Node, RingSize};
use crate::plan_samples as samples;

use super::*;

/// Bytes an element, for many rows, in hundredths.
fn per_row(cost: Cost) -> u64 {
    cost.bytes() * 100 / ROWS
}

const ROWS: u64 = 64 * 3000;

#[test]
fn protocols_cost_what_they_state() {
    assert_eq!((table::negative(ROWS, 64).rounds, per_row(table::negative(ROWS, 64))), (7, 1766));
    assert_eq!((table::negative(ROWS, 8).rounds, per_row(table::negative(ROWS, 8))), (4, 170));
    assert_eq!(table::zero(ROWS, 64).rounds, 7);
    assert_eq!(
        table::multiply(ROWS, RingSize::Z64),
        Cost { rounds: 1, seat_bytes: [8 * ROWS; 3], ..Cost::default() }
    );
    assert_eq!(table::to_arithmetic(ROWS, 1, RingSize::Z64).rounds, 2);
    assert_eq!(
        (table::mask(ROWS, RingSize::Z64).rounds, per_row(table::mask(ROWS, RingSize::Z64))),
        (2, 1066)
    );
    assert_eq!(table::segmented_or(ROWS, 1, 1), Cost::default());
    let scan = table::segmented_or(ROWS, 1, 8);
    assert_eq!((scan.rounds, per_row(scan)), (5, 87));
    // 65 rounds without the signs of the divisor, its product, and the mask where it is 0.
    assert_eq!(table::divide(1, 62, 62, RingSize::Z64).rounds, 65 + (7 + 2) + 1 + 2);
    // A mean: a long numerator takes few rounds too, unless its divisor is as long.
    assert_eq!(table::divide(5, 100, 17, RingSize::Z128).rounds, 83);
    assert!(table::divide(5, 100, 61, RingSize::Z128).rounds > 1000);
}

/// As the secure core's own tests measure them, keys of 64 planes with themselves as the payload.
#[test]
fn sorts_of_long_columns_take_more_rounds_and_fewer_bytes() {
    let short = sort::sort(1 << 10, 64, &[Encoding::Planes(64)]);
    assert_eq!((short.rounds, (short.bytes() * 100) >> 10), (118, 122_700));
    let long = sort::sort(1 << 20, 64, &[Encoding::Planes(64)]);
    assert_eq!((long.rounds, long.bytes() >> 20), (153, 975));
}

#[test]
fn and_trees_have_logarithmic_depth() {
    for (count, rounds) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4)] {
        let cost = table::and_many(64, count);
        assert_eq!((cost.rounds, cost.bytes()), (rounds, 8 * count.saturating_sub(1)), "{count}");
    }
}

#[test]
fn a_plan_is_its_nodes_one_after_the_other() {
    let federation = samples::federation();
    for plan in [samples::sum_by_region(), samples::join(), samples::lasso(0), samples::lasso(3)] {
        let cost = cost(&plan, &federation);
        assert_eq!(cost.nodes.len(), plan.nodes.len());
        assert_eq!(cost.total.rounds, cost.nodes.iter().map(|node| node.rounds).sum::<u64>());
        let tables: u64 = plan.nodes.iter().flat_map(Node::columns).count() as u64;
        assert!(cost.memory_bytes > tables, "{}", cost.memory_bytes);
    }
}

#[test]
fn owners_without_a_seat_send_to_two_seats() {
    let federation = samples::federation();
    let (seated, other) = (cost(&samples::lasso(0), &federation), cost(&samples::lasso(3), &federation));
    let bytes = 8_000 + 8_000 + 125;
    assert_eq!((seated.nodes[0].bytes(), seated.nodes[0].owner_bytes), (bytes, 0));
    assert_eq!((other.nodes[0].bytes(), other.nodes[0].owner_bytes), (0, 4 * 16 + 2 * bytes));
}

/// A model of the plan samples over variables of so many bits and these steps; the last one is the target.
fn model_of(family: Family, bits: u32, steps: &[f64]) -> Lasso {
    let plan = samples::lasso(0);
    let Node::Lasso(lasso) = plan.nodes[2].clone() else { panic!("no model") };
    let term = |&step: &f64| LassoTerm { bits, step, middle: 0.0, ..lasso.target.clone() };
    let (target, features) = steps.split_last().unwrap();
    Lasso { family, features: features.iter().map(term).collect(), target: term(target), ..lasso }
}

/// As the secure core's own `cost` test measures it: features of 18 bits over 300 rows, and the statistics in 3 rounds.
#[test]
fn a_lasso_costs_what_the_secure_core_measures() {
    for (p, rounds, bytes) in
        [(1, 870, 84_715), (3, 915, 293_284), (10, 961, 1_594_497), (50, 1295, 32_254_099)]
    {
        let lasso = Lasso { standardize: true, ..model_of(Family::Lasso, 18, &vec![1.0; p + 1]) };
        let cost = model::lasso(&lasso, 300, RingSize::Z64);
        assert_eq!((cost.rounds, cost.bytes()), (rounds, bytes), "{p} features");
    }
}

/// As the secure core's own `cost` test measures them: four features of 14 bits over 120 and 240 rows.
#[test]
fn regressions_cost_what_the_secure_core_measures() {
    type Measured = (Family, [f64; 3], [(u64, u64); 2]);
    let cases: [Measured; 7] = [
        (Family::Linear, [0.0; 3], [(298, 58_474), (298, 58_590)]),
        (Family::Linear, [2.0, 0.0, 0.0], [(193, 30_076), (193, 30_195)]),
        (Family::Logistic, [0.0; 3], [(2_761, 1_771_985), (2_765, 3_033_739)]),
        (Family::Logistic, [2.0, 0.0, 0.0], [(2_744, 1_769_759), (2_748, 3_031_516)]),
        (Family::Logistic, [0.0, 3.0, 0.0], [(12_729, 8_307_301), (12_733, 9_569_061)]),
        (Family::Poisson, [0.0; 3], [(3_459, 2_447_814), (3_461, 4_255_469)]),
        (Family::Poisson, [0.0, 0.0, 0.7], [(3_502, 2_528_799), (3_504, 4_414_671)]),
    ];
    for (family, [ridge, sparse, offset], measured) in cases {
        let target = if family == Family::Linear { 0.25 } else { 1.0 };
        let model = model_of(family, 14, &[0.001, 0.5, 1.0, 1000.0, target]);
        let model = Lasso {
            alphas: vec![ridge + sparse],
            l1_ratio: if sparse > 0.0 { 1.0 } else { 0.0 },
            offset: (offset > 0.0).then(|| LassoTerm { step: offset, ..model.target.clone() }),
            ..model
        };
        let cost = |rows| {
            let fit = if family == Family::Linear { model::linear } else { newton::newton };
            fit(&model, rows, RingSize::Z128)
        };
        let found = [120, 240].map(cost).map(|cost| (cost.rounds, cost.bytes()));
        assert_eq!(found, measured, "{family:?} {ridge} {sparse} {offset}");
    }
}
