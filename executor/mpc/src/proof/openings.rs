//! What becomes known: openings, and the sums of models.

use super::bill::{self, each};
use super::{Case, Values, case, exactly, flags, planes, signed, unsigned};
use crate::lasso::{statistics, statistics_of_folds};
use crate::{Error, Planes, Seat, Shared, SharedBits, ideal, input, join, open};

const U64: usize = 8;
/// Planes that are opened.
const WIDTH: usize = 9;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "open::open",
            |n| vec![signed(n, 64)],
            |c, n| {
                c.run::<u64, _>(async |ctx, i| {
                    ctx.declare("numbers", n);
                    let values = open::open(&ctx, "numbers", &i.x[0]).await?;
                    Ok(Shared::from_public(ctx.seat(), &values))
                })
            },
            |v| exactly(v[0].clone()),
            |n| bill::open(n * U64),
        ),
        case(
            "open::open_bits",
            |n| vec![planes(n, WIDTH)],
            |c, n| {
                c.run::<u64, _>(async |ctx, i| {
                    ctx.declare("planes", n);
                    let values = open::open_bits(&ctx, "planes", &i.bits[0]).await?;
                    Ok(SharedBits::from_public(ctx.seat(), &values))
                })
            },
            |v| exactly(v[0].clone()),
            |n| bill::open(bill::planes(n, WIDTH)),
        ),
        case(
            "open::open_to",
            |n| vec![signed(n, 64)],
            // Only P1 knows the values: it shares them again.
            |c, n| {
                c.run::<u64, _>(async |ctx, i| {
                    ctx.declare("for one", n);
                    let values = open::open_to(&ctx, "for one", Seat::P1, &i.x[0]).await?;
                    assert_eq!(values.is_some(), ctx.seat() == Seat::P1);
                    input::input(&ctx.step("again"), Seat::P1, values.as_deref(), n).await
                })
            },
            |v| exactly(v[0].clone()),
            |n| bill::open_to_p1(n * U64).then(bill::input(n * U64).turned(1)),
        ),
        case(
            "join::require_unique",
            |_| vec![flags(1)],
            |c, _| {
                c.run::<u64, _>(async |ctx, i| {
                    ctx.declare("unique", 1);
                    let refused = match join::require_unique(&ctx, "unique", &i.bits[0]).await {
                        Ok(()) => false,
                        Err(Error::NotUnique { .. }) => true,
                        Err(other) => return Err(other),
                    };
                    Ok(SharedBits::from_public(ctx.seat(), &Planes::from_bools(&[refused])))
                })
            },
            |v| exactly(v[0].clone()),
            |_| bill::open(1),
        ),
        case(
            "lasso::statistics",
            |n| vec![signed(n, 20), signed(n, 20), signed(n, 20), unsigned(n, 1)],
            |c, _| {
                c.run::<u64, _>(async |ctx, i| {
                    Ok(statistics(&ctx, &[&i.x[0], &i.x[1]], &i.x[2], &i.x[3]).await?.moments)
                })
            },
            |v| exactly(ideal::matmul(v, v)),
            |_| each(10 * U64).then(bill::widen(16, U64, 16)),
        ),
        Case {
            prepare: within_the_valid,
            ..case(
                "lasso::statistics_of_folds",
                |n| vec![signed(n, 20), signed(n, 20), unsigned(n, 1), unsigned(n, 1)],
                |c, _| {
                    c.run::<u64, _>(async |ctx, i| {
                        let (valid, fold) = (&i.x[2], &i.x[3]);
                        let all = statistics_of_folds(&ctx, &[&i.x[0]], &i.x[1], valid, &[fold]).await?;
                        Ok(all.into_iter().map(|fold| fold.moments).collect::<Vec<_>>())
                    })
                },
                |v| {
                    let rest: Vec<i128> = v[2].iter().zip(&v[3]).map(|(valid, fold)| valid - fold).collect();
                    let of = |rows: &[i128]| {
                        let columns = [ideal::mul(&v[0], rows), ideal::mul(&v[1], rows), rows.to_vec()];
                        ideal::matmul(&columns, &columns)
                    };
                    exactly(of(&v[3]).into_iter().chain(of(&rest)))
                },
                |n| each(2 * n * U64).then(each(6 * U64).repeated(2)).then(bill::widen(18, U64, 16)),
            )
        },
    ]
}

/// Values are zero in rows that do not count, and the fold is a part of those that do.
fn within_the_valid(values: &mut Values) {
    let valid = values[2].clone();
    for column in [0, 1, 3] {
        values[column] = ideal::mul(&values[column], &valid);
    }
}
