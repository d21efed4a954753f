use std::fmt::Write as _;

use datafusion::scalar::ScalarValue;
use proptest::prelude::*;

use super::*;
use crate::catalog::{Domain, SqlType, Use};
use crate::error::Class;
use crate::plan::Scale;

const PARTIES: &str = r#"
version = 1
name = "heart"
[[party]]
name = "hospital"
seat = 0
address = "127.0.0.1:7100"
[[party]]
name = "insurer"
seat = 1
[[party]]
name = "helper"
seat = 2
[[party]]
name = "clinic"
"#;

const CLAIMS: &str = r#"
version = 1
[release]
min_people = 5
round_counts = 10
recipients = ["*"]
[table.claims]
person = "Patient_ID"
max_rows = 20_000
max_rows_per_person = 3
unique = [["patient_id", "Since"]]
[table.claims.column]
patient_id = { type = "TEXT", allow = ["join"] }
days = { type = "bigint", bounds = [0, 366], allow = ["filter", "aggregate", "model"], unit = "days", label = "Hospital days" }
cost = { type = "DECIMAL(10, 2)", bounds = [0, 250000.50], allow = ["aggregate"] }
bmi = { type = "DOUBLE", bounds = [10, 80], step = 0.1, allow = ["Aggregate"] }
weight = { type = "DOUBLE", bounds = [0, 100] }
region = { type = "TEXT", values = ["west", "north", "east"], allow = ["group"] }
since = { type = "DATE", bounds = ["2010-01-01", 2026-12-31] }
at = { type = "TIMESTAMP", bounds = ["2010-01-01T00:00:00Z", 2026-12-31T23:59:59.5] }
smoker = { type = "BOOLEAN", nullable = false }
score = { type = "SMALLINT" }
note = { type = "TEXT", max_bytes = 10, max_rows_per_value = 40 }
"#;

fn read(federation: &str, policies: &[(&str, &str)]) -> Result<Federation> {
    let policies: Vec<(String, String)> =
        policies.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    parse(federation, &policies)
}

/// The error of a policy of the insurer.
fn fault(policy: &str) -> String {
    let error = read(PARTIES, &[("insurer", policy)]).expect_err(policy);
    assert_eq!(error.class, Class::Invalid);
    error.hint.map_or(error.message.clone(), |hint| format!("{}; {hint}", error.message))
}

/// The error of a column of the insurer's.
fn column_fault(column: &str) -> String {
    let text = fault(&format!("version = 1\n[table.t]\nmax_rows = 10\n[table.t.column]\nx = {column}\n"));
    text.trim_start_matches("parties/insurer/policy.toml, ").to_owned()
}

fn federation_fault(text: &str) -> String {
    let error = read(text, &[]).expect_err(text);
    error.hint.map_or(error.message.clone(), |hint| format!("{}; {hint}", error.message))
}

