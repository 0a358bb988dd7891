//! The committed components of the project's own policies, `plugins/dist`, and whether they belong to their sources.
//!
//! `check` needs no WebAssembly compiler and changes nothing; `rebuild` builds all of them. Neither installs a policy.
//! Invariant: the lock names a component's digest only together with the digest of the sources that it was built from.

use std::path::{Path, PathBuf};

use super::error::BuildError;
use super::lock::{self, Lock, Locked};
use super::request::{BuildRequest, BuiltComponent};
use super::toolchain::Toolchain;
use super::{build_with, component};
use crate::digest::digest_of;

/// What builds the components anew.
pub const COMMAND: &str = "cargo run -p ggen-policy --example dist -- rebuild";

/// What a rebuild does with what it built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuild {
    /// Puts it into `plugins/dist` and writes the lock.
    Write,
    /// Compares it with the lock where the compiler is the lock's, and leaves `plugins/dist` alone.
    Compare,
}

/// What a rebuild found of one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The component that was built.
    pub component: BuiltComponent,
    /// The compiler of the lock, where it is another one and the digests could not be compared.
    pub other_compiler: Option<String>,
}

fn dist(root: &Path) -> PathBuf {
    root.join("plugins/dist")
}

fn lock_path(root: &Path) -> PathBuf {
    dist(root).join("lock.toml")
}

/// Whether every policy's sources and component are the lock's. `root` is the workspace.
///
/// # Errors
/// [`BuildError::OutOfDate`] with a line for each policy that is not, and files that cannot be read.
pub fn check(root: &Path) -> Result<(), BuildError> {
    let lock = Lock::read(&lock_path(root))?;
    let names = lock::policies(root)?;
    let mut problems = Vec::new();
    for name in &names {
        let file = dist(root).join(format!("{name}.wasm"));
        match lock.get(name) {
            None => problems.push(format!("{name} was never built")),
            Some(locked) if locked.sources != lock::sources(root, name)? => {
                problems.push(format!("{name}: its sources, the SDK or the contract changed"));
            }
            Some(_) if !file.is_file() => problems.push(format!("{name}: {} is missing", file.display())),
            Some(locked) => {
                let bytes = lock::read(&file)?;
                if digest_of(&bytes) != locked.component {
                    problems.push(format!("{name}: the component is not the one that was built"));
                } else {
                    component::check(name, &bytes)?;
                }
            }
        }
    }
    for locked in lock.policies.iter().filter(|locked| !names.contains(&locked.name)) {
        problems.push(format!("{}: there is no such policy any more", locked.name));
    }
    out_of_date(problems)
}

fn out_of_date(problems: Vec<String>) -> Result<(), BuildError> {
    if problems.is_empty() { Ok(()) } else { Err(BuildError::OutOfDate { problems, command: COMMAND }) }
}

/// Builds every policy below `plugins/`, one after the other. `told` hears the name of each before its build.
///
/// # Errors
/// The first build that fails; with [`Rebuild::Compare`] also [`BuildError::OutOfDate`], once all are built.
pub fn rebuild(root: &Path, mode: Rebuild, told: &mut dyn FnMut(&str)) -> Result<Vec<Rebuilt>, BuildError> {
    let toolchain = Toolchain::find()?;
    let lock = Lock::read(&lock_path(root))?;
    let output = match mode {
        Rebuild::Write => dist(root),
        Rebuild::Compare => root.join("target/wasm/dist"),
    };
    let (mut built, mut locked, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for name in lock::policies(root)? {
        told(&name);
        // Before the build: a source that changes during it makes the lock's digest old, never wrongly new.
        let sources = lock::sources(root, &name)?;
        let request = BuildRequest {
            output: Some(output.clone()),
            target_dir: Some(root.join("target/wasm")),
            locked: mode == Rebuild::Compare,
            ..BuildRequest::new(root.join("plugins").join(&name))
        };
        let component = build_with(&request, &toolchain)?;
        let before = lock.get(&name);
        let other_compiler = before.map(|before| before.compiler.clone()).filter(|other| *other != component.compiler);
        if before.is_none_or(|before| other_compiler.is_none() && before.component != component.digest) {
            problems.push(format!("{name}: a build from its sources gives other bytes than the committed ones"));
        }
        locked.push(Locked {
            name,
            version: component.version.clone(),
            component: component.digest.clone(),
            sources,
            compiler: component.compiler.clone(),
        });
        built.push(Rebuilt { component, other_compiler });
    }
    match mode {
        Rebuild::Write => Lock { policies: locked }.write(&lock_path(root))?,
        Rebuild::Compare => out_of_date(problems)?,
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A workspace in miniature with one policy and a lock that fits it.
    fn workspace() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for file in ["plugins/one/Cargo.toml", "plugins/one/src/lib.rs", "plugin-sdk/Cargo.toml", "plugin-sdk/build.rs"]
        {
            put(file, file);
        }
        put("plugin-sdk/src/deep/a.rs", "a");
        put("plugin-sdk/README.md", "words");
        put("wit/types.wit", "t");
        root
    }

    fn locked(root: &Path, component: &str) {
        let policy = Locked {
            name: "one".to_owned(),
            version: "0.1.0".to_owned(),
            component: component.to_owned(),
            sources: lock::sources(root, "one").unwrap(),
            compiler: "rustc".to_owned(),
        };
        Lock { policies: vec![policy] }.write(&lock_path(root)).unwrap();
    }

    fn problem(root: &Path) -> String {
        check(root).unwrap_err().to_string()
    }

    #[test]
    fn a_policy_that_was_never_built_is_told_with_the_command() {
        let root = workspace();
        let text = problem(root.path());
        assert!(text.contains("one was never built") && text.contains(COMMAND), "{text}");
    }

    #[test]
    fn a_changed_source_sdk_or_contract_is_told_and_a_readme_is_not() {
        let root = workspace();
        locked(root.path(), "0");
        fs::write(root.path().join("plugin-sdk/README.md"), "other words").unwrap();
        assert!(problem(root.path()).contains("is missing"), "sources are as they were, the component is not there");
        for changed in ["plugins/one/src/lib.rs", "plugin-sdk/src/deep/a.rs", "wit/types.wit", "plugin-sdk/build.rs"] {
            locked(root.path(), "0");
            fs::write(root.path().join(changed), "changed").unwrap();
            assert!(problem(root.path()).contains("changed"), "{changed}");
        }
    }

    #[test]
    fn another_component_than_the_one_built_is_told() {
        let root = workspace();
        locked(root.path(), "0");
        fs::write(root.path().join("plugins/dist/one.wasm"), "bytes").unwrap();
        assert!(problem(root.path()).contains("not the one that was built"));
    }

    #[test]
    fn names_and_contents_do_not_run_into_each_other() {
        let root = workspace();
        let before = lock::sources(root.path(), "one").unwrap();
        let (from, to) = (root.path().join("wit/types.wit"), root.path().join("wit/typest.wit"));
        fs::remove_file(&from).unwrap();
        fs::write(&to, "").unwrap();
        assert_ne!(lock::sources(root.path(), "one").unwrap(), before);
    }

    #[test]
    fn a_lock_that_is_none_is_refused() {
        let root = workspace();
        fs::create_dir_all(root.path().join("plugins/dist")).unwrap();
        fs::write(lock_path(root.path()), "[[policy]]\nname = 1\n").unwrap();
        assert!(matches!(check(root.path()), Err(BuildError::LockFormat { .. })));
    }

    #[test]
    fn the_committed_policies_belong_to_their_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        if let Err(error) = check(&root) {
            panic!("{error}");
        }
    }
}
