//! Keys told again and again: spread, a few at once, late only where that is true.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SECOND: Millis = 1000;
const HOUR: Millis = 3600 * SECOND;

fn rules() -> Rules {
    Rules { interval: HOUR, late: HOUR / 2, retry: 5 * SECOND, pace: 25, at_once: 8, most: 10_000 }
}

/// A network that takes `cost` milliseconds for a key, and what the node did in it.
struct World {
    republish: Republish<u32>,
    now: Millis,
    cost: Millis,
    fails: bool,
    /// Keys under way, by when they are told.
    running: BTreeMap<(Millis, u32), bool>,
    told: Vec<(Millis, u32)>,
    failed: Vec<Millis>,
    notices: Vec<Effect<u32>>,
    most_at_once: usize,
}

impl World {
    fn new(keys: u32, cost: Millis) -> Self {
        let mut world = Self {
            republish: Republish::new(rules(), 0.3),
            now: 0,
            cost,
            fails: false,
            running: BTreeMap::new(),
            told: Vec::new(),
            failed: Vec::new(),
            notices: Vec::new(),
            most_at_once: 0,
        };
        (0..keys).for_each(|key| world.on(Event::Added(key)));
        world.on(Event::Joined);
        world
    }

    fn on(&mut self, event: Event<u32>) {
        for effect in self.republish.on(event, self.now) {
            match effect {
                Effect::Tell(key) => drop(self.running.insert((self.now + self.cost, key), !self.fails)),
                notice => self.notices.push(notice),
            }
        }
        self.most_at_once = self.most_at_once.max(self.running.len());
    }

    fn until(&mut self, end: Millis) {
        while self.now < end {
            let tick = (self.now / SECOND + 1) * SECOND;
            self.now = self.running.first_key_value().map_or(tick, |((at, _), _)| tick.min(*at)).min(end);
            while let Some(next) = self.running.first_entry().filter(|next| next.key().0 <= self.now) {
                let ((_, key), done) = next.remove_entry();
                match done {
                    true => self.told.push((self.now, key)),
                    false => self.failed.push(self.now),
                }
                self.on(Event::Told { key, done });
            }
            self.on(Event::Tick);
        }
    }

    fn behind(&self) -> Vec<bool> {
        self.notices.iter().map(|notice| matches!(notice, Effect::Behind(_))).collect()
    }
}

#[test]
fn a_few_keys_are_told_at_once_and_many_one_after_the_other() {
    let mut few = World::new(8, 10);
    few.until(20);
    assert_eq!(few.told.len(), 8);
    let mut many = World::new(2008, 10);
    many.until(5 * SECOND);
    // 40 a second, and no more than a burst of eight.
    assert!((150..=250).contains(&many.told.len()), "{}", many.told.len());
    many.until(60 * SECOND);
    assert_eq!((many.told.len(), many.most_at_once), (2008, 8));
}

#[test]
fn each_key_is_told_about_once_an_interval_and_not_all_in_one_moment() {
    let mut world = World::new(500, 100);
    world.until(60 * SECOND);
    assert_eq!(world.told.len(), 500);
    world.until(10 * HOUR);
    for hour in 10..20 {
        world.told.clear();
        world.until((hour + 1) * HOUR);
        assert!((440..=560).contains(&world.told.len()), "{} in hour {hour}", world.told.len());
    }
    let minutes: BTreeMap<Millis, usize> = world.told.iter().fold(BTreeMap::new(), |mut minutes, (at, _)| {
        *minutes.entry(at / 60_000).or_default() += 1;
        minutes
    });
    assert!(minutes.len() > 50 && minutes.values().all(|count| *count < 30), "{minutes:?}");
    assert_eq!(world.notices, [], "nothing is late");
}

#[test]
fn a_key_that_fails_comes_again_ever_later_and_is_late_from_its_first_time_on() {
    assert_eq!(Rules { most: 10_000, ..Rules::from(&Limits::default()) }, rules(), "as a node has it");
    let mut world = World::new(1, 10);
    world.fails = true;
    world.until(6 * HOUR);
    let pauses: Vec<Millis> = world.failed.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses[0] >= 3 * SECOND && pauses[0] <= 8 * SECOND, "{pauses:?}");
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0] || pair[1] >= HOUR * 7 / 10), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= HOUR * 5 / 4 + SECOND), "{pauses:?}");
    let Some(Effect::Behind(standing)) = world.notices.first() else { panic!("{:?}", world.notices) };
    assert_eq!((standing.keys, standing.late), (1, 1));
    assert!(standing.oldest > HOUR / 2 && standing.oldest < HOUR / 2 + 2 * SECOND, "{standing:?}");
    assert_eq!(world.behind(), [true], "told once");
    world.fails = false;
    world.until(8 * HOUR);
    assert_eq!(world.behind(), [true, false], "and that it caught up");
}

