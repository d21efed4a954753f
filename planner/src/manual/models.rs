//! Models: how each is computed, how exact it is, what it costs, and where it comes from.
//!
//! Arguments, defaults and columns of each function: `DESCRIBE FUNCTION name`, and [`table`](crate::function::table). Limits
//! of the gate: [`limits`](crate::function::table::limits).
//!
//! | function | equals | computed from | precision reached in tests |
//! |---|---|---|---|
//! | `LASSO`, `LASSO_PATH` | scikit-learn `Lasso` for each penalty | moments of the rows; ADMM, then exact solves on the support | 1e-7 of a standard deviation of the target per one of the feature; 1e-6 on random problems with correlations to 0.99 |
//! | `LASSO`, `ELASTIC_NET`, `RIDGE` with `alpha => 'cv'` | scikit-learn `LassoCV`, `ElasticNetCV`, `RidgeCV` (by mean squared error) with `alphas` and the folds below | moments of the rows of each fold; the solver of `LASSO` | the same penalty; coefficients as above |
//! | `ELASTIC_NET` | scikit-learn `ElasticNet` | as `LASSO`, with the squared penalty in the lengths of the features | as `LASSO` |
//! | `RIDGE` | scikit-learn `Ridge` | moments; the normal equations | 1e-5 relative; 1e-7 with `standardize` |
//! | `LINEAR_REGRESSION` | statsmodels `OLS` with a constant | moments; the normal equations and their inverse | 1e-6 relative, standard errors too |
//! | `LOGISTIC_REGRESSION` | statsmodels `Logit`; scikit-learn `LogisticRegression` with `C = 1 / alpha` for `penalty => 'l2'` and `'l1'` (solver `saga`) | standardised rows; 12 of Newton's steps from 0, each with a LASSO of its quadratic model for `'l1'` | 1e-6 relative, 1e-5 with a penalty |
//! | `POISSON_REGRESSION` | statsmodels `GLM` of the Poisson family, with `offset` too | standardised rows; 16 of Newton's steps from the mean | 1e-6 relative |
//! | `COX` | lifelines `CoxPHFitter`, ties as Efron has them | standardised rows and one-hot times; 10 of Newton's steps from 0 | 1e-6 relative, standard errors, log-likelihoods and tests too, with features that correlate by 0.9997 as well |
//!
//! # What is done with rows
//! Rows with a NULL in the target or a feature are dropped (complete cases). TEXT and BOOLEAN features, and those that
//! `categorical` lists, become one 0-1 term for each level but the first, in the order of the policy. It makes no difference
//! which owner holds which column, nor whether rows of several owners are stacked.
//!
//! # Penalties
//! `standardize => true` lets a penalty act on features that are centred and divided by their deviations (`StandardScaler`);
//! coefficients come back on the original scale, and a constant feature has the coefficient 0. In a ridge regression the penalty is
//! `alpha` times the squared coefficients beside the sum of squares, in an elastic net `alpha * (1 - l1_ratio) / 2` times
//! them beside half its mean, as in scikit-learn.
//!
//! `alpha => 'cv'` takes of `alphas` the penalty with the least mean, over the folds, of the mean squared error on the persons of a fold
//! of the model of all others. The fold of a person is the first 8 bytes of the SHA-256 digest of its identifier in normal form
//! (8 bytes of length, then the form that `HASHED` compares), as a big-endian number, modulo `folds`: it depends on nothing else,
//! so it is the same at every owner and in every run, and all rows of a person are in one fold. The person is that of the first table
//! of the join whose policy names one; rows without one are in the last fold. With `standardize`, features are divided by the
//! deviations of all rows once. Of penalties whose errors differ by less than 2^-32 of the target's variance the largest is
//! chosen; the summary shows it as `alpha`. All penalties and folds are solved side by side, so that rounds are those of one model.
//!
//! Without `alphas`, a cross-validation chooses from penalties that everybody can name before the query: of a ridge regression 0.1, 1
//! and 10, as `RidgeCV` does; else 16 of 1 and 3 times powers of ten (10, 3, 1, 0.3, ...), of which the largest is not above a public
//! bound: half the range of the target, times half the widest range of a feature unless `standardize => true`, divided by
//! `l1_ratio`. That bounds the smallest penalty under which every coefficient is 0. scikit-learn takes 100 values down from that
//! penalty itself, which is the largest covariance in the data and would have to be revealed. So with `alphas` the two choose
//! the same, and without them nearly the same; give `alphas` about the chosen one for a finer choice. With features of very
//! different ranges `standardize => true` makes the list fit all of them.
//!
//! # What is revealed
//! The columns that `DESCRIBE FUNCTION` lists, and what they determine: coefficients, standard errors times the root of the
//! degrees of freedom, and the number of rows, from which the analyst computes tests and intervals. `lower` and `upper` are bounds of
//! the coefficient; those of the odds, rate or hazard ratio are their exponentials. Of `COX`: coefficients and standard errors; the
//! log-likelihoods with and without features, which `lr_chi2` determines.
//!
//! # What is withheld
//! Everything, if fewer complete rows (or persons of an owner) than 10 a parameter, than `min_people`, or than parameters
//! and 10 more (for models with standard errors); if a two-valued feature or target has fewer than `min_people` of one value;
//! and if the model is not determined: collinear or constant features in a model without a penalty, separated classes, a smallest
//! eigenvalue of the correlations below 2^-20, steps that do not vanish. Which of these it was is not told.
//!
//! Of `COX` also if there are fewer events than 10 a parameter (with `min_people` of 2 or more): a coefficient of a few
//! events tells who they happened to. Events and rows without one are the two values of its target. A hazard that is more than
//! `exp(16)` times that of the mean person, as where features separate who has the event first, does not converge.
//!
//! # Times
//! `COX` takes times as survival functions do: every value of the declared domain up to 10,000, or steps of `grid`, in which a
//! time counts at the end of its step. What is before and after within a step is not known: these are ties. Rows times times
//! may be 10 million, and there may be 2^20 rows: one-hot codes take 32 bytes of memory at each seat for each of them.
//!
//! # Cost
//! Rounds and bytes in EXPLAIN are exact; tests hold them against every function. EXPLAIN ANALYZE counts how often a seat waited:
//! computations side by side share rounds, and are waited for one by one.
//!
//! Moments cost a few bytes, whatever the rows; what follows depends on the number of terms only, times the number of penalties of a
//! path (and of folds and one, in a cross-validation) in bytes, not in rounds. Logistic and Poisson models read
//! the rows in each step: see EXPLAIN. Numbers of iterations are public and fixed. `COX` takes 16 bytes of each row and
//! time once, and in each step about 2,700 bytes of each row and 78 of each of its features; risk sets are running sums over times,
//! so rows are never sorted, and the work of rows times times is local.
//!
//! # Sources
//! - Normal equations by repeated squaring of `I - theta M`: a Neumann series, as in Newton's method for inverses (Schulz 1933).
//! - Newton's method and standard errors of generalised linear models: `McCullagh` and Nelder, Generalized Linear Models, 2nd edition, 1989.
//! - Proportional hazards: Cox, Journal of the Royal Statistical Society B 1972; ties: Efron, Journal of the American Statistical Association
//!   1977. How the sums change places: `mpc::protocol::cox`.
//! - The LASSO's solver: `mpc::protocol::lasso`. Elastic net: Zou and Hastie, Journal of the Royal Statistical Society B 67, 2005.
//! - Logistic regression with `'l1'`: Lee, Sun and Saunders, SIAM Journal on Optimization 24, 2014.
