//! Three-party computation on columns of secret shares.
//!
//! # Threat model
//! Three seats P0, P1, P2; *semi-honest* security against one corrupted seat. A corrupted seat follows the protocols
//! and learns nothing but what is opened to it. Two seats that collude learn everything. What differs between two
//! inputs of equal public size never shows in the number, the order or the length of messages.
//!
//! # Notation
//! | | |
//! |---|---|
//! | x = x_0 + x_1 + x_2 | a shared value over Z_2^32, Z_2^64 or Z_2^128 ([`Shared`]), or by XOR over bits ([`SharedBits`]) |
//! | `first`, `second` | at seat `Pi` the components x_i and x_{i+1} |
//! | n, w | rows of a column, planes (bits) of a row |
//! | round | one message one way; costs count the longest chain of them, and the bytes of the seat that sends most |
//!
//! # A first program
//! ```
//! use mpc::world::{World, reconstruct};
//! let world = World::new(7);
//! let (x, y) = (world.share(&[3u64, 5]), world.share(&[10u64, 20]));
//! let run = world.run(|ctx| {
//!     let i = ctx.seat().index();
//!     let (x, y) = (x[i].clone(), y[i].clone());
//!     async move { mpc::product::mul(&ctx.step("product"), &x, &y).await }
//! });
//! assert_eq!((run.cost().rounds, run.cost().bytes), (1, 16));
//! assert_eq!(reconstruct(&run.outputs()?)?, [30, 100]);
//! # Ok::<(), mpc::Error>(())
//! ```
//!
//! # How protocols are written and called
//! Every protocol is a free async function `(ctx: &Context, ...) -> Result<...>`, one functionality a file under
//! [`protocol`]. Every call gets a step of its own: `mul(&ctx.step("variance"), ..)`, `mul(&ctx.nth(i), ..)` in
//! loops; the path names the channel and the randomness, and debug builds refuse to use one twice. Independent calls
//! are joined (`futures::try_join!`) so that they share their rounds. Lengths and loop bounds are public.
//!
//! # Overview
//! Local, on [`Shared<R>`]: `zeros`, `from_public`, `from_parts`, `parts`, `add`, `sub`, `add_assign`, `neg`,
//! `scale(R)`, `scale_by(&[R])`, `add_constant(seat, R)`, `add_public(seat, &[R])`, `shift_left`, `slice`, `concat`,
//! `gather`, `reverse`, `repeat`, `repeat_each`, `padded`, `sum`, `sum_groups`, `prefix_sums`, `differences`,
//! `narrow` (128 to 64 bits), `to_bytes`, `from_bytes`.
//! On [`SharedBits`]: `zeros`, `from_public(seat, &Planes)`, `from_constant(seat, len, width, R)`, `xor`, `not(seat)`,
//! `xor_public`, `and_public`, `plane(p)`, `planes(range)`, `rows(range)`, `concat_planes`, `concat_rows`, `gather`,
//! `reverse`, `repeat_plane(w)`, `parity`, `to_bytes`, `from_bytes`. [`Planes`] are bits in the clear:
//! `from_values(&[R], width)`, `from_bools`, `to_values`, `to_bools(plane)`.
//!
//! | file | functions |
//! |---|---|
//! | [`seeds`] | `agree(&dyn Network, &[u8; 32], &mut rng) -> Seeds`, then `Context::new(Arc<dyn Network>, &Seeds)` |
//! | [`input`] | owners: `deal(&[R], &seed0, &seed1) -> Vec<R>`, `expand(&seed, len)`, `deal_bits`, `expand_bits`; seats: `input(ctx, holder, Option<&[R]>, len)`, `input_bits(ctx, holder, Option<&Planes>, len, width)` |
//! | [`open`] | `ctx.declare(label, count)` first; `open(ctx, label, &x) -> Vec<R>`, `open_bits(ctx, label, &x) -> Planes`, `open_to(ctx, label, seat, &x) -> Option<Vec<R>>`; at the recipient of a result [`combine`], [`combine_bits`] |
//! | [`product`] | `mul(ctx, &x, &y)`, `sum_of_products(ctx, &[(&x, &y)])`, `dot(ctx, &[(&x, &y)])`, `matmul(ctx, &[&a], &[&b])` (row-major), `gram(ctx, &[&x])` (p x p) |
//! | [`bits`] | `and`, `or(ctx, &x, &y)`, `and_bit(ctx, &bit, &x)`, `and_all`, `or_all(ctx, &x)` over planes, `and_many`, `or_many(ctx, &[&x])` |
//! | [`compare`] | `is_negative(ctx, &x, bits)`, `less_than`, `equal(ctx, &x, &y, bits)`, `less_than_public(ctx, &x, c, bits)`, `less_than_planes`, `equal_planes(ctx, &x, &y)`, and `.._planes_public(ctx, &x, c)` |
//! | [`convert`] | `bit_to_arithmetic::<R>(ctx, &bits) -> Vec<Shared<R>>` (a column per plane), `one_bit_to_arithmetic`, `planes_to_arithmetic`, `signed_planes_to_arithmetic`, `bits_of(ctx, &x, bits)` |
//! | [`select`] | `select(ctx, &bit, &x, &y)`, `mul_by_bit(ctx, &bit, &x)`, `select_bits`, `min`, `max`, `clamp(ctx, &x, low, high, bits)`, `abs(ctx, &x, bits) -> (abs, sign)` |
//! | [`inject`] | `sum_by_bits(ctx, &[(&bit, &x)])`: numbers where their bits are 1, added up; `bit_and_product(ctx, &bit, &x)` |
//! | [`truncate`] | `truncate(ctx, &x, f)` (floor or one below), `truncate_exact` (floor), `round` (nearest), `widen::<R, S>(ctx, &x)` |
//! | [`divide`], [`quotient`] | `divide_by_public` (floor), `divide_by_public_truncating`, `divide(ctx, &num, &den, widths)`, `divide_bounded(ctx, &num, &den, widths)` in few rounds (towards zero) |
//! | [`permute`], [`gather`], [`shuffle`] | `permute_known(ctx, Vec<Column>, holder, Option<&[u32]>)`, `gather_known`, `place_known(ctx, Vec<Column>, holder, Option<&[u32]>, out_len)`, `shuffle(ctx, Vec<Column>)` |
//! | [`segmented`] | `segmented_or(ctx, &flags, &run_starts, max_run)`: the OR of each run at its last row |
//! | [`pooled`] | `pool(ctx, &columns, &at_least, length, bits)`: sums since the last entry shown, and which entries have enough |
//! | [`arrange`] | `move_to(ctx, Vec<Column>, &destinations)`, `take_from(ctx, Vec<Column>, &sources)`, `invert`, `compose`, `compact(ctx, Vec<Column>, &flags)` |
//! | [`counting`] | `destinations(ctx, &digit)` of a stable sort by few planes |
//! | [`read`] | `read_rows(ctx, &table, &places)`: few rows of bits at secret places |
//! | [`sort`] | `Key::unsigned(&ctx, &planes, Direction)`, `Key::signed`, `.with_validity(&ctx, &valid, nulls_first)`; `sort(ctx, Vec<Column>, &[Key])`, `order(ctx, &planes)`, `top_k` |
//! | [`rank`] | `sort_blocks(ctx, Vec<Column>, &keys, block)`: by comparing all pairs of rows of a block |
//! | [`one_hot`], [`merge`] | `one_hot(ctx, &planes)`, `merge(ctx, &a, &b, key_from)` |
//! | [`group`] | `sums_by_key(ctx, &keys, &valid, Vec<Column>, max_groups) -> Groups`: SUM and COUNT of open-domain groups |
//! | [`quantile`] | `pick_by_key(ctx, &keys, &valid, &Values, &[Pick], max_groups) -> OrderStatistics`: MIN, MAX, `PERCENTILE_CONT`, `PERCENTILE_DISC` of groups; `distinct_by_key`: COUNT(DISTINCT). Keys of no planes: the whole table |
//! | [`join`] | `join(ctx, UniqueSide, &keys, &valid, Inputs) -> Joined` (inner and left), `require_unique(ctx, label, &duplicate)`, `semi_join(ctx, &other_keys, &other_valid, &keys, &valid, Inputs)` (semi and anti, keys may repeat) |
//! | [`fill`] | `fill(ctx, Vec<Column>, &heads)`: the value of each head to all rows below it |
//! | [`fixed`] | fixed-point columns: `truncated_product(ctx, &x, &y, bits)`, `running_products(ctx, &x, length, bits)`, `quotient(ctx, &x, &y, fraction)`, `rescale`, `sigmoid(ctx, &x, bits, from, to)` (Z_2^64, error 2^-27), `piecewise`, `exponential(ctx, &x, from, to)` (relative error 2^-38), `logarithm(ctx, &x, levels)`, `square_root`, `inverse_square_root`, `reciprocal(ctx, &x, levels, fraction)`, `polynomial`, `shifts` |
//! | [`lasso`] | `statistics(ctx, &features, &target, &valid)`, `solve(ctx, &statistics, &Problem) -> Solution` |
//! | [`world`] | `World::new(seed)`, `share`, `share_bits`, `run(\|ctx\| async ..) -> Run { results, transcript }`, `reconstruct`, `reconstruct_bits`, `reconstruct_column` |

