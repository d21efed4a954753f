//! The last question: is what comes out of the outermost query row-level?

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

use crate::catalog::Use;
use crate::error::{Class, Error, Result};

use super::Checker;
use super::lineage::{Base, Kind, Lineage, Reason, Relation};
use super::position;

impl Checker<'_> {
    /// Refuses a query whose output is rows, unless all it uses is public.
    pub(super) fn verdict(&self, root: &Relation, plan: &LogicalPlan) -> Result<()> {
        let public = |base: &Base| self.allows(*base, Use::Public);
        let output_public =
            root.columns.iter().all(|column| column.across.is_empty() && column.bases().iter().all(public));
        // Rows without columns still say how many there are.
        let shows = root.columns.iter().any(|column| !column.bases().is_empty());
        let rows_of_tables = shows && root.reason == Reason::Table && self.used.iter().all(public);
        if root.kind != Kind::Rows || (output_public && rows_of_tables) {
            return Ok(());
        }
        let fields = plan.schema().fields();
        let index =
            root.columns.iter().position(|column| !column.bases().iter().all(public)).unwrap_or_default();
        let name = fields.get(index).map_or_else(String::new, |field| field.name().clone());
        let column = root.columns.get(index).cloned().unwrap_or_default();
        let data_type = fields.get(index).map_or(DataType::Null, |field| field.data_type().clone());
        Err(match &root.reason {
            Reason::Table if column.bases().is_empty() => self.count_leaves(plan),
            Reason::Table => self.rows_leave(&name, &column, &data_type),
            Reason::Key { name: key, lacks_group, distinct } => self.key_leaves(key, *lacks_group, *distinct),
        })
    }

    /// `SELECT 1 FROM t`.
    fn count_leaves(&self, plan: &LogicalPlan) -> Error {
        let table = first_table(plan).unwrap_or_else(|| "...".to_owned());
        Error {
            class: Class::Refused,
            message: format!(
                "only aggregates leave the federation: a row for every row of {table} is row-level; try COUNT(*)"
            ),
            hint: Some(format!("SELECT COUNT(*) FROM {table}")),
            position: position::of_output(self.sql),
        }
    }

    fn rows_leave(&self, name: &str, column: &Lineage, data_type: &DataType) -> Error {
        let base = column.bases().into_iter().next();
        let (attempt, hint) = self.nearest_allowed(name, base, data_type);
        Error {
            class: Class::Refused,
            message: format!(
                "only aggregates leave the federation: column {name} is row-level; try {attempt}"
            ),
            hint: Some(hint),
            position: self.position_of(name, base),
        }
    }

    fn key_leaves(&self, key: &str, lacks_group: Option<Base>, distinct: bool) -> Error {
        let counted =
            lacks_group.is_some_and(|base| self.is_person(base) || self.allows(base, Use::Aggregate));
        // UNION names its columns after its first query, whichever query the key is of.
        let own = lacks_group.map(|base| self.column(base).name.as_str());
        let key = match own {
            Some(own) if key.contains('(') && !key.to_lowercase().contains(&own.to_lowercase()) => own,
            _ => key,
        };
        let (clause, attempt) = if distinct {
            (
                "SELECT DISTINCT",
                if counted { format!("COUNT(DISTINCT {key})") } else { "COUNT(*)".to_owned() },
            )
        } else {
            ("GROUP BY", "GROUP BY a column that its owner allows to `group`".to_owned())
        };
        let because = match lacks_group {
            Some(base) => {
                let allow = self.allowed(base);
                let party = &self.party(base).name;
                format!("{party} does not allow `group` on {} (it allows {allow})", self.full_name(base))
            }
            None => {
                format!("{clause} {key} gives a row for each of its values, which are not a declared set")
            }
        };
        Error {
            class: Class::Refused,
            message: format!(
                "only aggregates leave the federation: column {key} is row-level; try {attempt}: {because}"
            ),
            hint: Some(self.groupable(lacks_group)),
            position: self.position_of(key, lacks_group),
        }
    }

    /// What to ask instead: in a few words, and as a query.
    fn nearest_allowed(&self, name: &str, base: Option<Base>, data_type: &DataType) -> (String, String) {
        let Some(base) = base else { return ("COUNT(*)".to_owned(), "SELECT COUNT(*) FROM ...".to_owned()) };
        let table = format!("{}.{}", self.party(base).name, self.table(base).name);
        let column = &self.column(base).name;
        let plain = column.eq_ignore_ascii_case(name);
        let simple = is_plain(name);
        let column = if is_plain(column) { column.clone() } else { format!("\"{column}\"") };
        let shown = if plain || !simple { column.as_str() } else { name };
        let attempt = if self.is_person(base) {
            format!("COUNT(DISTINCT {column})")
        } else if self.allows(base, Use::Aggregate) && data_type.is_numeric() {
            format!("AVG({shown})")
        } else if self.allows(base, Use::Group) && self.is_closed(base) && plain {
            return (
                format!("{column}, COUNT(*) ... GROUP BY {column}"),
                format!("SELECT {column}, COUNT(*) FROM {table} GROUP BY {column}"),
            );
        } else {
            "COUNT(*)".to_owned()
        };
        let query = if shown == column || !attempt.contains(shown) {
            format!("SELECT {attempt} FROM {table}")
        } else {
            format!("SELECT {attempt} FROM (...)")
        };
        (attempt, query)
    }

    /// A query over keys of the same table that may be released.
    fn groupable(&self, base: Option<Base>) -> String {
        let Some(base) = base else {
            return "Count instead: SELECT COUNT(*) FROM ..., or group by a column with declared `values`."
                .to_owned();
        };
        let table = self.table(base);
        let name = format!("{}.{}", self.party(base).name, table.name);
        let keys: Vec<_> = (0..table.columns.len())
            .map(|column| Base { column, ..base })
            .filter(|key| self.allows(*key, Use::Group) && self.is_closed(*key))
            .map(|key| self.column(key).name.clone())
            .collect();
        match keys.first() {
            Some(key) => {
                format!(
                    "SELECT {key}, COUNT(*) FROM {name} GROUP BY {key} (allowed keys: {})",
                    keys.join(", ")
                )
            }
            None => format!("SELECT COUNT(*) FROM {name} (no column of {name} allows `group`)"),
        }
    }

    fn position_of(&self, name: &str, base: Option<Base>) -> Option<crate::error::Position> {
        let declared = base.and_then(|base| position::of_name(&self.column(base).name, self.sql));
        position::of_name(name, self.sql).or(declared).or_else(|| position::of_output(self.sql))
    }
}

/// The first table that a plan reads.
fn first_table(plan: &LogicalPlan) -> Option<String> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            found = Some(scan.table_name.to_string());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .ok()?;
    found
}

/// Whether a name can be written without quotes.
fn is_plain(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    begins && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
