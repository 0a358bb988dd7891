//! What the store knows of packages and of trust, as callers ask for it.
//!
//! Decides nothing itself: `db` keeps the rules. Invariant: what must not be forgotten is in `trust.log`, durably, before
//! a call returns that believed it.

use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, SignedHead, Succession};
use ggen_core::name::likely_meant;
use ggen_core::release::SignedRelease;
use ggen_core::root::Publisher;
use ggen_core::{Digest, PackageId, PackageName, PublisherId};
use semver::Version;

use crate::db::column::sql;
use crate::db::{catalog, package, search, trust};
use crate::install::bind_record;
use crate::trust_log::Record;
use crate::{Binding, CatalogPackage, How, SearchHit, Source, Store, StoreError, documents, fsio, layout};

impl Store {
    /// Takes a verified head in. It is believed only if it is [`Succession::Newer`]; after [`Succession::Equivocation`]
    /// the first one stands and both are kept as a proof. Refused: a head under roots that were replaced, and one that
    /// changes the release of a version that is known.
    pub fn accept_head(&self, head: &SignedHead, source: Source, now: u64) -> Result<Succession, StoreError> {
        let own = source == Source::Own;
        let (succession, new_roots) = self.db().write("write a head to", own, |t| {
            let mut records = Vec::new();
            let succession = catalog::accept_head(t, head, &source, now, &mut records)?;
            let new_roots = records.iter().any(|r| matches!(r, Record::Roots { .. }));
            trust::log(t, self.layout(), &records)?;
            Ok((succession, new_roots))
        })?;
        if source.is_kept() {
            // Also where an earlier call was cut off between the database and the file.
            let (registry, id) = (self.layout().registry(), head.head.id());
            if new_roots || !layout::root_file(&registry, id.publisher, head.publisher.root_version).exists() {
                documents::write_roots(&registry, id.publisher, &head.bundle.roots, own)?;
            }
            let late = succession == Succession::Same && !layout::head_file(&registry, id.publisher, &id.name).exists();
            if succession == Succession::Newer || late {
                documents::write_head(&registry, head, own)?;
            }
        }
        Ok(succession)
    }

    /// Takes a publisher's roots in, if they prove it and are not older than those that are known.
    pub fn accept_roots(&self, roots: &[Envelope], now: u64) -> Result<Publisher, StoreError> {
        let publisher = Publisher::from_roots(None, roots)?;
        let new = self.db().write("write roots to", false, |t| {
            let mut records = Vec::new();
            let new = trust::accept_roots(t, &publisher, roots, now, &mut records)?;
            trust::log(t, self.layout(), &records)?;
            Ok(new)
        })?;
        if new {
            documents::write_roots(&self.layout().registry(), publisher.id, roots, true)?;
        }
        Ok(publisher)
    }

    /// The roots of a publisher, first to latest; empty where they are not here.
    pub fn roots(&self, publisher: PublisherId) -> Result<Vec<Envelope>, StoreError> {
        let roots = self.db().read("read roots from", |c| trust::roots(c, publisher))?;
        Ok(roots.map(|(roots, _)| roots).unwrap_or_default())
    }

    /// A publisher, if its roots are here.
    pub fn publisher(&self, publisher: PublisherId) -> Result<Option<Publisher>, StoreError> {
        let roots = self.roots(publisher)?;
        if roots.is_empty() { Ok(None) } else { Ok(Some(Publisher::from_roots(Some(publisher), &roots)?)) }
    }

    /// Takes a verified release in. Another one under a known publisher, name and version is refused.
    pub fn accept_release(&self, release: &SignedRelease, source: Source, now: u64) -> Result<(), StoreError> {
        let (own, kept) = (source == Source::Own, source.is_kept());
        let write = |t: &rusqlite::Transaction<'_>| catalog::accept_release(t, release, kept, now);
        self.db().write("write a release to", own, write)?;
        if kept { documents::write_release(&self.layout().registry(), release, own) } else { Ok(()) }
    }

    /// What is known of a package.
    pub fn package(&self, id: &PackageId) -> Result<Option<CatalogPackage>, StoreError> {
        self.db().read("read a package from", |c| package::package(c, id))
    }

    /// Who has a package of this name, or of one that collides with it.
    pub fn claimants(&self, name: &PackageName) -> Result<Vec<PackageId>, StoreError> {
        self.db().read("read packages from", |c| package::claimants(c, name))
    }

    /// At most `most` names of the catalog that `typed` may have been meant for, the nearest first.
    pub fn likely_meant(&self, typed: &PackageName, most: usize) -> Result<Vec<PackageName>, StoreError> {
        let [alike, others] = self.db().read("read names from", |c| package::names_like(c, typed))?;
        let near = likely_meant(typed, &alike, most);
        Ok(if near.is_empty() { likely_meant(typed, &others, most) } else { near })
    }

    /// The signed release of a version.
    pub fn release(&self, id: &PackageId, version: &Version) -> Result<Option<SignedRelease>, StoreError> {
        self.db().read("read a release from", |c| package::release(c, id, version))
    }

    /// A signed release whose archive this is.
    pub fn release_of_archive(&self, archive: &Digest) -> Result<Option<SignedRelease>, StoreError> {
        self.db().read("read a release from", |c| package::release_of_archive(c, archive))
    }

    /// At most `limit` packages that answer a query, best first. Any text is a query.
    pub fn search(&self, query: &str, limit: usize) -> Result<Vec<SearchHit>, StoreError> {
        self.db().read("search", |c| search::search(c, query, limit))
    }

    /// At most `limit` heads in the order of packages, after `after`: for whoever announces them.
    pub fn heads_page(
        &self,
        after: Option<&PackageId>,
        limit: usize,
    ) -> Result<Vec<(PackageId, HeadBundle)>, StoreError> {
        self.db().read("read heads from", |c| package::heads_page(c, after, limit))
    }

    // --- bindings

    /// Whose a name is here.
    pub fn binding(&self, name: &PackageName) -> Result<Option<Binding>, StoreError> {
        self.db().read("read a binding from", |c| trust::binding(c, name))
    }

    /// All bindings, sorted by name.
    pub fn bindings(&self) -> Result<Vec<Binding>, StoreError> {
        self.db().read("read bindings from", trust::bindings)
    }

    /// Binds a name, also where it is bound to another publisher: whoever calls this has asked the user.
    pub fn bind(&self, name: &PackageName, publisher: PublisherId, how: How, now: u64) -> Result<(), StoreError> {
        let binding = Binding { name: name.clone(), publisher, since: now, how };
        self.db().write("write a binding to", true, |t| {
            let known = trust::binding(t, name).map_err(sql("read"))?;
            if known.is_some_and(|k| k.publisher == publisher && (k.how == how || how != How::User)) {
                return Ok(());
            }
            trust::put_binding(t, &binding)?;
            trust::log(t, self.layout(), &[bind_record(&binding)])
        })
    }

    /// Takes a binding away; says whether there was one.
    pub fn unbind(&self, name: &PackageName) -> Result<bool, StoreError> {
        self.db().write("remove a binding from", true, |t| {
            if trust::binding(t, name).map_err(sql("read"))?.is_none() {
                return Ok(false);
            }
            trust::drop_binding(t, name)?;
            trust::log(t, self.layout(), &[Record::Unbind { name: name.clone(), at: fsio::now() }])?;
            Ok(true)
        })
    }
}
