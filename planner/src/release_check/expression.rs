//! Lineage of expressions.
#![expect(clippy::wildcard_enum_match_arm, reason = "the engine's enums have dozens of variants")]

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{Case, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use crate::error::{Class, Error, Result};

use super::Checker;
use super::lineage::{Kind, Lineage, Relation};
use super::position;

/// Functions that give an identifier back as it was, but for case and blanks.
const IDENTITY_FUNCTIONS: &[&str] = &["upper", "lower", "trim", "btrim", "ltrim", "rtrim", "hashed"];

/// Functions of a value that decide something about it.
const DECIDING_FUNCTIONS: &[&str] = &["nullif", "signum", "sign", "width_bucket"];

/// Functions that tell apart what their arguments tell apart, or only what is NULL; all others can single values out.
const SMOOTH_FUNCTIONS: &[&str] = &[
    "upper", "lower", "trim", "btrim", "ltrim", "rtrim", "hashed", "coalesce", "nvl", "ifnull", "sqrt",
    "cbrt", "ln", "log", "log2", "log10", "exp", "power", "pow", "radians", "degrees",
];

/// What the columns in an expression may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) columns: &'a [Lineage],
    pub(super) kind: Kind,
    /// The scope of the enclosing query.
    pub(super) outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(schema: &'a DFSchema, relation: &'a Relation, outer: Option<&'a Scope<'a>>) -> Self {
        Scope { schema, columns: &relation.columns, kind: relation.kind, outer }
    }

    fn find(&self, column: &Column) -> Option<&'a Lineage> {
        let index = self.schema.maybe_index_of_column(column)?;
        self.columns.get(index)
    }

    fn find_outer(&self, column: &Column) -> Option<Lineage> {
        let mut scope = self.outer;
        while let Some(enclosing) = scope {
            if let Some(found) = enclosing.find(column) {
                return Some(Lineage { outer: found.row, ..found.clone() });
            }
            scope = enclosing.outer;
        }
        None
    }
}

