//! A policy that is not part of the program is compiled once, in a process of its own that cannot take more than it is
//! given.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ggen_tests::{Home, LIMIT, Value, checkout};

use crate::home;

/// A component that this home has not compiled.
fn foreign() -> PathBuf {
    checkout().join("plugins/dist/minimal-versions.wasm")
}

fn checked(home: &Home, exit: i32) -> Value {
    home.run(&["plugin", "check", &foreign().display().to_string(), "--json"]).exits(exit).value()
}

fn problem(home: &Home) -> String {
    checked(home, 1)["problems"][0].as_str().expect("a problem").to_owned()
}

/// Compiled code in the cache, and nothing half-written beside it.
fn compiled(home: &Home) -> Vec<PathBuf> {
    let folder = home.path().join("cache/components");
    let entries: Vec<_> =
        fs::read_dir(&folder).expect("the cache").map(|entry| entry.expect("an entry").path()).collect();
    let known = |path: &Path| path.extension().is_some_and(|ending| ending == "cwasm" || ending == "json");
    assert!(entries.iter().all(|path| known(path)), "{entries:?}");
    entries.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "cwasm")).collect()
}

#[test]
fn compiling_ends_when_its_time_is_up_and_the_rest_goes_on() {
    let home = home();
    home.config("[limits]\npolicy_compile_time = \"1ms\"\n");
    assert!(problem(&home).contains("more than 1 ms"), "{}", problem(&home));
    // What is part of the program is compiled all the same, and a policy that cannot be compiled denies.
    home.json(&["marketplace", "install", "hello-ggen", "--offline"]);
    home.config(&format!(
        "[limits]\npolicy_compile_time = \"1ms\"\n[[policy.verification]]\nuse = {:?}\n",
        checkout().join("plugins/dist/org-allowlist.wasm").display().to_string()
    ));
    // The same component is built in, and so compiled for nobody yet: a path is from outside.
    let error = home.fails(8, &["marketplace", "install", "project-papers", "--offline"]);
    assert!(error.to_string().contains("cannot be compiled"), "{error}");
    home.config("");
    assert_eq!(checked(&home, 0)["fits"], true);
}

#[test]
fn compiling_gets_no_more_memory_than_it_may_have() {
    let home = home();
    home.config("[limits]\npolicy_compile_memory = 40000000\n");
    let problem = problem(&home);
    assert!(problem.contains("cannot be compiled"), "{problem}");
    home.config("");
    assert_eq!(checked(&home, 0)["fits"], true);
}

#[test]
fn several_programs_compile_the_same_at_once_and_do_no_harm() {
    let home = home();
    let file = foreign().display().to_string();
    let running: Vec<_> = (0..6).map(|_| home.spawn(&["plugin", "check", &file, "--json"])).collect();
    for one in running {
        assert_eq!(one.ends_within(LIMIT).exits(0).value()["fits"], true);
    }
    let code = compiled(&home);
    assert_eq!(code.len(), 1);
    assert_eq!(fs::metadata(&code[0]).expect("its entry").mode() & 0o777, 0o600);
    let folder = code[0].parent().expect("the cache");
    assert_eq!(fs::metadata(folder).expect("the cache").mode() & 0o777, 0o700);
}

#[test]
fn an_entry_that_is_not_what_was_compiled_here_is_compiled_anew() {
    let home = home();
    assert_eq!(checked(&home, 0)["fits"], true);
    let entry = compiled(&home).remove(0);
    let sound = fs::read(&entry).expect("the entry");
    let with_a_wrong_header = {
        let mut bytes = sound.clone();
        bytes.iter_mut().take(64).for_each(|byte| *byte ^= 0x55);
        bytes
    };
    let broken = [b"garbage".to_vec(), Vec::new(), with_a_wrong_header, sound[..sound.len() / 2].to_vec()];
    for bytes in broken {
        fs::write(&entry, &bytes).expect("break it");
        assert_eq!(checked(&home, 0)["fits"], true);
        assert_eq!(fs::read(&entry).expect("the entry"), sound);
    }
    // Whoever else could have written it, it is not loaded but replaced.
    fs::set_permissions(&entry, PermissionsExt::from_mode(0o666)).expect("open it to all");
    assert_eq!(checked(&home, 0)["fits"], true);
    assert_eq!(fs::metadata(&entry).expect("the entry").mode() & 0o777, 0o600);
}

#[test]
fn the_compiler_takes_any_bytes_and_ends_with_a_sentence() {
    let home = home();
    let compile = |numbers: &[&str], bytes: &[u8]| {
        let mut args = vec!["__compile"];
        args.extend(numbers);
        let mut child = home
            .command(&args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the compiler");
        // It need not read what it refuses.
        let _ = child.stdin.take().expect("its input").write_all(bytes);
        let done = child.wait_with_output().expect("its end");
        (done.status.code(), done.stdout, String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let numbers = ["1048576", "60", "6000000000", "1000"];
    for bytes in [&b""[..], b"nonsense", b"\0asm\x0d\0\x01\0\xff\xff\xff\xff\x0f"] {
        let (code, out, told) = compile(&numbers, bytes);
        assert!(code == Some(1) && out.is_empty() && !told.is_empty(), "{code:?} {told}");
    }
    let (code, _, told) = compile(&numbers, &[0; 2000]);
    assert!(code == Some(1) && told.contains("1000 bytes"), "{told}");
    let (code, _, told) = compile(&["1"], b"");
    assert!(code == Some(1) && !told.is_empty(), "{told}");
}