#[test]
fn reads_everything() {
    let federation = read(PARTIES, &[("Insurer", CLAIMS)]).unwrap();
    assert_eq!(federation.name, "heart");
    assert_eq!(federation.parties.len(), 4);
    assert_eq!(federation.at_seat(2).unwrap().1.name, "helper");
    let (id, insurer) = federation.party("INSURER").unwrap();
    assert_eq!((id, insurer.release.min_people, insurer.release.round_counts), (PartyId(1), 5, 10));
    assert_eq!(federation.parties[0].release.min_people, 10);
    let (_, _, claims) = federation.table("insurer", "Claims").unwrap();
    assert_eq!((claims.max_rows, claims.max_rows_per_person), (20_000, 3));
    assert_eq!(claims.person.as_deref(), Some("patient_id"));
    let keys: Vec<_> = claims.keys.iter().map(|key| (key.columns.as_slice(), key.max_rows)).collect();
    assert_eq!(keys, [(&[10][..], 40), (&[0, 6][..], 1)]);
    let names: Vec<&str> = claims.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        ["patient_id", "days", "cost", "bmi", "weight", "region", "since", "at", "smoker", "score", "note"]
    );
    let column = |name: &str| claims.column(name).unwrap().1;
    assert_eq!(column("DAYS").sql_type, SqlType::BigInt);
    assert!(column("days").allows(Use::Model) && !column("days").allows(Use::Join));
    let decimal = |v| ScalarValue::Decimal128(Some(v), 10, 2);
    assert_eq!(column("cost").domain, Domain::Bounds(decimal(0), decimal(25_000_050)));
    assert_eq!(column("cost").scale, Scale::Decimal(2));
    assert_eq!(column("bmi").scale, Scale::Step(0.1));
    // A millionth of 100 is 1e-4; the power of two below it is 2^-14.
    assert_eq!(column("weight").scale, Scale::Step(1.0 / 16_384.0));
    let Domain::Values(regions) = &column("region").domain else { panic!() };
    assert_eq!(regions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["east", "north", "west"]);
    assert!(column("smoker").domain.is_closed() && !column("smoker").nullable);
    assert_eq!(column("score").domain, Domain::Type);
    assert_eq!(column("note").max_bytes, 10);
    let Domain::Bounds(_, ScalarValue::TimestampMicrosecond(Some(us), None)) = column("at").domain else {
        panic!()
    };
    assert_eq!(us % 1_000_000, 500_000);
}

#[test]
fn the_hash_covers_every_text() {
    let hash = |federation: &str, policies: &[(&str, &str)]| read(federation, policies).unwrap().hash;
    let base = hash(PARTIES, &[("insurer", CLAIMS), ("clinic", "version = 1")]);
    assert_eq!(base, hash(PARTIES, &[("clinic", "version = 1"), ("Insurer", CLAIMS)]));
    assert_ne!(base, hash(&format!("{PARTIES} "), &[("insurer", CLAIMS), ("clinic", "version = 1")]));
    assert_ne!(base, hash(PARTIES, &[("insurer", CLAIMS), ("clinic", "version = 1\n")]));
    assert_ne!(base, hash(PARTIES, &[("insurer", CLAIMS)]));
}

#[test]
fn broken_toml_names_the_place() {
    let text = fault("version = 1\n[table.claims\n");
    assert!(text.starts_with("parties/insurer/policy.toml, line 2, column 14: invalid TOML"), "{text}");
    let text = federation_fault("version = 1\nversion = 1\n");
    assert!(text.starts_with("federation.toml, line 2"), "{text}");
}

