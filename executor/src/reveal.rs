//! The only file that opens query data.
//!
//! At a seat it turns what passed the gate into the message for the analyst, and spends the plan's [`Permit`] for it. At
//! the analyst it compares the copies, puts the numbers together and decodes them. Which columns leave, and the length
//! of every message, follow from the plan alone:
//!
//! | part of a seat's message | bytes |
//! |---|---|
//! | for grouped rows with a condition: the bit of each row | two components |
//! | then for each output, if it has a condition of its own: the bit of each row | two components |
//! | and its values, 0 where a bit is 0 | two components |

mod decode;
mod model;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, StringArray, new_empty_array};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::scalar::ScalarValue;
use mpc::verify::Verified;
use mpc::{Column, Ring, Shared, SharedBits, combine_bits};
use planner::check::Permit;
use planner::plan::{Encoding, Node, Release, RingSize, Rows, SecurePlan};

use crate::{Error, Result, shape};

/// What one seat sends to the analyst for one release. Holds shares: worth nothing without those of the other seats.
pub struct ReleasedShares {
    bytes: Vec<u8>,
}

impl std::fmt::Debug for ReleasedShares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReleasedShares({} bytes)", self.bytes.len())
    }
}

impl ReleasedShares {
    /// The message.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The length of the message.
    #[expect(clippy::len_without_is_empty, reason = "whether it is empty says nothing")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The length of the message for release number `release` of a plan.
    ///
    /// # Errors
    /// Class internal if the plan has no such release.
    pub fn wire_bytes(plan: &SecurePlan, release: usize) -> Result<usize> {
        let layout = Layout::of(plan, release)?;
        Ok(layout.pieces().map(|piece| 2 * piece.bytes(layout.rows)).sum())
    }
}

/// A release behind its gate, at one seat.
pub(crate) struct Gated {
    /// The row is there; see [`Gated::shows_row_bit`].
    pub(crate) row_bit: Option<SharedBits>,
    /// Values and whether they are known. An output without a bit is known wherever its row is there.
    pub(crate) outputs: Vec<(Column, Option<SharedBits>)>,
}

impl Gated {
    /// Whether rows can be absent. Where they cannot, the conditions on rows are conditions on each output.
    pub(crate) fn shows_row_bit(release: &Release) -> bool {
        matches!(release.rows, Rows::Groups(_) | Rows::Chosen(_))
    }
}

/// What a released table looks like, and what the analyst is told about it.
#[derive(Debug)]
pub struct Released {
    /// The table `released.r<i>`.
    pub batch: RecordBatch,
    /// Says that something was withheld, not how much.
    pub notice: Option<String>,
}

/// Spends the permit: the messages of this seat for all releases of the plan it was given for.
///
/// `verified` says that all products behind them have been checked.
///
/// # Errors
/// Class abort if the permit was given for another plan or the columns are not the declared ones; nothing leaves then.
pub(crate) fn release(
    permit: Permit,
    verified: &Verified,
    plan: &SecurePlan,
    gated: Vec<Gated>,
) -> Result<Vec<ReleasedShares>> {
    spend(permit, plan)?;
    gated.into_iter().enumerate().map(|(index, gated)| message(plan, index, gated, verified)).collect()
}

