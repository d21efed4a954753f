//! Links over real sockets.

use std::collections::BTreeSet;
use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

use planner::catalog::PublicKey;
use tokio::net::TcpListener;

use super::frame::{FrameError, Header, Kind};
use super::tls::{self, Acceptor, Stream};
use super::{Direction, Link, LinkError, LinkSettings, Throttle, channel};
use crate::identity::Identity;

const PATIENCE: Duration = Duration::from_secs(5);

/// Two ends of a connection: who dials, who accepts `known` and is expected to be `expected`.
async fn connect(
    dialler: &Identity,
    acceptor: &Identity,
    known: PublicKey,
    expected: PublicKey,
) -> (io::Result<Stream>, io::Result<(Stream, PublicKey)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Acceptor::new(acceptor, BTreeSet::from([known])).unwrap();
    let accept = async {
        let (socket, _) = listener.accept().await.unwrap();
        tls::accept(&server, socket, PATIENCE).await
    };
    tokio::join!(tls::connect(dialler, &address, expected, PATIENCE), accept)
}

async fn pair(settings: &LinkSettings) -> (Link, Link) {
    let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let (dialled, accepted) = connect(&a, &b, a.public_key(), b.public_key()).await;
    let (accepted, key) = accepted.unwrap();
    assert_eq!(key, a.public_key());
    (Link::open(dialled.unwrap(), settings), Link::open(accepted, settings))
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused_on_both_sides() {
    let [a, b, other] = [(); 3].map(|()| Identity::generate().unwrap());
    let (dialled, _) = connect(&a, &b, a.public_key(), other.public_key()).await;
    assert_eq!(tls::key_fault(&dialled.unwrap_err()), Some(tls::KeyFault::Theirs));
    let (listener, server) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        Acceptor::new(&b, BTreeSet::from([other.public_key()])).unwrap(),
    );
    let address = listener.local_addr().unwrap().to_string();
    let accept = tokio::spawn(async move {
        tls::accept(&server, listener.accept().await.unwrap().0, PATIENCE).await.unwrap_err()
    });
    // In TLS 1.3 the dialler learns of it with the first read, and what it has sent by then must not hide it.
    let stream = tls::connect(&a, &address, b.public_key(), PATIENCE).await.unwrap();
    let link = Link::open(stream, &LinkSettings::default());
    let _refused = link.send(2, vec![0; 1000]);
    assert!(matches!(link.recv(1).await, Err(LinkError::KeyRefused)));
    assert_eq!(tls::key_fault(&accept.await.unwrap()), Some(tls::KeyFault::Theirs));
}

#[test]
fn errors_of_sockets_are_plain_words() {
    let of = |code| super::describe(&io::Error::from_raw_os_error(code));
    assert_eq!([104, 32].map(of), ["the connection was closed"; 2]);
    assert!(!of(13).contains("os error"));
    let error = super::cannot_connect("insurer", "127.0.0.1:1", &io::Error::from_raw_os_error(111));
    assert_eq!(error.to_string(), "party insurer is unreachable: nothing answers at 127.0.0.1:1");
    assert!(error.hint().unwrap().contains("is its server running"));
}

