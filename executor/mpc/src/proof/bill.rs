//! What each protocol costs, as a formula of public sizes: rounds, and bytes sent by each seat.
//!
//! Bills add up like protocols do: one after another, or side by side.

use crate::Planes;

/// The exact cost of a protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bill {
    pub(crate) rounds: usize,
    pub(crate) sent: [usize; 3],
}

impl Bill {
    pub(crate) const NOTHING: Bill = Bill { rounds: 0, sent: [0; 3] };

    /// This, and then `next`.
    pub(crate) fn then(self, next: Bill) -> Bill {
        Bill { rounds: self.rounds + next.rounds, ..self.beside(next) }
    }

    /// Both at once.
    pub(crate) fn beside(self, other: Bill) -> Bill {
        let mut sent = self.sent;
        sent.iter_mut().zip(other.sent).for_each(|(a, b)| *a += b);
        Bill { rounds: self.rounds.max(other.rounds), sent }
    }

    /// This, `times` times one after another.
    pub(crate) fn repeated(self, times: usize) -> Bill {
        (0..times).fold(Bill::NOTHING, |sum, _| sum.then(self))
    }
}

/// One round in which every seat sends as many bytes.
pub(crate) fn each(bytes: usize) -> Bill {
    Bill { rounds: 1, sent: [bytes; 3] }
}

/// Planes on the wire.
pub(crate) fn planes(n: usize, width: usize) -> usize {
    Planes::wire_bytes(n, width)
}

/// The logarithm of base 2, rounded up.
pub(crate) fn log(x: usize) -> usize {
    x.max(1).next_power_of_two().ilog2() as usize
}

/// How many rows each seat holds: chunks of whole words.
fn thirds(n: usize) -> [usize; 3] {
    let words = n.div_ceil(64);
    let bounds = [0, n.min(words / 3 * 64), n.min(words * 2 / 3 * 64), n];
    [0, 1, 2].map(|seat| bounds[seat + 1] - bounds[seat])
}

/// Products of planes.
pub(crate) fn and(n: usize, width: usize) -> Bill {
    each(planes(n, width))
}

/// [`crate::bits::and_all`] and [`crate::bits::or_all`].
pub(crate) fn and_all(n: usize, width: usize) -> Bill {
    Bill { rounds: log(width), ..and(n, width.saturating_sub(1)) }
}

/// [`crate::bits::suffix_or`].
pub(crate) fn suffix_or(n: usize, width: usize) -> Bill {
    levels(width, |size| and(n, (0..width).filter(|i| i & size != 0).count()))
}

/// One step after another for sizes 1, 2, 4, ... below `width`.
pub(crate) fn levels(width: usize, bill: impl Fn(usize) -> Bill) -> Bill {
    (0..log(width)).fold(Bill::NOTHING, |sum, level| sum.then(bill(1 << level)))
}

/// A tree of multiplexers over so many leaves, the lowest complete.
pub(crate) fn tree(n: usize, mut leaves: usize) -> Bill {
    let mut bill = Bill::NOTHING;
    while leaves > 1 {
        bill = bill.then(and(n, leaves / 2 * 2 - 1));
        leaves = leaves.div_ceil(2);
    }
    bill
}

/// Every holder inputs the planes of its rows.
fn addends(n: usize, bits: usize) -> Bill {
    Bill { rounds: 1, sent: thirds(n).map(|rows| planes(rows, bits)) }
}

/// [`crate::compare::is_negative`].
pub(crate) fn is_negative(n: usize, bits: usize) -> Bill {
    addends(n, bits).then(tree(n, bits))
}

/// [`crate::compare::equal`].
pub(crate) fn equal(n: usize, bits: usize) -> Bill {
    addends(n, bits).then(and_all(n, bits))
}

/// [`crate::convert::bit_to_arithmetic`] of so many planes, to elements of so many bytes.
pub(crate) fn to_arithmetic(n: usize, width: usize, element: usize) -> Bill {
    Bill { rounds: 2, ..each(n * width * element) }
}

