//! Permutations, compaction, gathering, sorting, merging.

use super::bill::{self, Bill, Table};
use super::bits::bools;
use super::{Case, LONG, Slot, Values, case, exactly, flags, planes, unsigned};
use crate::gather::NO_SOURCE;
use crate::harness::{self, Inputs};
use crate::protocol::scheme::{self, Payload, Scheme};
use crate::sort::{Direction, Key};
use crate::{
    Column, Prg, Ring, Seat, SharedBits, arrange, counting, fill, gather, ideal, merge, permute, rank,
    shuffle, sort,
};

/// Planes of the second column.
const WIDTH: usize = 7;

/// A column of numbers, and one of planes.
fn two(n: usize) -> Vec<super::Input> {
    vec![unsigned(n, 60), planes(n, WIDTH)]
}

/// Then a permutation, all in Z_2^32.
fn with_order(n: usize) -> Vec<super::Input> {
    vec![unsigned(n, 31), planes(n, WIDTH), unsigned(n, 20)]
}

fn as_order(values: &mut Values) {
    values[2] = ideal::order_by(&values[2]).into_iter().map(|row| row as i128).collect();
}

fn columns<R: Ring>(i: &Inputs<R>) -> Vec<Column>
where
    Column: From<crate::Shared<R>>,
{
    vec![i.x[0].clone().into(), i.bits[0].clone().into()]
}

/// Row i of both columns is row `sources[i]`, zero if there is none.
fn taken(v: &Values, sources: &[u32]) -> Vec<Slot> {
    exactly(ideal::gather(&v[0], sources).into_iter().chain(ideal::gather(&v[1], sources)))
}

fn order_of(values: &[i128]) -> Vec<u32> {
    values.iter().map(|&v| u32::from_i128(v)).collect()
}

fn inverse(order: &[u32]) -> Vec<u32> {
    let mut out = vec![0; order.len()];
    for (i, &place) in (0u32..).zip(order) {
        out[place as usize] = i;
    }
    out
}

/// An order that P0 knows.
fn known_order(n: usize) -> Vec<u32> {
    Prg::from_key(&[9; 16]).permutation(n)
}

/// Rows of the result of a gather.
fn out_len(n: usize) -> usize {
    n / 2 + 3
}

/// Sources with repetitions and gaps.
fn known_sources(n: usize) -> Vec<u32> {
    let pick = |v: i128| if v as usize % (n + 1) == n { NO_SOURCE } else { (v as usize % (n + 1)) as u32 };
    harness::numbers(5, out_len(n), 30, false).into_iter().map(pick).collect()
}

/// Sources that are used once.
fn known_places(n: usize) -> Vec<u32> {
    let order = known_order(n.max(out_len(n)));
    order[..out_len(n)].iter().map(|&s| if (s as usize) < n { s } else { NO_SOURCE }).collect()
}

pub(super) fn cases() -> Vec<Case> {
    [secret_orders(), known_orders(), sorting()].into_iter().flatten().collect()
}

