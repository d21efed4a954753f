//! Groups over a union.

use super::*;

/// Two hospitals' tables on top of each other, grouped by a region that may be NULL, with a threshold.
fn union_plan(bound: usize, at_least: u64) -> SecurePlan {
    let schema = regions().schema();
    let cells: Vec<ScalarValue> = vec!["east".into(), "north".into(), ScalarValue::Utf8(None)];
    let input = |owner: usize, table: &str| {
        let codes = cells
            .iter()
            .map(|cell| shared("region", Z64, 1, Source::Equals { column: 0, value: cell.clone() }));
        let number = Source::Value { column: 1, scale: Scale::Step(0.1), dictionary: None, offset: 0 };
        let others = [shared("x", Z64, 1000, number), shared("valid", Z64, 1, Source::Known(vec![1]))];
        Node::Input(Input {
            taken: Vec::new(),
            owner: PartyId(owner),
            plan: LogicalPlanBuilder::from(local_plan(table, Arc::clone(&schema)))
                .filter(col("keep").eq(lit(true)))
                .unwrap()
                .build()
                .unwrap(),
            tables: vec![table.to_owned()],
            bound,
            valid: None,
            order: Order::Local,
            columns: codes.chain(others).collect(),
        })
    };
    let aggregate = Aggregate {
        input: NodeId(2),
        keys: vec![vec![0, 1, 2]],
        measures: vec![Measure::Sum { value: 3 }, Measure::Sum { value: 4 }],
        columns: vec![def("sum", Z64, -100_000, 100_000), def("n", Z64, 0, 2 * bound as i128)],
    };
    let sum = Output {
        field: Field::new("sum", DataType::Float64, false),
        value: 0,
        scale: Scale::Step(0.1),
        known: None,
        gate: vec![],
    };
    let gate = vec![Threshold { persons: 1, at_least, reason: "min_people of hospital".to_owned() }];
    let region = KeyDomain { field: Field::new("region", DataType::Utf8, false), values: cells.clone() };
    SecurePlan {
        nodes: vec![
            input(0, "hospital.regions"),
            input(1, "insurer.regions"),
            Node::Union(Union { inputs: vec![NodeId(0), NodeId(1)], columns: vec![] }),
            Node::Aggregate(aggregate),
            Node::Release(Release {
                input: NodeId(3),
                rows: Rows::Groups(vec![region]),
                present: None,
                gate,
                outputs: vec![sum, output("n", 1, None)],
            }),
        ],
        releases: vec![NodeId(4)],
        clear: empty_clear(),
        notices: vec![],
        choices: vec![],
    }
}

fn regions() -> RecordBatch {
    let fields = [("region", DataType::Utf8), ("x", DataType::Float64), ("keep", DataType::Boolean)];
    let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec());
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(vec![
            Some("north"),
            None,
            Some("north"),
            Some("east"),
            None,
            Some("north"),
        ])),
        Arc::new(Float64Array::from(vec![Some(1.25), Some(2.0), None, Some(0.25), Some(-0.5), Some(100.0)])),
        Arc::new(BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(true), Some(true), None])),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

#[tokio::test]
async fn groups_over_a_union_with_null_keys_and_a_gate() {
    let seats = [2, 0, 3];
    let world =
        World::new(1, &NAMES, seats).with_table(0, "regions", regions()).with_table(1, "regions", regions());
    // Per owner: east 0.25 -> 2 steps (half to even), north 1.25 -> 12 (the double is exactly a half) and a NULL.
    for (at_least, expected) in [(1, "east 0.4 2\nnorth 2.4 2\nNULL 3 4\n"), (3, "NULL 3 4\n"), (5, "")] {
        let plan = union_plan(10, at_least);
        let ran = run(&world, &plan).await;
        let released = opened(&plan, &ran, seats);
        let batch = &released.batch;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            let region = batch.column(0).as_string::<i32>();
            let region = if region.is_null(row) { "NULL" } else { region.value(row) };
            let sum = batch.column(1).as_primitive::<Float64Type>().value(row);
            let n = batch.column(2).as_primitive::<Int64Type>().value(row);
            text.extend([region, " ", &sum.to_string(), " ", &n.to_string(), "\n"]);
        }
        assert_eq!(text, expected);
        assert!(batch.schema().fields().iter().all(|field| field.is_nullable()));
        let notice = released.notice;
        assert_eq!(notice.is_some(), at_least > 1);
        assert!(notice.is_none_or(|notice| notice.contains("min_people of hospital")));
    }
}
