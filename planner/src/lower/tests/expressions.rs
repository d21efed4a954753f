//! Random expressions, against the engine.

use super::*;

/// A generator of numbers for random queries.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    /// An exact number over both owners' columns.
    fn number(&mut self, depth: usize) -> String {
        if depth == 0 || self.roll(4) == 0 {
            return self
                .pick(&["age", "exercise", "days", "weight", "cost", "3", "-7", "NULLIF(age, age)", "20"])
                .to_owned();
        }
        let (a, b) = (self.number(depth - 1), self.number(depth - 1));
        match self.roll(9) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} - {b})"),
            2 => format!("({a} * {b})"),
            3 => format!("({a} / {b})"),
            4 => format!("({a} % {b})"),
            5 => format!("CASE WHEN {} THEN {a} ELSE {b} END", self.truth(depth - 1)),
            6 => format!("COALESCE({a}, {b})"),
            7 => format!("NULLIF({a}, {b})"),
            _ => format!("abs({a})"),
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .pick(&[
                    "smoker",
                    "chronic",
                    "sex = 'f'",
                    "region IN ('north', 'east')",
                    "age > 50",
                    "days IS NULL",
                ])
                .to_owned();
        }
        match self.roll(7) {
            0 => format!("({} AND {})", self.truth(depth - 1), self.truth(depth - 1)),
            1 => format!("({} OR {})", self.truth(depth - 1), self.truth(depth - 1)),
            2 => format!("(NOT {})", self.truth(depth - 1)),
            3 => format!("({} IS NULL)", self.truth(depth - 1)),
            4 => format!("({} BETWEEN {} AND {})", self.number(1), self.number(1), self.number(1)),
            _ => {
                let op = self.pick(&["<", "<=", "=", "<>", ">", ">="]);
                format!("({} {op} {})", self.number(depth - 1), self.number(depth - 1))
            }
        }
    }
}

/// Random expressions over two owners' columns mean what they mean in the clear, or are refused.
#[test]
fn random_expressions_mean_the_same() {
    let seed = option_env!("CONJOIN_TEST_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(20_261_120);
    println!("CONJOIN_TEST_SEED={seed}");
    let (federation, data) = heart_for_all_uses();
    let mut dice = Dice(seed);
    let mut answered = 0;
    let mut other = BTreeMap::new();
    for _ in 0..120 {
        let (a, b) = (dice.number(2), dice.truth(2));
        let sql = match dice.roll(3) {
            0 => format!("SELECT SUM({a}), COUNT({a}), COUNT(*) FROM cohort WHERE {b}"),
            1 => format!("SELECT SUM({a}) FILTER (WHERE {b}), AVG({a}) FROM cohort"),
            _ => format!("SELECT {b} AS k, COUNT(*), SUM({a}) FROM cohort GROUP BY {b}"),
        };
        match secure(&federation, &data, &sql) {
            Ok(result) => {
                answered += 1;
                same(&sql, &result, &clear(&federation, &data, &sql), false);
            }
            Err(error) => {
                assert!(matches!(error.class, Class::Invalid | Class::Refused), "{sql}: {error}");
                *other.entry(error.message.chars().take(40).collect::<String>()).or_insert(0) += 1;
            }
        }
    }
    assert!(answered > 60, "only {answered} were answered: {other:?}");
}

/// The heart federation where every use of every column is allowed.
fn heart_for_all_uses() -> (Federation, Data) {
    let (mut federation, data) = heart();
    for column in
        federation.parties.iter_mut().flat_map(|party| &mut party.tables).flat_map(|table| &mut table.columns)
    {
        column.allow.insert(Use::Public);
    }
    (federation, data)
}