fn secret_orders() -> Vec<Case> {
    vec![
        case(
            "arrange::move_to",
            with_order,
            |c, _| c.run::<u32, _>(async |ctx, i| arrange::move_to(&ctx, columns(&i), &i.x[1]).await),
            |v| taken(v, &inverse(&order_of(&v[2]))),
            |n| bill::move_to_numbers(n, Table::of(4, WIDTH)),
        )
        .prepared(as_order),
        case(
            "arrange::invert",
            with_order,
            |c, _| c.run::<u32, _>(async |ctx, i| arrange::invert(&ctx, &i.x[1]).await),
            |v| exactly(inverse(&order_of(&v[2])).into_iter().map(i128::from)),
            bill::invert_numbers,
        )
        .prepared(as_order),
        case(
            "arrange::take_from",
            with_order,
            |c, _| c.run::<u32, _>(async |ctx, i| arrange::take_from(&ctx, columns(&i), &i.x[1]).await),
            |v| taken(v, &order_of(&v[2])),
            |n| bill::take_from_numbers(n, Table::of(4, WIDTH)),
        )
        .prepared(as_order),
        case(
            "arrange::compose",
            |n| vec![unsigned(n, 20), unsigned(n, 20)],
            |c, _| c.run::<u32, _>(async |ctx, i| arrange::compose(&ctx, &i.x[0], &i.x[1]).await),
            |v| exactly(ideal::gather(&v[0], &order_of(&v[1]))),
            |n| bill::take_from_numbers(n, Table::of(4, 0)),
        )
        .prepared(|v| {
            for x in v {
                *x = ideal::order_by(x).into_iter().map(|row| row as i128).collect();
            }
        }),
        case(
            "arrange::compact",
            |n| vec![unsigned(n, 60), planes(n, WIDTH), flags(n)],
            |c, _| c.run::<u64, _>(async |ctx, i| arrange::compact(&ctx, columns(&i), &i.bits[1]).await),
            |v| {
                let last: Vec<bool> = bools(&v[2]).iter().map(|flag| !flag).collect();
                taken(v, &ideal::order_by(&last).into_iter().map(|row| row as u32).collect::<Vec<_>>())
            },
            |n| bill::compact(n, Table::of(8, WIDTH)),
        ),
        case(
            "counting::destinations",
            |n| vec![planes(n, 3)],
            |c, _| c.run::<u64, _>(async |ctx, i| counting::destinations(&ctx, &i.bits[0]).await),
            |v| {
                let order: Vec<u32> = ideal::order_by(&v[0]).into_iter().map(|row| row as u32).collect();
                exactly(inverse(&order).into_iter().map(i128::from))
            },
            |n| bill::destinations(n, 3),
        ),
        case(
            "shuffle::shuffle",
            two,
            // In which order nobody knows: compared as a multiset of rows.
            |c, n| {
                let mut run = c.run::<u64, _>(async |ctx, i| shuffle::shuffle(&ctx, columns(&i)).await);
                let (x, y) = run.values.split_at(run.values.len().min(n));
                let mut rows: Vec<(i128, i128)> = x.iter().copied().zip(y.iter().copied()).collect();
                rows.sort_unstable();
                run.values = rows.iter().map(|r| r.0).chain(rows.iter().map(|r| r.1)).collect();
                run
            },
            |v| {
                let mut rows: Vec<(i128, i128)> = v[0].iter().copied().zip(v[1].iter().copied()).collect();
                rows.sort_unstable();
                exactly(rows.iter().map(|r| r.0).chain(rows.iter().map(|r| r.1)))
            },
            |n| bill::shuffle(n, Table::of(8, WIDTH)),
        ),
        case(
            "fill::fill",
            |n| vec![unsigned(n, 60), planes(n, WIDTH), flags(n)],
            |c, _| c.run::<u64, _>(async |ctx, i| fill::fill(&ctx, columns(&i), &i.bits[1]).await),
            |v| {
                let heads = bools(&v[2]);
                exactly(ideal::fill(&v[0], &heads).into_iter().chain(ideal::fill(&v[1], &heads)))
            },
            |n| bill::fill(n, Table::of(8, WIDTH)),
        )
        .prepared(|v| {
            let heads = v[2].clone();
            for column in &mut v[..2] {
                column.iter_mut().zip(&heads).for_each(|(x, head)| *x *= head);
            }
        }),
    ]
}

