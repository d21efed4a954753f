//! Kernels of the secure core: `cargo bench -p mpc`.
//!
//! Every protocol has a line in the table of its topic. Protocols run with all three seats in this thread and without a
//! transport, so a time is the computation of three parties together. What transport adds is measured by the `report`
//! program.

#![expect(missing_docs, reason = "criterion's macro makes a public function")]

mod bits;
mod fixed;
mod inputs;
mod models;
mod movement;
mod numbers;
mod tables;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::future::BoxFuture;
use inputs::{Inputs, numbers};
use mpc::world::World;
use mpc::{Context, Planes, Prg, Result};

/// As in the programs: freed memory is used again without asking the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A protocol over some rows.
struct Kernel {
    /// `file::function`, and where there are several, what is special.
    name: &'static str,
    detail: &'static str,
    rows: usize,
    run: for<'a> fn(Context, &'a Inputs) -> BoxFuture<'a, Result<()>>,
}

/// A line of a table.
macro_rules! kernel {
    ($name:literal, $rows:expr, |$ctx:ident, $i:ident| $body:expr) => {
        kernel!($name, "", $rows, |$ctx, $i| $body)
    };
    ($name:literal, $detail:literal, $rows:expr, |$ctx:ident, $i:ident| $body:expr) => {
        crate::Kernel {
            name: $name,
            detail: $detail,
            rows: $rows,
            run: |$ctx, $i| {
                Box::pin(async move {
                    let result = $body;
                    result.map(drop)
                })
            },
        }
    };
}
use kernel;

/// Rows of protocols that take a microsecond or so for each, and of those that take more.
const MANY: usize = 1 << 18;
const SOME: usize = 1 << 14;
const FEW: usize = 1 << 10;

fn protocols(c: &mut Criterion) {
    let _buffers = mpc::keep_buffers();
    let all = [
        bits::kernels(),
        numbers::kernels(),
        fixed::kernels(),
        movement::kernels(),
        tables::kernels(),
        models::kernels(),
    ];
    for kernel in all.into_iter().flatten() {
        let world = World::new(1);
        let seats = Inputs::shared(&world, kernel.rows);
        let mut group = c.benchmark_group(kernel.name);
        group.sample_size(10).throughput(Throughput::Elements(kernel.rows as u64));
        group.bench_function(format!("{} rows {}", kernel.rows, kernel.detail), |b| {
            b.iter(|| {
                let run = world.run(|ctx| {
                    let inputs = &seats[ctx.seat().index()];
                    (kernel.run)(ctx, inputs)
                });
                assert!(black_box(run.outputs()).is_ok(), "{} failed", kernel.name);
            });
        });
        group.finish();
    }
}

fn local(c: &mut Criterion) {
    let mut group = c.benchmark_group("local");
    group.sample_size(20).throughput(Throughput::Elements(MANY as u64));
    let values = numbers(1, MANY, 64);
    let planes = Planes::from_values(&values, 64);
    let mut prg = Prg::from_key(&[7; 16]);
    let mut out = values.clone();
    group.bench_function("prg, 8 bytes", |b| b.iter(|| prg.apply(black_box(&mut out), |a, r| a ^ r)));
    group.bench_function("permutation", |b| b.iter(|| prg.permutation(black_box(MANY))));
    group.bench_function("to planes", |b| b.iter(|| Planes::from_values(black_box(&values), 64)));
    group.bench_function("from planes", |b| b.iter(|| black_box(&planes).to_values::<u64>()));
    group.finish();
}

criterion_group!(kernels, local, protocols);
criterion_main!(kernels);
