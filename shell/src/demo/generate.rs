//! The patients of the demo: drawn once, seen by the hospital and the insurer from two sides.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array,
    StringArray,
};
use arrow::record_batch::RecordBatch;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

/// 2010-01-01 and 2026-06-30, in days since 1970.
const INSURED_SINCE: std::ops::RangeInclusive<i32> = 14_610..=20_634;

/// One patient, before the owners' gaps.
#[expect(clippy::struct_excessive_bools, reason = "a record with many yes-or-no columns")]
pub(super) struct Patient {
    number: usize,
    age: i32,
    female: bool,
    bmi: f64,
    smoking: usize,
    exercise: f64,
    alcohol: i16,
    systolic: i32,
    heart_rate: i32,
    ejection_fraction: i16,
    cholesterol: f64,
    sleep: f64,
    diabetes: bool,
    kidney: bool,
    copd: bool,
    days: i64,
    gp_visits: i32,
    cost_cents: i128,
    region: usize,
    since: i32,
    months: i32,
    died: bool,
    /// What this patient's record lacks: one bit a column.
    gaps: u16,
    at_hospital: bool,
    at_insurer: bool,
}

/// Draws so many patients that each owner has `rows`, four fifths of them in common.
pub(super) fn patients(rows: usize, seed: u64) -> Vec<Patient> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let only = rows / 5;
    let mut all: Vec<Patient> =
        (0..rows + only).map(|i| patient(&mut rng, 100_000 + i * 7, i < rows, i >= only)).collect();
    // Neither owner's order says who is a patient of both.
    for i in (1..all.len()).rev() {
        all.swap(i, rng.random_range(0..=i));
    }
    all
}

/// A bell-shaped number: the sum of four uniform ones, scaled to this mean and standard deviation.
fn bell(rng: &mut ChaCha20Rng, mean: f64, deviation: f64) -> f64 {
    let sum: f64 = (0..4).map(|_| rng.random_range(0.0..1.0)).sum();
    mean + deviation * (sum - 2.0) * 3f64.sqrt()
}

/// To the nearest multiple of `step`, written as the nearest double of its decimal form.
fn rounded(x: f64, step: f64, low: f64, high: f64) -> f64 {
    ((x / step).round() / (1.0 / step)).clamp(low, high)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range of the declared bounds")]
fn whole(x: f64, low: i32, high: i32) -> i32 {
    x.round().clamp(f64::from(low), f64::from(high)) as i32
}

fn patient(rng: &mut ChaCha20Rng, number: usize, at_hospital: bool, at_insurer: bool) -> Patient {
    let age = whole(bell(rng, 68.0, 11.0), 18, 100);
    let exercise = rounded(bell(rng, 5.0, 3.0), 0.5, 0.0, 20.0);
    let bmi = rounded(bell(rng, 29.0 - 0.3 * exercise, 4.0), 0.1, 10.0, 60.0);
    let ejection_fraction = whole(bell(rng, 42.0, 9.0), 10, 80);
    let smoking = [0, 0, 0, 1, 1, 2][rng.random_range(0..6)];
    let systolic = whole(bell(rng, 118.0 + 0.25 * f64::from(age), 14.0), 80, 220);
    let diabetes = rng.random_bool(if bmi > 30.0 { 0.4 } else { 0.2 });
    let kidney = rng.random_bool(0.18);
    let copd = rng.random_bool(if smoking == 2 { 0.35 } else { 0.1 });
    // What LASSO is to find: days depend on these, and on nothing else that the hospital knows.
    let expected =
        14.0 + 0.22 * f64::from(age - 68) - 1.1 * (exercise - 5.0) - 0.4 * f64::from(ejection_fraction - 42)
            + if smoking == 2 { 4.0 } else { 0.0 }
            + if kidney { 5.0 } else { 0.0 };
    let days = whole(bell(rng, expected, 5.0), 0, 366);
    let gp_visits = whole(bell(rng, 5.0 + 0.2 * f64::from(days), 2.5), 0, 100);
    let (months, died) = followed(number, age, ejection_fraction, smoking == 2);
    let cost = bell(rng, 900.0 + 410.0 * f64::from(days) + 60.0 * f64::from(gp_visits), 600.0);
    Patient {
        number,
        age,
        female: rng.random_bool(0.46),
        bmi,
        smoking,
        exercise,
        alcohol: rng.random_range(0..25),
        systolic,
        heart_rate: whole(bell(rng, 74.0, 10.0), 35, 180),
        ejection_fraction: i16::try_from(ejection_fraction).unwrap_or(0),
        cholesterol: rounded(bell(rng, 5.1, 1.0), 0.1, 2.0, 12.0),
        sleep: rounded(bell(rng, 7.0, 1.0), 0.5, 3.0, 12.0),
        diabetes,
        kidney,
        copd,
        days: i64::from(days),
        gp_visits,
        cost_cents: i128::from(whole(cost * 100.0, 0, 25_000_000)),
        region: [0, 0, 1, 1, 2, 3][rng.random_range(0..6)],
        since: rng.random_range(INSURED_SINCE),
        months,
        died,
        gaps: (0..16).map(|bit| u16::from(rng.random_bool(0.015)) << bit).sum(),
        at_hospital,
        at_insurer,
    }
}

/// For how many months a patient was followed, up to five years, and whether until death: what survival analysis is to
/// find depends on age, the heart and smoking.
fn followed(number: usize, age: i32, ejection_fraction: i32, smokes: bool) -> (i32, bool) {
    let mut rng = ChaCha20Rng::seed_from_u64(number as u64);
    let burden = 0.035 * f64::from(age - 68) - 0.03 * f64::from(ejection_fraction - 42)
        + if smokes { 0.5 } else { 0.0 };
    let chance: f64 = rng.random_range(0.0..1.0);
    let lived = -(1.0 - chance).ln() * 70.0 / burden.exp();
    let followed = f64::from(rng.random_range(6..=60));
    (whole(lived.min(followed).ceil(), 1, 60), lived <= followed)
}

impl Patient {
    /// The value, unless this patient's record lacks it.
    fn known<T>(&self, gap: u8, value: T) -> Option<T> {
        (self.gaps >> gap & 1 == 0).then_some(value)
    }
}

/// A column: its name, and each patient's value.
fn column<A: FromIterator<T> + arrow::array::Array + 'static, T>(
    patients: &[&Patient],
    value: impl Fn(&Patient) -> T,
) -> ArrayRef {
    Arc::new(patients.iter().map(|patient| value(patient)).collect::<A>())
}

