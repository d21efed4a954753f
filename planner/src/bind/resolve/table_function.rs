//! Calls of table functions: the rows they read and their named arguments.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, Query, TableFactor, TableFunctionArgs, Value,
};

use super::from::{aliased, refuse_decorations};
use super::scope::{Columns, Relation, Scope};
use super::{Resolver, place};
use crate::bind::dialect::{identifiers, select_all};
use crate::error::{Error, Result};
use crate::function::call::{self, Argument};
use crate::function::registry;
use crate::function::table::{self, Spec};
use crate::nearest::hint;

impl Resolver<'_> {
    /// Resolves `LASSO(rows, name => value, ...)`. Its relation keeps two arguments: the rows as a subquery, and the
    /// index in [`Resolver::calls`].
    pub(super) fn table_function(&mut self, factor: &mut TableFactor) -> Result<Relation> {
        refuse_decorations(factor)?;
        let TableFactor::Table { name, alias, args: Some(TableFunctionArgs { args, .. }), .. } = factor
        else {
            return Err(Error::internal("a table function of another kind"));
        };
        let idents = identifiers(name).unwrap_or_default();
        let [ident] = idents.as_slice() else {
            return Err(Error::invalid(format!("unknown table function `{name}`")));
        };
        let function = table_function_name(ident)?;
        let at = place(self.reference.unwrap_or(ident.span));
        let mut given = std::mem::take(args).into_iter();
        let mut query = given.next().and_then(rows).ok_or_else(|| {
            Error::invalid(format!("the first argument of {} is a table or a query", function.name))
                .with_hint(format!("{0}(cohort, ...) or {0}((SELECT ...), ...)", function.name))
                .at(at)
        })?;
        let columns = self.query(&mut query, None)?;
        let mut named: Vec<Argument> = Vec::new();
        for argument in given {
            named.push(self.named_argument(function, argument)?);
        }
        let parsed = call::parse(function, at, &named, &columns.names, columns.others)?;
        let index = self.calls.len();
        self.calls.push(parsed);
        let index = Expr::Value(Value::Number(index.to_string(), false).into());
        *args =
            [Expr::Subquery(query), index].map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).to_vec();
        let columns = Columns::of(function.columns.iter().map(|(name, _)| *name));
        Ok(aliased(columns, alias.as_ref(), None))
    }

    /// One `name => value`, with parameters replaced.
    fn named_argument(&mut self, function: &Spec, argument: FunctionArg) -> Result<Argument> {
        let (mut name, mut value) = match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. }
            | FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (name, value),
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } | FunctionArg::Unnamed(_) => {
                return Err(Error::invalid(format!(
                    "arguments of {} after the first have names",
                    function.name
                ))
                .with_hint("target => 'column'".to_owned()));
            }
        };
        if let Expr::Identifier(ident) = &value {
            let written = ident.value.clone();
            return Err(Error::invalid(format!("`{}` takes a constant, not `{written}`", name.value))
                .with_hint(format!("{} => '{written}'", name.value))
                .at(place(ident.span)));
        }
        self.expression(&mut value, &Scope::rows(&[], None))?;
        if let Some(span) = self.reference {
            name.span = span;
        }
        Ok(Argument { name, value })
    }
}

fn table_function_name(ident: &Ident) -> Result<&'static Spec> {
    table::find(&ident.value).ok_or_else(|| {
        let name = &ident.value;
        if registry::reads_files(name) {
            return Error::refused(format!("reading files is refused: `{name}`")).at(place(ident.span));
        }
        let names = table::FUNCTIONS.iter().map(|spec| spec.name);
        Error::invalid(format!("unknown table function `{name}`"))
            .with_hint(hint(name, names, "table functions"))
            .at(place(ident.span))
    })
}

/// The query behind a table function's first argument.
fn rows(argument: FunctionArg) -> Option<Box<Query>> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else { return None };
    rows_of(expr)
}

fn rows_of(expr: Expr) -> Option<Box<Query>> {
    match expr {
        Expr::Subquery(query) => Some(query),
        Expr::Nested(inner) => rows_of(*inner),
        Expr::Identifier(ident) => Some(Box::new(select_all(vec![ident].into()))),
        Expr::CompoundIdentifier(idents) => Some(Box::new(select_all(idents.into()))),
        _ => None,
    }
}
