//! Who can learn what.
//!
//! Three parties have a *seat* and compute; any number of owners give data; one analyst receives the answer. The protocols
//! are secure against one party with a seat that follows the program and tries to learn from what it sees (semi-honest,
//! static corruption of one seat). There is no protection yet against a seat that runs a changed program.
//!
//! | who works together | can learn |
//! |---|---|
//! | one seat, alone or with the analyst, or with owners whose hashed joins it does not match | what EXPLAIN DISCLOSURE lists, the answer if the analyst is among them, and their own data |
//! | the matcher of a hashed join with one of the join's two owners | the other owner's identifiers, by trying likely ones, and who is in both tables |
//! | any two seats | every value that the query uses |
//! | an owner who is the analyst | the others' part of an answer, by subtracting its own rows |
//!
//! # What is public
//! The text of every query and who asks it; federation and policies, with the bounds on rows; how many columns a query
//! uses and how. Numbers of rows, of rows that pass a condition, and of matches are not public; the matcher of a hashed
//! join learns how many identifiers two *whole* tables share, and where one person may have several rows, how many rows
//! each pseudonym has. How long an owner's own part takes is shown to nobody, but whoever watches its network can guess it.
//!
//! # What makes it so
//! - Every party plans every query itself, from the SQL text and its own copy of the files, and the parties compare what
//!   they planned before anything of the data leaves.
//! - Values travel as replicated shares: any one seat's part is uniformly random.
//! - Identifiers of a hashed join leave only as tags under a key that two owners agree for one join of one query, in an
//!   order that is freshly shuffled.
//! - A table whose policy says `pseudonyms = false` is joined obliviously: the tags travel as shares, are sorted and
//!   compared inside, and no matcher exists. So is a derived table of which several rows may have the same identifier: how
//!   many rows it has, and of whom, is shown to nobody. Other derived tables take part with all identifiers of their table.
//! - What may be opened is a value of the plan. A [`Permit`](crate::check::Permit) is made by the last check over a plan, and
//!   spent by the one place that hands out result shares.
//! - Lengths of messages depend on public bounds alone; tests compare them for different data.
//!
//! # What it does not stop
//! An answer can tell something about people although it was computed in secret: see [`withheld`](super::withheld).
