use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::scalar::ScalarValue;
use mpc::{Part, Ring};
use planner::Class;
use planner::plan::{
    ColumnDef, Encoding, Input, Order, PartyId, Range, RingSize, Scale, SharedColumn, Source, Taken,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const Z64: Encoding = Encoding::Arithmetic(RingSize::Z64);
const LIMIT: i128 = 1 << 40;

fn column(encoding: Encoding, source: Source) -> SharedColumn {
    let def = ColumnDef { name: "x".to_owned(), encoding, range: Range { lo: -LIMIT, hi: LIMIT } };
    SharedColumn { def, source }
}

fn scaled(column: usize, scale: Scale) -> Source {
    Source::Value { column, scale, dictionary: None, offset: 0 }
}

fn input(bound: usize, valid: Option<usize>, order: Order, columns: Vec<SharedColumn>) -> Input {
    let plan = LogicalPlanBuilder::empty(false).build().unwrap();
    Input {
        owner: PartyId(0),
        plan,
        tables: vec!["hospital.t".to_owned()],
        bound,
        valid,
        order,
        columns,
        taken: vec![],
    }
}

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().enumerate().map(|(index, array)| (format!("c{index}"), array, true)),
    )
    .unwrap()
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(3)
}

/// Everything an owner shares, as signed numbers.
fn encoded(input: &Input, batch: RecordBatch) -> Result<Vec<Vec<i128>>> {
    let rows = arrange(input, batch, &mut rng())?;
    let numbers = |part| match part {
        Part::U32(x) => x.into_iter().map(Ring::to_i128).collect(),
        Part::U64(x) => x.into_iter().map(Ring::to_i128).collect(),
        Part::U128(x) => x.into_iter().map(Ring::to_i128).collect(),
        Part::Bits(x) => x.to_values::<u128>().into_iter().map(Ring::to_i128).collect(),
    };
    let persons = Persons::of([(input, &rows)])?;
    Ok(encode(input, &rows, &persons)?.into_iter().map(numbers).collect())
}

fn one(array: ArrayRef, source: Source) -> Result<Vec<i128>> {
    let rows = array.len();
    let input = input(rows, None, Order::Local, vec![column(Z64, source)]);
    encoded(&input, batch(vec![array])).map(|mut columns| columns.remove(0))
}

#[test]
fn values_become_integers_by_scale() {
    let doubles =
        || Arc::new(Float64Array::from(vec![Some(0.5), Some(1.5), Some(-2.5), None, Some(22.3), Some(-0.0)]));
    assert_eq!(one(doubles(), scaled(0, Scale::Step(1.0))).unwrap(), [0, 2, -2, 0, 22, 0]);
    assert_eq!(one(doubles(), scaled(0, Scale::Step(0.1))).unwrap(), [5, 15, -25, 0, 223, 0]);
    let decimals = || {
        Arc::new(
            Decimal128Array::from(vec![Some(12345), Some(-1), None]).with_precision_and_scale(10, 2).unwrap(),
        )
    };
    assert_eq!(one(decimals(), scaled(0, Scale::Decimal(2))).unwrap(), [12345, -1, 0]);
    assert_eq!(one(decimals(), scaled(0, Scale::Decimal(4))).unwrap(), [1_234_500, -100, 0]);
    assert_eq!(one(decimals(), scaled(0, Scale::Step(0.5))).unwrap(), [247, 0, 0]);
    let integers = || Arc::new(Int64Array::from(vec![Some(7), Some(-7), None]));
    assert_eq!(one(integers(), scaled(0, Scale::Decimal(2))).unwrap(), [700, -700, 0]);
    let offset = Source::Value { column: 0, scale: Scale::Unit, dictionary: None, offset: 5 };
    assert_eq!(one(integers(), offset).unwrap(), [2, -12, 0]);
    let dates = Arc::new(Date32Array::from(vec![Some(-1), Some(20_000)]));
    assert_eq!(one(dates, scaled(0, Scale::Unit)).unwrap(), [-1, 20_000]);
    let bits = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    assert_eq!(one(bits, scaled(0, Scale::Unit)).unwrap(), [1, 0, 0]);
}

#[test]
fn texts_become_indices() {
    let values: Vec<ScalarValue> = vec!["east".into(), "north".into()];
    let source = |values: &[ScalarValue]| Source::Value {
        column: 0,
        scale: Scale::Unit,
        dictionary: Some(values.to_vec()),
        offset: 0,
    };
    let texts = || Arc::new(StringArray::from(vec![Some("north"), None, Some("east")]));
    assert_eq!(one(texts(), source(&values)).unwrap(), [1, 0, 0]);
    let error = one(texts(), source(&values[..1])).unwrap_err();
    assert_eq!(error.class(), Class::Source);
}

#[test]
fn values_outside_end_with_an_error_and_never_wrap() {
    let cases: [(ArrayRef, Scale); 5] = [
        (Arc::new(Int64Array::from(vec![i64::MAX, 1])), Scale::Unit),
        (Arc::new(Int64Array::from(vec![i64::MAX, 0])), Scale::Decimal(38)),
        (Arc::new(Float64Array::from(vec![f64::NAN, 1.0])), Scale::Step(0.5)),
        (Arc::new(Float64Array::from(vec![f64::INFINITY, 1.0])), Scale::Step(0.5)),
        (Arc::new(Decimal128Array::from(vec![15, 10]).with_precision_and_scale(5, 1).unwrap()), Scale::Unit),
    ];
    for (array, scale) in cases {
        let error = one(array, scaled(0, scale)).unwrap_err();
        assert_eq!(error.class(), Class::Source);
        let text = error.to_string();
        assert!(text.contains("hospital.t") && text.contains("`x`") && text.contains("1 row "), "{text}");
    }
}