#[test]
fn a_node_with_more_than_it_can_tell_falls_behind_and_catches_up_when_it_can() {
    // Eight at once, ten seconds each: 2880 an hour.
    let mut world = World::new(5000, 10 * SECOND);
    world.until(4 * HOUR);
    assert_eq!(world.behind(), [true]);
    let standing = world.republish.standing(world.now);
    assert!(standing.late > 0 && standing.keys == 5000, "{standing:?}");
    world.cost = 100;
    world.until(8 * HOUR);
    assert_eq!(world.behind(), [true, false]);
    assert_eq!(world.republish.standing(world.now).late, 0);
}

#[test]
fn a_few_new_keys_do_not_wait_for_all_that_is_late() {
    let mut world = World::new(5000, 10 * SECOND);
    world.until(4 * HOUR);
    for key in 9000..9003 {
        world.on(Event::Added(key));
    }
    world.until(4 * HOUR + 25 * SECOND);
    assert!((9000..9003).all(|key| world.told.iter().any(|(_, told)| *told == key)), "{:?}", world.told.last());
    assert!(world.most_at_once <= 8);
}

#[test]
fn alone_nothing_is_told_or_late_and_after_that_everything_is_told_anew() {
    let mut world = World::new(20, 10);
    world.until(SECOND * 5);
    world.on(Event::Alone);
    world.told.clear();
    world.until(10 * HOUR);
    assert_eq!((world.told.len(), world.notices.len()), (0, 0));
    assert_eq!(world.republish.standing(world.now), Standing { keys: 20, late: 0, oldest: 0 });
    world.on(Event::Joined);
    world.until(10 * HOUR + 5 * SECOND);
    assert_eq!(world.told.len(), 20);
}

#[test]
fn what_was_under_way_when_the_network_came_back_is_told_anew_at_once() {
    let mut republish = Republish::new(rules(), 0.5);
    republish.on(Event::Added(1), 0);
    assert_eq!(republish.on(Event::Joined, 1), [Effect::Tell(1)]);
    republish.on(Event::Alone, 2);
    assert_eq!(republish.on(Event::Joined, 3), [], "it is under way");
    // Over the lost connection nobody was told.
    assert_eq!(republish.on(Event::Told { key: 1, done: false }, 4), [Effect::Tell(1)]);
    assert_eq!(republish.on(Event::Told { key: 1, done: true }, 5), []);
}

#[test]
fn one_too_many_is_not_taken_and_one_that_is_told_now_is_told_again() {
    let mut republish = Republish::new(Rules { most: 2, ..rules() }, 0.0);
    for key in [1, 2, 3] {
        republish.on(Event::Added(key), 0);
    }
    assert!(republish.has(&2) && !republish.has(&3));
    republish.on(Event::Begun(1), 5);
    assert_eq!(republish.on(Event::Joined, 6), [Effect::Tell(2)], "not twice");
    assert_eq!(republish.on(Event::Told { key: 1, done: true }, 7), []);
    assert_eq!(republish.on(Event::Tick, 2 * HOUR), [Effect::Tell(1), Effect::Behind(republish.standing(2 * HOUR))]);
    republish.on(Event::Removed(1), 2 * HOUR);
    republish.on(Event::Told { key: 1, done: true }, 2 * HOUR);
    assert!(!republish.has(&1));
}

proptest! {
    #[test]
    fn whatever_happens_a_key_waits_or_is_under_way(
        steps in prop::collection::vec((0u8..7, 0u32..12, any::<bool>(), 0u64..100_000), 1..300), seed in 0.0f64..1.0,
    ) {
        let small = Rules { interval: 60_000, late: 20_000, retry: 1000, pace: 100, at_once: 3, most: 8 };
        let mut republish = Republish::new(small, seed);
        let (mut now, mut behind) = (0, false);
        for (what, key, done, passes) in steps {
            now += passes;
            let event = match what {
                0 => Event::Joined,
                1 => Event::Alone,
                2 => Event::Added(key),
                3 => Event::Begun(key),
                4 => Event::Removed(key),
                5 => Event::Told { key, done },
                _ => Event::Tick,
            };
            if event == Event::Alone {
                behind = false;
            }
            let effects = republish.on(event, now);
            let tells = effects.iter().filter(|effect| matches!(effect, Effect::Tell(_))).count();
            prop_assert!(tells <= 3 && (republish.joined || tells == 0));
            for effect in &effects {
                match effect {
                    Effect::Tell(key) => prop_assert!(republish.entries[key].next.is_none()),
                    Effect::Behind(_) => prop_assert!(!std::mem::replace(&mut behind, true)),
                    Effect::CaughtUp(_) => prop_assert!(std::mem::replace(&mut behind, false)),
                }
            }
            prop_assert!(republish.entries.len() <= 8);
            prop_assert_eq!(republish.owed.len(), republish.entries.len());
            prop_assert_eq!(republish.fresh, republish.entries.values().filter(|entry| !entry.known).count());
            let waiting = republish.entries.values().filter(|entry| entry.next.is_some()).count();
            prop_assert_eq!(republish.waiting.len(), waiting);
        }
    }
}
