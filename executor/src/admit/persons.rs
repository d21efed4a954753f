//! How many rows a person has.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};
use planner::catalog::Table;

use super::violation::Violations;

/// Counts the rows of each person over the whole table. Rows without a person (NULL) belong to nobody.
#[derive(Debug)]
pub(super) struct Persons {
    /// The person column, among the declared ones.
    column: usize,
    converter: RowConverter,
    rows: BTreeMap<Box<[u8]>, u64>,
}

impl Persons {
    /// The counter for a table that names its persons.
    pub(super) fn of(table: &Table) -> Option<Self> {
        let person = table.person.as_ref()?;
        let column = table.columns.iter().position(|column| column.name == *person)?;
        let field = SortField::new(table.columns[column].sql_type.arrow());
        Some(Self { column, converter: RowConverter::new(vec![field]).ok()?, rows: BTreeMap::new() })
    }

    pub(super) fn add(&mut self, columns: &[ArrayRef]) -> Result<(), ArrowError> {
        let persons = &columns[self.column];
        let rows = self.converter.convert_columns(std::slice::from_ref(persons))?;
        for (index, row) in rows.iter().enumerate() {
            if persons.is_valid(index) {
                *self.rows.entry(row.as_ref().into()).or_default() += 1;
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, table: &Table, violations: &mut Violations) {
        let allowed = table.max_rows_per_person;
        let excess: u64 = self.rows.values().map(|rows| rows.saturating_sub(allowed)).sum();
        let rule = format!("more than max_rows_per_person = {allowed} allows");
        violations.add_rows(table.person.as_deref(), &rule, excess);
    }
}
