//! Plans that keep the rules, and the same plans with one thing changed.

use crate::plan::{
    Encoding, Matching, Measure, Multiplicity, Node, NodeId, Op, Order, PartyId, Reg, RingSize, Rows, Source,
};
use crate::plan_samples as samples;

use super::*;

fn session() -> Session {
    Session { analyst: "alice".to_owned(), ..Session::default() }
}

fn checked(plan: SecurePlan) -> Result<CheckedPlan> {
    check(plan, &samples::federation(), &session())
}

#[test]
fn sound_plans_get_a_permit() {
    for plan in [samples::sum_by_region(), samples::join(), samples::lasso(0), samples::lasso(3)] {
        let hash = plan_hash(&plan);
        let checked = checked(plan).unwrap();
        assert_eq!(*checked.permit.plan(), hash);
    }
}

/// A sample, what is changed in it, the class of the error and words of its message.
type Case = (fn() -> SecurePlan, fn(&mut SecurePlan), Class, &'static str);

macro_rules! node {
    ($plan:expr, $index:expr, $kind:ident) => {
        match &mut $plan.nodes[$index] {
            Node::$kind(node) => node,
            other => panic!("{other:?}"),
        }
    };
}

const CASES: &[Case] = &[
    // Release.
    (samples::sum_by_region, |p| node!(p, 2, Release).gate.clear(), Class::Refused, "10 people of insurer"),
    (
        samples::sum_by_region,
        |p| node!(p, 2, Release).gate[0].at_least = 9,
        Class::Refused,
        "10 people of insurer",
    ),
    (
        samples::sum_by_region,
        |p| node!(p, 2, Release).gate[0].persons = 0,
        Class::Refused,
        "10 people of insurer",
    ),
    (
        samples::sum_by_region,
        |p| {
            let release = node!(p, 2, Release);
            release.outputs[0].gate = std::mem::take(&mut release.gate);
        },
        Class::Refused,
        "groups would show up",
    ),
    (
        samples::join,
        |p| {
            node!(p, 5, Release).outputs[0].gate.clear();
        },
        Class::Refused,
        "10 people of hospital",
    ),
    (
        samples::lasso0,
        |p| node!(p, 3, Release).outputs[0].gate.clear(),
        Class::Refused,
        "20 people of hospital",
    ),
    (
        samples::lasso0,
        |p| node!(p, 3, Release).outputs[0].gate[0].at_least = 19,
        Class::Refused,
        "20 people of hospital",
    ),
    (
        samples::sum_by_region,
        |p| {
            node!(p, 2, Release).input = NodeId(0);
            node!(p, 2, Release).gate.clear();
            node!(p, 2, Release).rows = Rows::Terms((0..2000).map(|i| i.to_string()).collect());
        },
        Class::Refused,
        "a release of rows",
    ),
    // Persons.
    (
        samples::sum_by_region,
        |p| node!(p, 1, Aggregate).measures[1] = Measure::Sum { value: 1 },
        Class::Refused,
        "10 people of insurer",
    ),
    (
        samples::sum_by_region,
        |p| {
            let input = node!(p, 0, Input);
            input.columns[4].source = Source::RunStart(vec![1]);
            input.order = Order::Adjacent(vec![1]);
        },
        Class::Refused,
        "10 people of insurer",
    ),
    (
        samples::sum_by_region,
        |p| {
            let Measure::Persons { max_run, .. } = &mut node!(p, 1, Aggregate).measures[1] else { return };
            *max_run = 2;
        },
        Class::Refused,
        "10 people of insurer",
    ),
    (
        samples::join,
        |p| node!(p, 4, Aggregate).measures[1] = Measure::Sum { value: 0 },
        Class::Refused,
        "people of",
    ),
    // Owners and columns.
    (
        samples::join,
        |p| node!(p, 2, HashedJoin).stay_key.columns = vec![1],
        Class::Refused,
        "does not allow `join`",
    ),
    (
        samples::sum_by_region,
        |p| node!(p, 0, Input).owner = PartyId(0),
        Class::Internal,
        "reads insurer.claims",
    ),
    (
        samples::sum_by_region,
        |p| node!(p, 0, Input).owner = PartyId(9),
        Class::Internal,
        "an owner that does not exist",
    ),
    (samples::sum_by_region, |p| node!(p, 0, Input).tables.clear(), Class::Internal, "reads insurer.claims"),
    (samples::sum_by_region, |p| node!(p, 0, Input).bound = 2001, Class::Internal, ""),
    (samples::sum_by_region, |p| node!(p, 0, Input).bound = 0, Class::Internal, "without rows"),
    // Structure.
    (samples::sum_by_region, |p| node!(p, 1, Aggregate).input = NodeId(1), Class::Internal, "not before it"),
    (samples::sum_by_region, |p| node!(p, 1, Aggregate).input = NodeId(7), Class::Internal, "not before it"),
    (samples::sum_by_region, |p| p.releases.clear(), Class::Internal, "releases listed"),
    (samples::sum_by_region, |p| p.releases.push(NodeId(2)), Class::Internal, "releases listed"),
    (samples::sum_by_region, |p| node!(p, 1, Aggregate).keys[0][1] = 99, Class::Internal, "one-hot"),
    (samples::sum_by_region, |p| node!(p, 1, Aggregate).keys[0][1] = 5, Class::Internal, "one-hot"),
    (
        samples::sum_by_region,
        |p| {
            node!(p, 1, Aggregate).measures.pop();
        },
        Class::Internal,
        "differ in number",
    ),
    (samples::sum_by_region, |p| node!(p, 0, Input).valid = Some(7), Class::Internal, "does not exist"),
    (samples::sum_by_region, |p| node!(p, 0, Input).order = Order::Local, Class::Internal, "not adjacent"),
    (
        samples::sum_by_region,
        |p| node!(p, 0, Input).columns[0].def.range.lo = 400,
        Class::Internal,
        "does not fit",
    ),
    (
        samples::sum_by_region,
        |p| node!(p, 0, Input).columns[5].def.range.hi = 2,
        Class::Internal,
        "does not fit",
    ),
    (samples::sum_by_region, |p| node!(p, 2, Release).outputs[0].value = 9, Class::Internal, "no number"),
    (samples::sum_by_region, |p| node!(p, 2, Release).outputs[0].known = Some(0), Class::Internal, "no bit"),
    (samples::sum_by_region, |p| node!(p, 2, Release).present = Some(0), Class::Internal, "no bit"),
    (samples::sum_by_region, |p| node!(p, 2, Release).rows = Rows::One, Class::Internal, "labels"),
    (
        samples::sum_by_region,
        |p| {
            let output = &mut node!(p, 2, Release).outputs[0];
            output.field = output.field.clone().with_nullable(false);
        },
        Class::Internal,
        "cannot be withheld",
    ),
    (samples::sum_by_region, |p| p.clear = samples::scan(1), Class::Internal, "the clear stage reads"),
    (
        samples::join,
        |p| node!(p, 2, HashedJoin).matching = Matching::Pseudonyms { matcher: 0 },
        Class::Internal,
        "matcher owns a table",
    ),
    (
        samples::join,
        |p| node!(p, 2, HashedJoin).matching = Matching::Pseudonyms { matcher: 1 },
        Class::Internal,
        "matcher owns a table",
    ),
    (
        samples::join,
        |p| node!(p, 2, HashedJoin).matching = Matching::Pseudonyms { matcher: 3 },
        Class::Internal,
        "without a seat",
    ),
    (
        samples::join,
        |p| node!(p, 2, HashedJoin).moved_key.max_rows = 2,
        Class::Internal,
        "several rows per identifier",
    ),
    (
        samples::join,
        |p| node!(p, 2, HashedJoin).multiplicity = Multiplicity::OneToOne,
        Class::Internal,
        "1:1 join",
    ),
    (
        samples::join,
        |p| {
            node!(p, 2, HashedJoin).columns.pop();
        },
        Class::Internal,
        "not those of the two tables",
    ),
    (samples::join, |p| node!(p, 0, Input).order = Order::Adjacent(vec![0]), Class::Internal, "not shuffled"),
    (
        samples::join,
        |p| node!(p, 3, Compute).ops[2] = Op::Multiply(Reg(0), Reg(2)),
        Class::Internal,
        "later register",
    ),
    (
        samples::join,
        |p| node!(p, 3, Compute).ops[7] = Op::And(Reg(0), Reg(6)),
        Class::Internal,
        "wrong operands",
    ),
    (samples::join, |p| node!(p, 3, Compute).ops[0] = Op::Column(77), Class::Internal, "wrong operands"),
    (
        samples::join,
        |p| node!(p, 3, Compute).outputs[0].1.encoding = Encoding::Arithmetic(RingSize::Z128),
        Class::Internal,
        "register's kind",
    ),
    (samples::lasso0, |p| node!(p, 2, Lasso).alphas = vec![-1.0], Class::Internal, "penalty"),
    (samples::lasso0, |p| node!(p, 2, Lasso).features.clear(), Class::Internal, ""),
    (samples::lasso0, |p| node!(p, 2, Lasso).target.column = 2, Class::Internal, "another ring"),
];

#[test]
fn every_broken_plan_is_refused() {
    for (index, (sample, change, class, words)) in CASES.iter().enumerate() {
        let mut plan = sample();
        change(&mut plan);
        let error = checked(plan).map(|_| ()).expect_err(&format!("case {index}: {words}"));
        assert_eq!(error.class, *class, "case {index}: {error}");
        assert!(error.message.contains(words), "case {index}: {error}");
    }
}

#[test]
fn only_recipients_get_a_permit() {
    let mut federation = samples::federation();
    federation.parties[1].release.recipients = vec!["carol".to_owned()];
    let error = check(samples::join(), &federation, &session()).unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert!(error.message.contains("insurer releases no results to analyst alice"), "{error}");
}

#[test]
fn an_owner_of_one_person_demands_nothing() {
    let mut federation = samples::federation();
    for party in &mut federation.parties {
        party.release.min_people = 1;
    }
    let mut plan = samples::sum_by_region();
    node!(plan, 2, Release).gate.clear();
    check(plan, &federation, &session()).unwrap();
}
