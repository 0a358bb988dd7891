//! `publish`: manifest in; canonical archive, signed release and head out; announced if anybody listens.
//!
//! Invariant: one name and version stands for one set of files, for good; the first stands.

mod draft;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use draft::{Draft, draft, read_manifest, sign_and_list};
use ggen_core::head::SignedHead;
use ggen_core::hooks::chain::{Combined, Ruling};
use ggen_core::hooks::{Evidence, Item, Job, Origin, Task};
use ggen_core::release::{Dependency, Release, SignedRelease};
use ggen_policy::PolicyHost;

use crate::answers::{Notice, Published};
use crate::contents;
use crate::error::{Denied, DeniedReason, MarketError};
use crate::facts;
use crate::folder::Folder;
use crate::market::{Market, blocking, now};
use crate::report;

/// What `publish` is asked for.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// The package's folder, or its manifest.
    pub path: PathBuf,
    /// Where to write a `.ggen` file.
    pub output: Option<PathBuf>,
    /// Check everything, write nothing.
    pub dry_run: bool,
    /// The alias of the key; needed only where there are several.
    pub key: Option<String>,
}

impl Market {
    /// Packs, signs and lists a package; announces it if a node runs or can be reached.
    pub async fn publish(&self, request: PublishRequest) -> Result<Published, MarketError> {
        self.require_readable_policy_file()?;
        let done = self.publish_job(request).await;
        self.close_session().await;
        self.write_decisions();
        done
    }

    async fn publish_job(&self, request: PublishRequest) -> Result<Published, MarketError> {
        self.sync_index().await?;
        let (store, limits) = (self.store.clone(), self.settings.limits.clone());
        let (path, key) = (request.path.clone(), request.key.clone());
        let aliases = self.publisher_names(&path)?;
        self.step("packing");
        let mut draft = blocking(move || draft(&store, &limits, &path, key.as_deref(), &aliases)).await?;
        let known = draft.before.as_ref().and_then(|p| p.versions.iter().find(|v| v.version == draft.release.version));
        if let Some(first) = known.and_then(|v| v.release.clone()) {
            return self.already_there(&draft, &first, &request).await;
        }
        let (host, job) = (self.policies()?, self.job(Task::Publish));
        let warned = self.review_draft(&host, &job, &draft).await?;
        draft.warnings.extend(warned);
        if request.dry_run {
            return Ok(answer(draft.release.clone(), &draft, false, false, None, true));
        }
        let (store, lifetime) = (self.store.clone(), self.settings.limits.head_lifetime);
        let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        if !self.cancel.begin_commit() {
            return Err(MarketError::Interrupted);
        }
        let reporter = Arc::clone(&self.reporter);
        let (draft, release, head) = blocking(move || {
            let (release, head) = sign_and_list(&store, &draft, lifetime, &mut report::waiting(&reporter))?;
            Ok((draft, release, head))
        })
        .await?;
        let output = self.write_file(&request, &draft, &release, Some(&head)).await?;
        let announced = tokio::select! {
            announced = self.announce(&release, &head) => announced,
            () = self.cancelled() => false,
        };
        Ok(answer(release.release, &draft, announced, false, output, false))
    }

    /// The same files again are no error, and change nothing; other files are.
    async fn already_there(
        &self,
        draft: &Draft,
        first: &SignedRelease,
        request: &PublishRequest,
    ) -> Result<Published, MarketError> {
        let (new, old) = (&draft.release, &first.release);
        let same = new.archive.files == old.archive.files && new.claims == old.claims && new.license == old.license;
        let same_needs = |a: &Dependency, b: &Dependency| {
            a.name == b.name && a.requirement == b.requirement && a.optional == b.optional
        };
        let needs = new.dependencies.len() == old.dependencies.len()
            && new.dependencies.iter().zip(&old.dependencies).all(|(a, b)| same_needs(a, b));
        if !(same && needs) {
            return Err(MarketError::AlreadyPublished { name: old.name.clone(), version: old.version.clone() });
        }
        let head = draft.before.as_ref().and_then(|p| p.head.clone());
        let output = match request.dry_run {
            true => None,
            false => self.write_file(request, draft, first, head.as_ref()).await?,
        };
        let announced = match (&head, request.dry_run) {
            (Some(head), false) => self.announce(first, head).await,
            _ => false,
        };
        Ok(answer(first.release.clone(), draft, announced, true, output, request.dry_run))
    }

    async fn review_draft(&self, host: &Arc<PolicyHost>, job: &Job, draft: &Draft) -> Result<Vec<Notice>, MarketError> {
        let item = self.draft_item(draft)?;
        let (asked, told, question) = (Arc::clone(host), job.clone(), item.clone());
        let review = blocking(move || Ok(asked.review_plan(&told, std::slice::from_ref(&question)))).await?;
        self.keep(review.decisions);
        let mut warnings = Vec::new();
        for verdict in &review.verdicts {
            warnings.extend(self.heed(host, draft, verdict)?);
        }
        let folder = Folder { root: draft.folder.clone(), then: None, files: draft.packed.files.clone() };
        let review = contents::ask(self, host, job, &item, folder).await?;
        warnings.extend(self.heed(host, draft, &review.verdict)?);
        Ok(warnings)
    }