#[test]
fn faults_of_a_policy() {
    let table = "version = 1\n[table.t]\nmax_rows = 10\n";
    let column = "[table.t.column]\nx = { type = \"TEXT\" }\n";
    for (policy, expected) in [
        (String::new(), "line 1, column 1: `version` is missing"),
        ("version = 2".to_owned(), "line 1, column 1: `version`: this program reads version 1"),
        ("version = \"1\"".to_owned(), "`version`: expected an integer, found string"),
        (
            "version = 1\n[relase]\n".to_owned(),
            "line 2, column 2: unknown key `relase`; did you mean `release`?",
        ),
        (
            "version = 1\n[release]\nmin_peopel = 3".to_owned(),
            "line 3, column 1: [release]: unknown key `min_peopel`; did you mean `min_people`?",
        ),
        (
            "version = 1\n[release]\nmin_people = 0".to_owned(),
            "`min_people`: must be between 1 and 4294967296",
        ),
        ("version = 1\n[release]\nround_counts = -1".to_owned(), "`round_counts`: must be between 0 and"),
        ("version = 1\n[release]\nrecipients = [\"a\", \"A\"]".to_owned(), "are the same name"),
        ("version = 1\n[table.t]\n".to_owned(), "[table.t]: `max_rows` is missing"),
        (table.to_owned(), "[table.t]: `column` is missing"),
        (format!("{table}[table.t.column]\n"), "a table needs at least one column"),
        (
            format!("{table}person = \"y\"\n{column}"),
            "`person`: the table has no column `y`; did you mean `x`?",
        ),
        (format!("{table}max_rows_per_person = 2\n{column}"), "without `person` every row is a person"),
        (format!("{table}max_rows_per_person = 11\n{column}"), "must be between 1 and 10"),
        (
            format!("{table}unique = [[\"x\", \"y\"]]\n{column}"),
            "`unique`: the table has no column `y`; did you mean `x`?",
        ),
        (format!("{table}unique = [[\"x\", \"X\"]]\n{column}"), "`unique`: the same column twice"),
        (format!("{table}unique = [[]]\n{column}"), "`unique`: a key needs at least one column"),
        (format!("{table}unique = [\"x\"]\n{column}"), "`unique`: expected an array, found string"),
        (format!("{table}{column}X = {{ type = \"TEXT\" }}\n"), "`X` and `x` are the same name"),
        (format!("{table}{column}[table.T]\nmax_rows = 1\n"), "`T` and `t` are the same name"),
        (
            "version = 1\n[table.\"a.b\"]\nmax_rows = 1\n".to_owned(),
            "`a.b` is not a valid name: `.` is not allowed",
        ),
        ("version = 1\n[table.\"1a\"]\nmax_rows = 1\n".to_owned(), "it must begin with a letter"),
        (format!("{table}[table.t.column]\n\"a,b\" = {{ type = \"TEXT\" }}\n"), "`,` is not allowed"),
        ("version = 1\ntable = 3\n".to_owned(), "`table`: expected a table, found integer"),
        ("version = 1\n[table.t]\nmax_rows = 0\n".to_owned(), "`max_rows`: must be between 1 and"),
    ] {
        let text = fault(&policy);
        assert!(text.contains(expected), "{policy}\n{text}\n{expected}");
    }
}

