//! EXPLAIN of plans written by hand, and of SQL.

use insta::assert_snapshot;

use crate::disclosure::disclosures;
use crate::plan::{Measure, Node, Rank};
use crate::plan_samples as samples;
use crate::session::Session;
use crate::{Planned, plan};

use super::*;

fn session() -> Session {
    Session { analyst: "alice".to_owned(), ..Session::default() }
}

fn tree_of(plan: &SecurePlan, verbose: bool) -> String {
    tree(plan, &samples::federation(), LinkSpeed::default(), verbose, None).join("\n")
}

/// The rows of a statement, cells separated by bars.
fn rows_of(sql: &str) -> String {
    let Planned::Rows(batch) = plan(&samples::federation(), &session(), sql).unwrap() else {
        panic!("{sql}: no rows")
    };
    let column = |index: usize| batch.column(index).as_any().downcast_ref::<StringArray>().unwrap();
    let row =
        |row: usize| (0..batch.num_columns()).map(|c| column(c).value(row)).collect::<Vec<_>>().join(" | ");
    (0..batch.num_rows()).map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sum_per_group() {
    assert_snapshot!(tree_of(&samples::sum_by_region(), false), @r"
    at the analyst, in the clear
      TableScan: released.r0
    secure, at hospital, insurer and helper: 9 rounds, 66 B by the seat that sends most, 102 B to the analyst, about 129.0 kB of memory a seat
      about 0.000 s where messages take 0.07 ms there and back and a party sends 400.0 MB a second (SET rtt, SET bandwidth)
      2 Release r0: region, sum(insurer.claims.days); groups; gate: at least 10 people of insurer
         [secure, then to the analyst; gate on shares; every seat sends its shares to the analyst alone; at most 2 rows; 8 rounds, 62 B, 102 B to the analyst]
        1 Aggregate: SUM(days), people of insurer in 2 cells; persons counted once
           [at insurer, then secure; sums in the clear, which are shared; replicated secret sharing; at most 2 rows; 1 round, 32 B]
          0 Input: insurer.claims has c.days, valid, region=north, region=south, first row of patient_id; rows of a person together
             [at insurer; in the clear; no row leaves; at most 2000 rows; 0 rounds, 0 B]
            at insurer, in the clear
              TableScan: insurer.claims
    ");
}

#[test]
fn the_way_not_taken_is_shown_with_its_cost() {
    let text = tree_of(&samples::join(), true);
    assert!(text.contains("[chosen: about 0.001 s]"), "{text}");
    assert!(
        text.contains("[instead: HMAC-SHA-256 hashes of 66 bits as shares, sorted and compared inside"),
        "{text}"
    );
}

#[test]
fn a_join() {
    assert_snapshot!(tree_of(&samples::join(), false), @r"
    at the analyst, in the clear
      TableScan: released.r0
    secure, at hospital, insurer and helper: 24 rounds, 194.9 kB by the seat that sends most, 54 B to the analyst, about 789.5 kB of memory a seat
      about 0.002 s where messages take 0.07 ms there and back and a party sends 400.0 MB a second (SET rtt, SET bandwidth)
      r0 joins insurer.claims ⋈ hospital.lifestyle
      5 Release r0: sum(h.age * c.days); gate: at least 10 people of hospital, 10 people of insurer
         [secure, then to the analyst; gate on shares; every seat sends its shares to the analyst alone; at most 1 row; 9 rounds, 47 B, 54 B to the analyst]
        4 Aggregate: SUM, people; persons counted once
           [secure; sums of shares; at most 1 row; 6 rounds, 17.2 kB]
          3 Compute: age * days, counts, first row of patient_id (2 products, 2 ANDs)
             [secure; arithmetic and comparisons on shares; at most 2000 rows; 2 rounds, 32.5 kB]
            2 HashedJoin: insurer.claims.patient_id = (HASHED) hospital.lifestyle.patient_id, up to 3:1
               [secure; HMAC-SHA-256 pseudonyms, compared by helper; at most 2000 rows; 5 rounds, 80.6 kB, 48.0 kB by owners]
              0 Input: insurer.claims shares c.days, valid, region=north, region=south, first row of patient_id; in a fresh secret order
                 [at insurer, then secure; replicated secret sharing; at most 2000 rows; 1 round, 64.5 kB]
                at insurer, in the clear
                  TableScan: insurer.claims
              1 Input: hospital.lifestyle shares h.age, valid; in a fresh secret order
                 [at hospital, then secure; replicated secret sharing; at most 1000 rows; 1 round, 16.1 kB]
                at hospital, in the clear
                  TableScan: hospital.lifestyle
    ");
}

#[test]
fn a_model_of_an_owner_without_a_seat() {
    assert_snapshot!(tree_of(&samples::lasso(3), true), @r"
    at the analyst, in the clear
      TableScan: released.r0
    secure, at hospital, insurer and helper: 878 rounds, 83.3 kB by the seat that sends most, 198 B to the analyst, about 129.0 kB of memory a seat
      about 0.031 s where messages take 0.07 ms there and back and a party sends 400.0 MB a second (SET rtt, SET bandwidth)
      3 Release r0: term, coefficient; gate: at least 20 people of clinic
         [secure, then to the analyst; gate on shares; every seat sends its shares to the analyst alone; at most 2 rows; 9 rounds, 92 B, 198 B to the analyst]
        2 Lasso: coefficients of age on age; alpha = 0.1
           [secure; sufficient statistics, ADMM and Newton steps on shares; at most 2 rows; 868 rounds, 83.2 kB]
           - value: Z_2^128, -1000000 to 1000000
           - accepted: bit
           - people: Z_2^64, 0 to 1000
          0 Input: clinic.lifestyle shares h.age, valid; in a fresh secret order
             [at clinic, then secure; replicated secret sharing; at most 1000 rows; 1 round, 0 B, 32.3 kB by owners]
             - h.age: Z_2^64, 0 to 120
             - valid: Z_2^64, 0 to 1
             - valid: bit
            at clinic, in the clear
              TableScan: clinic.lifestyle
          1 Aggregate: people
             [secure; sums of shares; at most 1 row; 0 rounds, 0 B]
             - people: Z_2^64, 0 to 1000
            0 Input (see above)
    ");
}

#[test]
fn after_a_run() {
    let federation = samples::federation();
    let step = |seconds, rounds, bytes| MeasuredStep { seconds, rounds, bytes };
    let measured = Measured {
        nodes: vec![
            step(None, None, Some(64_500)),
            step(Some(0.004), Some(7), Some(35_016)),
            step(Some(0.0011), Some(9), Some(62)),
        ],
        total: step(Some(0.25), Some(17), Some(99_566)),
    };
    let text =
        tree(&samples::sum_by_region(), &federation, LinkSpeed::default(), false, Some(&measured)).join("\n");
    assert_snapshot!(text, @r"
    at the analyst, in the clear
      TableScan: released.r0
    secure, at hospital, insurer and helper: 9 rounds, 66 B by the seat that sends most, 102 B to the analyst, about 129.0 kB of memory a seat
      about 0.000 s where messages take 0.07 ms there and back and a party sends 400.0 MB a second (SET rtt, SET bandwidth)
      took 0.250 s, 17 waits, 99.5 kB
      2 Release r0: region, sum(insurer.claims.days); groups; gate: at least 10 people of insurer
         [secure, then to the analyst; gate on shares; every seat sends its shares to the analyst alone; at most 2 rows; 8 rounds, 62 B, 102 B to the analyst]
         [took 0.001 s, 9 waits, 62 B]
        1 Aggregate: SUM(days), people of insurer in 2 cells; persons counted once
           [at insurer, then secure; sums in the clear, which are shared; replicated secret sharing; at most 2 rows; 1 round, 32 B]
           [took 0.004 s, 7 waits, 35.0 kB]
          0 Input: insurer.claims has c.days, valid, region=north, region=south, first row of patient_id; rows of a person together
             [at insurer; in the clear; no row leaves; at most 2000 rows; 0 rounds, 0 B]
             [took 64.5 kB]
            at insurer, in the clear
              TableScan: insurer.claims
    ");
}

#[test]
fn everyone_learns_what_is_listed() {
    let text: Vec<_> = disclosures(&samples::join(), &samples::federation(), &session())
        .into_iter()
        .map(|d| format!("{} | {} | {} | {}", d.recipient, d.what, d.step, d.size))
        .collect();
    assert_snapshot!(text.join("\n"), @r"
    every party | the text of the query, that alice asks it and when, the plan that follows from it, and whether it was answered | query | 1 query
    every party | the largest number of rows that insurer.claims may have, which its policy publishes; not how many there are, nor how many pass the query's conditions | 0 Input | 2000 rows
    every party | the largest number of rows that hospital.lifestyle may have, which its policy publishes; not how many there are, nor how many pass the query's conditions | 1 Input | 1000 rows
    helper | how many rows of insurer.claims have a partner in hospital.lifestyle, over the whole tables, whatever the query's conditions say. It compares pseudonyms under a key that it never has and that is used once: it sees no identifier, and cannot tell whose rows they are | 2 HashedJoin | 1 number, at most 2000
    helper | how many identifiers occur once, twice, ... in insurer.claims, over the whole table, without knowing which identifiers these are | 2 HashedJoin | 3 numbers, of rows up to 2000
    analyst alice | the column sum(h.age * c.days), or that it is withheld or NULL unless its rows have at least 10 people of hospital and 10 people of insurer | 5 Release r0 | 1 number
    hospital | nothing about anybody else's rows, not even how many match its own; it does not see the answer | query | nothing
    insurer | nothing about anybody else's rows, not even how many match its own; it does not see the answer | query | nothing
    helper | nothing but what is listed above: it computes on shares that look random to it | query | nothing
    ");
}

#[test]
fn disclosures_of_groups_and_models() {
    let of_analyst = |plan: &SecurePlan| {
        let all = disclosures(plan, &samples::federation(), &session());
        let own: Vec<_> = all.into_iter().filter(|d| d.recipient == "analyst alice").collect();
        own.into_iter().map(|d| format!("{} | {}", d.what, d.size)).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(of_analyst(&samples::sum_by_region()), @r"
    which groups of region have at least 10 people of insurer; all other groups look alike, whether they are empty or too small | 2 yes or no
    for each group shown, the column sum(insurer.claims.days) | 2 numbers
    ");
    assert_snapshot!(of_analyst(&samples::lasso(0)), @r"for each term of the model, the column coefficient, or that it is withheld or NULL unless its rows have at least 20 people of hospital | 2 numbers");
}

#[test]
fn json_is_one_object() {
    let value = json(&samples::sum_by_region(), &samples::federation(), LinkSpeed::default());
    assert_eq!(value["secure"]["rounds"], 9);
    assert_eq!(value["secure"]["nodes"].as_array().unwrap().len(), 3);
    assert_eq!(value["secure"]["nodes"][1]["inputs"], serde_json::json!([0]));
    assert_eq!(value["releases"], serde_json::json!([2]));
}

#[test]
fn explain_runs_nothing_and_is_one_column() {
    assert_snapshot!(rows_of("EXPLAIN SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region ORDER BY n"), @r"
    at the analyst, in the clear
      Sort: n ASC NULLS LAST
        Projection: released.r0.region AS region, released.r0.n AS n
          TableScan: released.r0
    secure, at hospital, insurer and helper: 9 rounds, 66 B by the seat that sends most, 102 B to the analyst, about 97.0 kB of memory a seat
      about 0.000 s where messages take 0.07 ms there and back and a party sends 400.0 MB a second (SET rtt, SET bandwidth)
      2 Release r0: region, n; groups; gate: at least 10 people of insurer
         [secure, then to the analyst; gate on shares; every seat sends its shares to the analyst alone; at most 2 rows; 8 rounds, 62 B, 102 B to the analyst]
        1 Aggregate: persons COUNT(*) of insurer, rows COUNT(*) in 2 cells; persons counted once
           [at insurer, then secure; sums in the clear, which are shared; replicated secret sharing; at most 2 rows; 1 round, 32 B]
          0 Input: insurer.claims has region = north, region = south, known patient_id, first row of a person, valid; rows of a person together
             [at insurer; in the clear; no row leaves; at most 2000 rows; 0 rounds, 0 B]
            at insurer, in the clear
              Projection: insurer.claims.region AS c0, insurer.claims.patient_id AS c1
                TableScan: insurer.claims
    ");
    let disclosure = rows_of("EXPLAIN DISCLOSURE SELECT COUNT(*) FROM insurer.claims");
    assert_snapshot!(disclosure, @r"
    every party | the text of the query, that alice asks it and when, the plan that follows from it, and whether it was answered | query | 1 query
    every party | the largest number of rows that insurer.claims may have, which its policy publishes; not how many there are, nor how many pass the query's conditions | 0 Input | 2000 rows
    analyst alice | the column count(*), or that it is withheld or NULL unless its rows have at least 10 people of insurer | 2 Release r0 | 1 number
    hospital | nothing but what is listed above: it computes on shares that look random to it | query | nothing
    insurer | nothing about anybody else's rows; it does not see the answer | query | nothing
    helper | nothing but what is listed above: it computes on shares that look random to it | query | nothing
    ");
    let json = rows_of("EXPLAIN (FORMAT JSON) SELECT COUNT(*) FROM insurer.claims");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(value["secure"]["rounds"].is_number(), "{json}");
}

#[test]
fn having_without_group_by_is_gated_as_a_group_is() {
    let tree = rows_of("EXPLAIN SELECT COUNT(*) FROM insurer.claims HAVING COUNT(*) > 62");
    assert!(tree.contains("groups; gate: at least 10 people of insurer"), "{tree}");
}

#[test]
fn chosen_groups_say_what_decides() {
    let sql = "SELECT region, COUNT(*) AS n FROM insurer.claims GROUP BY region ORDER BY n DESC LIMIT 1";
    let tree = rows_of(&format!("EXPLAIN {sql}"));
    assert!(
        tree.contains("region, n; the first 1 group by n descending, chosen inside; gate: at least 10"),
        "{tree}"
    );
    assert!(!tree.contains("Limit:"), "the analyst gets what is asked for: {tree}");
    let told = rows_of(&format!("EXPLAIN DISCLOSURE {sql}"));
    let count =
        "how many of the rows asked for there are, among the groups that have at least 10 people of insurer";
    assert!(told.contains(count) && told.contains("1 number, at most 1"), "{told}");
}

#[test]
fn ranks_say_how_they_are_found() {
    let federation = samples::federation();
    let protocol = |mut plan: SecurePlan, place: usize| {
        let Some(Node::Aggregate(aggregate)) = plan.nodes.get_mut(place) else { panic!("an aggregate") };
        aggregate.measures.push(Measure::AtRank { value: 0, counts: 5, rank: Rank::FIRST });
        aggregate.columns.push(aggregate.columns[0].clone());
        tree(&plan, &federation, LinkSpeed::default(), false, None).join("\n")
    };
    let joined = protocol(samples::join(), 4);
    assert!(joined.contains("sums of shares; radix sort, reads at secret places"), "{joined}");
    let alone = protocol(samples::sum_by_region(), 1);
    assert!(alone.contains("sums in the clear, which are shared"), "{alone}");
}
