//! Groups of stacked parts of a table: what tells the parts apart, and what each owner demands.

use super::persons::{SMALL, SMALL_A, SMALL_B};
use super::*;
use crate::check::check;
use crate::plan::{Op, SecurePlan, Source};

/// The plan of a LIMIT over groups of the parts of two owners, by what is put beside each part and more keys.
fn limited((one, other): (&str, &str), keys: &str) -> (Federation, SecurePlan) {
    let wide = |policy: &str| {
        let policy = policy.replace("[0, 1000]", "[0, 1000000]").replace("[0, 366]", "[0, 1000000]");
        policy.replace(r#"allow = ["filter", "aggregate""#, r#"allow = ["group", "filter", "aggregate""#)
    };
    let federation = federation(SMALL, &[("a", &wide(SMALL_A)), ("b", &wide(SMALL_B))]);
    let sql = format!(
        "SELECT site{keys}, COUNT(*) FROM (SELECT {one} AS site, id, cost AS x FROM a.visits UNION ALL \
         SELECT {other}, id, days FROM b.members) GROUP BY site{keys} ORDER BY site LIMIT 3"
    );
    let Planned::Secure(checked) = crate::plan(&federation, &Session::default(), &sql).expect(&sql) else {
        panic!("{sql}")
    };
    (federation, checked.plan.clone())
}

/// The demands of a plan's release.
fn demands(plan: &SecurePlan) -> Vec<String> {
    let gates = plan.nodes.iter().filter_map(|node| match node {
        Node::Release(release) => Some(release.gate.iter().map(|gate| gate.reason.clone())),
        _ => None,
    });
    gates.flatten().collect()
}

#[test]
fn owners_ask_for_people_where_constants_leave_them_a_part() {
    for keys in ["", ", x"] {
        for sites in [("'n'", "'s'"), ("1", "2"), ("false", "true")] {
            let (_, plan) = limited(sites, keys);
            assert_eq!(
                demands(&plan),
                ["min_people of a where it has a part", "min_people of b where it has a part"]
            );
        }
        // Nothing tells the parts apart.
        for sites in [("'n'", "'n'"), ("0.0", "-0.0"), ("cost > 3", "false")] {
            assert_eq!(demands(&limited(sites, keys).1), ["min_people of a", "min_people of b"], "{sites:?}");
        }
    }
}

/// A count that is met by rows of others gets no permit where the owner may have rows in the same group.
#[test]
fn others_rows_meet_no_demand_in_groups_of_an_owner() {
    for keys in ["", ", x"] {
        let (federation, sound) = limited(("'n'", "'s'"), keys);
        let permits = |plan: SecurePlan| check(plan, &federation, &Session::default());
        assert!(permits(sound.clone()).is_ok());
        let changes: [fn(&mut Node); 3] = [
            // Both parts are the same.
            |node| {
                if let Node::Input(input) = node {
                    input.columns.iter_mut().for_each(|column| match &mut column.source {
                        Source::Equals { value, .. } => *value = ScalarValue::from("s"),
                        Source::Value { dictionary: Some(texts), .. } => texts.reverse(),
                        _ => {}
                    });
                }
            },
            // What weighs as people is the owner's own rows.
            |node| {
                if let Node::Compute(compute) = node {
                    for op in &mut compute.ops {
                        if let Op::Constant { value: value @ 0, .. } = op {
                            *value = 1;
                        }
                    }
                }
            },
            // People and rows change places.
            |node| {
                if let Node::Compute(compute) = node {
                    for op in &mut compute.ops {
                        if let Op::Add(persons, rows) = op {
                            std::mem::swap(persons, rows);
                        }
                    }
                }
            },
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut plan = sound.clone();
            let nodes = plan.nodes.len();
            // Of one part only, where parts are changed.
            let skip = usize::from(index == 0);
            plan.nodes.iter_mut().take(nodes).skip(skip).for_each(change);
            let error = permits(plan).map(|_| ()).expect_err(&format!("{keys} {index}"));
            assert_eq!(error.class, Class::Refused, "{index}: {error}");
        }
    }
}