/// Consumes a permit where nothing is released: at a party without a seat, and before a seat's first operation.
pub(crate) fn check(permit: &Permit, plan: &SecurePlan) -> Result<()> {
    if planner::plan_hash(plan) == *permit.plan() {
        Ok(())
    } else {
        Err(abort("the permit is for another plan"))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a permit is spent once")]
fn spend(permit: Permit, plan: &SecurePlan) -> Result<()> {
    check(&permit, plan)
}

fn abort(check: &str) -> Error {
    Error::Abort { step: "reveal".to_owned(), check: check.to_owned() }
}

/// The message of this seat for one release.
pub(crate) fn message(
    plan: &SecurePlan,
    release: usize,
    gated: Gated,
    verified: &Verified,
) -> Result<ReleasedShares> {
    let layout = Layout::of(plan, release)?;
    let mut columns = Vec::new();
    columns.extend(gated.row_bit.map(Column::from));
    for (value, bit) in gated.outputs {
        columns.extend(bit.map(Column::from));
        columns.push(value);
    }
    let mut bytes = Vec::new();
    let mut pieces = layout.pieces();
    for column in &columns {
        let declared = pieces.next();
        let part = match (declared, column) {
            (Some(Piece::Bit), Column::Bits(x)) if x.width() == 1 && x.len() == layout.rows => {
                x.to_bytes(verified)
            }
            (Some(Piece::Number(RingSize::Z64)), Column::U64(x)) if x.len() == layout.rows => {
                x.to_bytes(verified)
            }
            (Some(Piece::Number(RingSize::Z128)), Column::U128(x)) if x.len() == layout.rows => {
                x.to_bytes(verified)
            }
            _ => return Err(abort("a column that leaves was not declared")),
        };
        bytes.extend(part);
    }
    if pieces.next().is_some() {
        return Err(abort("a declared column is missing"));
    }
    Ok(ReleasedShares { bytes })
}

/// What the messages of one release hold, from the plan alone.
struct Layout<'p> {
    release: &'p Release,
    rows: usize,
    row_bit: bool,
    outputs: Vec<(bool, RingSize)>,
}

#[derive(Clone, Copy)]
enum Piece {
    Bit,
    Number(RingSize),
}

impl Piece {
    /// Bytes of one component.
    fn bytes(self, rows: usize) -> usize {
        match self {
            Piece::Bit => mpc::Planes::wire_bytes(rows, 1),
            Piece::Number(RingSize::Z64) => rows * u64::BYTES,
            Piece::Number(RingSize::Z128) => rows * u128::BYTES,
        }
    }
}

impl<'p> Layout<'p> {
    fn of(plan: &'p SecurePlan, release: usize) -> Result<Self> {
        let id = *plan
            .releases
            .get(release)
            .ok_or_else(|| Error::internal("reveal", "a release does not exist"))?;
        let Node::Release(node) = shape::node(plan, id)? else {
            return Err(Error::internal("reveal", "a release is another node"));
        };
        let defs = shape::columns(plan, node.input)?;
        let conditional = node.present.is_some() || !node.gate.is_empty();
        let row_bit = conditional && Gated::shows_row_bit(node);
        let outputs = node.outputs.iter().map(|output| {
            let own = output.known.is_some() || !output.gate.is_empty();
            let def = defs
                .get(output.value)
                .ok_or_else(|| Error::internal("reveal", "an output does not exist"))?;
            match def.encoding {
                Encoding::Arithmetic(ring) => Ok((own || (conditional && !row_bit), ring)),
                Encoding::Bit | Encoding::Planes(_) => {
                    Err(Error::internal("reveal", "an output is not a number"))
                }
            }
        });
        Ok(Layout {
            release: node,
            rows: shape::rows(plan, id)?,
            row_bit,
            outputs: outputs.collect::<Result<_>>()?,
        })
    }

    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let outputs = self
            .outputs
            .iter()
            .flat_map(|&(bit, ring)| bit.then_some(Piece::Bit).into_iter().chain([Piece::Number(ring)]));
        self.row_bit.then_some(Piece::Bit).into_iter().chain(outputs)
    }
}

/// The three seats' messages, read piece by piece.
struct Messages<'m> {
    rest: [&'m [u8]; 3],
    rows: usize,
}

impl Messages<'_> {
    /// The next `2 * bytes` bytes of every seat. The lengths were checked.
    fn next(&mut self, bytes: usize) -> [&[u8]; 3] {
        self.rest.each_mut().map(|rest| {
            let (part, after) = rest.split_at(2 * bytes);
            *rest = after;
            part
        })
    }

    fn bits(&mut self) -> Result<Vec<bool>> {
        let rows = self.rows;
        let parts = self.next(Piece::Bit.bytes(rows)).map(|bytes| SharedBits::from_bytes(bytes, rows, 1));
        let [Some(a), Some(b), Some(c)] = parts else { return Err(abort("a message has the wrong length")) };
        Ok(combine_bits(&[a, b, c])?.to_bools(0))
    }

    fn numbers<R: Ring>(&mut self, piece: Piece) -> Result<Vec<i128>> {
        let rows = self.rows;
        let parts = self.next(piece.bytes(rows)).map(|bytes| Shared::<R>::from_bytes(bytes, rows));
        let [Some(a), Some(b), Some(c)] = parts else { return Err(abort("a message has the wrong length")) };
        Ok(mpc::combine(&[a, b, c])?.into_iter().map(R::to_i128).collect())
    }
}

