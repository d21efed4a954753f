//! Identifiers: what is equal under HASHED.
//!
//! `HASHED(a) = HASHED(b)` compares normal forms: text in Unicode form NFKC, trimmed, in upper case; numbers as plain
//! decimals, so that BIGINT 42 equals TEXT '42' (and '042' stays '042'); dates in ISO form. The parts of a composite
//! identifier are prefixed by their lengths, so that ('ab', 'c') is not ('a', 'bc'). NULL, or a NULL part, equals nothing.
//! Plain equality is SQL's, without normalising. The rules are in [`function::hashed`](crate::function::hashed).
//!
//! `COUNT(*)` over a UNION of identifiers, and `COUNT(DISTINCT HASHED(id))` or `COUNT(DISTINCT id)` over stacked tables, count
//! a person of several owners once: each owner shares digests of its identifiers, which are sorted and compared as shares.
//! Digests have 40 bits more than it takes to number all pairs of rows, so that two persons are taken for one with a
//! probability below 2^-40. INTERSECT and EXCEPT of identifiers are joins as IN and NOT EXISTS are.
//!
//! An owner declares how many rows one person may have (`max_rows_per_person`, 1 unless said otherwise). It is checked
//! after normalising, over the whole table, before a pseudonym leaves; data that break it end the query with an error of
//! class source, never with wrong rows. For an identifier that is not the person column of the table, composite ones
//! above all, that error tells whoever may ask that two records of the whole table share an identifier; which ones, it
//! does not tell, and conditions of the query do not change it.
//!
//! Of a column that is not the person, `max_rows_per_value` says how many rows may have the same value, and `unique =
//! [["part", "supplier"]]` of a table which columns together are different in all rows (a NULL is equal to nothing). Both are
//! checked when the table is loaded, over all of its rows. Joins on such columns need no assumption then: the planner
//! leaves in place the rows of the table that all others have one row for. A side with several rows per identifier of
//! which only SUM and COUNT are asked is summed per identifier at its owner first, so that a party that matches
//! pseudonyms learns no histogram of rows per identifier.
