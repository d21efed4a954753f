//! Which names a place in a query sees, and how they are spelled.

use datafusion::sql::sqlparser::ast::Ident;

use super::place;
use crate::catalog::Federation;
use crate::error::{Error, Result};
use crate::nearest::{hint, same_name};

/// A relation of a FROM clause.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    /// Its alias, or its table's name; `None` for a subquery without alias.
    pub(super) name: Option<String>,
    /// What may stand before its name.
    pub(super) origin: Origin,
    /// Its columns.
    pub(super) columns: Columns,
    /// Of a common table expression: how many tables it reads, written out.
    pub(super) reads: usize,
}

/// Where a relation without an alias comes from. Tools with catalogs and schemas write all of it before the name; the
/// engine is given the owner alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// The federation and the owner, or what stands in the owner's place for virtual tables; or nothing.
    path: Vec<String>,
    /// Whether the engine knows the relation by its owner too.
    owned: bool,
}

impl Origin {
    /// A party's table.
    pub(super) fn owner(federation: &Federation, party: &str) -> Self {
        Origin { path: vec![federation.name.clone(), party.to_owned()], owned: true }
    }

    /// A virtual table.
    pub(super) fn virtual_table(federation: &Federation) -> Self {
        Origin { path: vec![federation.name.clone(), Federation::VIRTUAL.to_owned()], owned: false }
    }
}

/// The columns of a relation.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    /// Names that can be written as identifiers, in order.
    pub(super) names: Vec<String>,
    /// Whether there are others, whose names the engine makes up (`sum(x)`).
    pub(super) others: bool,
}

impl Columns {
    /// These names and no others.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Columns { names: names.into_iter().map(str::to_owned).collect(), others: false }
    }

    /// Adds all columns of another list.
    pub(super) fn extend(&mut self, other: &Columns) {
        self.names.extend(other.names.iter().cloned());
        self.others |= other.others;
    }
}

/// The relations that an expression sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// Those of its own query.
    pub(super) relations: &'a [Relation],
    /// Output names of its SELECT list, where it sees them.
    pub(super) outputs: &'a [String],
    /// Whether an output name hides a column of the same name (ORDER BY) or not (GROUP BY, HAVING).
    pub(super) outputs_first: bool,
    /// Those of the query around it.
    pub(super) outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    /// A scope without output names.
    pub(super) fn rows(relations: &'a [Relation], outer: Option<&'a Scope<'a>>) -> Self {
        Scope { relations, outputs: &[], outputs_first: false, outer }
    }

    /// Gives a lone identifier its declared spelling.
    pub(super) fn resolve(&self, ident: &mut Ident) -> Result<()> {
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some(spelling) = here.lookup(ident)? {
                respell(ident, spelling);
                return Ok(());
            }
            if here.relations.iter().any(|relation| relation.columns.others) {
                return Ok(());
            }
            scope = here.outer;
        }
        Err(self.unknown_column(ident, None))
    }

    /// The spelling of a name in this scope alone.
    fn lookup(&self, ident: &Ident) -> Result<Option<String>> {
        let outputs = || pick(self.outputs.iter().map(String::as_str), ident);
        if self.outputs_first {
            if let Some(spelling) = outputs()? {
                return Ok(Some(spelling));
            }
            return self.column(ident);
        }
        match self.column(ident)? {
            Some(spelling) => Ok(Some(spelling)),
            None => outputs(),
        }
    }

    /// The spelling of a column of this scope's relations. Several relations may have it, spelled alike: whether that
    /// is ambiguous depends on how they are joined, and the engine decides it.
    fn column(&self, ident: &Ident) -> Result<Option<String>> {
        let mut found: Vec<String> = Vec::new();
        for relation in self.relations {
            found.extend(pick(relation.columns.names.iter().map(String::as_str), ident)?);
        }
        found.dedup();
        if found.len() > 1 {
            let spellings = found.join("` and `");
            return Err(Error::invalid(format!("`{}` is ambiguous: `{spellings}`", ident.value))
                .with_hint("write `relation.column`".to_owned())
                .at(place(ident.span)));
        }
        Ok(found.pop())
    }

    /// Gives `relation.column` or `party.table.column` its declared spelling.
    pub(super) fn resolve_qualified(&self, idents: &mut Vec<Ident>) -> Result<()> {
        let Some(mut column) = idents.pop() else { return Ok(()) };
        let Some(relation) = self.relation(idents)? else {
            return Err(self.unknown_relation(idents));
        };
        relation.respell(idents);
        match pick(relation.columns.names.iter().map(String::as_str), &column)? {
            Some(spelling) => respell(&mut column, spelling),
            None if relation.columns.others => {}
            None => return Err(self.unknown_column(&column, Some(relation))),
        }
        idents.push(column);
        Ok(())
    }

    /// Gives the qualifier of `relation.*` its declared spelling; its columns.
    pub(super) fn resolve_wildcard(&self, qualifier: &mut Vec<Ident>) -> Result<&'a Columns> {
        let found = self.relations.iter().find(|relation| relation.is(qualifier));
        let Some(relation) = found else { return Err(self.unknown_relation(qualifier)) };
        relation.respell(qualifier);
        Ok(&relation.columns)
    }

    /// The relation of a qualifier, innermost first.
    fn relation(&self, qualifier: &[Ident]) -> Result<Option<&'a Relation>> {
        let mut scope = Some(self);
        while let Some(here) = scope {
            let mut matching = here.relations.iter().filter(|relation| relation.is(qualifier));
            if let Some(found) = matching.next() {
                if matching.next().is_some() {
                    let name = dotted(qualifier);
                    return Err(Error::invalid(format!(
                        "`{name}` is ambiguous: two relations have this name"
                    ))
                    .at(qualifier.first().and_then(|ident| place(ident.span))));
                }
                return Ok(Some(found));
            }
            scope = here.outer;
        }
        Ok(None)
    }

    fn unknown_column(&self, ident: &Ident, relation: Option<&Relation>) -> Error {
        let mut known: Vec<&str> = Vec::new();
        if let Some(relation) = relation {
            known.extend(relation.columns.names.iter().map(String::as_str));
        } else {
            let mut scope = Some(self);
            while let Some(here) = scope {
                known.extend(here.outputs.iter().map(String::as_str));
                known.extend(here.relations.iter().flat_map(|r| r.columns.names.iter().map(String::as_str)));
                scope = here.outer;
            }
        }
        dedup(&mut known);
        let name = &ident.value;
        let message = match relation.and_then(Relation::title) {
            Some(title) => format!("unknown column `{name}` in `{title}`"),
            None => format!("unknown column `{name}`"),
        };
        let help = hint(name, known, "columns").or_else(|| {
            (ident.quote_style == Some('"')).then(|| "text stands in single quotes: 'text'".to_owned())
        });
        Error::invalid(message).with_hint(help).at(place(ident.span))
    }

    fn unknown_relation(&self, qualifier: &[Ident]) -> Error {
        let name = dotted(qualifier);
        let titles: Vec<String> = {
            let mut titles = Vec::new();
            let mut scope = Some(self);
            while let Some(here) = scope {
                titles.extend(here.relations.iter().filter_map(Relation::title));
                scope = here.outer;
            }
            titles
        };
        Error::invalid(format!("the query has no relation `{name}`"))
            .with_hint(hint(&name, titles.iter().map(String::as_str), "relations"))
            .at(qualifier.first().and_then(|ident| place(ident.span)))
    }
}

