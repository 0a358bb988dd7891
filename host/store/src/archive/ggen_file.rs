//! `.ggen` files: a package that can be carried on a stick.
//!
//! A plain ustar of two files, in this order: `release.dsse`, JSON `{"roots":[…],"release":{…},"head":{…}}` (the head may
//! be missing), and `archive.tar.zst`. Decides whether the signed part proves itself; the archive's bytes are proved
//! when they are copied out.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ggen_core::dsse::Envelope;
use ggen_core::head::{HeadBundle, SignedHead};
use ggen_core::release::SignedRelease;
use ggen_core::root::{MAX_ROOTS, Publisher};
use serde::{Deserialize, Serialize};

use super::ArchiveError;
use super::header::{self, BLOCK, EntryKind};
use super::read::stream_error;
use crate::error::{StoreError, at};
use crate::fsio::{self, BUFFER};

/// The name of the signed part.
pub(crate) const RELEASE_ENTRY: &str = "release.dsse";
/// The name of the archive.
const ARCHIVE_ENTRY: &str = "archive.tar.zst";
/// The longest signed part, in bytes: all roots, a release and a head.
const MAX_SIGNED: u64 = 2 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
struct Signed {
    roots: Vec<Envelope>,
    release: Envelope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<Envelope>,
}

/// A `.ggen` file whose signed part was checked.
#[derive(Debug)]
pub struct GgenFile {
    /// Who published it.
    pub publisher: Publisher,
    /// The roots that prove it, as they came.
    pub roots: Vec<Envelope>,
    /// The release.
    pub release: SignedRelease,
    /// The package's head, if it came along.
    pub head: Option<SignedHead>,
    path: PathBuf,
    archive_at: u64,
    archive_size: u64,
}

impl GgenFile {
    /// The archive's bytes, not yet proved.
    pub fn archive(&self) -> Result<impl Read + use<>, ArchiveError> {
        let mut file = fsio::open_regular(&self.path).map_err(ArchiveError::io("open", &self.path))?;
        file.seek(SeekFrom::Start(self.archive_at)).map_err(ArchiveError::io("read", &self.path))?;
        Ok(file.take(self.archive_size))
    }
}

/// Writes a `.ggen` file, wholly or not at all.
pub fn write_ggen_file(
    out: &Path,
    roots: &[Envelope],
    release: &SignedRelease,
    head: Option<&HeadBundle>,
    archive: &Path,
) -> Result<(), StoreError> {
    let head = head.map(|h| h.head.clone());
    let signed = Signed { roots: roots.to_vec(), release: release.envelope.clone(), head };
    let signed = serde_json::to_vec(&signed).unwrap_or_default();
    let dir = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(fsio::HALF_WRITTEN).tempfile_in(dir).map_err(at("write in", dir))?;
    let size = release.release.archive.size;
    let from = File::open(archive).map_err(at("open", archive))?;
    let mut to = io::BufWriter::with_capacity(BUFFER, file.as_file_mut());
    let written = write_entry(&mut to, RELEASE_ENTRY, &mut signed.as_slice(), signed.len() as u64)
        .and_then(|()| write_entry(&mut to, ARCHIVE_ENTRY, &mut BufReader::new(from.take(size)), size))
        .and_then(|()| to.write_all(&[0; BLOCK * 2]))
        .and_then(|()| to.flush());
    drop(to);
    written.map_err(at("write", out))?;
    fsio::set_mode(file.as_file(), 0o644).map_err(at("write", out))?;
    file.as_file().sync_data().map_err(at("sync", out))?;
    file.persist(out).map_err(|e| StoreError::io("write", out, e.error))?;
    Ok(())
}