/// Puts release number `release` together from the messages of seats 0, 1, 2, at the analyst.
///
/// The result has the schema of the table `released.r<i>`: keys or terms, then the outputs, all nullable.
///
/// # Errors
/// Class abort if a message has the wrong length or copies of a component differ; class internal if a number does not
/// fit its type.
pub fn combine(plan: &SecurePlan, release: usize, messages: [&[u8]; 3]) -> Result<Released> {
    let layout = Layout::of(plan, release)?;
    let expected = ReleasedShares::wire_bytes(plan, release)?;
    if messages.iter().any(|message| message.len() != expected) {
        return Err(abort("a message has the wrong length"));
    }
    let mut messages = Messages { rest: messages, rows: layout.rows };
    let present = if layout.row_bit { Some(messages.bits()?) } else { None };
    let mut columns = labels(&layout)?;
    let mut unknown = false;
    for (output, &(has_bit, ring)) in layout.release.outputs.iter().zip(&layout.outputs) {
        let known = if has_bit { messages.bits()? } else { vec![true; layout.rows] };
        let gated = !output.gate.is_empty() || (!layout.release.gate.is_empty() && !layout.row_bit);
        unknown |=
            gated && known.iter().zip(0..).any(|(&known, row)| !known && is_there(present.as_deref(), row));
        let piece = Piece::Number(ring);
        let numbers = match ring {
            RingSize::Z64 => messages.numbers::<u64>(piece)?,
            RingSize::Z128 => messages.numbers::<u128>(piece)?,
        };
        columns.push(match model::quantity(plan, layout.release.input, output.value)? {
            Some(quantity) => model::array(plan, quantity, &output.field, &numbers, &known)?,
            None => decode::array(&output.field, output.scale, &numbers, &known)?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(layout.rows));
    let batch = RecordBatch::try_new_with_options(schema(layout.release), columns, &options)
        .map_err(|_| Error::internal("reveal", "columns and schema of a release differ"))?;
    let absent = present.as_ref().is_some_and(|present| present.contains(&false));
    let batch = match present {
        Some(present) => filter_record_batch(&batch, &BooleanArray::from(present))
            .map_err(|_| Error::internal("reveal", "absent rows cannot be left out"))?,
        None => batch,
    };
    Ok(Released { batch, notice: notice(layout.release, absent, unknown) })
}

fn is_there(present: Option<&[bool]>, row: usize) -> bool {
    present.is_none_or(|present| present.get(row).copied().unwrap_or(false))
}

/// The schema of a released table.
fn schema(release: &Release) -> SchemaRef {
    let nullable = |field: &Field| field.clone().with_nullable(true);
    let mut fields: Vec<Field> = match &release.rows {
        Rows::One | Rows::Chosen(_) => Vec::new(),
        Rows::Groups(keys) => keys.iter().map(|key| nullable(&key.field)).collect(),
        Rows::Terms(_) => vec![Field::new("term", DataType::Utf8, true)],
    };
    fields.extend(release.outputs.iter().map(|output| nullable(&output.field)));
    Arc::new(Schema::new(fields))
}

/// The columns that say what the rows stand for.
fn labels(layout: &Layout<'_>) -> Result<Vec<ArrayRef>> {
    let wrong = || Error::internal("reveal", "the labels of a release do not fit its rows");
    let (fields, labels): (Vec<&Field>, Vec<Vec<ScalarValue>>) = match &layout.release.rows {
        Rows::One if layout.rows == 1 => return Ok(Vec::new()),
        Rows::Chosen(_) => return Ok(Vec::new()),
        Rows::Terms(terms) if terms.len() == layout.rows => {
            return Ok(vec![Arc::new(StringArray::from_iter_values(terms))]);
        }
        Rows::Groups(keys) if keys.iter().map(|key| key.values.len()).product::<usize>() == layout.rows => {
            // Row-major: a key repeats each value for all cells of the keys after it.
            let repeats =
                |place: usize| keys[place + 1..].iter().map(|key| key.values.len()).product::<usize>();
            let of_key = |place: usize| {
                let values = &keys[place].values;
                (0..layout.rows).map(|row| values[row / repeats(place) % values.len()].clone()).collect()
            };
            (keys.iter().map(|key| &key.field).collect(), (0..keys.len()).map(of_key).collect())
        }
        Rows::One | Rows::Terms(_) | Rows::Groups(_) => return Err(wrong()),
    };
    fields
        .into_iter()
        .zip(labels)
        .map(|(field, values)| {
            if values.is_empty() {
                return Ok(new_empty_array(field.data_type()));
            }
            let array = ScalarValue::iter_to_array(values).map_err(|_| wrong())?;
            cast(&array, field.data_type()).map_err(|_| wrong())
        })
        .collect()
}

/// That something is missing, but not how much, nor why it is.
fn notice(release: &Release, absent: bool, unknown: bool) -> Option<String> {
    let mut reasons: Vec<&str> = Vec::new();
    let thresholds = release.gate.iter().chain(release.outputs.iter().flat_map(|output| &output.gate));
    for threshold in thresholds {
        if !reasons.contains(&threshold.reason.as_str()) {
            reasons.push(&threshold.reason);
        }
    }
    let reasons = reasons.join(", ");
    let groups = absent && !release.gate.is_empty();
    let chosen = matches!(release.rows, Rows::Chosen(_));
    if groups && chosen && !unknown {
        // Whether there are such groups is not known to anyone.
        return Some(format!(
            "groups with too few people behind them, if there are any, are not given ({reasons})"
        ));
    }
    (groups || unknown).then(|| {
        format!("something was withheld: numbers with too few people behind them are not given ({reasons})")
    })
}
