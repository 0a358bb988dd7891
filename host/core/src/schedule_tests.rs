//! Tests of the chunk scheduler, one of them over many random orders of events.

use std::collections::VecDeque;

use super::*;

const RULES: Rules = Rules { window: 16, patience: 10_000, head_start: 100 };

fn asked(effects: &[Effect], of: usize) -> Vec<u64> {
    effects
        .iter()
        .filter_map(|e| match e {
            Effect::Request { holder, chunk } if *holder == of => Some(*chunk),
            _ => None,
        })
        .collect()
}

#[test]
fn the_window_opens_as_chunks_are_proved() {
    let mut s = Schedule::new(RULES, 100, 1, 0);
    assert_eq!(asked(&s.ready(0, None, 0), 0), [0, 1, 2, 3]);
    assert!(s.proved(0, 0, 5).0);
    for chunk in 1..40 {
        s.proved(0, chunk, 6);
    }
    assert_eq!(s.holders[0].asked.len(), 16);
}

#[test]
fn a_corrupt_holder_is_out_at_once_and_the_other_takes_over() {
    let mut s = Schedule::new(RULES, 8, 2, 0);
    let first = s.ready(0, None, 0);
    assert_eq!(asked(&first, 0), [0, 1, 2, 3]);
    assert_eq!(asked(&s.ready(1, None, 0), 1), [4, 5, 6, 7]);
    assert!(s.ended(0, 1).is_empty());
    let mut given = Vec::new();
    for chunk in 4..8 {
        given.extend(asked(&s.proved(1, chunk, 2).1, 1));
    }
    assert_eq!(given, [0, 1, 2, 3]);
    for chunk in 0..4 {
        s.proved(1, chunk, 3);
    }
    assert!(s.is_done() && !s.takes_part(0));
}

#[test]
fn a_stalled_holder_costs_its_patience_once() {
    let mut s = Schedule::new(RULES, 6, 2, 0);
    s.ready(0, None, 0);
    assert!(s.tick(9_999).is_empty());
    assert_eq!(s.deadline(), Some(10_000));
    assert_eq!(s.tick(10_000), [Effect::Stalled { holder: 0 }]);
    assert_eq!(asked(&s.ready(1, None, 10_001), 1), [0, 1, 2, 3]);
    s.ended(1, 10_002);
    assert!(s.is_lost());
}

#[test]
fn who_is_found_later_takes_over_from_a_slow_one_and_comes_after_it_in_rank() {
    let mut s = Schedule::new(RULES, 8, 1, 0);
    s.ready(0, None, 0);
    assert!(s.proved(0, 0, 4_000).0, "a chunk in four seconds");
    assert_eq!(s.join(5_000), 1);
    assert!(s.takes_part(1) && !s.is_lost());
    let mut open: VecDeque<u64> = asked(&s.ready(1, None, 5_001), 1).into();
    assert!(!open.is_empty());
    for now in 5_002..5_100 {
        let Some(chunk) = open.pop_front() else { break };
        open.extend(asked(&s.proved(1, chunk, now).1, 1));
    }
    assert!(s.is_done(), "{:?}", s.holders[0].asked);
}

