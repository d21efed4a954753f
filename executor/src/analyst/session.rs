//! What a session's statements change.

use planner::{Session, SessionChange};

/// Applies a change that planning has found valid. Names match without regard to case.
pub(super) fn apply(session: &mut Session, change: SessionChange) {
    match change {
        SessionChange::CreateVirtualTable(table) => {
            match session.virtual_tables.iter_mut().find(|old| same(&old.name, &table.name)) {
                Some(old) => *old = table,
                None => session.virtual_tables.push(table),
            }
        }
        SessionChange::DropVirtualTable(name) => {
            session.virtual_tables.retain(|table| !same(&table.name, &name));
        }
        SessionChange::Set(name, value) => {
            match session.settings.iter_mut().find(|(old, _)| same(old, &name)) {
                Some((_, old)) => *old = value,
                None => session.settings.push((name, value)),
            }
        }
        SessionChange::Prepare(statement) => {
            match session.prepared.iter_mut().find(|old| same(&old.name, &statement.name)) {
                Some(old) => *old = statement,
                None => session.prepared.push(statement),
            }
        }
        SessionChange::Deallocate(name) => session.prepared.retain(|statement| !same(&statement.name, &name)),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use planner::VirtualTable;

    use super::*;

    #[test]
    fn a_virtual_table_is_replaced_in_place_and_dropped_by_any_spelling() {
        let mut session = Session::default();
        let create = |name: &str, sql: &str| {
            SessionChange::CreateVirtualTable(VirtualTable { name: name.into(), sql: sql.into() })
        };
        apply(&mut session, create("a", "1"));
        apply(&mut session, create("b", "2"));
        apply(&mut session, create("A", "3"));
        let texts: Vec<&str> = session.virtual_tables.iter().map(|table| table.sql.as_str()).collect();
        assert_eq!(texts, ["3", "2"]);
        apply(&mut session, SessionChange::DropVirtualTable("a".into()));
        assert_eq!(session.virtual_tables.len(), 1);
        apply(&mut session, SessionChange::Set("x".into(), "1".into()));
        apply(&mut session, SessionChange::Set("X".into(), "2".into()));
        assert_eq!(session.settings, [("x".to_owned(), "2".to_owned())]);
    }
}
