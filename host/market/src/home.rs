//! What can be said and done in a home without asking anybody: list, info, clean, inspect.

use std::path::Path;

use ggen_core::hooks::{Origin, Task};
use ggen_core::{PackageId, PackageName};
use ggen_store::Installed;

use crate::answers::*;
use crate::error::MarketError;
use crate::gather::Gathered;
use crate::market::{Market, blocking, now};
use crate::report;
use crate::target::{package_name, usage};

impl Market {
    /// What is installed.
    pub fn list(&self) -> Result<ListAnswer, MarketError> {
        let listed = |i: Installed| ListedPackage {
            name: i.id.name,
            version: i.version,
            publisher: i.id.publisher,
            path: i.path,
            direct: i.direct,
            wanted: None,
            latest: None,
        };
        let packages = self.store.installed()?.into_iter().map(listed).collect();
        Ok(ListAnswer { packages, outdated: false, warnings: Vec::new() })
    }

    /// Everything that is known here of a package.
    pub async fn info(&self, name: String) -> Result<InfoAnswer, MarketError> {
        self.sync_index().await?;
        let (publisher, name) = match name.split_once('/') {
            Some((who, rest)) => (Some(self.publisher(who)?), package_name(rest)?),
            None => (None, package_name(&name)?),
        };
        let mut claimants = self.store.claimants(&name)?;
        if claimants.is_empty() {
            claimants = self.look_elsewhere(&name).await?;
        }
        let bound = publisher.or(self.store.binding(&name)?.map(|b| b.publisher));
        claimants.sort_by_key(|id| Some(id.publisher) != bound);
        claimants.retain(|id| publisher.is_none_or(|p| p == id.publisher));
        if claimants.is_empty() {
            return Err(MarketError::Unknown { name, offline: self.offline });
        }
        self.describe(name, claimants)
    }

    /// Peers and the starter registry, as far as the fallback policy allows.
    pub(crate) async fn look_elsewhere(&self, name: &PackageName) -> Result<Vec<PackageId>, MarketError> {
        let mut offered = vec![Origin::Registry];
        offered.extend((!self.offline).then_some(Origin::Peers));
        offered.push(Origin::Bundled);
        let route = self.route(self.policies()?, &self.job(Task::Search), offered).await?;
        if route.has(Origin::Bundled) {
            crate::starter::import_to_look(self)?;
        }
        if route.has(Origin::Peers) && self.store.claimants(name)?.is_empty() {
            let gathered = Gathered { session: Some(self.session().await?), ..Gathered::default() };
            if let Some(network) = gathered.session.as_ref().and_then(|s| s.network()) {
                self.ask_names(network, &gathered, &[name.clone()].into()).await?;
                let ids = self.store.claimants(name)?.into_iter().collect();
                self.ask_packages(network, &gathered, &ids).await?;
            }
        }
        self.close_session().await;
        self.write_decisions();
        Ok(self.store.claimants(name)?)
    }

    fn describe(&self, name: PackageName, ids: Vec<PackageId>) -> Result<InfoAnswer, MarketError> {
        let installed = self.store.installed_package(&name)?.map(|i| i.version);
        let (mut versions, mut first, mut equivocations) = (Vec::new(), None, Vec::new());
        for id in ids {
            let Some(package) = self.store.package(&id)? else { continue };
            if package.equivocated {
                let proof = package.proof.as_deref().and_then(|text| serde_json::from_str(text).ok());
                equivocations.push(InfoEquivocation { publisher: id.publisher, proof });
            }
            for version in &package.versions {
                versions.push(InfoVersion {
                    version: version.version.clone(),
                    publisher: id.publisher,
                    digest: version.archive.unwrap_or(ggen_core::Digest::from_bytes([0; 32])),
                    published: version.published,
                    yanked: version.yanked.clone(),
                });
            }
            first.get_or_insert(package);
        }
        let Some(package) = first else { return Err(MarketError::Unknown { name, offline: self.offline }) };
        let newest = package.versions.first();
        let dependency = |d: &ggen_core::release::Dependency| InfoDependency {
            name: d.name.clone(),
            version_req: d.requirement.to_string(),
            optional: d.optional,
            publisher: d.publisher,
        };
        let dependencies = newest.and_then(|v| v.dependencies.as_ref()).into_iter().flatten().map(dependency).collect();
        let license = newest.and_then(|v| v.release.as_ref()).and_then(|r| r.release.license.clone());
        Ok(InfoAnswer {
            name,
            description: package.description,
            license,
            installed,
            versions,
            dependencies,
            equivocations,
            warnings: self.told(),
        })
    }

    /// Frees space: broken-off downloads, archives that nothing needs, old compiled policies, what dead processes left.
    pub fn clean(&self, dry_run: bool) -> Result<CleanAnswer, MarketError> {
        let cleaned = self.store.clean(dry_run, now(), &mut report::waiting(&self.reporter))?;
        Ok(CleanAnswer { freed_bytes: cleaned.freed_bytes, removed: cleaned.removed, dry_run })
    }

    /// Lets go of archives beyond the store's cap. Trouble with that is told, and stops nothing.
    pub(crate) async fn keep_within_cap(&self) {
        let store = self.store.clone();
        match blocking(move || Ok(store.keep_within_cap(now())?)).await {
            Ok(cleaned) if cleaned.removed.is_empty() => {}
            Ok(cleaned) => self.detail(format!("archives that went for the store's cap: {}", cleaned.removed.len())),
            Err(error) => self.tell("store-cap", format!("the store could not be kept within its cap: {error}")),
        }
    }

    /// Looks into a file as if a peer had sent it; installs nothing.
    pub fn inspect(&self, path: &Path) -> Result<InspectAnswer, MarketError> {
        if !path.is_file() {
            let hint = "name a .ggen, .tar.zst or .tar file";
            return Err(usage(&path.display().to_string(), "there is no such file", Some(hint)));
        }
        let inspection = ggen_store::Store::inspect(path, &self.settings.limits);
        let file = |f: ggen_core::files::FileEntry| InspectedFile {
            path: f.path.to_string(),
            size: f.size,
            executable: f.executable,
            digest: f.digest,
        };
        let release = inspection.release.map(|r| InspectedRelease {
            name: r.release.name,
            version: r.release.version,
            publisher: r.release.publisher,
        });
        Ok(InspectAnswer {
            accepted: inspection.accepted,
            reasons: inspection
                .reasons
                .into_iter()
                .map(|r| Notice { code: r.code.to_owned(), message: r.message })
                .collect(),
            files: inspection.files.into_iter().map(file).collect(),
            unpacked_size: inspection.unpacked_size,
            release,
        })
    }
}
