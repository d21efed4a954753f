//! Servers for other programs, and what they refuse before they open a port.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

use super::*;

/// A server that says where it listens, ended with the value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program().args(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("://"))).unwrap().unwrap();
        // Whatever it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: line.rsplit('/').next().unwrap().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn without_login_only_loopback_is_served() {
    let federation = Federation::new();
    let dir = federation.path().to_str().unwrap();
    for arguments in [
        ["flight", "--local", dir, "--listen", "0.0.0.0:0"].as_slice(),
        &["serve-pg", "--local", dir, "--listen", "0.0.0.0:0"],
        &["local", dir, "--flight", "0.0.0.0:0"],
    ] {
        let run = conjoin(arguments).expect(2);
        assert!(run.err.contains("0.0.0.0:0 is not a loopback address"), "{}", run.err);
    }
    conjoin(["flight", "--local", dir, "--listen", "nonsense"]).expect(2);
}

#[test]
fn a_user_is_written_with_the_hash_of_the_password() {
    let run = conjoin_with_input(&["init", "user", "ann"], "correct horse\n").expect(0);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines[..2], ["[[flight.user]]", "name = \"ann\""]);
    assert!(lines[2].starts_with("password_hash = \"$argon2id$"), "{}", lines[2]);
    assert!(!run.out.contains("correct horse"));
    conjoin_with_input(&["init", "user", "ann"], "\n").expect(2);
}

#[test]
fn what_others_can_reach_needs_tls_and_users() {
    let federation = Federation::new();
    let dir = federation.path().to_str().unwrap();
    conjoin(["init", "analyst", "alice", "--dir", dir, "--federation", dir]).expect(0);
    let listed = FEDERATION
        .replace("name = \"hospital\"", "name = \"hospital\"\naddress = \"127.0.0.1:1\"\nkey = \"KEY\"");
    let listed =
        listed.replace("name = \"insurer\"", "name = \"insurer\"\naddress = \"127.0.0.1:2\"\nkey = \"KEY\"");
    let listed =
        listed.replace("name = \"helper\"", "name = \"helper\"\naddress = \"127.0.0.1:3\"\nkey = \"KEY\"");
    let mut keyed = listed.clone();
    for party in ["hospital", "insurer", "helper"] {
        let folder = format!("{dir}/keys/{party}");
        let run = conjoin(["init", "party", party, "--dir", &folder, "--federation", dir]).expect(0);
        let key = run
            .out
            .lines()
            .find_map(|line| line.strip_prefix("key = "))
            .unwrap()
            .trim_matches('"')
            .to_owned();
        keyed = keyed.replacen("KEY", &key, 1);
    }
    federation.write("federation.toml", &keyed);
    let config = federation.file("analyst.toml");
    let config = config.to_str().unwrap();
    let base = std::fs::read_to_string(config).unwrap();
    for (flight, says) in [
        ("", "`tls_cert` and `tls_key` are missing"),
        ("[flight]\ntls_cert = 'c.pem'\ntls_key = 'k.pem'\n", "there is no [[flight.user]]"),
        (
            "[[flight.user]]\nname = 'ann'\npassword_hash = 'secret'\n",
            "the password_hash of user `ann` is none",
        ),
        ("[flight]\ntls_cert = 'none.pem'\ntls_key = 'k.pem'\n", "cannot read "),
    ] {
        federation.write("analyst.toml", &format!("{base}{flight}"));
        federation.write("c.pem", "x").write("k.pem", "y");
        let run = conjoin(["flight", "--config", config, "--listen", "0.0.0.0:0"]).expect(2);
        assert!(run.err.contains(says), "{flight}: {}", run.err);
    }
    // Texts that are no certificates are found before the port is opened for anybody.
    federation.write("analyst.toml", &format!("{base}[flight]\ntls_cert = 'c.pem'\ntls_key = 'k.pem'\n"));
    let run = conjoin(["flight", "--config", config, "--listen", "127.0.0.1:0"]).expect(2);
    assert!(run.err.contains("certificate or key cannot be used"), "{}", run.err);
}

/// psql against a server; `None` where it is not installed.
fn psql(server: &Server, arguments: &[&str]) -> Option<Run> {
    let (host, port) = server.address.rsplit_once(':').unwrap();
    let command = Command::new("psql")
        .args(["-X", "-q", "-h", host, "-p", port, "-U", "me", "-d", "study"])
        .args(arguments)
        .env("PGCONNECT_TIMEOUT", "20")
        .env("PAGER", "cat")
        .stdin(Stdio::null())
        .output();
    match command {
        Ok(output) => Some(Run::of(output)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn psql_asks_and_lists_the_federation() {
    let federation = Federation::new();
    let dir = federation.path().to_str().unwrap();
    let server = Server::start(&["serve-pg", "--local", dir, "--listen", "127.0.0.1:0"]);
    let sql = "SELECT COUNT(*) AS n, SUM(days) AS days FROM cohort";
    let Some(run) = psql(&server, &["-At", "-c", sql]) else {
        println!("SKIPPED: psql is not installed");
        return;
    };
    assert_eq!(run.expect(0).out, "3|7\n");
    let run = psql(&server, &["-c", "SELECT SUM(cost) AS cost, AVG(days) AS days FROM insurer.claims"])
        .unwrap()
        .expect(0);
    assert!(run.out.contains("32.00") && run.out.contains("cost"), "{}", run.out);

    let run = psql(&server, &["-At", "-c", "\\d"]).unwrap().expect(0);
    assert_eq!(
        run.out,
        "hospital|lifestyle|table|analyst\ninsurer|claims|table|analyst\nvirtual|cohort|view|analyst\n"
    );
    let run = psql(&server, &["-At", "-c", "\\dt"]).unwrap().expect(0);
    assert!(run.out.contains("claims") && !run.out.contains("cohort"), "{}", run.out);
    let run = psql(&server, &["-At", "-c", "\\d insurer.claims"]).unwrap().expect(0);
    assert!(run.out.contains("cost|numeric(10,2)|||"), "{}", run.out);
    let run = psql(&server, &["-At", "-c", "\\dn"]).unwrap().expect(0);
    assert!(run.out.contains("hospital|analyst"), "{}", run.out);
    let run = psql(&server, &["-At", "-c", "\\l"]).unwrap().expect(0);
    assert!(run.out.starts_with("study|analyst|UTF8"), "{}", run.out);

    let run = psql(&server, &["-c", "SELECT * FROM hospital.lifestyle LIMIT 10"]).unwrap().expect(1);
    assert!(run.err.contains("refused: only aggregates leave the federation"), "{}", run.err);
    let run = psql(&server, &["-c", "SELECT nope FROM cohort"]).unwrap().expect(1);
    assert!(run.err.contains("LINE 1: SELECT nope FROM cohort\n               ^"), "{}", run.err);
    let script = "CREATE VIRTUAL TABLE old AS SELECT * FROM cohort WHERE age > 35; BEGIN; SELECT COUNT(*) FROM old; COMMIT";
    let run = psql(&server, &["-At", "-c", script]).unwrap().expect(0);
    assert_eq!(run.out, "2\n");
}
