//! Tests of the chunk scheduler, one of them over many random orders of events.

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
    assert_eq!(asked(&s.ready(0, 0), 0), [0, 1, 2, 3]);
    let (new, effects) = s.proved(0, 0, 5);
    assert!(new);
    assert_eq!(asked(&effects, 0), [4, 5]);
    for chunk in 1..40 {
        s.proved(0, chunk, 6);
    }
    assert_eq!(s.holders[0].asked.len(), 16);
}

#[test]
fn a_corrupt_holder_is_out_at_once_and_the_other_takes_over() {
    let mut s = Schedule::new(RULES, 8, 2, 0);
    let first = s.ready(0, 0);
    assert_eq!(asked(&first, 0), [0, 1, 2, 3]);
    assert_eq!(asked(&s.ready(1, 0), 1), [4, 5, 6, 7]);
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
    s.ready(0, 0);
    assert!(s.tick(9_999).is_empty());
    assert_eq!(s.deadline(), Some(10_000));
    assert_eq!(s.tick(10_000), [Effect::Stalled { holder: 0 }]);
    assert_eq!(asked(&s.ready(1, 10_001), 1), [0, 1, 2, 3]);
    s.ended(1, 10_002);
    assert!(s.is_lost());
}

#[test]
fn our_own_slowness_blames_nobody() {
    let mut s = Schedule::new(RULES, 6, 1, 0);
    s.ready(0, 0);
    s.excuse(9_000);
    assert!(s.tick(12_000).is_empty());
}

#[test]
fn what_is_proved_is_not_asked_for_again() {
    let mut s = Schedule::new(RULES, 5, 1, 0);
    for chunk in [0, 2, 3, 3, 9] {
        s.found(chunk);
    }
    assert_eq!(asked(&s.ready(0, 0), 0), [1, 4]);
    s.proved(0, 1, 1);
    s.proved(0, 4, 1);
    assert!(s.is_done());
    assert!(Schedule::new(RULES, 0, 0, 0).is_done());
}

#[test]
fn the_best_begins_if_it_comes_soon() {
    let mut s = Schedule::new(RULES, 1, 2, 0);
    assert!(s.ready(1, 10).is_empty());
    assert_eq!(s.deadline(), Some(100));
    assert_eq!(asked(&s.ready(0, 20), 0), [0]);
    let mut s = Schedule::new(RULES, 1, 2, 0);
    assert!(s.ready(1, 10).is_empty());
    assert_eq!(asked(&s.tick(100), 1), [0]);
    let mut s = Schedule::new(RULES, 1, 2, 0);
    s.ready(1, 10);
    assert_eq!(asked(&s.ended(0, 11), 1), [0]);
}

#[test]
fn at_the_end_a_quick_one_helps_a_slow_one() {
    let mut s = Schedule::new(RULES, 8, 2, 0);
    s.ready(0, 0);
    s.ready(1, 0);
    let mut helped = Vec::new();
    for (chunk, now) in [(4, 10), (5, 20), (6, 30), (7, 3000)] {
        helped.extend(asked(&s.proved(1, chunk, now).1, 1));
    }
    assert!(helped.contains(&3), "{helped:?}");
    assert!(s.proved(1, 3, 3010).0);
    assert!(!s.proved(0, 3, 3020).0, "the second of two is not counted");
}

#[test]
fn a_silent_one_is_helped_soon_and_with_all_that_it_was_asked_for() {
    let mut s = Schedule::new(RULES, 8, 2, 0);
    s.ready(0, 0);
    s.ready(1, 0);
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
                0 => s.ready(holder, now),
                1 if holder > 0 && round % 7 == 0 => s.ended(holder, now),
                2 => s.tick(now),
                _ if under_way.is_empty() => s.ready(0, now),
                _ => {
                    let (holder, chunk) = under_way.swap_remove(next(under_way.len() as u64) as usize);
                    if s.takes_part(holder) { s.proved(holder, chunk, now).1 } else { vec![] }
                }
            };
            for effect in effects {
                match effect {
                    Effect::Request { holder, chunk } => under_way.push((holder, chunk)),
                    Effect::Stalled { .. } => s.excuse(now),
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