//!
//! # What they cost
//! Rounds, and bytes a row of long columns, of the seat that sends most; over Z_2^64 and for full widths where nothing
//! else is said. Each is exact: `proof` (the tests) has every formula, and compares it with every run. k, w: planes.
//!
//! | functionality | rounds | bytes | source |
//! |---|---|---|---|
//! | product; dot product, matrix product | 1 | 8; 8 for each output | Araki et al. 2016 |
//! | AND, OR; of all planes of a row | 1; log w | w / 8; (w - 1) / 8 | Araki et al. 2016 |
//! | sign; at 8 bits | 7; 4 | 17.7; 1.7 | two-party view of ABY3 2018, tree of multiplexers: own |
//! | less-than of planes, equality of planes | 7, 6 | 15.1, 7.9 | as the sign |
//! | equality | 7 | 10.5 | as the sign |
//! | all bits | 7 | 42.8 | Sklansky's prefix network |
//! | a bit to arithmetic | 2 | 8 (4, 16) | structured product: own |
//! | a number where a bit is 1, choice by a bit; absolute value and its sign; bounds | 2; 2 and a sign; 2 and two signs | 10.7; 16; 16 | see [`inject`], own |
//! | truncation by up to 32 bits, by more; exact | 2; 3 + log(f + 1) | 6.7, 10.7; the carry | wrap by a known top bit: Cheetah 2022 |
//! | Z_2^64 to Z_2^128 | 2 | 13.3 | the same wrap |
//! | fixed-point product | 3 | 14.7 | |
//! | floor of the quotient by a public number of d bits | 5 + log(d + 2) | 24 and the sign of 2 rows at d + 2 bits | own |
//! | quotient of two shared numbers | 65 | 1,757 | Catrina and Saxena 2010 |
//! | logistic function, 32 bits | 25 | 338 | piecewise polynomials, own tables |
//! | exponential; logarithm of 40 bits | 25; 35 | about 550; about 1,300 | polynomials |
//! | square root, 1 / square root, reciprocal of 64 bits | 48, 45, 48 | about 1,250 | Newton |
//! | one-hot code of 4 planes | 2 | 11 / 8 | outer products |
//! | shuffle; move to secret destinations | 2; 3 | 2 components; and 4, or log n bits | Laur et al. 2011; Asharov et al. 2022, own |
//! | permutation one seat knows; gathering with repetitions | 2; 4 | 1 component and 4; 3 components | Mohassel et al. 2020; own |
//! | compaction | 5 | 2 components and 8 | Asharov et al. 2022 |
//! | sort of 64 planes; of few rows | 7 for each 4 planes; 4 + log(w + 1) | see [`sort`], [`rank`] | Asharov et al. 2022; all pairs |
//! | first k rows of an order | those of few rows for each level | see [`sort::top_k`] | tournament of blocks: own |
//! | merge of two sorted lists | log n (log(k + 1) + 1) | see [`merge`] | Batcher 1968 |
//! | copying down from heads | 8 | see [`fill`] | own |
//! | sums of open-domain groups | a sort, and 5 + log(w + 1) | see [`group`] | own |
//! | order statistics of groups | a sort, and 8 + log(w + 1); quantiles about 35 more | see [`quantile`] | own |
//! | oblivious join; semi join | a merge or sort, and 18 + log(k + 1) + log n | see [`join`] | Badrinarayanan et al. 2022; own |
//! | LASSO of 10 features | 958 | 1.6 MB, whatever the rows | see [`lasso`] |

#![expect(clippy::doc_markdown, reason = "formulas are written as in the papers, not as code")]

mod context;
mod error;
#[cfg(test)]
mod harness;
pub mod ideal;
mod network;
mod planes;
mod pool;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod properties;
pub mod protocol;
mod ring;
mod seat;
pub mod seeds;
mod share;
pub mod world;

pub use context::{Context, Meter, Opening, Prg, Random, Taken, Traffic};
pub use error::{Error, Result};
pub use network::{Channel, Network};
pub use planes::Planes;
pub use pool::{Buffers, held_bytes, keep_buffers};
pub use protocol::*;
pub use ring::Ring;
pub use seat::Seat;
pub use seeds::Seeds;
pub use share::{Column, Part, Shared, SharedBits, combine, combine_bits};
