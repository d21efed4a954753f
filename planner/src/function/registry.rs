//! The functions of SQL that a query may call, by name.
//!
//! Scalar functions are those of `DataFusion` that depend on nothing but their arguments (and the time of submission)
//! and read no files, plus our own. Whether one may run on an owner's rows, where no data may make it fail, is decided
//! when the query is lowered. Aggregate and window functions are all of `DataFusion`'s; which of them may leave is
//! the release check's to say.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, Volatility, WindowUDF};

use super::hashed::hashed;
use super::{runs, table};
use crate::error::{Error, Result};
use crate::nearest::{hint, same_name};

/// Scalar functions of `DataFusion` that stay out: they read files, tell of the machine, or handle types that a
/// federation has not.
const LEFT_OUT: [&str; 26] = [
    "arrow_cast",
    "arrow_field",
    "arrow_metadata",
    "arrow_try_cast",
    "arrow_typeof",
    "cast_to_type",
    "file_row_index",
    "get_field",
    "input_file_name",
    "named_struct",
    "regexp_match",
    "row",
    "struct",
    "to_local_time",
    "try_cast_to_type",
    "union_extract",
    "union_tag",
    "version",
    "with_metadata",
    "arrow_dictionary",
    "string_to_array",
    "make_array",
    "map",
    "make_map",
    "range",
    "unnest",
];

/// Functions that read files in other engines, and in ours nowhere.
const FILE_READERS: [&str; 12] = [
    "read_csv",
    "read_csv_auto",
    "read_parquet",
    "read_json",
    "read_json_auto",
    "read_arrow",
    "read_avro",
    "read_text",
    "read_blob",
    "parquet_scan",
    "parquet_metadata",
    "glob",
];

/// Volatile functions of other engines.
const VOLATILE: [&str; 8] =
    ["rand", "random", "uuid", "gen_random_uuid", "setseed", "clock_timestamp", "nextval", "txid_current"];

/// The functions by lower-case name, aliases included.
pub(crate) struct Registry {
    pub(crate) scalar: BTreeMap<String, Arc<ScalarUDF>>,
    pub(crate) aggregate: BTreeMap<String, Arc<AggregateUDF>>,
    pub(crate) window: BTreeMap<String, Arc<WindowUDF>>,
    volatile: Vec<String>,
}

/// The registry: the same in every process.
pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);
    &REGISTRY
}

impl Registry {
    fn new() -> Self {
        let mut registry = Registry {
            scalar: BTreeMap::new(),
            aggregate: BTreeMap::new(),
            window: BTreeMap::new(),
            volatile: VOLATILE.map(str::to_owned).to_vec(),
        };
        let mut scalar = SessionStateDefaults::default_scalar_functions();
        scalar.push(hashed());
        for function in scalar {
            let names = std::iter::once(function.name()).chain(function.aliases().iter().map(String::as_str));
            for name in names {
                if function.signature().volatility == Volatility::Volatile {
                    registry.volatile.push(name.to_owned());
                } else if !LEFT_OUT.contains(&function.name()) && !LEFT_OUT.contains(&name) {
                    registry.scalar.insert(name.to_owned(), Arc::clone(&function));
                }
            }
        }
        let own = super::order_statistic::order_statistics().into_iter().chain([super::count::count()]);
        for function in SessionStateDefaults::default_aggregate_functions().into_iter().chain(own) {
            for name in std::iter::once(function.name()).chain(function.aliases().iter().map(String::as_str))
            {
                registry.aggregate.insert(name.to_owned(), Arc::clone(&function));
            }
        }
        for function in SessionStateDefaults::default_window_functions() {
            for name in std::iter::once(function.name()).chain(function.aliases().iter().map(String::as_str))
            {
                registry.window.insert(name.to_owned(), Arc::clone(&function));
            }
        }
        registry
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let scalar = self.scalar.keys().chain(self.aggregate.keys()).chain(self.window.keys());
        scalar.map(String::as_str)
    }
}

