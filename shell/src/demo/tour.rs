//! The guided tour: what analysts do, in the order in which they find out.

/// One stop of the tour.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// What there is to see, in a sentence or two.
    pub title: &'static str,
    /// The statement.
    pub sql: &'static str,
    /// What comes of it.
    pub expectation: Expectation,
}

/// What comes of a stop of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// An answer equal to the same SQL in the clear.
    Answer,
    /// A LASSO: coefficients as a solver in the clear finds them.
    Model,
    /// Text that planning alone gives: EXPLAIN.
    Explanation,
    /// A refusal.
    Refusal,
}

const fn stop(title: &'static str, sql: &'static str, expectation: Expectation) -> Stop {
    Stop { title, sql, expectation }
}

/// The tour, in order.
pub const TOUR: &[Stop] = &[
    stop(
        "How many patients do hospital and insurer have in common? Nobody learns which.",
        "SELECT COUNT(*) AS patients\nFROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
        Expectation::Answer,
    ),
    stop(
        "The insurer's days and costs, by the hospital's column. `cohort` is a virtual table that the federation agreed on.",
        "SELECT smoking, COUNT(*) AS patients, AVG(days) AS mean_days, SUM(cost) AS cost\nFROM cohort GROUP BY smoking ORDER BY smoking",
        Expectation::Answer,
    ),
    stop(
        "A key of each owner. A cell with fewer than 10 people would not be shown, nor that it exists.",
        "SELECT sex, region, COUNT(*) AS patients, STDDEV(days) AS sd_days\nFROM cohort GROUP BY sex, region ORDER BY sex, region",
        Expectation::Answer,
    ),
    stop(
        "A filter that compares one owner's column with the other's: it is evaluated on secret shares.",
        "SELECT COUNT(*) AS patients, AVG(age) AS mean_age, AVG(exercise) AS mean_exercise\nFROM cohort WHERE days > 2 * exercise AND (kidney OR diabetes)",
        Expectation::Answer,
    ),
    stop(
        "HAVING and expressions over aggregates are computed before anything is revealed.",
        "SELECT region, COUNT(*) AS patients, SUM(cost) / SUM(days) AS cost_per_day\nFROM cohort WHERE age >= 60 GROUP BY region HAVING COUNT(*) > 20 ORDER BY region",
        Expectation::Answer,
    ),
    stop(
        "What explains the days in hospital? A LASSO over columns of both; it drops what does not matter.",
        "SELECT * FROM LASSO(cohort, target => 'days',\n  features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,kidney',\n  alpha => 0.3, standardize => true)",
        Expectation::Model,
    ),
    stop(
        "How good is it?",
        "SELECT n, n_dropped, r2, nonzero FROM LASSO_SUMMARY(cohort, target => 'days',\n  features => 'age,bmi,exercise,alcohol,systolic,heart_rate,ejection_fraction,cholesterol,sleep,kidney',\n  alpha => 0.3, standardize => true)",
        Expectation::Model,
    ),
    stop(
        "Who does what: in the clear at an owner, on shares, at the analyst.",
        "EXPLAIN SELECT region, AVG(bmi) FROM cohort WHERE age > 50 GROUP BY region",
        Expectation::Explanation,
    ),
    stop(
        "Who learns what. Every party derives this list itself and lets nothing else happen.",
        "EXPLAIN DISCLOSURE SELECT region, AVG(bmi) FROM cohort WHERE age > 50 GROUP BY region",
        Expectation::Explanation,
    ),
    stop(
        "Rows do not leave.",
        "SELECT h.age, c.days FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)",
        Expectation::Refusal,
    ),
];
