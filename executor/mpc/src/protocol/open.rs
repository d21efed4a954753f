//! Opening: shares become values.
//!
//! A component that a seat lacks comes as a value from one neighbour and as a hash from the other; the two are
//! compared. Every opening is booked under a declared label before anything leaves; what was not declared aborts.

use subtle::ConstantTimeEq;

use super::verify::{Verified, verify};
use crate::share::{Part, Shape};
use crate::{Column, Context, Planes, Result, Ring, Seat, Shared, SharedBits};

/// Opens a column to all seats, under the declared `label`.
///
/// Cost: 1 round, n elements and a hash of 32 bytes sent by each seat.
///
/// # Errors
/// [`crate::Error::Abort`] if the opening is not declared or the neighbours disagree; [`crate::Error::Peer`].
pub async fn open<R: Ring>(ctx: &Context, label: &str, x: &Shared<R>) -> Result<Vec<R>> {
    ctx.book_opening(label, x.len())?;
    let missing = disclose(ctx, verify(ctx).await?, x.clone().into_column(), &Seat::ALL).await?;
    Ok(sum(x, missing))
}

/// Opens planes to all seats. As [`open`]; a row counts as one value.
///
/// Cost: 1 round, the planes once and a hash of 32 bytes sent by each seat.
///
/// # Errors
/// As [`open`].
pub async fn open_bits(ctx: &Context, label: &str, x: &SharedBits) -> Result<Planes> {
    ctx.book_opening(label, x.len())?;
    let missing = disclose(ctx, verify(ctx).await?, Column::Bits(x.clone()), &Seat::ALL).await?;
    let mut value = x.first.xor(&x.second);
    if let Some(Part::Bits(missing)) = missing {
        value.xor_assign(&missing);
    }
    value.clear_tail();
    Ok(value)
}

/// Opens a column to one seat; the others get `None`.
///
/// Cost: 1 round, n elements sent by the previous neighbour, a hash of 32 bytes by the next.
///
/// # Errors
/// As [`open`].
pub async fn open_to<R: Ring>(
    ctx: &Context,
    label: &str,
    recipient: Seat,
    x: &Shared<R>,
) -> Result<Option<Vec<R>>> {
    ctx.book_opening(label, x.len())?;
    let missing = disclose(ctx, verify(ctx).await?, x.clone().into_column(), &[recipient]).await?;
    Ok(missing.map(|missing| sum(x, Some(missing))))
}

/// Sends each recipient the component that it lacks; `Some` at recipients.
///
/// The only way by which an opened value leaves a seat, and only against a token.
async fn disclose(ctx: &Context, _: Verified, column: Column, recipients: &[Seat]) -> Result<Option<Part>> {
    let (first, second) = column.into_parts();
    let send = async {
        for &recipient in recipients {
            send_missing(ctx, recipient, &first, &second).await?;
        }
        Ok(())
    };
    let recv = async {
        let lacks = recipients.contains(&ctx.seat());
        if lacks { recv_missing(ctx, first.shape(), first.len()).await.map(Some) } else { Ok(None) }
    };
    Ok(futures::try_join!(send, recv)?.1)
}

/// Seat `Pj` lacks component `j+2`: `P(j-1)` holds it first and sends it, `P(j+1)` holds it second and sends a hash.
async fn send_missing(ctx: &Context, recipient: Seat, first: &Part, second: &Part) -> Result<()> {
    let mut bytes = Vec::new();
    if ctx.seat() == recipient.previous() {
        first.write(&mut bytes);
        ctx.step("value").send_bytes(recipient, bytes).await
    } else if ctx.seat() == recipient.next() {
        second.write(&mut bytes);
        ctx.step("hash").send_bytes(recipient, blake3::hash(&bytes).as_bytes().to_vec()).await
    } else {
        Ok(())
    }
}

async fn recv_missing(ctx: &Context, shape: Shape, len: usize) -> Result<Part> {
    let (value_step, hash_step) = (ctx.step("value"), ctx.step("hash"));
    let value = value_step.recv_bytes(ctx.seat().previous(), shape.wire_bytes(len));
    let hash = hash_step.recv_bytes(ctx.seat().next(), 32);
    let (value, hash) = futures::try_join!(value, hash)?;
    if !bool::from(blake3::hash(&value).as_bytes()[..].ct_eq(&hash)) {
        return Err(ctx.abort("the neighbours disagree on an opened value"));
    }
    Ok(shape.read(&value, len))
}

