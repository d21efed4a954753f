//! Expressions: column names, parameters, functions, subqueries.

use core::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, ExceptSelectItem, ExcludeSelectItem, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Value, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};

use super::scope::{Columns, Relation, Scope};
use super::{Resolver, place, unsupported};
use crate::bind::dialect::identifiers;
use crate::error::{Error, Result};
use crate::function::hashed::HASHED;
use crate::function::registry;
use crate::nearest::same_name;

impl Resolver<'_> {
    /// Resolves an expression.
    pub(super) fn expression(&mut self, expr: &mut Expr, scope: &Scope<'_>) -> Result<()> {
        self.visit(expr, scope)
    }

    /// Resolves an item of a SELECT list, which may be an identifier as it is: a set operation compares it.
    pub(super) fn output(&mut self, expr: &mut Expr, scope: &Scope<'_>) -> Result<()> {
        let hashed = usize::from(hashed_parts(expr).is_some());
        self.visit_with(expr, scope, hashed)
    }

    /// Resolves all expressions inside a piece of syntax.
    pub(super) fn visit(&mut self, syntax: &mut impl VisitMut, scope: &Scope<'_>) -> Result<()> {
        self.visit_with(syntax, scope, 0)
    }

    fn visit_with(&mut self, syntax: &mut impl VisitMut, scope: &Scope<'_>, hashed: usize) -> Result<()> {
        let mut visitor = Visitor { resolver: self, scope, depth: 0, hashed };
        match syntax.visit(&mut visitor) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(*error),
        }
    }

    /// `*` with its EXCEPT or EXCLUDE: adds its columns to the outputs.
    pub(super) fn wildcard(
        options: &mut WildcardAdditionalOptions,
        columns: &Columns,
        outputs: &mut Columns,
    ) -> Result<()> {
        if options.opt_ilike.is_some() || options.opt_replace.is_some() || options.opt_rename.is_some() {
            return Err(unsupported(
                "ILIKE, REPLACE and RENAME after `*`",
                place(options.wildcard_token.0.span),
            ));
        }
        let mut left_out: Vec<String> = Vec::new();
        let relation = Relation { columns: columns.clone(), ..Relation::default() };
        let relations = [relation];
        let scope = Scope::rows(&relations, None);
        let mut leave_out = |ident: &mut Ident| -> Result<()> {
            scope.resolve(ident)?;
            left_out.push(ident.value.clone());
            Ok(())
        };
        if let Some(ExceptSelectItem { first_element, additional_elements }) = &mut options.opt_except {
            leave_out(first_element)?;
            additional_elements.iter_mut().try_for_each(&mut leave_out)?;
        }
        let mut leave_out_name = |name: &mut ObjectName| -> Result<()> {
            let mut idents = identifiers(name).unwrap_or_default();
            let [ident] = idents.as_mut_slice() else {
                return Err(unsupported("a qualified name in EXCLUDE", None));
            };
            leave_out(ident)?;
            *name = idents.into();
            Ok(())
        };
        match &mut options.opt_exclude {
            None => {}
            Some(ExcludeSelectItem::Single(name)) => leave_out_name(name)?,
            Some(ExcludeSelectItem::Multiple(names)) => names.iter_mut().try_for_each(leave_out_name)?,
        }
        let kept = columns.names.iter().filter(|name| !left_out.contains(name));
        outputs.names.extend(kept.cloned());
        outputs.others |= columns.others;
        Ok(())
    }
}

struct Visitor<'v, 'a> {
    resolver: &'v mut Resolver<'a>,
    scope: &'v Scope<'v>,
    /// Inside this many subqueries, which resolve themselves.
    depth: usize,
    /// So many calls of HASHED that follow are sides of an equality, or compared otherwise.
    hashed: usize,
}

impl VisitorMut for Visitor<'_, '_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        if self.depth > 1 {
            return ControlFlow::Continue(());
        }
        flow(self.resolver.query(query, Some(self.scope)).map(|_| ()))
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        flow(self.expr(expr))
    }
}

