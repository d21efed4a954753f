//! Secure plans written by hand, for tests of what looks at plans.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::logical_expr::logical_plan::builder::LogicalTableSource;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;

use crate::bind::DeclaredTable;
use crate::catalog::Federation;
use crate::plan::{
    Aggregate, ColumnDef, Compute, Encoding, Family, HashedJoin, Input, JoinKey, KeyDomain, Lasso,
    LassoOutput, LassoTerm, Matching, Measure, Multiplicity, Node, NodeId, Op, Order, Output, PartyId, Range,
    Reg, Release, RingSize, Rows, Scale, SecurePlan, SharedColumn, Source, Threshold,
};
use crate::policy;

const ARITHMETIC: Encoding = Encoding::Arithmetic(RingSize::Z64);

/// hospital (seat 0, `lifestyle`), insurer (seat 1, `claims`), helper (seat 2), clinic (no seat, `lifestyle`); 10 people.
pub(crate) fn federation() -> Federation {
    let federation = r#"
version = 1
name = "samples"
party = [
  { name = "hospital", seat = 0 },
  { name = "insurer", seat = 1 },
  { name = "helper", seat = 2 },
  { name = "clinic" },
]
"#;
    let lifestyle = r#"
version = 1
[table.lifestyle]
person = "patient_id"
max_rows = 1000
[table.lifestyle.column]
patient_id = { type = "TEXT", allow = ["join"] }
age = { type = "INTEGER", bounds = [0, 120], allow = ["filter", "aggregate", "model"] }
"#;
    let claims = r#"
version = 1
[table.claims]
person = "patient_id"
max_rows = 2000
max_rows_per_person = 3
[table.claims.column]
patient_id = { type = "TEXT", allow = ["join"] }
days = { type = "BIGINT", bounds = [0, 366], allow = ["filter", "aggregate", "model"] }
region = { type = "TEXT", values = ["north", "south"], nullable = false, allow = ["group", "filter"] }
"#;
    let policies = [("hospital", lifestyle), ("insurer", claims), ("clinic", lifestyle)];
    let policies: Vec<_> = policies.into_iter().map(|(p, text)| (p.to_owned(), text.to_owned())).collect();
    policy::parse(federation, &policies).unwrap()
}

/// A scan of all columns of a party's first table.
pub(crate) fn scan(party: usize) -> LogicalPlan {
    let federation = federation();
    let table = &federation.parties[party].tables[0];
    let fields: Vec<_> =
        table.columns.iter().map(|c| Field::new(&c.name, c.sql_type.arrow(), c.nullable)).collect();
    let source = DeclaredTable { party: PartyId(party), table: 0, schema: Arc::new(Schema::new(fields)) };
    let name = format!("{}.{}", federation.parties[party].name, table.name);
    LogicalPlanBuilder::scan(name, Arc::new(source), None).unwrap().build().unwrap()
}

fn released(fields: Vec<Field>) -> LogicalPlan {
    let source = LogicalTableSource::new(Arc::new(Schema::new(fields)));
    LogicalPlanBuilder::scan("released.r0", Arc::new(source), None).unwrap().build().unwrap()
}

fn def(name: &str, encoding: Encoding, lo: i128, hi: i128) -> ColumnDef {
    ColumnDef { name: name.to_owned(), encoding, range: Range { lo, hi } }
}

fn shared(name: &str, encoding: Encoding, hi: i128, source: Source) -> SharedColumn {
    SharedColumn { def: def(name, encoding, 0, hi), source }
}

fn value(column: usize) -> Source {
    Source::Value { column, scale: Scale::Unit, dictionary: None, offset: 0 }
}

fn equals(column: usize, value: &str) -> Source {
    Source::Equals { column, value: ScalarValue::Utf8(Some(value.to_owned())) }
}

fn people(persons: usize, owner: &str) -> Threshold {
    Threshold { persons, at_least: 10, reason: format!("min_people of {owner}") }
}

