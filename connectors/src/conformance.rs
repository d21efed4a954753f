//! What every [`Source`] must do, as a function that tests call.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Float64Array, Int64Array, StringArray};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;

use crate::source::{Source, open};

/// Checks the source at `path`, whose rows are `rows`: schema, order of rows and columns, projections, repeated scans,
/// and that a file that is missing or cut off is an error that names it.
///
/// # Errors
/// A sentence that says what does not hold.
pub fn check(path: &Path, rows: &RecordBatch) -> Result<(), String> {
    let source = open(path).map_err(|error| error.to_string())?;
    check_scans(source.as_ref(), rows)?;
    if path.is_file() {
        check_missing(path)?;
        if source.typed() {
            check_cut_off(path)?;
        }
    }
    Ok(())
}

fn check_scans(source: &dyn Source, rows: &RecordBatch) -> Result<(), String> {
    let names = |schema: &arrow::datatypes::Schema| -> Vec<(String, arrow::datatypes::DataType)> {
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    holds(names(&source.schema()) == names(&rows.schema()), "the schema differs")?;
    let width = rows.num_columns();
    let all: Vec<usize> = (0..width).collect();
    let reversed: Vec<usize> = (0..width).rev().collect();
    for columns in [&all, &all, &reversed, &vec![width - 1]] {
        let batches = source
            .scan(columns)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| error.to_string())?;
        let expected = rows.project(columns).map_err(|error| error.to_string())?;
        let schema = batches.first().map_or(expected.schema(), RecordBatch::schema);
        let scanned = concat_batches(&schema, &batches).map_err(|error| error.to_string())?;
        holds(scanned.columns() == expected.columns(), "the rows differ")?;
    }
    Ok(())
}

fn check_missing(path: &Path) -> Result<(), String> {
    let missing = path.with_file_name(format!("missing-{}", name(path)));
    match open(&missing) {
        Ok(_) => Err("a missing file was opened".into()),
        Err(error) => holds(error.to_string().contains("missing-"), "the error does not name the file"),
    }
}

/// A file without its second half is an error, at opening or at reading.
fn check_cut_off(path: &Path) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let cut = path.with_file_name(format!("cut-{}", name(path)));
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).map_err(|error| error.to_string())?;
    let read = open(&cut).and_then(|source| source.scan(&[0])?.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(_) => Err("a file that was cut off was read".into()),
        Err(error) => holds(error.to_string().contains("cut-"), "the error does not name the file"),
    }
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn holds(condition: bool, otherwise: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(otherwise.into()) }
}

/// Rows of three types with NULLs, for sources with types.
pub fn typed_rows() -> RecordBatch {
    batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as Arc<dyn Array>),
        ("name", Arc::new(StringArray::from(vec![Some("Ada"), None, Some("")]))),
        ("amount", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-0.0)]))),
    ])
}

/// Rows of text with NULLs, for sources without types.
pub fn text_rows() -> RecordBatch {
    let text = |values: [Option<&str>; 3]| Arc::new(StringArray::from(values.to_vec())) as Arc<dyn Array>;
    batch(vec![
        ("id", text([Some("1"), Some("2"), Some("3")])),
        ("name", text([Some("Ada"), None, Some("a \"b\"")])),
        ("amount", text([Some("1,50"), None, Some("0")])),
    ])
}

fn batch(columns: Vec<(&str, Arc<dyn Array>)>) -> RecordBatch {
    // The columns are of equal length, which is all that could be wrong.
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty())))
}
