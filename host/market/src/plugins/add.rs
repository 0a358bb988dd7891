//! `plugin install` and `plugin remove`: from a file, or out of a package that came the way of every package.
//!
//! Decides which file of a package is its policy, and that no name changes its component unasked. Whether the package may
//! be installed at all is the policies' to say, as for any other. Invariant: a component that does not fit changes
//! nothing: of a package, it is looked at before any file of the package becomes visible.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use ggen_core::PackageName;
use ggen_core::hooks::{Description, Hook};
use ggen_core::limits::Limits;
use ggen_policy::{Inspection, inspect_component};
use ggen_store::StagedPackage;
use serde::Serialize;

use crate::answers::Notice;
use crate::error::{MarketError, PluginError};
use crate::market::{Market, blocking};
use crate::policies::files::{cache, component};
use crate::policies::{BUILT_IN, library};
use crate::target::Target;

/// What `plugin install` is asked for.
#[derive(Clone, Debug)]
pub struct InstallPluginRequest {
    /// `FILE.wasm`, or `[PUBLISHER/]NAME[@REQ]`.
    pub target: String,
    /// Put it in the place of an installed one of its name.
    pub replace: bool,
}

/// `plugin install`.
#[derive(Clone, Debug, Serialize)]
pub struct InstalledPlugin {
    /// What `use` in a configuration calls it.
    pub name: String,
    /// By its own word.
    pub version: String,
    /// One sentence, by its own word.
    pub summary: String,
    /// The hooks that it serves.
    pub hooks: Vec<Hook>,
    /// SHA-256 of the component.
    pub digest: String,
    /// Where it is kept.
    pub path: PathBuf,
    /// Where it came from: `file`, or the package with its version and publisher.
    pub origin: String,
    /// The digest of the one that it replaced.
    pub replaced: Option<String>,
    /// This very component was installed already.
    pub unchanged: bool,
    /// What makes a configuration use it.
    pub configuration: String,
    /// What the user is told.
    pub warnings: Vec<Notice>,
}

/// `plugin remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedPlugin {
    /// Which.
    pub name: String,
    /// The digest of its component; none where it could not be read.
    pub digest: Option<String>,
    /// Its bytes stay, because decisions in the log name them.
    pub kept: bool,
}

impl Market {
    /// Installs a policy, so that a configuration can name it.
    ///
    /// # Errors
    /// When there is no such file or package, when it does not fit, or when its name stands for another one.
    pub async fn install_plugin(&self, request: InstallPluginRequest) -> Result<InstalledPlugin, MarketError> {
        let InstallPluginRequest { target, replace } = request;
        if is_file(&target) {
            self.require_readable_policy_file()?;
            let path = PathBuf::from(&target);
            let bytes = component(&path, &self.settings.limits)?;
            return self.add(path, bytes, "file".to_owned(), replace, Vec::new()).await;
        }
        let Target::Package { name, .. } = self.target(&target)? else {
            let problem = "a policy is installed from FILE.wasm or by its package's name";
            return Err(crate::target::usage(&target, problem, Some("take what the file holds: `ggen mp install`")));
        };
        self.expect_policy(name.clone(), replace);
        let done = self.install_apart(target).await;
        self.policies_expected.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let answer = done?;
        let installed = self.store.installed()?.into_iter().find(|one| one.id.name == name);
        let Some(installed) = installed else { return Err(MarketError::NotInstalled { name }) };
        let path = policy_of(&installed.path, &name)?;
        let bytes = component(&path, &self.settings.limits)?;
        let origin = format!("package {name} {} {}", installed.version, installed.id.publisher);
        self.add(path, bytes, origin, replace, answer.warnings).await
    }

    fn expect_policy(&self, name: PackageName, replace: bool) {
        let mut expected = self.policies_expected.lock().unwrap_or_else(PoisonError::into_inner);
        *expected = vec![(name, replace)];
    }

