//! Where functions run, for `SHOW FUNCTIONS`: all over released results, at the analyst; some of them over rows before.

/// Scalar functions over rows of one owner, at home, some of them only of texts with declared `values`; their engine's names.
pub(crate) const AT_OWNER: [&str; 58] = [
    "abs",
    "ascii",
    "atan",
    "bit_length",
    "btrim",
    "ceil",
    "character_length",
    "coalesce",
    "concat",
    "concat_ws",
    "contains",
    "cos",
    "date_part",
    "date_trunc",
    "ends_with",
    "exp",
    "find_in_set",
    "floor",
    "greatest",
    "hashed",
    "initcap",
    "least",
    "left",
    "levenshtein",
    "ln",
    "log10",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "nullif",
    "nvl",
    "nvl2",
    "octet_length",
    "overlay",
    "power",
    "regexp_count",
    "regexp_instr",
    "regexp_like",
    "regexp_replace",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "rpad",
    "rtrim",
    "signum",
    "sin",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substr_index",
    "tanh",
    "translate",
    "trunc",
    "upper",
];

/// Scalar functions over values of several owners, and over aggregates, on shares.
pub(crate) const ACROSS: [&str; 9] =
    ["abs", "coalesce", "concat", "greatest", "least", "nullif", "nvl", "nvl2", "round"];

/// Aggregates over rows of several owners, on shares, and of one.
pub(crate) const AGGREGATES: [&str; 17] = [
    "avg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "max",
    "median",
    "min",
    "percentile_cont",
    "percentile_disc",
    "stddev",
    "stddev_pop",
    "sum",
    "var",
    "var_pop",
];

const RESULTS: &str = "over results";

/// Where a scalar function runs, by its engine's name.
pub(crate) fn scalar(name: &str) -> String {
    let places = [(AT_OWNER.contains(&name), "at an owner"), (ACROSS.contains(&name), "across owners")];
    listed(&places)
}

/// Where an aggregate runs, by its engine's name.
pub(crate) fn aggregate(name: &str) -> String {
    let built = AGGREGATES.contains(&name);
    listed(&[(built, "at an owner"), (built, "across owners")])
}

/// Where a window function runs.
pub(crate) fn window() -> String {
    RESULTS.to_owned()
}

fn listed(places: &[(bool, &str)]) -> String {
    let known = places.iter().filter(|(here, _)| *here).map(|(_, place)| *place);
    known.chain([RESULTS]).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Federation;
    use crate::function::registry::registry;
    use crate::{Planned, Session, plan, policy};

    fn federation() -> Federation {
        let parties = "version = 1\nname = \"t\"\nparty = [{ name = \"a\", seat = 0 }, { name = \"b\", seat = 1 }, { name = \"c\", seat = 2 }]";
        let table = "version = 1\n[release]\nmin_people = 1\n[table.t]\nperson = \"id\"\nmax_rows = 20\n[table.t.column]\n\
             id = { type = \"TEXT\", allow = [\"join\"] }\n\
             x = { type = \"DOUBLE\", bounds = [1, 10], step = 0.5, allow = [\"public\"] }\n\
             i = { type = \"BIGINT\", bounds = [1, 10], allow = [\"public\"] }\n\
             s = { type = \"TEXT\", values = [\"k\", \"l\"], allow = [\"public\"] }\n\
             o = { type = \"TEXT\", allow = [\"public\"] }\n\
             d = { type = \"DATE\", bounds = [\"2020-01-01\", \"2020-12-31\"], allow = [\"public\"] }\n\
             f = { type = \"BOOLEAN\", allow = [\"public\"] }\n";
        let policies = ["a", "b"].map(|party| (party.to_owned(), table.to_owned()));
        policy::parse(parties, &policies).unwrap()
    }

    fn runs(federation: &Federation, sql: &str) -> bool {
        matches!(
            plan(federation, &Session { analyst: "n".into(), ..Session::default() }, sql),
            Ok(Planned::Secure(_))
        )
    }

    /// Ways to call a function, of one owner's columns, and of two owners'.
    const CALLS: [[&str; 2]; 16] = [
        ["(q.x)", "(q.x + r.x)"],
        ["(q.i)", "(q.i + r.i)"],
        ["(q.x, 2)", "(q.x + r.x, 2)"],
        ["(q.i, 2)", "(q.i + r.i, 2)"],
        ["(q.x, q.x)", "(q.x, r.x)"],
        ["(q.i, q.i)", "(q.i, r.i)"],
        ["(q.i, q.i, q.i)", "(q.i, r.i, r.i)"],
        ["(q.s)", "(q.s || r.s)"],
        ["(q.s, q.s)", "(q.s, r.s)"],
        ["(q.s, 'k')", "(q.s || r.s, 'k')"],
        ["(q.s, 1)", "(q.s || r.s, 1)"],
        ["(q.s, 1, 1)", "(q.s || r.s, 1, 1)"],
        ["(q.s, 'k', 'l')", "(q.s, r.s, 'l')"],
        ["('year', q.d)", "('year', CASE WHEN q.f THEN r.d ELSE q.d END)"],
        ["(q.d)", "(CASE WHEN q.f THEN r.d ELSE q.d END)"],
        ["(q.x / 10)", "((q.x + r.x) / 20)"],
    ];

    const JOIN: &str = "FROM a.t q JOIN b.t r ON HASHED(q.id) = HASHED(r.id)";

    #[test]
    fn scalar_functions_run_where_they_are_said_to() {
        let federation = federation();
        let mut found = [Vec::new(), Vec::new()];
        let mut names: Vec<&str> = registry().scalar.values().map(|function| function.name()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let ways = [("FROM a.t q", 0), (JOIN, 1)];
            for (from, place) in ways {
                let called = |call: &[&str; 2]| {
                    let outer = |aggregate: &str| format!("SELECT {aggregate}({name}{}) {from}", call[place]);
                    name != "hashed" && runs(&federation, &outer("COUNT"))
                };
                if CALLS.iter().any(called) {
                    found[place].push(name);
                }
            }
        }
        // It makes identifiers of joins.
        found[0].push("hashed");
        found[0].sort_unstable();
        assert_eq!(found, [AT_OWNER.to_vec(), ACROSS.to_vec()]);
    }

    #[test]
    fn aggregates_run_where_they_are_said_to() {
        let federation = federation();
        let mut found = Vec::new();
        let mut names: Vec<&str> = registry().aggregate.values().map(|function| function.name()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let calls = ["(q.i + r.i)", "(q.i, r.i)", "(q.f)", "(0.5) WITHIN GROUP (ORDER BY q.i + r.i)"];
            if calls.iter().any(|call| runs(&federation, &format!("SELECT {name}{call} {JOIN}"))) {
                found.push(name);
            }
        }
        assert_eq!(found, AGGREGATES);
    }
}
