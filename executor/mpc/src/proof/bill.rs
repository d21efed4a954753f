//! What each protocol costs, as a formula of public sizes: rounds, bytes sent by each seat, and masked openings.
//!
//! Bills add up like protocols do: one after another, or side by side. A bill says for every seat for which others it waits
//! and how long, so that sums are exact where seats do not wait for each other: after a move of rows, two seats go on while
//! the third still waits for its shares.

use crate::Planes;
use crate::protocol::scheme::{self, Payload, Scheme};
use crate::protocol::sort::{digits, travels};

/// The exact cost of a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bill {
    /// `ends[i][j]`: seat i ends at least so many rounds after seat j began; nothing if it does not wait for it.
    ends: [[Option<usize>; 3]; 3],
    pub(crate) sent: [usize; 3],
    /// How many values are opened that are uniformly random whatever the inputs are.
    pub(crate) masked: usize,
}

impl Bill {
    pub(crate) const NOTHING: Bill = Bill {
        ends: [[Some(0), None, None], [None, Some(0), None], [None, None, Some(0)]],
        sent: [0; 3],
        masked: 0,
    };

    /// Messages that all leave when their sender begins, by (sender, receiver).
    fn messages(from_to: &[(usize, usize)], sent: [usize; 3]) -> Bill {
        let mut bill = Bill { sent, ..Bill::NOTHING };
        for &(from, to) in from_to {
            bill.ends[to][from] = Some(1);
        }
        bill
    }

    /// With seat `by` in the role of P0.
    pub(crate) fn turned(self, by: usize) -> Bill {
        let mut bill = self;
        for seat in 0..3 {
            bill.sent[(seat + by) % 3] = self.sent[seat];
            for from in 0..3 {
                bill.ends[(seat + by) % 3][(from + by) % 3] = self.ends[seat][from];
            }
        }
        bill
    }

    /// The rounds, if all seats begin at once.
    pub(crate) fn rounds(self) -> usize {
        self.ends.into_iter().flatten().flatten().max().unwrap_or(0)
    }

    /// This, and then `next`.
    pub(crate) fn then(self, next: Bill) -> Bill {
        let mut ends = [[None; 3]; 3];
        for (i, row) in ends.iter_mut().enumerate() {
            for (j, end) in row.iter_mut().enumerate() {
                let through = |k: usize| Some(next.ends[i][k]? + self.ends[k][j]?);
                *end = (0..3).filter_map(through).max();
            }
        }
        Bill { ends, ..self.beside(next) }
    }

    /// Both at once.
    pub(crate) fn beside(self, other: Bill) -> Bill {
        let mut bill = self;
        bill.masked += other.masked;
        for seat in 0..3 {
            bill.sent[seat] += other.sent[seat];
            for from in 0..3 {
                bill.ends[seat][from] = self.ends[seat][from].max(other.ends[seat][from]);
            }
        }
        bill
    }

    /// This, `times` times one after another.
    pub(crate) fn repeated(self, times: usize) -> Bill {
        (0..times).fold(Bill::NOTHING, |sum, _| sum.then(self))
    }
}

/// Every seat to its previous neighbour: one product.
const BACK: [(usize, usize); 3] = [(0, 2), (1, 0), (2, 1)];
/// Every seat to its next neighbour: what holders input.
const FORTH: [(usize, usize); 3] = [(0, 1), (1, 2), (2, 0)];
/// Every seat to both: the parts of structured products.
const BOTH: [(usize, usize); 6] = [(0, 1), (1, 2), (2, 0), (0, 2), (1, 0), (2, 1)];

/// One round in which every seat sends as many bytes.
pub(crate) fn each(bytes: usize) -> Bill {
    Bill::messages(&BACK, [bytes; 3])
}

/// One seat, P0, inputs a column.
pub(crate) fn input(bytes: usize) -> Bill {
    Bill::messages(&[(0, 1)], [bytes, 0, 0])
}

/// Every seat inputs so many bytes.
fn inputs(sent: [usize; 3]) -> Bill {
    Bill::messages(&FORTH, sent)
}