impl Visitor<'_, '_> {
    fn expr(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Identifier(ident) => {
                self.move_into_statement(std::slice::from_mut(ident));
                self.scope.resolve(ident)
            }
            Expr::CompoundIdentifier(idents) => {
                self.move_into_statement(idents);
                self.scope.resolve_qualified(idents)
            }
            Expr::Value(value) => {
                let Value::Placeholder(name) = &value.value else { return Ok(()) };
                let Some(parameters) = self.resolver.parameters else { return Ok(()) };
                *expr = parameter(name, parameters).map_err(|error| error.at(place(value.span)))?;
                Ok(())
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                self.hashed += equal_identifiers(left, right)?;
                Ok(())
            }
            Expr::Function(function) => self.function(function),
            _ => Ok(()),
        }
    }

    /// Inside a virtual table, errors and plans point to where the statement names it.
    fn move_into_statement(&self, idents: &mut [Ident]) {
        if let Some(span) = self.resolver.reference {
            for ident in idents {
                ident.span = span;
            }
        }
    }

    fn function(&mut self, function: &mut Function) -> Result<()> {
        let mut idents = identifiers(&function.name).unwrap_or_default();
        self.move_into_statement(&mut idents);
        let [ident] = idents.as_mut_slice() else {
            return Err(Error::invalid(format!("unknown function `{}`", function.name)));
        };
        if !matches!(function.parameters, FunctionArguments::None)
            || !function.within_group.is_empty() && function.over.is_some()
        {
            return Err(unsupported("this form of function call", place(ident.span)));
        }
        registry::check(&ident.value).map_err(|error| error.at(place(ident.span)))?;
        if let FunctionArguments::List(list) = &function.args
            && same_name(&ident.value, "count")
            && list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
            && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice()
        {
            self.hashed += usize::from(hashed_parts(argument).is_some());
        }
        if same_name(&ident.value, HASHED) {
            if self.hashed == 0 {
                let places = "HASHED stands only on both sides of `=`, alone in a SELECT list, and in COUNT(DISTINCT ...)";
                return Err(Error::invalid(places)
                    .with_hint("ON HASHED(a.id) = HASHED(b.id)".to_owned())
                    .at(place(ident.span)));
            }
            self.hashed -= 1;
        }
        ident.value = ident.value.to_lowercase();
        ident.quote_style = None;
        function.name = idents.into();
        Ok(())
    }
}

/// How many calls of HASHED two sides of an equality are: none or both, with as many parts.
fn equal_identifiers(left: &Expr, right: &Expr) -> Result<usize> {
    let (left_parts, right_parts) = match (hashed_parts(left), hashed_parts(right)) {
        (None, None) => return Ok(0),
        (Some(left), Some(right)) => (left, right),
        (Some((_, at)), None) | (None, Some((_, at))) => {
            return Err(Error::invalid("HASHED stands on one side of `=` only")
                .with_hint("ON HASHED(a.id) = HASHED(b.id)".to_owned())
                .at(place(at)));
        }
    };
    if left_parts.0 != right_parts.0 || left_parts.0 == 0 {
        return Err(Error::invalid(format!(
            "HASHED needs as many parts on both sides of `=`, at least one: {} and {}",
            left_parts.0, right_parts.0
        ))
        .at(place(left_parts.1)));
    }
    Ok(2)
}

/// The number of parts of a call of HASHED, and its place.
fn hashed_parts(expr: &Expr) -> Option<(usize, datafusion::sql::sqlparser::tokenizer::Span)> {
    match expr {
        Expr::Nested(inner) => hashed_parts(inner),
        Expr::Function(function) => {
            let idents = identifiers(&function.name)?;
            let [ident] = idents.as_slice() else { return None };
            if !same_name(&ident.value, HASHED) {
                return None;
            }
            let parts = match &function.args {
                FunctionArguments::List(list) => list.args.len(),
                FunctionArguments::None | FunctionArguments::Subquery(_) => 0,
            };
            Some((parts, ident.span))
        }
        _ => None,
    }
}

/// The value of `$n`.
fn parameter(name: &str, parameters: &[Expr]) -> Result<Expr> {
    let index = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
    index.and_then(|index| parameters.get(index.checked_sub(1)?)).cloned().ok_or_else(|| {
        let given = parameters.len();
        Error::invalid(format!("no value is given for the parameter {name} ({given} given)"))
    })
}

fn flow(result: Result<()>) -> ControlFlow<Box<Error>> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}
