//! Reports of what goes wrong on the disk.
//!
//! Decides nothing; see [`super`].

use std::path::Path;

use ggen_core::PackageName;
use ggen_core::dsse::DsseError;
use ggen_core::head::HeadError;
use ggen_core::release::ReleaseError;
use ggen_core::root::RootError;
use ggen_market::{ArchiveError, StoreError};

use super::quote::quoted;
use super::{Code, Report};
use crate::format::{bytes, in_use, span};

pub(super) fn report(error: &StoreError) -> Report {
    match error {
        StoreError::Io { path, .. } => {
            file(Code::File, error, path).hint("are it and its folder yours to read and write?")
        }
        StoreError::DiskFull { path, required, available } => disk_full(path, *required, *available),
        StoreError::ReadOnly { path } => {
            file(Code::ReadOnly, error, path).hint("use another home with --home DIR, or make this one writable")
        }
        StoreError::NotOwned { path, owner, me } => file(Code::NotOwned, error, path)
            .with_json("owner", owner)
            .with_json("user", me)
            .hint("use a home of your own with --home DIR, or run it as the user whose home it is"),
        StoreError::Layout { path, found, known } => file(Code::Layout, error, path)
            .with("found", found)
            .with_json("known", known)
            .hint("use the newer ggen that made this home, or another home with --home DIR"),
        StoreError::Database { .. } => {
            Report::new(Code::Database, error).hint("try again; look at the disk and its room")
        }
        StoreError::DatabaseDamaged { path, .. } => {
            file(Code::DatabaseDamaged, error, path).hint("run the command again: it is rebuilt at the next start")
        }
        StoreError::Document { path, .. } => {
            file(Code::DocumentInvalid, error, path).run("build the index anew", "ggen marketplace update --force")
        }
        StoreError::LockTimeout { what, holder, waited } => {
            Report::new(Code::LockTimeout, format!("{what} is {}", in_use(holder)))
                .with("locked", what)
                .with_json("holder", holder)
                .with_json("waited_ms", waited)
                .line(format!("waited {}", span(*waited)))
                .hint("wait until it is done, then try again; there is nothing to delete, a lock ends with its process")
        }
        StoreError::Stopped => Report::new(Code::Interrupted, error),
        StoreError::Index { path, .. } => {
            file(Code::Index, error, path).run("build it anew from what is proved", "ggen marketplace update --force")
        }
        StoreError::TooLong { path, limit } => file(Code::TooLong, error, path)
            .with_json("limit", limit)
            .hint("if it is right so, raise the limit in config.toml"),
        StoreError::ArchiveMissing { digest } => Report::new(Code::ArchiveMissing, error)
            .with("digest", digest)
            .run("fetch it again", "ggen marketplace verify --repair"),
        StoreError::NotInstalled { name } => not_installed(name),
        _ => refusal(error),
    }
}

pub(super) fn not_installed(name: &PackageName) -> Report {
    Report::new(Code::NotInstalled, format!("{name} is not installed"))
        .with("name", name)
        .run("see what is", "ggen marketplace list")
}

/// What is refused because of signatures, digests, keys or names.
fn refusal(error: &StoreError) -> Report {
    match error {
        StoreError::ReleaseChanged { id, version, known, found } => Report::new(
            Code::ReleaseChanged,
            format!("{} {version} came as another release than the one that is known", id.name),
        )
        .with("package", id)
        .with("version", version)
        .with("known", known)
        .with("found", found)
        .line("the first one stands, the other is refused")
        .hint("ask its publisher: two releases were signed under one number, or somebody else has the key"),
        StoreError::RootRolledBack { publisher, known, found } => Report::new(Code::RootRolledBack, error)
            .with("publisher", publisher)
            .with_json("known", known)
            .with_json("found", found)
            .hint("get a newer release; keys that were replaced are not trusted again"),
        StoreError::Root(root) => signed(Report::new(root_code(root), error)),
        StoreError::Head(head) => signed(Report::new(head_code(head), error)),
        StoreError::Release(release) => signed(Report::new(release_code(release), error)),
        StoreError::Archive(source) => archive(source, None),
        StoreError::Damaged { path, .. } => {
            file(Code::Digest, error, path).run("put back what was signed", "ggen marketplace verify --repair")
        }
        StoreError::ArchiveDamaged { expected, found } => Report::new(Code::Digest, error)
            .with("expected", expected)
            .with("found", found)
            .run("fetch it again", "ggen marketplace verify --repair"),
        StoreError::BoundToOther { name, bound, wanted } => Report::new(Code::NameTaken, error)
            .with("name", name)
            .with("bound", bound)
            .with("wanted", wanted)
            .run("see whom names stand for", "ggen key trust --help"),
        _ => key(error),
    }
}

