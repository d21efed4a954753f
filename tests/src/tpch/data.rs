//! The tables of TPC-H, by a kept generator, in the folders of their owners.

use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tpchgen::csv::{
    CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv,
};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};

/// A table as CSV, and how many rows it has.
fn table(header: &str, rows: impl Iterator<Item = impl Display>) -> (String, usize) {
    let mut text = format!("{header}\n");
    let mut count = 0;
    for row in rows {
        writeln!(text, "{row}").expect("a text");
        count += 1;
    }
    (text, count)
}

/// What suppliers offer. With fewer suppliers than at scale 0.01 the generator gives some of a part's suppliers twice;
/// the second time is left out, as the specification has none.
fn offers(scale: f64) -> impl Iterator<Item = String> {
    let mut seen = BTreeSet::new();
    let rows = PartSuppGenerator::new(scale, 1, 1);
    let once: Vec<String> = rows
        .iter()
        .filter(|row| seen.insert((row.ps_partkey, row.ps_suppkey)))
        .map(|row| PartSuppCsv::new(row).to_string())
        .collect();
    once.into_iter()
}

/// Writes data and policies; `federation` is the file that says who computes.
///
/// # Panics
/// If a file cannot be written.
pub fn write(federation: &str, scale: f64) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tpch"));
    fs::copy(source.join(format!("{federation}.toml")), folder.path().join("federation.toml"))
        .expect("a copy");
    let nation = || table(NationCsv::header(), NationGenerator::new(scale, 1, 1).iter().map(NationCsv::new));
    let region = || table(RegionCsv::header(), RegionGenerator::new(scale, 1, 1).iter().map(RegionCsv::new));
    let tables = [
        (
            "sales",
            "customer",
            table(CustomerCsv::header(), CustomerGenerator::new(scale, 1, 1).iter().map(CustomerCsv::new)),
        ),
        (
            "sales",
            "orders",
            table(OrderCsv::header(), OrderGenerator::new(scale, 1, 1).iter().map(OrderCsv::new)),
        ),
        ("sales", "nation", nation()),
        ("sales", "region", region()),
        (
            "logistics",
            "lineitem",
            table(LineItemCsv::header(), LineItemGenerator::new(scale, 1, 1).iter().map(LineItemCsv::new)),
        ),
        (
            "purchasing",
            "part",
            table(PartCsv::header(), PartGenerator::new(scale, 1, 1).iter().map(PartCsv::new)),
        ),
        ("purchasing", "partsupp", table(PartSuppCsv::header(), offers(scale))),
        (
            "purchasing",
            "supplier",
            table(SupplierCsv::header(), SupplierGenerator::new(scale, 1, 1).iter().map(SupplierCsv::new)),
        ),
        ("purchasing", "nation", nation()),
        ("purchasing", "region", region()),
    ];
    for owner in ["sales", "logistics", "purchasing"] {
        let party = folder.path().join("parties").join(owner);
        fs::create_dir_all(party.join("data")).expect("a folder");
        let mut policy = fs::read_to_string(source.join(format!("{owner}.toml"))).expect("a policy");
        for (_, name, (text, rows)) in tables.iter().filter(|(of, ..)| *of == owner) {
            policy = policy.replace(&format!("{{{name}}}"), &rows.to_string());
            fs::write(party.join(format!("data/{name}.csv")), text).expect("a table");
        }
        fs::write(party.join("policy.toml"), policy).expect("a policy");
    }
    folder
}
