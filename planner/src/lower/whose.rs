//! Whose records the rows of one owner's plan are.
#![expect(clippy::wildcard_enum_match_arm, reason = "only two ways to write COALESCE are looked for")]

use std::collections::BTreeSet;

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Case;

use super::infer::Scope;
use super::leaf::plain_column;

/// Whose records the rows of a leaf are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Persons {
    /// Every row is a person.
    Rows,
    /// The person is in a column.
    Column {
        /// Which.
        column: usize,
        /// No person has more rows.
        max_rows: u64,
    },
    /// The person is in the first of these columns that is not NULL: each is that of one side of a full join.
    Either {
        /// Which.
        columns: Vec<usize>,
        /// No person has more rows.
        max_rows: u64,
    },
    /// Nobody's: the rows are aggregates of enough persons each, as their owner's own plan says.
    Gated,
    /// They cannot be counted from these rows; why.
    Lost(&'static str),
}

impl Persons {
    /// How many rows a person has, for the owner to check; nothing where no column is the person.
    pub(crate) fn taken(&self) -> Vec<(BTreeSet<usize>, u64)> {
        match self {
            Persons::Column { column, max_rows } => vec![(BTreeSet::from([*column]), *max_rows)],
            Persons::Either { .. } | Persons::Rows | Persons::Gated | Persons::Lost(_) => Vec::new(),
        }
    }

    /// Whether an expression over the rows is the person.
    pub(crate) fn is(&self, expr: &Expr, scope: &Scope) -> bool {
        match self {
            Persons::Column { column, .. } => plain_column(expr, scope) == Some(*column),
            Persons::Either { columns, .. } => first_known(expr).is_some_and(|parts| {
                let parts: Option<BTreeSet<usize>> =
                    parts.iter().map(|part| plain_column(part, scope)).collect();
                parts.is_some_and(|parts| columns.iter().copied().collect::<BTreeSet<_>>() == parts)
            }),
            Persons::Rows | Persons::Gated | Persons::Lost(_) => false,
        }
    }

    /// The same persons, where these expressions over the rows are all that is left of their columns; `lost` says why there
    /// may be none.
    pub(crate) fn among(&self, exprs: &[Expr], scope: &Scope, lost: &'static str) -> Persons {
        let (max_rows, columns) = match self {
            Persons::Column { column, max_rows } => (*max_rows, std::slice::from_ref(column)),
            Persons::Either { columns, max_rows } => (*max_rows, columns.as_slice()),
            Persons::Rows | Persons::Gated | Persons::Lost(_) => return self.clone(),
        };
        if let Some(column) = exprs.iter().position(|expr| self.is(expr, scope)) {
            return Persons::Column { column, max_rows };
        }
        let place = |column: &usize| exprs.iter().position(|expr| plain_column(expr, scope) == Some(*column));
        match columns.iter().map(place).collect() {
            Some(columns) => Persons::Either { columns, max_rows },
            None => Persons::Lost(lost),
        }
    }
}

/// The arguments of COALESCE, as the optimizer writes it too: `CASE WHEN a IS NOT NULL THEN a ELSE b END`.
pub(crate) fn first_known(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Alias(alias) => first_known(&alias.expr),
        Expr::ScalarFunction(function) if function.name() == "coalesce" => Some(function.args.clone()),
        Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(last) }) => {
            let mut parts = Vec::new();
            for (when, then) in when_then_expr {
                if !matches!(when.as_ref(), Expr::IsNotNull(known) if known == then) {
                    return None;
                }
                parts.push(then.as_ref().clone());
            }
            parts.push(last.as_ref().clone());
            Some(parts)
        }
        _ => None,
    }
}
