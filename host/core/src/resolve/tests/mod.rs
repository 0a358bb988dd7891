//! Small worlds for the solver, and the comparison with trying every combination.

use std::collections::BTreeMap;

use proptest::prelude::*;
use semver::{Version, VersionReq};

use super::*;
use crate::digest::Digest;
use crate::name::{PackageId, PackageName, PublisherId};
use crate::naming::NameFacts;
use crate::release::Dependency;

mod explained;
mod keep;

const BOUNDS: Bounds = Bounds { steps: 100_000, packages: 1000 };

fn publisher() -> PublisherId {
    PublisherId(Digest::of(b"p"))
}

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn id(text: &str) -> PackageId {
    PackageId { publisher: publisher(), name: name(text) }
}

fn dependency(text: &str) -> Dependency {
    let (text, optional) = text.strip_suffix('?').map_or((text, false), |t| (t, true));
    let (n, range) = text.split_once(' ').unwrap_or((text, "*"));
    Dependency { publisher: None, name: name(n), requirement: range.parse().unwrap(), optional }
}

/// `a@1.0.0: b ^1, c` lines; a version with `!` is yanked.
fn world(lines: &[&str]) -> Knowledge {
    let mut knowledge = Knowledge::default();
    let mut known = |text: &str| {
        knowledge.names.entry(name(text).collision_key()).or_default();
    };
    for line in lines {
        let (head, deps) = line.split_once(':').unwrap_or((line, ""));
        known(head.split_once('@').unwrap().0);
        deps.split(',').filter(|d| !d.trim().is_empty()).for_each(|d| known(dependency(d.trim()).name.as_str()));
    }
    for line in lines {
        let (head, deps) = line.split_once(':').unwrap_or((line, ""));
        let (n, version) = head.split_once('@').unwrap();
        let (version, yanked) = version.strip_suffix('!').map_or((version, None), |v| (v, Some("broken".to_owned())));
        let facts = NameFacts { claimants: vec![publisher()], ..NameFacts::default() };
        knowledge.names.insert(name(n).collision_key(), facts);
        let dependencies = deps.split(',').map(str::trim).filter(|d| !d.is_empty()).map(dependency).collect();
        let version = version.parse().unwrap();
        let package = knowledge.packages.entry(id(n)).or_default();
        package.versions.push(KnownVersion {
            version,
            dependencies,
            yanked,
            locked: false,
            installed: false,
            excluded: None,
        });
        package.versions.sort_by(|a, b| b.version.cmp(&a.version));
    }
    knowledge
}

fn ask(text: &str) -> Vec<Request> {
    let request = |t: &str| {
        let d = dependency(t.trim());
        Request { name: d.name, publisher: None, requirement: d.requirement }
    };
    text.split(',').map(request).collect()
}

fn solve(requests: &str, knowledge: &Knowledge) -> Result<String, ResolveError> {
    resolve(&ask(requests), knowledge, BOUNDS, &|| false).map(|solution| show(&solution))
}

fn show(solution: &Solution) -> String {
    let shown: Vec<_> = solution.packages.iter().map(|c| format!("{}@{}", c.id.name, c.version)).collect();
    shown.join(" ")
}

