//! Results as they are sent: types that every client knows, and columns that say what they are in SQL.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "Arrow has dozens of types; what is not named is sent as it is"
)]

use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::error::{Error, Result};
use super::service::Rows;

/// The field metadata that Flight SQL clients read a column's SQL type from.
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// The schema that is sent for a result's. Asking for it and fetching the rows give the same, byte for byte.
pub(super) fn schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let metadata = [(TYPE_NAME.to_owned(), type_name(field.data_type()))].into();
        Field::new(field.name(), sent(field.data_type()), field.is_nullable()).with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows with the schema that is sent.
pub(super) fn rows(rows: &Rows) -> Result<Rows> {
    let schema = schema(&rows.schema);
    let convert = |batch: &RecordBatch| {
        let columns = batch.columns().iter().zip(schema.fields());
        let columns =
            columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns?, &options)
    };
    let batches = rows.batches.iter().map(convert).collect::<Result<Vec<_>, _>>();
    let batches = batches.map_err(|error| Error::internal(format!("the result cannot be sent: {error}")))?;
    Ok(Rows { schema, batches })
}

/// Views and dictionaries are forms of storage that not all clients know.
fn sent(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => sent(values),
        other => other.clone(),
    }
}

/// The SQL name of a type.
pub(super) fn type_name(data_type: &DataType) -> String {
    let name = match sent(data_type) {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "SMALLINT",
        DataType::Int32 | DataType::UInt16 => "INTEGER",
        DataType::Int64 | DataType::UInt32 => "BIGINT",
        DataType::UInt64 => return "DECIMAL(20,0)".to_owned(),
        DataType::Float16 | DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            return format!("DECIMAL({precision},{scale})");
        }
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL",
        DataType::Binary => "VARBINARY",
        _ => "TEXT",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray as _, DictionaryArray, StringViewArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn views_and_dictionaries_become_plain_text() {
        let view: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None]));
        let dictionary: ArrayRef =
            Arc::new(vec!["x", "y"].into_iter().collect::<DictionaryArray<Int32Type>>());
        let of = |name: &str, array: &ArrayRef| Field::new(name, array.data_type().clone(), true);
        let before = Arc::new(Schema::new(vec![of("v", &view), of("d", &dictionary)]));
        let batch = RecordBatch::try_new(Arc::clone(&before), vec![view, dictionary]).unwrap();
        let sent = rows(&Rows { schema: Arc::clone(&before), batches: vec![batch] }).unwrap();
        assert_eq!(sent.schema, schema(&before));
        assert_eq!(sent.batches[0].schema(), sent.schema);
        assert_eq!(sent.batches[0].column(1).as_string::<i32>().value(1), "y");
        assert_eq!(sent.schema.field(0).metadata()[TYPE_NAME], "TEXT");
        assert_eq!(type_name(&DataType::Decimal128(10, 2)), "DECIMAL(10,2)");
    }
}
