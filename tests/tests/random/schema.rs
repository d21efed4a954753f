//! Random tables, policies and data of three owners: `hospital.t` and `clinic.t` of one shape, `insurer.u` of another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Truth,
    Small,
    Level,
    Wide,
    Money,
    Stepped,
    Word,
    Day,
    OpenText,
}

/// A column other than the identifier.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) kind: Kind,
    pub(super) nullable: bool,
}

/// A table: rows as an identifier and a number for each column, from which its value follows.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    many: bool,
    rows: Vec<(Option<u8>, Vec<u16>)>,
}

/// The tables of all owners.
#[derive(Clone, Debug)]
pub(super) struct Federation {
    /// `hospital.t`.
    pub(super) left: Table,
    /// `insurer.u`.
    pub(super) right: Table,
    /// `clinic.t`, with the columns of `hospital.t`.
    other: Vec<(Option<u8>, Vec<u16>)>,
}

impl Kind {
    const ALL: [Kind; 9] = [
        Kind::Truth,
        Kind::Small,
        Kind::Level,
        Kind::Wide,
        Kind::Money,
        Kind::Stepped,
        Kind::Word,
        Kind::Day,
        Kind::OpenText,
    ];

    fn policy(self) -> &'static str {
        match self {
            Kind::Truth => r#"type = "BOOLEAN""#,
            Kind::Small => r#"type = "SMALLINT", bounds = [-5, 20]"#,
            Kind::Level => r#"type = "INTEGER", values = [1, 2, 3, 5]"#,
            Kind::Wide => r#"type = "BIGINT", bounds = [0, 1000000]"#,
            Kind::Money => r#"type = "DECIMAL(8,2)", bounds = [-100, 100]"#,
            Kind::Stepped => r#"type = "DOUBLE", bounds = [0, 10], step = 0.25"#,
            Kind::Word => r#"type = "TEXT", values = ["red", "green", "blue"]"#,
            Kind::Day => r#"type = "DATE", bounds = ["2020-01-01", "2020-12-31"]"#,
            Kind::OpenText => r#"type = "TEXT", max_bytes = 8"#,
        }
    }

    pub(super) fn is_closed(self) -> bool {
        matches!(self, Kind::Truth | Kind::Level | Kind::Word)
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Kind::Small | Kind::Level | Kind::Wide | Kind::Money | Kind::Stepped)
    }

    /// The value that a number stands for, as CSV has it; extremes are frequent.
    pub(super) fn value(self, gene: u16) -> String {
        let between = |lo: i64, hi: i64| match gene % 8 {
            0 => lo,
            1 => hi,
            _ => lo + i64::from(gene / 8) % (hi - lo + 1),
        };
        match self {
            Kind::Truth => gene.is_multiple_of(2).to_string(),
            Kind::Small => between(-5, 20).to_string(),
            Kind::Level => [1, 2, 3, 5][usize::from(gene) % 4].to_string(),
            Kind::Wide => if gene % 8 < 2 { between(0, 1_000_000) } else { i64::from(gene) * 13 }.to_string(),
            Kind::Money => {
                let cents = between(-10_000, 10_000);
                format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
            }
            Kind::Stepped => {
                let quarters = between(0, 40);
                format!("{}.{:02}", quarters / 4, quarters % 4 * 25)
            }
            Kind::Word => ["red", "green", "blue"][usize::from(gene) % 3].to_owned(),
            Kind::Day => format!("2020-{:02}-{:02}", 1 + gene % 12, 1 + gene / 12 % 28),
            Kind::OpenText => ["a", "b", "abc", "Zed", "öl", "12345678"][usize::from(gene) % 6].to_owned(),
        }
    }

    /// A value as a literal in SQL.
    pub(super) fn literal(self, gene: u16) -> String {
        let value = self.value(gene);
        match self {
            Kind::Truth | Kind::Small | Kind::Level | Kind::Wide | Kind::Money | Kind::Stepped => value,
            Kind::Word | Kind::OpenText => format!("'{value}'"),
            Kind::Day => format!("DATE '{value}'"),
        }
    }
}

