//! `index.json`: out, in, and broken.
//!
//! Decides nothing.

use crate::testing::{Author, Home};
use crate::{How, StoreError};

#[test]
fn another_home_reads_what_one_wrote() {
    let (a, b, mut author) = (Home::new(), Home::new(), Author::new(1));
    let one = author.publish(&a.store, "pkg", "1.0.0");
    author.publish(&a.store, "pkg", "1.1.0");
    a.store.export_index().unwrap();
    let directories = [a.path().to_owned()];
    let report = b.store.sync_index(&directories, 9).unwrap();
    assert_eq!((report.scanned, report.added, report.rejected.len()), (2, 2, 0), "{report:?}");
    let package = b.store.package(&author.package("pkg")).unwrap().unwrap();
    assert!(package.head.is_some() && package.versions.iter().all(|v| v.release.is_some() && !v.unsigned));
    let found = b.store.find_in_directories(&one.release.archive.digest, &directories).unwrap();
    b.store.import_archive(&found, &one.release.archive).unwrap();
    let registry = [a.path().join("registry")];
    assert!(b.store.find_in_directories(&one.release.archive.digest, &registry).is_some());
    assert_eq!(b.store.sync_index(&directories, 9).unwrap().scanned, 0);
    assert_eq!(a.store.sync_index(&[], 9).unwrap().scanned, 0);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(a.path().join("registry/index.json")).unwrap()).unwrap();
    let version = &json["packages"]["pkg"]["versions"][0];
    assert_eq!(version["version"], "1.1.0");
    assert!(a.path().join("registry").join(version["release"].as_str().unwrap()).is_file());
}

fn unsigned(home: &Home, versions: &str) {
    let text = format!(
        r#"{{"version":"1","packages":{{"lib":{{"name":"lib","description":"a lib","versions":[{versions}]}}}}}}"#
    );
    std::fs::write(home.path().join("registry/index.json"), text).unwrap();
}

