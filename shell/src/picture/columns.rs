//! The columns of a result, by name, as numbers or labels.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;

use planner::bind::Title;

use crate::format::ResultSet;

/// The columns of a result.
pub(super) struct Columns {
    list: Vec<(String, ArrayRef)>,
    /// What each is about.
    titles: Vec<Title>,
    pub(super) rows: usize,
}

impl Columns {
    pub(super) fn of(result: &ResultSet, titles: &[Title]) -> Option<Self> {
        let mut list = Vec::new();
        for (index, field) in result.schema.fields().iter().enumerate() {
            let parts: Vec<&dyn Array> =
                result.batches.iter().map(|batch| batch.column(index).as_ref()).collect();
            list.push((field.name().clone(), concat(&parts).ok()?));
        }
        let known = titles.len() == list.len();
        let titles = if known { titles.to_vec() } else { vec![Title::default(); list.len()] };
        Some(Columns { list, titles, rows: result.rows() })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.get(name).is_some())
    }

    /// What stands at an axis of this column: its name and its unit.
    pub(super) fn title(&self, name: &str) -> String {
        let title = self.about(name);
        let name = title.and_then(|title| title.name.as_deref()).unwrap_or(name);
        match title.and_then(|title| title.unit.as_deref()) {
            Some(unit) if unit != name => format!("{name} ({unit})"),
            _ => name.to_owned(),
        }
    }

    /// The value of a group as it is told apart from others: with the name of its column, if that is known.
    pub(super) fn group_name(&self, value: Option<&String>) -> String {
        let value = value.map_or("NULL", String::as_str);
        match self.about("group").and_then(|title| title.name.as_ref()) {
            Some(name) => format!("{name}={value}"),
            None => value.to_owned(),
        }
    }

    fn about(&self, name: &str) -> Option<&Title> {
        let index = self.list.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))?;
        self.titles.get(index)
    }

    fn get(&self, name: &str) -> Option<&ArrayRef> {
        self.list.iter().find(|(known, _)| known.to_lowercase() == name).map(|(_, values)| values)
    }

    /// The numbers of a column; none if it has others.
    pub(super) fn numbers(&self, name: &str) -> Option<Vec<Option<f64>>> {
        let values = self.get(&name.to_lowercase())?;
        let numbers = cast(values, &DataType::Float64).ok().filter(|_| is_number(values.data_type()))?;
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        Some(numbers.as_primitive::<Float64Type>().iter().map(finite).collect())
    }

    /// The values of a column as people read them; none where NULL.
    pub(super) fn labels(&self, name: &str) -> Option<Vec<Option<String>>> {
        let values = self.get(&name.to_lowercase())?;
        let label = |row| values.is_valid(row).then(|| array_value_to_string(values, row).ok()).flatten();
        Some((0..values.len()).map(label).collect())
    }

    pub(super) fn is_number(&self, name: &str) -> bool {
        self.get(&name.to_lowercase()).is_some_and(|values| is_number(values.data_type()))
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}