#[test]
fn invalid_rows_and_padding_are_zero_in_every_encoding() {
    let array: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), None, Some(-6), Some(i64::MAX)]));
    let valid: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(false)]));
    let flag: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]));
    let z128 = Encoding::Arithmetic(RingSize::Z128);
    let equals = |value| Source::Equals { column: 0, value };
    let columns = vec![
        column(Z64, scaled(0, Scale::Unit)),
        column(z128, scaled(0, Scale::Unit)),
        column(Encoding::Planes(4), scaled(0, Scale::Unit)),
        column(Encoding::Bit, Source::Known(vec![])),
        column(Z64, Source::Known(vec![0, 2])),
        column(Encoding::Bit, Source::True(2)),
        column(Z64, equals(ScalarValue::Int32(Some(5)))),
        column(z128, equals(ScalarValue::Int64(None))),
        column(Encoding::Bit, Source::RunStart(vec![0])),
    ];
    let input = input(6, Some(1), Order::Local, columns);
    let encoded = encoded(&input, batch(vec![array, valid, flag])).unwrap();
    assert_eq!(encoded[0], [5, 0, -6, 0, 0, 0]);
    assert_eq!(encoded[1], [5, 0, -6, 0, 0, 0]);
    assert_eq!(encoded[2], [5, 0, 10, 0, 0, 0], "four bits in two's complement");
    assert_eq!(encoded[3], [1, 1, 1, 0, 0, 0]);
    assert_eq!(encoded[4], [1, 0, 1, 0, 0, 0]);
    assert_eq!(encoded[5], [1, 0, 0, 0, 0, 0]);
    assert_eq!(encoded[6], [1, 0, 0, 0, 0, 0]);
    assert_eq!(encoded[7], [0, 1, 0, 0, 0, 0]);
    assert_eq!(encoded[8], [1; 6]);
}

#[test]
fn runs_start_where_a_person_changes() {
    let persons: ArrayRef =
        Arc::new(StringArray::from(vec![Some("b"), Some("a"), Some("b"), None, Some("a"), None]));
    let input =
        input(8, None, Order::Adjacent(vec![0]), vec![column(Encoding::Bit, Source::RunStart(vec![0]))]);
    // b b a a NULL NULL, then padding.
    assert_eq!(encoded(&input, batch(vec![persons])).unwrap()[0], [1, 0, 1, 0, 1, 1, 1, 1]);
}

#[test]
fn a_shuffle_keeps_persons_together_and_moves_padding() {
    let persons: Vec<i64> = (0..40).map(|row| row % 10).collect();
    let visits: Vec<i64> = (0..40).map(|row| (row / 10) % 2).collect();
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(persons.clone())), Arc::new(Int64Array::from(visits.clone()))];
    let input = input(60, None, Order::Shuffled { adjacent: vec![0, 1] }, vec![]);
    let mut first = None;
    for seed in 0..5 {
        let rows = arrange(&input, batch(arrays.clone()), &mut StdRng::seed_from_u64(seed)).unwrap();
        let mut seen: Vec<usize> = rows.positions.iter().flatten().copied().collect();
        let changes = |of: &dyn Fn(usize) -> i64| {
            let keys: Vec<Option<i64>> = rows.positions.iter().map(|row| row.map(of)).collect();
            keys.chunk_by(|a, b| a == b && a.is_some()).filter(|run| run[0].is_some()).count()
        };
        assert_eq!(changes(&|row| persons[row]), 10, "one run a person");
        assert_eq!(changes(&|row| persons[row] * 2 + visits[row]), 20, "and one a visit within");
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..40) && rows.positions.len() == 60);
        assert!(rows.positions[40..].iter().any(Option::is_some), "padding is shuffled in");
        assert_ne!(first.replace(rows.positions.clone()), Some(rows.positions));
    }
}

#[test]
fn more_rows_than_the_bound_are_refused() {
    let array: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let input = input(2, None, Order::Local, vec![column(Z64, scaled(0, Scale::Unit))]);
    let error = encoded(&input, batch(vec![array])).unwrap_err();
    assert_eq!(error.class(), Class::Source);
    assert!(error.to_string().contains("3 rows, but `max_rows` allows 2"));
}

/// What a plan takes for granted of equal rows is checked; rows with a NULL are equal to none.
#[test]
fn rows_that_are_equal_too_often_are_told_to_their_owner() {
    let ids: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), Some("a"), None, None, None]));
    let wards: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 2, 1, 1, 1]));
    let rows = batch(vec![ids, wards]);
    let taken = |columns: Vec<usize>, at_most| Taken { names: vec!["id".to_owned()], columns, at_most };
    for (taken, excess) in [
        (taken(vec![0], 1), Some("1 rows more than the 1")),
        (taken(vec![0], 2), None),
        (taken(vec![1], 2), Some("3 rows more than the 2")),
        (taken(vec![0, 1], 1), None),
    ] {
        let input = Input { taken: vec![taken], ..input(6, None, Order::Local, Vec::new()) };
        match (arrange(&input, rows.clone(), &mut rng()), excess) {
            (Ok(_), None) => {}
            (Err(error), Some(excess)) => {
                assert_eq!(error.class(), Class::Source);
                assert!(error.to_string().contains("hospital.t"), "{error}");
                assert!(format!("{error:?}").contains(excess), "{error:?}");
            }
            (found, _) => panic!("{:?}", found.map(|_| ())),
        }
    }
}
