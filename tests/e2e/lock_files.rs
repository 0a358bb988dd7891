//! A `ggen.lock` that is no plain file: a pipe, a folder, a link, nothing.

use std::os::unix::fs::symlink;
use std::process::Command;

use ggen_tests::{Home, Package};

use crate::home;
use crate::lock::{lock, plan, project, run};

fn published() -> Home {
    let home = home();
    home.publish(&Package::new("lib", "1.0.0"));
    home
}

#[test]
fn what_has_its_name_and_is_no_file_is_refused_and_never_waited_for() {
    let home = published();
    for (kind, problem) in
        [("pipe", "not a regular file"), ("folder", "not a regular file"), ("link", "a link to what is not there")]
    {
        // Once where only this makes a project of the folder, once beside a manifest.
        for manifest in [None, Some("")] {
            let folder = project(&home, &format!("{kind}-{}", manifest.is_some()), manifest);
            let path = folder.join("ggen.lock");
            match kind {
                "pipe" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
                "folder" => std::fs::create_dir(&path).unwrap(),
                _ => symlink("nowhere", &path).unwrap(),
            }
            let error = run(&home, &folder, &["install", "lib"]).exits(6).error();
            assert_eq!(error["code"], "GGEN-E0503", "{kind}: {error}");
            assert!(error["caused_by"].to_string().contains(problem), "{kind}: {error}");
            // Nothing was written: there is no comfort in what was installed before.
            assert!(!error.to_string().contains("what this command installed"), "{kind}: {error}");
            run(&home, &folder, &["tree"]).exits(6);
            assert!(path.symlink_metadata().is_ok_and(|m| !m.is_file()), "{kind} is left as it is");
        }
    }
    assert!(home.installed().is_empty());
}

#[test]
fn a_link_to_a_lockfile_stays_one_and_what_it_names_is_written() {
    let home = published();
    let folder = project(&home, "shop", Some("lib = \"^1\""));
    let kept = project(&home, "kept", None);
    std::fs::write(kept.join("shop.lock"), "").unwrap();
    symlink("../kept/shop.lock", folder.join("ggen.lock")).unwrap();
    assert_eq!(plan(&home, &folder, &["install"]), ["lib 1.0.0"]);
    assert!(folder.join("ggen.lock").is_symlink());
    assert!(std::fs::read_to_string(kept.join("shop.lock")).unwrap().contains("name = \"lib\""));
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1, "nothing else is left beside it");
    assert_eq!(plan(&home, &folder, &["install", "--locked"]), ["lib 1.0.0"]);
}

#[test]
fn an_empty_lockfile_locks_nothing() {
    let home = published();
    let folder = project(&home, "shop", None);
    for text in ["", "\n \n"] {
        std::fs::write(folder.join("ggen.lock"), text).unwrap();
        let error = run(&home, &folder, &["install", "--locked"]).exits(2).error();
        assert_eq!(error["code"], "GGEN-E0113", "{error}");
        assert!(error["message"].as_str().unwrap().contains("it is empty"), "{error}");
    }
    run(&home, &folder, &["install", "lib"]).exits(0);
    assert!(lock(&folder).contains("name = \"lib\""), "for who may write it is a beginning");
}