/// Demands that a function of this name may be called in an expression.
///
/// # Errors
/// Refused if it is volatile or reads files; invalid if it is unknown, or a table function.
pub(crate) fn check(name: &str) -> Result<()> {
    let registry = registry();
    let lower = name.to_lowercase();
    let known = registry.scalar.contains_key(&lower)
        || registry.aggregate.contains_key(&lower)
        || registry.window.contains_key(&lower);
    if known {
        return Ok(());
    }
    if registry.volatile.contains(&lower) {
        return Err(Error::refused(format!(
            "{lower}() is refused: it is volatile, and all parties must plan and compute the same"
        )));
    }
    if reads_files(&lower) {
        return Err(Error::refused(format!("reading files is refused: `{lower}`")));
    }
    if let Some(table) = table::find(&lower) {
        return Err(Error::invalid(format!("{} returns a table", table.name))
            .with_hint(format!("SELECT * FROM {}(...)", table.name)));
    }
    let near = crate::nearest::nearest(&lower, registry.names());
    let help = match near {
        Some(_) => hint(&lower, registry.names(), ""),
        None => Some("SHOW FUNCTIONS lists them".to_owned()),
    };
    Err(Error::invalid(format!("unknown function `{name}`")).with_hint(help))
}

/// Whether a name is that of a function which reads files.
pub(crate) fn reads_files(name: &str) -> bool {
    FILE_READERS.contains(&name.to_lowercase().as_str())
        || ["input_file_name", "file_row_index"].iter().any(|n| same_name(n, name))
}

/// A function as `SHOW FUNCTIONS` lists it.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Its name, or another that it has.
    pub(crate) name: String,
    /// `table`, `aggregate`, `scalar` or `window`.
    pub(crate) kind: &'static str,
    /// Where it runs.
    pub(crate) runs: String,
    /// One line of description.
    pub(crate) doc: String,
}

/// All functions for `SHOW FUNCTIONS`; sorted by kind, then by name.
pub(crate) fn listing() -> Vec<Listed> {
    let registry = registry();
    let table = |spec: &&table::Spec| Listed {
        name: spec.name.to_owned(),
        kind: "table",
        runs: "at an owner, across owners".to_owned(),
        doc: spec.doc.to_owned(),
    };
    let text = |doc: Option<&datafusion::logical_expr::Documentation>| {
        doc.map_or(String::new(), |doc| doc.description.lines().next().unwrap_or("").trim().to_owned())
    };
    let mut rows: Vec<Listed> = table::FUNCTIONS.iter().map(table).collect();
    rows.extend(registry.aggregate.iter().map(|(name, f)| Listed {
        name: name.clone(),
        kind: "aggregate",
        runs: runs::aggregate(f.name()),
        doc: text(f.documentation()),
    }));
    rows.extend(registry.scalar.iter().map(|(name, f)| {
        let own = same_name(name, super::hashed::HASHED);
        let doc = if own {
            "Equality of normalised identifiers, on both sides of `=` in a join.".to_owned()
        } else {
            text(f.documentation())
        };
        Listed { name: name.clone(), kind: "scalar", runs: runs::scalar(f.name()), doc }
    }));
    rows.extend(registry.window.iter().map(|(name, f)| Listed {
        name: name.clone(),
        kind: "window",
        runs: runs::window(),
        doc: text(f.documentation()),
    }));
    rows
}

/// The line of [`listing`] for a function of this name.
///
/// # Errors
/// As [`check`].
pub(crate) fn described(name: &str) -> Result<Listed> {
    let found = listing().into_iter().find(|listed| same_name(&listed.name, name));
    match found {
        Some(found) => Ok(found),
        None => check(name).and(Err(Error::internal("a function that is not listed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    #[test]
    fn nothing_volatile_is_known() {
        for function in registry().scalar.values() {
            assert_ne!(function.signature().volatility, Volatility::Volatile, "{}", function.name());
        }
        for name in ["random", "uuid", "read_csv", "RAND"] {
            assert_eq!(check(name).unwrap_err().class, Class::Refused, "{name}");
        }
    }

    #[test]
    fn unknown_functions_get_a_hint() {
        assert_eq!(check("averge").unwrap_err().class, Class::Invalid);
        assert_eq!(check("uper").unwrap_err().hint.as_deref(), Some("did you mean `upper`?"));
        assert!(check("lasso").unwrap_err().hint.unwrap().contains("FROM LASSO"));
        for name in ["upper", "SUM", "hashed", "stddev_pop", "now", "row_number"] {
            check(name).unwrap();
        }
    }

    #[test]
    fn the_listing_is_sorted_and_described() {
        let rows = listing();
        assert!(rows.len() > 100);
        for kind in ["table", "aggregate", "scalar", "window"] {
            let names: Vec<&String> = rows.iter().filter(|r| r.kind == kind).map(|r| &r.name).collect();
            assert!(names.is_sorted(), "{kind}");
        }
    }
}
