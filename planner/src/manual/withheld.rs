//! What is withheld, and what withholding does not stop.
//!
//! With `min_people` of 2 or more, a number with fewer distinct persons behind it is NULL, and a group with fewer persons
//! gives no row, so that empty and small groups look the same. Persons are counted for each owner separately: the owner's
//! own persons with a row that passes joins, WHERE and FILTER, and whose argument is not NULL; where the argument holds a
//! condition (a CASE, a comparison inside arithmetic, a function or a product that can hide one) rows on which it is 0 do
//! not count. All of it is decided on shares, before anything is opened. Notices say that something was withheld, not how
//! much. Where the text of a query alone says that no row can pass, its numbers are withheld all the same.
//!
//! A condition also needs `min_people` persons behind each of its outcomes that does not make it 0 or NULL, so that nobody
//! can be singled out in a number that is about everybody:
//!
//! | in an argument | outcomes |
//! |---|---|
//! | `CASE` | each branch, ELSE included |
//! | a comparison or BOOLEAN as a number | true, and false |
//! | `COALESCE`, `GREATEST`, `LEAST` | each argument that may be picked |
//! | `ABS`, `SIGNUM` | below, and above 0 |
//! | `x % y` | the quotient is 0, or is not |
//! | a quotient, a rounding, a function of only two values | each value |
//!
//! `SUM(CASE WHEN age = 97 THEN days ELSE 0 END)` has one such outcome, with `ELSE 1` it has two. Where an owner's own query
//! inside a derived table hides such a condition (under DISTINCT, or in an aggregate per person), the query is refused.
//!
//! An aggregate that decides something decides as it would be released: in `WHERE x > (SELECT AVG(x) FROM t WHERE ...)` the
//! inner number is NULL unless enough people are behind it, its count is rounded, and its columns need the `filter` use
//! beside that of the aggregate. The inner number may be of the same owner, of another one or of several: what one owner's
//! rows say is computed and gated there, all else on shares (`Broadcast` in EXPLAIN), and nobody learns it. A subquery that
//! depends on a column with declared `values` has a number, and a gate, for each of them. One over one owner's rows may depend
//! on any columns that allow `filter`, by equality (`WHERE t.town = h.town`): the owner groups its rows by them, a group of too
//! few people is not there, and rows look theirs up in secret; NULL, then, says no more than that, also where it is a count
//! of no rows. EXISTS by such columns is refused, for a row is of one person: compare a count. Beside aggregates in the SELECT
//! list a subquery is a number of its own, released by itself; in an expression with them it is computed inside, and the
//! whole is NULL if the inner number would be. Where people cannot be counted (groups of several people that IN or EXISTS
//! ask for, or that a query joins) the query is refused.
//!
//! `x NOT IN (SELECT y ...)` is never true if one `y` is NULL. With `min_people` of 2 or more one row must not decide so much:
//! NOT IN over another owner's column that may be NULL is refused unless the subquery says `WHERE y IS NOT NULL`; NOT
//! EXISTS asks for no more than equality.
//!
//! In a join every owner's persons are counted in the rows of the join, once each, however often a join repeats them:
//!
//! | the owner's table is | its persons behind a number are those |
//! |---|---|
//! | joined by an inner join, or asked for by IN or EXISTS | with a partner, in rows that pass everything else |
//! | the optional side of LEFT, RIGHT or FULL JOIN | with a partner, in rows that pass everything else; a number over rows without a partner only has none behind it, and is withheld |
//! | asked for by NOT IN or NOT EXISTS | whose presence leaves out rows that pass everything else: a total minus the answer would be about them; an answer that leaves out fewer than `min_people` is withheld, and the same query with EXISTS too |
//! | in several parts of a UNION ALL, or several times in one join | in any of these, once |
//! | in other parts of a UNION ALL than those of a group, as a key says that is a literal in each part (`'north' AS site`) | not asked for: such a group is about the other owners alone |
//!
//! Inside a derived table of one owner, which it computes itself, its persons are still those of the rows that are left:
//!
//! | in a derived table | rows are | and their persons |
//! |---|---|---|
//! | WHERE, ORDER BY with LIMIT and OFFSET | some of the table's; what decides needs the `filter` use | of these rows |
//! | RIGHT and FULL JOIN on the person | of both tables, or of one beside NULLs | of the side that is there |
//! | GROUP BY the person, alone or with more | one person's | the same, if every set of ROLLUP, CUBE or GROUPING SETS has the person; else the query is refused |
//! | a window with PARTITION BY the person | rows with what other rows of the same person say | the same |
//! | any other window | rows with what other people's rows say | refused where `min_people` is 2 or more: one person in front would change the number of every other row. With 1, values picked of other rows (`LAG`, `FIRST_VALUE`, `MAX`) need `minmax` |
//! | GROUP BY without the person | several persons' | not known: refused where `min_people` is 2 or more |
//!
//! MIN, MAX and percentiles are values of single rows, which is why a policy allows them by uses of their own (`minmax`,
//! `quantile`); they are withheld as other numbers are. The percentiles 0 and 1 are MIN and MAX and need `minmax`; without
//! it, one below 0.25 or above 0.75 needs so many people that `min_people` of them are beyond it: with `min_people = 10` the
//! percentile 0.9 needs 100. `BOOL_OR` of a condition counts the persons for whom it is true,
//! `BOOL_AND` those for whom it is false.
//!
//! ORDER BY with LIMIT, and groups of open keys, are put in order before anything is opened: groups that are not asked for,
//! small groups and groups that do not exist look the same. Nobody can then tell whether a small group was left out, so the
//! notice says only that such groups are not given. The rows of a ROLLUP or CUBE are groups like all others, but a total
//! minus its other cells is a cell.
//!
//! Table functions of numbers and events withhold what SUM and AVG of the same expression would: a condition in them needs
//! enough people for whom it is true.
//!
//! Functions that can single values out, such as whole quotients, remainders, rounding, parts of texts and dates, are
//! conditions: in an argument they need the `filter` use. Arithmetic, roots, logarithms and powers do not. Arithmetic with a
//! column that tells single people apart (the person, or a column with `max_rows_per_value = 1`) is refused with `min_people` of
//! 2 or more: `MAX(x - (id - 7) * (id - 7) * 5000)` is the `x` of one person. Counts, keys and conditions may hold it.
//!
//! # Rounded counts
//! With `round_counts` counts are rounded to that multiple, and so is a sum of an argument that has only one value or two,
//! such as `SUM(1)` or `SUM(CASE WHEN ... THEN 1 ELSE 0 END)`. Other sums are exact, and a mean beside its sum tells exactly
//! how many there are: `SUM(x) / AVG(x)`. So one query does not have a sum and a mean, variance, covariance or correlation of the
//! same column: it is refused. Two queries tell it all the same; so do a share (`AVG` of 0 and 1) whose denominator can be
//! guessed, and a sum of expressions that are always 1 without saying so (`SUM(x / x)`), or of counts per person. Rounding keeps
//! counts from being compared one by one; it does not hide a number from somebody who asks for it in another way. `min_people`
//! does not depend on it.
//!
//! Models are withheld unless there are at least `min_people` persons and ten times as many as parameters, and at least
//! `min_people` persons with each value of every two-valued variable, and behind every outcome of a condition in a variable,
//! 0 included where a condition may make it so.
//!
//! # What this does not stop
//! - A total minus the other cells; two queries that differ in few people; what a recipient knows already, its own rows
//!   above all.
//! - Arithmetic built to be almost constant but for few people, such as a polynomial with many zeros, a high power or an
//!   exponential, or dominated by few (a quotient by a polynomial, MAX or a percentile of one where the policy allows these
//!   uses): where several columns together are nearly an identifier, `x / ((age - 97) * (age - 97) * 1000000 + 1)` is as good as a
//!   condition, and no bound that is known beforehand tells it from honest arithmetic.
//! - Rows of one owner stacked on themselves by UNION ALL.
//!
//! An owner who fears this declares coarser steps, raises `min_people`, sets `round_counts`, or allows fewer uses of a column.
//!
//! # What is dropped
//! - A row whose identifier is NULL, or equal to none of the other table's, is not in an inner join. A COUNT(*) of each
//!   table beside one of the join shows how many; who they are, nobody learns.
//! - An aggregate leaves out rows where its argument is NULL, as SQL has it: `COUNT(x)` beside `COUNT(*)` shows how many.
//! - A model takes complete cases: rows with a NULL in any used column are left out, and `n_dropped` of its summary says how
//!   many, if enough people have such rows. Fewer features, or `COALESCE(x, 0)` in a query around the table, keep more.
//! - A model without `features` takes all other columns that allow `model`; a notice names those it left out.
//!
//! # Which query to write instead
//! | you see | because | try |
//! |---|---|---|
//! | a NULL, and a notice | too few people behind a number | a wider condition, or fewer keys |
//! | a NULL from a LEFT JOIN for rows without a partner | nobody of the optional side is behind them | NOT EXISTS, which counts those left out |
//! | a group that is missing | it is empty or small | a coarser key |
//! | `the people behind a number cannot be counted` | a derived table leaves out whose record its rows are | keep the person's column in it, in every GROUP BY and grouping set |
//! | a window function is refused | it would see rows of other people | `PARTITION BY` the person; `ORDER BY ... LIMIT n` for the first rows of all |
//! | all of a model is NULL | fewer than ten people (or events of COX) for a parameter, or too few with one value of a feature | fewer features; leave out a rare two-valued one |
//! | `only aggregates leave the federation` | a column of rows is in the result, or `SELECT *`, or a preview | an aggregate over it, or a key that the policy allows to `group` |
//! | `may not be used` in something | the policy does not allow that use of the column | `\dp TABLE` or `DESCRIBE` lists what is allowed; ask the owner |
//! | `declare bounds` | a sum over an unbounded column cannot be proved to fit | ask the owner for `bounds` |
//! | class `invalid` and `not built` | the query is allowed, and this version cannot run it | the hint; `EXPLAIN` of a smaller query shows what can run |
//! | class `source`, `the data of T cannot be used` | the owner's data break a rule of its policy | the owner sees column, rule and number of rows; `conjoin check` finds it |
//! | class `peer` | a party is not there, or its files differ from yours | run it again; compare `federation.toml` and policies |
//! | class `resource` | too long, too large, too many at once | `SET timeout = '10m'`; a smaller query; `EXPLAIN` shows bounds and bytes |
