//! The rest of what a hostile component can try: before it is asked anything, in what it hands over, in its bytes. After
//! each the next call works; all of it together leaves the process as large as it was.

use ggen_core::hooks::chain::Ruling;
use ggen_core::hooks::{Action, Hook};

use super::chains::{allow, package, situation};
use super::*;
use crate::inspect_component;

/// A list of `f64`s at 512 with these bits, as `score` returns it.
fn scores(bits: &[u64]) -> String {
    let store =
        |(n, bits): (usize, &u64)| format!("(i64.store (i32.const {}) (i64.const {}))", 512 + 8 * n, *bits as i64);
    let stores: String = bits.iter().enumerate().map(store).collect();
    format!(
        "{stores} (i32.store (i32.const 300) (i32.const 512)) (i32.store (i32.const 304) (i32.const {})) (i32.const 300)",
        bits.len()
    )
}

#[test]
fn no_number_that_is_none_and_no_list_of_another_length_is_a_score() {
    let half = 0.5f64.to_bits();
    let cases: [(&[u64], &str); 9] = [
        (&[f64::NAN.to_bits(), half], "NaN"),
        (&[0xfff8_dead_beef_0001, half], "NaN"),
        (&[f64::INFINITY.to_bits(), half], "inf"),
        (&[f64::NEG_INFINITY.to_bits(), half], "-inf"),
        (&[(-0.1f64).to_bits(), half], "-0.1"),
        (&[1.000_000_1f64.to_bits(), half], "1.0000001"),
        (&[], "0 answers for 2"),
        (&[half], "1 answers for 2"),
        (&[half, half, half], "3 answers for 2"),
    ];
    for (bits, what) in cases {
        let host = host(Hook::PeerScoring, &[Wat::scorer(&scores(bits)).build()]);
        for _ in 0..2 {
            let review = host.score(&job(), 1, None, &peers(2));
            assert!(review.degraded && review.scores == [0.5, 0.5], "{what}: {review:?}");
            let fault = review.decisions[0].fault.as_ref().unwrap();
            assert!(fault.contains(what), "{what}: {fault}");
        }
    }
}

#[test]
fn an_order_names_each_version_at_most_once_and_none_that_is_not_there() {
    for (places, sound) in
        [(&[1, 0][..], true), (&[0, 0], false), (&[2], false), (&[u32::MAX], false), (&[0, 1, 0], false)]
    {
        let host = host(Hook::VersionResolution, &[Wat::order(places).build()]);
        for _ in 0..2 {
            let review = host.rank(&job(), &[package("a", 2)]);
            assert_eq!(review.rankings.is_ok(), sound, "{places:?}: {review:?}");
        }
    }
}

