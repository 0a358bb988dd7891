//! Policies as components: for those who write them, and for those who install them.
//!
//! ```text
//! create (new) ─ build ─ cases (test) ─ bench ─ inspect, check      an author's way
//! add ─ list, remove                                               an operator's way
//! ```
//!
//! Decides what is told of a component; which ones a configuration can name is `policies`' to say. What a policy
//! answers decides nothing here. Invariant: any file ends in an answer about it; only a file that cannot be read is an
//! error.

mod add;
mod bench;
mod cases;
mod create;
mod typical;

use std::path::{Path, PathBuf};

use ggen_core::hooks::{Description, Hook, PolicyLimits, Problem};
use ggen_core::limits::Limits;
use ggen_policy::build::{BuildError, BuildRequest, build_component};
use ggen_policy::{Inspection, inspect_component};
use serde::Serialize;

pub(crate) use self::add::check_staged;
pub use self::add::{InstallPluginRequest, InstalledPlugin, RemovedPlugin};
pub use self::bench::{BenchAnswer, BenchRequest, BenchRun, StartupTimes, bench};
pub use self::cases::{CaseFailure, CasesRequest, TestAnswer, test};
pub use self::create::{NewPluginAnswer, NewPluginRequest, create};
pub use crate::error::PluginError;

use crate::error::MarketError;
use crate::policies::files::{cache, component};
use crate::policies::{BUILT_IN, library};

/// `plugin check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckAnswer {
    /// Whether it would run here.
    pub fits: bool,
    /// The hooks that it serves.
    pub hooks: Vec<Hook>,
    /// What it imports, as it names it.
    pub imports: Vec<String>,
    /// What speaks against it.
    pub problems: Vec<String>,
    /// Settings that it cannot do without: why it refuses empty ones. No problem by itself.
    pub needs: Vec<Problem>,
    /// SHA-256 of the component, lowercase hexadecimal: what `digest` in a configuration pins.
    pub digest: String,
}

/// `plugin inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectPluginAnswer {
    /// Everything that is known of it.
    #[serde(flatten)]
    pub inspection: Inspection,
}

impl std::ops::Deref for InspectPluginAnswer {
    type Target = Inspection;

    fn deref(&self) -> &Inspection {
        &self.inspection
    }
}

/// One policy of `plugin list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedPlugin {
    /// What `use` in a configuration calls it.
    pub name: String,
    /// By its own word; none while it cannot be read.
    pub version: Option<String>,
    /// One sentence, by its own word.
    pub summary: Option<String>,
    /// The hooks that it serves.
    pub hooks: Vec<Hook>,
    /// SHA-256 of the component.
    pub digest: String,
    /// `built-in` or `installed`.
    pub source: &'static str,
    /// Its file, where it is installed.
    pub path: Option<PathBuf>,
    /// What speaks against it.
    pub problems: Vec<String>,
}

/// `plugin list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListPluginsAnswer {
    /// By name; what is built in comes first.
    pub plugins: Vec<ListedPlugin>,
}

/// `plugin build`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildAnswer {
    /// The crate's name, which is the policy's.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// Where the component lies.
    pub path: PathBuf,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// Its bytes.
    pub size: u64,
    /// What `rustc -V` said of the compiler.
    pub compiler: String,
}

/// Whether a component would run here.
///
/// # Errors
/// When the file cannot be read.
pub fn check(path: &Path, home: &Path, limits: &Limits) -> Result<CheckAnswer, MarketError> {
    let Inspection { fits, hooks, imports, problems, needs, digest, .. } = look(path, home, limits)?;
    Ok(CheckAnswer { fits, hooks, imports, problems, needs, digest })
}

/// Everything that a component says and needs.
///
/// # Errors
/// When the file cannot be read.
pub fn inspect(path: &Path, home: &Path, limits: &Limits) -> Result<InspectPluginAnswer, MarketError> {
    look(path, home, limits).map(|inspection| InspectPluginAnswer { inspection })
}

/// The policies that a configuration can name.
///
/// # Errors
/// When `plugins/` is there and cannot be read.
pub fn list(home: &Path, limits: &Limits) -> Result<ListPluginsAnswer, MarketError> {
    let bounds = PolicyLimits::from(limits);
    let cache = cache(home);
    let mut plugins: Vec<_> = BUILT_IN
        .iter()
        .map(|builtin| {
            listed(builtin.name.to_owned(), None, inspect_component(builtin.bytes, &bounds, Some(&cache), None))
        })
        .collect();
    for (name, path) in library::installed(&home.join("plugins"))? {
        let inspection = look(&path, home, limits)?;
        plugins.push(listed(name, Some(path), inspection));
    }
    Ok(ListPluginsAnswer { plugins })
}

/// Builds a policy's component from the crate at `path` (a folder, or its Cargo.toml) into the folder `output`; none:
/// the crate's own.
///
/// # Errors
/// When there is no such crate, no compiler for it, or it does not become a policy.
pub fn build(path: &Path, output: Option<&Path>, offline: bool) -> Result<BuildAnswer, BuildError> {
    let built =
        build_component(&BuildRequest { output: output.map(Path::to_owned), offline, ..BuildRequest::new(path) })?;
    Ok(BuildAnswer {
        name: built.name,
        version: built.version,
        path: built.path,
        digest: built.digest,
        size: built.size,
        compiler: built.compiler,
    })
}

fn look(path: &Path, home: &Path, limits: &Limits) -> Result<Inspection, MarketError> {
    let bytes = component(path, limits)?;
    Ok(inspect_component(&bytes, &limits.into(), Some(&cache(home)), None))
}

fn listed(name: String, path: Option<PathBuf>, inspection: Inspection) -> ListedPlugin {
    let Inspection { hooks, description, problems, digest, .. } = inspection;
    let (version, summary) = match description {
        Some(Description { version, summary, .. }) => (Some(version), Some(summary)),
        None => (None, None),
    };
    let source = if path.is_some() { "installed" } else { "built-in" };
    ListedPlugin { name, version, summary, hooks, digest, source, path, problems }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_an_answer_and_what_is_not_there_an_error() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a.wasm");
        std::fs::write(&file, b"not a component").unwrap();
        let answer = check(&file, home.path(), &Limits::default()).unwrap();
        assert!(!answer.fits && !answer.problems.is_empty(), "{answer:?}");
        let missing = check(&home.path().join("b.wasm"), home.path(), &Limits::default()).unwrap_err();
        assert!(matches!(missing, MarketError::Io { action: "read", .. }), "{missing}");
    }

    #[test]
    fn built_in_policies_and_installed_ones_are_listed() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("plugins")).unwrap();
        std::fs::write(home.path().join("plugins/own.wasm"), b"x").unwrap();
        std::fs::write(home.path().join("plugins/.hidden.wasm"), b"x").unwrap();
        let plugins = list(home.path(), &Limits::default()).unwrap().plugins;
        let names: Vec<_> = plugins.iter().map(|p| (p.name.as_str(), p.source, p.problems.is_empty())).collect();
        assert!(names.contains(&("signed-releases", "built-in", true)), "{names:?}");
        assert_eq!(names.last(), Some(&("own", "installed", false)));
        assert_eq!(names.len(), BUILT_IN.len() + 1);
    }

    #[test]
    fn a_component_past_its_bound_is_told_to_be_too_long() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a.wasm");
        std::fs::write(&file, [0; 100]).unwrap();
        let answer = check(&file, home.path(), &Limits { max_component: 10, ..Limits::default() }).unwrap();
        assert!(answer.problems[0].contains("more than 10 bytes"), "{answer:?}");
    }
}