#[test]
fn further_holders_are_looked_for_ever_more_seldom() {
    let pauses: Vec<Millis> = (0..6).map(look_for_others).collect();
    assert_eq!(pauses, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    assert_eq!(look_for_others(u32::MAX), 60_000);
}

/// A chunk takes it longer than the patience, and bytes come all the time.
#[test]
fn who_is_slow_is_waited_for_where_nobody_else_has_it_all() {
    let mut s = Schedule::new(RULES, 6, 2, 0);
    s.ready(0, None, 0);
    s.tick(100);
    s.stirred(0, 7_000);
    assert_eq!(s.deadline(), Some(10_000));
    assert_eq!(s.tick(10_000), []);
    assert_eq!(s.deadline(), Some(17_000));
    // One with another part, and one that is as late, do not take its place.
    s.ready(1, Some(ChunkSet::none(6)), 10_000);
    s.stirred(0, 16_000);
    assert_eq!(s.tick(17_000), [Effect::Look { holder: 1 }]);
    s.ended(1, 17_100);
    assert!(s.proved(0, 0, 18_000).0);
    let late = s.join(18_000);
    s.ready(late, None, 18_000);
    s.stirred(0, 27_000);
    s.stirred(late, 27_000);
    assert!(!s.tick(28_000).iter().any(|e| matches!(e, Effect::Stalled { .. })));
    // One that is in time does.
    assert!(s.proved(late, s.holders[late].asked[0].0, 28_500).0);
    s.stirred(0, 28_500);
    assert!(s.tick(28_600).contains(&Effect::Stalled { holder: 0 }));
}

#[test]
fn who_is_slow_and_alone_is_not_waited_for_forever() {
    let mut s = Schedule::new(RULES, 6, 1, 0);
    s.ready(0, None, 0);
    let mut now = 0;
    s.tick(100);
    while s.takes_part(0) {
        s.stirred(0, now);
        now += 1_000;
        let due = s.deadline().unwrap();
        assert!(due >= now, "it would be looked at again and again at {now}");
        s.tick(now);
    }
    assert_eq!(now, 60_000);
    assert!(s.is_lost());
}

#[test]
fn our_own_slowness_blames_nobody() {
    let mut s = Schedule::new(RULES, 6, 1, 0);
    s.ready(0, None, 0);
    s.excuse(9_000);
    assert!(s.tick(12_000).is_empty());
}

#[test]
fn what_is_proved_is_not_asked_for_again() {
    let mut s = Schedule::new(RULES, 5, 1, 0);
    for chunk in [0, 2, 3, 3, 9] {
        s.found(chunk);
    }
    assert_eq!(asked(&s.ready(0, None, 0), 0), [1, 4]);
    s.proved(0, 1, 1);
    s.proved(0, 4, 1);
    assert!(s.is_done());
    assert!(Schedule::new(RULES, 0, 0, 0).is_done());
}

#[test]
fn the_best_begins_if_it_comes_soon() {
    let mut s = Schedule::new(RULES, 1, 2, 0);
    assert!(s.ready(1, None, 10).is_empty());
    assert_eq!(s.deadline(), Some(100));
    assert_eq!(asked(&s.ready(0, None, 20), 0), [0]);
    let mut s = Schedule::new(RULES, 1, 2, 0);
    assert!(s.ready(1, None, 10).is_empty());
    assert_eq!(asked(&s.tick(100), 1), [0]);
    let mut s = Schedule::new(RULES, 1, 2, 0);
    s.ready(1, None, 10);
    assert_eq!(asked(&s.ended(0, 11), 1), [0]);
}

#[test]
fn at_the_end_a_quick_one_helps_a_slow_one() {
    let mut s = Schedule::new(RULES, 8, 2, 0);
    s.ready(0, None, 0);
    s.ready(1, None, 0);
    let mut helped = Vec::new();
    for (chunk, now) in [(4, 10), (5, 20), (6, 30), (7, 3000)] {
        helped.extend(asked(&s.proved(1, chunk, now).1, 1));
    }
    assert!(helped.contains(&3), "{helped:?}");
    assert!(s.proved(1, 3, 3010).0);
    assert!(!s.proved(0, 3, 3020).0, "the second of two is not counted");
}

#[test]
fn a_slow_one_holds_up_nobody_at_the_front_and_is_asked_from_the_end() {
    let mut s = Schedule::new(RULES, 200, 2, 0);
    assert_eq!(asked(&s.ready(1, None, 100), 1), [0, 1, 2, 3]);
    let mut given = asked(&s.ready(0, None, 100), 0);
    let mut now = 100;
    for turn in 0..60 {
        now += 2;
        let chunk = given[turn];
        given.extend(asked(&s.proved(0, chunk, now).1, 0));
    }
    let helped: Vec<usize> =
        (0..4).map(|chunk| given.iter().position(|g| *g == chunk).expect("it is helped")).collect();
    assert!(helped.iter().all(|at| *at < 60) && helped.is_sorted(), "in the middle, the first one first: {helped:?}");
    assert!(s.first > 20, "{}", s.first);
    now += 200;
    let more = asked(&s.proved(1, 0, now).1, 1);
    assert!(!more.is_empty() && more.iter().all(|chunk| *chunk > 190), "{more:?}");
}

#[test]
fn a_silent_one_is_helped_soon_and_with_all_that_it_was_asked_for() {
    let mut s = Schedule::new(RULES, 8, 2, 0);
    s.ready(0, None, 0);
    s.ready(1, None, 0);
    let (mut now, mut given) = (0, Vec::new());
    for chunk in [4, 5, 6, 7] {
        now += 10;
        given.extend(asked(&s.proved(1, chunk, now).1, 1));
    }
    let due = s.deadline().unwrap();
    assert!(due < 200, "time alone brings the help: {due}");
    let mut under_way: VecDeque<u64> = given.iter().copied().collect();
    while !s.is_done() {
        let more = match under_way.pop_front() {
            Some(chunk) => {
                now += 10;
                s.proved(1, chunk, now).1
            }
            None => {
                now = now.max(s.deadline().unwrap());
                s.tick(now)
            }
        };
        let more = asked(&more, 1);
        given.extend(&more);
        under_way.extend(more);
        assert!(now < RULES.patience, "{given:?}");
    }
    given.sort_unstable();
    assert_eq!(given, [0, 1, 2, 3], "each once");
}

/// Whatever order things happen in, every chunk is proved as long as one honest holder takes part.
#[test]
fn any_order_of_events_ends_well() {
    for seed in 1..300u64 {
        let mut random = seed;
        let mut next = move |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % n
        };
        let (holders, chunks) = (1 + next(4) as usize, next(60));
        let mut s = Schedule::new(RULES, chunks, holders, 0);
        let mut under_way: Vec<(usize, u64)> = Vec::new();
        let mut now = 0;
        for round in 0..10_000 {
            let holder = next(holders as u64) as usize;
            now += next(50);
            let effects = match next(10) {
                0 => s.ready(holder, None, now),
                1 if holder > 0 && round % 7 == 0 => s.ended(holder, now),
                2 => s.tick(now),
                _ if under_way.is_empty() => s.ready(0, None, now),
                _ => {
                    let (holder, chunk) = under_way.swap_remove(next(under_way.len() as u64) as usize);
                    if s.takes_part(holder) { s.proved(holder, chunk, now).1 } else { vec![] }
                }
            };
            for effect in effects {
                match effect {
                    Effect::Request { holder, chunk } => under_way.push((holder, chunk)),
                    Effect::Stalled { .. } => s.excuse(now),
                    Effect::Look { .. } | Effect::Spent { .. } => panic!("all have everything"),
                }
            }
            s.excuse(now);
            if s.is_done() {
                break;
            }
        }
        assert!(s.is_done() && s.left == 0, "seed {seed}");
    }
}