fn known_orders() -> Vec<Case> {
    vec![
        case(
            "permute::permute_known",
            two,
            |c, n| {
                let order = known_order(n);
                c.run::<u64, _>(async |ctx, i| {
                    permute::permute_known(&ctx, columns(&i), Seat::P0, Some(&order)).await
                })
            },
            |v| taken(v, &known_order(v[0].len())),
            |n| bill::permute_known(n, Table::of(8, WIDTH)),
        ),
        case(
            "gather::gather_known",
            two,
            |c, n| {
                let sources = known_sources(n);
                c.run::<u64, _>(async |ctx, i| {
                    gather::gather_known(&ctx, columns(&i), Seat::P0, Some(&sources), out_len(n)).await
                })
            },
            |v| taken(v, &known_sources(v[0].len())),
            |n| bill::gather_known(n, out_len(n), Table::of(8, WIDTH)),
        ),
        case(
            "gather::place_known",
            two,
            |c, n| {
                let sources = known_places(n);
                c.run::<u64, _>(async |ctx, i| {
                    gather::place_known(&ctx, columns(&i), Seat::P0, Some(&sources), out_len(n)).await
                })
            },
            |v| {
                let sources = known_places(v[0].len());
                let unused = |slot: Slot, &source: &u32| {
                    if source == NO_SOURCE { i128::MIN..=i128::MAX } else { slot }
                };
                let both = sources.iter().chain(&sources);
                taken(v, &sources).into_iter().zip(both).map(|(slot, source)| unused(slot, source)).collect()
            },
            |n| bill::permute_known(n.max(out_len(n)), Table::of(8, WIDTH)),
        ),
    ]
}

fn sorting() -> Vec<Case> {
    let keyed: fn(usize) -> Vec<super::Input> = |n| vec![unsigned(n, 60), planes(n, 6), flags(n)];
    vec![
        case(
            "sort::sort",
            keyed,
            |c, _| {
                c.run::<u64, _>(async |ctx, i| {
                    sort::sort(&ctx, vec![i.x[0].clone().into()], &[key(&ctx, &i)]).await
                })
            },
            |v| exactly(descending_nulls_last(v)),
            |n| bill::sort(n, 7, Table::of(8, 0)),
        ),
        case(
            "sort::sort",
            keyed,
            |c, _| {
                c.run::<u64, _>(async |ctx, i| {
                    let wide = vec![Column::U64(i.x[0].clone()); 5];
                    sort::sort(&ctx, wide, &[key(&ctx, &i)]).await
                })
            },
            |v| exactly(descending_nulls_last(v).repeat(5)),
            |n| bill::sort(n, 7, Table::of(40, 0)),
        ),
        // Two keys: the first one signed and ascending with NULLs first, the second one descending; equal ones stay.
        case(
            "sort::sort",
            |n| vec![unsigned(n, 60), planes(n, 3), flags(n), planes(n, 2)],
            |c, _| {
                c.run::<u64, _>(async |ctx, i| {
                    let first = Key::signed(&ctx, &i.bits[0], Direction::Ascending);
                    let first = first.with_validity(&ctx, &i.bits[1], true);
                    let second = Key::unsigned(&ctx, &i.bits[2], Direction::Descending);
                    sort::sort(&ctx, vec![i.x[0].clone().into()], &[first, second]).await
                })
            },
            |v| {
                let signed = |x: i128| if x < 4 { x } else { x - 8 };
                let key = |row: usize| (v[2][row], signed(v[1][row]), -v[3][row]);
                let keys: Vec<_> = (0..v[0].len()).map(key).collect();
                exactly(ideal::order_by(&keys).into_iter().map(|row| v[0][row]))
            },
            |n| bill::sort(n, 6, Table::of(8, 0)),
        ),
        top_k::<1, 40>(),
        top_k::<64, 6>(),
        case(
            "rank::sort_blocks",
            |n| vec![unsigned(n, 60), planes(n, 5)],
            |c, _| {
                c.run::<u64, _>(async |ctx, i| {
                    rank::sort_blocks(&ctx, vec![i.x[0].clone().into()], &i.bits[0], 8).await
                })
            },
            |v| {
                let keys: Vec<(usize, i128)> =
                    v[1].iter().enumerate().map(|(row, &key)| (row / 8, key)).collect();
                exactly(ideal::order_by(&keys).into_iter().map(|row| v[0][row]))
            },
            |n| bill::sort_blocks(n, 5, 8, Table::of(8, 0)),
        ),
        top_k::<3, 6>(),
        case(
            "sort::order",
            |n| vec![planes(n, 9)],
            |c, _| c.run::<u64, _>(async |ctx, i| sort::order(&ctx, &i.bits[0]).await),
            |v| exactly(ideal::order_by(&v[0]).into_iter().map(|row| row as i128)),
            |n| bill::order(n, 9),
        ),
        case(
            "merge::merge",
            |n| vec![planes(n, 9), planes(out_len(n), 9)],
            |c, _| {
                c.run::<u64, _>(async |ctx, i| -> crate::Result<SharedBits> {
                    merge::merge(&ctx, &i.bits[0], &i.bits[1], 2).await
                })
            },
            |v| {
                let mut all: Vec<i128> = v[0].iter().chain(&v[1]).copied().collect();
                all.sort_unstable();
                exactly(all)
            },
            |n| bill::merge(n + out_len(n), 9, 7),
        )
        .prepared(|v| {
            // The planes below the key follow from it, so that equal keys are equal records.
            for list in v {
                for x in &mut *list {
                    *x = *x >> 2 << 2 | *x >> 2 & 3;
                }
                list.sort_unstable();
            }
        }),
    ]
}

