//! What leaves of groups, and how the result follows from it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine's enums have dozens of variants; the rest is no plain column"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;

use super::chain::Chain;
use super::clear::{square_root, text_of};
use super::facts::is_text;
use super::failure;
use super::figure::{Gate, all_rows};
use super::group::Groups;
use super::infer::infer;
use super::rows::replace;
use super::secret::names_secret;
use super::subquery::has_subquery;
use super::value::{Number, unknown};
use crate::Result;
use crate::function::text_bytes;

/// Functions of one number that take no two numbers from 0 on to the same.
const INJECTIVE: [&str; 5] = ["sqrt", "cbrt", "ln", "log10", "log2"];

/// A column that leaves.
pub(super) struct Leaving {
    pub(super) name: String,
    /// Of the released column.
    pub(super) data_type: DataType,
    pub(super) number: Number,
    pub(super) gates: Vec<Gate>,
}

/// What leaves, how the result follows from it, and where each of the result's columns is.
pub(super) struct Outgoing {
    pub(super) leaving: Vec<Leaving>,
    pub(super) exprs: Vec<Expr>,
    pub(super) places: Vec<Option<Place>>,
}

/// Where a column of the result is among what leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A key.
    Key(usize),
    /// Any other output.
    Output(usize),
}

/// The aggregates that leave as they are.
struct Bare {
    leaving: Vec<Leaving>,
    /// For each column of the aggregate, the expression over the released table.
    known: Vec<Option<Expr>>,
    /// For each of these aggregates, which output it is.
    at: BTreeMap<usize, usize>,
}

