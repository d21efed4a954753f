//! Federation directories: what loads, what is wrong with the others, `check`, `init`.

use super::*;

#[test]
fn broken_files_are_named_with_their_place() {
    let federation = Federation::new();
    federation.write("federation.toml", "version = 1\nname = \n");
    let error = federation.json("SELECT 1").expect(2).error();
    assert!(error["message"].as_str().unwrap().contains("federation.toml"), "{error}");

    let federation = Federation::new();
    federation.write("parties/insurer/policy.toml", &INSURER.replace("min_people", "min_peopel"));
    let error = federation.json("SELECT 1").expect(2).error();
    assert!(error["message"].as_str().unwrap().contains("parties/insurer/policy.toml"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("min_people"), "{error}");

    let run = conjoin(["local", "/nowhere/at/all", "-e", "SELECT 1", "--format", "json"]).expect(2);
    assert!(run.error()["message"].as_str().unwrap().contains("/nowhere/at/all"));
    conjoin(["serve", "--config", "/nowhere/party.toml"]).expect(2);
}

#[test]
fn check_says_what_it_checked() {
    let federation = Federation::new();
    let run = conjoin(["check", federation.path().to_str().unwrap()]).expect(0);
    for expected in [
        "virtual table cohort",
        "hospital.lifestyle: 5 rows, at most 10",
        "insurer.claims: 4 rows",
        "no problems",
    ] {
        assert!(run.out.contains(expected), "{}", run.out);
    }
}

#[test]
fn check_finds_every_problem() {
    let federation = Federation::new();
    federation
        .write("federation.toml", &FEDERATION.replace("h.sex", "h.sexx"))
        .write("parties/hospital/data/lifestyle.csv", "id,age,sex\na,17,f\n")
        .write("parties/insurer/data/claims.csv", "id,days\na,1\n")
        .write("parties/insurer/party.toml", "name = 'insurer'\nfedration = '..'\n");
    let run = conjoin(["check", federation.path().to_str().unwrap()]).expect(2);
    for expected in ["sexx", "outside bounds [18, 99]", "column `cost` is missing", "unknown key `fedration`"]
    {
        assert!(run.err.contains(expected), "no {expected} in: {}", run.err);
    }
    assert_eq!(run.err.lines().filter(|line| line.starts_with("error")).count(), 4, "{}", run.err);

    let federation = Federation::new();
    federation
        .write("parties/hospital/policy.toml", &HOSPITAL.replace("max_rows = 10", "max_rows = -1"))
        .write("parties/insurer/policy.toml", &INSURER.replace("BIGINT", "BIGINTT"));
    let run = conjoin(["check", federation.path().to_str().unwrap()]).expect(2);
    assert!(
        run.err.contains("hospital/policy.toml") && run.err.contains("insurer/policy.toml"),
        "{}",
        run.err
    );
}

#[test]
fn check_knows_what_hashed_joins_will_not_accept() {
    let federation = Federation::new();
    federation.write("parties/insurer/data/claims.csv", "id,days,cost\na,1,1\n A,1,1\n");
    let run = conjoin(["check", federation.path().to_str().unwrap()]).expect(0);
    assert!(run.err.contains("insurer.claims: 1 row more"), "{}", run.err);
}

#[test]
fn check_knows_which_policy_is_missing() {
    let federation = Federation::new();
    std::fs::remove_file(federation.file("parties/insurer/policy.toml")).unwrap();
    let run = conjoin(["check", federation.path().to_str().unwrap()]).expect(2);
    assert!(run.err.contains("hint: parties/insurer/policy.toml is missing"), "{}", run.err);
    assert!(run.err.contains("parties/insurer: policy.toml is missing, and insurer has data"), "{}", run.err);
}

#[test]
fn a_configuration_of_the_wrong_kind_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, "name = 'a'\nfederation = '.'\nkey = 'k'\n").unwrap();
    let run = conjoin(["serve", "--config", path.to_str().unwrap()]).expect(2);
    assert!(run.err.contains("looks like an analyst's file"), "{}", run.err);
    std::fs::write(&path, "name = 'a'\nfederation = '.'\nkey = 'k'\nstate = 's'\n").unwrap();
    let run = conjoin(["run", "--config", path.to_str().unwrap(), "-e", "SELECT 1"]).expect(2);
    assert!(run.err.contains("looks like a party's file"), "{}", run.err);
}

#[test]
fn init_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let run = conjoin(["init", "analyst", "alice", "--dir", dir]).expect(0);
    assert!(run.out.starts_with("[[analyst]]\nname = \"alice\"\nkey = \"ed25519:"), "{}", run.out);
    let key = std::fs::read(folder.path().join("alice.key.pem")).unwrap();
    conjoin(["init", "analyst", "alice", "--dir", dir]).expect(2);
    assert_eq!(std::fs::read(folder.path().join("alice.key.pem")).unwrap(), key);
    conjoin(["init", "party", "../x", "--dir", dir]).expect(2);
    conjoin(["init", "federation", dir, "--owner", "a=b.csv"]).expect(4);
}