fn part(chunks: u64, of: impl IntoIterator<Item = u64>) -> Option<ChunkSet> {
    let mut set = ChunkSet::none(chunks);
    of.into_iter().for_each(|chunk| set.insert(chunk));
    Some(set)
}

#[test]
fn who_has_a_part_is_asked_for_that_and_who_has_all_for_the_rest() {
    let mut s = Schedule::new(RULES, 10, 2, 0);
    assert_eq!(asked(&s.ready(0, part(10, 0..6), 0), 0), [0, 1, 2, 3]);
    assert_eq!(asked(&s.ready(1, None, 0), 1), [6, 7, 8, 9], "first what only it has");
    assert_eq!(asked(&s.proved(1, 6, 5).1, 1), [4], "then anything");
    assert!(asked(&s.ended(0, 6), 1).iter().all(|chunk| *chunk < 6));
}

#[test]
fn a_chunk_that_a_holder_has_not_costs_it_that_chunk() {
    let mut s = Schedule::new(RULES, 4, 2, 0);
    assert_eq!(asked(&s.ready(0, None, 0), 0), [0, 1, 2, 3]);
    assert_eq!(s.has_not(0, 2, 1), []);
    assert_eq!(asked(&s.ready(1, None, 2), 1), [2]);
    for chunk in [0, 1, 3] {
        assert!(s.proved(0, chunk, 3).0 && s.takes_part(0));
    }
    assert_eq!(s.has_not(1, 2, 4), [Effect::Spent { holder: 0 }, Effect::Spent { holder: 1 }]);
    assert!(s.is_lost(), "nobody has it");
}

