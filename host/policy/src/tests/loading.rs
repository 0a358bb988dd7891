//! What is refused before it runs, what is kept on disk, and what an inspection says.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ggen_core::hooks::Hook;
use ggen_core::hooks::chain::Ruling;

use super::*;
use crate::{Compiler, Inspection, PolicyError, inspect_component, precompile};

fn inspected(bytes: &[u8]) -> Inspection {
    inspect_component(bytes, &tight(), None, None)
}

#[test]
fn a_sound_component_is_inspected_whole() {
    let bytes = Wat::verifier(ALLOW_ALL).build();
    let inspection = inspected(&bytes);
    assert!(inspection.fits, "{:?}", inspection.problems);
    assert_eq!(inspection.hooks, [Hook::Verification]);
    assert!(inspection.imports.contains(&"ggen:policy/log@0.1.0".to_owned()), "{:?}", inspection.imports);
    assert_eq!(inspection.description.unwrap().name, "sample");
    assert_eq!(inspection.size, bytes.len() as u64);
}

#[test]
fn what_is_no_policy_gets_a_problem_and_never_a_panic() {
    let whole = Wat::verifier(ALLOW_ALL).build();
    let wasi = wat::parse_str("(component (import \"wasi:filesystem/types@0.2.0\" (instance)))").unwrap();
    let empty = wat::parse_str("(component)").unwrap();
    let other = whole.clone();
    let cases: [(&[u8], &str); 6] = [
        (b"", "empty"),
        (b"#!/bin/sh", "text"),
        (&wat::parse_str("(module)").unwrap(), "core module"),
        (&wasi, "`wasi:filesystem/types@0.2.0`"),
        (&empty, "plugin"),
        (&other[..other.len() - 1], ""),
    ];
    for (bytes, what) in cases {
        let inspection = inspected(bytes);
        assert!(!inspection.fits);
        assert!(inspection.problems[0].contains(what), "{:?}", inspection.problems);
    }
    for end in (0..whole.len()).step_by(97) {
        assert!(!inspected(&whole[..end]).fits);
    }
    for at in (0..whole.len()).step_by(61) {
        let mut broken = whole.clone();
        broken[at] ^= 0xff;
        let _ = inspected(&broken);
    }
}

#[test]
fn a_contract_of_another_version_is_refused_by_both_numbers() {
    let text = "(component
        (import \"ggen:policy/log@0.2.0\" (instance))
        (instance) (export \"ggen:policy/plugin@0.2.0\" (instance 0)))";
    let problems = inspected(&wat::parse_str(text).unwrap()).problems;
    assert!(problems[0].contains("@0.2.0") && problems[0].contains("version 0.1.0"), "{problems:?}");
}

#[test]
fn an_interface_with_other_types_does_not_fit() {
    // `describe` is there, and gives a number.
    let text = "(component
        (core module $m (func (export \"d\") (result i32) i32.const 1))
        (core instance $i (instantiate $m))
        (func $d (result u32) (canon lift (core func $i \"d\")))
        (instance $plugin (export \"describe\" (func $d)) (export \"configure\" (func $d)))
        (instance $scoring (export \"score\" (func $d)) (export \"judge\" (func $d)))
        (export \"ggen:policy/plugin@0.1.0\" (instance $plugin))
        (export \"ggen:policy/peer-scoring@0.1.0\" (instance $scoring)))";
    let problems = inspected(&wat::parse_str(text).unwrap()).problems;
    assert!(problems[0].contains("`plugin` is not the contract's of version 0.1.0"), "{problems:?}");
}

#[test]
fn a_name_that_is_no_name_is_refused() {
    let problems = inspected(&Wat::verifier(ALLOW_ALL).named("Sample Policy").build()).problems;
    assert!(problems[0].contains("`Sample Policy`"), "{problems:?}");
}

/// Counts how often it compiles.
struct Counting(AtomicUsize);

impl Compiler for Counting {
    fn compile(&self, component: &[u8], limits: &PolicyLimits) -> Result<Vec<u8>, PolicyError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        precompile(limits, component)
    }
}

fn from_file(path: PathBuf, cache: PathBuf, compiler: Arc<Counting>, digest: Option<String>) -> PolicyHost {
    let mut link = LinkConfig::new(Hook::Verification, path.to_str().unwrap(), LinkSource::Default);
    link.digest = digest;
    let options = HostOptions {
        cache_dir: Some(cache),
        limits: tight(),
        compiler: Some(compiler),
        links: vec![link],
        ..HostOptions::default()
    };
    PolicyHost::open(options).unwrap()
}

#[test]
fn a_component_is_compiled_once_and_a_broken_entry_anew() {
    let home = tempfile::tempdir().unwrap();
    let (path, cache) = (home.path().join("my.wasm"), home.path().join("cache/components"));
    std::fs::write(&path, Wat::verifier(ALLOW_ALL).build()).unwrap();
    let compiler = Arc::new(Counting(AtomicUsize::new(0)));
    let allowed = || {
        let host = from_file(path.clone(), cache.clone(), Arc::clone(&compiler), None);
        host.review_plan(&job(), &[item("a")]).verdicts[0].ruling == Ruling::Allow
    };
    assert!(allowed() && allowed());
    assert_eq!(compiler.0.load(Ordering::Relaxed), 1);
    // The code, and what the component said of itself.
    let entries: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        std::fs::write(entry, b"garbage").unwrap();
    }
    assert!(allowed());
    assert_eq!(compiler.0.load(Ordering::Relaxed), 2);
}

#[test]
fn a_pinned_digest_holds() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("my.wasm");
    let bytes = Wat::verifier(ALLOW_ALL).build();
    std::fs::write(&path, &bytes).unwrap();
    let compiler = Arc::new(Counting(AtomicUsize::new(0)));
    let host = |digest: String| from_file(path.clone(), home.path().join("c"), Arc::clone(&compiler), Some(digest));
    let right = crate::digest::digest_of(&bytes);
    assert_eq!(host(right.clone()).show()[0].digest, right);
    let wrong = host("0".repeat(64));
    assert!(wrong.show()[0].problem.as_ref().unwrap().contains("pins"));
    assert_eq!(wrong.review_plan(&job(), &[item("a")]).verdicts[0].ruling, Ruling::Deny);
}

#[test]
fn nothing_is_started_before_the_first_question() {
    let host = host(Hook::Verification, &[b"nonsense".to_vec()]);
    assert!(!host.is_started());
    let _ = host.score(&job(), 1, None, &[]);
    assert!(!host.is_started());
    assert_eq!(host.review_plan(&job(), &[item("a")]).verdicts[0].ruling, Ruling::Deny);
    assert!(host.is_started());
}

#[test]
fn a_policy_for_another_hook_does_not_fit() {
    let host = host(Hook::Verification, &[Wat::ranker("(i32.const 400)").build()]);
    assert!(host.show()[0].problem.as_ref().unwrap().contains("verification"));
}