fn write_entry(out: &mut impl Write, name: &str, bytes: &mut impl Read, size: u64) -> io::Result<()> {
    let block = header::encode(name, EntryKind::File { size, executable: false });
    out.write_all(&block.ok_or(io::ErrorKind::InvalidInput)?)?;
    if io::copy(bytes, out)? != size {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is shorter than its release says"));
    }
    let padding = usize::try_from(size.next_multiple_of(BLOCK as u64) - size).unwrap_or(0);
    out.write_all([0; BLOCK].get(..padding).unwrap_or_default())
}

/// Reads a `.ggen` file: checks its layout and its signatures, not yet the archive's bytes.
pub fn read_ggen_file(path: &Path) -> Result<GgenFile, ArchiveError> {
    let file = fsio::open_regular(path).map_err(ArchiveError::io("open", path))?;
    let whole = file.metadata().map_err(ArchiveError::io("read", path))?.len();
    let mut reader = BufReader::new(file);
    let size = read_entry(&mut reader, RELEASE_ENTRY, 1)?;
    if size > MAX_SIGNED {
        return Err(layout("its signed part is too long"));
    }
    let padded = size.next_multiple_of(BLOCK as u64);
    let mut signed = vec![0; usize::try_from(padded).unwrap_or(0)];
    reader.read_exact(&mut signed).map_err(stream_error)?;
    signed.truncate(usize::try_from(size).unwrap_or(0));
    let archive_size = read_entry(&mut reader, ARCHIVE_ENTRY, 2)?;
    let block = BLOCK as u64;
    let archive_at = block * 2 + padded;
    if archive_at + archive_size.next_multiple_of(block) + block * 2 != whole {
        return Err(layout("its length is not that of its two parts"));
    }
    let (publisher, roots, release, head) = check_signed(&signed)?;
    if release.release.archive.size != archive_size {
        return Err(layout("its archive has another length than the signed one"));
    }
    Ok(GgenFile { publisher, roots, release, head, path: path.to_owned(), archive_at, archive_size })
}

fn layout(problem: &str) -> ArchiveError {
    ArchiveError::GgenFile { code: "ggen-layout", problem: problem.to_owned() }
}

fn read_entry(reader: &mut impl Read, name: &str, number: u64) -> Result<u64, ArchiveError> {
    let mut block = [0; BLOCK];
    reader.read_exact(&mut block).map_err(stream_error)?;
    let entry = header::decode(&block, number)?;
    match entry.kind {
        EntryKind::File { size, executable: false } if entry.path.as_str() == name => Ok(size),
        _ => Err(layout(&format!("its part {number} is not {name}"))),
    }
}

type Checked = (Publisher, Vec<Envelope>, SignedRelease, Option<SignedHead>);

fn check_signed(bytes: &[u8]) -> Result<Checked, ArchiveError> {
    let refuse = |problem: String| ArchiveError::GgenFile { code: "ggen-release", problem };
    let signed: Signed = serde_json::from_slice(bytes).map_err(|e| refuse(e.to_string()))?;
    if signed.roots.len() > MAX_ROOTS {
        return Err(refuse("it has too many roots".to_owned()));
    }
    let publisher = Publisher::from_roots(None, &signed.roots).map_err(|e| refuse(e.to_string()))?;
    let head = match signed.head {
        Some(head) => {
            let bundle = HeadBundle { roots: signed.roots.clone(), head };
            Some(SignedHead::verify(bundle, None).map_err(|e| refuse(e.to_string()))?)
        }
        None => None,
    };
    let release = match (SignedRelease::verify(signed.release.clone(), &publisher), &head) {
        (Ok(release), _) => release,
        (Err(_), Some(head)) => {
            SignedRelease::verify_listed(signed.release, &publisher, &head.head).map_err(|e| refuse(e.to_string()))?
        }
        (Err(e), None) => return Err(refuse(e.to_string())),
    };
    if head.as_ref().is_some_and(|h| h.head.id() != release.release.id()) {
        return Err(refuse("its head is another package's".to_owned()));
    }
    Ok((publisher, signed.roots, release, head))
}