#[test]
fn a_delay_over_the_hosts_cap_and_a_case_that_is_none_stop() {
    // `retry` after so many milliseconds; then the tag of no case at all.
    let retry = |ms: u32| {
        format!(
            "(i32.store8 (i32.const 320) (i32.const 1)) (i32.store (i32.const 324) (i32.const {ms})) (i32.const 320)"
        )
    };
    let most = PolicyLimits::default().retry_ms;
    let odd = "(i32.store8 (i32.const 320) (i32.const 77)) (i32.const 320)".to_owned();
    for (decide, sound) in [(retry(most), true), (retry(most + 1), false), (retry(u32::MAX), false), (odd, false)] {
        let host =
            host(Hook::FallbackPolicy, &[Wat::adviser("(i32.const 400)", &decide.replace("4294967295", "-1")).build()]);
        for _ in 0..2 {
            let review = host.decide(&job(), &situation());
            match &review.action {
                Action::Retry(ms) => assert!(sound && *ms == most),
                Action::Stop(reason) => assert!(!sound && reason.code == "policy-failed"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_start_function_that_never_ends_or_takes_memory_ends_within_its_limits() {
    let starts = [
        ("(func $begin (loop (br 0)))", "fuel"),
        ("(func $begin (loop (br_if 0 (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))))", "memory"),
        ("(func $begin (call $begin) (call $begin))", "stack"),
        ("(func $begin unreachable)", "unreachable"),
    ];
    for (start, what) in starts {
        let mut wat = Wat::verifier(ALLOW_ALL);
        wat.functions.push_str(start);
        wat.functions.push_str("(start $begin)");
        let bytes = wat.build();
        let problems = inspect_component(&bytes, &tight(), None, None).problems;
        assert!(problems[0].contains(what), "{what}: {problems:?}");
        let host = host(Hook::Verification, &[bytes, allow("mild")]);
        for _ in 0..2 {
            let review = host.review_plan(&job(), &[item("a")]);
            assert_eq!(review.verdicts[0].ruling, Ruling::Deny);
            assert_eq!(review.decisions[1].fault, None, "the next policy is asked all the same");
        }
    }
}

#[test]
fn what_a_terminal_would_obey_is_not_in_the_log() {
    let mut wat = Wat::verifier(ALLOW_ALL);
    let hostile = "\\1b]0;owned\\07\\1b[2J\\0d\\0a\\c2\\9b31m\\e2\\80\\ae\\00tail";
    let data = format!("(data (i32.const 600) \"{hostile}\")");
    wat.functions.push_str(&data);
    wat.configure = "(call $emit (i32.const 4) (i32.const 600) (i32.const 36)) (i32.const 400)";
    let review = host(Hook::Verification, &[wat.build()]).review_plan(&job(), &[item("a")]);
    let line = &review.decisions[0].log[0].text;
    assert!(!line.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{line:?}");
    assert!(line.contains("owned"), "{line:?}");
}

#[test]
fn a_description_that_is_huge_or_lies_outside_its_memory_is_refused() {
    let wat = Wat::verifier(ALLOW_ALL);
    for length in ["60000000", "300000", "100000", "-1"] {
        let (from, to) = ("(i32.const 204) (i32.const 6)", format!("(i32.const 204) (i32.const {length})"));
        let text = wat.module().replacen(from, &to, 1);
        assert_ne!(text, wat.module());
        let problems = inspect_component(&encode(&text, "verifier"), &tight(), None, None).problems;
        assert!(problems.len() == 1 && problems[0].len() < 4096, "{problems:?}");
    }
}

/// A xorshift: the same mutations each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }
}

#[test]
fn thousands_of_broken_components_end_as_an_inspection() {
    let whole = allow("sample");
    let begun = std::time::Instant::now();
    let (mut dice, mut fitting) = (Dice(0x9e37_79b9_7f4a_7c15), 0);
    let runtime =
        crate::runtime::Runtime::new(PolicyLimits { call_fuel: 1_000_000, configure_fuel: 1_000_000, ..tight() })
            .unwrap();
    for round in 0..4000 {
        let mut bytes = whole.clone();
        match round % 4 {
            0 => bytes.truncate(dice.roll(whole.len())),
            1 => bytes[dice.roll(whole.len())] ^= 1 << dice.roll(8),
            2 => (0..4).for_each(|_| bytes[dice.roll(whole.len())] = u8::try_from(dice.roll(256)).unwrap()),
            _ => {
                let (from, length) = (dice.roll(whole.len()), dice.roll(64));
                let piece: Vec<_> = whole.iter().skip(from).take(length).copied().collect();
                let at = dice.roll(whole.len());
                bytes.splice(at..at, piece);
            }
        }
        let loader = crate::load::Loader { runtime: &runtime, cache: None, compiler: None };
        let loaded = runtime.scoped(|| loader.load_bytes(&bytes, format!("{round}"))).unwrap();
        fitting += usize::from(loaded.is_ok());
    }
    // A bit in a text, or in code that is never run, does no harm; most do.
    assert!(fitting < 2000, "{fitting}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{:?}", begun.elapsed());
    assert!(
        runtime
            .scoped(|| crate::load::Loader { runtime: &runtime, cache: None, compiler: None }
                .load_bytes(&whole, "w".into()))
            .unwrap()
            .is_ok()
    );
}
