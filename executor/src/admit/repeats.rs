//! How many rows are equal in some columns: those of a person, of a value, of a key.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};
use planner::catalog::Table;

use super::violation::Violations;

/// Counts equal rows over the whole table. Rows with a NULL in one of the columns are equal to none.
#[derive(Debug)]
pub(super) struct Repeats {
    /// Among the declared columns.
    columns: Vec<usize>,
    allowed: u64,
    /// The word of the policy that says so.
    rule: &'static str,
    converter: RowConverter,
    rows: BTreeMap<Box<[u8]>, u64>,
}

impl Repeats {
    /// The counters for what a policy says of a table.
    pub(super) fn of(table: &Table) -> Vec<Self> {
        let person = table
            .person
            .as_ref()
            .and_then(|person| table.columns.iter().position(|column| column.name == *person))
            .map(|column| (vec![column], table.max_rows_per_person, "max_rows_per_person"));
        let keys = table.keys.iter().map(|key| {
            let rule = if key.columns.len() == 1 { "max_rows_per_value" } else { "unique" };
            (key.columns.clone(), key.max_rows, rule)
        });
        let counter = |(columns, allowed, rule): (Vec<usize>, u64, &'static str)| {
            let field = |column: &usize| SortField::new(table.columns[*column].sql_type.arrow());
            let converter = RowConverter::new(columns.iter().map(field).collect()).ok()?;
            Some(Self { columns, allowed, rule, converter, rows: BTreeMap::new() })
        };
        person.into_iter().chain(keys).filter_map(counter).collect()
    }

    pub(super) fn add(&mut self, columns: &[ArrayRef]) -> Result<(), ArrowError> {
        let of: Vec<ArrayRef> =
            self.columns.iter().map(|&column| ArrayRef::clone(&columns[column])).collect();
        let rows = self.converter.convert_columns(&of)?;
        for (index, row) in rows.iter().enumerate() {
            if of.iter().all(|values| values.is_valid(index)) {
                *self.rows.entry(row.as_ref().into()).or_default() += 1;
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, table: &Table, violations: &mut Violations) {
        let excess: u64 = self.rows.values().map(|rows| rows.saturating_sub(self.allowed)).sum();
        let names: Vec<&str> =
            self.columns.iter().map(|&column| table.columns[column].name.as_str()).collect();
        let rule = if let [_] = names.as_slice() {
            format!("more than {} = {} allows", self.rule, self.allowed)
        } else {
            format!("with the same values as another row, though ({}) is unique", names.join(", "))
        };
        let column = if let [name] = names.as_slice() { Some(*name) } else { None };
        violations.add_rows(column, &rule, excess);
    }
}