impl Groups<'_> {
    /// What leaves, and the result's columns over the released table (whose columns are named as here).
    ///
    /// Columns `inside` are computed before anything is revealed, because they decide what is.
    pub(super) fn outputs(&mut self, chain: &Chain<'_>, inside: &[usize]) -> Result<Outgoing> {
        let plain: Vec<Option<usize>> = chain
            .columns
            .iter()
            .map(|expr| match expr {
                Expr::Column(column) => self.aggregate.schema.index_of_column(column).ok(),
                _ => None,
            })
            .collect();
        let keys = self.keys();
        let Bare { mut leaving, known, at } = self.bare_aggregates(chain, &plain)?;
        let of_plain = |index: usize| match index.checked_sub(keys) {
            None => Some(Place::Key(index)),
            Some(_) => at.get(&index).copied().map(Place::Output),
        };
        let mut places: Vec<Option<Place>> = plain.iter().map(|index| of_plain((*index)?)).collect();
        let mut exprs = Vec::new();
        for (place, expr) in chain.columns.iter().enumerate() {
            if has_subquery(expr)? {
                return Err(failure::not_built("a subquery beside aggregates"));
            }
            let used = self.used_columns(expr);
            let outside = !inside.contains(&place) || plain.get(place).is_some_and(Option::is_some);
            if outside
                && !names_secret(expr)
                && used.iter().all(|index| known.get(*index).is_some_and(Option::is_some))
            {
                let schema = &self.aggregate.schema;
                exprs.push(replace(expr, &|column| {
                    known.get(schema.index_of_column(column).ok()?).cloned().flatten()
                })?);
                continue;
            }
            let name = self.unique(chain.schema.field(place).name(), &leaving);
            let (computed, released) = self.computed(expr, name, chain.schema.field(place).data_type())?;
            exprs.push(released);
            if let Some(slot) = places.get_mut(place) {
                *slot = Some(Place::Output(leaving.len()));
            }
            leaving.push(computed);
        }
        Ok(Outgoing { leaving, exprs, places })
    }

    /// The aggregates that are columns of the result as they are.
    fn bare_aggregates(&mut self, chain: &Chain<'_>, plain: &[Option<usize>]) -> Result<Bare> {
        let keys = self.keys();
        let mut at: BTreeMap<usize, usize> = BTreeMap::new();
        let mut leaving: Vec<Leaving> = Vec::new();
        let mut known: Vec<Option<Expr>> = (0..keys)
            .map(|index| Some(Expr::Column(Column::new_unqualified(self.key_name(index)))))
            .collect();
        known.resize(keys + self.aggregate.aggr_expr.len(), None);
        for index in plain.iter().copied().flatten().filter(|index| *index >= keys) {
            if at.contains_key(&index) {
                continue;
            }
            let figure = self.figure(index - keys)?;
            let place = plain.iter().position(|column| *column == Some(index)).unwrap_or(0);
            let name = self.unique(chain.schema.field(place).name(), &leaving);
            let data_type = self.aggregate.schema.field(index).data_type().clone();
            let released = Expr::Column(Column::new_unqualified(&name));
            let (data_type, released) = match &figure.texts {
                Some(texts) => (DataType::Int64, text_of(released, texts)),
                None => (data_type, released),
            };
            // A square root of a released number says as much as the number; it is taken at the analyst.
            let released = if figure.root { square_root(released) } else { released };
            let number = self.typed(&figure.number, &data_type)?;
            at.insert(index, leaving.len());
            leaving.push(Leaving { name, data_type, number, gates: figure.gates });
            if let Some(slot) = known.get_mut(index) {
                *slot = Some(released);
            }
        }
        Ok(Bare { leaving, known, at })
    }

    /// An expression over aggregates that is computed inside, and what the result makes of it.
    fn computed(&mut self, expr: &Expr, name: String, data_type: &DataType) -> Result<(Leaving, Expr)> {
        if let Expr::ScalarFunction(function) = expr
            && INJECTIVE.contains(&function.name())
            && let [inner] = function.args.as_slice()
        {
            // What is released says as much as what the function makes of it.
            let inner_type = self.scope.data_type(inner)?;
            let (leaving, released) = self.computed(inner, name, &inner_type)?;
            if self.sums.program.range(leaving.number.reg).lo < 0 {
                return Err(unknown(expr));
            }
            let function = ScalarFunction::new_udf(Arc::clone(&function.func), vec![released]);
            return Ok((leaving, Expr::ScalarFunction(function)));
        }
        let texts = if is_text(data_type) { infer(expr, &self.scope)?.closed } else { None };
        self.used.clear();
        let number = self.number_of(expr)?;
        let number = self.typed(&number, data_type)?;
        let mut gates = std::mem::take(&mut self.used);
        if gates.is_empty() && self.keys() == 0 {
            // A secret value has gates of its own, but it is of these rows that the answer speaks.
            gates = self.sums.gates(&all_rows(self.sums.rows.branches().len()), "rows")?;
        }
        let released = Expr::Column(Column::new_unqualified(&name));
        let (data_type, released) = match texts {
            Some(texts) => (DataType::Int64, text_of(released, &texts)),
            None => (data_type.clone(), released),
        };
        Ok((Leaving { name, data_type, number, gates }, released))
    }

    /// Keys as columns that leave: numbers, indices into closed texts, parts of open ones.
    pub(super) fn leaving_keys(&mut self) -> Result<Vec<Leaving>> {
        let mut leaving = Vec::new();
        for index in 0..self.keys() {
            let Some(key) = self.keys.get(index) else { continue };
            let field = self.aggregate.schema.field(index).data_type().clone();
            let data_type = if is_text(&field) { DataType::Int64 } else { field };
            for (part, number) in key.numbers(&mut self.sums.program)?.into_iter().enumerate() {
                let name = self.part_name(index, part);
                leaving.push(Leaving { name, data_type: data_type.clone(), number, gates: Vec::new() });
            }
        }
        Ok(leaving)
    }

    /// The name of a part of a key; of the first, that of the key.
    fn part_name(&self, key: usize, part: usize) -> String {
        let name = self.key_name(key);
        if part == 0 { name } else { format!("{name} (part {})", part + 1) }
    }

    /// For each key, how many columns leave for it.
    pub(super) fn widths_of_keys(&self) -> Vec<usize> {
        self.keys.iter().map(|key| key.parts().unwrap_or(1)).collect()
    }

    /// Expressions over the released table where keys are indices into closed texts, or parts of open ones.
    pub(super) fn decoded(&self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        let text_of_key = |column: &Column| {
            let index = (0..self.keys()).find(|index| self.key_name(*index) == column.name)?;
            let key = self.keys.get(index)?;
            if let Some(parts) = key.parts() {
                let part = |part| Expr::Column(Column::new_unqualified(self.part_name(index, part)));
                return Some(text_bytes::text_of().call((0..parts).map(part).collect()));
            }
            Some(text_of(Expr::Column(column.clone()), &key.texts()?))
        };
        exprs.iter().map(|expr| replace(expr, &text_of_key)).collect()
    }

    /// A name that no key and no other output has.
    fn unique(&self, wanted: &str, leaving: &[Leaving]) -> String {
        let widths = self.widths_of_keys();
        let of_key = |name: &str| {
            let mut keys = widths.iter().enumerate();
            keys.any(|(index, width)| (0..*width).any(|part| self.part_name(index, part) == name))
        };
        let taken = |name: &str| of_key(name) || leaving.iter().any(|other| other.name == name);
        if !taken(wanted) {
            return wanted.to_owned();
        }
        let numbered = (2..).map(|number| format!("{wanted} ({number})"));
        numbered.into_iter().find(|name| !taken(name)).unwrap_or_else(|| wanted.to_owned())
    }
}
