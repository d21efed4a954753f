//! Types, and the chosen optimizer rules.
//!
//! Logical rules read no statistics, so every party derives the same plan from the same text and schema.

mod growth;

use std::sync::Arc;

use datafusion::arrow::temporal_conversions::timestamp_us_to_datetime;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::optimizer::optimizer::{Optimizer, OptimizerContext, OptimizerRule};

use crate::function::narrowed;

/// The rules that run, by name, in their order. Every other rule of `DataFusion` is in [`LEFT_OUT`].
pub const OPTIMIZER_RULES: [&str; 17] = [
    "rewrite_set_comparison",
    "optimize_unions",
    "simplify_expressions",
    "replace_distinct_aggregate",
    "decorrelate_predicate_subquery",
    "scalar_subquery_to_join",
    "decorrelate_lateral_join",
    "extract_equijoin_predicate",
    "eliminate_duplicated_expr",
    "eliminate_filter",
    "eliminate_cross_join",
    "eliminate_limit",
    "propagate_empty_relation",
    "eliminate_outer_join",
    "push_down_filter",
    "eliminate_group_by_constant",
    "optimize_projections",
];

/// Rules that do not run, and why.
///
/// - `unions_to_filter`: tables of several owners are not one table with a filter.
/// - `eliminate_join`: it makes semi joins of inner joins, which owners cannot run together.
/// - `filter_null_join_keys`: protocols match no NULL anyway; the filter would become a secret predicate.
/// - `push_down_limit`: LIMIT decides what is revealed, so it stays where it is.
/// - `single_distinct_aggregation_to_group_by`: COUNT(DISTINCT person) has a protocol of its own.
/// - `common_sub_expression_eliminate`, `extract_leaf_expressions`, `push_down_leaf_projections`: they name columns by
///   generated names, which a reader of EXPLAIN would not recognise.
pub const LEFT_OUT: [&str; 8] = [
    "eliminate_join",
    "unions_to_filter",
    "filter_null_join_keys",
    "push_down_limit",
    "single_distinct_aggregation_to_group_by",
    "common_sub_expression_eliminate",
    "extract_leaf_expressions",
    "push_down_leaf_projections",
];

/// Options of the engine: its defaults, the same at every party.
pub(super) fn options() -> ConfigOptions {
    let mut options = ConfigOptions::new();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.collect_spans = true;
    options.optimizer.skip_failed_rules = false;
    options.optimizer.filter_null_join_keys = false;
    options
}

/// Settles types, without moving anything. Refuses texts that may grow too long.
pub(super) fn analyse(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = Analyzer::new().execute_and_check(plan, &options(), |_, _| {})?;
    growth::check(&plan)?;
    Ok(plan.transform_up_with_subqueries(keys_once)?.data)
}

/// An aggregate without keys that are written twice: its columns have them once.
fn keys_once(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Aggregate(aggregate) = plan else { return Ok(Transformed::no(plan)) };
    let mut keys: Vec<Expr> = Vec::new();
    for key in &aggregate.group_expr {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    if keys.len() == aggregate.group_expr.len() {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }
    let once = Aggregate::try_new_with_schema(aggregate.input, keys, aggregate.aggr_expr, aggregate.schema)?;
    Ok(Transformed::yes(LogicalPlan::Aggregate(once)))
}

/// Runs the chosen rules. `submitted_us` is the time that `now()` stands for.
pub(super) fn optimise(plan: LogicalPlan, submitted_us: i64) -> Result<LogicalPlan> {
    let context = OptimizerContext::new_with_config_options(Arc::new(options()));
    let context = match timestamp_us_to_datetime(submitted_us) {
        Some(time) => context.with_query_execution_start_time(time.and_utc()),
        None => context.without_query_execution_start_time(),
    };
    let plan = narrowed::hide(plan)?;
    narrowed::show(Optimizer::with_rules(chosen_rules()).optimize(plan, &context, |_, _| {})?)
}

fn chosen_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let all = Optimizer::new().rules;
    all.into_iter().filter(|rule| OPTIMIZER_RULES.contains(&rule.name())).collect()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::utils::conjunction;
    use datafusion::logical_expr::{cast, col, lit, table_scan, try_cast};

    use super::*;

    /// Fails when the engine gains, loses, renames or reorders a rule: read what it does, then list it.
    #[test]
    fn every_rule_of_the_engine_is_chosen_or_left_out() {
        let all = Optimizer::new().rules;
        let names: Vec<&str> = all.iter().map(|rule| rule.name()).collect();
        for name in &names {
            assert_ne!(OPTIMIZER_RULES.contains(name), LEFT_OUT.contains(name), "{name}");
        }
        let chosen: Vec<String> = chosen_rules().iter().map(|rule| rule.name().to_owned()).collect();
        assert_eq!(chosen, OPTIMIZER_RULES);
        assert_eq!(names.len(), OPTIMIZER_RULES.len() + LEFT_OUT.len());
    }

    /// `CAST(x AS BIGINT) = 5` is not `x = 5`, nor `TRY_CAST(n AS TINYINT) > 5` `n > 5`.
    #[test]
    fn casts_that_lose_something_stay_casts() {
        let fields =
            [Field::new("x", DataType::Decimal128(10, 2), false), Field::new("n", DataType::Int32, false)];
        let scan = table_scan(Some("t"), &Schema::new(fields.to_vec()), None).unwrap();
        let conditions = [
            cast(col("x"), DataType::Int64).eq(lit(5_i64)),
            cast(col("x"), DataType::Decimal128(8, 0))
                .in_list(vec![lit(decimal(5, 0)), lit(decimal(7, 0))], false),
            try_cast(col("n"), DataType::Int8).gt(lit(5_i8)),
            // Nothing is lost here, and the engine may do as it likes.
            cast(col("n"), DataType::Int64).eq(lit(5_i64)),
        ];
        let plan = scan.filter(conjunction(conditions).unwrap()).unwrap().build().unwrap();
        let fields = plan.schema().field_names();
        let plan = optimise(plan, 0).unwrap();
        let text = plan.display_indent().to_string();
        for kept in [
            "CAST(t.x AS Int64) = Int64(5)",
            "TRY_CAST(t.n AS Int8) > Int8(5)",
            "CAST(t.x AS Decimal128(8, 0))",
        ] {
            assert!(text.contains(kept), "{kept} in {text}");
        }
        assert!(text.contains("t.n = Int32(5)"), "{text}");
        assert!(!text.contains("narrowed"), "{text}");
        assert_eq!(plan.schema().field_names(), fields);
    }

    fn decimal(value: i128, scale: i8) -> ScalarValue {
        ScalarValue::Decimal128(Some(value), 8, scale)
    }

    #[test]
    fn the_analyzer_is_the_one_we_know() {
        let names: Vec<String> = Analyzer::new().rules.iter().map(|rule| rule.name().to_owned()).collect();
        assert_eq!(names, ["resolve_grouping_function", "type_coercion"]);
    }
}
