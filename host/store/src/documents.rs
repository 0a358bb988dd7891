//! Signed documents in a registry's directory.
//!
//! `roots/<publisher>/<n>.dsse`, `heads/<publisher>/<name>.dsse` (a bundle), `releases/<publisher>/<name>/<version>.dsse`.
//! Decides whether what is in a file proves itself; never what is believed of it. Invariant: nothing leaves this module
//! that core did not verify.

use std::path::Path;

use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, MAX_HEAD_BUNDLE, SignedHead};
use ggen_core::release::{MAX_RELEASE, SignedRelease};
use ggen_core::root::{MAX_ROOT, MAX_ROOTS, Publisher};
use ggen_core::{PackageName, PublisherId};

use crate::error::StoreError;
use crate::fsio;
use crate::layout::{head_file, release_file, root_file};

fn put(path: &Path, bytes: &[u8], durable: bool) -> Result<(), StoreError> {
    if let Some(dir) = path.parent() {
        if durable { fsio::make_dir_durably(dir)? } else { fsio::make_dir(dir)? }
    }
    fsio::write_whole(path, bytes, 0o644, durable)
}

pub(crate) fn write_roots(
    registry: &Path,
    publisher: PublisherId,
    roots: &[Envelope],
    durable: bool,
) -> Result<(), StoreError> {
    for (envelope, version) in roots.iter().zip(1u64..) {
        put(&root_file(registry, publisher, version), &envelope.to_json(), durable)?;
    }
    Ok(())
}

pub(crate) fn write_head(registry: &Path, head: &SignedHead, durable: bool) -> Result<(), StoreError> {
    let id = head.head.id();
    put(&head_file(registry, id.publisher, &id.name), &head.bundle.to_json(), durable)
}

pub(crate) fn write_release(registry: &Path, release: &SignedRelease, durable: bool) -> Result<(), StoreError> {
    let r = &release.release;
    put(&release_file(registry, r.publisher, &r.name, &r.version), &release.envelope.to_json(), durable)
}

/// The roots of a publisher, as far as there are files.
pub(crate) fn read_roots(registry: &Path, publisher: PublisherId) -> Result<Vec<Envelope>, StoreError> {
    let mut roots = Vec::new();
    for version in (1u64..).take(MAX_ROOTS) {
        let path = root_file(registry, publisher, version);
        let Some(bytes) = fsio::read_bounded(&path, MAX_ROOT as u64)? else { break };
        roots.push(Envelope::from_json(&bytes, MAX_ROOT).map_err(|source| StoreError::Document { path, source })?);
    }
    Ok(roots)
}

/// A publisher whose roots in this registry prove it; none where there are no files.
pub(crate) fn read_publisher(
    registry: &Path,
    publisher: PublisherId,
) -> Result<Option<(Publisher, Vec<Envelope>)>, StoreError> {
    let roots = read_roots(registry, publisher)?;
    if roots.is_empty() {
        return Ok(None);
    }
    Ok(Some((Publisher::from_roots(Some(publisher), &roots)?, roots)))
}

pub(crate) fn read_head(
    registry: &Path,
    publisher: PublisherId,
    name: &PackageName,
) -> Result<Option<SignedHead>, StoreError> {
    let path = head_file(registry, publisher, name);
    let Some(bytes) = fsio::read_bounded(&path, MAX_HEAD_BUNDLE as u64)? else { return Ok(None) };
    let expected = ggen_core::PackageId { publisher, name: name.clone() };
    Ok(Some(SignedHead::verify(HeadBundle::from_json(&bytes)?, Some(&expected))?))
}

/// The release in the file at `path`, by `publisher`, or by one of its revoked keys if `head` lists it.
pub(crate) fn read_release(
    path: &Path,
    publisher: &Publisher,
    head: Option<&SignedHead>,
) -> Result<Option<SignedRelease>, StoreError> {
    let Some(bytes) = fsio::read_bounded(path, MAX_RELEASE as u64)? else { return Ok(None) };
    let envelope = Envelope::from_json(&bytes, MAX_RELEASE)
        .map_err(|source| StoreError::Document { path: path.to_owned(), source })?;
    match (SignedRelease::verify(envelope.clone(), publisher), head) {
        (Ok(release), _) => Ok(Some(release)),
        (Err(_), Some(head)) => Ok(Some(SignedRelease::verify_listed(envelope, publisher, &head.head)?)),
        (Err(e), None) => Err(e.into()),
    }
}
