//! A home of the program that goes away at the end of its test, and commands in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::LIMIT;
use crate::package::Package;
use crate::ran::{Ran, Running};

/// A `GGEN_HOME` of its own, in a folder of its own.
#[derive(Debug)]
pub struct Home {
    bin: PathBuf,
    root: TempDir,
    path: PathBuf,
    env: BTreeMap<String, String>,
    /// What commands are run by: a program and its first arguments.
    prefix: Vec<String>,
}

impl Home {
    /// An empty home for the program at `bin`: no mDNS, loopback alone, no colours.
    pub fn new(bin: impl Into<PathBuf>) -> Self {
        let root = tempfile::Builder::new().prefix("ggen-test-").tempdir().expect("a temporary folder");
        let path = root.path().join("home");
        Self::at(bin, root, path)
    }

    /// A home at `path`, wherever that is; `root` is kept as the place for packages.
    pub fn at(bin: impl Into<PathBuf>, root: TempDir, path: PathBuf) -> Self {
        let mut env = BTreeMap::new();
        let mut set = |key: &str, value: &str| env.insert(key.to_owned(), value.to_owned());
        set("GGEN_HOME", &path.to_string_lossy());
        set("GGEN_P2P_MDNS", "off");
        set("GGEN_P2P_LISTEN", "/ip4/127.0.0.1/tcp/0");
        set("NO_COLOR", "1");
        set("HOME", &root.path().to_string_lossy());
        Self { bin: bin.into(), root, path, env, prefix: Vec::new() }
    }

    /// A home with the same files as this one has now, and with nothing to do with it from then on.
    pub fn copy(&self) -> Self {
        let copy = Self::new(&self.bin);
        crate::copy_tree(&self.path, &copy.path);
        copy
    }

    /// `GGEN_HOME`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder that is this test's alone; commands run in it.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Sets a variable for the commands from now on.
    pub fn set(&mut self, key: &str, value: &str) -> &mut Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Has commands run from now on by another program: one that puts them elsewhere.
    pub fn run_by(&mut self, prefix: Vec<String>) -> &mut Self {
        self.prefix = prefix;
        self
    }

    /// Writes `config.toml`.
    pub fn config(&self, text: &str) -> &Self {
        std::fs::create_dir_all(&self.path).expect("create the home");
        std::fs::write(self.path.join("config.toml"), text).expect("write config.toml");
        self
    }

    /// A command in this home, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = match self.prefix.split_first() {
            Some((program, first)) => {
                let mut command = Command::new(program);
                command.args(first).arg(&self.bin);
                command
            }
            None => Command::new(&self.bin),
        };
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("GGEN_") {
                command.env_remove(key);
            }
        }
        command.args(args).envs(&self.env).env_remove("RUST_LOG").current_dir(self.root.path());
        command
    }

    /// Starts a command.
    pub fn spawn(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        self.spawn(args).ends_within(LIMIT)
    }

    /// Runs a command that must succeed, with `--json`: its answer.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        self.run(&with_json(args)).exits(0).value()
    }

    /// Runs a command that must fail with `exit`, with `--json`: its error.
    #[track_caller]
    pub fn fails(&self, exit: i32, args: &[&str]) -> Value {
        self.run(&with_json(args)).exits(exit).error()
    }

    /// Writes a package's folder: its path.
    pub fn write(&self, package: &Package) -> String {
        package.write(&self.root.path().join("packages"))
    }

    /// Makes a key where there is none, and publishes without the network: the answer.
    #[track_caller]
    pub fn publish(&self, package: &Package) -> Value {
        self.key();
        let folder = self.write(package);
        self.json(&["marketplace", "publish", &folder, "--offline"])
    }

    /// The publisher of this home, with a key made for it where there is none.
    #[track_caller]
    pub fn key(&self) -> String {
        let keys = self.json(&["key", "list"]);
        let keys =
            if keys["keys"].as_array().is_some_and(|k| !k.is_empty()) { keys } else { self.json(&["key", "new"]) };
        keys["keys"][0]["publisher"].as_str().expect("a key has a publisher").to_owned()
    }

    /// What is installed: names with versions.
    #[track_caller]
    pub fn installed(&self) -> Vec<(String, String)> {
        let list = self.json(&["marketplace", "list", "--offline"]);
        let packages = list["packages"].as_array().expect("list has packages");
        packages.iter().map(|p| (text(p, "name"), text(p, "version"))).collect()
    }

    /// Insists that nothing is half-written: no work in progress, and no package but what `list` tells.
    #[track_caller]
    pub fn is_clean(&self) {
        let left: Vec<_> = std::fs::read_dir(self.path.join("tmp")).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "left behind in tmp: {left:?}");
        let mut there = Vec::new();
        for name in std::fs::read_dir(self.path.join("packages")).into_iter().flatten().flatten() {
            if name.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            for version in std::fs::read_dir(name.path()).into_iter().flatten().flatten() {
                let text = |n: std::ffi::OsString| n.to_string_lossy().into_owned();
                there.push((text(name.file_name()), text(version.file_name())));
            }
        }
        there.sort();
        assert_eq!(there, self.installed(), "the folders of packages are what `list` tells");
    }
}

fn with_json<'a>(args: &[&'a str]) -> Vec<&'a str> {
    args.iter().copied().chain(["--json"]).collect()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is text in {value}")).to_owned()
}
