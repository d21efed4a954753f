//! How long the texts of a query may become: checked before anything folds a constant or tries a closed domain.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};

use crate::error::{Class, Error};

/// The most bytes that a text of an expression may have.
const MOST_BYTES: u64 = 64 * 1024;

/// What a column's text counts as, and a number written as text.
const COLUMN_BYTES: u64 = 256;

/// Refuses expressions whose texts may grow beyond 64 KiB.
///
/// # Errors
/// [`Class::Resource`]: a text that is too long; [`Class::Refused`]: a length that is no literal.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if matches!(part, Expr::ScalarFunction(_) | Expr::BinaryExpr(_)) && bytes(part)? > MOST_BYTES
                {
                    let message = format!("a text of more than {} KiB in an expression", MOST_BYTES / 1024);
                    return Err(error(Error::new(Class::Resource, message)));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

fn error(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The most bytes of the text that an expression is, or that its arguments are.
fn bytes(expr: &Expr) -> Result<u64> {
    let mut most = 0_u64;
    match expr {
        Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => {
            return Ok(text.len() as u64);
        }
        Expr::ScalarFunction(function) => return of_function(function),
        Expr::BinaryExpr(binary) if binary.op == Operator::StringConcat => {
            return Ok(bytes(&binary.left)?.saturating_add(bytes(&binary.right)?));
        }
        Expr::Column(_) => return Ok(COLUMN_BYTES),
        _ => {}
    }
    expr.apply_children(|child| {
        most = most.max(bytes(child)?);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(most)
}

fn of_function(function: &ScalarFunction) -> Result<u64> {
    let lengths = function.args.iter().map(bytes).collect::<Result<Vec<u64>>>()?;
    let first = lengths.first().copied().unwrap_or(0);
    let sum = lengths.iter().fold(0_u64, |sum, length| sum.saturating_add(*length));
    let separators = first.saturating_mul(lengths.len() as u64);
    Ok(match function.name() {
        "repeat" => first.saturating_mul(count(function)?),
        "lpad" | "rpad" => count(function)?.saturating_mul(4),
        // Every character, and the place before each, may become the replacement.
        "replace" | "regexp_replace" => {
            let to = lengths.get(2).copied().unwrap_or(0);
            if to <= 1 { first } else { first.saturating_add(1).saturating_mul(to.saturating_add(1)) }
        }
        "concat_ws" => sum.saturating_add(separators),
        "encode" => sum.saturating_mul(2),
        _ => sum,
    })
}

/// How often, or how long: the second argument.
fn count(function: &ScalarFunction) -> Result<u64> {
    let refused = || {
        error(
            Error::refused(format!("the length of `{}(...)` is not a constant", function.name()))
                .with_hint("write the number".to_owned()),
        )
    };
    let argument = function.args.get(1).ok_or_else(refused)?;
    Ok(u64::try_from(number(argument).ok_or_else(refused)?).unwrap_or(0))
}

fn number(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Literal(value, _) => match value {
            ScalarValue::Int64(x) => x.map(i128::from),
            ScalarValue::Int32(x) => x.map(i128::from),
            ScalarValue::UInt64(x) => x.map(i128::from),
            _ => None,
        },
        Expr::Cast(inner) => number(&inner.expr),
        Expr::Negative(inner) => number(inner).map(|x| -x),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::error::Class;
    use crate::policy::parse;
    use crate::{Session, bind::bind};

    #[test]
    fn texts_stay_short() {
        let policy = r#"
version = 1
[table.t]
max_rows = 9
[table.t.column]
sex = { type = "TEXT", values = ["f", "m"], allow = ["filter"] }
n = { type = "INTEGER", bounds = [0, 9], allow = ["filter"] }
"#;
        let parties = "version = 1\nname = \"x\"\nparty = [{ name = \"a\", seat = 0 }, { name = \"b\", seat = 1 }, { name = \"c\", seat = 2 }]\n";
        let federation = parse(parties, &[("a".to_owned(), policy.to_owned())]).unwrap();
        let class = |expr: &str| {
            let sql = format!("SELECT COUNT(*) FROM a.t WHERE {expr}");
            bind(&federation, &Session::default(), &sql).err().map(|error| error.class)
        };
        for long in [
            "levenshtein(sex, repeat(sex, 300000000)) > 3",
            "repeat('x', 300000000) || 'y' = sex",
            "repeat('x', 3000000000) = sex",
            "lpad(sex, 3000000) = rpad('x', 100000)",
            "repeat(repeat(repeat('xxxx', 1000), 1000), 1000) = sex",
            "replace(replace(replace(sex, 'f', repeat('f', 1000)), 'f', repeat('f', 1000)), 'f', 'm') = 'm'",
        ] {
            assert_eq!(class(long), Some(Class::Resource), "{long}");
        }
        assert_eq!(class("repeat(sex, n) = 'm'"), Some(Class::Refused));
        for short in ["repeat(sex, 3) = 'mmm'", "lpad(sex, 10, '-') = sex", "replace(sex, 'f', 'm') = 'm'"] {
            assert_eq!(class(short), None, "{short}");
        }
    }
}
