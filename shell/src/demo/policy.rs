//! The texts of the demo's files.

/// `federation.toml`.
pub(super) const FEDERATION: &str = r#"# What all parties of this federation agree on. Each of them has the same copy of this file.
version = 1
name = "heart-failure"

# Three parties have a seat and compute; the helper has no data.
[[party]]
name = "hospital"
seat = 0

[[party]]
name = "insurer"
seat = 1

[[party]]
name = "helper"
seat = 2

# A virtual table that everyone can query: patients that both have, with columns of both.
[[view]]
name = "cohort"
sql = """
SELECT h.age, h.sex, h.bmi, h.smoking, h.exercise, h.alcohol, h.systolic, h.heart_rate, h.ejection_fraction,
       h.cholesterol, h.sleep, h.diabetes, c.days, c.gp_visits, c.cost, c.region, c.kidney, c.copd,
       c.months, c.died
FROM hospital.lifestyle h JOIN insurer.claims c ON HASHED(h.patient_id) = HASHED(c.patient_id)
"""
"#;

/// A public bound that does not give away the exact number of rows.
fn bound(rows: usize) -> usize {
    (rows + rows / 20).next_multiple_of(100).max(100)
}

/// The hospital's `policy.toml`.
pub(super) fn hospital(rows: usize) -> String {
    let text = r#"# What the hospital's table looks like and what may be done with it. Public; the data is not.
version = 1

[release]
min_people = 10               # distinct persons behind every released number
recipients = ["*"]

[table.lifestyle]
person = "patient_id"
max_rows = MAX_ROWS

[table.lifestyle.column]
patient_id = { type = "TEXT", allow = ["join"], label = "Patient" }
age = { type = "INTEGER", bounds = [18, 100], allow = ["filter", "aggregate", "model"], unit = "years", label = "Age" }
sex = { type = "TEXT", values = ["f", "m"], allow = ["filter", "group", "model"], label = "Sex" }
bmi = { type = "DOUBLE", bounds = [10, 60], step = 0.1, allow = ["filter", "aggregate", "model"], unit = "kg/m2", label = "Body mass index" }
smoking = { type = "TEXT", values = ["never", "former", "current"], allow = ["filter", "group", "model"], label = "Smoking" }
exercise = { type = "DOUBLE", bounds = [0, 20], step = 0.5, allow = ["filter", "aggregate", "model"], unit = "hours a week", label = "Exercise" }
alcohol = { type = "SMALLINT", bounds = [0, 60], allow = ["filter", "aggregate", "model"], unit = "units a week", label = "Alcohol" }
systolic = { type = "INTEGER", bounds = [80, 220], nullable = false, allow = ["filter", "aggregate", "model"], unit = "mmHg", label = "Systolic pressure" }
heart_rate = { type = "INTEGER", bounds = [30, 200], nullable = false, allow = ["filter", "aggregate", "model"], unit = "beats a minute", label = "Heart rate" }
ejection_fraction = { type = "SMALLINT", bounds = [10, 80], nullable = false, allow = ["filter", "aggregate", "model"], unit = "%", label = "Ejection fraction" }
cholesterol = { type = "DOUBLE", bounds = [2, 12], step = 0.1, allow = ["filter", "aggregate", "model"], unit = "mmol/l", label = "Cholesterol" }
sleep = { type = "DOUBLE", bounds = [3, 12], step = 0.5, allow = ["filter", "aggregate", "model"], unit = "hours a night", label = "Sleep" }
diabetes = { type = "BOOLEAN", nullable = false, allow = ["filter", "group", "model"], label = "Diabetes" }
"#;
    text.replace("MAX_ROWS", &bound(rows).to_string())
}

/// The insurer's `policy.toml`.
pub(super) fn insurer(rows: usize) -> String {
    let text = r#"# What the insurer's table looks like and what may be done with it. Public; the data is not.
version = 1

[release]
min_people = 10               # distinct persons behind every released number
recipients = ["*"]

[table.claims]
person = "patient_id"
max_rows = MAX_ROWS

[table.claims.column]
patient_id = { type = "TEXT", allow = ["join"], label = "Patient" }
days = { type = "BIGINT", bounds = [0, 366], nullable = false, allow = ["filter", "aggregate", "model"], unit = "days", label = "Hospital days" }
gp_visits = { type = "INTEGER", bounds = [0, 100], allow = ["filter", "aggregate", "model"], unit = "visits", label = "GP visits" }
cost = { type = "DECIMAL(10,2)", bounds = [0, 250000], allow = ["aggregate", "model"], unit = "EUR", label = "Cost of care" }
region = { type = "TEXT", values = ["north", "south", "east", "west"], allow = ["filter", "group", "model"], label = "Region" }
kidney = { type = "BOOLEAN", nullable = false, allow = ["filter", "group", "model"], label = "Chronic kidney disease" }
copd = { type = "BOOLEAN", allow = ["filter", "group", "model"], label = "COPD" }
since = { type = "DATE", bounds = ["2010-01-01", "2026-12-31"], allow = ["filter"], label = "Insured since" }
months = { type = "INTEGER", bounds = [1, 60], allow = ["survival", "aggregate", "quantile"], unit = "months", label = "Follow-up" }
died = { type = "BOOLEAN", nullable = false, allow = ["survival", "aggregate"], label = "Died" }
"#;
    text.replace("MAX_ROWS", &bound(rows).to_string())
}