#[test]
fn what_has_no_signed_release_is_kept_as_unsigned() {
    let (home, author) = (Home::new(), Author::new(1));
    let version = |v: &str, more: &str| format!(r#"{{"version":"{v}","publisher":"{}"{more}}}"#, author.id);
    let dependencies = r#","digest":null,"size_bytes":1,"dependencies":[{"name":"p","version_req":">=1.0.0, <2.0.0","optional":false}]"#;
    let list = [version("1.0.0", dependencies), version("2.0.0", r#","yanked":true"#), version("x", "")].join(",");
    unsigned(&home, &list);
    let report = home.store.sync_index(&[], 9).unwrap();
    assert_eq!((report.scanned, report.added, report.rejected.len()), (2, 2, 1), "{report:?}");
    let package = home.store.package(&author.package("lib")).unwrap().unwrap();
    assert!(package.versions.iter().all(|v| v.unsigned && v.release.is_none()));
    assert_eq!(package.versions[1].dependencies.as_ref().unwrap()[0].requirement.to_string(), ">=1.0.0, <2.0.0");
    assert!(package.versions[0].yanked.is_some());
    assert_eq!(home.store.search("lib", 5).unwrap()[0].description, "a lib");
    // It stays in the index that is written, and is nothing new in it.
    home.store.export_index().unwrap();
    assert_eq!(home.store.sync_index(&[], 9).unwrap().scanned, 0);
    let text = std::fs::read_to_string(home.path().join("registry/index.json")).unwrap();
    assert!(text.contains("\"2.0.0\"") && text.contains(">=1.0.0"), "{text}");
}

#[test]
fn an_entry_whose_release_is_not_the_one_it_names_is_rejected() {
    let (a, b, mut author) = (Home::new(), Home::new(), Author::new(1));
    author.publish(&a.store, "pkg", "1.0.0");
    author.publish(&a.store, "pkg", "1.1.0");
    a.store.export_index().unwrap();
    let release = |v: &str| a.path().join(format!("registry/releases/{}/pkg/{v}.dsse", author.id));
    std::fs::copy(release("1.0.0"), release("1.1.0")).unwrap();
    let report = b.store.sync_index(&[a.path().to_owned()], 9).unwrap();
    assert_eq!((report.added, report.rejected.len()), (1, 1), "{report:?}");
    let package = b.store.package(&author.package("pkg")).unwrap().unwrap();
    assert_eq!(package.versions.iter().filter(|v| v.release.is_some()).count(), 1);
    let index = a.path().join("registry/index.json");
    let text = std::fs::read_to_string(&index).unwrap().replace("releases/", "../registry/releases/");
    std::fs::write(&index, text).unwrap();
    assert_eq!(Home::new().store.sync_index(&[a.path().to_owned()], 9).unwrap().rejected.len(), 2);
}

#[test]
fn a_directory_that_changes_a_release_is_refused_entry_by_entry() {
    let (a, b) = (Home::new(), Home::new());
    let (mut honest, mut twice) = (Author::new(1), Author::new(1));
    let known = honest.publish(&b.store, "pkg", "1.0.0");
    let dir = crate::testing::tree(&[("other", "x")]);
    let other = twice.release(&a.store, "pkg", "1.0.0", dir.path());
    a.store.accept_release(&other, crate::Source::Own, 1).unwrap();
    let head = twice.head(&other);
    a.store.accept_head(&head, crate::Source::Own, 1).unwrap();
    twice.publish(&a.store, "fine", "1.0.0");
    a.store.export_index().unwrap();
    let report = b.store.sync_index(&[a.path().to_owned()], 9).unwrap();
    assert_eq!((report.added, report.rejected.len()), (1, 1), "{report:?}");
    let package = b.store.package(&honest.package("pkg")).unwrap().unwrap();
    assert_eq!(package.versions[0].release_digest, Some(known.digest));
    assert!(package.equivocated);
}

#[test]
fn what_the_index_lists_no_more_is_gone_unless_something_else_has_it() {
    let (home, other, author, mut signer) = (Home::new(), Home::new(), Author::new(1), Author::new(2));
    let version = |v: &str| format!(r#"{{"version":"{v}","publisher":"{}"}}"#, author.id);
    let known = |home: &Home| -> Vec<String> {
        let package = home.store.package(&author.package("lib")).unwrap();
        package.into_iter().flat_map(|p| p.versions).map(|v| v.version.to_string()).collect()
    };
    unsigned(&other, &version("3.0.0"));
    let directories = [other.path().to_owned()];
    unsigned(&home, &[version("1.0.0"), version("2.0.0"), version("3.0.0")].join(","));
    home.store.sync_index(&directories, 9).unwrap();
    assert_eq!(known(&home), ["3.0.0", "2.0.0", "1.0.0"]);
    unsigned(&home, &version("1.0.0"));
    home.store.sync_index(&directories, 10).unwrap();
    assert_eq!(known(&home), ["3.0.0", "1.0.0"], "the other directory has it still");
    // In one that breaks off nothing is missed.
    let whole = std::fs::read_to_string(home.path().join("registry/index.json")).unwrap();
    std::fs::write(home.path().join("registry/index.json"), &whole[..whole.len() - 60]).unwrap();
    home.store.sync_index(&directories, 11).unwrap();
    assert!(known(&home).contains(&"1.0.0".to_owned()));
    unsigned(&home, "");
    home.store.sync_index(&[], 12).unwrap();
    assert_eq!(known(&home), ["3.0.0"]);
    // What is signed rests on no index.
    signer.publish(&home.store, "signed", "1.0.0");
    unsigned(&home, &version("1.0.0"));
    home.store.sync_index(&[], 13).unwrap();
    unsigned(&home, "");
    home.store.sync_index(&[], 14).unwrap();
    assert_eq!(home.store.package(&signer.package("signed")).unwrap().unwrap().versions.len(), 1);
}

#[test]
fn a_broken_index_is_kept_and_rebuilt() {
    let (home, mut author) = (Home::new(), Author::new(1));
    author.publish(&home.store, "pkg", "1.0.0");
    home.store.export_index().unwrap();
    home.store.bind(&"pkg".parse().unwrap(), author.id, How::Own, 1).unwrap();
    let index = home.path().join("registry/index.json");
    let good = std::fs::read(&index).unwrap();
    for (number, broken) in [&good[..good.len() / 2], b"\0\0\0", b""].into_iter().enumerate() {
        std::fs::write(&index, broken).unwrap();
        let store = home.again();
        store.sync_index(&[], 9).unwrap();
        assert_eq!(store.notices()[0].code, "index-rebuilt");
        let text = std::fs::read_to_string(&index).unwrap();
        assert!(text.contains("\"pkg\"") && text.contains("\"release\""), "{text}");
        let suffix = if number == 0 { String::new() } else { format!(".{number}") };
        let kept = home.path().join(format!("registry/index.json.corrupted{suffix}"));
        assert_eq!(std::fs::read(kept).unwrap(), broken);
        assert_eq!(home.again().sync_index(&[], 9).unwrap().scanned, 0);
    }
    std::fs::remove_file(&index).unwrap();
    let report = home.store.rebuild_index(9).unwrap();
    assert_eq!((report.scanned, report.saved_to, home.store.notices().len()), (1, index.clone(), 0));
    assert!(index.exists());
}

#[test]
fn directories_that_are_none_are_told_and_nothing_else() {
    let home = Home::new();
    let bad = tempfile::tempdir().unwrap();
    std::fs::write(bad.path().join("index.json"), "{").unwrap();
    let nothing = bad.path().join("nothing");
    let report = home.store.sync_index(&[bad.path().to_owned(), nothing], 9).unwrap();
    assert_eq!(report.rejected.len(), 2, "{report:?}");
    assert_eq!(std::fs::read_to_string(bad.path().join("index.json")).unwrap(), "{");
    std::fs::create_dir(home.path().join("registry/index.json")).unwrap();
    assert!(matches!(home.store.sync_index(&[], 9), Err(StoreError::Io { .. })));
}
