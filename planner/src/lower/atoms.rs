//! What one owner of a branch can compute alone, as atoms of expressions on shares.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use super::emit::{Emit, name};
use super::infer::{Scope, infer};
use super::program::Program;
use super::truth::truth;
use super::value::{Atoms, Number, Truth, number, text};
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Range, RingSize, Scale, SharedColumn, Source};

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
        let Some(leaf) = self.home(expr) else { return Ok(None) };
        std::mem::swap(&mut self.program, program);
        let result = self.number_at(leaf, expr, None);
        std::mem::swap(&mut self.program, program);
        result.map(Some)
    }

    fn text(
        &mut self,
        program: &mut Program,
        expr: &Expr,
        dictionary: &[ScalarValue],
    ) -> Result<Option<Number>> {
        let Some(leaf) = self.home(expr) else { return Ok(None) };
        std::mem::swap(&mut self.program, program);
        let result = self.number_at(leaf, expr, Some(dictionary));
        std::mem::swap(&mut self.program, program);
        result.map(Some)
    }

    fn truth(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Truth>> {
        let Some(leaf) = self.home(expr) else { return Ok(None) };
        std::mem::swap(&mut self.program, program);
        let result = self.truth_at(leaf, expr);
        std::mem::swap(&mut self.program, program);
        result.map(Some)
    }
}

impl Emit<'_> {
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