impl Checker<'_> {
    /// Where the value of an expression comes from.
    pub(super) fn lineage(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Lineage> {
        match expr {
            Expr::Column(column) => scope.find(column).cloned().ok_or_else(|| unresolved(expr)),
            Expr::OuterReferenceColumn(_, column) => scope.find_outer(column).ok_or_else(|| unresolved(expr)),
            Expr::Literal(..) | Expr::Placeholder(_) | Expr::ScalarVariable(..) => Ok(Lineage::constant()),
            Expr::Alias(alias) => self.lineage(&alias.expr, scope),
            Expr::Cast(cast) => self.cast(&cast.expr, cast.field.data_type(), scope),
            Expr::TryCast(cast) => self.cast(&cast.expr, cast.field.data_type(), scope),
            Expr::Case(case) => self.case(case, scope),
            Expr::ScalarFunction(call) => self.scalar_function(call, expr, scope),
            Expr::BinaryExpr(binary) => {
                let both = self.children(expr, scope)?;
                let whole = || expr.get_type(scope.schema).is_ok_and(|t| t.is_integer());
                Ok(match binary.op {
                    op if decides(op) => both.condition(),
                    Operator::Plus | Operator::Minus | Operator::Multiply | Operator::StringConcat => {
                        self.computed(both)
                    }
                    Operator::Divide if !whole() => self.computed(both),
                    _ => self.computed(both.through_bend()),
                })
            }
            Expr::Not(_)
            | Expr::IsNotNull(_)
            | Expr::IsNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::Between(_)
            | Expr::Like(_)
            | Expr::SimilarTo(_)
            | Expr::InList(_) => Ok(self.children(expr, scope)?.condition()),
            Expr::Exists(exists) => self.exists(&exists.subquery, expr, scope),
            Expr::InSubquery(within) => self.in_subquery(&within.expr, &within.subquery, expr, scope),
            Expr::SetComparison(comparison) if comparison.op == Operator::Eq => {
                self.in_subquery(&comparison.expr, &comparison.subquery, expr, scope)
            }
            Expr::SetComparison(comparison) => {
                let value = self.lineage(&comparison.expr, scope)?;
                let one = self.scalar_subquery(&comparison.subquery, expr, scope)?;
                Ok(Lineage::merge([value, one]).condition())
            }
            Expr::ScalarSubquery(subquery) => self.scalar_subquery(subquery, expr, scope),
            _ => self.children(expr, scope),
        }
    }

    /// A cast to whole numbers rounds.
    fn cast(&mut self, inner: &Expr, to: &DataType, scope: &Scope<'_>) -> Result<Lineage> {
        let lineage = self.lineage(inner, scope)?;
        let from = inner.get_type(scope.schema);
        let rounds = to.is_integer() && from.is_ok_and(|from| from.is_floating() || from.is_decimal());
        Ok(if rounds { lineage.through_bend() } else { lineage })
    }

    /// The values of all operands flow into it.
    fn children(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Lineage> {
        let mut operands = Vec::new();
        expr.apply_children(|child| {
            operands.push(child.clone());
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(|error| Error {
            class: Class::Internal,
            message: format!("the operands of `{expr}` cannot be read: {error}"),
            hint: None,
            position: None,
        })?;
        let parts =
            operands.iter().map(|operand| self.lineage(operand, scope)).collect::<Result<Vec<_>>>()?;
        let whole = Lineage::merge(parts);
        let boolean = expr.get_type(scope.schema).is_ok_and(|t| t == DataType::Boolean);
        Ok(Lineage { closed: whole.closed || boolean, ..whole })
    }

    /// Conditions are used as a filter; results flow on.
    fn case(&mut self, case: &Case, scope: &Scope<'_>) -> Result<Lineage> {
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for operand in case.expr.iter().chain(case.when_then_expr.iter().map(|(when, _)| when)) {
            conditions.push(self.lineage(operand, scope)?);
        }
        for result in case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr) {
            results.push(self.lineage(result, scope)?);
        }
        let results = Lineage::merge(results);
        let closed = results.closed;
        let whole = Lineage::merge([Lineage::merge(conditions).condition(), results]);
        Ok(Lineage { closed, ..whole })
    }

    fn scalar_function(&mut self, call: &ScalarFunction, expr: &Expr, scope: &Scope<'_>) -> Result<Lineage> {
        let parts = call.args.iter().map(|arg| self.lineage(arg, scope)).collect::<Result<Vec<_>>>()?;
        let name = call.name().to_ascii_lowercase();
        let mut plain = IDENTITY_FUNCTIONS.contains(&name.as_str()) && parts.iter().all(|part| part.plain);
        // The identifier of whichever side of a full join is there; constants are no identifiers.
        plain |= name == "coalesce" && parts.iter().all(|part| part.plain && self.is_person_key(part));
        let whole = Lineage { plain, ..Lineage::merge(parts) };
        let boolean = expr.get_type(scope.schema).is_ok_and(|t| t == DataType::Boolean);
        let keeps_value =
            matches!(name.as_str(), "coalesce" | "nvl" | "nvl2" | "ifnull" | "greatest" | "least");
        if boolean && !keeps_value {
            return Ok(whole.condition());
        }
        if DECIDING_FUNCTIONS.contains(&name.as_str()) {
            let closed = whole.closed;
            return Ok(Lineage { closed, ..Lineage::merge([whole.clone().condition(), whole]) });
        }
        let smooth = plain || SMOOTH_FUNCTIONS.contains(&name.as_str());
        let whole = if plain || keeps_value { whole } else { self.computed(whole) };
        Ok(if smooth { whole } else { whole.through_bend() })
    }

    /// The same, computed with: identifiers in it may pick one person.
    fn computed(&self, lineage: Lineage) -> Lineage {
        let identifiers = lineage.values().filter(|base| self.tells_apart(*base)).collect();
        Lineage { picks: identifiers, ..lineage }
    }

    /// An expression over something that may leave must not bring in rows.
    pub(super) fn require_free(&self, lineage: &Lineage, at: &Expr) -> Result<()> {
        if lineage.row && !lineage.outer { Err(self.row_level(at)) } else { Ok(()) }
    }

    /// The refusal of an expression that hands out what single rows hold.
    pub(super) fn row_level(&self, at: &Expr) -> Error {
        Error {
            class: Class::Refused,
            message: format!(
                "only aggregates leave the federation: `{at}` is row-level; try a COUNT or another aggregate of those rows"
            ),
            hint: Some("Count the rows instead: SELECT COUNT(*) FROM ... WHERE ...".to_owned()),
            position: position::of(at, self.sql),
        }
    }
}

/// Whether an operator's result says something about its operands instead of being computed from them.
fn decides(op: Operator) -> bool {
    !matches!(
        op,
        Operator::Plus
            | Operator::Minus
            | Operator::Multiply
            | Operator::Divide
            | Operator::IntegerDivide
            | Operator::Modulo
            | Operator::StringConcat
            | Operator::BitwiseAnd
            | Operator::BitwiseOr
            | Operator::BitwiseXor
            | Operator::BitwiseShiftLeft
            | Operator::BitwiseShiftRight
    )
}

fn unresolved(expr: &Expr) -> Error {
    Error {
        class: Class::Internal,
        message: format!("`{expr}` refers to no column of its plan"),
        hint: None,
        position: None,
    }
}
