//! Every aggregate in every place: what runs, and is then equal to the same query in the clear, and what is refused.
//!
//! The snapshot is the list of gaps: `=` runs; a letter stands for a refusal of the list below it, with its class.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;

/// Where rows come from: a name, the FROM clause.
const SOURCES: [(&str, &str); 4] = [
    ("one owner", "hospital.lifestyle h"),
    (
        "two owners",
        "hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
    ),
    (
        "several rows",
        "hospital.lifestyle h JOIN insurer.visits c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
    ),
    (
        "stacked",
        "(SELECT patient_id, age, exercise, bmi, weight, smoker, sex, town, admitted FROM hospital.lifestyle UNION ALL \
         SELECT patient_id, age, exercise, bmi, weight, smoker, sex, town, admitted FROM clinic.lifestyle) h",
    ),
];

/// A name, the keys, the GROUP BY clause.
const GROUPS: [(&str, &str, &str); 4] = [
    ("all", "", ""),
    ("closed", "h.sex, ", " GROUP BY h.sex"),
    ("open", "h.town, ", " GROUP BY h.town"),
    ("sets", "h.sex, h.smoker, ", " GROUP BY CUBE(h.sex, h.smoker)"),
];

/// Aggregates with a place for DISTINCT; a column that may be NULL, and one that may not, where both differ.
const AGGREGATES: [&str; 25] = [
    "COUNT(*)",
    "COUNT({}h.age)",
    "COUNT({}h.exercise)",
    "COUNT({}h.patient_id)",
    "COUNT({}h.town)",
    "SUM({}h.age)",
    "SUM({}h.exercise)",
    "SUM({}h.weight)",
    "AVG({}h.age)",
    "AVG({}h.bmi)",
    "AVG({}h.exercise)",
    "MIN({}h.age)",
    "MAX({}h.weight)",
    "MAX({}h.admitted)",
    "MIN({}h.sex)",
    "MIN({}h.town)",
    "VAR_SAMP({}h.age)",
    "VAR_POP({}h.exercise)",
    "STDDEV({}h.bmi)",
    "COVAR_SAMP({}h.age, h.bmi)",
    "CORR({}h.age, h.exercise)",
    "MEDIAN({}h.age)",
    "PERCENTILE_CONT({}0.3) WITHIN GROUP (ORDER BY h.weight)",
    "PERCENTILE_DISC({}0.8) WITHIN GROUP (ORDER BY h.age)",
    "BOOL_AND({}h.smoker)",
];

/// A name, the text before the argument, the text after the aggregate.
const FORMS: [(&str, &str, &str); 4] = [
    ("", "", ""),
    (" FILTER", "", " FILTER (WHERE h.age > 50)"),
    (" DISTINCT", "DISTINCT ", ""),
    (" DISTINCT FILTER", "DISTINCT ", " FILTER (WHERE h.age > 50)"),
];

/// The most columns of a query.
const WIDTH: usize = 16;

/// The refusals so far, each with its number.
#[derive(Default)]
struct Refusals(BTreeMap<String, u8>);

impl Refusals {
    fn letter(&mut self, error: &crate::Error, aggregate: &str) -> char {
        // What is said of every aggregate alike is one refusal.
        let name = aggregate.split('(').next().unwrap_or_default().to_lowercase();
        let parts: Vec<&str> = error.message.split('`').step_by(2).collect();
        let shape = parts.join("..").to_lowercase().replace(&name, "...");
        let next = u8::try_from(self.0.len()).unwrap();
        char::from(b'a' + *self.0.entry(format!("{}: {shape}", error.class.name())).or_insert(next))
    }

    fn list(self) -> String {
        let mut all: Vec<(u8, String)> = self.0.into_iter().map(|(text, number)| (number, text)).collect();
        all.sort_unstable();
        let mut list = String::new();
        for (number, text) in all {
            writeln!(list, "{}  {text}", char::from(b'a' + number)).unwrap();
        }
        list
    }
}

/// All aggregates over one source for one kind of groups: the grid's cells, and the queries that run.
fn cells(
    federation: &Federation,
    from: &str,
    (keys, by): (&str, &str),
    refusals: &mut Refusals,
) -> (Vec<char>, Vec<String>) {
    let (mut cells, mut runs) = (Vec::new(), Vec::new());
    let query = |columns: &[String]| {
        let names = columns.iter().enumerate().map(|(index, column)| format!("{column} AS c{index}"));
        format!("SELECT {keys}{} FROM {from}{by}", names.collect::<Vec<_>>().join(", "))
    };
    let plan = |columns: &[String]| crate::plan(federation, &Session::default(), &query(columns)).map(|_| ());
    for template in AGGREGATES {
        // What runs together runs alone.
        for forms in FORMS.chunks(2) {
            let of = |(_, distinct, filter): &(&str, &str, &str)| {
                format!("{}{filter}", template.replace("{}", distinct))
            };
            let columns: Vec<String> = forms.iter().map(of).collect();
            if !template.contains("{}") && !forms[0].1.is_empty() {
                cells.extend([' ', ' ']);
            } else if plan(&columns).is_ok() {
                cells.extend(['=', '=']);
                runs.extend(columns);
            } else {
                for column in columns {
                    cells.push(match plan(std::slice::from_ref(&column)) {
                        Ok(()) => '=',
                        Err(error) => refusals.letter(&error, template),
                    });
                    runs.extend((cells.last() == Some(&'=')).then_some(column));
                }
            }
        }
    }
    (cells, runs.chunks(WIDTH).map(query).collect())
}

#[test]
fn aggregates_in_all_places() {
    let (federation, data) = heart();
    let mut refusals = Refusals::default();
    let mut columns: Vec<Vec<char>> = Vec::new();
    for (_, from) in SOURCES {
        for (_, keys, by) in GROUPS {
            let (cells, queries) = cells(&federation, from, (keys, by), &mut refusals);
            columns.push(cells);
            for sql in queries {
                check(&federation, &data, &sql);
            }
        }
    }
    insta::assert_snapshot!(table(&columns) + "\n" + &refusals.list());
}

/// One line for each aggregate and form, one column for each source and kind of groups.
fn table(columns: &[Vec<char>]) -> String {
    let mut text = String::new();
    let groups = GROUPS.map(|(name, _, _)| name).join(" ");
    writeln!(text, "{}: {groups}", SOURCES.map(|(name, _)| name).join(", ")).unwrap();
    let names = AGGREGATES.iter().flat_map(|template| FORMS.map(|form| (template, form)));
    for (row, (template, (name, distinct, _))) in names.enumerate() {
        let cells: Vec<char> = columns.iter().map(|column| column[row]).collect();
        if cells.contains(&' ') {
            continue;
        }
        let cells: Vec<String> = cells.chunks(GROUPS.len()).map(|of| of.iter().collect()).collect();
        let filter = if name.contains("FILTER") { " FILTER" } else { "" };
        writeln!(text, "{:<75} {}", template.replace("{}", distinct) + filter, cells.join("  ")).unwrap();
    }
    text
}
