//! Data, messages and parties that break the rules.

use super::*;

#[tokio::test]
async fn duplicates_end_the_query_and_only_their_owner_reads_more() {
    let person = (Some("ab".to_owned()), "c".to_owned());
    let twice =
        People { ids: vec![person.clone(), person], numbers: vec![None; 2], passes: vec![true, false] };
    let mut rng = StdRng::seed_from_u64(5);
    let once = People::random(&mut rng, 5, 1);
    let plan = join_plan([8, 8], Multiplicity::OneToOne, by(2));
    let ran = run(&world(6, [0, 1, 2], &once, &twice), &plan).await;
    let error = ran.results[1].as_ref().unwrap_err();
    assert_eq!(error.class(), Class::Source);
    let text = error.to_string();
    for part in [
        "insurer.claims",
        "(a, b)",
        "duplicate identifiers",
        "1 identifier occurs in more than 1 row ",
        "max_rows_per_person",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        error.for_analyst("insurer"),
        "the data of insurer.claims cannot be used; its owner can see why",
        "others learn the table alone"
    );
    for other in [0, 2] {
        assert_eq!(ran.results[other].as_ref().unwrap_err().class(), Class::Peer);
    }
    assert!(
        !ran.transcript.iter().any(|message| message.from == 1 && message.channel.contains("pseudonyms"))
    );
}

#[tokio::test]
async fn data_that_break_their_policy_never_leave() {
    let mut rng = StdRng::seed_from_u64(5);
    let fine = People::random(&mut rng, 5, 1);
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    let many = People::random(&mut rng, 7, 1);
    let mut outside = fine.clone();
    outside.numbers[2] = Some(1001);
    outside.passes[2] = true;
    for (insurer, rule) in
        [(many, "7 rows, but `max_rows` allows 6"), (outside, "column `x`: 1 row holds a value")]
    {
        let ran = run(&world(6, [0, 2, 3], &fine, &insurer), &plan).await;
        let error = ran.results[1].as_ref().unwrap_err();
        assert_eq!(error.class(), Class::Source);
        assert!(error.to_string().contains(rule), "{error}");
        assert!(
            !ran.transcript.iter().any(|message| message.from == 1 && message.channel.starts_with("input"))
        );
    }
}

#[tokio::test]
async fn a_changed_share_aborts() {
    let seats = [0, 1, 2];
    let mut rng = StdRng::seed_from_u64(5);
    let (hospital, insurer) = (People::random(&mut rng, 5, 1), People::random(&mut rng, 5, 1));
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    let ran = run(&world(6, seats, &hospital, &insurer), &plan).await;
    for seat in 0..3 {
        for byte in [0, 17, 63] {
            let mut changed = messages(&ran, seats, 0);
            changed[seat][byte] ^= 1;
            let [a, b, c] = &changed;
            assert_eq!(
                combine(&plan, 0, [a, b, c]).unwrap_err().class(),
                Class::Abort,
                "seat {seat}, byte {byte}"
            );
        }
        let mut short = messages(&ran, seats, 0);
        short[seat].pop();
        let [a, b, c] = &short;
        assert_eq!(combine(&plan, 0, [a, b, c]).unwrap_err().class(), Class::Abort);
    }
}

#[tokio::test]
async fn a_message_of_another_length_aborts() {
    let mut rng = StdRng::seed_from_u64(5);
    let (hospital, insurer) = (People::random(&mut rng, 5, 1), People::random(&mut rng, 5, 1));
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    for channel in ["join/2/pseudonyms/moved", "input/1"] {
        let shorter = move |message: &Message, payload: &mut Vec<u8>| {
            if message.channel == channel {
                payload.pop();
            }
            Fate::Deliver
        };
        let ran = run(&world(6, [3, 4, 2], &hospital, &insurer).with_hook(shorter), &plan).await;
        assert!(
            ran.results
                .iter()
                .any(|result| result.as_ref().is_err_and(|error| error.class() == Class::Abort))
        );
    }
}

#[tokio::test]
async fn when_a_party_fails_all_others_end() {
    let mut rng = StdRng::seed_from_u64(5);
    let (hospital, insurer) = (People::random(&mut rng, 5, 1), People::random(&mut rng, 5, 1));
    let plan = join_plan([6, 6], Multiplicity::OneToOne, by(2));
    let fail = |message: &Message, _: &mut Vec<u8>| {
        if message.from == 0 && message.channel.starts_with("core/node/3") {
            Fate::Fail
        } else {
            Fate::Deliver
        }
    };
    let ran = run(&world(6, [0, 1, 2], &hospital, &insurer).with_hook(fail), &plan).await;
    for seat in 0..3 {
        assert_eq!(ran.results[seat].as_ref().unwrap_err().class(), Class::Peer);
    }
}
