//! FROM: tables, virtual tables, subqueries, joins.

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, TableAlias, TableFactor, TableWithJoins,
};

use super::scope::{Columns, Origin, Relation, Scope, dotted, respell};
use super::{Resolver, place, refused, renamed, unsupported};
use crate::bind::dialect::identifiers;
use crate::error::{Class, Error, Result};
use crate::nearest::{hint, same_name};

/// A FROM clause has no more relations than this: joins are handled by recursion.
const MAX_RELATIONS: usize = 60;
/// One statement expands no more virtual tables than this: views over views can double at every level.
const MAX_EXPANSIONS: usize = 100;
/// Tables that one query may read: the engine plans a common table expression anew wherever it is named, so expressions
/// that name the one before twice double with each.
const MAX_READS: usize = 500;

impl Resolver<'_> {
    /// Resolves a FROM item and its joins; adds its relations.
    pub(super) fn table_with_joins(
        &mut self,
        from: &mut TableWithJoins,
        relations: &mut Vec<Relation>,
        outer: Option<&Scope<'_>>,
    ) -> Result<()> {
        self.factor(&mut from.relation, relations, outer)?;
        for join in &mut from.joins {
            let left = relations.len();
            self.factor(&mut join.relation, relations, outer)?;
            match constraint(&mut join.join_operator)? {
                JoinConstraint::On(condition) => {
                    self.expression(condition, &Scope::rows(relations, outer))?;
                }
                JoinConstraint::Using(columns) => {
                    let (before, after) = relations.split_at(left);
                    columns.iter_mut().try_for_each(|name| using(name, before, after))?;
                }
                JoinConstraint::Natural => {
                    return Err(unsupported("NATURAL JOIN", None)
                        .with_hint("name the columns: `JOIN t ON ...` or `USING (...)`".to_owned()));
                }
                JoinConstraint::None => {}
            }
        }
        Ok(())
    }

    fn factor(
        &mut self,
        factor: &mut TableFactor,
        relations: &mut Vec<Relation>,
        outer: Option<&Scope<'_>>,
    ) -> Result<()> {
        let relation = match factor {
            TableFactor::Table { args: Some(_), .. } => self.table_function(factor)?,
            TableFactor::Table { .. } => self.table(factor)?,
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                if sample.is_some() {
                    return Err(refused("TABLESAMPLE"));
                }
                let columns = if *lateral {
                    self.query(subquery, Some(&Scope::rows(relations, outer)))?
                } else {
                    self.query(subquery, outer)?
                };
                aliased(columns, alias.as_ref(), None)
            }
            TableFactor::TableFunction { expr, alias } => {
                let name = match expr {
                    Expr::Identifier(ident) => vec![ident.clone()],
                    Expr::CompoundIdentifier(idents) => idents.clone(),
                    _ => return Err(unsupported("TABLE of an expression in FROM", None)),
                };
                *factor = plain_table(name.into(), alias.take());
                self.table(factor)?
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                return self.table_with_joins(table_with_joins, relations, outer);
            }
            TableFactor::NestedJoin { .. } => return Err(unsupported("an alias of a join", None)),
            TableFactor::Function { name, .. } => {
                return Err(unsupported(&format!("LATERAL {name}"), None));
            }
            TableFactor::UNNEST { .. } => return Err(unsupported("UNNEST", None)),
            TableFactor::Pivot { .. } => return Err(unsupported("PIVOT", None)),
            TableFactor::Unpivot { .. } => return Err(unsupported("UNPIVOT", None)),
            TableFactor::MatchRecognize { .. } => return Err(unsupported("MATCH_RECOGNIZE", None)),
            TableFactor::JsonTable { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::SemanticView { .. } => {
                return Err(unsupported("this kind of table expression", None));
            }
        };
        relations.push(relation);
        if relations.len() > MAX_RELATIONS {
            return Err(Error::new(
                Class::Resource,
                format!("more than {MAX_RELATIONS} relations in one FROM"),
            ));
        }
        Ok(())
    }

    /// A table or a virtual table by its name.
    fn table(&mut self, factor: &mut TableFactor) -> Result<Relation> {
        refuse_decorations(factor)?;
        let TableFactor::Table { name, alias, .. } = factor else {
            return Err(Error::internal("a table factor of another kind"));
        };
        let mut idents = identifiers(name).unwrap_or_default();
        if let Some(span) = self.reference {
            for ident in &mut idents {
                ident.span = span;
            }
        }
        if let Some(file) = idents.iter().find(|ident| is_file(ident)) {
            return Err(Error::refused(format!("reading the file `{}` is refused", file.value))
                .with_hint("only tables of the federation can be read: see SHOW TABLES".to_owned())
                .at(place(file.span)));
        }
        if let [catalog, _, _] = idents.as_slice()
            && same_name(&catalog.value, &self.federation.name)
        {
            idents.remove(0);
        }
        match idents.as_mut_slice() {
            [schema, _] if self.federation.is_virtual_schema(&schema.value) => {
                self.virtual_table(factor, idents.remove(1))
            }
            [ident] => {
                if let Some(cte) = self.ctes.iter().rev().find(|cte| is_named(cte, ident)) {
                    let (spelling, columns) = (cte.name.clone().unwrap_or_default(), cte.columns.clone());
                    let reads = cte.reads;
                    self.read(reads, ident)?;
                    respell(ident, spelling.clone());
                    let relation = aliased(columns, alias.as_ref(), Some(spelling));
                    *name = idents.into();
                    return Ok(relation);
                }
                self.virtual_table(factor, idents.remove(0))
            }
            [owner, table] => {
                let Some((party, _, found)) = self.federation.table(&owner.value, &table.value) else {
                    return Err(self.unknown_table(&idents));
                };
                self.read(1, table)?;
                let party = &self.federation.parties[party.0];
                respell(owner, party.name.clone());
                respell(table, found.name.clone());
                let columns = Columns::of(found.columns.iter().map(|column| column.name.as_str()));
                let mut relation = aliased(columns, alias.as_ref(), Some(found.name.clone()));
                if alias.is_none() {
                    relation.origin = Origin::owner(self.federation, &party.name);
                }
                *name = idents.into();
                Ok(relation)
            }
            _ => Err(self.unknown_table(&idents)),
        }
    }

    /// Counts tables that are read under one name.
    fn read(&mut self, tables: usize, at: &Ident) -> Result<()> {
        self.reads = self.reads.saturating_add(tables);
        if self.reads > MAX_READS {
            let message = format!(
                "the query reads more than {MAX_READS} tables, WITH queries written out wherever they are named"
            );
            return Err(Error::new(Class::Resource, message).at(place(self.reference.unwrap_or(at.span))));
        }
        Ok(())
    }

    /// Puts the query of a virtual table in place of its name.
    fn virtual_table(&mut self, factor: &mut TableFactor, ident: Ident) -> Result<Relation> {
        let session = self.session;
        let of_session = session.virtual_tables.iter().position(|t| same_name(&t.name, &ident.value));
        let (spelling, sql) = match (of_session, self.federation.view(&ident.value)) {
            (Some(index), _) => {
                self.used.insert(index);
                (&session.virtual_tables[index].name, &session.virtual_tables[index].sql)
            }
            (None, Some(view)) => (&view.name, &view.sql),
            (None, None) => return Err(self.unknown_table(&[ident])),
        };
        let (query, columns) = self.expand(spelling, sql, &ident)?;
        let TableFactor::Table { alias, .. } = factor else {
            return Err(Error::internal("a table factor of another kind"));
        };
        let origin = if alias.is_none() { Origin::virtual_table(self.federation) } else { Origin::default() };
        let alias = alias.take().unwrap_or_else(|| TableAlias {
            explicit: true,
            name: Ident::with_quote('"', spelling),
            columns: Vec::new(),
            at: None,
        });
        let relation = Relation { origin, ..aliased(columns, Some(&alias), None) };
        *factor = TableFactor::Derived { lateral: false, subquery: query, alias: Some(alias), sample: None };
        Ok(relation)
    }

    fn expand(&mut self, name: &str, sql: &str, at: &Ident) -> Result<(Box<Query>, Columns)> {
        let position = place(self.reference.unwrap_or(at.span));
        self.expansions += 1;
        if self.expansions > MAX_EXPANSIONS {
            return Err(Error::invalid(format!(
                "the query expands more than {MAX_EXPANSIONS} virtual tables"
            ))
            .at(position));
        }
        if self.expanding.iter().any(|other| same_name(other, name)) {
            let chain = self.expanding.join("` -> `");
            return Err(Error::invalid(format!(
                "virtual table `{name}` refers to itself: `{chain}` -> `{name}`"
            ))
            .at(position));
        }
        let inside = |error: Error| {
            let message = match &error.message {
                known if known.starts_with("in virtual table `") => known.clone(),
                message => format!("in virtual table `{name}`: {message}"),
            };
            Error { message, position, ..error }
        };
        let mut query = crate::statement::parse_query_text(sql).map_err(inside)?;
        let (ctes, reference) = (std::mem::take(&mut self.ctes), self.reference);
        self.reference = Some(reference.unwrap_or(at.span));
        self.expanding.push(name.to_owned());
        let columns = self.query(&mut query, None).map_err(inside)?;
        self.expanding.pop();
        self.reference = reference;
        self.ctes = ctes;
        Ok((query, columns))
    }

    fn unknown_table(&self, idents: &[Ident]) -> Error {
        let typed = dotted(idents);
        let mut known: Vec<String> = self.ctes.iter().filter_map(|cte| cte.name.clone()).collect();
        known.extend(self.session.virtual_tables.iter().map(|table| table.name.clone()));
        known.extend(self.federation.views.iter().map(|view| view.name.clone()));
        known.extend(self.federation.tables().map(|(party, table)| format!("{}.{}", party.name, table.name)));
        let exact: Vec<&str> = known
            .iter()
            .map(String::as_str)
            .filter(|name| name.rsplit('.').next().is_some_and(|last| same_name(last, &typed)))
            .collect();
        let help = match exact.as_slice() {
            [one] => Some(format!("did you mean `{one}`?")),
            _ => hint(&typed, known.iter().map(String::as_str), "tables"),
        };
        let at = idents.first().and_then(|ident| place(self.reference.unwrap_or(ident.span)));
        Error::invalid(format!("unknown table `{typed}`")).with_hint(help).at(at)
    }
}