/// Parts of products that pairs of seats swap.
fn swap(sent: [usize; 3]) -> Bill {
    Bill::messages(&BOTH, sent)
}

/// Every seat learns the component it lacks, and a hash of it.
pub(crate) fn open(component: usize) -> Bill {
    Bill::messages(&BOTH, [component + HASH; 3])
}

/// P1 learns the component it lacks, and a hash of it.
pub(crate) fn open_to_p1(component: usize) -> Bill {
    Bill::messages(&[(0, 1), (2, 1)], [component, 0, HASH])
}

/// Bytes of a hash.
const HASH: usize = 32;

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
    let (mut bill, mut left) = (Bill::NOTHING, width);
    while left > 1 {
        bill = bill.then(and(n, left / 2));
        left -= left / 2;
    }
    bill
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
    inputs(thirds(n).map(|rows| planes(rows, bits)))
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
    let own = thirds(n).map(|rows| rows * width * element);
    inputs(own).then(swap(own.map(|own| n * width * element - own)))
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
    let own = thirds(n);
    inputs(own.map(|own| own * (part + wrap))).then(swap(own.map(|own| (n - own) * wrap)))
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
    is_negative(n, bits).then(bit_and_product(n, element))
}

/// [`crate::inject::sum_by_bits`] of so many terms.
pub(crate) fn sum_by_bits(n: usize, terms: usize, element: usize) -> Bill {
    let own = thirds(n);
    inputs(own.map(|own| 2 * terms * own * element)).then(swap(own.map(|own| (n - own) * element)))
}

/// [`crate::inject::bit_and_product`].
pub(crate) fn bit_and_product(n: usize, element: usize) -> Bill {
    let own = thirds(n).map(|rows| 2 * rows * element);
    inputs(own).then(swap(own.map(|own| 2 * n * element - own)))
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

    fn payload(self) -> Payload {
        Payload { bytes: self.bytes, planes: self.planes }
    }

    /// One component of `n` rows.
    fn component(self, n: usize) -> usize {
        n * self.bytes + planes(n, self.planes)
    }
}

/// A hop to P2 and one to P1, as P0 knows the order: halves of the order, and the table.
fn hops(rows: [usize; 2], order: [usize; 2], table: Table) -> Bill {
    let [to_p2, to_p1] = [0, 1].map(|hop| [4 * order[hop], table.component(rows[hop])]);
    let first = Bill::messages(&[(0, 2), (1, 2)], [to_p2[0], to_p2[1], 0]);
    first.then(Bill::messages(&[(0, 1), (2, 1)], [to_p1[0], 0, to_p1[1]]))
}

/// New shares of a table that P0 and P2 hold.
fn reshared(component: usize) -> Bill {
    Bill::messages(&[(0, 1), (2, 1)], [component, 0, component])
}

/// [`crate::permute::permute_known`], with P0 as the holder.
pub(crate) fn permute_known(n: usize, table: Table) -> Bill {
    let component = table.component(n);
    Bill::messages(&[(0, 2), (1, 2)], [4 * n, component, 0]).then(reshared(component))
}

/// [`crate::gather::gather_known`], with P0 as the holder.
pub(crate) fn gather_known(n: usize, m: usize, table: Table) -> Bill {
    let last = Bill::messages(&[(0, 2), (1, 2)], [4 * m, table.component(m), 0]);
    hops([n, n + m], [n, m], table).then(last).then(reshared(table.component(m)))
}

