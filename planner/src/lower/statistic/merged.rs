//! Times of a curve merged until enough persons had the event: the steps of a coarser grid that nobody knows.
//!
//! A step ends at the first time at which, since the last step ended, enough persons of every owner had the event. Its
//! events D are those since then, the persons at risk N those who were there just after it: whoever leaves at a time within
//! the step, with or without the event, is among N, as on a grid whose steps these are.
//!
//! Where only some times are asked for, a step must end at each of them that is shown. Whatever would be left over just
//! before one joins the step before it: within the times up to one that is asked for, no step ends where fewer events than
//! asked for would remain. Persons with events at such times are handed to the pool all at once, at the time asked for.

use super::Result;
use super::cells::{Cells, Demand, beside};
use crate::lower::failure;
use crate::plan::{How, Node, Range};

/// The events of all times, and what must be reached.
pub(super) struct Steps<'a> {
    /// Per group and time `at_risk`, `events`, and `at_risk leaving`, those who leave then.
    pub(super) cells: &'a Cells,
    /// Persons with events of those who ask for some, per group and time, and how many these ask for.
    pub(super) demands: &'a [Demand],
    /// The most rows.
    pub(super) bound: i128,
}

impl Steps<'_> {
    /// The cells with `at_risk` and `events` of the step that ends at a time, 0 events where none does, and whether one does
    /// (`shown`). `until`: the places of the grid that are asked for, if not all are.
    ///
    /// # Errors
    /// Ranges that do not fit.
    pub(super) fn merged(&self, until: Option<&[usize]>, nodes: &mut Vec<Node>) -> Result<Cells> {
        let names = self.names();
        let own = self.columns(nodes)?;
        let own = match until {
            None => own,
            Some(places) => self.handed_on(&own, places, nodes)?,
        };
        let at_least = self.demands.iter().map(|demand| demand.at_least).chain([0, 0]).collect();
        let pooled = own.pool(at_least, self.bound, nodes)?;
        debug_assert_eq!(names.len() + 3, pooled.defs.len(), "counts, events, those who leave, and the bit");
        let both = beside(&[(self.cells.whole(), ""), (pooled.whole(), " since")], Vec::new(), nodes)?;
        let mut registers = both.registers();
        let (n, leaving) = (registers.get("at_risk")?, registers.get("at_risk leaving")?);
        let since = registers.get("leaving since")?;
        let after = registers.program.subtract(n, leaving)?;
        registers.within(after, 0, self.bound);
        let start = registers.program.add(after, since)?;
        registers.within(start, 0, self.bound);
        let (events, shown) = (registers.get("events since")?, registers.get("shown since")?);
        let none = registers.program.constant(0)?;
        let events = registers.program.select(shown, events, none)?;
        registers.within(events, 0, self.bound);
        Ok(registers.keep(&[(start, "at_risk"), (events, "events"), (shown, "shown")], nodes))
    }

    /// The names of the counts that must be reached.
    fn names(&self) -> Vec<String> {
        (0..self.demands.len()).map(|demand| format!("with events {demand}")).collect()
    }

    /// What is put together: the counts that must be reached, events, and those who leave.
    fn columns(&self, nodes: &mut Vec<Node>) -> Result<Cells> {
        let cells = self.cells.ungated();
        let mut registers = cells.registers();
        let names = self.names();
        let mut kept = Vec::new();
        for (demand, name) in self.demands.iter().zip(&names) {
            kept.push((registers.column(demand.column), name.as_str()));
        }
        kept.push((registers.get("events")?, "events"));
        kept.push((registers.get("at_risk leaving")?, "leaving"));
        Ok(registers.keep(&kept, nodes))
    }

    /// The same columns, where counts of times after which too few events remain until the next time asked for are handed on
    /// to that time.
    fn handed_on(&self, own: &Cells, places: &[usize], nodes: &mut Vec<Node>) -> Result<Cells> {
        let (length, last) = match own.shape.as_slice() {
            [.., length] => (*length, own.shape.len() - 1),
            [] => return Err(failure::internal("a curve without times")),
        };
        let split = self.split(own, (places, length, last), nodes)?;
        let names = self.names();
        let handed: Vec<String> = names.iter().map(|name| handed_on(name)).collect();
        let waiting: Vec<&str> = handed.iter().map(String::as_str).collect();
        let waiting = split.only_these(&waiting, nodes)?;
        let until = self.so_far(&waiting, last, &handed, nodes)?;
        // Those handed on from after the time asked for before this one up to it; nothing at other times.
        let (ends, starts) = windows(places, length);
        let parts = [
            (own.whole(), ""),
            (split.whole(), " kept"),
            (until.at_times(&ends), ""),
            (waiting.at_times(&starts), " there"),
            (until.at_times(&starts), " before"),
        ];
        let both = beside(&parts, Vec::new(), nodes)?;
        let mut registers = both.registers();
        let mut kept = Vec::new();
        for (name, handed) in names.iter().zip(&handed) {
            let (stays, until) = (registers.get(&format!("{name} kept"))?, registers.get(handed)?);
            let (there, before) =
                (registers.get(&format!("{handed} there"))?, registers.get(&format!("{handed} before"))?);
            // Up to, but not at, the first of these times.
            let before = registers.program.subtract(before, there)?;
            registers.within(before, 0, self.bound);
            let arrives = registers.program.subtract(until, before)?;
            registers.within(arrives, 0, self.bound);
            let sum = registers.program.add(stays, arrives)?;
            registers.within(sum, 0, self.bound);
            kept.push((sum, name.as_str()));
        }
        kept.push((registers.get("events")?, "events"));
        kept.push((registers.get("leaving")?, "leaving"));
        Ok(registers.keep(&kept, nodes))
    }

    /// The counts that stay at their times, since enough events remain until the next time asked for, and those that do not.
    fn split(
        &self,
        own: &Cells,
        (places, length, last): (&[usize], usize, usize),
        nodes: &mut Vec<Node>,
    ) -> Result<Cells> {
        let names = self.names();
        let so_far = self.so_far(own, last, &self.all_names(), nodes)?;
        let next = |time: usize| places.iter().copied().filter(|place| *place >= time).min().unwrap_or(time);
        let next: Vec<usize> = (0..length).map(next).collect();
        let parts = [(own.whole(), ""), (so_far.whole(), " so far"), (so_far.at_times(&next), " then")];
        let both = beside(&parts, Vec::new(), nodes)?;
        let mut registers = both.registers();
        let mut enough = None;
        for (demand, name) in self.demands.iter().zip(&names) {
            let (then, so_far) =
                (registers.get(&format!("{name} then"))?, registers.get(&format!("{name} so far"))?);
            let remaining = registers.program.subtract(then, so_far)?;
            registers.within(remaining, 0, self.bound);
            let met = registers.at_least(remaining, i128::from(demand.at_least))?;
            enough = Some(enough.map_or(met, |before| registers.program.and(before, met)));
        }
        let enough = enough.ok_or_else(|| failure::internal("steps that nobody asks for"))?;
        let none = registers.program.constant(0)?;
        let handed: Vec<String> = names.iter().map(|name| handed_on(name)).collect();
        let mut kept = Vec::new();
        for (name, handed) in names.iter().zip(&handed) {
            let own = registers.get(name)?;
            let stays = registers.program.select(enough, own, none)?;
            registers.within(stays, 0, self.bound);
            let moves = registers.program.subtract(own, stays)?;
            registers.within(moves, 0, self.bound);
            kept.push((stays, name.as_str()));
            kept.push((moves, handed.as_str()));
        }
        Ok(registers.keep(&kept, nodes))
    }

    /// The names of all columns that are put together.
    fn all_names(&self) -> Vec<String> {
        self.names().into_iter().chain(["events".to_owned(), "leaving".to_owned()]).collect()
    }

    /// Running sums of these columns.
    fn so_far(&self, cells: &Cells, last: usize, names: &[String], nodes: &mut Vec<Node>) -> Result<Cells> {
        let limit = Range { lo: 0, hi: self.bound };
        let limits: Vec<(&str, Range)> = names.iter().map(|name| (name.as_str(), limit)).collect();
        cells.fold(last, How::FromStart, &limits, nodes)
    }
}

