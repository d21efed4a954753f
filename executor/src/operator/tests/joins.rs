//! Joins: answers, transcripts, who sees what.

use super::*;

#[tokio::test]
async fn joins_equal_the_clear_at_every_seating() {
    for (seed, seats) in SEATINGS.into_iter().enumerate() {
        for (multiplicity, each) in [(Multiplicity::OneToOne, 1), (Multiplicity::ManyToOne, 3)] {
            let mut rng = StdRng::seed_from_u64(seed as u64);
            for (rows, bounds) in
                [([20, 25], [24, 30]), ([25, 12], [30, 12]), ([0, 3], [2, 4]), ([1, 1], [1, 1])]
            {
                let hospital = People::random(&mut rng, rows[0], each);
                let insurer = People::random(&mut rng, rows[1], 1);
                for matching in [by(neutral(seats)), Matching::oblivious(bounds[0], bounds[1])] {
                    let plan = join_plan(bounds, multiplicity, matching);
                    let ran = run(&world(seed as u64, seats, &hospital, &insurer), &plan).await;
                    let released = opened(&plan, &ran, seats);
                    assert_eq!(
                        row(&released),
                        joined(&hospital, &insurer),
                        "seed {seed}, {multiplicity:?}, {rows:?}, {matching:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn messages_depend_on_public_sizes_alone() {
    for seats in SEATINGS {
        for (multiplicity, matching) in [
            (Multiplicity::OneToOne, by(neutral(seats))),
            (Multiplicity::ManyToOne, by(neutral(seats))),
            (Multiplicity::OneToOne, Matching::oblivious(20, 20)),
            (Multiplicity::ManyToOne, Matching::oblivious(20, 20)),
        ] {
            let plan = join_plan([20, 20], multiplicity, matching);
            let mut rng = StdRng::seed_from_u64(8);
            let mut people = |rows| People::random(&mut rng, rows, 1);
            let full = world(1, seats, &people(20), &people(20));
            let empty = world(2, seats, &people(0), &people(3));
            let (full, empty) = (run(&full, &plan).await, run(&empty, &plan).await);
            assert!(full.transcript.iter().any(|message| message.bytes > 0));
            assert_eq!(full.transcript, empty.transcript);
            let lengths = |ran: &Ran| messages(ran, seats, 0).map(|message| message.len());
            assert_eq!(lengths(&full), lengths(&empty));
        }
    }
}

/// Between owners the halves of a key; from owners to seats shares; between seats what protocols say. Nobody gets
/// hashes, and the identifiers of the unique side must not repeat.
#[tokio::test]
async fn nobody_compares_the_hashes_of_an_oblivious_join() {
    let seats = [2, 3, 4];
    let plan = join_plan([20, 20], Multiplicity::OneToOne, Matching::oblivious(20, 20));
    let Matching::Oblivious { bits } = Matching::oblivious(20, 20) else { panic!() };
    let mut rng = StdRng::seed_from_u64(3);
    let (hospital, insurer) = (People::random(&mut rng, 9, 1), People::random(&mut rng, 9, 1));
    let ran = run(&world(1, seats, &hospital, &insurer), &plan).await;
    for message in ran.transcript.iter().filter(|message| message.channel.starts_with("join/")) {
        let share = 3 * bits as usize + 16;
        let expected = if message.channel.contains("/key/") {
            (message.to < 2, 32)
        } else {
            (message.to > 1, if message.to == 2 { 32 } else { share })
        };
        assert_eq!((message.from < 2, expected.0, message.bytes), (true, true, expected.1), "{message:?}");
    }
    let twice = People::random(&mut rng, 30, 3);
    let ran = run(
        &world(1, seats, &hospital, &twice),
        &join_plan([20, 30], Multiplicity::OneToOne, Matching::oblivious(20, 30)),
    )
    .await;
    let error = ran.results[1].as_ref().unwrap_err();
    assert_eq!(error.class(), Class::Source, "{error}");
    assert!(error.to_string().contains("duplicate identifiers"), "{error}");
}

#[tokio::test]
async fn pseudonyms_and_shares_go_where_they_may() {
    let seats = [2, 3, 4];
    let plan = join_plan([20, 20], Multiplicity::OneToOne, by(0));
    let mut rng = StdRng::seed_from_u64(3);
    let ran =
        run(&world(1, seats, &People::random(&mut rng, 9, 1), &People::random(&mut rng, 9, 1)), &plan).await;
    for message in &ran.transcript {
        let owners = message.from < 2 && message.to < 2;
        let to_matcher = message.to == 2 && message.bytes == 20 * 16;
        match message.channel.split('/').next().unwrap() {
            "join" if message.channel.contains("/key/") => {
                assert!(owners && message.bytes == 32, "{message:?}");
            }
            "join" => assert!(message.from < 2 && to_matcher, "{message:?}"),
            "input" => assert!(message.from < 2 && message.to > 1, "{message:?}"),
            _ => assert!(message.from > 1 && message.to > 1, "{message:?}"),
        }
    }
}

#[tokio::test]
async fn parts_of_identifiers_do_not_run_together() {
    let one = |a: &str, b: &str| People {
        ids: vec![(Some(a.to_owned()), b.to_owned())],
        numbers: vec![Some(5)],
        passes: vec![true],
    };
    let plan = join_plan([2, 2], Multiplicity::OneToOne, by(2));
    let seats = [0, 1, 2];
    for (hospital, insurer, expected) in [
        (one("ab", "c"), one("a", "bc"), 0),
        (one("ab", "c"), one(" AB", "C "), 1),
        (one("", ""), one("", ""), 1),
    ] {
        let ran = run(&world(4, seats, &hospital, &insurer), &plan).await;
        assert_eq!(row(&opened(&plan, &ran, seats))[0], expected);
    }
    let mut missing = one("ab", "c");
    missing.ids[0].0 = None;
    let ran = run(&world(4, seats, &missing, &missing), &plan).await;
    assert_eq!(row(&opened(&plan, &ran, seats))[0], 0, "NULL matches nothing");
}
