//! The formats, on one result with every kind of value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};

use std::path::Path;

use super::*;

fn result() -> ResultSet {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("region", Arc::new(StringArray::from(vec![Some("a \"b\", c"), Some(""), None]))),
        ("n", Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(-1), None]))),
        ("x", Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN), Some(1e21)]))),
        (
            "cost",
            Arc::new(
                Decimal128Array::from(vec![Some(12_345_678_901_234_567_890_120), Some(-5), None])
                    .with_precision_and_scale(30, 2)
                    .unwrap(),
            ),
        ),
        ("day", Arc::new(Date32Array::from(vec![Some(19_782), None, Some(0)]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None, Some(0)]))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap().into()
}

fn empty() -> ResultSet {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    ResultSet { schema, batches: vec![] }
}

#[test]
fn json_keeps_every_digit_and_every_column() {
    let text = Format::Json.render(&result(), true).unwrap();
    assert_eq!(
        text,
        "[{\"region\":\"a \\\"b\\\", c\",\"n\":9223372036854775807,\"x\":0.1,\"cost\":123456789012345678901.20,\
         \"day\":\"2024-02-29\",\"at\":\"1970-01-01T00:00:00.000001\",\"ok\":true},\
         {\"region\":\"\",\"n\":-1,\"x\":null,\"cost\":-0.05,\"day\":null,\"at\":null,\"ok\":false},\
         {\"region\":null,\"n\":null,\"x\":1e21,\"cost\":null,\"day\":\"1970-01-01\",\"at\":\"1970-01-01T00:00:00\",\
         \"ok\":null}]\n"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    assert_eq!(Format::Json.render(&empty(), true).unwrap(), "[]\n");
}

#[test]
fn jsonl_is_one_object_a_line() {
    let text = Format::Jsonl.render(&result(), true).unwrap();
    assert_eq!(text.lines().count(), 3);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert_eq!(Format::Jsonl.render(&empty(), false).unwrap(), "");
}

#[test]
fn columns_of_one_name_have_keys_of_their_own() {
    let columns: Vec<(&str, ArrayRef)> = ["n", "n", "n_1", "n"]
        .iter()
        .zip(1..)
        .map(|(name, n)| (*name, Arc::new(Int64Array::from(vec![n])) as ArrayRef))
        .collect();
    let fields: Vec<Field> =
        columns.iter().map(|(name, _)| Field::new(*name, DataType::Int64, true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let result: ResultSet = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap().into();
    assert_eq!(Format::Jsonl.render(&result, true).unwrap(), "{\"n\":1,\"n_2\":2,\"n_1\":3,\"n_3\":4}\n");
    assert!(Format::Csv.render(&result, true).unwrap().starts_with("n,n,n_1,n\n"));
}

#[test]
fn csv_tells_null_from_empty_and_separates_results() {
    let text = Format::Csv.render(&result(), true).unwrap();
    assert_eq!(
        text,
        "region,n,x,cost,day,at,ok\n\
         \"a \"\"b\"\", c\",9223372036854775807,0.1,123456789012345678901.20,2024-02-29,1970-01-01T00:00:00.000001,true\n\
         \"\",-1,NaN,-0.05,,,false\n\
         ,,1e21,,1970-01-01,1970-01-01T00:00:00,\n"
    );
    assert_eq!(Format::Csv.render(&empty(), false).unwrap(), "\nn\n");
}

#[test]
fn tables_align_numbers_right() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("term", Arc::new(StringArray::from(vec!["ä", "two\nlines"]))),
        ("value", Arc::new(Float64Array::from(vec![Some(1.5), None]))),
    ];
    let text = Format::Table.render(&RecordBatch::try_from_iter(columns).unwrap().into(), true).unwrap();
    assert_eq!(text, " term  | value\n-------+-------\n ä     |   1.5\n two   |  NULL\n lines |\n(2 rows)\n");
    assert_eq!(Format::Table.render(&empty(), true).unwrap(), " n\n---\n(0 rows)\n");
}

#[test]
fn expanded_rows_have_a_line_for_each_column() {
    let text = Layout::Expanded.render(&result()).unwrap();
    assert!(
        text.starts_with("-[ row 1 ]-\nregion | a \"b\", c\nn      | 9223372036854775807\nx      | 0.1\n"),
        "{text}"
    );
    assert!(text.ends_with("ok     | NULL\n(3 rows)\n"), "{text}");
    assert_eq!(Layout::Expanded.render(&empty()).unwrap(), "(0 rows)\n");
}

#[test]
fn values_of_owners_do_not_steer_the_terminal() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a\u{1b}[2J", Arc::new(StringArray::from(vec!["x\u{1b}[31m\u{7}"]))),
        ("n", Arc::new(Int64Array::from(vec![1]))),
    ];
    let result: ResultSet = RecordBatch::try_from_iter(columns).unwrap().into();
    for text in [Layout::Aligned.render(&result).unwrap(), Layout::Expanded.render(&result).unwrap()] {
        assert!(!text.contains(['\u{1b}', '\u{7}']) && text.contains("x\\u{1b}[31m\\u{7}"), "{text:?}");
    }
    // Programs get what is there.
    assert!(Format::Csv.render(&result, true).unwrap().contains('\u{1b}'));
}

#[test]
fn files_are_read_back_by_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    let result = result();
    for (name, kind) in [("r.parquet", FileKind::Parquet), ("r.arrow", FileKind::Arrow)] {
        let path = folder.path().join(name);
        assert_eq!(FileKind::of(&path).unwrap(), kind);
        write_file(&path, kind, std::slice::from_ref(&result)).unwrap();
        let source = connectors::source::open(&path).unwrap();
        let columns: Vec<usize> = (0..result.schema.fields().len()).collect();
        let batches: Vec<RecordBatch> = source.scan(&columns).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches[0].columns()[..3], result.batches[0].columns()[..3]);
        assert!(write_file(&path, kind, &[result.clone(), result.clone()]).is_err());
    }
    // Files of columns are read by name: of several columns of one name all but the first get a number, as in JSON.
    let twins = RecordBatch::try_new(
        Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true); 2])),
        vec![Arc::new(Int64Array::from(vec![1])), Arc::new(Int64Array::from(vec![2]))],
    );
    let twins: ResultSet = twins.unwrap().into();
    for (name, kind) in [("twins.parquet", FileKind::Parquet), ("twins.arrow", FileKind::Arrow)] {
        let path = folder.path().join(name);
        write_file(&path, kind, std::slice::from_ref(&twins)).unwrap();
        let source = connectors::source::open(&path).unwrap();
        let schema = source.schema();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["n", "n_1"]);
        let batches: Vec<RecordBatch> = source.scan(&[0, 1]).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches[0].columns(), twins.batches[0].columns());
    }
    let path = folder.path().join("r.csv");
    write_file(&path, FileKind::of(&path).unwrap(), &[result.clone(), empty()]).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("1970-01-01T00:00:00,\n\nn\n"));
    assert_eq!(FileKind::of(Path::new("r.xls")).unwrap_err().class, planner::Class::Invalid);
}