impl Relation {
    /// Whether a qualifier names it.
    fn is(&self, qualifier: &[Ident]) -> bool {
        let (Some(name), Some((last, before))) = (&self.name, qualifier.split_last()) else { return false };
        let path = self.origin.path.iter().rev();
        same_name(name, &last.value)
            && before.len() <= path.len()
            && before.iter().rev().zip(path).all(|(ident, part)| same_name(part, &ident.value))
    }

    /// Leaves of a qualifier what the engine knows, in its spelling.
    fn respell(&self, qualifier: &mut Vec<Ident>) {
        let owner = self.owner().filter(|_| qualifier.len() > 1);
        let known = 1 + usize::from(owner.is_some());
        qualifier.drain(..qualifier.len().saturating_sub(known));
        let spellings = owner.into_iter().chain(self.name.as_ref());
        for (ident, spelling) in qualifier.iter_mut().zip(spellings) {
            respell(ident, spelling.clone());
        }
    }

    /// The owner under which the engine knows it.
    fn owner(&self) -> Option<&String> {
        self.origin.path.last().filter(|_| self.origin.owned)
    }

    fn title(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(self.owner().map_or_else(|| name.clone(), |owner| format!("{owner}.{name}")))
    }
}

/// Writes a name in its spelling, quoted so that nothing changes it again.
pub(super) fn respell(ident: &mut Ident, spelling: String) {
    ident.value = spelling;
    ident.quote_style = Some('"');
}

/// The spelling among `names` that an identifier means; the exact one if several differ in case only.
fn pick<'n>(names: impl Iterator<Item = &'n str>, ident: &Ident) -> Result<Option<String>> {
    let mut matching: Vec<&str> = names.filter(|name| same_name(name, &ident.value)).collect();
    dedup(&mut matching);
    match matching.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).to_owned())),
        several if several.contains(&ident.value.as_str()) => Ok(Some(ident.value.clone())),
        several => Err(Error::invalid(format!("`{}` is ambiguous: {}", ident.value, several.join(", ")))
            .with_hint("write `relation.column`".to_owned())
            .at(place(ident.span))),
    }
}

fn dedup(names: &mut Vec<&str>) {
    let mut seen: Vec<&str> = Vec::new();
    names.retain(|name| {
        let new = !seen.contains(name);
        seen.push(name);
        new
    });
}

/// `party.table`.
pub(super) fn dotted(idents: &[Ident]) -> String {
    idents.iter().map(|ident| ident.value.as_str()).collect::<Vec<_>>().join(".")
}
