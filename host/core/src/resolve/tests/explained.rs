//! What a refusal says: the nearest versions, how it follows, and what is optional.

use super::*;

#[test]
fn the_nearest_versions_are_told() {
    let world = world(&["app@1.0.0: orm ^1.2", "orm@0.1.0", "orm@0.9.0", "orm@2.0.0", "orm@2.1.0", "orm@3.0.0"]);
    let refused = explanation("app", &world);
    assert_eq!(refused.headline, "no version of orm satisfies ^1.2, which app 1.0.0 requires");
    assert_eq!(refused.nearest.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.9.0", "2.0.0"]);
    assert!(refused.because[0].starts_with("you asked for app (any version)"), "{refused:?}");
    assert!(refused.because.contains(&"the nearest to ^1.2 is 0.9.0 and 2.0.0".to_owned()), "{refused:?}");
    assert!(refused.hints.iter().any(|h| h.contains("move it to orm ^2.0.0")), "{refused:?}");
    let typed = explanation("orm ^5", &world);
    assert_eq!(typed.nearest.iter().map(ToString::to_string).collect::<Vec<_>>(), ["3.0.0"]);
    assert!(typed.hints.contains(&"ask for one that there is: orm@^3.0.0".to_owned()), "{typed:?}");
}

#[test]
fn a_pre_release_that_would_do_is_named() {
    let refused = explanation("a ^2", &world(&["a@1.0.0", "a@2.0.0-rc.1", "a@2.1.0-beta.1"]));
    assert!(refused.hints.iter().any(|h| h.ends_with("only where it is named: a@=2.1.0-beta.1")), "{refused:?}");
}

#[test]
fn a_pre_release_that_would_not_do_is_no_hint() {
    let world = world(&["a@1.0.0", "a@2.0.0-rc.1", "app@1.0.0: a ^2"]);
    assert!(!explanation("a ^3", &world).hints.iter().any(|h| h.contains("pre-release")));
    // Naming it beside `app` would not help: what `app` requires never takes it.
    assert!(!explanation("app", &world).hints.iter().any(|h| h.contains("pre-release")));
}

#[test]
fn what_fits_and_may_not_be_used_is_no_lack_of_versions() {
    let mut world = world(&["app@1.0.0: lib =2.0.0", "lib@1.0.0", "lib@2.0.0!", "lib@3.0.0"]);
    let refused = explanation("app", &world);
    let headline = "no version of lib that satisfies =2.0.0, which app 1.0.0 requires, may be used";
    assert_eq!((refused.headline.as_str(), refused.required_by.as_deref()), (headline, Some("app 1.0.0")));
    assert!(refused.hints.iter().any(|h| h.ends_with("only where you ask for exactly it: lib@=2.0.0")), "{refused:?}");
    assert_eq!(solve("app, lib =2.0.0", &world).unwrap(), "lib@2.0.0 app@1.0.0");
    assert_eq!(explanation("lib ^2", &world).headline, "no version of lib that satisfies ^2 may be used");
    world.packages.get_mut(&id("lib")).unwrap().versions[0].excluded = Some("p/x: too new".to_owned());
    let refused = explanation("lib ^3", &world);
    assert!(refused.because.contains(&"lib 3.0.0 is left out: p/x: too new".to_owned()), "{refused:?}");
    assert!(refused.hints.contains(&"ask for one that there is: lib@^1.0.0".to_owned()), "{refused:?}");
    assert!(refused.hints.iter().any(|h| h.ends_with(": ggen policy explain lib")), "{refused:?}");
}

#[test]
fn a_version_that_may_not_be_used_does_not_hide_a_conflict() {
    let mut world = world(&["a@1.0.0: x ^2", "a@2.0.0!", "x@1.0.0", "x@2.0.0"]);
    let refused = explanation("a, x ^1", &world);
    assert_eq!((refused.code, refused.package), ("conflict", Some(name("x"))), "{}", refused.headline);
    assert!(!refused.headline.contains("may be used"), "{}", refused.headline);
    assert!(refused.because.contains(&"a 2.0.0 was yanked: broken".to_owned()), "{:?}", refused.because);
    assert!(refused.hints.contains(&"x@^2.0.0 would do, where you asked for x@^1".to_owned()), "{:?}", refused.hints);
    // The same where a policy left it out.
    let newest = &mut world.packages.get_mut(&id("a")).unwrap().versions[0];
    (newest.yanked, newest.excluded) = (None, Some("p/x: too new".to_owned()));
    assert_eq!(explanation("a, x ^1", &world).code, "conflict");
}

#[test]
fn each_version_is_told_with_what_it_requires_itself() {
    let world = world(&["a@2.0.0: b ^1", "a@3.0.0: b =1.0.0", "b@1.0.0: c ^9", "b@2.0.0", "c@1.0.0"]);
    let refused = explanation("a", &world);
    for sentence in ["a 3.0.0 requires b =1.0.0", "a 2.0.0 requires b ^1"] {
        assert!(refused.because.contains(&sentence.to_owned()), "{sentence} in {:?}", refused.because);
    }
    assert!(!format!("{refused:?}").contains("(every version) requires"), "{refused:?}");
    let refused = explanation("a, b ^2", &world);
    assert!(refused.headline.contains("=1.0.0, which a 3.0.0 requires"), "{}", refused.headline);
}

#[test]
fn two_requirements_of_one_release_are_told_as_both() {
    let refused = explanation("a", &world(&["a@1.0.0: b ^1, b ^2", "b@1.0.0", "b@2.0.0"]));
    assert_eq!(refused.headline, "no version of b satisfies ^1, ^2, which a 1.0.0 requires");
    assert!(refused.because.contains(&"a 1.0.0 requires b ^1, ^2".to_owned()), "{refused:?}");
}

#[test]
fn a_conflict_names_what_is_contested_and_what_would_do() {
    let world = world(&[
        "left@1.0.0: lib ^1",
        "left@0.9.0: lib ^2",
        "right@1.0.0: lib ^2",
        "lib@1.0.0",
        "lib@2.0.0",
        "other@1.0.0: lib ^1",
    ]);
    let refused = explanation("left ^1, right", &world);
    let [one, other] = ["^1, which left 1.0.0 requires", "^2, which right 1.0.0 requires"];
    let either = [(one, other), (other, one)].map(|(a, b)| format!("no version of lib satisfies both {a}, and {b}"));
    assert!(either.contains(&refused.headline), "{}", refused.headline);
    assert_eq!((refused.code, refused.package), ("conflict", Some(name("lib"))));
    assert!(refused.because.contains(&"there is lib 2.0.0, 1.0.0".to_owned()), "{:?}", refused.because);
    assert_eq!(refused.hints, ["left@^0.9.0 would do, where you asked for left@^1"]);
    // What is offered holds.
    assert_eq!(solve("left ^0.9.0, right", &world).unwrap(), "lib@2.0.0 left@0.9.0 right@1.0.0");
    let refused = explanation("other, right, lib", &world);
    assert_eq!(refused.hints, ["without other it would do", "without right it would do"]);
    let only =
        explanation("both", &self::world(&["both@1.0.0: lib ^1, x", "x@1.0.0: lib ^2", "lib@1.0.0", "lib@2.0.0"]));
    assert!(only.hints.iter().any(|h| h.starts_with("relax one of the requirements")), "{:?}", only.hints);
}

#[test]
fn two_versions_of_one_package_do_not_contest_anything() {
    let world = world(&[
        "app@1.0.0: lib ^1, base ^1",
        "app@2.0.0: lib ^2, base ^1",
        "lib@1.0.0",
        "lib@2.0.0",
        "other@1.0.0: base ^2",
        "base@1.0.0",
        "base@2.0.0",
    ]);
    let refused = explanation("app, other", &world);
    assert_eq!(refused.package, Some(name("base")), "{refused:?}");
    let world = self::world(&["a@1.0.0: b ^1", "a@2.0.0: b ^2", "b@1.0.0: c ^9", "b@2.0.0: c ^9", "c@1.0.0"]);
    assert_eq!(explanation("a", &world).package, Some(name("c")));
}

#[test]
fn two_spellings_of_one_name_are_not_chosen_together() {
    let world = world(&["app@1.0.0: my_lib, my-lib", "my_lib@1.0.0", "my-lib@1.0.0"]);
    let Err(ResolveError::Collision(collision)) = solve("app", &world) else { panic!() };
    assert_eq!(collision.to_string(), "my_lib and my-lib are needed at once, and count as one name");
    assert_eq!(collision.second.1, Some(name("app")));
}

#[test]
fn whoever_requires_what_nobody_publishes_is_in_the_headline() {
    let refused = explanation("app", &world(&["app@1.0.0: ghost ^1"]));
    assert_eq!(refused.headline, "nobody is known to publish ghost, which app 1.0.0 requires");
    assert_eq!(refused.required_by.as_deref(), Some("app 1.0.0"));
}

#[test]
fn a_derivation_is_a_tree_of_conclusions_and_facts() {
    let world = world(&["left@1.0.0: lib ^1", "right@1.0.0: lib ^2", "lib@1.0.0", "lib@2.0.0"]);
    let refused = explanation("left, right", &world);
    assert!(!refused.derivation_cut);
    let Derivation::Derived { conclusion, causes } = &refused.derivation else { panic!("{refused:?}") };
    assert_eq!((conclusion.as_str(), causes.len()), ("what you asked for cannot be had", 2));
    let text = format!("{:?}", refused.derivation);
    assert!(text.contains("left 1.0.0 (every version)") || text.contains("left 1.0.0 requires lib ^1"), "{text}");
    assert!(text.contains("right 1.0.0 requires lib ^2"), "{text}");
}

#[test]
fn a_derivation_of_any_depth_is_cut_and_costs_no_stack() {
    const LONG: usize = 5000;
    let lines: Vec<String> = (0..LONG).map(|i| format!("p{i}@1.0.0: p{}", i + 1)).collect();
    let mut all: Vec<&str> = lines.iter().map(String::as_str).collect();
    all.push("p5000@1.0.0: ghost");
    let world = world(&all);
    let bounds = Bounds { steps: 100_000, packages: 10_000 };
    let Err(ResolveError::NoSolution(refused)) = resolve(&ask("p0"), &world, bounds, &|| false) else { panic!() };
    assert!(refused.derivation_cut && refused.headline.contains("ghost"), "{}", refused.headline);
}

#[test]
fn an_optional_requirement_turns_the_solver_away_and_installs_nothing() {
    // Holding the requirement as if it were not optional would find no solution: there is no `b` below 2.
    let knowledge = world(&["a@1.0.0: b <2?, c", "b@2.0.0", "c@1.0.0", "c@2.0.0: b ^2"]);
    assert_eq!(solve("a", &knowledge).unwrap(), "c@1.0.0 a@1.0.0");
    let refused = explanation("a, b ^2", &knowledge);
    assert!(refused.because.contains(&"a 1.0.0 goes only with b <2 (optional)".to_owned()), "{refused:?}");
}

#[test]
fn a_layer_of_a_graph_is_missing_at_once() {
    let mut knowledge = world(&["a@1.0.0: b, c", "b@1.0.0: d", "c@1.0.0: e", "d@1.0.0", "e@1.0.0"]);
    knowledge.packages.retain(|id, _| !["d", "e"].contains(&id.name.as_str()));
    let Err(ResolveError::Missing(missing)) = solve("a", &knowledge) else { panic!() };
    assert_eq!(missing.packages, [id("d"), id("e")].into());
}

#[test]
fn comma_separated_comparators_hold_together() {
    let knowledge = world(&["b@1.1.0", "b@1.4.9", "b@1.5.0"]);
    let request = Request { name: name("b"), publisher: None, requirement: ">=1.2, <1.5".parse().unwrap() };
    let solution = resolve(&[request], &knowledge, BOUNDS, &|| false).unwrap();
    assert_eq!(show(&solution), "b@1.4.9");
}

#[test]
fn circles_of_any_length_from_one_on() {
    for length in [1usize, 2, 3, 10, 100, 1000] {
        let lines: Vec<String> = (0..length).map(|i| format!("p{i}@1.0.0: p{}", (i + 1) % length)).collect();
        let world = world(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        match solve("p0", &world) {
            Err(ResolveError::Cycle(cycle)) => assert_eq!(cycle.len(), length),
            other => panic!("{length}: {other:?}"),
        }
    }
}

#[test]
fn a_hundred_thousand_versions_are_no_long_step() {
    let mut knowledge = world(&["a@1.0.0: many <90000", "many@1.0.0"]);
    let template = knowledge.packages[&id("many")].versions[0].clone();
    let version = |n: u64| KnownVersion { version: Version::new(n, 0, 0), ..template.clone() };
    knowledge.packages.get_mut(&id("many")).unwrap().versions = (1..=100_000).rev().map(version).collect();
    assert_eq!(solve("a", &knowledge).unwrap(), "many@89999.0.0 a@1.0.0");
    // Somebody who wishes to stop is heard within one look over the versions, not after it.
    let asked = std::cell::Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    assert_eq!(resolve(&ask("a"), &knowledge, BOUNDS, &stop), Err(ResolveError::Cancelled));
}
