//! What a job wants: what was typed, what the project asks for, what is held to its version.
//!
//! Looks publishers up where a name was typed with one, and takes in files. Decides nothing about versions.

use std::collections::BTreeSet;
use std::sync::Arc;

use ggen_core::hooks::Origin;
use ggen_core::lockfile::{AskedBy, LockedRequest};
use ggen_core::resolve::Request;
use ggen_core::{PackageId, PackageName, PublisherId};
use semver::VersionReq;

use crate::error::MarketError;
use crate::fallback::Route;
use crate::gather::{Fresh, Gathered, Wanted};
use crate::market::{Market, blocking, now};
use crate::project::{self, Project};
use crate::target::{Target, is_prefix, usage};
use crate::upgrade::request_of;

impl Market {
    /// What is wanted, and what a project's lockfile will say was asked for.
    pub(crate) async fn wanted(
        &self,
        route: &Route,
        typed: Vec<Target>,
        project: Option<&Project>,
    ) -> Result<(Wanted, Vec<LockedRequest>), MarketError> {
        let by_name = !typed.is_empty();
        let earlier = match project {
            Some(project) => project.lock.requested.clone(),
            None => self.store.installed()?.iter().filter(|i| i.direct).map(request_of).collect(),
        };
        let (requests, files) = self.requests(route, typed, &earlier).await?;
        let Some(project) = project else {
            if by_name {
                return Ok((Wanted { requests, files, ..Wanted::default() }, Vec::new()));
            }
            let hint = "name a package (ggen marketplace install hello-ggen), or stand in a project with a ggen.lock \
                        or a package.toml";
            return Err(usage("install", "no package is named, and this folder is no project", Some(hint)));
        };
        if !by_name && !project.is_locked() && !project.has_manifest() {
            let hint = "name a package: ggen marketplace install hello-ggen";
            return Err(usage("install", "this project has neither a ggen.lock nor a package.toml", Some(hint)));
        }
        let mut requested = earlier;
        // As the manifest is now, whatever is named beside it: a lock that leaves out a part of it, or holds what it no
        // longer asks for, would be refused by the next command.
        if project.has_manifest() {
            requested.retain(|r| r.by != AskedBy::Manifest);
            requested.extend(project.manifest_requests(self)?);
        }
        project::add_requests(&mut requested, &requests);
        let wanted = Wanted {
            requests: project::merged(&requested),
            files,
            lock: Arc::new(project.lock.clone()),
            keep: project.kept(),
            // What this machine happens to have must not show in what every machine will install.
            fresh: Fresh::Everything,
            ..Wanted::default()
        };
        Ok((wanted, requested))
    }

    /// What was typed, with publishers found; and which packages came as files.
    async fn requests(
        &self,
        route: &Route,
        typed: Vec<Target>,
        earlier: &[LockedRequest],
    ) -> Result<(Vec<Request>, BTreeSet<PackageId>), MarketError> {
        let (mut requests, mut files) = (Vec::<Request>::new(), BTreeSet::new());
        for target in typed {
            let request = match target {
                Target::Package { who, name, requirement } => {
                    let publisher = match who {
                        Some(who) => Some(self.publisher_of(route, &who, &name).await?),
                        None => None,
                    };
                    let range = requirement.or_else(|| project::earlier_range(earlier, &name, publisher));
                    Request { name, publisher, requirement: range.unwrap_or(VersionReq::STAR) }
                }
                Target::File(path) => {
                    let (request, id) = self.take_file(path).await?;
                    files.insert(id);
                    request
                }
            };
            if requests.iter().any(|r| r.name.collision_key() == request.name.collision_key()) {
                let name = request.name.to_string();
                return Err(usage(&name, "this package is asked for twice", Some("name it once")));
            }
            requests.push(request);
        }
        Ok((requests, files))
    }

    /// A publisher as it was typed: known here, or, by a prefix, among those who publish the name at the peers.
    async fn publisher_of(&self, route: &Route, who: &str, name: &PackageName) -> Result<PublisherId, MarketError> {
        match self.publisher(who) {
            Err(_) if is_prefix(who) && route.has(Origin::Peers) => {}
            decided => return decided,
        }
        let gathered = Gathered { session: Some(self.session().await?), ..Gathered::default() };
        if let Some(network) = gathered.session.as_ref().and_then(|s| s.network()) {
            self.ask_names(network, &gathered, &[name.clone()].into()).await?;
        }
        self.publisher(who)
    }

    /// Takes a `.ggen` file's documents and archive in, and asks for exactly that release.
    async fn take_file(&self, path: std::path::PathBuf) -> Result<(Request, PackageId), MarketError> {
        let store = self.store.clone();
        let text = path.display().to_string();
        let release = blocking(move || {
            let wrong = |source| MarketError::Archive { path: path.clone(), source };
            let file = ggen_store::read_ggen_file(&path).map_err(wrong)?;
            store.accept_file(&file, now())?;
            store.import_ggen_archive(&file)?;
            Ok(file.release)
        })
        .await?;
        let requirement = format!("={}", release.release.version);
        let requirement = requirement.parse().map_err(|_| usage(&text, "its version cannot be asked for", None))?;
        let id = release.release.id();
        Ok((Request { name: id.name.clone(), publisher: Some(id.publisher), requirement }, id))
    }
}
