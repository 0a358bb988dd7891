//! `publish`: manifest in; canonical archive, signed release and head out; announced if anybody listens.
//!
//! Invariant: one name and version stands for one set of files, for good; the first stands.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ggen_core::PackageId;
use ggen_core::dsse::Envelope;
use ggen_core::head::{Head, HeadVersion, SignedHead};
use ggen_core::hooks::chain::{Combined, Ruling};
use ggen_core::hooks::{Evidence, Item, Job, Origin, Task};
use ggen_core::manifest::{MANIFEST_NAMES, Manifest, ManifestDependency};
use ggen_core::naming::DecidedBy;
use ggen_core::release::{Dependency, Release, SignedRelease};
use ggen_core::resolve::Chosen;
use ggen_policy::PolicyHost;
use ggen_store::{CatalogPackage, How, Packed, PublisherKey, Source, Store, StoreError};

use crate::answers::{Notice, Published};
use crate::contents::{self, Folder};
use crate::error::{Denied, DeniedReason, MarketError};
use crate::facts;
use crate::market::{Market, blocking, now};

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

/// A tree that is packed and described, and not signed yet.
struct Draft {
    folder: PathBuf,
    release: Release,
    packed: Packed,
    key: PublisherKey,
    before: Option<CatalogPackage>,
    warnings: Vec<Notice>,
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
        let warnings = self.sync_index().await?;
        let (store, limits) = (self.store.clone(), self.settings.limits.clone());
        let (path, key) = (request.path.clone(), request.key.clone());
        let aliases = self.publisher_names(&path)?;
        self.step("packing");
        let mut draft = blocking(move || draft(&store, &limits, &path, key.as_deref(), &aliases)).await?;
        draft.warnings.splice(0..0, warnings);
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
        let (draft, release, head) = blocking(move || {
            let (release, head) = sign_and_list(&store, &draft, lifetime)?;
            Ok((draft, release, head))
        })
        .await?;
        let output = self.write_file(&request, &draft, &release, Some(&head)).await?;
        let announced = self.announce(&release, &head).await;
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
        let folder = Folder { root: draft.folder.clone(), files: draft.packed.files.clone() };
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
        let version = ggen_store::CatalogVersion {
            version: release.version.clone(),
            release: Some(SignedRelease {
                release: release.clone(),
                digest: ggen_core::Digest::from_bytes([0; 32]),
                envelope: Envelope { payload_type: String::new(), payload: String::new(), signatures: Vec::new() },
            }),
            release_digest: None,
            archive: Some(release.archive.digest),
            archive_size: Some(release.archive.size),
            dependencies: Some(release.dependencies.clone()),
            yanked: None,
            witnessed: now(),
            unsigned: false,
            in_head: false,
            published: Some(release.published),
        };
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
        let chosen = Chosen {
            id: release.id(),
            version: release.version.clone(),
            direct: true,
            requested_by: Default::default(),
            decided_by: DecidedBy::User,
        };
        Ok(Item {
            release: facts::release(&chosen.id, &version),
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

    /// Tells a running node, or a peer that can be reached. That nobody listens is no failure.
    async fn announce(&self, release: &SignedRelease, head: &SignedHead) -> bool {
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
        match network.put_head(head.bundle.clone()).await {
            Ok(()) => true,
            Err(error) => {
                self.detail(format!("nobody took the head: {error}"));
                matches!(network, ggen_net::Network::Running(_))
            }
        }
    }
}

/// Finds and reads the manifest of a folder.
fn read_manifest(path: &Path, limit: u64) -> Result<(PathBuf, PathBuf, Manifest), MarketError> {
    let named = path.is_file() && path.file_name().is_some_and(|n| MANIFEST_NAMES.iter().any(|m| n == *m));
    let folder = match (named, path.parent()) {
        (true, Some(parent)) if parent.as_os_str().is_empty() => PathBuf::from("."),
        (true, Some(parent)) => parent.to_owned(),
        _ => path.to_owned(),
    };
    let found = match named {
        true => Some(path.to_owned()),
        false => MANIFEST_NAMES.iter().map(|name| folder.join(name)).find(|p| p.is_file()),
    };
    let Some(file) = found else { return Err(MarketError::NoManifest { path: folder }) };
    let text = read_text(&file, limit)?;
    let refused = |source| MarketError::Manifest { path: file.clone(), source: Box::new(source) };
    let manifest = Manifest::parse(&text).map_err(refused)?;
    Ok((folder, file, manifest))
}

/// A bounded read of a text file.
fn read_text(path: &Path, limit: u64) -> Result<String, MarketError> {
    let io = |source| MarketError::Io { path: path.to_owned(), action: "read", source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(io)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(io(std::io::Error::other(format!("it has more than {limit} bytes"))));
    }
    String::from_utf8(bytes).map_err(|_| io(std::io::Error::other("it is not UTF-8 text")))
}

fn draft(
    store: &Store,
    limits: &ggen_core::limits::Limits,
    path: &Path,
    alias: Option<&str>,
    named: &[(String, ggen_core::PublisherId)],
) -> Result<Draft, MarketError> {
    let (folder, _, manifest) = read_manifest(path, limits.max_manifest)?;
    let key = store.key(alias).map_err(|error| match error {
        StoreError::NoKey { alias: None } => MarketError::NoKey,
        other => other.into(),
    })?;
    let id = PackageId { publisher: key.info.publisher, name: manifest.name.clone() };
    if let Some(binding) = store.binding(&id.name)?.filter(|b| b.publisher != id.publisher) {
        return Err(MarketError::NameTaken { name: id.name, bound: binding.publisher });
    }
    let packed = store.pack_here(&folder).map_err(|source| MarketError::Archive { path: folder.clone(), source })?;
    let mut warnings: Vec<Notice> =
        manifest.warnings.iter().map(|w| Notice { code: w.code.to_owned(), message: w.message.clone() }).collect();
    let dependencies = manifest
        .dependencies
        .iter()
        .map(|d| dependency(store, &id, d, named, &mut warnings))
        .collect::<Result<_, MarketError>>()?;
    let release = Release {
        schema: 1,
        name: id.name.clone(),
        version: manifest.version,
        publisher: id.publisher,
        published: now(),
        license: manifest.license,
        claims: manifest.claims,
        dependencies,
        archive: packed.archive.clone(),
    };
    let before = store.package(&id)?;
    Ok(Draft { folder, release, packed, key, before, warnings })
}

/// Whose dependency is meant: by the manifest, the own packages, or the home's binding; nobody's otherwise.
fn dependency(
    store: &Store,
    own: &PackageId,
    declared: &ManifestDependency,
    named: &[(String, ggen_core::PublisherId)],
    warnings: &mut Vec<Notice>,
) -> Result<Dependency, MarketError> {
    let claimants = store.claimants(&declared.name)?;
    let written = declared.publisher.as_ref().and_then(|text| named.iter().find(|(t, _)| t == text)).map(|(_, id)| *id);
    let ours = claimants.iter().any(|id| id.publisher == own.publisher).then_some(own.publisher);
    let publisher = match written.or(ours) {
        Some(publisher) => Some(publisher),
        None => store.binding(&declared.name)?.map(|b| b.publisher),
    };
    if publisher.is_none() {
        let message = match claimants.is_empty() {
            true => format!("the dependency {} is published by nobody that is known here yet", declared.name),
            false => format!(
                "whose {} is meant is not decided: say publisher = \"…\" in the manifest, or ggen key trust {0} PUBLISHER",
                declared.name
            ),
        };
        warnings.push(Notice { code: "dependency-unpublished".to_owned(), message });
    }
    Ok(Dependency {
        publisher,
        name: declared.name.clone(),
        requirement: declared.requirement.clone(),
        optional: declared.optional,
    })
}

/// Signs release and head, and lists both; afterwards the package is published.
fn sign_and_list(store: &Store, draft: &Draft, lifetime: u64) -> Result<(SignedRelease, SignedHead), MarketError> {
    let (key, now) = (&draft.key, now());
    let id = draft.release.id();
    let release = draft.release.sign(&key.secret).map_err(StoreError::Release)?;
    let before = draft.before.as_ref().and_then(|p| p.head.as_ref()).map(|h| &h.head);
    let version = HeadVersion { version: draft.release.version.clone(), release: release.digest, yanked: None };
    let mut head = Head::with_release(before, &id, version, now, lifetime);
    let mark = draft.before.as_ref().and_then(|p| p.mark).map_or(0, |m| m.sequence);
    head.sequence = head.sequence.max(mark.saturating_add(1));
    let head = head.sign(&key.secret, key.roots.clone()).map_err(StoreError::Head)?;
    store.import_archive(draft.packed.file.path(), &draft.release.archive)?;
    store.save_chunk_list(&draft.release.archive.digest, &draft.packed.chunks)?;
    store.accept_release(&release, Source::Own, now)?;
    store.accept_head(&head, Source::Own, now)?;
    store.export_index()?;
    store.bind(&id.name, id.publisher, How::Own, now)?;
    Ok((release, head))
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
