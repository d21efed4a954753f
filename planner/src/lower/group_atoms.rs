//! Aggregates and keys as atoms of expressions over groups.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, Operator};

use super::compare::compare;
use super::failure;
use super::figure::Figure;
use super::group::Groups;
use super::infer::{Scope, show};
use super::program::Program;
use super::scale::worth;
use super::secret::{Secret, secret_of};
use super::truth::masked;
use super::value::{Atoms, Number, Truth, literal};
use crate::Result;
use crate::plan::Scale;

/// Bits of the fraction of a square root inside an expression.
const ROOT_FRACTION: u32 = 24;

impl Atoms for Groups<'_> {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn fraction_bits(&self) -> u32 {
        56
    }

    fn number(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Number>> {
        let Expr::Column(column) = expr else { return Ok(None) };
        if let Some((index, secret)) = self.secret(column) {
            return Ok(Some(secret.number(program, index)));
        }
        let index = self.index_of(column)?;
        if let Some(key) = self.keys.get(index) {
            return key.number(program).map(Some);
        }
        std::mem::swap(&mut self.sums.program, program);
        let result = self.atom(index - self.keys(), expr);
        std::mem::swap(&mut self.sums.program, program);
        result.map(Some)
    }

    fn text(
        &mut self,
        program: &mut Program,
        expr: &Expr,
        dictionary: &[ScalarValue],
    ) -> Result<Option<Number>> {
        let Expr::Column(column) = expr else { return Ok(None) };
        if let Some((index, secret)) = self.secret(column) {
            return secret.in_texts(program, index, Some(dictionary)).map(Some);
        }
        match self.keys.get(self.index_of(column)?) {
            Some(key) => key.encoded(program, dictionary).map(Some),
            None => Err(failure::not_built(format!("the text {} in an expression over groups", show(expr)))),
        }
    }

    fn truth(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Truth>> {
        if let Expr::Column(_) = expr
            && self.scope.data_type(expr)? == DataType::Boolean
        {
            let Some(number) = self.number(program, expr)? else { return Ok(None) };
            let no = program.zero(number.reg);
            let yes = program.not(no);
            return Ok(Some(masked(program, yes, number.known)));
        }
        let Expr::BinaryExpr(binary) = expr else { return Ok(None) };
        let (column, constant, op) = match (binary.left.as_ref(), binary.right.as_ref(), binary.op.swap()) {
            (Expr::Column(column), Expr::Literal(constant, _), _) => (column, constant, binary.op),
            (Expr::Literal(constant, _), Expr::Column(column), Some(op)) => (column, constant, op),
            _ => return Ok(None),
        };
        std::mem::swap(&mut self.sums.program, program);
        let result = self.root_against(column, constant, op);
        std::mem::swap(&mut self.sums.program, program);
        result
    }
}

impl Groups<'_> {
    /// The value of a subquery that a column is.
    fn secret(&self, column: &Column) -> Option<(usize, &Secret)> {
        let index = secret_of(column)?;
        self.secrets.get(index).map(|secret| (index, secret))
    }

    fn index_of(&self, column: &Column) -> Result<usize> {
        self.aggregate.schema.index_of_column(column).map_err(|error| failure::engine(&error))
    }

    /// A standard deviation against a constant: the variance against its square, with the constant's sign.
    fn root_against(
        &mut self,
        column: &Column,
        constant: &ScalarValue,
        op: Operator,
    ) -> Result<Option<Truth>> {
        if secret_of(column).is_some() {
            return Ok(None);
        }
        let Some(index) = self.index_of(column)?.checked_sub(self.keys()) else { return Ok(None) };
        let (figure, ScalarValue::Float64(Some(constant))) = (self.figure(index)?, constant) else {
            return Ok(None);
        };
        if !figure.root {
            return Ok(None);
        }
        let number = self.gated(&figure)?;
        let program = &mut self.sums.program;
        let square = literal(program, &ScalarValue::Float64(Some(constant * constant.abs())))?;
        let Some(yes) = compare(program, op, &number, &square)? else { return Ok(None) };
        Ok(Some(masked(program, yes, number.known)))
    }

    /// A figure's number for use in an expression; notes its gates.
    fn gated(&mut self, figure: &Figure) -> Result<Number> {
        let mut number = figure.number;
        if self.gated {
            let met = self.sums.met(&figure.gates)?;
            number.known = self.sums.program.both(number.known, met);
        }
        for gate in &figure.gates {
            if !self.used.contains(gate) {
                self.used.push(gate.clone());
            }
        }
        Ok(number)
    }

    fn atom(&mut self, index: usize, expr: &Expr) -> Result<Number> {
        let figure = self.figure(index)?;
        if figure.texts.is_some() {
            return Err(failure::not_built(format!("the text {} in an expression over groups", show(expr))));
        }
        let number = self.gated(&figure)?;
        if !figure.root {
            return Ok(number);
        }
        let program = &mut self.sums.program;
        let levels = program.range(number.reg).bits().div_ceil(2).max(1);
        let root = program.divide_by_root(number.reg, number.reg, levels, ROOT_FRACTION);
        let reg = root.map_err(|_| failure::bounds(show(expr)))?;
        let unit = worth(number.scale).sqrt() * 2_f64.powi(-ROOT_FRACTION.cast_signed());
        Ok(Number { reg, scale: Scale::Step(unit), ..number })
    }
}