#[tokio::test]
async fn messages_arrive_whole_by_channel_in_any_order() {
    let (a, b) = pair(&LinkSettings::default()).await;
    let long: Vec<u8> = (0..3_000_000_u32).map(|i| u8::try_from(i % 253).unwrap()).collect();
    a.send(channel("long"), long.clone()).unwrap();
    a.send(channel("empty"), Vec::new()).unwrap();
    a.send(channel("short"), b"short".to_vec()).unwrap();
    assert_eq!(b.recv(channel("short")).await.unwrap(), b"short");
    assert_eq!(b.recv(channel("empty")).await.unwrap(), b"");
    assert_eq!(b.recv(channel("long")).await.unwrap(), long);
    a.flush().await;
    let (sent, received) = (a.traffic(), b.traffic());
    assert_eq!(sent.bytes(Direction::Sent), 3_000_005);
    assert_eq!(sent.sent.iter().map(|passed| passed.bytes).collect::<Vec<_>>(), [3_000_000, 0, 5]);
    assert_eq!(sent.hash(Direction::Sent), received.hash(Direction::Received));
    assert_ne!(sent.hash(Direction::Sent), received.hash(Direction::Sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_may_send_large_columns_first() {
    let (a, b) = pair(&LinkSettings::default()).await;
    let column = vec![7; 40 << 20];
    let side = async |link: &Link| {
        link.send(1, column.clone()).unwrap();
        assert_eq!(link.recv(1).await.unwrap().len(), column.len());
    };
    tokio::join!(side(&a), side(&b));
}

/// What is sent waits for what is still to be written, never for the peer's program.
#[tokio::test]
async fn who_sends_much_waits_until_it_is_written() {
    let (a, b) = pair(&LinkSettings::default()).await;
    assert_eq!(futures::poll!(std::pin::pin!(a.room())), Poll::Ready(()));
    for number in 0..64 {
        a.send(number, vec![7; 1 << 18]).unwrap();
    }
    let mut room = std::pin::pin!(a.room());
    assert_eq!(futures::poll!(&mut room), Poll::Pending);
    room.await;
    for number in 0..64 {
        assert_eq!(b.recv(number).await.unwrap().len(), 1 << 18);
    }
    for number in 100..164 {
        a.send(number, vec![7; 1 << 18]).unwrap();
    }
    a.end("enough");
    a.room().await;
}

#[tokio::test]
async fn a_failure_report_arrives_after_what_was_sent_before_it() {
    let (a, b) = pair(&LinkSettings::default()).await;
    b.send(5, vec![1; 20 << 20]).unwrap();
    a.send(1, b"before".to_vec()).unwrap();
    a.fail(b"class and step".to_vec());
    assert!(matches!(b.ended().await, LinkError::Report(report) if report == b"class and step"));
    assert_eq!(b.recv(1).await.unwrap(), b"before");
    assert!(matches!(b.recv(2).await, Err(LinkError::Report(_))));
    drop(b);
    assert!(matches!(a.ended().await, LinkError::Closed(_)));
}

#[tokio::test]
async fn dropping_one_end_ends_the_other() {
    let (a, b) = pair(&LinkSettings::default()).await;
    let (waiting, ()) = tokio::join!(b.recv(1), async { drop(a) });
    assert!(matches!(waiting, Err(LinkError::Closed(_))));
    assert!(b.send(2, vec![0]).is_err());
}

#[tokio::test]
async fn a_channel_carries_one_message() {
    let (a, b) = pair(&LinkSettings::default()).await;
    a.send(1, vec![1]).unwrap();
    a.send(1, vec![2]).unwrap();
    assert!(matches!(b.ended().await, LinkError::Misbehaved(FrameError::Reuse)));
    assert_eq!(b.recv(1).await.unwrap(), [1]);
}

#[tokio::test]
async fn unread_bytes_are_limited() {
    let settings = LinkSettings { unread_bytes: 1000, ..LinkSettings::default() };
    let (a, b) = pair(&settings).await;
    a.send(1, vec![1; 800]).unwrap();
    a.send(2, vec![1; 800]).unwrap();
    assert!(matches!(b.ended().await, LinkError::Misbehaved(FrameError::Flood)));
}

#[tokio::test]
async fn frames_that_are_none_end_the_link() {
    use tokio::io::AsyncWriteExt as _;
    let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let (dialled, accepted) = connect(&a, &b, a.public_key(), b.public_key()).await;
    let link = Link::open(accepted.unwrap().0, &LinkSettings::default());
    let mut stream = dialled.unwrap();
    let mut bytes = Header { kind: Kind::Last, length: 0, channel: 0 }.encode();
    bytes[0] = 99;
    stream.write_all(&bytes).await.unwrap();
    stream.flush().await.unwrap();
    assert!(matches!(link.ended().await, LinkError::Misbehaved(FrameError::Kind)));
}

#[tokio::test]
async fn a_peer_without_a_sign_of_life_is_gone() {
    let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let (dialled, accepted) = connect(&a, &b, a.public_key(), b.public_key()).await;
    let settings = LinkSettings { alive: Duration::from_millis(20), ..LinkSettings::default() };
    let link = Link::open(accepted.unwrap().0, &settings);
    let reason = link.ended().await;
    assert!(reason.to_string().contains("no sign of life"), "{reason}");
    drop(dialled);
    // Both sides show that they are alive, however long nothing is said.
    let (a, b) = pair(&settings).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(a.end_reason().is_none() && b.end_reason().is_none());
}

/// Lower bounds only: how late a message is beyond that depends on the machine.
#[tokio::test]
async fn a_throttled_link_is_late_by_latency_and_length() {
    let throttle = Throttle { latency: Duration::from_millis(30), bytes_per_second: Some(1_000_000) };
    let settings = LinkSettings { throttle: Some(throttle), ..LinkSettings::default() };
    let (a, b) = pair(&settings).await;
    let start = Instant::now();
    a.send(1, vec![0; 20_000]).unwrap();
    b.recv(1).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
    // The line is shared: a short message waits for the long one before it, and a chain of them for each other.
    let start = Instant::now();
    a.send(2, vec![0; 20_000]).unwrap();
    a.send(3, Vec::new()).unwrap();
    b.recv(3).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
    let start = Instant::now();
    for round in 4..8 {
        let (from, to) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        from.send(round, vec![0; 10]).unwrap();
        to.recv(round).await.unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(120), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_a_throttled_link_holds_back_arrives_before_its_end() {
    let throttle = Throttle { latency: Duration::from_millis(30), bytes_per_second: None };
    let settings = LinkSettings { throttle: Some(throttle), ..LinkSettings::default() };
    let (a, b) = pair(&settings).await;
    let start = Instant::now();
    for channel in 0..3 {
        a.send(channel, vec![7; 200_000]).unwrap();
    }
    a.fail(b"class and step".to_vec());
    a.flush().await;
    drop(a);
    for channel in [2, 0, 1] {
        assert_eq!(b.recv(channel).await.unwrap(), vec![7; 200_000]);
        assert!(start.elapsed() >= Duration::from_millis(30), "{:?}", start.elapsed());
    }
    assert!(matches!(b.ended().await, LinkError::Report(report) if report == b"class and step"));
}

#[tokio::test]
async fn a_link_that_is_not_throttled_holds_nothing_back() {
    let throttle = Throttle { latency: Duration::from_hours(1), bytes_per_second: None };
    let slow = LinkSettings { throttle: Some(throttle), ..LinkSettings::default() };
    let (a, b) = (Identity::generate().unwrap(), Identity::generate().unwrap());
    let (dialled, accepted) = connect(&a, &b, a.public_key(), b.public_key()).await;
    let (slow, link) =
        (Link::open(dialled.unwrap(), &slow), Link::open(accepted.unwrap().0, &LinkSettings::default()));
    slow.send(1, vec![1]).unwrap();
    assert!(matches!(link.ended().await, LinkError::Misbehaved(FrameError::Kind)));
}
