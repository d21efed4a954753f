//! What owners demand of a number: how many of their persons are behind it.

use datafusion::logical_expr::Expr;

use super::failure;
use super::figure::{Gate, Sums, all_rows};
use super::leaf::Persons;
use super::persons::PersonRows;
use super::want::{Counting, Want};
use crate::Result;
use crate::plan::{ColumnDef, Encoding, Measure, NumberedPart, PartyId, Range, Reg, RingSize};

impl Sums<'_> {
    /// What the owners demand of a number that these rows are behind.
    pub(crate) fn gates(&mut self, counting: &[Counting], what: &str) -> Result<Vec<Gate>> {
        self.gates_in(counting, &vec![true; counting.len()], what)
    }

    /// The same for rows of these branches only, by the owners with a part in them.
    pub(super) fn gates_in(
        &mut self,
        counting: &[Counting],
        branches: &[bool],
        what: &str,
    ) -> Result<Vec<Gate>> {
        let mut gates = Vec::new();
        let everywhere = branches.iter().all(|here| *here);
        for (owner, mut places) in self.rows.owners() {
            places.retain(|(branch, _)| branches.get(*branch).copied().unwrap_or(false));
            if places.is_empty() && !everywhere {
                continue;
            }
            let party =
                self.rows.federation().parties.get(owner.0).ok_or_else(|| failure::internal("an owner"))?;
            if party.release.min_people < 2 {
                continue;
            }
            let what = format!("{what} of {}", party.name);
            let persons = self.persons(owner, &places, counting, (&what, true))?;
            let reason = format!("min_people of {}", party.name);
            let gate = Gate { persons, at_least: party.release.min_people, reason };
            gates.push(self.or_elsewhere(gate, owner)?);
        }
        Ok(gates)
    }

    /// A gate that is met too in groups that an owner can have no row in, as everybody knows: by their rows, each of which
    /// weighs as many persons as it asks for.
    fn or_elsewhere(&mut self, gate: Gate, owner: PartyId) -> Result<Gate> {
        let without = self.sites.without(owner, &self.rows);
        if !without.contains(&true) {
            return Ok(gate);
        }
        let counting = all_rows(without.len()).into_iter().zip(&without);
        let wants: Vec<Want> = counting
            .map(|(counting, here)| if *here { Want::Count(counting) } else { Want::Nothing { bit: false } })
            .collect();
        let name = format!("rows beside {}", gate.reason);
        let encoding = Encoding::Arithmetic(RingSize::Z64);
        let value = self
            .rows
            .column(&wants, ColumnDef { name: name.clone(), encoding, range: Range { lo: 0, hi: 1 } })?;
        let def = self.count_def(name);
        let rows = self.measure(Measure::Sum { value }, def);
        let weighed = self.program.scale(rows, i128::from(gate.at_least))?;
        let persons = self.program.add(gate.persons, weighed)?;
        Ok(Gate { persons, reason: format!("{} where it has a part", gate.reason), ..gate })
    }

    /// The number of distinct persons of an owner with a row that counts; `normalised`: as identifiers are compared, else
    /// as SQL compares them.
    pub(super) fn persons(
        &mut self,
        owner: PartyId,
        places: &[(usize, usize)],
        counting: &[Counting],
        (what, normalised): (&str, bool),
    ) -> Result<Reg> {
        let [place] = places else {
            return self.numbered_persons(owner, places, counting, (what, normalised));
        };
        let found = self.rows.persons(*place)?;
        if matches!(found.rows, PersonRows::Numbered) {
            return self.numbered_persons(owner, places, counting, (what, normalised));
        }
        let counting = with_person(counting, place.0, found.known);
        if self.open {
            return self.persons_by(*place, &found.rows, counting, what);
        }
        let person_rows = found.rows;
        let rows = (self.rows.branches().len() > 1).then(|| self.rows.rows_of(place.0));
        let bit = |name: String| ColumnDef { name, encoding: Encoding::Bit, range: Range { lo: 0, hi: 1 } };
        let def = self.count_def(format!("persons {what}"));
        match person_rows {
            PersonRows::Single => {
                let wants = self.of_leaf(*place, counting, false);
                let encoding = Encoding::Arithmetic(RingSize::Z64);
                let column =
                    ColumnDef { name: format!("counts {what}"), encoding, range: Range { lo: 0, hi: 1 } };
                let value = self.rows.column(&wants, column)?;
                Ok(match rows {
                    None => self.measure(Measure::Sum { value }, def),
                    Some(rows) => self.measure(Measure::SumOfRows { value, rows }, def),
                })
            }
            PersonRows::Numbered => Err(failure::internal("numbered persons are counted apart")),
            PersonRows::Runs(exprs, max_run) => {
                let wants = self.of_leaf(*place, counting, true);
                let counts = self.rows.column(&wants, bit(format!("counts {what}")))?;
                let runs: Vec<Want> = (0..self.rows.branches().len())
                    .map(|branch| Want::Run((branch == place.0).then(|| exprs.clone())))
                    .collect();
                let run_starts = self.rows.column(&runs, bit("first row of a person".into()))?;
                let rows = rows.unwrap_or_else(|| self.rows.all_rows());
                let max_run =
                    usize::try_from(max_run).map_err(|_| failure::internal("a run without bound"))?;
                Ok(self.measure(Measure::Persons { counts, run_starts, max_run, rows }, def))
            }
        }
    }

    /// What says which rows count for the persons of a leaf.
    fn of_leaf(&self, place: (usize, usize), counting: Vec<Counting>, bit: bool) -> Vec<Want> {
        let plain = |counting: Counting| if bit { Want::CountBit(counting) } else { Want::Count(counting) };
        let always = self.rows.is_always_there(place);
        if always && !self.open {
            return counting.into_iter().map(plain).collect();
        }
        let want = |(branch, counting): (usize, Counting)| match (branch == place.0, always) {
            (true, true) => plain(counting),
            (true, false) => Want::Behind { counting, leaf: place.1, bit },
            (false, _) => Want::Nothing { bit },
        };
        counting.into_iter().enumerate().map(want).collect()
    }

    /// The number of distinct persons of one leaf in each group of open keys.
    fn persons_by(
        &mut self,
        place: (usize, usize),
        person_rows: &PersonRows,
        counting: Vec<Counting>,
        what: &str,
    ) -> Result<Reg> {
        let def = self.count_def(format!("persons {what}"));
        let name = format!("counts {what}");
        let range = Range { lo: 0, hi: 1 };
        match person_rows {
            PersonRows::Single => {
                let wants = self.of_leaf(place, counting, false);
                let encoding = Encoding::Arithmetic(RingSize::Z64);
                let value = self.rows.column(&wants, ColumnDef { name, encoding, range })?;
                Ok(self.measure(Measure::Sum { value }, def))
            }
            PersonRows::Runs(exprs, max_run) => {
                let wants = self.of_leaf(place, counting, true);
                let counts = self.rows.column(&wants, ColumnDef { name, encoding: Encoding::Bit, range })?;
                let planes = (u64::BITS - self.rows.bound().leading_zeros()).max(1);
                let runs: Vec<Want> = (0..self.rows.branches().len())
                    .map(|branch| Want::RunIndex((branch == place.0).then(|| exprs.clone()), planes))
                    .collect();
                let encoding = Encoding::Planes(planes);
                let range = Range { lo: 0, hi: (1 << planes) - 1 };
                let name = "number of a person".to_owned();
                let person = self.rows.column(&runs, ColumnDef { name, encoding, range })?;
                let max_run =
                    usize::try_from(*max_run).map_err(|_| failure::internal("a run without bound"))?;
                Ok(self.measure(Measure::PersonsBy { counts, person, max_run }, def))
            }
            PersonRows::Numbered => Err(failure::internal("numbered persons are counted apart")),
        }
    }

    /// The number of distinct persons of an owner, in whichever leaves their rows are.
    fn numbered_persons(
        &mut self,
        owner: PartyId,
        places: &[(usize, usize)],
        counting: &[Counting],
        (what, normalised): (&str, bool),
    ) -> Result<Reg> {
        self.refuse_repeated_rows(places)?;
        let most = self.rows.most_persons(owner);
        let mut parts = Vec::new();
        for &place in places {
            parts.push(self.numbered_part(place, counting, (what, normalised), most)?);
        }
        if parts.is_empty() {
            return self.program.constant(0);
        }
        let bits = u64::BITS - most.leading_zeros();
        let hi = parts.iter().map(|part| part.rows.len() as u64).fold(0, u64::saturating_add).min(most);
        let range = Range { lo: 0, hi: i128::from(hi) };
        let encoding = Encoding::Arithmetic(RingSize::Z64);
        let def = ColumnDef { name: format!("persons {what}"), encoding, range };
        Ok(self.measure(Measure::DistinctNumbers { parts, bits }, def))
    }

    /// Where rows are persons, the same row in two places would be two.
    fn refuse_repeated_rows(&self, places: &[(usize, usize)]) -> Result<()> {
        let mut tables: Vec<&[String]> = Vec::new();
        for (branch, leaf) in places {
            let source = self.rows.branches().get(*branch).and_then(|branch| branch.leaves.get(*leaf));
            let source = source.ok_or_else(|| failure::internal("an unknown leaf"))?;
            if source.persons == Persons::Rows {
                if tables.contains(&source.tables.as_slice()) {
                    return Err(failure::not_built(format!(
                        "counting the rows of {} in several places of a query, where every row is a person",
                        source.tables.join(", ")
                    )));
                }
                tables.push(&source.tables);
            }
        }
        Ok(())
    }

    /// The columns of one leaf's persons.
    fn numbered_part(
        &mut self,
        place: (usize, usize),
        counting: &[Counting],
        (what, normalised): (&str, bool),
        most: u64,
    ) -> Result<NumberedPart> {
        let found = self.rows.persons(place)?;
        let wants = self.of_leaf(place, with_person(counting, place.0, found.known), true);
        let range = Range { lo: 0, hi: 1 };
        let def = ColumnDef { name: format!("counts {what}"), encoding: Encoding::Bit, range };
        let counts = self.rows.column(&wants, def)?;
        let columns: Vec<Expr> = found.person.into_iter().collect();
        let person = |branch: usize| {
            if branch == place.0 {
                Want::Person { leaf: place.1, columns: columns.clone(), most, normalised }
            } else {
                Want::Nothing { bit: false }
            }
        };
        let wants: Vec<Want> = (0..self.rows.branches().len()).map(person).collect();
        let range = Range { lo: 0, hi: i128::from(most) };
        let encoding = Encoding::Arithmetic(RingSize::Z64);
        let person = self.rows.column(&wants, ColumnDef { name: "person".into(), encoding, range })?;
        Ok(NumberedPart { counts, number: person, rows: self.rows.rows_of(place.0) })
    }

    /// The bit that all gates are met.
    pub(crate) fn met(&mut self, gates: &[Gate]) -> Result<Option<Reg>> {
        let mut all = None;
        for gate in gates {
            let short = self.program.offset(gate.persons, -i128::from(gate.at_least))?;
            let short = self.program.negative(short);
            let met = self.program.not(short);
            all = self.program.both(all, Some(met));
        }
        Ok(all)
    }
}

/// The rows of one branch, where a person must be known too.
fn with_person(counting: &[Counting], branch: usize, known: Option<Expr>) -> Vec<Counting> {
    let mut counting = counting.to_vec();
    if let (Some(known), Some(counting)) = (known, counting.get_mut(branch)) {
        counting.known.push(known);
    }
    counting
}