    /// Keeps the bytes, then makes the name stand for them.
    async fn add(
        &self,
        path: PathBuf,
        bytes: Vec<u8>,
        origin: String,
        replace: bool,
        warnings: Vec<Notice>,
    ) -> Result<InstalledPlugin, MarketError> {
        let (inspection, description, bytes) = self.fitting(path, bytes).await?;
        let folder = self.store.plugins_dir();
        let Description { name, version, summary, .. } = description;
        let before = self.digest_before(&name, &inspection.digest, replace)?;
        let digest = inspection.digest;
        library::keep(&folder, &digest, &bytes)?;
        let unchanged = before.as_deref() == Some(digest.as_str());
        let record = library::Record { name, version, digest: digest.clone(), origin };
        if !unchanged && !library::point(&folder, &record, replace)? {
            let installed = self.installed_digest(&record.name)?.unwrap_or_default();
            return Err(PluginError::Taken { name: record.name, installed, offered: digest }.into());
        }
        let replaced = before.filter(|_| !unchanged);
        if let Some(old) = &replaced
            && !self.is_named_by_decisions(old)?
        {
            library::drop_unused(&folder, old)?;
        }
        let configuration = configuration(&record.name, &digest, &inspection.hooks);
        let path = library::component_path(&folder, &digest);
        let library::Record { name, version, origin, .. } = record;
        let hooks = inspection.hooks;
        Ok(InstalledPlugin {
            name,
            version,
            summary,
            hooks,
            digest,
            path,
            origin,
            replaced,
            unchanged,
            configuration,
            warnings,
        })
    }

    /// What a component says of itself, if it would run here under a name of its own; and its bytes back.
    async fn fitting(&self, path: PathBuf, bytes: Vec<u8>) -> Result<(Inspection, Description, Vec<u8>), MarketError> {
        let (home, limits) = (self.store.home().to_owned(), self.settings.limits.clone());
        blocking(move || {
            let (inspection, description) = fitting(&home, &limits, &path, &bytes)?;
            Ok((inspection, description, bytes))
        })
        .await
    }

    /// The digest that a name stands for already; an error where that is another one and may not be replaced.
    fn digest_before(&self, name: &str, offered: &str, replace: bool) -> Result<Option<String>, MarketError> {
        let installed = self.installed_digest(name)?;
        match installed {
            Some(installed) if installed != offered && !replace => {
                Err(PluginError::Taken { name: name.to_owned(), installed, offered: offered.to_owned() }.into())
            }
            installed => Ok(installed),
        }
    }

    fn installed_digest(&self, name: &str) -> Result<Option<String>, MarketError> {
        let folder = self.store.plugins_dir();
        if let Some(record) = library::record(&folder, name)? {
            return Ok(Some(record.digest));
        }
        let Some(path) = library::by_hand(&folder, name) else { return Ok(None) };
        Ok(Some(ggen_core::Digest::of(&component(&path, &self.settings.limits)?).to_string()))
    }

    fn is_named_by_decisions(&self, digest: &str) -> Result<bool, MarketError> {
        let rows = self.store.decision_counts()?;
        Ok(rows.iter().any(|(_, named, ..)| named == digest))
    }

    /// Takes an installed policy away, unless a configuration names it.
    ///
    /// # Errors
    /// When it is not installed or in use.
    pub fn remove_plugin(&self, name: &str) -> Result<RemovedPlugin, MarketError> {
        let folder = self.store.plugins_dir();
        if BUILT_IN.iter().any(|builtin| builtin.name == name) {
            return Err(PluginError::BuiltIn { name: name.to_owned() }.into());
        }
        let is_there = library::is_plain(name) && library::installed(&folder)?.iter().any(|(there, _)| there == name);
        if !is_there {
            return Err(PluginError::NotInstalled { name: name.to_owned() }.into());
        }
        self.require_readable_policy_file()?;
        if let Some(link) = self.settings.policies.iter().find(|link| link.use_ == name) {
            let by = link.from.path().unwrap_or(Path::new("this program")).to_owned();
            return Err(PluginError::InUse { name: name.to_owned(), by }.into());
        }
        let digest = self.installed_digest(name)?;
        library::forget(&folder, name)?;
        let kept = match &digest {
            Some(digest) if self.is_named_by_decisions(digest)? => true,
            Some(digest) => library::drop_unused(&folder, digest).map(|()| false)?,
            None => false,
        };
        Ok(RemovedPlugin { name: name.to_owned(), digest, kept })
    }
}

