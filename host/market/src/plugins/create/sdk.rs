//! The SDK and the contract as they are in this program, written beside a new policy.
//!
//! Decides what its manifest says outside this workspace. Invariant: its sources are the workspace's own, byte for byte;
//! a test holds the list to the folder.

use std::io;
use std::path::Path;

use toml::{Table, Value};

use super::file::put;

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../../", $path)))),+]
    };
}

/// Paths from the workspace's root, with what is there.
const FILES: &[(&str, &str)] = files![
    "plugin-sdk/README.md",
    "plugin-sdk/build.rs",
    "plugin-sdk/src/bindings.rs",
    "plugin-sdk/src/export.rs",
    "plugin-sdk/src/hooks.rs",
    "plugin-sdk/src/lib.rs",
    "plugin-sdk/src/log.rs",
    "plugin-sdk/src/names.rs",
    "plugin-sdk/src/settings/json.rs",
    "plugin-sdk/src/settings/kinds.rs",
    "plugin-sdk/src/settings/mod.rs",
    "plugin-sdk/src/settings/schema.rs",
    "plugin-sdk/src/settings/write.rs",
    "plugin-sdk/src/spdx.rs",
    "plugin-sdk/src/testing.rs",
    "plugin-sdk/src/time.rs",
    "plugin-sdk/src/types.rs",
    "wit/FACTS.md",
    "wit/fallback-policy.wit",
    "wit/peer-scoring.wit",
    "wit/types.wit",
    "wit/verification.wit",
    "wit/version-resolution.wit",
];
const MANIFEST: &str = include_str!("../../../../../plugin-sdk/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../../Cargo.toml");

/// Writes `sdk/` and `wit/` into a folder.
pub(super) fn write(into: &Path) -> io::Result<()> {
    for (path, text) in FILES {
        let path = path.strip_prefix("plugin-sdk/").map_or_else(|| (*path).to_owned(), |rest| format!("sdk/{rest}"));
        put(&into.join(path), text)?;
    }
    put(&into.join("sdk/Cargo.toml"), &manifest()?)
}

/// The SDK's manifest without its workspace: what it has from there stands in it.
fn manifest() -> io::Result<String> {
    let parse = |text: &str| text.parse::<Table>().map_err(io::Error::other);
    let (mut manifest, workspace) = (parse(MANIFEST)?, parse(WORKSPACE)?);
    let inherited = |section: &str| workspace.get("workspace")?.get(section)?.as_table();
    manifest.remove("lints");
    for (section, from) in
        [("package", "package"), ("dependencies", "dependencies"), ("build-dependencies", "dependencies")]
    {
        let Some(table) = manifest.get_mut(section).and_then(Value::as_table_mut) else { continue };
        for (key, value) in table.iter_mut() {
            if value.get("workspace").is_some_and(|is| is.as_bool() == Some(true)) {
                let found = inherited(from).and_then(|from| from.get(key));
                *value = found.ok_or_else(|| io::Error::other(format!("the workspace has no {key}")))?.clone();
            }
        }
    }
    let text = toml::to_string(&manifest).map_err(io::Error::other)?;
    Ok(format!("# The SDK as it came with ggen {}.\n\n{text}", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => walk(&path, found),
                path => found.push(path),
            }
        }
    }

    #[test]
    fn the_list_is_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = Vec::new();
        for folder in ["plugin-sdk", "wit"] {
            walk(&root.join(folder), &mut found);
        }
        let found: BTreeSet<_> = found.iter().map(|p| p.strip_prefix(&root).unwrap().display().to_string()).collect();
        let listed = FILES.iter().map(|(path, _)| (*path).to_owned()).chain(["plugin-sdk/Cargo.toml".to_owned()]);
        assert_eq!(found, listed.collect());
    }

    #[test]
    fn its_manifest_stands_alone() {
        let manifest: Table = manifest().unwrap().parse().unwrap();
        let text = toml::to_string(&manifest).unwrap();
        assert!(!text.contains("workspace") && !manifest.contains_key("lints"), "{text}");
        assert_eq!(manifest["package"]["name"].as_str(), Some("ggen-plugin-sdk"));
        assert!(manifest["dependencies"]["wit-bindgen"]["features"].is_array(), "{text}");
    }
}
