//! Numbers of people against what owners demand, decided on shares.

use mpc::protocol::compare::is_negative;
use mpc::{Context, Ring, Shared, SharedBits};
use planner::plan::{ColumnDef, Threshold};

use crate::table::Table;
use crate::{Error, Result};

/// A column with numbers of people, and what each must reach.
pub(crate) struct Asked<'t> {
    persons: &'t Shared<u64>,
    limit: i128,
    bits: u32,
}

impl<'t> Asked<'t> {
    /// What a threshold asks of a table whose columns are `defs`.
    ///
    /// # Errors
    /// Class internal if the table has no such numbers.
    pub(crate) fn of(threshold: &Threshold, table: &'t Table, defs: &[&ColumnDef]) -> Result<Asked<'t>> {
        let def = defs.get(threshold.persons);
        let range =
            def.ok_or_else(|| Error::internal("gate", "a number of people that does not exist"))?.range;
        let limit = i128::from(threshold.at_least);
        let bits = signed_bits(range.lo - limit).max(signed_bits(range.hi - limit));
        Ok(Asked { persons: table.ring64(threshold.persons)?, limit, bits })
    }
}

/// For each column the bit that its numbers reach what is asked, one for each of its rows.
///
/// Cost: one batch of comparisons at the width of the widest declared range; nothing if nothing is asked.
///
/// # Errors
/// Class internal if a range does not fit; class peer if another party ends.
pub(crate) async fn met(ctx: &Context, asked: &[Asked<'_>]) -> Result<Vec<SharedBits>> {
    let Some(bits) = asked.iter().map(|asked| asked.bits).max() else { return Ok(Vec::new()) };
    if bits > u64::BITS {
        return Err(Error::internal("gate", "a number of people is out of range"));
    }
    let difference =
        |asked: &Asked<'_>| asked.persons.clone().add_constant(ctx.seat(), u64::from_i128(-asked.limit));
    let differences: Vec<Shared<u64>> = asked.iter().map(difference).collect();
    let all = Shared::concat(&differences.iter().collect::<Vec<_>>());
    let met = is_negative(ctx, &all, bits).await?.not(ctx.seat());
    let mut start = 0;
    let mut each = |difference: &Shared<u64>| {
        let rows = start..start + difference.len();
        start = rows.end;
        met.rows(rows)
    };
    Ok(differences.iter().map(&mut each).collect())
}

/// The least width in which a number fits in two's complement.
fn signed_bits(value: i128) -> u32 {
    let magnitude = if value < 0 { !value } else { value };
    129 - magnitude.leading_zeros()
}
