//! The memory that EXPLAIN says a query needs, against what real runs take: never less, and not many times as much.
//!
//! Every query has a process of its own, this test once more, with all parties in it: what its resident memory grows to
//! while the query runs, above what it was before, is that of three seats, of the owners' local stages, and of messages on
//! their way. Blocks are given back to the system as soon as they are free, so that the peak is what is in use.

#![expect(clippy::print_stdout, reason = "a process tells the test what it measured")]

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use conjoin_tests::heart::Heart;
use executor::cluster::ClusterOptions;
use planner::cost::cost;
use planner::{Planned, Session};
use tokio::runtime::Builder;

/// Rows of each table.
const ROWS: usize = 1 << 16;

/// What a seat may take, by EXPLAIN, as a multiple of what it is measured to take.
const MOST: f64 = 4.0;

/// What a process may take besides, whatever is asked, in a third of its bytes: threads, and pages only partly in use.
const BESIDES: f64 = 4e6;

const JOIN: &str = "FROM a.t t JOIN b.u u ON HASHED(t.id) = HASHED(u.id)";

/// Queries, of which those without a FROM are over [`JOIN`].
const QUERIES: [&str; 6] = [
    "SELECT region, COUNT(*), SUM(x), AVG(y) FROM a.t GROUP BY region",
    "SELECT MEDIAN(x) FROM a.t",
    "SELECT day, COUNT(*), SUM(x) FROM a.t GROUP BY day",
    "SELECT region, SUM(t.x * u.z), COUNT(*) FILTER (WHERE t.y > u.z)",
    "SELECT COUNT(*), SUM(x / (z + 1))",
    "SELECT day, SUM(z)",
];

/// The query of a process, by its number.
const ASKED: &str = "CONJOIN_MEMORY_OF";

fn sql(query: &str) -> String {
    if query.contains(" FROM ") {
        return query.to_owned();
    }
    let key = query.strip_prefix("SELECT ").and_then(|rest| rest.split(", ").next()).unwrap_or_default();
    let by = if ["region", "day"].contains(&key) { format!(" GROUP BY {key}") } else { String::new() };
    format!("{query} {JOIN}{by}")
}

fn federation() -> Heart {
    let folder = tempfile::tempdir().expect("a folder");
    let agreed = "version = 1\nname = \"memory\"\nparty = [{ name = \"p\", seat = 0 }, { name = \"q\", seat = 1 }, \
                  { name = \"r\", seat = 2 }, { name = \"a\" }, { name = \"b\" }]\n";
    fs::write(folder.path().join("federation.toml"), agreed).expect("a file");
    let number = r#"type = "BIGINT", bounds = [0, 1000], nullable = false, allow = ["filter", "aggregate", "quantile"]"#;
    let table = |name: &str, columns: &str| {
        format!(
            "version = 1\n[release]\nmin_people = 10\n[table.{name}]\nperson = \"id\"\nmax_rows = {ROWS}\n\
             [table.{name}.column]\nid = {{ type = \"BIGINT\", bounds = [0, 10000000], allow = [\"join\"] }}\n{columns}"
        )
    };
    let of_a = table(
        "t",
        &format!(
            "region = {{ type = \"TEXT\", values = [\"n\", \"e\", \"s\", \"w\"], allow = [\"group\"] }}\nx = {{ {number} }}\n\
             y = {{ {number} }}\nday = {{ type = \"DATE\", bounds = [\"2000-01-01\", \"2026-12-31\"], allow = [\"group\"] }}\n"
        ),
    );
    let of_b = table("u", &format!("z = {{ {number} }}\n"));
    let mut rows = (String::from("id,region,x,y,day\n"), String::from("id,z\n"));
    for row in 0..ROWS {
        let (x, y, z) = (row * 7919 % 1000, row * 104_729 % 1000, row * 1_299_709 % 1000);
        let region = ["n", "e", "s", "w"][row % 4];
        writeln!(rows.0, "{row},{region},{x},{y},20{:02}-{:02}-{:02}", row % 25, 1 + row % 12, 1 + row % 28)
            .expect("a text");
        writeln!(rows.1, "{},{z}", row * 2).expect("a text");
    }
    for (party, policy, file, rows) in [("a", of_a, "t.csv", rows.0), ("b", of_b, "u.csv", rows.1)] {
        let party = folder.path().join("parties").join(party);
        fs::create_dir_all(party.join("data")).expect("a folder");
        fs::write(party.join("policy.toml"), policy).expect("a file");
        fs::write(party.join("data").join(file), rows).expect("a file");
    }
    Heart::at(folder)
}

/// Resident memory of this process, now or at its peak, bytes.
fn resident(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the status of a process");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("its memory");
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).expect("kB") * 1024
}

/// Runs a query and prints what it took at a seat, and what EXPLAIN says.
fn measure(query: &str) {
    let sql = sql(query);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let heart = federation();
    let (before, peak) = runtime.block_on(async {
        let cluster = heart.start(ClusterOptions::default()).await;
        let mut connection = cluster.connection("analyst");
        // Tables are loaded, and checked against their policies, once.
        connection.execute("SELECT COUNT(*) FROM a.t").await.expect("an answer");
        connection.execute("SELECT COUNT(*) FROM b.u").await.expect("an answer");
        let before = resident("VmRSS:");
        fs::write("/proc/self/clear_refs", "5").expect("the peak starts anew");
        connection.execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let peak = resident("VmHWM:");
        assert_eq!(mpc::held_bytes(), 0, "{sql}: seats keep buffers after the end");
        cluster.shutdown().await;
        (before, peak)
    });
    let session = Session { analyst: "analyst".to_owned(), ..Session::default() };
    let federation = heart.directory().federation;
    let Ok(Planned::Secure(checked)) = planner::plan(&federation, &session, &sql) else { panic!("{sql}") };
    let estimate = cost(&checked.plan, &federation).memory_bytes;
    println!("measured {} of {estimate}", peak.saturating_sub(before) / 3);
}

#[test]
fn estimates_of_memory_hold() {
    if let Ok(number) = std::env::var(ASKED) {
        return measure(QUERIES[number.parse::<usize>().expect("a number")]);
    }
    let mut wrong = Vec::new();
    for (number, query) in QUERIES.iter().enumerate() {
        let output = Command::new(std::env::current_exe().expect("this test"))
            .args(["memory::estimates_of_memory_hold", "--exact", "--nocapture"])
            .env(ASKED, number.to_string())
            .env("MALLOC_MMAP_THRESHOLD_", "65536")
            .env("MALLOC_TRIM_THRESHOLD_", "65536")
            .output()
            .expect("a process");
        let said = String::from_utf8_lossy(&output.stdout);
        let figures = said.lines().find_map(|line| line.split_once("measured ")?.1.split_once(" of "));
        let Some((measured, estimate)) = figures else {
            panic!("{query}: {said}{}", String::from_utf8_lossy(&output.stderr))
        };
        let (measured, estimate): (f64, f64) =
            (measured.parse().expect("bytes"), estimate.trim().parse().expect("bytes"));
        println!("{query}: {:.1} MB, estimated {:.1} MB", measured / 1e6, estimate / 1e6);
        if measured > estimate + BESIDES || estimate > MOST * measured {
            wrong.push(format!("{query}: {measured} bytes at a seat, and the estimate is {estimate}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