fn key(error: &StoreError) -> Report {
    match error {
        StoreError::NoKey { alias } => {
            let report = Report::new(Code::NoKey, error).with_json("alias", alias);
            match alias {
                Some(_) => report.run("see which there are", "ggen key list"),
                None => report.run("make one", "ggen key new"),
            }
        }
        StoreError::WhichKey { aliases } => Report::new(Code::WhichKey, error)
            .with_json("aliases", aliases)
            .run("see what each is", "ggen key list")
            .hint("name one of them"),
        StoreError::KeyExists { alias } => Report::new(Code::KeyExists, error)
            .with("alias", alias)
            .run("choose another alias", "ggen key new --alias NAME"),
        StoreError::Alias { text } => Report::new(Code::Alias, error).with("alias", text).hint("choose another alias"),
        StoreError::KeyFile { path, .. } => file(Code::KeyFile, error, path).hint("put it back from a backup"),
        _ => Report::new(Code::Internal, error).hint("please report it, with the output of the same command and -vv"),
    }
}

fn file(code: Code, message: &dyn std::fmt::Display, path: &Path) -> Report {
    Report::new(code, message).with("path", path.display())
}

fn disk_full(path: &Path, required: u64, available: u64) -> Report {
    let report = Report::new(Code::DiskFull, "insufficient disk space")
        .with("path", path.display())
        .with_json("required", required)
        .with_json("available", available);
    let report = match required {
        0 => report,
        _ => report.line(format!("required:  {}", bytes(required))),
    };
    report
        .line(format!("available: {}", bytes(available)))
        .run("remove what can be had again", "ggen marketplace clean")
        .run("see what is installed", "ggen marketplace list")
}

fn signed(report: Report) -> Report {
    report.hint("get it from another source, and tell its publisher")
}

/// The code of a signed envelope that is refused.
pub(super) const fn dsse_code(error: &DsseError) -> Code {
    match error {
        DsseError::Signature { .. } => Code::Signature,
        DsseError::Undecodable(_) | DsseError::TooLarge { .. } | DsseError::PayloadType { .. } => Code::DocumentInvalid,
    }
}

const fn root_code(error: &RootError) -> Code {
    match error {
        RootError::Signature { source, .. } => dsse_code(source),
        RootError::OtherPublisher { .. } => Code::Signature,
        RootError::Count(_) | RootError::Invalid { .. } => Code::DocumentInvalid,
    }
}

const fn head_code(error: &HeadError) -> Code {
    match error {
        HeadError::Root(source) => root_code(source),
        HeadError::Signature(source) => dsse_code(source),
        HeadError::Invalid(_) | HeadError::OtherPackage { .. } => Code::DocumentInvalid,
    }
}

const fn release_code(error: &ReleaseError) -> Code {
    match error {
        ReleaseError::Signature(source) => dsse_code(source),
        ReleaseError::OtherPublisher { .. } => Code::Signature,
        ReleaseError::Invalid(_) => Code::DocumentInvalid,
    }
}

/// An archive, or (where `path` is a folder) what cannot become one.
pub(super) fn archive(error: &ArchiveError, path: Option<&Path>) -> Report {
    let folder = path.is_some_and(Path::is_dir);
    let code = match error {
        ArchiveError::Io { .. } => Code::File,
        ArchiveError::Digest { .. } | ArchiveError::NotSigned { .. } => Code::Digest,
        ArchiveError::GgenFile { .. } => Code::GgenFile,
        _ if folder => Code::CannotPack,
        _ => Code::ArchiveRefused,
    };
    let report = Report::new(code, error).with("reason", error.code());
    match (path, folder) {
        (Some(path), true) => {
            report.with("path", path.display()).hint("take it out of the folder, or name it in .ggenignore")
        }
        (Some(path), false) => report
            .with("path", path.display())
            .run("see all that speaks against it", format!("ggen marketplace inspect {}", quoted(path))),
        (None, _) => report.hint("get it from another source, and tell its publisher"),
    }
}