/// Of a package that is installed for its policy: whether that policy fits, before any of its files is visible.
pub(crate) async fn check_staged(market: &Market, staged: &StagedPackage) -> Result<(), MarketError> {
    let expected = market.policies_expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some((name, replace)) = expected.into_iter().find(|(name, _)| *name == staged.id.name) else { return Ok(()) };
    let path = policy_of(&staged.dir, &name)?;
    let shown = path.strip_prefix(&staged.dir).unwrap_or(&path).to_owned();
    let bytes = component(&path, &market.settings.limits)?;
    let (inspection, description, _) = market.fitting(shown, bytes).await?;
    market.digest_before(&description.name, &inspection.digest, replace).map(drop)
}

fn fitting(home: &Path, limits: &Limits, path: &Path, bytes: &[u8]) -> Result<(Inspection, Description), MarketError> {
    let inspection = inspect_component(bytes, &limits.into(), Some(&cache(home)), None);
    let description = match (&inspection.description, inspection.fits) {
        (Some(description), true) => description.clone(),
        _ => {
            let problems = inspection.problems;
            return Err(PluginError::Unfit { path: path.to_owned(), problems }.into());
        }
    };
    let name = &description.name;
    if !library::is_plain(name) || name.parse::<ggen_core::Digest>().is_ok() {
        let problem = "1 to 100 of a-z, A-Z, 0-9, '.', '_' and '-' make one, and no '.' begins it".to_owned();
        return Err(PluginError::Name { name: name.clone(), problem }.into());
    }
    if BUILT_IN.iter().any(|builtin| builtin.name == name) {
        return Err(PluginError::BuiltIn { name: name.clone() }.into());
    }
    Ok((inspection, description))
}

fn is_file(target: &str) -> bool {
    target.ends_with(".wasm")
}

/// The policy of a package: `policy.wasm`, else the only component in `policies/`, else the only one beside the manifest.
fn policy_of(package: &Path, name: &PackageName) -> Result<PathBuf, MarketError> {
    let named = package.join("policy.wasm");
    if named.is_file() {
        return Ok(named);
    }
    for folder in [package.join("policies"), package.to_owned()] {
        let mut found: Vec<PathBuf> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "wasm") && path.is_file())
            .collect();
        found.sort();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one.clone()),
            many => {
                let names: Vec<_> = many.iter().take(8).filter_map(|p| p.file_name()?.to_str()).collect();
                let problem = format!("it has several components ({}), and no policy.wasm", names.join(", "));
                return Err(PluginError::NoPolicy { package: name.clone(), problem }.into());
            }
        }
    }
    let problem = "there is no policy.wasm, and no component in policies/ or beside its manifest".to_owned();
    Err(PluginError::NoPolicy { package: name.clone(), problem }.into())
}

/// What an operator writes into `config.toml`.
fn configuration(name: &str, digest: &str, hooks: &[Hook]) -> String {
    let link = |hook: &Hook| format!("[[policy.{hook}]]\nuse = \"{name}\"\ndigest = \"{digest}\"\n");
    hooks.iter().map(link).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_component_of_a_package_is_its_policy() {
        let package = tempfile::tempdir().unwrap();
        let name: PackageName = "own".parse().unwrap();
        let write = |path: &str| {
            let path = package.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        };
        let found = || policy_of(package.path(), &name).map(|p| p.strip_prefix(package.path()).unwrap().to_owned());
        assert!(found().unwrap_err().to_string().contains("no policy.wasm"));
        write("own.wasm");
        assert_eq!(found().unwrap(), Path::new("own.wasm"));
        write("policies/a.wasm");
        assert_eq!(found().unwrap(), Path::new("policies/a.wasm"));
        write("policies/b.wasm");
        assert!(found().unwrap_err().to_string().contains("a.wasm, b.wasm"));
        write("policy.wasm");
        assert_eq!(found().unwrap(), Path::new("policy.wasm"));
    }
}
