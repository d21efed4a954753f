//! The columns that rows are asked for, in each branch, as registers of its program.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is NULL"
)]

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, lit};

use super::atoms::Optional;
use super::emit::{Emit, name};
use super::facts::{is_float, is_text};
use super::failure;
use super::fixed::rescaled;
use super::infer::{infer, show};
use super::rows::Presence;
use super::scale::{encode, rescale};
use super::truth::masked;
use super::value::same_text;
use super::want::{Counting, Want};
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Range, Reg, RingSize, Scale, SharedColumn, Source};

impl Emit<'_> {
    /// The register of a wanted column.
    pub(crate) fn want(&mut self, want: &Want) -> Result<Reg> {
        match want {
            Want::Value { expr, scale, offset, ring } => self.value(expr, *scale, *offset, *ring),
            Want::Masked { expr, scale, offset, counting } => {
                self.masked_value(expr, *scale, *offset, counting)
            }
            Want::Count(counting) => self.count(counting),
            Want::CountBit(counting) => self.count_bit(counting),
            Want::Cell { expr, value, ring } => self.cell(expr, value, *ring),
            Want::Planes { expr, scale, offset, planes, dictionary } => {
                self.planes(expr, *scale, *offset, *planes, dictionary.as_deref())
            }
            Want::Behind { counting, leaf, bit } => {
                let counts = self.behind(counting, *leaf)?;
                if *bit { Ok(counts) } else { self.program.arithmetic(counts, RingSize::Z64) }
            }
            Want::Person { leaf, columns, most, normalised } => {
                self.person(*leaf, columns, *most, *normalised)
            }
            Want::Nothing { bit: true } | Want::Run(None) => Ok(self.program.bit(false)),
            Want::Nothing { bit: false } => self.program.constant(0),
            Want::Plain { expr, scale, ring, dictionary } => {
                self.plain_value(expr, *scale, *ring, dictionary.as_deref())
            }
            Want::Rank(expr, encoding, most) => {
                let leaf = self.home(expr).ok_or_else(|| failure::internal("a rank of no leaf"))?;
                let column = self.compute_locally(leaf, expr)?;
                let range = Range { lo: 0, hi: i128::from(*most) };
                let def = ColumnDef { name: format!("rank of {}", name(expr)), encoding: *encoding, range };
                self.share(leaf, SharedColumn { def, source: Source::Rank(column) })
            }
            Want::IsNull(expr) => self.null(expr),
            Want::Candidate => self.candidate_bit(),
            Want::RunIndex(None, planes) => {
                // No run has this number.
                let none = self.program.constant((1 << planes) - 1)?;
                Ok(self.program.planes(none, *planes))
            }
            Want::Run(Some(exprs)) => {
                let columns = self.run(exprs)?;
                let source = Source::RunStart(columns);
                self.share_bit(self.tree.root, "first row of a person".into(), source)
            }
            Want::RunIndex(Some(exprs), planes) => {
                let columns = self.run(exprs)?;
                let range = Range { lo: 0, hi: (1 << planes) - 1 };
                let encoding = Encoding::Planes(*planes);
                let def = ColumnDef { name: "number of a person".into(), encoding, range };
                self.share(self.tree.root, SharedColumn { def, source: Source::RunIndex(columns) })
            }
        }
    }

    /// The local columns by which rows of the staying leaf are put together.
    fn run(&mut self, exprs: &Vec<Expr>) -> Result<Vec<usize>> {
        if !self.runs.contains(exprs) {
            self.runs.push(exprs.clone());
        }
        let root = self.tree.root;
        exprs.iter().map(|expr| self.compute_locally(root, expr)).collect()
    }

    /// A value that is 0 where it is NULL, whether the row counts or not.
    fn plain_value(
        &mut self,
        expr: &Expr,
        scale: Scale,
        ring: RingSize,
        dictionary: Option<&[ScalarValue]>,
    ) -> Result<Reg> {
        let (value, known) = if let Some(dictionary) = dictionary {
            let text = self.text_of(expr, dictionary)?;
            (self.program.widened(text.reg, ring), text.known)
        } else if let Some(leaf) = self.home(expr) {
            return self.share_value(leaf, expr, scale, 0, Some(ring));
        } else {
            self.joint_value(expr, scale, 0, ring)?
        };
        let Some(known) = known else { return Ok(value) };
        let none = self.program.constant(0)?;
        let none = self.program.widened(none, ring);
        self.program.select(known, value, none)
    }

    fn null(&mut self, expr: &Expr) -> Result<Reg> {
        if let Some(leaf) = self.home(expr) {
            let column = self.compute_locally(leaf, &expr.clone().is_null())?;
            return self.share_bit(leaf, format!("{} is NULL", name(expr)), Source::True(column));
        }
        if let Some(parts) = self.optional(expr)?
            && parts.otherwise.is_null()
        {
            let mut there = self.truth_of(&parts.guard)?.yes;
            if infer(&parts.plain, &self.scope)?.nullable {
                let column = self.compute_locally(parts.leaf, &parts.plain)?;
                let name = format!("known {}", name(&parts.plain));
                let known = self.share_bit(parts.leaf, name, Source::Known(vec![column]))?;
                there = self.program.and(there, known);
            }
            return Ok(self.program.not(there));
        }
        if self.scope.data_type(expr)? == DataType::Boolean {
            let truth = self.truth_of(expr)?;
            let known = self.program.or(truth.yes, truth.no);
            return Ok(self.program.not(known));
        }
        let facts = infer(expr, &self.scope)?;
        let number = match facts.closed.filter(|_| is_text(&facts.data_type)) {
            Some(dictionary) => self.text_of(expr, &dictionary)?,
            None => self.number_of(expr)?,
        };
        Ok(match number.known {
            Some(known) => self.program.not(known),
            None => self.program.bit(false),
        })
    }

    fn value(&mut self, expr: &Expr, scale: Scale, offset: i128, ring: RingSize) -> Result<Reg> {
        if let Some(leaf) = self.home(expr) {
            let value = self.share_value(leaf, expr, scale, offset, Some(ring))?;
            if self.is_single() {
                return Ok(value);
            }
            let row = self.row_number(ring)?;
            return self.program.multiply(value, row);
        }
        if let Some(parts) = self.optional(expr)?
            && parts.otherwise.is_null()
        {
            // 0 where the leaf has no part in the row, and where the value is NULL.
            let value = self.share_value(parts.leaf, &parts.plain, scale, offset, Some(ring))?;
            let there = self.truth_of(&parts.guard)?.yes;
            let row = self.row_bit()?;
            let counts = self.program.and(row, there);
            let counts = self.program.arithmetic(counts, ring)?;
            return self.program.multiply(value, counts);
        }
        let (value, known) = self.joint_value(expr, scale, offset, ring)?;
        let row = self.row_bit()?;
        let counts = known.map_or(row, |known| self.program.and(row, known));
        let counts = self.program.arithmetic(counts, ring)?;
        self.program.multiply(value, counts)
    }

    fn planes(
        &mut self,
        expr: &Expr,
        scale: Scale,
        offset: i128,
        planes: u32,
        dictionary: Option<&[ScalarValue]>,
    ) -> Result<Reg> {
        if let Some(leaf) = self.home(expr) {
            let column = self.compute_locally(leaf, expr)?;
            let dictionary = dictionary.map(<[ScalarValue]>::to_vec);
            let source = Source::Value { column, scale, dictionary, offset };
            let range = Range { lo: 0, hi: (1 << planes) - 1 };
            let def = ColumnDef { name: name(expr), encoding: Encoding::Planes(planes), range };
            return self.share(leaf, SharedColumn { def, source });
        }
        let (value, known) = if let Some(dictionary) = dictionary {
            let text = self.text_of(expr, dictionary)?;
            (text.reg, text.known)
        } else {
            let number = self.number_of(expr)?;
            (rescaled(&mut self.program, &number, scale)?, number.known)
        };
        let mut value = self.program.offset(value, -offset)?;
        if let Some(known) = known {
            let none = self.program.constant(0)?;
            value = self.program.select(known, value, none)?;
        }
        Ok(self.program.planes(value, planes))
    }

    /// A number of several owners' values, and whether it is known.
    fn joint_value(
        &mut self,
        expr: &Expr,
        scale: Scale,
        offset: i128,
        ring: RingSize,
    ) -> Result<(Reg, Option<Reg>)> {
        let range = self.range_of(expr, scale, offset)?;
        let number = self.number_of(expr)?;
        let value = rescaled(&mut self.program, &number, scale)?;
        let value = self.program.offset(value, -offset)?;
        Ok((self.program.fitted(value, ring, range), number.known))
    }

    /// The integers of a number in a scale, minus an offset, and 0.
    pub(super) fn range_of(&self, expr: &Expr, scale: Scale, offset: i128) -> Result<Range> {
        let facts = infer(expr, &self.scope)?;
        let end = |x: f64| encode(&ScalarValue::Float64(Some(x)), scale);
        let around = || {
            let (lo, hi) = facts.interval().filter(|_| is_float(&facts.data_type))?;
            Some(Range { lo: end(lo)? - 1, hi: end(hi)? + 1 })
        };
        let range = facts.range.and_then(|range| rescale(range, facts.scale, scale)).or_else(around);
        let range = range.and_then(|range| range.add(Range { lo: -offset, hi: -offset }));
        Ok(range.ok_or_else(|| failure::bounds(show(expr)))?.with_zero())
    }

    fn masked_value(&mut self, expr: &Expr, scale: Scale, offset: i128, counting: &Counting) -> Result<Reg> {
        let ring = counting.ring;
        if self.is_single() {
            let mut nullable = Vec::new();
            for known in &counting.known {
                if infer(known, &self.scope)?.nullable {
                    nullable.push(known.clone().is_not_null());
                }
            }
            let masked = match nullable.into_iter().reduce(Expr::and) {
                None => expr.clone(),
                Some(complete) => {
                    let when_then_expr = vec![(Box::new(complete), Box::new(expr.clone()))];
                    Expr::Case(Case { expr: None, when_then_expr, else_expr: None })
                }
            };
            return self.share_value(0, &masked, scale, offset, Some(ring));
        }
        let counts = self.count(counting)?;
        let value = match self.home(expr) {
            Some(leaf) => self.share_value(leaf, expr, scale, offset, Some(ring))?,
            None => self.joint_value(expr, scale, offset, ring)?.0,
        };
        self.program.multiply(value, counts)
    }

    /// The demands that one leaf can check: a column of its own.
    fn count_locally(
        &mut self,
        leaf: usize,
        known: &[Expr],
        nonzero: Option<&Expr>,
    ) -> Result<Option<(String, Source)>> {
        let known: Vec<&Expr> = known.iter().filter(|expr| self.home(expr) == Some(leaf)).collect();
        let nonzero = nonzero.filter(|expr| self.home(expr) == Some(leaf));
        if let Some(expr) = nonzero {
            let zero = zero_of(&self.scope.data_type(expr)?)?;
            let mut condition = expr.clone().not_eq(lit(zero));
            for known in known {
                condition = condition.and(known.clone().is_not_null());
            }
            let column = self.compute_locally(leaf, &condition)?;
            return Ok(Some((format!("counts {}", name(expr)), Source::True(column))));
        }
        let mut columns = Vec::new();
        let mut names = Vec::new();
        for expr in known {
            if infer(expr, &self.scope)?.nullable {
                columns.push(self.compute_locally(leaf, expr)?);
                names.push(name(expr));
            }
        }
        Ok((!columns.is_empty()).then(|| (format!("known {}", names.join(", ")), Source::Known(columns))))
    }

    /// The same demands, where only numbers are demanded not to be 0: no other value is neutral.
    fn of_numbers(&self, counting: &Counting) -> Result<Counting> {
        let mut counting = counting.clone();
        if let Some(expr) = &counting.nonzero
            && !self.scope.data_type(expr)?.is_numeric()
        {
            counting.known.extend(counting.nonzero.take());
        }
        Ok(counting)
    }

    fn count(&mut self, counting: &Counting) -> Result<Reg> {
        let counting = &self.of_numbers(counting)?;
        let Counting { known, nonzero, ring } = counting;
        if self.is_single() {
            let (name, source) = self
                .count_locally(0, known, nonzero.as_ref())?
                .unwrap_or_else(|| ("valid".into(), Source::Known(Vec::new())));
            let def =
                ColumnDef { name, encoding: Encoding::Arithmetic(*ring), range: Range { lo: 0, hi: 1 } };
            return self.share(0, SharedColumn { def, source });
        }
        let trivial = nonzero.is_none() && {
            let mut any = false;
            for expr in known {
                any |= infer(expr, &self.scope)?.nullable;
            }
            !any
        };
        if trivial {
            return self.row_number(*ring);
        }
        let bit = self.count_bit(counting)?;
        self.program.arithmetic(bit, *ring)
    }

    fn count_bit(&mut self, counting: &Counting) -> Result<Reg> {
        let counting = &self.of_numbers(counting)?;
        if self.is_single() {
            let (name, source) = self
                .count_locally(0, &counting.known, counting.nonzero.as_ref())?
                .unwrap_or_else(|| ("valid".into(), Source::Known(Vec::new())));
            return self.share_bit(0, name, source);
        }
        let row = self.row_bit()?;
        self.counted(row, counting)
    }

    /// The rows that count and that a leaf has a part in.
    fn behind(&mut self, counting: &Counting, leaf: usize) -> Result<Reg> {
        let counting = &self.of_numbers(counting)?;
        if self.is_single() {
            return self.count_bit(counting);
        }
        let branch = self.branch;
        let row = match branch.presence.get(leaf) {
            Some(Presence::Always) => self.row_bit()?,
            Some(Presence::Where(guard)) => {
                let there = self.truth_of(guard)?.yes;
                let row = self.row_bit()?;
                self.program.and(row, there)
            }
            Some(Presence::Absent { number, found }) => {
                let found = self.truth_of(found)?.yes;
                let row = self.row_bit_but(*number)?;
                self.program.and(row, found)
            }
            Some(Presence::Nowhere) | None => self.program.bit(false),
        };
        self.counted(row, counting)
    }

    fn person(&mut self, leaf: usize, columns: &[Expr], most: u64, normalised: bool) -> Result<Reg> {
        let columns =
            columns.iter().map(|expr| self.compute_locally(leaf, expr)).collect::<Result<Vec<_>>>()?;
        let range = Range { lo: 0, hi: i128::from(most) };
        let def = ColumnDef { name: "person".into(), encoding: Encoding::Arithmetic(RingSize::Z64), range };
        self.share(leaf, SharedColumn { def, source: Source::Person { columns, normalised } })
    }

    /// The rows among these that meet the demands.
    fn counted(&mut self, row: Reg, counting: &Counting) -> Result<Reg> {
        let Counting { known, nonzero, .. } = counting;
        let mut all = row;
        for leaf in 0..self.locals.len() {
            if let Some((name, source)) = self.count_locally(leaf, known, nonzero.as_ref())? {
                let bit = self.share_bit(leaf, name, source)?;
                all = self.program.and(all, bit);
            }
        }
        for expr in known.iter().filter(|expr| self.home(expr).is_none()).cloned().collect::<Vec<_>>() {
            if let Some(known) = self.known_bit(&expr)? {
                all = self.program.and(all, known);
            }
        }
        if let Some(expr) = nonzero.as_ref().filter(|expr| self.home(expr).is_none()) {
            let number = self.number_of(expr)?;
            let zero = self.program.zero(number.reg);
            let yes = self.program.not(zero);
            let counts = masked(&mut self.program, yes, number.known).yes;
            all = self.program.and(all, counts);
        }
        Ok(all)
    }

    /// Whether an expression that no leaf can compute alone is not NULL; `None`: it never is.
    fn known_bit(&mut self, expr: &Expr) -> Result<Option<Reg>> {
        let Some(parts) = self.optional(expr)?.filter(|parts| parts.otherwise.is_null()) else {
            return Ok(self.number_of(expr)?.known);
        };
        let there = self.truth_of(&parts.guard)?.yes;
        if !infer(&parts.plain, &self.scope)?.nullable {
            return Ok(Some(there));
        }
        let column = self.compute_locally(parts.leaf, &parts.plain)?;
        let name = format!("known {}", name(&parts.plain));
        let known = self.share_bit(parts.leaf, name, Source::Known(vec![column]))?;
        Ok(Some(self.program.and(there, known)))
    }

    fn cell(&mut self, expr: &Expr, value: &ScalarValue, ring: RingSize) -> Result<Reg> {
        if let Some(leaf) = self.home(expr) {
            let column = self.compute_locally(leaf, expr)?;
            let name = format!("{} = {value}", name(expr));
            let def = ColumnDef { name, encoding: Encoding::Arithmetic(ring), range: Range { lo: 0, hi: 1 } };
            return self
                .share(leaf, SharedColumn { def, source: Source::Equals { column, value: value.clone() } });
        }
        let bit = if let Some(parts) = self.optional(expr)? {
            self.optional_cell(&parts, value)?
        } else if self.scope.data_type(expr)? == DataType::Boolean {
            let truth = self.truth_of(expr)?;
            match value {
                ScalarValue::Boolean(Some(true)) => truth.yes,
                ScalarValue::Boolean(Some(false)) => truth.no,
                _ => {
                    let known = self.program.or(truth.yes, truth.no);
                    self.program.not(known)
                }
            }
        } else {
            self.cell_bit(expr, value)?
        };
        self.program.arithmetic(bit, ring)
    }

    fn optional_cell(&mut self, parts: &Optional, value: &ScalarValue) -> Result<Reg> {
        let there = self.truth_of(&parts.guard)?.yes;
        let column = self.compute_locally(parts.leaf, &parts.plain)?;
        let name = format!("{} = {value}", name(&parts.plain));
        let source = Source::Equals { column, value: value.clone() };
        let same = self.share_bit(parts.leaf, name, source)?;
        let otherwise = if value.is_null() {
            parts.otherwise.is_null()
        } else {
            parts.otherwise == *value || (is_text(&value.data_type()) && same_text(&parts.otherwise, value))
        };
        let otherwise = self.program.bit(otherwise);
        Ok(self.program.choose(there, same, otherwise))
    }

    fn cell_bit(&mut self, expr: &Expr, value: &ScalarValue) -> Result<Reg> {
        let facts = infer(expr, &self.scope)?;
        let (number, integer) = if is_text(&facts.data_type) {
            let dictionary = facts.closed.ok_or_else(|| failure::internal("an open key"))?;
            let index = dictionary.iter().position(|entry| same_text(entry, value));
            (self.text_of(expr, &dictionary)?, index.and_then(|index| i128::try_from(index).ok()))
        } else {
            let number = self.number_of(expr)?;
            (number, encode(value, number.scale))
        };
        if value.is_null() {
            return Ok(match number.known {
                Some(known) => self.program.not(known),
                None => self.program.bit(false),
            });
        }
        // A value that this branch cannot have.
        let Some(integer) = integer else { return Ok(self.program.bit(false)) };
        let difference = self.program.offset(number.reg, -integer)?;
        let same = self.program.zero(difference);
        Ok(masked(&mut self.program, same, number.known).yes)
    }
}

/// 0 of a numeric type.
fn zero_of(data_type: &DataType) -> Result<ScalarValue> {
    ScalarValue::new_zero(data_type).map_err(|error| failure::engine(&error))
}
