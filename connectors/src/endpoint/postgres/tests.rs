//! The server as a client of the protocol meets it, byte by byte.
#![expect(clippy::big_endian_bytes, reason = "the protocol's order of bytes")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::*;
use crate::endpoint::fake::{Fake, Shared};
use crate::endpoint::{DeskOptions, Users, hash_password};

struct Server {
    address: std::net::SocketAddr,
    fake: Arc<Fake>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<()>>,
}

async fn start(users: Users) -> Server {
    let fake = Arc::new(Fake::default());
    let options = DeskOptions { users, analyst: "analyst".to_owned(), max_queries: 2 };
    let desk = Desk::new(Arc::new(Shared(Arc::clone(&fake))), options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(serve(listener, desk, None, async { drop(stopped.await) }));
    Server { address, fake, stop, task }
}

/// A client that shows messages as `TAG text`, up to the one that says that the server is ready.
struct Wire(TcpStream);

impl Wire {
    async fn open(server: &Server, user: &str) -> Self {
        let mut wire = Wire(TcpStream::connect(server.address).await.unwrap());
        let words = format!("user\0{user}\0database\0heart\0\0");
        let length = i32::try_from(words.len() + 8).unwrap();
        let head = [length.to_be_bytes(), 196_608_i32.to_be_bytes()].concat();
        wire.0.write_all(&[&head[..], words.as_bytes()].concat()).await.unwrap();
        wire
    }

    async fn send(&mut self, tag: u8, body: &[u8]) {
        let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
        self.0.write_all(&[&[tag][..], &length, body].concat()).await.unwrap();
    }

    async fn next(&mut self) -> Option<(char, Vec<u8>)> {
        let tag = self.0.read_u8().await.ok()?;
        let length = self.0.read_i32().await.ok()?;
        let mut body = vec![0; usize::try_from(length).unwrap() - 4];
        self.0.read_exact(&mut body).await.ok()?;
        Some((char::from(tag), body))
    }

    async fn until_ready(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        while let Some((tag, body)) = self.next().await {
            if tag == 'Z' {
                break;
            }
            let text: String = body
                .iter()
                .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
                .collect();
            seen.push(format!("{tag} {text}"));
        }
        seen
    }

    async fn ask(&mut self, sql: &str) -> Vec<String> {
        self.send(b'Q', format!("{sql}\0").as_bytes()).await;
        self.until_ready().await
    }
}

fn has(messages: &[String], tag: char, text: &str) -> bool {
    messages.iter().any(|message| message.starts_with(tag) && message.contains(text))
}

#[tokio::test]
async fn statements_are_answered_in_order_until_one_fails() {
    let server = start(Users::default()).await;
    let mut wire = Wire::open(&server, "me").await;
    assert!(has(&wire.until_ready().await, 'S', "server_version"));
    let seen = wire.ask("SELECT 1; BEGIN; CREATE VIRTUAL TABLE v; FAIL refused; SELECT 2").await;
    assert!(
        has(&seen, 'T', "question") && has(&seen, 'D', "SELECT 1|") && has(&seen, 'C', "SELECT 1"),
        "{seen:?}"
    );
    assert!(
        has(&seen, 'N', "rounded") && has(&seen, 'C', "BEGIN") && has(&seen, 'C', "CREATE VIRTUAL TABLE")
    );
    assert!(
        has(&seen, 'E', "42501")
            && has(&seen, 'E', "refused: it failed")
            && has(&seen, 'E', "do something else")
    );
    assert!(!has(&seen, 'D', "SELECT 2"));
    let log = server.fake.log.lock().unwrap().join("; ");
    assert_eq!(log, "analyst: SELECT 1; analyst: CREATE VIRTUAL TABLE v; analyst: FAIL refused");
    assert!(has(&wire.ask("SHOW server_version").await, 'D', "9.6"));
    assert!(has(&wire.ask("SELECT 3").await, 'D', "SELECT 3|"));
}

#[tokio::test]
async fn prepared_statements_take_values() {
    let server = start(Users::default()).await;
    let mut wire = Wire::open(&server, "me").await;
    wire.until_ready().await;
    wire.send(b'P', b"p\0SELECT $1\0\0\0").await;
    wire.send(b'D', b"Sp\0").await;
    wire.send(b'B', b"\0p\0\0\0\0\x01\0\0\0\x0242\0\0").await;
    wire.send(b'E', b"\0\0\0\0\0").await;
    wire.send(b'S', b"").await;
    let seen = wire.until_ready().await;
    assert!(has(&seen, 't', "") && has(&seen, 'T', "question"), "{seen:?}");
    assert!(has(&seen, 'D', "SELECT $1|42"), "{seen:?}");
}

#[tokio::test]
async fn a_password_is_asked_for_and_checked() {
    let hash = hash_password("secret").unwrap();
    let server = start(Users::new([("ann".to_owned(), hash)]).unwrap()).await;
    for (user, password, enters) in
        [("ann", "secret", true), ("ann", "wrong", false), ("eve", "secret", false)]
    {
        let mut wire = Wire::open(&server, user).await;
        assert_eq!(wire.next().await.unwrap(), ('R', vec![0, 0, 0, 3]));
        wire.send(b'p', format!("{password}\0").as_bytes()).await;
        let seen = wire.until_ready().await;
        assert_eq!(has(&seen, 'E', "28P01"), !enters, "{seen:?}");
        if enters {
            assert!(has(&wire.ask("SELECT 1").await, 'D', "ann"));
        }
    }
}

#[tokio::test]
async fn a_query_can_be_cancelled_over_another_connection() {
    let server = start(Users::default()).await;
    let mut wire = Wire::open(&server, "me").await;
    let mut key = Vec::new();
    while let Some((tag, body)) = wire.next().await {
        match tag {
            'K' => key = body,
            'Z' => break,
            _ => {}
        }
    }
    let asking = tokio::spawn(async move { (wire.ask("SLOW 1").await, wire) });
    let start = Instant::now();
    while server.fake.running.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut other = TcpStream::connect(server.address).await.unwrap();
    let length = i32::try_from(key.len() + 8).unwrap();
    let head = [length.to_be_bytes(), 80_877_102_i32.to_be_bytes()].concat();
    other.write_all(&[head, key].concat()).await.unwrap();
    let (seen, mut wire) = asking.await.unwrap();
    assert!(has(&seen, 'E', "57014"), "{seen:?}");
    assert!(has(&wire.ask("SELECT 1").await, 'D', "SELECT 1|"));
    assert_eq!(server.fake.ended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_query() {
    let server = start(Users::default()).await;
    let mut wire = Wire::open(&server, "me").await;
    wire.until_ready().await;
    wire.send(b'Q', b"SLOW 1\0").await;
    let start = Instant::now();
    while server.fake.running.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(wire);
    while server.fake.ended.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_told_to_ends_with_its_queries() {
    let server = start(Users::default()).await;
    let mut wire = Wire::open(&server, "me").await;
    wire.until_ready().await;
    let asking = tokio::spawn(async move { wire.ask("SLOW 1").await });
    let start = Instant::now();
    while server.fake.running.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop.send(()).unwrap();
    server.task.await.unwrap().unwrap();
    asking.await.unwrap();
    let start = Instant::now();
    while server.fake.running.load(Ordering::SeqCst) > 0 {
        assert!(start.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
