//! What the Tab key offers: keywords, tables, columns, functions and the names of their arguments.

use arrow::array::AsArray;
use executor::analyst::Connection;
use planner::Planned;

use super::command;

/// Words of SQL that analysts type.
const KEYWORDS: [&str; 58] = [
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DESC",
    "DESCRIBE",
    "DISCLOSURE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXCEPT",
    "EXECUTE",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FILTER",
    "FROM",
    "FULL",
    "FUNCTION",
    "FUNCTIONS",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INTERSECT",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "PREPARE",
    "REPLACE",
    "RIGHT",
    "SELECT",
    "SET",
    "SHOW",
    "TABLE",
    "TABLES",
    "THEN",
    "TRUE",
    "UNION",
    "USING",
    "VIRTUAL",
    "WHEN",
];
/// More words of SQL.
const MORE_KEYWORDS: [&str; 4] = ["WHERE", "WITH", "VIEW", "ANALYZE"];

/// All that can be offered at the moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// `party.table`, virtual tables, parties.
    tables: Vec<String>,
    /// A table and its column.
    columns: Vec<(String, String)>,
    /// A function, and the names of its arguments.
    functions: Vec<(String, Vec<String>)>,
}

impl Words {
    /// What the session knows. What cannot be planned is left out: completion is a comfort.
    pub(super) fn of(connection: &Connection) -> Self {
        let mut words = Words::default();
        for row in text_rows(connection, "SHOW TABLES") {
            let Some(table) = row.first() else { continue };
            for column in text_rows(connection, &format!("DESCRIBE {table}")) {
                words.columns.extend(column.first().map(|column| (table.clone(), column.clone())));
            }
            words.tables.push(table.clone());
        }
        for row in text_rows(connection, "SHOW FUNCTIONS") {
            let [name, kind, ..] = row.as_slice() else { continue };
            let mut arguments = Vec::new();
            if kind == "table" {
                let described = text_rows(connection, &format!("DESCRIBE FUNCTION {name}"));
                let named =
                    described.into_iter().filter(|row| row.first().is_some_and(|part| part == "argument"));
                arguments.extend(named.filter_map(|row| row.into_iter().nth(1)));
            }
            words.functions.push((name.clone(), arguments));
        }
        words
    }

    /// Where the word at `position` begins, and what it may become, in order.
    pub(super) fn complete(&self, text: &str, position: usize) -> (usize, Vec<String>) {
        let before = text.get(..position).unwrap_or(text);
        if let Some(name) = before.strip_prefix('\\').filter(|name| !name.contains(char::is_whitespace)) {
            let commands = command::NAMES.iter().filter(|command| command.starts_with(name));
            return (0, commands.map(|command| format!("\\{command}")).collect());
        }
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let start = before
            .rfind(|c| !inside(c))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let word = before.get(start..).unwrap_or_default();
        let mut found = self.arguments(before.get(..start).unwrap_or_default(), word);
        if let Some((qualifier, rest)) = word.rsplit_once('.') {
            found.extend(self.qualified(text, qualifier, rest));
        } else if !word.is_empty() {
            found.extend(self.unqualified(text, word));
        }
        let mut seen = Vec::new();
        found.retain(|word| {
            let new = !seen.contains(word);
            seen.push(word.clone());
            new
        });
        (start, found)
    }

    /// `alpha => ` inside the parentheses of a table function.
    fn arguments(&self, before: &str, word: &str) -> Vec<String> {
        let Some(function) = open_function(before) else { return Vec::new() };
        let found = self.functions.iter().find(|(name, _)| same(name, function));
        let arguments = found.map(|(_, arguments)| arguments.as_slice()).unwrap_or_default();
        let begins = |name: &&String| starts(name, word) && before.trim_end().ends_with(['(', ',', ')']);
        arguments.iter().filter(begins).map(|name| format!("{name} => ")).collect()
    }

    /// Tables of a party, or columns of a table or of its alias.
    fn qualified(&self, text: &str, qualifier: &str, rest: &str) -> Vec<String> {
        let full = format!("{qualifier}.{rest}");
        let mut found: Vec<String> =
            self.tables.iter().filter(|table| starts(table, &full)).cloned().collect();
        let table = alias_of(text, qualifier).unwrap_or(qualifier);
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
        let of_table =
            |(owner, _): &&(String, String)| same(owner, table) || last(owner) == table.to_lowercase();
        let columns = self.columns.iter().filter(of_table).filter(|(_, column)| starts(column, rest));
        found.extend(columns.map(|(_, column)| format!("{qualifier}.{}", quoted(column))));
        found
    }

