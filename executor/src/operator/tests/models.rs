//! Models.

use super::*;

/// A LASSO of `y` on two features over one owner's rows, with the number of rows as its gate.
fn lasso_plan(bound: usize, at_least: u64, kind: LassoOutput) -> SecurePlan {
    let number = |column| {
        let source = Source::Value { column, scale: Scale::Step(0.5), dictionary: None, offset: 20 };
        shared("x", Z64, 100, source)
    };
    let valid = shared("valid", Z64, 1, Source::Known(vec![0, 1, 2]));
    let input = Input {
        owner: PartyId(1),
        plan: local_plan("insurer.measurements", measurements(&[]).schema()),
        tables: vec!["insurer.measurements".to_owned()],
        bound,
        valid: Some(3),
        order: Order::Local,
        columns: (0..3).map(number).chain([valid]).collect(),
        taken: vec![],
    };
    let term =
        |column: usize| LassoTerm { name: format!("x{column}"), column, step: 0.5, middle: 10.0, bits: 6 };
    let count = def("n", Z64, 0, 50);
    let numbers = if kind == LassoOutput::Coefficients { 1 } else { 6 };
    let z128 = Encoding::Arithmetic(RingSize::Z128);
    let columns = vec![def("number", z128, 0, 1 << 100); numbers].into_iter();
    let lasso = Lasso {
        family: planner::plan::Family::Lasso,
        by_sum: false,
        input: NodeId(0),
        features: vec![term(0), term(1)],
        target: term(2),
        times: Vec::new(),
        valid: 3,
        alphas: vec![0.3],
        l1_ratio: 1.0,
        folds: vec![],
        offset: None,
        factorials: None,
        standardize: false,
        intercept: true,
        counts: Some(NodeId(1)),
        output: kind,
        columns: columns.chain([def("accepted", Encoding::Bit, 0, 1), count.clone()]).collect(),
    };
    let measures = vec![Measure::Sum { value: 3 }];
    let counts = Aggregate { input: NodeId(0), keys: vec![], measures, columns: vec![count] };
    let release = Node::Release(lasso_release(at_least, kind, numbers));
    SecurePlan {
        nodes: vec![Node::Input(input), Node::Aggregate(counts), Node::Lasso(lasso), release],
        releases: vec![NodeId(3)],
        clear: empty_clear(),
        notices: vec![],
        choices: vec![],
    }
}

/// The release of a model with `numbers` columns before the bit `accepted` and the count.
fn lasso_release(at_least: u64, kind: LassoOutput, numbers: usize) -> Release {
    let known = Some(numbers);
    let double = |name: &str, value| Output {
        field: Field::new(name, DataType::Float64, true),
        ..output(name, value, known)
    };
    let (rows, outputs) = match kind {
        LassoOutput::Coefficients => {
            (Rows::Terms(["intercept", "x0", "x1"].map(str::to_owned).into()), vec![double("coefficient", 0)])
        }
        LassoOutput::Summary => {
            let doubles = [double("r2", 1), double("mse", 2), double("kkt", 5)];
            let integers = [("n", 0), ("iterations", 3), ("nonzero", 4)];
            let integers = integers.map(|(name, value)| output(name, value, known));
            (Rows::One, doubles.into_iter().chain(integers).collect())
        }
    };
    let gate = vec![Threshold { persons: numbers + 1, at_least, reason: "rows of a model".to_owned() }];
    Release { input: NodeId(2), rows, present: None, gate, outputs }
}

/// y = 2 x0 - 5 exactly; x1 is noise; the last rows are NULL or filtered out.
fn measurements(features: &[(f64, f64)]) -> RecordBatch {
    let fields = [("x0", DataType::Float64), ("x1", DataType::Float64), ("y", DataType::Float64)];
    let mut fields = fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec();
    fields.push(Field::new("keep", DataType::Boolean, true));
    let column = |value: &dyn Fn(f64, f64) -> f64, odd: Option<f64>| -> Arc<dyn Array> {
        let values = features.iter().map(|&(a, b)| Some(value(a, b))).chain([odd, Some(17.0)]);
        Arc::new(values.collect::<Float64Array>())
    };
    let keep = features.iter().map(|_| true).chain([false, false]);
    let columns: Vec<Arc<dyn Array>> = vec![
        column(&|a, _| a, None),
        column(&|_, b| b, Some(3.0)),
        column(&|a, _| 2.0 * a - 5.0, Some(3.0)),
        Arc::new(keep.map(Some).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[tokio::test]
async fn a_lasso_is_fitted_gated_and_decoded() {
    let seats = [0, 2, 3];
    let mut rng = StdRng::seed_from_u64(4);
    let mut steps = || f64::from(rng.random_range(6..=24)) * 0.5;
    let features: Vec<(f64, f64)> = (0..40).map(|_| (steps(), steps())).collect();
    let world = World::new(2, &NAMES, seats).with_table(1, "measurements", measurements(&features));
    let plan = lasso_plan(50, 40, LassoOutput::Coefficients);
    let ran = run(&world, &plan).await;
    let released = opened(&plan, &ran, seats);
    let coefficients = released.batch.column(1).as_primitive::<Float64Type>().values().to_vec();
    // One feature that explains y exactly: w = 2 - alpha / var(x0), up to what x1 takes, which is 0 here.
    let mean = features.iter().map(|(a, _)| a).sum::<f64>() / 40.0;
    let variance = features.iter().map(|(a, _)| (a - mean).powi(2)).sum::<f64>() / 40.0;
    let w = 2.0 - 0.3 / variance;
    let expected = [2.0 * mean - 5.0 - w * mean, w, 0.0];
    for (got, expected) in coefficients.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-3, "{coefficients:?} {expected}");
    }
    let terms = released.batch.column(0).as_string::<i32>();
    assert_eq!((terms.value(0), terms.value(2), released.notice), ("intercept", "x1", None));

    let plan = lasso_plan(50, 40, LassoOutput::Summary);
    let released = opened(&plan, &run(&world, &plan).await, seats);
    let number = |column: usize| released.batch.column(column).as_primitive::<Float64Type>().value(0);
    let integer = |column: usize| released.batch.column(column).as_primitive::<Int64Type>().value(0);
    assert!(number(0) > 0.99 && number(1) < 0.1 && number(2) < 1e-3);
    assert_eq!((integer(3), integer(4), integer(5)), (40, 40, 1));

    let plan = lasso_plan(50, 41, LassoOutput::Coefficients);
    let released = opened(&plan, &run(&world, &plan).await, seats);
    assert_eq!(released.batch.column(1).null_count(), 3, "withheld");
    assert!(released.notice.is_some());
}
