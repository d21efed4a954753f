//! Statistics as table functions: how each is computed, how exact it is, what leaves, where it comes from.
//!
//! `SHOW FUNCTIONS` lists them, `DESCRIBE FUNCTION name` shows arguments, columns, an example and what is disclosed. The models of
//! regression have a page of their own.
//!
//! # How they work
//! Rows with a NULL in a column that is used are left out. The rest becomes a table of cells: a count or sum for each
//! combination of the values of closed columns (`values`, BOOLEAN, short ranges of integers) and, for times and ranks, for
//! each value of a public grid. What follows is exact arithmetic on these cells, on shares: sums along a key,
//! quotients in fixed point, running products. No sort, no iteration; the number of messages depends on the declared
//! domains alone. Only the numbers in the table below leave; p-values and intervals are computed from them at
//! the analyst.
//!
//! | function | within | equals | what leaves, besides the documented columns that are not p-values or intervals | source |
//! |---|---|---|---|---|
//! | `T_TEST` | 1e-10 | scipy `ttest_ind`, `ttest_rel` | the pooled variance; both variances without `equal_var`; that of the differences if `paired` | Welch, Biometrika 1947 |
//! | `MEAN_DIFFERENCE` | 1e-9 | scipy `ttest_ind(equal_var=False)` | squared standard error, 1/df, mean of both variances; no sizes | Austin, Communications in Statistics 2009, for `smd` |
//! | `ANOVA` | 1e-10 | scipy `f_oneway` | the share of variance between groups, from which F follows; no means | Fisher 1925 |
//! | `MANN_WHITNEY` | 2e-7 | scipy `mannwhitneyu(method='asymptotic')` | the standardised value of U | Mann and Whitney, Annals of Mathematical Statistics 1947 |
//! | `KRUSKAL` | 1e-9 | scipy `kruskal` | nothing | Kruskal and Wallis, JASA 1952 |
//! | `CROSSTAB` | exact | pandas `crosstab` | nothing | |
//! | `CHI2_TEST` | 1e-10 | scipy `chi2_contingency` | nothing: never the table | Pearson 1900; Yates 1934 for `correction` |
//! | `FISHER_TEST` | 1e-11 | scipy `fisher_exact` | the four counts, which odds ratio and p determine | Fisher 1934 |
//! | `KAPLAN_MEIER`, `SURVIVAL_AT` | 1e-9 | lifelines `KaplanMeierFitter` | the variance of log S, which the interval determines | Kaplan and Meier, JASA 1958; Greenwood 1926; Kalbfleisch and Prentice 2002 |
//! | `MEDIAN_SURVIVAL` | exact | lifelines `median_survival_time_` | nothing | |
//! | `LOGRANK` | 1e-11 | lifelines `multivariate_logrank_test`; strata as Mantel and Haenszel | nothing: neither scores nor variances | Mantel 1966; Peto and Peto 1972 |
//! | `STANDARDIZED_RATE` | 1e-11 | its formula | the variance of the rate | Breslow and Day 1987, chapter 2 |
//! | `DESCRIBE_STATS` | 1e-8 | pandas `describe` | the variance | Hyndman and Fan, The American Statistician 1996, definition 7 |
//! | `QUANTILES` | 1e-12 | numpy `quantile` | nothing | the same |
//! | `HISTOGRAM` | exact | numpy `histogram` over the declared domain | nothing | |
//! | `CORRELATION`, `COVARIANCE` | 1e-11 | pandas `corr`, `cov`, pairwise complete | nothing | |
//! | `JOIN_SIZE` | exact | `COUNT(*)` | nothing | |
//!
//! # How exact
//! Counts and order statistics are exact, and so are sums and moments of integers, decimals and stepped doubles. Quotients
//! keep 40 to 60 bits after the point. On the reference data (tests/reference, made by the tools themselves) every
//! number agrees within what the table says: the largest difference of any cell, relative to the number and a thousandth together.
//! Tests allow 1e-6. Two limits are of the method: `MANN_WHITNEY` never uses exact small-sample
//! tables, and `HISTOGRAM` has the declared domain as its range, since the smallest and largest value are secret.
//!
//! # Rules of their own
//! - **Groups** are the values of a closed column in SQL's order. A WHERE on that column alone narrows them: `T_TEST((SELECT *
//!   FROM t WHERE arm IN ('a', 'b')), ...)`. With `min_people` of 2 or more every group, level or stratum must have enough
//!   persons of every owner, values that nobody has included, or the result is NULL; with `min_people = 1` values that
//!   nobody has are left out, as the reference tools do.
//! - **Times** need at most 10,000 possible values; `grid => 7` makes steps of 7, in which a time counts at the end of its
//!   step. A curve stops where fewer than `min_people` are at risk; no row says so. `at_risk` and `events` come out where the
//!   owners of time and event allow `aggregate`.
//! - **Few events.** Two values of a curve tell the share `d / n` that had the event between them, and two intervals
//!   `d / (n (n - d))`: together `d` and `n`, whatever else is withheld. So with `min_people` of 2 or more a time has a row only if
//!   at least `min_people` persons of every owner who asks for as many have had the event since the row before (since the
//!   beginning, for the first), and all times since that row are one step: `events` are those since then, `at_risk` the persons
//!   there just after it, and survival falls by `events / at_risk`, as on a coarser grid whose steps these are. The rows then
//!   depend on nothing but what they show; the product over the times between, from which few events and persons at risk at
//!   each could be solved for, is not in them. Where each time has enough events the curve is that of all times; where steps
//!   are merged it is slightly higher, by less than the persons who left within a step without the event would change
//!   (`grid` says how far steps reach at least). `SURVIVAL_AT` merges times in the same way between those asked for, and what
//!   is left just before one of these joins the step before it. How many left without an event between two rows can be
//!   reckoned from `at_risk` and `events`, as any number of people who are neither in one cell nor in the other. A median and a
//!   log-rank test need `min_people` events, and use all times; a standardised rate as many with and without the event.
//! - **Ranks and quantiles** need values with a grid of at most 10,000 values (`bounds` with a `step`). `QUANTILES` of 0 and 1 are
//!   MIN and MAX and need `minmax`; without it, orders below 0.25 or above 0.75 need `min_people` persons beyond the nearest
//!   one to an end.
//! - **Rounded counts.** `T_TEST`, `FISHER_TEST` and `ANOVA` are computed from sizes, and are refused where an owner lets rounded
//!   counts leave only (`round_counts`); `MEAN_DIFFERENCE`, `CHI2_TEST` and `KRUSKAL` are not.
//! - Persons at risk are counted by running sums over times, so survival functions need tables with one row per person.
//! - `LOGRANK` takes up to 12 groups, `DESCRIBE_STATS` up to 32 columns, a table up to 100,000 cells.
//!
//! # What it costs
//! Owners share one 64-bit number for each row and value of a key, so a grid of 366 days over 10,000 rows is 29 MB; choose
//! `grid` for long times. After that, rounds and bytes depend on the cells only: a few hundred rounds for a test or a curve,
//! about 1,500 for each step of the elimination in `LOGRANK`, and about 9 for each time of a curve with `min_people` of 2 or
//! more, where one row depends on the row before. `EXPLAIN` has the exact numbers; tests hold them against every function.