fn key(ctx: &crate::Context, i: &Inputs<u64>) -> Key {
    Key::unsigned(ctx, &i.bits[0], Direction::Descending).with_validity(ctx, &i.bits[1], false)
}

fn descending_nulls_last(v: &Values) -> Vec<i128> {
    let keys: Vec<(i128, i128)> = v[1].iter().zip(&v[2]).map(|(&key, &valid)| (1 - valid, -key)).collect();
    ideal::order_by(&keys).into_iter().map(|row| v[0][row]).collect()
}

/// What the choice of a way to sort weighs is what the bills say, and the choice takes the cheapest.
#[test]
fn sorts_and_tournaments_take_the_cheapest_way() {
    let price = |bill: Bill| bill.sent.iter().sum::<usize>();
    for n in [0, 1, 2, 65, 300, 5000, 1 << 17] {
        for width in [1, 7, 42, 64] {
            for table in [Table::of(8, 1), Table::of(48, 3)] {
                let payload = Payload { bytes: table.bytes, planes: table.planes };
                let by_digits = scheme::by_digits(n, width, payload);
                assert_eq!(by_digits.bytes, price(bill::by_digits(n, width, table)), "{n} {width}");
                for keep in [1, 10, n] {
                    let keep = keep.min(n);
                    let mut best = by_digits.price();
                    for block in [n.max(1), 2 * keep, 4 * keep, 8 * keep] {
                        if block <= keep && block < n || !scheme::fits(n, width, block.max(1)) {
                            continue;
                        }
                        let block = block.clamp(1, n.max(1));
                        let ranked = scheme::by_blocks(n, width, payload, keep, block);
                        assert_eq!(ranked.bytes, price(bill::tournament(n, width, table, keep, block)));
                        best = best.min(ranked.price());
                    }
                    let taken = match scheme::scheme(n, width, payload, keep) {
                        Scheme::Digits => by_digits,
                        Scheme::Blocks(block) => scheme::by_blocks(n, width, payload, keep, block),
                    };
                    assert!(taken.price() <= best, "{keep} of {n} rows by {width} planes");
                    assert!(taken.price() <= by_digits.price());
                }
            }
        }
    }
}

/// The first `K` rows by a key of `WIDTH` planes, on lengths too at which another method begins to cost less.
fn top_k<const K: usize, const WIDTH: usize>() -> Case {
    let case = case(
        "sort::top_k",
        |n| vec![unsigned(n, 60), planes(n, WIDTH), flags(n)],
        |c, _| {
            c.run::<u64, _>(async |ctx, i| {
                sort::top_k(&ctx, vec![i.x[0].clone().into()], &[key(&ctx, &i)], K).await
            })
        },
        |v| exactly(descending_nulls_last(v).into_iter().take(K)),
        |n| bill::top_k(n, WIDTH + 1, Table::of(8, 0), K),
    );
    Case { also: &[96, 99, 100, 101, 127, 128, 129, LONG], ..case }
}
