//! What is withheld, and what withholding does not stop.
//!
//! With `min_people` of 2 or more, a number with fewer distinct persons behind it is NULL, and a group with fewer persons
//! gives no row, so that empty and small groups look the same. Persons are counted for each owner separately: the owner's
//! own persons with a row that passes joins, WHERE and FILTER, and whose argument is not NULL; where the argument holds a
//! condition (a CASE, a comparison inside arithmetic, a function that can hide one) rows on which it is 0 do not count. All
//! of it is decided on shares, before anything is opened. Notices say that something was withheld, not how much.
//!
//! Models are withheld unless there are at least `min_people` persons and ten times as many as parameters, and at least
//! `min_people` persons with each value of every two-valued variable.
//!
//! # What this does not stop
//! - A total minus the other cells; two queries that differ in few people; what a recipient knows already, its own rows
//!   above all.
//! - Arguments built to be almost constant but for few people, where no condition can be recognised.
//!
//! An owner who fears this raises `min_people`, sets `round_counts`, or allows fewer uses of a column.
//!
//! # Which query to write instead
//! | you see | because | try |
//! |---|---|---|
//! | a NULL, and a notice | too few people behind a number | a wider condition, or fewer keys |
//! | a group that is missing | it is empty or small | a coarser key |
//! | `only aggregates leave the federation` | a column of rows is in the result | an aggregate over it, or a key that the policy allows to `group` |
//! | `declare bounds` | a sum over an unbounded column cannot be proved to fit | ask the owner for `bounds` |