/// The name of the counts that are handed on to a later time.
fn handed_on(name: &str) -> String {
    format!("{name} handed on")
}

/// For each time, two places between which, both included, lie the times after the last one asked for and up to this one, if
/// it is asked for; else two places with nothing between them.
fn windows(places: &[usize], length: usize) -> (Vec<usize>, Vec<usize>) {
    let window = |time: usize| {
        if places.contains(&time) {
            let before = places.iter().filter(|place| **place < time).max();
            (time, before.map_or(0, |place| place + 1))
        } else if time + 1 < length {
            (time, time + 1)
        } else {
            (time.saturating_sub(1), time)
        }
    };
    (0..length).map(window).unzip()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::super::tests::{federation, loaded, rows, secure};
    use super::windows;

    const FEDERATION: &str = r#"
version = 1
name = "t"
party = [{ name = "a", seat = 0 }, { name = "b", seat = 1 }, { name = "c", seat = 2 }]
"#;

    const POLICY: &str = r#"
version = 1
[release]
min_people = 5
[table.t]
person = "id"
max_rows = 50
[table.t.column]
id = { type = "INTEGER", bounds = [1, 1000], nullable = false, allow = ["join"] }
months = { type = "INTEGER", bounds = [1, 6], nullable = false, allow = ["survival", "aggregate"] }
died = { type = "BOOLEAN", nullable = false, allow = ["survival", "aggregate"] }
"#;

    /// The rows of a call over people of whom so many leave at each time with and without the event.
    fn answer(call: &str, leaving: &[(usize, usize)]) -> Vec<Vec<String>> {
        let federation = federation(FEDERATION, &[("a", POLICY)]);
        let mut csv = "id,months,died".to_owned();
        let people = leaving.iter().enumerate().flat_map(|(time, (events, others))| {
            (0..events + others).map(move |person| (time + 1, person < *events))
        });
        for (id, (months, died)) in people.enumerate() {
            write!(csv, "\n{},{months},{died}", id + 1).unwrap();
        }
        let data = loaded(&federation, &[("a.t", &csv)]);
        let found = secure(&federation, &data, &format!("SELECT * FROM {call}")).unwrap();
        rows(&found).iter().map(|row| row.iter().map(ToString::to_string).collect()).collect()
    }

    /// What broke: survival was the product over all times, also those not shown, and of one value with the number at risk
    /// and the sum of events a search found the events of each (few) and the people at risk there. What holds: histories in
    /// which times not shown differ, and what is shown does not, give the same rows, to the last digit.
    #[test]
    fn rows_do_not_depend_on_times_that_are_not_shown() {
        let curve = "KAPLAN_MEIER(a.t, time => 'months', event => 'died')";
        let points = "SURVIVAL_AT(a.t, time => 'months', event => 'died', times => '4')";
        // Five events and three others leave at the first two times, then six and none.
        let one = [(3, 1), (2, 2), (6, 0), (2, 1), (1, 0), (0, 12)];
        let another = [(1, 2), (4, 1), (6, 0), (2, 1), (0, 1), (1, 11)];
        for call in [curve, points] {
            let found = answer(call, &one);
            assert!(!found.is_empty(), "{call}");
            assert_eq!(found, answer(call, &another), "{call}");
        }
        let numbers = |row: &Vec<String>, cells: &[usize]| -> Vec<String> {
            cells.iter().map(|cell| row[*cell].clone()).collect()
        };
        let found = answer(curve, &one);
        assert_eq!(found.len(), 2, "{found:?}");
        let first = 1.0 - 5.0 / 30.0;
        let second = first * (1.0 - 6.0 / 22.0);
        let close = |cell: &String, expected: f64| (cell.parse::<f64>().unwrap() - expected).abs() < 1e-9;
        assert!(close(&found[0][2], first) && close(&found[1][2], second), "{found:?}");
        assert_eq!(numbers(&found[0], &[1, 5, 6]), ["2", "30", "5"]);
        assert_eq!(numbers(&found[1], &[1, 5, 6]), ["3", "22", "6"]);
        // Two events after the last step are too few for one of their own: they join it.
        let found = answer(points, &one);
        assert!(close(&found[0][2], first * (1.0 - 8.0 / 22.0)), "{found:?}");
    }

    /// With enough events at every time nothing is merged.
    #[test]
    fn times_with_enough_events_are_steps_of_their_own() {
        let leaving = [(5, 1), (6, 0), (7, 2), (5, 0), (0, 3), (0, 10)];
        let found = answer("KAPLAN_MEIER(a.t, time => 'months', event => 'died')", &leaving);
        let mut at_risk = leaving.iter().map(|(events, others)| events + others).sum::<usize>();
        let mut lived = 1.0;
        assert_eq!(found.len(), 4, "{found:?}");
        for (row, (events, others)) in found.iter().zip(leaving) {
            lived *=
                1.0 - f64::from(u32::try_from(events).unwrap()) / f64::from(u32::try_from(at_risk).unwrap());
            assert!((row[2].parse::<f64>().unwrap() - lived).abs() < 1e-9, "{row:?}, not {lived}");
            assert_eq!(row[5..], [at_risk.to_string(), events.to_string()]);
            at_risk -= events + others;
        }
    }

    /// What lies in the windows, of numbers whose running sums are taken.
    #[test]
    fn windows_hold_the_times_up_to_those_asked_for() {
        let numbers = [1, 2, 4, 8, 16, 32];
        for places in [vec![0], vec![5], vec![3, 1], vec![0, 1, 5], vec![2, 2, 4]] {
            let (ends, starts) = windows(&places, numbers.len());
            for (time, (end, start)) in ends.into_iter().zip(starts).enumerate() {
                let upto = |place: usize| numbers.iter().take(place + 1).sum::<i32>();
                let found = upto(end) - (upto(start) - numbers[start]);
                let after = places.iter().filter(|place| **place < time).max().map_or(0, |place| place + 1);
                let expected: i32 =
                    if places.contains(&time) { numbers[after..=time].iter().sum() } else { 0 };
                assert_eq!(found, expected, "{places:?} at {time}");
            }
        }
    }
}
