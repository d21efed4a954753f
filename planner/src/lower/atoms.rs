//! What one owner of a branch can compute alone, as atoms of expressions on shares.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::Expr;

use super::emit::{Emit, name};
use super::enumerate::constant;
use super::guard::{match_of, unguarded};
use super::infer::{Scope, infer};
use super::program::Program;
use super::secret::{Secret, secret_of};
use super::truth::truth;
use super::value::{Atoms, Number, Truth, literal, number, pick, text, text_literal};
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Range, RingSize, Scale, SharedColumn, Source};

/// An expression over the columns of an optional leaf.
pub(super) struct Optional {
    /// Where the leaf has a part in the row.
    pub(super) guard: Expr,
    /// The leaf.
    pub(super) leaf: usize,
    /// The expression over its columns.
    pub(super) plain: Expr,
    /// The value where it has no part.
    pub(super) otherwise: ScalarValue,
}

impl Emit<'_> {
    pub(super) fn truth_of(&mut self, expr: &Expr) -> Result<Truth> {
        let mut program = std::mem::take(&mut self.program);
        let result = truth(self, &mut program, expr);
        self.program = program;
        result
    }

    pub(super) fn number_of(&mut self, expr: &Expr) -> Result<Number> {
        let mut program = std::mem::take(&mut self.program);
        let result = number(self, &mut program, expr);
        self.program = program;
        result
    }

    pub(super) fn text_of(&mut self, expr: &Expr, dictionary: &[ScalarValue]) -> Result<Number> {
        let mut program = std::mem::take(&mut self.program);
        let result = text(self, &mut program, expr, dictionary);
        self.program = program;
        result
    }
}

impl Atoms for Emit<'_> {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn fraction_bits(&self) -> u32 {
        30
    }

    fn number(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Number>> {
        std::mem::swap(&mut self.program, program);
        let result = self.number_somewhere(expr, None);
        std::mem::swap(&mut self.program, program);
        result
    }

    fn text(
        &mut self,
        program: &mut Program,
        expr: &Expr,
        dictionary: &[ScalarValue],
    ) -> Result<Option<Number>> {
        std::mem::swap(&mut self.program, program);
        let result = self.number_somewhere(expr, Some(dictionary));
        std::mem::swap(&mut self.program, program);
        result
    }

    fn truth(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Truth>> {
        std::mem::swap(&mut self.program, program);
        let result = self.truth_somewhere(expr);
        std::mem::swap(&mut self.program, program);
        result
    }
}

impl<'a> Emit<'a> {
    /// A number that one leaf can compute, perhaps where it has a part in the row only.
    fn number_somewhere(
        &mut self,
        expr: &Expr,
        dictionary: Option<&[ScalarValue]>,
    ) -> Result<Option<Number>> {
        if let Some(leaf) = self.home(expr) {
            return self.number_at(leaf, expr, dictionary).map(Some);
        }
        if let Expr::Column(column) = expr
            && let Some((index, secret)) = self.secret(column)
        {
            return secret.in_texts(&mut self.program, index, dictionary).map(Some);
        }
        let Some(parts) = self.optional(expr)? else { return Ok(None) };
        let there = self.truth_of(&parts.guard)?.yes;
        let value = self.number_at(parts.leaf, &parts.plain, dictionary)?;
        let otherwise = match dictionary {
            None => literal(&mut self.program, &parts.otherwise)?,
            Some(dictionary) => text_literal(&mut self.program, expr, &parts.otherwise, dictionary)?,
        };
        pick(&mut self.program, there, &value, &otherwise).map(Some)
    }

    fn truth_somewhere(&mut self, expr: &Expr) -> Result<Option<Truth>> {
        if let Expr::Column(column) = expr
            && let Some(join) = match_of(column)
        {
            let yes = self.match_bit(join);
            return Ok(Some(Truth { yes, no: self.program.not(yes) }));
        }
        if let Some(leaf) = self.home(expr) {
            return self.truth_at(leaf, expr).map(Some);
        }
        if let Expr::Column(column) = expr
            && let Some((index, secret)) = self.secret(column)
        {
            return Ok(Some(secret.truth(&mut self.program, index)));
        }
        let Some(parts) = self.optional(expr)? else { return Ok(None) };
        let there = self.truth_of(&parts.guard)?.yes;
        let value = self.truth_at(parts.leaf, &parts.plain)?;
        let is = |program: &mut Program, wanted: bool| {
            program.bit(parts.otherwise == ScalarValue::Boolean(Some(wanted)))
        };
        let (yes, no) = (is(&mut self.program, true), is(&mut self.program, false));
        let yes = self.program.choose(there, value.yes, yes);
        let no = self.program.choose(there, value.no, no);
        Ok(Some(Truth { yes, no }))
    }

    /// An expression over the columns of one optional leaf: where the leaf has a part, what it is then, and what it is
    /// otherwise.
    pub(super) fn optional(&self, expr: &Expr) -> Result<Option<Optional>> {
        let Some(parts) = unguarded(expr, &self.scope)? else { return Ok(None) };
        let (Some(leaf), Some(otherwise)) = (self.home(&parts.plain), constant(&parts.nulls)) else {
            return Ok(None);
        };
        Ok(Some(Optional { guard: parts.guard, leaf, plain: parts.plain, otherwise }))
    }

    /// The value of a subquery that a column is.
    fn secret(&self, column: &Column) -> Option<(usize, &'a Secret)> {
        let index = secret_of(column)?;
        self.branch.secrets.get(index).map(|secret| (index, secret))
    }

    fn number_at(&mut self, leaf: usize, expr: &Expr, dictionary: Option<&[ScalarValue]>) -> Result<Number> {
        let facts = infer(expr, &self.scope)?;
        let (reg, scale) = match dictionary {
            None => (self.share_value(leaf, expr, facts.scale, 0, None)?, facts.scale),
            Some(dictionary) => {
                let column = self.compute_locally(leaf, expr)?;
                let hi = i128::try_from(dictionary.len().max(1) - 1).unwrap_or(i128::MAX);
                let encoding = Encoding::Arithmetic(RingSize::Z64);
                let def = ColumnDef { name: name(expr), encoding, range: Range { lo: 0, hi } };
                let dictionary = Some(dictionary.to_vec());
                let source = Source::Value { column, scale: Scale::Unit, dictionary, offset: 0 };
                (self.share(leaf, SharedColumn { def, source })?, Scale::Unit)
            }
        };
        let known = if facts.nullable {
            let column = self.compute_locally(leaf, expr)?;
            Some(self.share_bit(leaf, format!("known {}", name(expr)), Source::Known(vec![column]))?)
        } else {
            None
        };
        Ok(Number { reg, known, scale })
    }

    fn truth_at(&mut self, leaf: usize, expr: &Expr) -> Result<Truth> {
        let nullable = infer(expr, &self.scope)?.nullable;
        let column = self.compute_locally(leaf, expr)?;
        let yes = self.share_bit(leaf, name(expr), Source::True(column))?;
        if !nullable {
            return Ok(Truth { yes, no: self.program.not(yes) });
        }
        let opposite = Expr::Not(Box::new(expr.clone()));
        let column = self.compute_locally(leaf, &opposite)?;
        let no = self.share_bit(leaf, name(&opposite), Source::True(column))?;
        Ok(Truth { yes, no })
    }
}