/// The hospital's table. Identifiers are written the hospital's way.
pub(super) fn lifestyle(patients: &[Patient]) -> anyhow::Result<RecordBatch> {
    let p: Vec<&Patient> = patients.iter().filter(|patient| patient.at_hospital).collect();
    let smoking = ["never", "former", "current"];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("patient_id", column::<StringArray, _>(&p, |x| Some(format!("HF-{:06}", x.number)))),
        ("age", column::<Int32Array, _>(&p, |x| x.known(0, x.age))),
        ("sex", column::<StringArray, _>(&p, |x| x.known(1, if x.female { "f" } else { "m" }))),
        ("bmi", column::<Float64Array, _>(&p, |x| x.known(2, x.bmi))),
        ("smoking", column::<StringArray, _>(&p, |x| x.known(3, smoking[x.smoking]))),
        ("exercise", column::<Float64Array, _>(&p, |x| x.known(4, x.exercise))),
        ("alcohol", column::<Int16Array, _>(&p, |x| x.known(5, x.alcohol))),
        ("systolic", column::<Int32Array, _>(&p, |x| Some(x.systolic))),
        ("heart_rate", column::<Int32Array, _>(&p, |x| Some(x.heart_rate))),
        ("ejection_fraction", column::<Int16Array, _>(&p, |x| Some(x.ejection_fraction))),
        ("cholesterol", column::<Float64Array, _>(&p, |x| x.known(6, x.cholesterol))),
        ("sleep", column::<Float64Array, _>(&p, |x| x.known(7, x.sleep))),
        ("diabetes", column::<BooleanArray, _>(&p, |x| Some(x.diabetes))),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, c)| (name, c, true)))?)
}

/// The insurer's table. Identifiers are written in lower case, some with a blank: HASHED makes them equal.
pub(super) fn claims(patients: &[Patient]) -> anyhow::Result<RecordBatch> {
    let mut p: Vec<&Patient> = patients.iter().filter(|patient| patient.at_insurer).collect();
    p.sort_by_key(|patient| (patient.since, patient.number));
    let region = ["north", "south", "east", "west"];
    let blank = |x: &Patient| if x.number.is_multiple_of(3) { " " } else { "" };
    let cost: Decimal128Array = p.iter().map(|x| x.known(8, x.cost_cents)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("patient_id", column::<StringArray, _>(&p, |x| Some(format!("hf-{:06}{}", x.number, blank(x))))),
        ("days", column::<Int64Array, _>(&p, |x| Some(x.days))),
        ("gp_visits", column::<Int32Array, _>(&p, |x| x.known(9, x.gp_visits))),
        ("cost", Arc::new(cost.with_precision_and_scale(10, 2)?)),
        ("region", column::<StringArray, _>(&p, |x| x.known(10, region[x.region]))),
        ("kidney", column::<BooleanArray, _>(&p, |x| Some(x.kidney))),
        ("copd", column::<BooleanArray, _>(&p, |x| x.known(11, x.copd))),
        ("since", column::<Date32Array, _>(&p, |x| Some(x.since))),
        ("months", column::<Int32Array, _>(&p, |x| x.known(12, x.months))),
        ("died", column::<BooleanArray, _>(&p, |x| Some(x.died))),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, c)| (name, c, true)))?)
}