    fn heed(&self, host: &PolicyHost, draft: &Draft, verdict: &Combined) -> Result<Vec<Notice>, MarketError> {
        if matches!(verdict.ruling, Ruling::Deny | Ruling::PassOver) {
            let hook = ggen_core::hooks::Hook::Verification;
            let reasons = verdict.by.iter().filter(|by| by.ruling == verdict.ruling).map(|by| DeniedReason {
                code: format!("{}/{}", by.policy, by.reason.code),
                message: by.reason.message.clone(),
                hint: by.reason.hint.clone(),
                locked_by: host.locked_by(hook, &by.policy).map(Into::into),
            });
            let (name, version) = (draft.release.name.clone(), draft.release.version.clone());
            return Err(MarketError::Denied(vec![Denied { name, version, reasons: reasons.collect() }]));
        }
        let warned = verdict.by.iter().filter(|by| by.ruling == Ruling::Warn);
        Ok(warned
            .map(|by| Notice { code: format!("{}/{}", by.policy, by.reason.code), message: by.reason.message.clone() })
            .collect())
    }

    fn draft_item(&self, draft: &Draft) -> Result<Item, MarketError> {
        let release = &draft.release;
        let head = draft.before.as_ref().and_then(|p| p.head.as_ref());
        let evidence = Evidence {
            signed: false,
            alias: Some(draft.key.info.alias.clone()),
            bound_publisher: self.store.binding(&release.name)?.map(|b| b.publisher.to_string()),
            witnessed: now(),
            head_sequence: head.map_or(0, |h| h.head.sequence),
            highest_sequence: head.map_or(0, |h| h.head.sequence),
            equivocated: draft.before.as_ref().is_some_and(|p| p.equivocated),
            ..Evidence::default()
        };
        Ok(Item {
            release: facts::signed(release, None),
            evidence,
            origin: Origin::File,
            direct: true,
            requested_by: Vec::new(),
            installed: None,
        })
    }

    /// Publishers that the manifest names by alias or prefix, looked up before anything is packed.
    fn publisher_names(&self, path: &Path) -> Result<Vec<(String, ggen_core::PublisherId)>, MarketError> {
        let (_, _, manifest) = read_manifest(path, self.settings.limits.max_manifest)?;
        let named = manifest.dependencies.iter().filter_map(|d| d.publisher.as_ref());
        named.map(|text| Ok((text.clone(), self.publisher(text)?))).collect()
    }

    async fn write_file(
        &self,
        request: &PublishRequest,
        draft: &Draft,
        release: &SignedRelease,
        head: Option<&SignedHead>,
    ) -> Result<Option<PathBuf>, MarketError> {
        let Some(folder) = request.output.clone() else { return Ok(None) };
        let path = folder.join(format!("{}-{}.ggen", release.release.name, release.release.version));
        let (store, roots, release) = (self.store.clone(), draft.key.roots.clone(), release.clone());
        let bundle = head.map(|h| h.bundle.clone());
        blocking(move || {
            let io = |source| MarketError::Io { path: folder.clone(), action: "written", source };
            std::fs::create_dir_all(&folder).map_err(io)?;
            let archive = store.archive_path(&release.release.archive.digest);
            ggen_store::write_ggen_file(&path, &roots, &release, bundle.as_ref(), &archive)?;
            Ok(Some(path))
        })
        .await
    }

    /// Whether the fallback policy lets this job touch peers; an offline one does not anyway.
    async fn may_announce(&self) -> Result<bool, MarketError> {
        if self.offline {
            return Ok(true);
        }
        let offered = vec![Origin::Registry, Origin::Peers];
        Ok(self.route(self.policies()?, &self.job(Task::Publish), offered).await?.has(Origin::Peers))
    }

    /// Tells a running node, or a peer that can be reached. That nobody listens is no failure.
    async fn announce(&self, release: &SignedRelease, head: &SignedHead) -> bool {
        match self.may_announce().await {
            Ok(true) => {}
            Ok(false) => {
                self.detail("not announced: the fallback policy leaves peers out of the route".to_owned());
                return false;
            }
            Err(error) => {
                self.tell("not-announced", format!("published here, and not announced: {error}"));
                return false;
            }
        }
        let session = match self.session().await {
            Ok(session) => session,
            Err(error) => {
                self.tell("not-announced", format!("published here, and not announced: {error}"));
                return false;
            }
        };
        let Some(network) = session.network() else {
            self.detail(format!("not announced: {}", session.problem()));
            return false;
        };
        let (archive, name) = (release.release.archive.digest, release.release.name.clone());
        // Only a node that stays can be a provider; a head outlives the command in the hash table.
        if matches!(network, ggen_net::Network::Running(_))
            && let Err(error) = network.provide(&[archive], &[name]).await
        {
            self.detail(format!("the node could not announce the archive: {error}"));
        }
        let heard = match network.announce(head.bundle.clone(), Some(release.envelope.clone())).await {
            Ok(heard) => heard,
            Err(error) => {
                self.detail(format!("the head could not be announced: {error}"));
                false
            }
        };
        match network.put_head(head.bundle.clone()).await {
            Ok(()) => true,
            Err(error) => {
                self.detail(format!("nobody took the head: {error}"));
                heard || matches!(network, ggen_net::Network::Running(_))
            }
        }
    }
}

fn answer(
    release: Release,
    draft: &Draft,
    announced: bool,
    unchanged: bool,
    output: Option<PathBuf>,
    dry_run: bool,
) -> Published {
    Published {
        name: release.name,
        version: release.version,
        publisher: release.publisher,
        digest: release.archive.digest,
        archive_size: release.archive.size,
        unpacked_size: release.archive.unpacked_size,
        file_count: release.archive.file_count,
        announced,
        unchanged,
        output,
        dry_run,
        warnings: draft.warnings.clone(),
    }
}