#[test]
fn a_holder_that_grows_is_looked_at_again_and_given_up_when_it_does_not() {
    let mut s = Schedule::new(RULES, 3, 1, 0);
    assert_eq!(asked(&s.ready(0, part(3, [0]), 0), 0), [0]);
    assert_eq!(s.proved(0, 0, 10), (true, vec![]));
    assert_eq!((s.tick(RULES.head_start), s.deadline()), (vec![], Some(LOOK_AGAIN)));
    assert_eq!(s.tick(LOOK_AGAIN), [Effect::Look { holder: 0 }]);
    assert_eq!(s.tick(LOOK_AGAIN + 1), [], "once");
    let more = part(3, [0, 1]).unwrap();
    assert_eq!(asked(&s.looked(0, more.clone(), 1200), 0), [1]);
    assert_eq!(s.looked(0, part(3, [2]).unwrap(), 1250), [], "what nobody asked for");
    s.proved(0, 1, 1300);
    let mut looks = 0;
    while !s.is_lost() {
        let now = s.deadline().unwrap();
        assert!(now <= 1300 + RULES.patience, "given up in the end");
        if s.tick(now).contains(&Effect::Look { holder: 0 }) {
            looks += 1;
            assert_eq!(s.looked(0, more.clone(), now), []);
        }
    }
    assert!((8..=10).contains(&looks), "{looks}");
}

#[test]
fn who_does_not_say_what_it_has_now_stalls() {
    let mut s = Schedule::new(RULES, 2, 1, 0);
    s.ready(0, part(2, []), 0);
    assert_eq!(s.tick(5000), [Effect::Look { holder: 0 }]);
    assert_eq!(s.deadline(), Some(15_000));
    assert_eq!(s.tick(15_000), [Effect::Stalled { holder: 0 }]);
}

#[test]
fn a_holder_of_a_part_helps_only_with_what_it_has() {
    let mut s = Schedule::new(RULES, 8, 2, 0);
    s.ready(0, None, 0);
    s.ready(1, part(8, [2, 4, 5, 6]), 0);
    let mut helped = Vec::new();
    for (chunk, now) in [(4, 10), (5, 20), (6, 3000)] {
        helped.extend(asked(&s.proved(1, chunk, now).1, 1));
    }
    helped.extend(asked(&s.tick(6000), 1));
    assert!(helped.contains(&2) && helped.iter().all(|chunk| [2, 4, 5, 6].contains(chunk)), "{helped:?}");
}

/// Holders of parts that grow, that deny, that claim what they have not: all is proved as long as one has everything,
/// nobody is asked for what he did not claim, and never again for what he denied.
#[test]
fn parts_of_any_kind_in_any_order_end_well() {
    for seed in 1..300u64 {
        let mut random = seed;
        let mut next = move |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % n
        };
        let (holders, chunks) = (2 + next(4) as usize, 1 + next(60));
        let mut s = Schedule::new(RULES, chunks, holders, 0);
        let mut claims = vec![BTreeSet::new(); holders];
        claims[0].extend(0..chunks);
        let mut denied = vec![BTreeSet::new(); holders];
        let (mut under_way, mut now) = (Vec::new(), 0);
        let mut effects: Vec<Effect> =
            (0..holders).flat_map(|h| s.ready(h, (h > 0).then(|| part(chunks, [])).flatten(), 0)).collect();
        while !s.is_done() {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Request { holder, chunk } => {
                        assert!(claims[holder].contains(&chunk) && !denied[holder].contains(&chunk), "seed {seed}");
                        under_way.push((holder, chunk));
                    }
                    Effect::Look { holder } => {
                        claims[holder].extend((0..next(5)).map(|_| next(chunks)));
                        effects.extend(s.looked(holder, part(chunks, claims[holder].clone()).unwrap(), now));
                    }
                    Effect::Stalled { holder } => panic!("{holder} stalls, seed {seed}"),
                    Effect::Spent { holder } => assert!(holder > 0, "seed {seed}"),
                }
            }
            now += next(400);
            s.excuse(now);
            if effects.is_empty() && !under_way.is_empty() {
                let (holder, chunk) = under_way.swap_remove(next(under_way.len() as u64) as usize);
                effects = if holder > 0 && next(4) == 0 {
                    denied[holder].insert(chunk);
                    s.has_not(holder, chunk, now)
                } else {
                    s.proved(holder, chunk, now).1
                };
            }
            effects.extend(s.tick(now));
            assert!(now < 3_600_000 && !s.is_lost(), "seed {seed}");
        }
    }
}
