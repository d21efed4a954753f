//! Functions that questions about catalogs call.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::table::{Kind, VERSION};

/// A function of PostgreSQL that is not the engine's.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    name: &'static str,
    signature: Signature,
    gives: Gives,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Gives {
    /// The same for all arguments.
    Value(ScalarValue),
    /// Its first argument.
    First,
    /// The name of a type from its number and modifier.
    TypeName,
}

/// All functions, for a user of a federation.
pub(super) fn all(federation: &str, schema: &str, user: &str) -> Vec<ScalarUDF> {
    let text = |text: &str| Gives::Value(ScalarValue::from(text));
    let nothing = || Gives::Value(ScalarValue::Utf8(None));
    let truth = |truth: bool| Gives::Value(ScalarValue::from(truth));
    let functions = [
        ("version", text(&format!("PostgreSQL {VERSION} (conjoin {})", env!("CARGO_PKG_VERSION")))),
        ("current_database", text(federation)),
        ("current_catalog", text(federation)),
        ("current_schema", text(schema)),
        ("current_user", text(user)),
        ("session_user", text(user)),
        ("pg_get_userbyid", text(user)),
        ("pg_encoding_to_char", text("UTF8")),
        ("current_setting", text("")),
        ("set_config", text("")),
        ("pg_get_expr", nothing()),
        ("pg_get_constraintdef", nothing()),
        ("pg_get_indexdef", nothing()),
        ("pg_get_partkeydef", nothing()),
        ("pg_get_serial_sequence", nothing()),
        ("to_regtype", Gives::Value(ScalarValue::Int64(None))),
        ("to_regclass", Gives::Value(ScalarValue::Int64(None))),
        ("pg_get_viewdef", nothing()),
        ("obj_description", nothing()),
        ("col_description", nothing()),
        ("shobj_description", nothing()),
        ("array_to_string", nothing()),
        ("pg_size_pretty", nothing()),
        ("pg_table_size", nothing()),
        ("pg_total_relation_size", nothing()),
        ("pg_table_is_visible", truth(true)),
        ("pg_type_is_visible", truth(true)),
        ("has_table_privilege", truth(true)),
        ("has_schema_privilege", truth(true)),
        ("has_database_privilege", truth(true)),
        ("has_column_privilege", truth(true)),
        ("has_any_column_privilege", truth(true)),
        ("pg_is_in_recovery", truth(false)),
        ("pg_backend_pid", Gives::Value(ScalarValue::from(1_i64))),
        ("quote_ident", Gives::First),
        ("quote_literal", Gives::First),
        ("format_type", Gives::TypeName),
    ];
    functions.into_iter().map(|(name, gives)| Function::new(name, gives).into()).collect()
}

impl Function {
    fn new(name: &'static str, gives: Gives) -> Self {
        let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
        Self { name, signature: Signature::new(any, Volatility::Immutable), gives }
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        match &self.gives {
            Gives::Value(value) => Ok(value.data_type()),
            Gives::First | Gives::TypeName => Ok(DataType::Utf8),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &self.gives {
            Gives::Value(value) => Ok(ColumnarValue::Scalar(value.clone())),
            Gives::First => {
                let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
                let first = arrays
                    .first()
                    .map_or_else(|| Ok(nulls(arguments.number_rows)), |a| Ok(cast(a, &DataType::Utf8)?));
                first.map(ColumnarValue::Array)
            }
            Gives::TypeName => type_names(&arguments),
        }
    }
}

fn nulls(rows: usize) -> ArrayRef {
    Arc::new(StringArray::new_null(rows))
}

fn type_names(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
    let numbers = arrays.iter().map(|array| cast(array, &DataType::Int64)).collect::<Result<Vec<_>, _>>()?;
    let [numbers, modifiers, ..] = numbers.as_slice() else {
        return Ok(ColumnarValue::Array(nulls(arguments.number_rows)));
    };
    let (numbers, modifiers) = (numbers.as_primitive::<Int64Type>(), modifiers.as_primitive::<Int64Type>());
    let name = |row: usize| {
        let modifier = if modifiers.is_valid(row) { modifiers.value(row) } else { -1 };
        numbers.is_valid(row).then(|| Kind::named(numbers.value(row), modifier))
    };
    let names: StringArray = (0..numbers.len()).map(name).collect();
    Ok(ColumnarValue::Array(Arc::new(names)))
}
