//! Parties as processes of their own, and an analyst that asks them.

use std::net::TcpListener;
use std::process::Child;
use std::time::{Duration, Instant};

use super::*;

/// Servers of all parties, ended with the value.
struct Servers {
    federation: Federation,
    children: Vec<Child>,
}

const PARTIES: [&str; 3] = ["hospital", "insurer", "helper"];

impl Servers {
    /// Makes keys, addresses and configurations, and starts nothing.
    fn prepare() -> Self {
        let federation = Federation::new();
        let dir = federation.path().to_str().unwrap().to_owned();
        let mut text = FEDERATION.to_owned();
        let sockets: Vec<TcpListener> =
            PARTIES.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        for (party, socket) in PARTIES.iter().zip(&sockets) {
            let folder = format!("{dir}/parties/{party}");
            let run = conjoin(["init", "party", party, "--dir", &folder, "--federation", &dir]).expect(0);
            let key = run.out.lines().find(|line| line.starts_with("key")).unwrap();
            let address = format!("address = \"{}\"", socket.local_addr().unwrap());
            let head = format!("name = \"{party}\"\n");
            text = text.replace(&head, &format!("{head}{address}\n{key}\n"));
            let config = std::fs::read_to_string(format!("{folder}/party.toml")).unwrap();
            let listen = format!("listen = \"{}\"", socket.local_addr().unwrap());
            federation.write(
                &format!("parties/{party}/party.toml"),
                &config.replace("listen = \"0.0.0.0:7100\"", &listen),
            );
        }
        let run = conjoin(["init", "analyst", "alice", "--dir", &dir, "--federation", &dir]).expect(0);
        let at = text.find("[[view]]").unwrap();
        text.insert_str(at, &run.out);
        federation.write("federation.toml", &text);
        Self { federation, children: Vec::new() }
    }

    /// Starts a party and waits until it says that it listens.
    fn start(&mut self, party: &str) {
        let log = self.federation.file(&format!("{party}.log"));
        let child = program()
            .args(["serve", "--config"])
            .arg(self.federation.file(&format!("parties/{party}/party.toml")))
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        self.children.push(child);
        let start = Instant::now();
        while !std::fs::read_to_string(&log).unwrap().contains("listens on") {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", std::fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask(&self, sql: &str) -> Run {
        let config = self.federation.file("analyst.toml");
        conjoin([
            "run",
            "--config",
            config.to_str().unwrap(),
            "-e",
            sql,
            "--format",
            "json",
            "--timeout",
            "20s",
        ])
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn servers_answer_and_end_when_told() {
    let mut servers = Servers::prepare();
    let run = conjoin(["check", servers.federation.path().to_str().unwrap()]).expect(0);
    assert!(run.out.contains("analyst.toml"), "{}", run.out);
    for party in PARTIES {
        servers.start(party);
    }
    let sql = "SELECT COUNT(*) AS n, SUM(days) AS days FROM cohort";
    assert_eq!(servers.ask(sql).expect(0).out, "[{\"n\":3,\"days\":7}]\n");

    // One party goes away: one clear error; it comes back: the next query works.
    let mut insurer = servers.children.remove(1);
    let start = Instant::now();
    let told = Command::new("kill").arg(insurer.id().to_string()).status().unwrap();
    assert!(told.success());
    assert!(insurer.wait().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(5));
    let error = servers.ask(sql).expect(5).error();
    assert_eq!(error["class"], "peer");
    assert!(error["message"].as_str().unwrap().contains("insurer"), "{error}");
    servers.start("insurer");
    servers.ask(sql).expect(0);
}

/// Sends a signal to a process.
fn signal(child: &Child, name: &str) {
    let told = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(told.success());
}

#[test]
fn a_party_killed_in_the_middle_of_a_query_ends_it_with_one_error() {
    let mut servers = Servers::prepare();
    for party in PARTIES {
        servers.start(party);
    }
    let sql = "SELECT COUNT(*) AS n, SUM(days) AS days FROM cohort";
    // Halted first, so that the query is under way and cannot be over when the helper is killed.
    signal(&servers.children[2], "-STOP");
    let error = std::thread::scope(|scope| {
        let run = scope.spawn(|| servers.ask(sql));
        std::thread::sleep(Duration::from_secs(1));
        assert!(!run.is_finished());
        signal(&servers.children[2], "-KILL");
        let killed = Instant::now();
        let run = run.join().unwrap().expect(5);
        assert!(killed.elapsed() < Duration::from_secs(15));
        run.error()
    });
    assert_eq!(error["class"], "peer");
    assert!(error["message"].as_str().unwrap().contains("helper"), "{error}");
    servers.children.remove(2).wait().unwrap();
    servers.start("helper");
    assert_eq!(servers.ask(sql).expect(0).out, "[{\"n\":3,\"days\":7}]\n");
}

#[test]
fn a_server_without_usable_data_does_not_open_its_port() {
    let servers = Servers::prepare();
    servers.federation.write("parties/insurer/data/claims.csv", "id,days,cost\na,999,1\n");
    let config = servers.federation.file("parties/insurer/party.toml");
    let run = conjoin(["serve", "--config", config.to_str().unwrap()]).expect(4);
    assert!(run.err.contains("outside bounds"), "{}", run.err);
}

#[test]
fn a_key_that_is_not_listed_is_a_failed_check_at_both_ends() {
    let mut servers = Servers::prepare();
    for party in PARTIES {
        servers.start(party);
    }
    let other = servers.federation.file("other");
    let federation = servers.federation.path().to_str().unwrap();
    let folder = other.to_str().unwrap();
    conjoin(["init", "analyst", "alice", "--dir", folder, "--federation", federation]).expect(0);
    std::fs::copy(other.join("alice.key.pem"), servers.federation.file("alice.key.pem")).unwrap();
    let error = servers.ask("SELECT COUNT(*) AS n FROM cohort").expect(6).error();
    assert_eq!(error["class"], "abort");
    assert!(error["message"].as_str().unwrap().contains("refuses this key"), "{error}");
    let log = std::fs::read_to_string(servers.federation.file("hospital.log")).unwrap();
    assert!(log.contains("with an unknown key was refused"), "{log}");
}
