//! Cross-validation, against scikit-learn.

use super::*;

/// Folds of `sample()` and a target that its features say little of, as scikit-learn was given them.
fn validation() -> (Rows, Vec<usize>) {
    let noisy = |mut row: Vec<i64>| {
        let noise = (row[0] * 7919 + row[1] * 104_729).rem_euclid(61) - 30;
        row[5] = 12 * row[2] + noise + row[4].div_euclid(2);
        row
    };
    (sample().into_iter().map(noisy).collect(), (0..200).map(|i| (i * i + i / 3) % 4).collect())
}

struct Chosen {
    place: u128,
    coefficients: Coefficients,
    r2: f64,
    accepted: bool,
    cost: Cost,
    transcript: Vec<Message>,
}

fn validate<R: Ring>(problem: &Problem, rows: &Rows, folds: &[usize]) -> Chosen {
    let world = World::new(7);
    let (width, others) = (problem.features.len() + 1, 3);
    let bit = |yes: bool| if yes { R::ONE } else { R::ZERO };
    let column = |j: usize| rows.iter().map(|row| R::from_i128(row[j].into())).collect::<Vec<R>>();
    let mut columns: Vec<[Shared<R>; 3]> = (0..width).map(|j| world.share(&column(j))).collect();
    columns.push(world.share(&vec![R::ONE; rows.len()]));
    for fold in 0..others {
        columns.push(world.share(&folds.iter().map(|&of| bit(of == fold)).collect::<Vec<R>>()));
    }
    let run = world.run(|ctx| {
        let parts: Vec<Shared<R>> = columns.iter().map(|c| c[ctx.seat().index()].clone()).collect();
        async move {
            let features: Vec<&Shared<R>> = parts[..width - 1].iter().collect();
            let folds: Vec<&Shared<R>> = parts[width + 1..].iter().collect();
            let (target, valid) = (&parts[width - 1], &parts[width]);
            let own = ctx.step("statistics");
            let folds = statistics_of_folds(&own, &features, target, valid, &folds).await?;
            Box::pin(cross_validate(&ctx.step("validate"), &folds, problem)).await
        }
    });
    let (cost, transcript) = (run.cost(), run.transcript.clone());
    let parts = run.outputs().unwrap();
    let clear =
        |f: fn(&Validated) -> &Shared<u128>| reconstruct(&parts.each_ref().map(|s| f(s).clone())).unwrap();
    let accepted = parts.each_ref().map(|validated| validated.solution.accepted.clone());
    let intercept = clear(|v| &v.solution.intercept)[0];
    Chosen {
        place: clear(|v| &v.place)[0],
        coefficients: problem.decode(&clear(|v| &v.solution.coefficients), intercept).unwrap(),
        r2: Problem::decode_fraction(clear(|v| &v.solution.r2)[0]),
        accepted: reconstruct_bits::<u64>(&accepted).unwrap() == [1],
        cost,
        transcript,
    }
}

/// scikit-learn `LassoCV(alphas, cv=PredefinedSplit(fold), tol=1e-13)`: standardize, alphas, the chosen place, coefficients, intercept,
/// score.
type Validation = (bool, &'static [f64], u128, [f64; 5], f64, f64);
#[rustfmt::skip]
#[expect(clippy::unreadable_literal, reason = "as printed by scikit-learn")]
const VALIDATED: [Validation; 2] = [
    (false, &[3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003], 5, [0.0, -0.004274486694259, 1.456856889727, 9.204905150381e-09, 1.381111638751], 0.7794486737698, 0.08389733657391862),
    (true, &[3.0, 1.0, 0.6, 0.3, 0.1, 0.03, 0.01, 0.003], 3, [0.0, -0.002191934577073, 0.9287854372494, 0.0, 0.9239892344203], 1.075461283446, 0.07105558176991134),
];

#[test]
fn cross_validation_chooses_what_scikit_learn_does() {
    let (rows, folds) = validation();
    for (standardize, alphas, place, coefficients, constant, r2) in VALIDATED {
        let mut problem = Problem { standardize, ..problem(&SAMPLE_STEPS, 13, 200, 0.0) };
        problem.alphas = alphas.to_vec();
        let chosen = validate::<u64>(&problem, &rows, &folds);
        assert!(chosen.accepted, "standardize {standardize}");
        assert_eq!(chosen.place, place, "standardize {standardize}");
        let off = distance(&problem, &rows, &chosen.coefficients.features, &coefficients);
        assert!(off < 1e-7 && (chosen.coefficients.intercept - constant).abs() < 1e-6, "{off}");
        assert!((chosen.r2 - r2).abs() < 1e-8);
    }
}

#[test]
fn of_equal_penalties_the_largest_is_chosen() {
    let (rows, folds) = validation();
    let mut problem = problem(&SAMPLE_STEPS, 13, 200, 0.0);
    // No feature is left by any of them.
    problem.alphas = vec![9e8, 8e8, 7e8, 6e8, 5e8];
    let chosen = validate::<u128>(&problem, &rows, &folds);
    assert!(chosen.accepted && chosen.place == 0);
    assert_eq!(chosen.coefficients.features, [0.0; 5]);
}

#[test]
fn cross_validation_costs_the_rounds_of_one_model_and_tells_nothing() {
    let (rows, folds) = validation();
    let mut problem = problem(&SAMPLE_STEPS, 13, 200, 0.0);
    problem.alphas = vec![1.0, 0.1, 0.01];
    let chosen = validate::<u64>(&problem, &rows, &folds);
    let (more, bytes) = VALIDATION;
    assert_eq!(chosen.cost, Cost { rounds: rounds(&problem) + more, bytes });
    let other = validate::<u64>(&problem, &vec![vec![1; 6]; 200], &[3; 200]);
    assert!(chosen.transcript == other.transcript);
}

/// Rounds more than one model of the same statistics takes, and bytes, for three penalties and four folds.
const VALIDATION: (usize, usize) = (88, 6_054_514);
