//! `BOOL_AND` and `BOOL_OR`, from counts.

use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, lit};

use super::figure::{Argument, Figure, Sums};
use super::value::Number;
use super::want::Counting;
use crate::Result;
use crate::plan::{RingSize, Scale};

impl Sums<'_> {
    /// `BOOL_AND`: no row in which the argument is false.
    pub(super) fn every(&mut self, argument: &Argument, what: &str) -> Result<Figure> {
        self.truth_of_all(argument, what, false)
    }

    /// `BOOL_OR`: a row in which the argument is true.
    pub(super) fn some(&mut self, argument: &Argument, what: &str) -> Result<Figure> {
        self.truth_of_all(argument, what, true)
    }

    fn truth_of_all(&mut self, argument: &Argument, what: &str, decisive: bool) -> Result<Figure> {
        // The value that decides is the one that is not neutral.
        let deciding: Vec<Counting> = argument
            .exprs
            .iter()
            .map(|expr| Counting {
                known: vec![where_it_is(expr, decisive)],
                nonzero: None,
                ring: RingSize::Z64,
            })
            .collect();
        let known = Self::not_null(argument);
        let gates = self.gates(if argument.conditional { &deciding } else { &known }, what)?;
        let decided = self.count(&deciding, &format!("{what}, {decisive}"))?;
        let none = self.program.zero(decided);
        let bit = if decisive { self.program.not(none) } else { none };
        let count = self.count(&known, what)?;
        let known = self.enough(argument.facts.nullable, &gates, count, 1)?;
        let reg = self.program.arithmetic(bit, RingSize::Z64)?;
        Ok(Figure::of(Number { reg, known, scale: Scale::Unit }, gates))
    }
}

/// Known where a truth value is this one.
pub(super) fn where_it_is(expr: &Expr, value: bool) -> Expr {
    let when = if value { expr.clone() } else { Expr::Not(Box::new(expr.clone())) };
    Expr::Case(Case { expr: None, when_then_expr: vec![(Box::new(when), Box::new(lit(1)))], else_expr: None })
}