/// [`crate::convert::bits_of`].
pub(crate) fn bits_of(n: usize, bits: usize) -> Bill {
    let adder = levels(bits, |size| {
        let upper = (0..bits).filter(|i| i & size != 0);
        and(n, upper.clone().count() + upper.filter(|i| *i >= 2 * size).count())
    });
    addends(n, bits).then(adder)
}

/// [`crate::one_hot::one_hot`].
pub(crate) fn one_hot(n: usize, width: usize) -> Bill {
    if width < 2 {
        return Bill::NOTHING;
    }
    let (high, low) = (width / 2, width - width / 2);
    one_hot(n, low).beside(one_hot(n, high)).then(and(n, ((1 << low) - 1) * ((1 << high) - 1)))
}

/// Parts of elements of `part` bytes, and their wrap in elements of `wrap` bytes.
fn by_parts(n: usize, part: usize, wrap: usize) -> Bill {
    Bill { rounds: 2, sent: thirds(n).map(|rows| rows * part + n * wrap) }
}

/// [`crate::truncate::truncate`] over a ring of so many bytes.
pub(crate) fn truncate(n: usize, bits: usize, element: usize) -> Bill {
    if bits == 0 { Bill::NOTHING } else { by_parts(n, element, if bits <= 32 { 4 } else { element }) }
}

/// [`crate::truncate::truncate_exact`].
pub(crate) fn truncate_exact(n: usize, bits: usize, element: usize) -> Bill {
    let carry = addends(n, bits).then(tree(n, bits + 1)).then(to_arithmetic(n, 1, element));
    carry.beside(truncate(n, bits, element))
}

/// [`crate::truncate::widen`].
pub(crate) fn widen(n: usize, from: usize, to: usize) -> Bill {
    by_parts(n, to, from)
}

/// [`crate::fixed::truncated_product`].
pub(crate) fn truncated_product(n: usize, bits: usize, element: usize) -> Bill {
    each(n * element).then(truncate(n, bits, element))
}

/// [`crate::divide::divide_by_public`] by a divisor of so many bits.
pub(crate) fn divide_by_public(n: usize, bits: usize, element: usize) -> Bill {
    let compared = is_negative(2 * n, (8 * element).min(bits + 2)).then(to_arithmetic(2 * n, 1, element));
    by_parts(n, element, element).then(compared)
}

/// [`crate::select::abs`].
pub(crate) fn abs(n: usize, bits: usize, element: usize) -> Bill {
    is_negative(n, bits).then(to_arithmetic(n, 1, element)).then(each(n * element))
}

/// A table: bytes of ring elements in a row, and planes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) bytes: usize,
    pub(crate) planes: usize,
}

impl Table {
    pub(crate) const fn of(bytes: usize, planes: usize) -> Table {
        Table { bytes, planes }
    }

    /// One component of `n` rows.
    fn component(self, n: usize) -> usize {
        n * self.bytes + planes(n, self.planes)
    }
}

/// [`crate::permute::permute_known`], with P0 as the holder.
pub(crate) fn permute_known(n: usize, table: Table) -> Bill {
    let component = table.component(n);
    Bill { rounds: 2, sent: [component + 4 * n, component, component] }
}

/// [`crate::gather::gather_known`], with P0 as the holder.
pub(crate) fn gather_known(n: usize, m: usize, table: Table) -> Bill {
    let (input, output, both) = (table.component(n), table.component(m), table.component(n + m));
    Bill { rounds: 4, sent: [4 * (n + 2 * m) + output, input + output, both + output] }
}

/// [`crate::shuffle::shuffle`].
pub(crate) fn shuffle(n: usize, table: Table) -> Bill {
    let component = table.component(n);
    Bill { rounds: 2, sent: [2 * component, component, component] }
}