fn rows() -> impl Strategy<Value = Vec<(Option<u8>, Vec<u16>)>> {
    let identifier = prop_oneof![1 => Just(None), 12 => (0u8..24).prop_map(Some)];
    vec((identifier, vec(any::<u16>(), 4)), 0..40)
}

fn column() -> impl Strategy<Value = Column> {
    (0..Kind::ALL.len(), any::<bool>())
        .prop_map(|(kind, nullable)| Column { kind: Kind::ALL[kind], nullable })
}

fn table() -> impl Strategy<Value = Table> {
    (vec(column(), 1..5), any::<bool>(), rows()).prop_map(|(columns, many, rows)| Table {
        columns,
        many,
        rows,
    })
}

pub(super) fn federation() -> impl Strategy<Value = Federation> {
    (table(), table(), rows()).prop_map(|(left, right, other)| Federation { left, right, other })
}

impl Table {
    fn max_rows_per_person(&self) -> usize {
        if self.many { 3 } else { 1 }
    }

    fn policy(&self, name: &str, prefix: &str, min_people: u32) -> String {
        let mut text = format!(
            "version = 1\n[release]\nmin_people = {min_people}\n[table.{name}]\nperson = \"id\"\nmax_rows = 45\n\
             max_rows_per_person = {}\n[table.{name}.column]\nid = {{ type = \"TEXT\", allow = [\"join\"] }}\n",
            self.max_rows_per_person()
        );
        for (index, column) in self.columns.iter().enumerate() {
            let numeric = if column.kind.is_number() { r#", "quantile", "model""# } else { "" };
            let (policy, nullable) = (column.kind.policy(), column.nullable);
            writeln!(
                text,
                r#"{prefix}{index} = {{ {policy}, nullable = {nullable}, allow = ["filter", "group", "aggregate", "minmax", "join"{numeric}] }}"#
            )
            .expect("a text");
        }
        text
    }

    fn csv(&self, rows: &[(Option<u8>, Vec<u16>)], prefix: &str) -> String {
        let names: Vec<String> = (0..self.columns.len()).map(|index| format!("{prefix}{index}")).collect();
        let mut text = format!("id,{}\n", names.join(","));
        let mut seen: BTreeMap<u8, usize> = BTreeMap::new();
        for (person, genes) in rows {
            if let Some(person) = person {
                let count = seen.entry(*person).or_default();
                if *count == self.max_rows_per_person() {
                    continue;
                }
                *count += 1;
            }
            let mut fields = vec![person.map(|person| format!("p{person}")).unwrap_or_default()];
            for (column, gene) in self.columns.iter().zip(genes) {
                let missing = column.nullable && gene % 5 == 0;
                fields.push(if missing { String::new() } else { column.kind.value(gene / 5) });
            }
            text.push_str(&fields.join(","));
            text.push('\n');
        }
        text
    }
}

impl Federation {
    /// Writes the federation's files into a folder.
    pub(super) fn write(&self, min_people: u32) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let agreed = "version = 1\nname = \"random\"\n[[party]]\nname = \"hospital\"\nseat = 0\n[[party]]\nname = \"insurer\"\nseat = 1\n\
                      [[party]]\nname = \"helper\"\nseat = 2\n[[party]]\nname = \"clinic\"\n";
        fs::write(folder.path().join("federation.toml"), agreed).expect("a file");
        let owners = [
            ("hospital", "t", "a", &self.left, &self.left.rows),
            ("insurer", "u", "b", &self.right, &self.right.rows),
            ("clinic", "t", "a", &self.left, &self.other),
        ];
        for (party, name, prefix, table, rows) in owners {
            let party = folder.path().join("parties").join(party);
            fs::create_dir_all(party.join("data")).expect("a folder");
            fs::write(party.join("policy.toml"), table.policy(name, prefix, min_people)).expect("a file");
            fs::write(party.join(format!("data/{name}.csv")), table.csv(rows, prefix)).expect("a file");
        }
        folder
    }
}