#[test]
fn faults_of_a_column() {
    let mut all = String::new();
    for column in [
        "{ allow = [] }",
        "{ type = \"INT\" }",
        "{ type = \"DECIMAL\" }",
        "{ type = \"DECIMAL(39,2)\" }",
        "{ type = \"BLOB\" }",
        "{ type = \"TEXT\", allowed = [] }",
        "{ type = \"TEXT\", allow = [\"filtr\"] }",
        "{ type = \"TEXT\", allow = [\"join\", \"JOIN\"] }",
        "{ type = \"TEXT\", allow = \"join\" }",
        "{ type = \"BIGINT\", bounds = [5, 1] }",
        "{ type = \"BIGINT\", bounds = [1] }",
        "{ type = \"BIGINT\", bounds = [1, 2.5] }",
        "{ type = \"SMALLINT\", bounds = [0, 40000] }",
        "{ type = \"TEXT\", bounds = [\"a\", \"b\"] }",
        "{ type = \"BIGINT\", bounds = [1, 2], values = [1] }",
        "{ type = \"TEXT\", values = [] }",
        "{ type = \"TEXT\", values = [\"a\", \"b\", \"a\"] }",
        "{ type = \"TEXT\", values = [1] }",
        "{ type = \"DECIMAL(4,1)\", bounds = [0, 10.25] }",
        "{ type = \"DECIMAL(4,1)\", bounds = [0, 1000] }",
        "{ type = \"DATE\", bounds = [\"2010-02-30\", \"2011-01-01\"] }",
        "{ type = \"TIMESTAMP\", values = [\"yesterday\"] }",
        "{ type = \"DOUBLE\", bounds = [0, inf] }",
        "{ type = \"DOUBLE\", bounds = [0, 1], step = 0 }",
        "{ type = \"DOUBLE\", bounds = [0, 1e9], step = 1e-9 }",
        "{ type = \"BIGINT\", step = 2 }",
        "{ type = \"BIGINT\", max_bytes = 2 }",
        "{ type = \"TEXT\", max_bytes = 0 }",
        "{ type = \"TEXT\", nullable = \"no\" }",
        "{ type = \"TEXT\", label = 3 }",
        "3",
    ] {
        writeln!(all, "{column}\n    {}", column_fault(column)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn faults_of_the_federation() {
    let mut all = String::new();
    let key = "ed25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let with = |from: &str, to: &str| PARTIES.replacen(from, to, 1);
    for text in [
        "version = 1".to_owned(),
        with("seat = 2", ""),
        with("seat = 2", "seat = 1"),
        with("seat = 2", "seat = 3"),
        with("seat = 2", "seats = 2"),
        with("\"helper\"", "\"Hospital\""),
        with("\"helper\"", "\"released\""),
        with("\"helper\"", "\"a/b\""),
        with("127.0.0.1:7100", "127.0.0.1"),
        with("127.0.0.1:7100", "host:0"),
        with("127.0.0.1:7100", "[::1:7100"),
        with("name = \"helper\"", "name = \"helper\"\naddress = \"127.0.0.1:7100\""),
        with("name = \"helper\"", "name = \"helper\"\nkey = \"ed25519:abc\""),
        with("name = \"helper\"", &format!("name = \"helper\"\nkey = \"{key}\""))
            .replace("name = \"clinic\"", &format!("name = \"clinic\"\nkey = \"{key}\"")),
        format!("{PARTIES}[[view]]\nname = \"v\"\nsql = \" \"\n"),
        format!("{PARTIES}[[view]]\nname = \"v\"\nsq = \"\"\n"),
        format!("{PARTIES}[[analyst]]\nname = \"a\"\n[[analyst]]\nname = \"A\"\n"),
    ] {
        writeln!(all, "{}", federation_fault(&text)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn policies_belong_to_parties() {
    let error = read(PARTIES, &[("insuror", "version = 1")]).unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `insurer`?"));
    let error = read(PARTIES, &[("clinic", "version = 1"), ("Clinic", "version = 1")]).unwrap_err();
    assert!(error.message.contains("a second policy"));
    let known = format!("{PARTIES}[[analyst]]\nname = \"alice\"\n");
    let error = read(&known, &[("clinic", "version = 1\n[release]\nrecipients = [\"alcie\"]")]).unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `alice`?"));
}

#[test]
fn analysts_may_share_the_key_of_an_endpoint() {
    let key = format!("ed25519:{}=", "A".repeat(43));
    let analyst = |name: &str| format!("[[analyst]]\nname = \"{name}\"\nkey = \"{key}\"\n");
    let federation = read(&format!("{PARTIES}{}{}", analyst("ann"), analyst("bob")), &[]).unwrap();
    assert_eq!(federation.analysts.len(), 2);
}

#[test]
fn addresses_of_both_kinds() {
    for address in ["[::1]:7100", "party.example.org:443", "127.0.0.1:1"] {
        let text = PARTIES.replacen("127.0.0.1:7100", address, 1);
        assert_eq!(read(&text, &[]).unwrap().parties[0].address.as_deref(), Some(address));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_text_makes_it_panic(federation in any::<String>(), at in 0..CLAIMS.len(), insert in "[\\[\\]{}=\"'a-z0-9.,\n-]{0,4}") {
        let _ = read(&federation, &[]);
        if CLAIMS.is_char_boundary(at) {
            let text = format!("{}{insert}{}", &CLAIMS[..at], &CLAIMS[at..]);
            let _ = read(PARTIES, &[("insurer", &text)]);
        }
    }

    #[test]
    fn the_default_step_is_fine_enough(lo in -1e12..1e12_f64, width in 1e-3..1e12_f64) {
        let text = format!("version = 1\n[table.t]\nmax_rows = 1\n[table.t.column]\nx = {{ type = \"DOUBLE\", bounds = [{lo:e}, {:e}] }}", lo + width);
        let federation = read(PARTIES, &[("insurer", &text)]).unwrap();
        let column = &federation.parties[1].tables[0].columns[0];
        let Scale::Step(step) = column.scale else { panic!() };
        prop_assert!(step > 0.0 && step.log2().fract() == 0.0);
        prop_assert!(step <= width * 1.1e-6 || lo.abs().max((lo + width).abs()) / step >= 4e15);
    }
}
