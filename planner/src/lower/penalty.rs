//! How coefficients are weighed, and what cross-validation chooses from.

use super::failure;
use super::scale::decode;
use super::term::Term;
use crate::Result;
use crate::function::TableFunction;
use crate::function::table::limits;
use crate::plan::Family;

/// The penalty of a model.
pub(super) struct Penalty {
    /// One weight, or those of a path, from the largest to the smallest; 0 for none.
    pub(super) alphas: Vec<f64>,
    /// The part that weighs absolute coefficients.
    pub(super) l1_ratio: f64,
    /// How many folds choose one of the weights; 0 for none.
    pub(super) folds: u32,
}

impl Penalty {
    /// The penalty that a call asks for.
    ///
    /// # Errors
    /// Invalid where arguments do not fit.
    pub(super) fn of(
        function: &TableFunction,
        family: Family,
        features: &[Term],
        target: &Term,
    ) -> Result<Penalty> {
        let arguments = &function.arguments;
        let l1_ratio = match family {
            Family::Lasso => arguments.optional_number("l1_ratio").unwrap_or(1.0),
            Family::Logistic if arguments.word("penalty") == Some("l1") => 1.0,
            Family::Linear | Family::Logistic | Family::Poisson | Family::Cox => 0.0,
        };
        let mut alphas = arguments.numbers("alphas");
        let mut folds = 0;
        if arguments.word("alpha") == Some("cv") {
            folds = Penalty::folds(function)?;
            if alphas.is_empty() {
                alphas = candidates(function, family, l1_ratio, (features, target))?;
            }
        } else if !alphas.is_empty() && arguments.get("alpha").is_some() {
            return Err(failure::invalid("`alphas` are what `alpha => 'cv'` chooses from".to_owned()));
        }
        alphas.sort_by(|a, b| b.total_cmp(a));
        alphas.dedup();
        if alphas.is_empty() {
            alphas.push(match (arguments.word("penalty"), arguments.optional_number("alpha")) {
                (Some("none"), _) | (None, None) => 0.0,
                (_, Some(alpha)) => alpha,
                (Some(other), None) => {
                    return Err(failure::internal(format!("the penalty `{other}` without its weight")));
                }
            });
        }
        Ok(Penalty { alphas, l1_ratio, folds })
    }

    fn folds(function: &TableFunction) -> Result<u32> {
        if !function.arguments.truth("intercept")? {
            return Err(failure::not_built("a cross-validation without an intercept"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
        Ok(function.arguments.number("folds")? as u32)
    }

    /// Checks the number of problems that are solved side by side.
    pub(super) fn check_size(&self, terms: usize) -> Result<()> {
        let problems = self.alphas.len() as u64 * u64::from(self.folds + 1);
        if problems > 1 && problems.saturating_mul((terms * terms) as u64) > limits::MAX_BATCH {
            return Err(failure::not_built(format!("{problems} models of {terms} features at once")));
        }
        Ok(())
    }

    /// The weights that the result shows beside the terms.
    pub(super) fn path(self, function: &TableFunction) -> Vec<f64> {
        if function.schema.has_column_with_unqualified_name("alpha") { self.alphas } else { Vec::new() }
    }

    /// The largest weight.
    pub(super) fn first(&self) -> f64 {
        self.alphas.first().copied().unwrap_or(0.0)
    }
}

/// What cross-validation chooses from where nobody says: of a ridge regression, scikit-learn's defaults; else the largest
/// [`limits::CANDIDATES`] of 1 and 3 times powers of ten up to a public bound of the smallest penalty under which every
/// coefficient is 0. That is the largest covariance with the target over `l1_ratio`, and a covariance is at most half the
/// range of a feature (1 where the penalty acts on standardised ones) times half that of the target.
fn candidates(
    function: &TableFunction,
    family: Family,
    l1_ratio: f64,
    (features, target): (&[Term], &Term),
) -> Result<Vec<f64>> {
    if family == Family::Linear {
        return Ok(vec![10.0, 1.0, 0.1]);
    }
    if l1_ratio == 0.0 {
        let mut error = failure::invalid("`alpha => 'cv'` needs `alphas` where `l1_ratio` is 0".to_owned());
        error.hint = Some("alphas => '10,3,1,0.3,0.1'".to_owned());
        return Err(error);
    }
    let half = |term: &Term| (decode(term.range.hi, term.scale) - decode(term.range.lo, term.scale)) / 2.0;
    let widest = if function.arguments.truth("standardize")? {
        1.0
    } else {
        features.iter().map(half).fold(0.0, f64::max)
    };
    let bound = widest * half(target) / l1_ratio;
    let series = (-300..300).rev().flat_map(|power| [3.0, 1.0].map(|digit| format!("{digit}e{power}")));
    let numbers = series.filter_map(|number| number.parse::<f64>().ok());
    let alphas: Vec<f64> = numbers.filter(|alpha| *alpha <= bound).take(limits::CANDIDATES).collect();
    if alphas.is_empty() {
        return Err(failure::invalid(format!(
            "`{}` has one value: there is nothing to explain",
            target.name
        )));
    }
    Ok(alphas)
}
