//! COUNT as it is released: NULL where it is withheld, so that `COUNT(*) IS NULL` is not folded to FALSE.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF, Signature,
};

/// The engine's COUNT, but for what is said of its NULLs.
pub(crate) fn count() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Count { engine: count_udaf() }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Count {
    engine: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.engine.return_type(arguments)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.engine.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.engine.accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.engine.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        self.engine.create_groups_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.engine.default_value(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }
}
