//! Defaults, and why.
//!
//! | setting | default | why |
//! |---|---|---|
//! | `min_people` | 10 | the threshold of many statistical offices; 1 must be written to withhold nothing |
//! | `round_counts` | 0: exact | counts under the gate are exact, so that sums agree; what rounding does not hide is on the page of withheld numbers |
//! | `max_rows_per_person` | 1 | the strict reading: more is an error, not a wrong join |
//! | `max_rows_per_value`, `unique` | nothing declared | a join on such a column takes one row a value for granted, and checks it |
//! | `nullable` | true | files have gaps |
//! | `step` of a DOUBLE | a power of two fine enough for a millionth of the range | no visible rounding, small shares |
//! | `max_bytes` of open text | 64 | |
//! | identities of `demo` and `local` | fresh keys for every run | nothing to configure, nothing left behind |
//! | a query's time | 10 minutes, `SET timeout` or `--timeout` for less | nothing hangs |