fn explanation(requests: &str, knowledge: &Knowledge) -> Explanation {
    match solve(requests, knowledge) {
        Err(ResolveError::NoSolution(explanation)) => *explanation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn newest_that_fits_dependencies_first() {
    let world = world(&["a@1.0.0: b ^1, c", "b@1.4.0: c <2", "b@2.0.0", "c@1.0.0", "c@2.0.0"]);
    assert_eq!(solve("a", &world).unwrap(), "c@1.0.0 b@1.4.0 a@1.0.0");
    let solution = resolve(&ask("a, c"), &world, BOUNDS, &|| false).unwrap();
    assert!(solution.packages[0].direct);
    assert_eq!(solution.packages[0].requested_by.iter().map(|n| n.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_ranking_and_an_exclusion_are_heeded() {
    let mut world = world(&["a@1.0.0", "a@1.1.0", "a@1.2.0"]);
    world.packages.get_mut(&id("a")).unwrap().order = vec![2, 1, 0];
    assert_eq!(solve("a", &world).unwrap(), "a@1.0.0");
    let package = world.packages.get_mut(&id("a")).unwrap();
    package.versions[2].excluded = Some("too old".into());
    package.order = vec![1, 0];
    assert_eq!(solve("a", &world).unwrap(), "a@1.1.0");
    let refused = explanation("a =1.0.0", &world);
    assert!(refused.because.iter().any(|s| s.contains("too old")), "{refused:?}");
}

#[test]
fn pre_releases_and_yanked_ones_only_where_named() {
    let world = world(&["a@1.0.0", "a@1.1.0!", "a@1.2.0-rc.1", "b@1.0.0: a =1.1.0"]);
    assert_eq!(solve("a", &world).unwrap(), "a@1.0.0");
    assert_eq!(solve("a =1.1.0", &world).unwrap(), "a@1.1.0");
    assert_eq!(solve("a ^1.2.0-rc", &world).unwrap(), "a@1.2.0-rc.1");
    assert!(explanation("b", &world).because.iter().any(|s| s.contains("was yanked: broken")));
    assert!(explanation("a ^1.1", &world).headline.contains("satisfies ^1.1"));
}

#[test]
fn what_is_optional_is_not_installed_and_still_holds() {
    let knowledge = world(&["a@1.0.0: b <2?", "b@1.0.0", "b@2.0.0"]);
    assert_eq!(solve("a", &knowledge).unwrap(), "a@1.0.0");
    assert_eq!(solve("a, b", &knowledge).unwrap(), "a@1.0.0 b@1.0.0");
    assert!(solve("a, b ^2", &knowledge).is_err());
    let unknown = world(&["a@1.0.0: nobody?"]);
    assert_eq!(solve("a", &unknown).unwrap(), "a@1.0.0");
}

#[test]
fn what_is_not_known_comes_back_as_a_list() {
    let mut knowledge = world(&["a@1.0.0: b, c"]);
    knowledge.names.remove("b");
    knowledge.names.remove("c");
    let Err(ResolveError::Missing(missing)) = solve("a", &knowledge) else { panic!() };
    assert_eq!(missing.names, [name("b"), name("c")].into());
    let facts = NameFacts { claimants: vec![publisher()], ..NameFacts::default() };
    knowledge.names.insert("b".into(), facts.clone());
    knowledge.names.insert("c".into(), facts);
    let Err(ResolveError::Missing(missing)) = solve("a", &knowledge) else { panic!() };
    assert_eq!(missing.packages, [id("b"), id("c")].into());
}

#[test]
fn circles_are_told_in_order() {
    let knowledge = world(&["web@1.0.0: orm", "orm@2.0.0: query", "query@3.0.0: web"]);
    let error = solve("web", &knowledge).unwrap_err();
    assert_eq!(error.to_string(), "circular dependency: orm@2.0.0 → query@3.0.0 → web@1.0.0 → orm@2.0.0");
    let lines: Vec<String> = (0..1000).map(|i| format!("p{i}@1.0.0: p{}", (i + 1) % 1000)).collect();
    let long = world(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let Err(ResolveError::Cycle(cycle)) = solve("p0", &long) else { panic!() };
    assert_eq!(cycle.len(), 1000);
}

#[test]
fn a_refusal_names_who_requires_what_and_what_there_is() {
    let knowledge = world(&["app@1.0.0: orm ^1.0.0", "orm@0.9.0", "orm@2.0.0", "orm@2.1.0"]);
    let refused = explanation("app", &knowledge);
    assert_eq!(refused.code, "no-matching-version");
    assert_eq!(refused.available.len(), 3);
    let text = refused.because.join("\n");
    assert!(text.contains("app 1.0.0 requires orm ^1.0.0"), "{text}");
    assert!(text.contains("there is orm 2.1.0, 2.0.0, 0.9.0"), "{text}");
    assert_eq!(explanation("ghost", &world_with_name("ghost")).code, "no-such-package");
}

fn world_with_name(text: &str) -> Knowledge {
    let mut knowledge = world(&["ghast@1.0.0"]);
    knowledge.names.insert(name(text).collision_key(), NameFacts::default());
    knowledge
}

#[test]
fn a_missing_dependency_sends_the_solver_back() {
    let knowledge = world(&["a@1.0.0", "a@2.0.0: ghost"]);
    assert_eq!(solve("a", &knowledge).unwrap(), "a@1.0.0");
}

#[test]
fn a_squatted_dependency_stops_the_job() {
    let mut knowledge = world(&["a@1.0.0: b", "b@1.0.0"]);
    knowledge.names.get_mut("b").unwrap().claimants = vec![PublisherId(Digest::of(b"squatter"))];
    let Err(ResolveError::Naming(refusal)) = solve("a", &knowledge) else { panic!() };
    assert_eq!(refusal.required_by.unwrap().0, id("a"));
    assert!(matches!(refusal.error, crate::naming::NamingError::Undecided { .. }));
}

#[test]
fn steps_and_the_wish_to_stop_end_it() {
    // Seven pigeons and six holes: far more steps than a few for each package.
    let into = |pigeon: usize, hole: usize| format!("pigeon-{pigeon}@{hole}.0.0: hole-{hole} ={pigeon}.0.0");
    let mut lines: Vec<String> = (1..=7).flat_map(|p| (1..7).map(move |h| into(p, h))).collect();
    lines.extend((1..7).flat_map(|h| (1..=7).map(move |p| format!("hole-{h}@{p}.0.0"))));
    let hard = world(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let all = ask(&(1..=7).map(|p| format!("pigeon-{p}")).collect::<Vec<_>>().join(", "));
    let tight = Bounds { steps: 1, packages: 10 };
    assert!(matches!(resolve(&all, &hard, tight, &|| false), Err(ResolveError::TooHard { steps: 54 })));
    let knowledge = world(&["a@1.0.0"]);
    assert!(matches!(resolve(&ask("a"), &knowledge, BOUNDS, &|| true), Err(ResolveError::Cancelled)));
    let small = Bounds { steps: 1000, packages: 0 };
    assert!(matches!(resolve(&ask("a"), &knowledge, small, &|| false), Err(ResolveError::TooMany { .. })));
}

/// Tries every combination: what the solver must agree with.
fn satisfiable(knowledge: &Knowledge, chosen: &mut BTreeMap<String, Version>, open: Vec<Dependency>) -> bool {
    let Some((first, rest)) = open.split_first() else { return true };
    if let Some(version) = chosen.get(first.name.as_str()) {
        return first.requirement.matches(version) && satisfiable(knowledge, chosen, rest.to_vec());
    }
    let Some(package) = knowledge.packages.get(&id(first.name.as_str())) else { return false };
    package.versions.iter().filter(|v| first.requirement.matches(&v.version)).any(|v| {
        chosen.insert(first.name.to_string(), v.version.clone());
        let found = satisfiable(knowledge, chosen, [rest, &v.dependencies].concat());
        if !found {
            chosen.remove(first.name.as_str());
        }
        found
    })
}

/// Five packages of three versions each, with dependencies upwards only, so that no circle arises, which is refused for
/// another reason.
fn small_world() -> impl Strategy<Value = Knowledge> {
    let edge = (0..5usize, 1..4u64, 0..5usize, 1..4u64, 0..3usize);
    proptest::collection::vec(edge, 0..16).prop_map(|edges| {
        let mut lines: BTreeMap<(usize, u64), BTreeMap<usize, String>> = BTreeMap::new();
        for package in 0..5 {
            for version in 1..4 {
                lines.insert((package, version), BTreeMap::new());
            }
        }
        for (package, version, target, bound, op) in edges.into_iter().filter(|e| e.2 > e.0) {
            let range = format!("p{target} {}{bound}.0.0", ["=", ">=", "<="][op]);
            lines.get_mut(&(package, version)).unwrap().insert(target, range);
        }
        let text: Vec<String> = lines
            .iter()
            .map(|((p, v), deps)| format!("p{p}@{v}.0.0: {}", deps.values().cloned().collect::<Vec<_>>().join(", ")))
            .collect();
        world(&text.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_solver_agrees_with_trying_everything(world in small_world()) {
        let root = vec![Dependency { publisher: None, name: name("p0"), requirement: VersionReq::STAR, optional: false }];
        let expected = satisfiable(&world, &mut BTreeMap::new(), root);
        prop_assert_eq!(solve("p0", &world).is_ok(), expected);
    }
}