/// A plain table.
fn plain_table(name: ObjectName, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

/// Demands that a table stands without clauses that `DataFusion` would drop.
pub(super) fn refuse_decorations(factor: &TableFactor) -> Result<()> {
    let TableFactor::Table {
        sample,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        index_hints,
        ..
    } = factor
    else {
        return Ok(());
    };
    if sample.is_some() {
        return Err(refused("TABLESAMPLE"));
    }
    let odd = [
        (!with_hints.is_empty(), "WITH after a table"),
        (version.is_some(), "a version of a table"),
        (*with_ordinality, "WITH ORDINALITY"),
        (!partitions.is_empty(), "PARTITION after a table"),
        (json_path.is_some(), "a path into a table"),
        (!index_hints.is_empty(), "an index hint"),
    ];
    match odd.into_iter().find(|(there, _)| *there) {
        None => Ok(()),
        Some((_, what)) => Err(unsupported(what, None)),
    }
}

/// A relation under its alias, or else under its own name.
pub(super) fn aliased(columns: Columns, alias: Option<&TableAlias>, name: Option<String>) -> Relation {
    match alias {
        None => Relation { name, columns, ..Relation::default() },
        Some(alias) => {
            let columns = renamed(columns, &alias.columns);
            Relation { name: Some(alias.name.value.clone()), columns, ..Relation::default() }
        }
    }
}

fn is_named(relation: &Relation, ident: &Ident) -> bool {
    relation.name.as_ref().is_some_and(|name| same_name(name, &ident.value))
}

/// `'patients.csv'` and the like.
fn is_file(ident: &Ident) -> bool {
    ident.quote_style == Some('\'') || ident.value.contains(['/', '\\'])
}

fn constraint(operator: &mut JoinOperator) -> Result<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => Ok(constraint),
        JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::AsOf { .. }
        | JoinOperator::StraightJoin(_)
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => Err(unsupported("this kind of join", None)),
    }
}

/// A column of USING: it must exist on both sides, with the same spelling.
fn using(name: &mut ObjectName, left: &[Relation], right: &[Relation]) -> Result<()> {
    let mut idents = identifiers(name).unwrap_or_default();
    let [ident] = idents.as_mut_slice() else {
        return Err(unsupported("a qualified name in USING", None));
    };
    let mut other = ident.clone();
    Scope::rows(left, None).resolve(ident)?;
    Scope::rows(right, None).resolve(&mut other)?;
    if ident.value != other.value {
        return Err(Error::invalid(format!(
            "USING: the column is `{}` on one side and `{}` on the other",
            ident.value, other.value
        ))
        .with_hint("write `ON a.x = b.y`".to_owned())
        .at(place(ident.span)));
    }
    *name = idents.into();
    Ok(())
}
