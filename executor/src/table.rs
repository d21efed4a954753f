//! Shared columns of a public length.

use mpc::{Column, Shared, SharedBits};

use crate::{Error, Result};

/// What a node of the secure stage gives at one seat: its part of every column.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
}

impl Table {
    /// A table of columns that all have `rows` rows.
    ///
    /// # Errors
    /// Class internal if one has not.
    pub fn new(columns: Vec<Column>, rows: usize) -> Result<Self> {
        if columns.iter().all(|column| column.len() == rows) {
            Ok(Table { columns, rows })
        } else {
            Err(Error::internal("table", "columns of one table differ in length"))
        }
    }

    /// Its columns, in the order of the plan.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The public number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Column `index`.
    ///
    /// # Errors
    /// Class internal if there is none.
    pub fn column(&self, index: usize) -> Result<&Column> {
        self.columns
            .get(index)
            .ok_or_else(|| Error::internal("table", "the plan names a column that does not exist"))
    }

    /// Column `index`, which is shared modulo 2^64.
    ///
    /// # Errors
    /// Class internal if it is not.
    pub fn ring64(&self, index: usize) -> Result<&Shared<u64>> {
        match self.column(index)? {
            Column::U64(x) => Ok(x),
            Column::U32(_) | Column::U128(_) | Column::Bits(_) => Err(wrong_kind("a number modulo 2^64")),
        }
    }

    /// Column `index`, which is shared modulo 2^128.
    ///
    /// # Errors
    /// Class internal if it is not.
    pub fn ring128(&self, index: usize) -> Result<&Shared<u128>> {
        match self.column(index)? {
            Column::U128(x) => Ok(x),
            Column::U32(_) | Column::U64(_) | Column::Bits(_) => Err(wrong_kind("a number modulo 2^128")),
        }
    }

    /// Column `index`, which is one bit a row.
    ///
    /// # Errors
    /// Class internal if it is not.
    pub fn bit(&self, index: usize) -> Result<&SharedBits> {
        match self.column(index)? {
            Column::Bits(x) if x.width() == 1 => Ok(x),
            Column::U32(_) | Column::U64(_) | Column::U128(_) | Column::Bits(_) => Err(wrong_kind("a bit")),
        }
    }
}

fn wrong_kind(wanted: &str) -> Error {
    Error::internal("table", format!("a column of the plan is not {wanted}"))
}