fn bigint(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

/// The claims of the insurer: days, valid, region=north, region=south, first row of a person, valid as a bit.
fn claims(order: Order) -> Node {
    let columns = vec![
        shared("c.days", ARITHMETIC, 366, value(1)),
        shared("valid", ARITHMETIC, 1, Source::Known(vec![1])),
        shared("region=north", ARITHMETIC, 1, equals(2, "north")),
        shared("region=south", ARITHMETIC, 1, equals(2, "south")),
        shared("first row of patient_id", Encoding::Bit, 1, Source::RunStart(vec![0])),
        shared("valid", Encoding::Bit, 1, Source::Known(vec![1])),
    ];
    Node::Input(Input {
        taken: Vec::new(),
        owner: PartyId(1),
        plan: scan(1),
        tables: vec!["claims".to_owned()],
        bound: 2000,
        valid: None,
        order,
        columns,
    })
}

/// `SELECT region, SUM(days) FROM insurer.claims GROUP BY region`, several rows a person.
pub(crate) fn sum_by_region() -> SecurePlan {
    let aggregate = Aggregate {
        input: NodeId(0),
        keys: vec![vec![2, 3]],
        measures: vec![
            Measure::Sum { value: 0 },
            Measure::Persons { counts: 5, run_starts: 4, max_run: 3, rows: 0..2000 },
        ],
        columns: vec![
            def("SUM(days)", ARITHMETIC, 0, 732_000),
            def("people of insurer", ARITHMETIC, 0, 2000),
        ],
    };
    let values = ["north", "south"].map(|v| ScalarValue::Utf8(Some(v.to_owned()))).to_vec();
    let region = Field::new("region", DataType::Utf8, true);
    let release = Release {
        input: NodeId(1),
        rows: Rows::Groups(vec![KeyDomain { field: region.clone(), values }]),
        present: None,
        gate: vec![people(1, "insurer")],
        outputs: vec![Output {
            field: bigint("sum(insurer.claims.days)"),
            value: 0,
            scale: Scale::Unit,
            known: None,
            gate: Vec::new(),
        }],
    };
    SecurePlan {
        nodes: vec![claims(Order::Adjacent(vec![0])), Node::Aggregate(aggregate), Node::Release(release)],
        releases: vec![NodeId(2)],
        clear: released(vec![region, bigint("sum(insurer.claims.days)")]),
        notices: Vec::new(),
        choices: Vec::new(),
    }
}

/// The patients of a party: age, valid as a number.
fn lifestyle(party: usize) -> Node {
    Node::Input(Input {
        taken: Vec::new(),
        owner: PartyId(party),
        plan: scan(party),
        tables: vec!["lifestyle".to_owned()],
        bound: 1000,
        valid: None,
        order: Order::Shuffled { adjacent: Vec::new() },
        columns: vec![
            shared("h.age", ARITHMETIC, 120, value(1)),
            shared("valid", ARITHMETIC, 1, Source::Known(vec![1])),
            shared("valid", Encoding::Bit, 1, Source::Known(vec![1])),
        ],
    })
}

/// `SELECT SUM(h.age * c.days) FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(...)`.
#[expect(clippy::too_many_lines, reason = "one plan, written out")]
pub(crate) fn join() -> SecurePlan {
    let order = Order::Shuffled { adjacent: vec![0] };
    let stay = claims(order);
    let moved = lifestyle(0);
    let mut columns: Vec<ColumnDef> = stay.columns().into_iter().chain(moved.columns()).cloned().collect();
    columns.push(def("match", Encoding::Bit, 0, 1));
    columns.push(def("match", ARITHMETIC, 0, 1));
    let key = |input: usize, name: &str, max_rows: usize| JoinKey {
        input: NodeId(input),
        columns: vec![0],
        name: name.to_owned(),
        max_rows,
    };
    let join = HashedJoin {
        stay: NodeId(0),
        stay_key: key(0, "insurer.claims.patient_id", 3),
        moved: NodeId(1),
        moved_key: key(1, "hospital.lifestyle.patient_id", 1),
        matching: Matching::Pseudonyms { matcher: 2 },
        multiplicity: Multiplicity::ManyToOne,
        normalised: true,
        columns,
    };
    let ops = vec![
        Op::Column(0),
        Op::Column(6),
        Op::Multiply(Reg(0), Reg(1)),
        Op::Column(10),
        Op::Multiply(Reg(2), Reg(3)),
        Op::Column(5),
        Op::Column(8),
        Op::And(Reg(5), Reg(6)),
        Op::Column(9),
        Op::And(Reg(7), Reg(8)),
        Op::Column(4),
    ];
    let compute = Compute {
        input: NodeId(2),
        ops,
        outputs: vec![
            (Reg(4), def("age * days", ARITHMETIC, 0, 43_920)),
            (Reg(9), def("counts", Encoding::Bit, 0, 1)),
            (Reg(10), def("first row of patient_id", Encoding::Bit, 0, 1)),
        ],
    };
    let aggregate = Aggregate {
        input: NodeId(3),
        keys: Vec::new(),
        measures: vec![
            Measure::Sum { value: 0 },
            Measure::Persons { counts: 1, run_starts: 2, max_run: 3, rows: 0..2000 },
        ],
        columns: vec![def("SUM", ARITHMETIC, 0, 87_840_000), def("people", ARITHMETIC, 0, 2000)],
    };
    let release = Release {
        input: NodeId(4),
        rows: Rows::One,
        present: None,
        gate: Vec::new(),
        outputs: vec![Output {
            field: bigint("sum(h.age * c.days)"),
            value: 0,
            scale: Scale::Unit,
            known: None,
            gate: vec![people(1, "hospital"), people(1, "insurer")],
        }],
    };
    SecurePlan {
        nodes: vec![
            stay,
            moved,
            Node::HashedJoin(join),
            Node::Compute(compute),
            Node::Aggregate(aggregate),
            Node::Release(release),
        ],
        releases: vec![NodeId(5)],
        clear: released(vec![bigint("sum(h.age * c.days)")]),
        notices: Vec::new(),
        choices: Vec::new(),
    }
}

/// As [`lasso`], over the hospital's patients.
pub(crate) fn lasso0() -> SecurePlan {
    lasso(0)
}

/// `LASSO` of ages on themselves, over the patients of a party with or without a seat; the gate counts complete rows.
pub(crate) fn lasso(party: usize) -> SecurePlan {
    let term = |name: &str| LassoTerm { name: name.to_owned(), column: 0, step: 1.0, middle: 60.0, bits: 6 };
    let people_def = def("people", ARITHMETIC, 0, 1000);
    let counts = Aggregate {
        input: NodeId(0),
        keys: Vec::new(),
        measures: vec![Measure::Sum { value: 1 }],
        columns: vec![people_def.clone()],
    };
    let value = def("value", Encoding::Arithmetic(RingSize::Z128), -1_000_000, 1_000_000);
    let lasso = Lasso {
        family: Family::Lasso,
        by_sum: false,
        input: NodeId(0),
        features: vec![term("age")],
        target: term("age"),
        times: Vec::new(),
        valid: 1,
        alphas: vec![0.1],
        l1_ratio: 1.0,
        folds: Vec::new(),
        offset: None,
        factorials: None,
        standardize: false,
        intercept: true,
        counts: Some(NodeId(1)),
        output: LassoOutput::Coefficients,
        columns: vec![value, def("accepted", Encoding::Bit, 0, 1), people_def],
    };
    let owner = federation().parties[party].name.clone();
    let release = Release {
        input: NodeId(2),
        rows: Rows::Terms(vec!["intercept".to_owned(), "age".to_owned()]),
        present: None,
        gate: Vec::new(),
        outputs: vec![Output {
            field: Field::new("coefficient", DataType::Float64, true),
            value: 0,
            scale: Scale::Unit,
            known: Some(1),
            gate: vec![Threshold { at_least: 20, ..people(2, &owner) }],
        }],
    };
    let fields =
        vec![Field::new("term", DataType::Utf8, true), Field::new("coefficient", DataType::Float64, true)];
    SecurePlan {
        nodes: vec![lifestyle(party), Node::Aggregate(counts), Node::Lasso(lasso), Node::Release(release)],
        releases: vec![NodeId(3)],
        clear: released(fields),
        notices: Vec::new(),
        choices: Vec::new(),
    }
}
