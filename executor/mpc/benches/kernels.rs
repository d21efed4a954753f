//! Kernels of the secure core: `cargo bench -p mpc`.
//!
//! Protocols run with all three seats in this thread and without a transport, so a time is the computation of three
//! parties together. What transport adds is measured by the `report` program.

#![expect(missing_docs, reason = "criterion's macro makes a public function")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mpc::lasso::{Problem, Variable, solve, statistics};
use mpc::sort::{Direction, Key};
use mpc::world::World;
use mpc::{Column, Context, Planes, Prg, Result, Shared, SharedBits};
use mpc::{compare, convert, counting, product, shuffle, sort, truncate};

/// As in the programs: freed memory is used again without asking the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of a column.
const ROWS: usize = 1 << 18;

fn numbers(seed: u8, bits: u32) -> Vec<u64> {
    let mut numbers: Vec<u64> = Prg::from_key(&[seed; 16]).elements(ROWS);
    for number in &mut numbers {
        *number >>= 64 - bits;
    }
    numbers
}

/// What one seat of a protocol is given.
struct Inputs {
    x: Shared<u64>,
    y: Shared<u64>,
    keys: SharedBits,
}

/// Measures a protocol over [`ROWS`] rows at three seats.
#[expect(clippy::needless_pass_by_value, reason = "callers write closures")]
fn protocol<T>(c: &mut Criterion, name: &str, protocol: impl AsyncFn(Context, &Inputs) -> Result<T>) {
    let world = World::new(1);
    let (x, y) = (world.share(&numbers(1, 62)), world.share(&numbers(2, 62)));
    let keys = world.share_bits(&Planes::from_values(&numbers(3, 64), 64));
    let shares = x.into_iter().zip(y).zip(keys);
    let seats: Vec<Inputs> = shares.map(|((x, y), keys)| Inputs { x, y, keys }).collect();
    let mut group = c.benchmark_group("protocol");
    group.sample_size(10).throughput(Throughput::Elements(ROWS as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            let run = world.run(|ctx| {
                let inputs = &seats[ctx.seat().index()];
                protocol(ctx, inputs)
            });
            black_box(run.outputs().is_ok())
        });
    });
    group.finish();
}

fn protocols(c: &mut Criterion) {
    protocol(c, "mul64", async |ctx, i| product::mul(&ctx, &i.x, &i.y).await);
    protocol(c, "less than 64", async |ctx, i| compare::less_than(&ctx, &i.x, &i.y, 63).await);
    protocol(c, "less than 8", async |ctx, i| compare::less_than(&ctx, &i.x, &i.y, 8).await);
    protocol(c, "bit to arithmetic, 15 planes", async |ctx, i| {
        convert::bit_to_arithmetic::<u32>(&ctx, &i.keys.planes(0..15)).await
    });
    protocol(c, "truncate", async |ctx, i| truncate::truncate(&ctx, &i.x, 20).await);
    protocol(c, "shuffle, 8 bytes and 64 planes", async |ctx, i| {
        shuffle::shuffle(&ctx, vec![Column::U64(i.x.clone()), Column::Bits(i.keys.clone())]).await
    });
    protocol(c, "destinations of 4 planes", async |ctx, i| {
        counting::destinations(&ctx, &i.keys.planes(0..4)).await
    });
    protocol(c, "sort by 64 planes", async |ctx, i| {
        let key = Key::unsigned(&ctx, &i.keys, Direction::Ascending);
        sort::sort(&ctx, vec![Column::Bits(i.keys.clone())], &[key]).await
    });
    protocol(c, "matmul 1 x 16", async |ctx, i| product::matmul(&ctx, &[&i.x], &[&i.y; 16]).await);
    protocol(c, "gram of 16", async |ctx, i| product::gram(&ctx, &[&i.x; 16]).await);
}

/// The solver on statistics of few rows: what does not depend on the rows.
fn lasso(c: &mut Criterion) {
    let mut group = c.benchmark_group("lasso");
    group.sample_size(10);
    for features in [10, 50] {
        let variable = Variable { bits: 18, offset: 0, step: 1.0 };
        let problem = Problem {
            features: vec![variable; features],
            target: variable,
            max_rows: 1024,
            alphas: vec![0.1],
            ridges: Vec::new(),
            by_sum: false,
            standardize: false,
            intercept: true,
            iterations: Problem::default_iterations(features),
        };
        let world = World::new(1);
        let columns: Vec<_> = (0..features + 2).map(|_| world.share(&vec![1u64; 64])).collect();
        group.bench_function(format!("{features} features"), |b| {
            b.iter(|| {
                let run = world.run(|ctx| {
                    let (seat, columns, problem) = (ctx.seat().index(), &columns, &problem);
                    async move {
                        let columns: Vec<&Shared<u64>> = columns.iter().map(|c| &c[seat]).collect();
                        let (features, rest) = columns.split_at(features);
                        let moments = statistics(&ctx.step("rows"), features, rest[0], rest[1]).await?;
                        Box::pin(solve(&ctx.step("solve"), &moments, problem)).await
                    }
                });
                black_box(run.outputs().is_ok())
            });
        });
    }
    group.finish();
}

fn local(c: &mut Criterion) {
    let mut group = c.benchmark_group("local");
    group.sample_size(20).throughput(Throughput::Elements(ROWS as u64));
    let values = numbers(1, 64);
    let planes = Planes::from_values(&values, 64);
    let mut prg = Prg::from_key(&[7; 16]);
    let mut out = values.clone();
    group.bench_function("prg, 8 bytes", |b| b.iter(|| prg.apply(black_box(&mut out), |a, r| a ^ r)));
    group.bench_function("permutation", |b| b.iter(|| prg.permutation(black_box(ROWS))));
    group.bench_function("to planes", |b| b.iter(|| Planes::from_values(black_box(&values), 64)));
    group.bench_function("from planes", |b| b.iter(|| black_box(&planes).to_values::<u64>()));
    group.finish();
}

criterion_group!(kernels, local, protocols, lasso);
criterion_main!(kernels);
