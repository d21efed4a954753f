//! Where a column of a plan comes from, and what its owner has been asked for.

use std::collections::BTreeSet;

use datafusion::logical_expr::Expr;

use crate::catalog::Use;
use crate::plan::PartyId;

/// One appearance of a declared column: a table that is scanned twice has two of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Base {
    pub(super) party: PartyId,
    pub(super) table: usize,
    pub(super) column: usize,
    /// Which scan of the query, counted from 0.
    pub(super) scan: usize,
}

/// How a base column takes part in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Its value flows on: whatever uses the expression uses the column.
    Value,
    /// It was used up on the way: a CASE's condition is a `filter`, whatever the CASE is for.
    Spent(Use),
}

/// What is known about one column of a relation, or about an expression.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Lineage {
    /// Base columns that have not passed through a released aggregate.
    pub(super) uses: BTreeSet<(Base, Role)>,
    /// Its value may differ from row to row of somebody's rows, or depends on single rows.
    pub(super) row: bool,
    /// It depends on a row of an enclosing query.
    pub(super) outer: bool,
    /// Base columns behind the aggregates in it.
    pub(super) behind: BTreeSet<Base>,
    /// Base columns among `uses` whose values went through a function that can single some of them out, as a condition does.
    pub(super) bent: BTreeSet<Base>,
    /// Base columns among `uses` that tell single people or rows apart, whose values went through arithmetic or a function:
    /// `x - (id - 7) * (id - 7) * 5000` is largest, and matters, for one person alone.
    pub(super) picks: BTreeSet<Base>,
    /// Owners of an aggregate over many persons that is used inside another query's rows.
    pub(super) across: BTreeSet<PartyId>,
    /// It has one of a declared set of values.
    pub(super) closed: bool,
    /// It is a base column as it is (a cast or a change of case aside).
    pub(super) plain: bool,
    /// It is a GROUP BY key of a released relation.
    pub(super) key: bool,
}

impl Lineage {
    /// A constant.
    pub(super) fn constant() -> Self {
        Lineage { closed: true, ..Lineage::default() }
    }

    /// A value that left, or may leave.
    pub(super) fn released(behind: BTreeSet<Base>) -> Self {
        Lineage { behind, ..Lineage::default() }
    }

    /// A column of a table.
    pub(super) fn base(base: Base, closed: bool) -> Self {
        let uses = BTreeSet::from([(base, Role::Value)]);
        Lineage { uses, row: true, closed, plain: true, ..Lineage::default() }
    }

    /// An expression over these: their values flow into it.
    pub(super) fn merge(parts: impl IntoIterator<Item = Lineage>) -> Self {
        let mut whole = Lineage { closed: true, ..Lineage::default() };
        for part in parts {
            whole.uses.extend(part.uses);
            whole.behind.extend(part.behind);
            whole.across.extend(part.across);
            whole.bent.extend(part.bent);
            whole.picks.extend(part.picks);
            whole.row |= part.row;
            whole.outer |= part.outer;
            whole.closed &= part.closed;
        }
        whole
    }

    /// A decision over it: values that flow into it are used as a `filter`, and so is what is behind an aggregate over many
    /// persons. What decides no longer hands out a value.
    pub(super) fn condition(self) -> Self {
        let uses = self.uses.into_iter().map(|(base, role)| match role {
            Role::Value => (base, Role::Spent(Use::Filter)),
            Role::Spent(_) => (base, role),
        });
        let inner = if self.across.is_empty() { BTreeSet::new() } else { self.behind.clone() };
        let inner = inner.into_iter().map(|base| (base, Role::Spent(Use::Filter)));
        Lineage {
            uses: uses.chain(inner).collect(),
            bent: BTreeSet::new(),
            picks: BTreeSet::new(),
            across: BTreeSet::new(),
            closed: true,
            plain: false,
            key: false,
            row: self.row,
            outer: self.outer,
            behind: self.behind,
        }
    }

    /// The same, after a function that can single values out.
    pub(super) fn through_bend(self) -> Self {
        let bent = self.values().collect();
        Lineage { bent, ..self }
    }

    /// The base columns whose values flow on.
    pub(super) fn values(&self) -> impl Iterator<Item = Base> + '_ {
        self.uses.iter().filter(|(_, role)| *role == Role::Value).map(|(base, _)| *base)
    }

    /// All base columns, those behind aggregates included.
    pub(super) fn bases(&self) -> BTreeSet<Base> {
        self.uses.iter().map(|(base, _)| *base).chain(self.behind.iter().copied()).collect()
    }
}

/// What the rows of a relation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Written in the query: no owner's table is read.
    Clear,
    /// Groups, models, and SQL over them: may leave.
    Released,
    /// Of a person, or of something as small: stay inside.
    Rows,
}

/// Why the rows of a relation are row-level, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// They are rows of a table.
    Table,
    /// GROUP BY or DISTINCT over what may not be a released key.
    Key {
        /// The key, as EXPLAIN would print it.
        name: String,
        /// The base column that does not allow `group`, if that is why.
        lacks_group: Option<Base>,
        /// It is DISTINCT, or a GROUP BY without an aggregate.
        distinct: bool,
    },
}

/// What is known about the output of a logical plan.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) kind: Kind,
    /// Why its rows may not leave, if it is [`Kind::Rows`].
    pub(super) reason: Reason,
    /// One for each field of the plan's schema.
    pub(super) columns: Vec<Lineage>,
    /// Scans under its rows, in groups that are linked by an equality of identifiers.
    pub(super) linked: Vec<BTreeSet<(PartyId, usize)>>,
    /// Its rows depend on a row of an enclosing query.
    pub(super) correlated: bool,
    /// ... by an equality of identifiers.
    pub(super) correlated_by_join: bool,
    /// Sort keys below, which decide what a LIMIT keeps.
    pub(super) order: Vec<(Lineage, Expr)>,
    /// Conditions of HAVING, whose aggregates must be output columns.
    pub(super) having: Vec<Expr>,
}

impl Relation {
    /// A relation without scans under its rows.
    pub(super) fn new(kind: Kind, columns: Vec<Lineage>) -> Self {
        Relation {
            kind,
            reason: Reason::Table,
            columns,
            linked: Vec::new(),
            correlated: false,
            correlated_by_join: false,
            order: Vec::new(),
            having: Vec::new(),
        }
    }

    /// The same rows with other columns.
    pub(super) fn with_columns(self, columns: Vec<Lineage>) -> Self {
        Relation { columns, ..self }
    }

    /// Which linked group a scan is in.
    pub(super) fn group_of(&self, scan: usize) -> Option<usize> {
        self.linked.iter().position(|group| group.iter().any(|(_, s)| *s == scan))
    }

    /// Joins the linked groups of these scans.
    pub(super) fn link(&mut self, scans: &BTreeSet<usize>) {
        let (touched, mut rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.linked)
            .into_iter()
            .partition(|group| group.iter().any(|(_, scan)| scans.contains(scan)));
        if !touched.is_empty() {
            rest.push(touched.into_iter().flatten().collect());
        }
        self.linked = rest;
    }
}