    /// Columns of the tables of the statement first, then tables, functions, keywords.
    fn unqualified(&self, text: &str, word: &str) -> Vec<String> {
        let lower = text.to_lowercase();
        let named = |table: &str| lower.contains(&table.to_lowercase());
        let any = self.tables.iter().any(|table| named(table));
        let columns = self.columns.iter().filter(|(table, _)| !any || named(table));
        let mut found: Vec<String> =
            columns.filter(|(_, column)| starts(column, word)).map(|(_, column)| quoted(column)).collect();
        found.sort_unstable();
        let parties = self.tables.iter().filter_map(|table| Some(format!("{}.", table.split_once('.')?.0)));
        found.extend(self.tables.iter().cloned().chain(parties).filter(|table| starts(table, word)));
        let lower_case = word.chars().all(|c| !c.is_uppercase());
        let spelled = |name: &str| if lower_case { name.to_lowercase() } else { name.to_uppercase() };
        let functions = self.functions.iter().filter(|(name, _)| starts(name, word));
        found.extend(functions.map(|(name, _)| format!("{}(", spelled(name))));
        let keywords = KEYWORDS.iter().chain(&MORE_KEYWORDS).filter(|keyword| starts(keyword, word));
        found.extend(keywords.map(|keyword| spelled(keyword)));
        found
    }
}

/// Whether a word is one of SQL's.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().chain(&MORE_KEYWORDS).any(|keyword| same(keyword, word))
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn starts(name: &str, word: &str) -> bool {
    name.to_lowercase().starts_with(&word.to_lowercase())
}

fn quoted(column: &str) -> String {
    let plain = column.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain { column.to_owned() } else { format!("\"{column}\"") }
}

/// The function whose parentheses are open at the end of a text.
fn open_function(before: &str) -> Option<&str> {
    let mut depth = 0;
    for (at, c) in before.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' if depth > 0 => depth -= 1,
            '(' => {
                let head = before.get(..at)?.trim_end();
                let start = head.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
                let name = head.get(start..)?;
                // Parentheses of their own: look further out.
                if !name.is_empty() {
                    return Some(name);
                }
            }
            _ => {}
        }
    }
    None
}

/// The table that an alias stands for: the word before it, or before `AS`.
fn alias_of<'t>(text: &'t str, alias: &str) -> Option<&'t str> {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || "(),;=".contains(c)).filter(|w| !w.is_empty()).collect();
    let at = (1..words.len()).find(|at| {
        same(words[*at], alias) && !is_keyword(words[*at - 1])
            || at.checked_sub(2).is_some_and(|before| {
                same(words[*at], alias) && same(words[*at - 1], "as") && !is_keyword(words[before])
            })
    })?;
    let before = if same(words[at - 1], "as") { at.checked_sub(2)? } else { at - 1 };
    words.get(before).copied()
}

/// The columns of text of a statement that planning alone answers; nothing if it cannot be planned.
fn text_rows(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let Ok(query) = connection.prepare(sql) else { return Vec::new() };
    let Planned::Rows(batch) = query.planned() else { return Vec::new() };
    let columns: Vec<_> = batch.columns().iter().filter_map(|column| column.as_string_opt::<i32>()).collect();
    (0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| column.iter().nth(row).flatten().unwrap_or_default().to_owned())
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let column = |table: &str, column: &str| (table.to_owned(), column.to_owned());
        Words {
            tables: ["hospital.lifestyle", "insurer.claims", "cohort"].map(str::to_owned).to_vec(),
            columns: vec![
                column("hospital.lifestyle", "age"),
                column("hospital.lifestyle", "alcohol"),
                column("insurer.claims", "amount paid"),
                column("cohort", "age"),
            ],
            functions: vec![
                ("LASSO".to_owned(), ["target", "features", "alpha"].map(str::to_owned).to_vec()),
                ("avg".to_owned(), Vec::new()),
            ],
        }
    }

    fn at_end(text: &str) -> Vec<String> {
        words().complete(text, text.len()).1
    }

    #[test]
    fn names_are_completed_where_they_may_stand() {
        assert_eq!(at_end("SELECT * FROM hosp"), ["hospital.lifestyle", "hospital."]);
        assert_eq!(at_end("SELECT * FROM hospital.l"), ["hospital.lifestyle"]);
        assert_eq!(at_end("sel"), ["select"]);
        assert_eq!(at_end("SELECT AV"), ["AVG("]);
        assert_eq!(at_end("SELECT COUNT(*) FROM hospital.lifestyle h WHERE h.a"), ["h.age", "h.alcohol"]);
        assert_eq!(at_end("SELECT COUNT(*) FROM insurer.claims AS c WHERE c.am"), ["c.\"amount paid\""]);
        assert_eq!(at_end("SELECT COUNT(*) FROM insurer.claims WHERE am"), ["\"amount paid\""]);
        assert_eq!(at_end("SELECT COUNT(*) FROM cohort WHERE "), Vec::<String>::new());
        assert_eq!(at_end("\\ti"), ["\\timing"]);
    }

    #[test]
    fn named_arguments_are_those_of_the_open_function() {
        assert_eq!(at_end("SELECT * FROM LASSO(cohort, al")[0], "alpha => ");
        assert_eq!(at_end("SELECT * FROM lasso(cohort, "), ["target => ", "features => ", "alpha => "]);
        assert_eq!(at_end("SELECT * FROM LASSO((SELECT age FROM cohort), t")[0], "target => ");
        assert!(!at_end("SELECT avg(al").contains(&"alpha => ".to_owned()));
    }

    #[test]
    fn the_word_under_the_cursor_is_replaced() {
        let text = "SELECT ag FROM cohort";
        assert_eq!(words().complete(text, 9), (7, vec!["age".to_owned()]));
    }
}