impl<R: Ring> Shared<R> {
    /// This column as one of any kind.
    fn into_column(self) -> Column {
        // The rings are three, and sealed: the width names the kind, and the conversion is the identity.
        match R::BITS {
            32 => Column::U32(self.narrow()),
            64 => Column::U64(self.recast()),
            _ => Column::U128(self.recast()),
        }
    }
}

/// The values: the two components held, and the missing one.
fn sum<R: Ring>(x: &Shared<R>, missing: Option<Part>) -> Vec<R> {
    fn each<S: Ring, R: Ring>(x: &[S]) -> Vec<R> {
        x.iter().map(|&a| R::from_u128(a.to_u128())).collect()
    }
    let missing: Vec<R> = match missing {
        Some(Part::U32(c)) => each(&c),
        Some(Part::U64(c)) => each(&c),
        Some(Part::U128(c)) => each(&c),
        Some(Part::Bits(_)) | None => Vec::new(),
    };
    x.first.iter().zip(&x.second).zip(missing).map(|((&a, &b), c)| a.plus(b).plus(c)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::Error;
    use crate::world::{Fate, World};

    #[test]
    fn only_declared_values_are_opened() {
        let world = World::new(1);
        let parts = world.share(&[5u64, u64::MAX]);
        let at = |ctx: &Context| parts[ctx.seat().index()].clone();
        let run = world.run(|ctx| {
            let x = at(&ctx);
            async move {
                ctx.declare("sums", 2);
                let values = open(&ctx, "sums", &x).await?;
                assert_eq!((ctx.openings()[0].declared, ctx.openings()[0].opened), (2, 2));
                assert!(matches!(open(&ctx.step("more"), "sums", &x).await, Err(Error::Abort { .. })));
                assert!(matches!(open(&ctx.step("other"), "others", &x).await, Err(Error::Abort { .. })));
                Ok(values)
            }
        });
        assert_eq!((run.cost().rounds, run.cost().bytes), (1, 16 + 32));
        assert_eq!(run.outputs().unwrap(), [vec![5, u64::MAX], vec![5, u64::MAX], vec![5, u64::MAX]]);
    }

    #[test]
    fn one_recipient_gets_the_value() {
        let world = World::new(1);
        let parts = world.share(&[5u32]);
        for recipient in Seat::ALL {
            let run = world.run(|ctx| {
                let x = parts[ctx.seat().index()].clone();
                async move {
                    ctx.declare("count", 1);
                    open_to(&ctx, "count", recipient, &x).await
                }
            });
            assert_eq!(run.transcript.len(), 2);
            let outputs = run.outputs().unwrap();
            for seat in Seat::ALL {
                assert_eq!(outputs[seat.index()], (seat == recipient).then(|| vec![5]));
            }
        }
    }

    /// Opens one column in one of three ways; the result as numbers, if this seat learns it.
    async fn opened(ctx: Context, x: Shared<u64>, bits: SharedBits, way: usize) -> Result<Option<Vec<u64>>> {
        ctx.declare("it", x.len());
        match way {
            0 => open(&ctx, "it", &x).await.map(Some),
            1 => Ok(Some(open_bits(&ctx, "it", &bits).await?.to_values())),
            _ => open_to(&ctx, "it", Seat::P1, &x).await,
        }
    }

    /// Whichever message of an opening is changed: its receiver aborts, and nobody learns a wrong value.
    #[test]
    fn every_changed_message_aborts() {
        let values = [5u64, u64::MAX, 0];
        for way in 0..3 {
            let run = |target: usize| {
                let count = AtomicUsize::new(0);
                let world = World::new(1).with_hook(move |_, payload| {
                    if count.fetch_add(1, SeqCst) == target {
                        payload[0] ^= 1;
                    }
                    Fate::Deliver
                });
                let (x, bits) = (world.share(&values), world.share_bits(&Planes::from_values(&values, 64)));
                world.run(|ctx| {
                    let i = ctx.seat().index();
                    opened(ctx, x[i].clone(), bits[i].clone(), way)
                })
            };
            let messages = run(usize::MAX).transcript.len();
            assert_eq!(messages, if way == 2 { 2 } else { 6 });
            for target in 0..messages {
                let results = run(target).results;
                let aborts = results.iter().filter(|r| matches!(r, Err(Error::Abort { .. }))).count();
                assert_eq!(aborts, 1, "way {way}, message {target}");
                assert!(results.into_iter().flatten().flatten().all(|opened| opened == values));
            }
        }
    }
}
