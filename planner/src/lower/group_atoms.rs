//! Aggregates as atoms of expressions over groups.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, Operator};

use super::compare::compare;
use super::failure;
use super::figure::Figure;
use super::group::Groups;
use super::infer::{Scope, show};
use super::program::Program;
use super::truth::masked;
use super::value::{Atoms, Number, Truth, literal};
use crate::Result;

impl Atoms for Groups<'_> {
    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn fraction_bits(&self) -> u32 {
        56
    }

    fn number(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Number>> {
        let Expr::Column(column) = expr else { return Ok(None) };
        let index = self.aggregate.schema.index_of_column(column).map_err(|error| failure::engine(&error))?;
        let index = index.checked_sub(self.keys()).ok_or_else(|| mixed(expr))?;
        std::mem::swap(&mut self.sums.program, program);
        let result = self.atom(index, expr);
        std::mem::swap(&mut self.sums.program, program);
        result.map(Some)
    }

    fn text(&mut self, _: &mut Program, expr: &Expr, _: &[ScalarValue]) -> Result<Option<Number>> {
        if matches!(expr, Expr::Column(_)) { Err(mixed(expr)) } else { Ok(None) }
    }

    fn truth(&mut self, program: &mut Program, expr: &Expr) -> Result<Option<Truth>> {
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

fn mixed(key: &Expr) -> crate::Error {
    failure::not_built(format!("a condition or expression that mixes the key {} with aggregates", show(key)))
}

impl Groups<'_> {
    /// A standard deviation against a constant: the variance against its square, with the constant's sign.
    fn root_against(
        &mut self,
        column: &Column,
        constant: &ScalarValue,
        op: Operator,
    ) -> Result<Option<Truth>> {
        let index = self.aggregate.schema.index_of_column(column).map_err(|error| failure::engine(&error))?;
        let Some(index) = index.checked_sub(self.keys()) else { return Ok(None) };
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
        if figure.root {
            let what = format!(
                "{} in an expression; VAR can be used, or STDDEV be an output column too",
                show(expr)
            );
            return Err(failure::not_built(what));
        }
        self.gated(&figure)
    }
}
