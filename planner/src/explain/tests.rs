//! EXPLAIN of plans written by hand.

use crate::disclosure::disclosures;
use crate::plan_samples as samples;
use crate::policy;
use crate::session::Session;

use super::*;

#[test]
fn look() {
    let federation = samples::federation();
    let session = Session { analyst: "alice".to_owned(), ..Session::default() };
    for plan in [samples::sum_by_region(), samples::join(), samples::lasso(0), samples::lasso(3)] {
        println!("{}", tree(&plan, &federation, false, None).join("\n"));
        for d in disclosures(&plan, &federation, &session) {
            println!("{} | {} | {} | {}", d.recipient, d.what, d.step, d.size);
        }
        println!();
    }
}

#[test]
fn sql() {
    let read = |name: &str| std::fs::read_to_string(format!("/work/main/tests/federations/heart/{name}")).unwrap();
    let policies: Vec<_> = ["hospital", "insurer", "clinic"].iter().map(|p| (p.to_string(), read(&format!("parties/{p}/policy.toml")))).collect();
    for min_people in [1, 5] {
    let mut federation = policy::parse(&read("federation.toml"), &policies).unwrap();
    for party in &mut federation.parties { party.release.min_people = min_people; }
    let session = Session { analyst: "alice".to_owned(), ..Session::default() };
    for file in ["count", "group_by", "hashed_join", "null_logic", "released_rows", "sum_avg", "union_all"] {
        let text = std::fs::read_to_string(format!("/work/main/tests/sql/{file}.slt")).unwrap();
        for sql in text.lines().filter(|l| l.starts_with("SELECT") || l.starts_with("WITH")) {
            match crate::plan(&federation, &session, sql) {
                Ok(crate::Planned::Secure(checked)) if file == "hashed_join" => {
                    println!("\n== {sql}\n{}", tree(&checked.plan, &federation, false, None).join("\n"));
                }
                Ok(_) => {}
                Err(error) => println!("\n## {min_people} {file}: {sql}\n   {:?} {error}", error.class),
            }
        }
    }
    }
}