/// [`crate::shuffle::shuffle`].
pub(crate) fn shuffle(n: usize, table: Table) -> Bill {
    let component = table.component(n);
    Bill::messages(&[(0, 2), (1, 0)], [component, component, 0]).then(reshared(component))
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

/// P0 and P1 to P2, P1 to P0; then P2 shows P0 the places; then both to P1.
fn moved(n: usize, places: Table, table: Table) -> Bill {
    let (places, component) = (places.component(n), table.component(n));
    let first = Bill::messages(&[(0, 2), (1, 0), (1, 2)], [places + component, component + places, 0]);
    let shown = Bill::messages(&[(2, 0)], [0, 0, places]);
    let moved = first.then(shown).then(reshared(component));
    Bill { masked: n, ..moved }
}

/// As [`moved`], to places in parts of 4 bytes: P1 has that of P2 before it sends its own; `busy` is in the role of P0.
fn moved_by_parts(n: usize, busy: usize, table: Table) -> Bill {
    let (places, component) = (4 * n, table.component(n));
    let first = Bill::messages(&[(2, 1), (1, 0), (0, 2)], [places + component, component, places]);
    let shown = Bill::messages(&[(1, 0), (1, 2), (2, 0)], [0, 2 * places, places]);
    let moved = first.then(shown).then(reshared(component));
    Bill { masked: n, ..moved.turned(busy) }
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

/// [`crate::arrange::compact`].
pub(crate) fn compact(n: usize, table: Table) -> Bill {
    counts(n, 1).then(moved_by_parts(n, 0, table))
}

/// [`crate::fill::fill`].
pub(crate) fn fill(n: usize, table: Table) -> Bill {
    let with_places = Table { planes: table.planes + place_bits(n), ..table };
    compact(n, with_places).then(move_to(n, table))
}

/// All passes of a radix sort by so many planes, with a table that travels along.
fn passes(n: usize, width: usize, table: Table) -> Bill {
    let mut bill = Bill::NOTHING;
    let mut left = width;
    for (pass, digit) in digits(n, width).into_iter().enumerate() {
        left -= digit;
        let busy = if n < 1 << 17 { 0 } else { pass % 3 };
        let travels = Table { planes: table.planes + left, ..table };
        bill = bill.then(counts(n, digit)).then(moved_by_parts(n, busy, travels));
    }
    bill
}

/// A radix sort, with a table that travels along or follows at the end.
pub(crate) fn by_digits(n: usize, width: usize, table: Table) -> Bill {
    if travels(table.payload(), digits(n, width).len()) {
        return passes(n, width, table);
    }
    passes(n, width, places(n)).then(take_from(n, table))
}

/// [`crate::rank::sort_blocks`] by keys of so many planes.
pub(crate) fn sort_blocks(n: usize, width: usize, block: usize, table: Table) -> Bill {
    let rest = n % block;
    let pairs = n / block * (block * (block - 1) / 2) + rest * rest.saturating_sub(1) / 2;
    let summed = inputs(thirds(pairs).map(|pairs| 4 * pairs));
    tree(pairs, width + 1).then(summed).then(moved_by_parts(n, 0, table))
}

/// The first `keep` rows of blocks, again and again.
pub(crate) fn tournament(n: usize, width: usize, table: Table, keep: usize, block: usize) -> Bill {
    if n <= block {
        return sort_blocks(n, width, block, table);
    }
    let with_keys = Table { planes: table.planes + width, ..table };
    let left = n / block * keep.min(block) + keep.min(n % block);
    sort_blocks(n, width, block, with_keys).then(tournament(left, width, table, keep, block))
}

/// [`crate::sort::top_k`].
pub(crate) fn top_k(n: usize, width: usize, table: Table, keep: usize) -> Bill {
    let keep = keep.min(n);
    match scheme::scheme(n, width, table.payload(), keep) {
        _ if keep == 0 || width == 0 => Bill::NOTHING,
        Scheme::Digits => by_digits(n, width, table),
        Scheme::Blocks(block) => tournament(n, width, table, keep, block),
    }
}

/// [`crate::sort::sort`].
pub(crate) fn sort(n: usize, width: usize, table: Table) -> Bill {
    top_k(n, width, table, n)
}

/// [`crate::sort::order`].
pub(crate) fn order(n: usize, width: usize) -> Bill {
    match scheme::scheme(n, width, places(n).payload(), n) {
        Scheme::Digits => passes(n, width, places(n)),
        Scheme::Blocks(_) => sort_blocks(n, width, n.max(1), places(n)),
    }
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
