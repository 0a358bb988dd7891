//! What was kept stays, unless it cannot; and then it is told which moved, and why.

use proptest::prelude::*;

use super::*;

/// `a@1.0.0 b@2.0.0` as what was kept, marked as locked in `knowledge`.
fn keep(knowledge: &mut Knowledge, text: &str) -> BTreeMap<PackageId, Version> {
    let mut keep = BTreeMap::new();
    for entry in text.split_whitespace() {
        let (n, version) = entry.split_once('@').unwrap();
        let version: Version = version.parse().unwrap();
        let versions = knowledge.packages.get_mut(&id(n)).into_iter().flat_map(|p| &mut p.versions);
        versions.filter(|v| v.version == version).for_each(|v| v.locked = true);
        keep.insert(id(n), version);
    }
    keep
}

fn keeping(requests: &str, knowledge: &mut Knowledge, kept: &str) -> (String, String) {
    let keep = keep(knowledge, kept);
    let done = resolve_keeping(&ask(requests), knowledge, &keep, BOUNDS, &|| false).unwrap();
    let moved = |m: &Moved| {
        format!("{} {} {:?}: {}", m.id.name, m.from, m.to.as_ref().map(Version::to_string), m.why.join("; "))
    };
    (show(&done.solution), done.moved.iter().map(moved).collect::<Vec<_>>().join("\n"))
}

#[test]
fn nothing_moves_that_need_not() {
    let mut world =
        world(&["a@1.0.0: b ^1", "a@1.1.0: b ^1", "b@1.0.0", "b@1.5.0", "c@1.0.0: b ^1", "c@2.0.0: b >=1.5"]);
    let (solution, moved) = keeping("a, c", &mut world, "a@1.0.0 b@1.0.0");
    assert_eq!((solution.as_str(), moved.as_str()), ("b@1.0.0 a@1.0.0 c@1.0.0", ""));
}

#[test]
fn what_must_move_does_and_says_why() {
    let mut world = world(&["a@1.0.0: b ^1", "a@1.1.0", "b@1.0.0", "b@1.5.0", "d@1.0.0: b >=1.5", "e@1.0.0"]);
    let (solution, moved) = keeping("a, d, e", &mut world, "a@1.0.0 b@1.0.0 e@1.0.0");
    assert_eq!(solution, "b@1.5.0 a@1.0.0 d@1.0.0 e@1.0.0");
    assert!(moved.starts_with("b 1.0.0 Some(\"1.5.0\"): "), "{moved}");
    assert!(moved.contains("d 1.0.0 requires b >=1.5") && moved.contains("b was to stay at 1.0.0"), "{moved}");
    // 1.5.0 fits: nothing is "the nearest" to what is required.
    assert!(!moved.contains("the nearest"), "{moved}");
}

#[test]
fn what_cannot_be_used_any_more_moves_and_says_so() {
    let mut gone = world(&["a@1.0.0", "a@2.0.0"]);
    let (solution, moved) = keeping("a", &mut gone, "a@1.5.0");
    assert_eq!(
        (solution.as_str(), moved.as_str()),
        ("a@2.0.0", "a 1.5.0 Some(\"2.0.0\"): there is no a 1.5.0 any more")
    );
    gone.packages.get_mut(&id("a")).unwrap().versions[1].excluded = Some("no licence".into());
    let (_, moved) = keeping("a", &mut gone, "a@1.0.0");
    assert_eq!(moved, "a 1.0.0 Some(\"2.0.0\"): a 1.0.0 is left out: no licence");
    let (solution, moved) = keeping("a", &mut world(&["a@1.0.0", "b@1.0.0"]), "a@1.0.0 b@1.0.0");
    assert_eq!((solution.as_str(), moved.as_str()), ("a@1.0.0", "b 1.0.0 None: nothing needs b any more"));
}

#[test]
fn a_kept_version_may_be_yanked_or_a_pre_release_that_is_named() {
    let (solution, moved) = keeping(
        "a, b ^2.0.0-rc",
        &mut world(&["a@1.0.0!", "a@1.1.0", "b@2.0.0-rc.1", "b@2.0.0"]),
        "a@1.0.0 b@2.0.0-rc.1",
    );
    assert_eq!((solution.as_str(), moved.as_str()), ("a@1.0.0 b@2.0.0-rc.1", ""));
}

#[test]
fn a_circle_is_refused_with_what_was_kept_on_it() {
    let mut world = world(&["a@1.0.0: b", "a@2.0.0", "b@1.0.0", "b@2.0.0: a, c", "c@1.0.0"]);
    let keep = keep(&mut world, "a@1.0.0 b@1.0.0");
    let circle = resolve_keeping(&ask("a, b ^2"), &world, &keep, BOUNDS, &|| false).unwrap_err();
    assert_eq!(circle.to_string(), "circular dependency: a@1.0.0 → b@2.0.0 → a@1.0.0");
}

#[test]
fn what_is_not_known_yet_and_what_fails_anyway_are_told_as_ever() {
    let mut lacking = world(&["a@1.0.0: b", "b@1.0.0"]);
    let kept = keep(&mut lacking, "a@1.0.0 b@1.0.0");
    lacking.packages.remove(&id("b"));
    let missing = resolve_keeping(&ask("a"), &lacking, &kept, BOUNDS, &|| false).unwrap_err();
    assert!(matches!(missing, ResolveError::Missing(_)), "{missing:?}");
    let mut world = world(&["a@1.0.0: b ^2", "b@1.0.0"]);
    let kept = keep(&mut world, "b@1.0.0");
    let failed = resolve_keeping(&ask("a"), &world, &kept, BOUNDS, &|| false).unwrap_err();
    assert_eq!(failed, resolve(&ask("a"), &world, BOUNDS, &|| false).unwrap_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Against trying every combination: where all that was kept can stay beside a new request, it does; where not, no
    /// single one of those that moved could have stayed beside those that did.
    #[test]
    fn a_new_request_moves_no_more_than_it_must(world in small_world(), first in 0..5usize, second in 0..5usize) {
        let mut knowledge = world;
        let Ok(before) = resolve(&ask(&format!("p{first} <3")), &knowledge, BOUNDS, &|| false) else { return Ok(()) };
        let kept = keep(&mut knowledge, &show(&before));
        let requests = ask(&format!("p{first}, p{second}{}", if first == second { " >=1" } else { "" }));
        let held = |stay: &BTreeMap<PackageId, Version>| {
            let mut only = knowledge.clone();
            for (id, version) in stay {
                only.packages.get_mut(id).unwrap().versions.retain(|v| v.version == *version);
            }
            let open = requests.iter().map(|r| Dependency { publisher: None, name: r.name.clone(), requirement: r.requirement.clone(), optional: false });
            satisfiable(&only, &mut BTreeMap::new(), open.collect())
        };
        match resolve_keeping(&requests, &knowledge, &kept, BOUNDS, &|| false) {
            Err(_) => prop_assert!(!held(&BTreeMap::new())),
            Ok(done) => {
                let changed: Vec<&Moved> = done.moved.iter().filter(|m| m.to.is_some()).collect();
                prop_assert_eq!(changed.is_empty(), held(&kept));
                let mut stay = kept.clone();
                changed.iter().for_each(|m| drop(stay.remove(&m.id)));
                prop_assert!(held(&stay));
                for moved in changed {
                    prop_assert!(!moved.why.is_empty());
                    let mut also = stay.clone();
                    also.insert(moved.id.clone(), moved.from.clone());
                    prop_assert!(!held(&also), "{} could have stayed", moved.id.name);
                }
            }
        }
    }
}
