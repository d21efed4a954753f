//! GROUP BY keys as numbers over groups: a cell's key is public, the key of an open group is on shares.

use datafusion::common::ScalarValue;

use super::facts::{Facts, is_text};
use super::failure;
use super::program::Program;
use super::scale::encode;
use super::value::{Number, same_text};
use crate::Result;
use crate::plan::Scale;

/// A key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// What is known of it over groups.
    pub(crate) facts: Facts,
    /// Where groups are those of open keys: its number on shares, or those of the parts of an open text.
    shared: Vec<Number>,
    // Where groups are cells, which are row-major over all keys:
    /// Its values, NULL last where it can occur.
    values: Vec<ScalarValue>,
    /// How many adjacent cells have the same value.
    repeat: usize,
    /// How many cells there are.
    cells: usize,
}

impl Key {
    /// A key with these values, in a table of its own.
    pub(crate) fn new(facts: &Facts, values: Vec<ScalarValue>) -> Key {
        let known: Vec<ScalarValue> = values.iter().filter(|value| !value.is_null()).cloned().collect();
        let facts = Facts::closed(facts.data_type.clone(), facts.nullable, known, facts.scale);
        let cells = values.len();
        Key { facts, shared: Vec::new(), values, repeat: 1, cells }
    }

    /// A key of open groups.
    pub(crate) fn shared(facts: Facts, numbers: Vec<Number>) -> Key {
        Key { facts, shared: numbers, values: Vec::new(), repeat: 1, cells: 0 }
    }

    /// The texts that numbers stand for, if it is a text of a closed domain.
    pub(crate) fn texts(&self) -> Option<Vec<ScalarValue>> {
        self.facts.closed.clone().filter(|_| is_text(&self.facts.data_type))
    }

    /// How many parts an open text has.
    pub(crate) fn parts(&self) -> Option<usize> {
        let open = is_text(&self.facts.data_type) && self.facts.closed.is_none();
        open.then_some(self.shared.len())
    }

    /// What leaves of it: a number, or those of all parts of an open text.
    pub(crate) fn numbers(&self, program: &mut Program) -> Result<Vec<Number>> {
        if self.parts().is_some() { Ok(self.shared.clone()) } else { Ok(vec![self.number(program)?]) }
    }

    /// Puts keys beside each other, the last one varying fastest.
    pub(crate) fn place(keys: &mut [Key]) {
        let cells = keys.iter().map(|key| key.values.len()).product();
        let mut repeat = 1;
        for key in keys.iter_mut().rev() {
            (key.repeat, key.cells) = (repeat, cells);
            repeat *= key.values.len();
        }
    }

    /// Its value in every cell.
    fn cells(&self) -> impl Iterator<Item = &ScalarValue> {
        (0..self.cells).filter_map(|cell| self.values.get(cell / self.repeat % self.values.len().max(1)))
    }

    /// The key as a number for every group: a text as an index into its own values.
    pub(crate) fn number(&self, program: &mut Program) -> Result<Number> {
        let dictionary = self.facts.closed.clone().unwrap_or_default();
        self.encoded(program, &dictionary)
    }

    /// The key as a number for every group: a text as an index into a dictionary.
    pub(crate) fn encoded(&self, program: &mut Program, dictionary: &[ScalarValue]) -> Result<Number> {
        if let [number, ..] = self.shared.as_slice() {
            let own = self.facts.closed.as_deref().unwrap_or_default();
            return if !is_text(&self.facts.data_type) || (self.parts().is_none() && own == dictionary) {
                Ok(*number)
            } else {
                Err(failure::not_built("a text key of open groups beside other texts"))
            };
        }
        let text = is_text(&self.facts.data_type);
        let scale = if text { Scale::Unit } else { self.facts.scale };
        let integer = |value: &ScalarValue| {
            if value.is_null() {
                return Some(0);
            }
            if text {
                let place = dictionary.iter().position(|entry| same_text(entry, value))?;
                return i128::try_from(place).ok();
            }
            encode(value, scale)
        };
        let integers: Option<Vec<i128>> = self.cells().map(integer).collect();
        let integers = integers.ok_or_else(|| failure::internal("a key that is no number"))?;
        let reg = program.public(integers)?;
        let known = program.public_bit(self.cells().map(|value| !value.is_null()).collect());
        let known = (program.as_bit(known) != Some(true)).then_some(known);
        Ok(Number { reg, known, scale })
    }
}
