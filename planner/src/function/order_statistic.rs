//! MEDIAN and `PERCENTILE_DISC`, where the engine's own differ from what is documented: a median of integers or decimals
//! is a DOUBLE, interpolated; and the engine has no discrete percentile.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::types::{NativeType, logical_float64};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::functions_aggregate::median::median_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Coercion, GroupsAccumulator, Signature, TypeSignatureClass,
    Volatility,
};
use datafusion::physical_expr::expressions::Literal;

/// The functions of this file.
pub(crate) fn order_statistics() -> [Arc<AggregateUDF>; 2] {
    let double = || {
        let class = TypeSignatureClass::Native(logical_float64());
        Coercion::new_implicit(class, vec![TypeSignatureClass::Numeric], NativeType::Float64)
    };
    let median = Median { signature: Signature::coercible(vec![double()], Volatility::Immutable) };
    let any = Coercion::new_exact(TypeSignatureClass::Any);
    let percentile = PercentileDisc {
        signature: Signature::coercible(vec![any, double()], Volatility::Immutable),
        aliases: vec!["quantile_disc".to_owned()],
    };
    [Arc::new(AggregateUDF::new_from_impl(median)), Arc::new(AggregateUDF::new_from_impl(percentile))]
}

/// The engine's median of doubles.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Median {
    signature: Signature,
}

impl AggregateUDFImpl for Median {
    fn name(&self) -> &'static str {
        "median"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        median_udaf().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        median_udaf().accumulator(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        median_udaf().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        median_udaf().create_groups_accumulator(args)
    }
}

/// The first value, in order, whose share of rows at or before it reaches the percentile.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PercentileDisc {
    signature: Signature,
    aliases: Vec<String>,
}

impl AggregateUDFImpl for PercentileDisc {
    fn name(&self) -> &'static str {
        "percentile_disc"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let value = args.input_fields.first().map_or(DataType::Null, |field| field.data_type().clone());
        let item = Field::new_list_field(value, true);
        Ok(vec![Arc::new(Field::new("percentile_disc", DataType::List(Arc::new(item)), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let literal = args.exprs.get(1).and_then(|expr| expr.downcast_ref::<Literal>());
        let Some(ScalarValue::Float64(Some(share))) = literal.map(Literal::value) else {
            return plan_err!("the percentile of PERCENTILE_DISC must be a literal");
        };
        if !(0.0..=1.0).contains(share) {
            return plan_err!("the percentile of PERCENTILE_DISC must lie between 0 and 1");
        }
        let descending = args.order_bys.first().is_some_and(|sort| sort.options.descending);
        let data_type = args.return_field.data_type().clone();
        Ok(Box::new(Values { share: *share, descending, data_type, seen: Vec::new() }))
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }
}

/// All values so far.
#[derive(Debug)]
struct Values {
    share: f64,
    descending: bool,
    data_type: DataType,
    seen: Vec<ScalarValue>,
}

impl Values {
    fn take(&mut self, array: &ArrayRef) -> Result<()> {
        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
            self.seen.push(ScalarValue::try_from_array(array, row)?);
        }
        Ok(())
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values.first().map_or(Ok(()), |array| self.take(array))
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of rows"
    )]
    fn evaluate(&mut self) -> Result<ScalarValue> {
        let order = |a: &ScalarValue, b: &ScalarValue| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
        self.seen.sort_by(order);
        if self.descending {
            self.seen.reverse();
        }
        let reached = (self.share * self.seen.len() as f64).ceil().max(1.0) as usize;
        match self.seen.get(reached - 1) {
            Some(value) => Ok(value.clone()),
            None => ScalarValue::try_from(&self.data_type),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + ScalarValue::size_of_vec(&self.seen)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&self.seen, &self.data_type))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(lists) = states.first() else { return Ok(()) };
        for list in lists.as_list::<i32>().iter().flatten() {
            self.take(&list)?;
        }
        Ok(())
    }
}