/// Bits of the number of a row.
pub(crate) fn place_bits(n: usize) -> usize {
    log(n)
}

/// The order of `n` rows as planes.
fn places(n: usize) -> Table {
    Table::of(0, place_bits(n))
}

/// [`crate::arrange::move_to`] destinations over Z_2^32.
pub(crate) fn move_to_numbers(n: usize, table: Table) -> Bill {
    moved(n, Table::of(4, 0), table)
}

/// [`crate::arrange::move_to`] destinations that are planes.
pub(crate) fn move_to(n: usize, table: Table) -> Bill {
    moved(n, places(n), table)
}

fn moved(n: usize, places: Table, table: Table) -> Bill {
    let (places, component) = (places.component(n), table.component(n));
    Bill { rounds: 3, sent: [places + 2 * component, places + component, places + component] }
}

/// [`crate::arrange::invert`] of numbers over Z_2^32.
pub(crate) fn invert_numbers(n: usize) -> Bill {
    move_to_numbers(n, places(n))
}

/// [`crate::arrange::invert`] of planes.
pub(crate) fn invert(n: usize) -> Bill {
    move_to(n, places(n))
}

/// [`crate::arrange::take_from`], by planes.
pub(crate) fn take_from(n: usize, table: Table) -> Bill {
    invert(n).then(move_to(n, table))
}

/// [`crate::arrange::take_from`], by numbers over Z_2^32.
pub(crate) fn take_from_numbers(n: usize, table: Table) -> Bill {
    invert_numbers(n).then(move_to(n, table))
}

/// [`crate::counting::destinations`].
pub(crate) fn destinations(n: usize, width: usize) -> Bill {
    counts(n, width).then(each(4 * n))
}

fn counts(n: usize, width: usize) -> Bill {
    one_hot(n, width).then(to_arithmetic(n, (1 << width) - 1, 4))
}

/// A pass of a radix sort: rows moved by a digit, whose counts come in three parts.
fn by_digit(n: usize, width: usize, table: Table) -> Bill {
    let component = table.component(n);
    let sent = [4 * n + 2 * component, 8 * n + component, 8 * n + component];
    counts(n, width).then(Bill { rounds: 3, sent })
}

/// [`crate::arrange::compact`].
pub(crate) fn compact(n: usize, table: Table) -> Bill {
    by_digit(n, 1, table)
}

/// [`crate::fill::fill`].
pub(crate) fn fill(n: usize, table: Table) -> Bill {
    let with_places = Table { planes: table.planes + place_bits(n), ..table };
    compact(n, with_places).then(move_to(n, table))
}

/// [`crate::sort::order`] of so many planes, with a table that travels along.
pub(crate) fn passes(n: usize, width: usize, table: Table) -> Bill {
    let mut bill = Bill::NOTHING;
    let mut left = width;
    while left > 0 {
        let digit = left.min(4);
        left -= digit;
        let travels = Table { planes: table.planes + left, ..table };
        bill = bill.then(by_digit(n, digit, travels));
    }
    bill
}

/// [`crate::sort::order`].
pub(crate) fn order(n: usize, width: usize) -> Bill {
    passes(n, width, places(n))
}

/// [`crate::merge::merge`] of `n` rows altogether, `width` planes of which `key` are the key.
pub(crate) fn merge(n: usize, width: usize, key: usize) -> Bill {
    let mut parts = vec![n];
    let mut bill = Bill::NOTHING;
    while let Some(longest) = parts.iter().copied().max().filter(|&len| len > 1) {
        let distance = longest.next_power_of_two() / 2;
        let pairs = parts.iter().map(|len| len.saturating_sub(distance)).sum();
        bill = bill.then(tree(pairs, key + 1)).then(and(pairs, width));
        let halves = |len: usize| if len <= distance { vec![len] } else { vec![distance, len - distance] };
        parts = parts.into_iter().flat_map(halves).collect();
    }
    bill
}
