//! A lockfile is read as it was written, and refused with its place where it is not one.

use super::*;

fn id(name: &str) -> PackageId {
    PackageId { publisher: PublisherId(Digest::of(b"publisher")), name: name.parse().unwrap() }
}

fn package(name: &str, version: &str, needs: &[(&str, &str)]) -> LockedPackage {
    LockedPackage {
        id: id(name),
        version: version.parse().unwrap(),
        digest: Digest::of(name.as_bytes()),
        registry: "registry".to_owned(),
        dependencies: needs.iter().map(|(n, r)| (n.parse().unwrap(), r.parse().unwrap())).collect(),
    }
}

fn lock() -> Lockfile {
    let request = |name: &str, by| LockedRequest {
        name: name.parse().unwrap(),
        requirement: ">=1, <3".parse().unwrap(),
        publisher: (by == AskedBy::User).then(|| id(name).publisher),
        by,
    };
    let policy = LockedPolicy {
        hook: "verification".to_owned(),
        name: "signed-releases".to_owned(),
        digest: Digest::of(b"wasm"),
    };
    Lockfile {
        requested: vec![request("top", AskedBy::User), request("base", AskedBy::Manifest)],
        packages: vec![package("top", "2.0.0-rc.1+b", &[("base", "^1.2"), ("a", "*")]), package("base", "1.2.0", &[])],
        policies: vec![policy.clone(), policy],
    }
}

#[test]
fn what_is_written_is_read_again_and_is_sorted() {
    let text = lock().to_text();
    let read = Lockfile::parse(&text).unwrap();
    assert_eq!(read, lock().sorted());
    assert_eq!(read.to_text(), text);
    assert!(text.find("name = \"base\"").unwrap() < text.find("name = \"top\"").unwrap(), "{text}");
    assert_eq!(text.matches("[[policy]]").count(), 1);
    let mut turned = lock();
    turned.packages.reverse();
    assert_eq!(turned.to_text(), text, "the order in memory does not show");
    assert!(read.same_choice(&lock()));
}

#[test]
fn nothing_is_a_lock_of_nothing() {
    for text in ["", " \n\n", &Lockfile::default().to_text()] {
        assert_eq!(Lockfile::parse(text), Ok(Lockfile::default()), "{text:?}");
    }
}

#[test]
fn who_asked_who_decided_and_where_it_came_from_are_no_part_of_the_choice() {
    let mut other = lock();
    other.policies.clear();
    other.requested.clear();
    other.packages[0].registry = "peers".to_owned();
    assert!(lock().same_choice(&other));
    other.packages[0].digest = Digest::of(b"else");
    assert!(!lock().same_choice(&other));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let good = lock().to_text();
    let digest = Digest::of(b"base").to_hex();
    for (from, to, line, problem) in [
        ("version = 1\n", "version = 2\n", 1, "form 2"),
        ("version = 1\n", "", 1, "is missing"),
        ("by = \"user\"", "by = \"nobody\"", 10, "manifest or user"),
        ("version = \"1.2.0\"", "version = \"1.2\"", 16, "no version"),
        (digest.as_str(), "00", 16, "64 lowercase"),
        ("\"base ^1.2\"", "\"base\"", 23, "NAME REQUIREMENT"),
        ("name = \"top\"\nversion", "name = \"base\"\nversion", 23, "there twice"),
        ("registry = \"registry\"", "registry = \"a b\"", 16, "plain word"),
        ("registry = \"registry\"", "regsitry = \"registry\"", 20, "unknown field"),
        ("requirement = \">=1, <3\"", "requirement = \">>1\"", 5, "not valid"),
        ("[[policy]]", "[[policy", 30, ""),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        let error = Lockfile::parse(&text).unwrap_err();
        assert!(error.problem.contains(problem), "{problem}: {error}\n{text}");
        assert!(error.place.line.abs_diff(line) <= 1, "{line}: {error:?}\n{text}");
    }
}

#[test]
fn any_bytes_end_in_an_answer() {
    let good = lock().to_text();
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = bytes[at].wrapping_add(1 + (at % 200) as u8);
        let _ = Lockfile::parse(&String::from_utf8_lossy(&bytes));
        let _ = Lockfile::parse(good.get(..at).unwrap_or_default());
    }
}
