//! Writing files beneath one directory, through handles only.
//!
//! Never follows a link and never opens a path of more than one component. Invariant: what is created is beneath the
//! directory that was opened, whatever happens to names outside meanwhile.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ggen_core::files::FileEntry;
use ggen_core::paths::ArchivePath;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::ArchiveError;
use super::direct::{Direct, Writer};
use super::read::Sink;

/// A directory that gets files. Directories on the way to the latest one are kept open: entries come sorted.
pub(crate) struct Beneath {
    root: OwnedFd,
    shown: PathBuf,
    open: Vec<(String, OwnedFd)>,
    file: Option<Growing>,
    writer: Option<Writer>,
}

/// A file that is being written.
enum Growing {
    Small(File),
    Large(Direct),
}

/// Files from this size on do not go through the page cache.
const LARGE: u64 = 1024 * 1024;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Beneath {
    /// Beneath `into`, which must be a directory and no link to one.
    pub(crate) fn open(into: &Path) -> Result<Self, ArchiveError> {
        let root =
            rustix::fs::open(into, DIRECTORY, Mode::empty()).map_err(|e| ArchiveError::io("open", into)(e.into()))?;
        Ok(Self { root, shown: into.to_owned(), open: Vec::new(), file: None, writer: None })
    }

    /// The handle of the directory with these components, created where it is missing.
    fn enter(&mut self, components: &[&str]) -> Result<&OwnedFd, ArchiveError> {
        let common = self.open.iter().zip(components).take_while(|((name, _), part)| name == *part).count();
        self.open.truncate(common);
        for part in components.iter().skip(common) {
            let parent = self.open.last().map_or(&self.root, |(_, handle)| handle);
            let failed = |e: Errno| ArchiveError::io("create", &self.shown.join(components.join("/")))(e.into());
            match rustix::fs::mkdirat(parent, *part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(failed(e)),
            }
            let handle = rustix::fs::openat(parent, *part, DIRECTORY, Mode::empty()).map_err(failed)?;
            self.open.push(((*part).to_owned(), handle));
        }
        Ok(self.open.last().map_or(&self.root, |(_, handle)| handle))
    }

    fn begin_large(&mut self, file: File) -> Result<Direct, ArchiveError> {
        let begun = match &mut self.writer {
            Some(writer) => writer.begin(file),
            none => Writer::start().and_then(|writer| none.insert(writer).begin(file)),
        };
        begun.map_err(ArchiveError::io("write in", &self.shown))
    }

    /// Waits until everything is written.
    pub(crate) fn finish(mut self) -> Result<(), ArchiveError> {
        match self.writer.take() {
            Some(writer) => writer.finish().map_err(ArchiveError::io("write in", &self.shown)),
            None => Ok(()),
        }
    }
}

impl Sink for Beneath {
    fn directory(&mut self, path: &ArchivePath) -> Result<(), ArchiveError> {
        let components: Vec<&str> = path.as_str().split('/').collect();
        self.enter(&components).map(|_| ())
    }

    fn begin(&mut self, path: &ArchivePath, size: u64, executable: bool) -> Result<(), ArchiveError> {
        let mut components: Vec<&str> = path.as_str().split('/').collect();
        let name = components.pop().unwrap_or_default();
        let parent = self.enter(&components)?;
        let mode = Mode::from_raw_mode(if executable { 0o755 } else { 0o644 });
        let created = rustix::fs::openat(parent, name, FILE, mode);
        let file = created.map_err(|e| ArchiveError::io("create", &self.shown.join(path.as_str()))(e.into()))?;
        let file = File::from(file);
        self.file = Some(if size < LARGE { Growing::Small(file) } else { Growing::Large(self.begin_large(file)?) });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let written = match (&mut self.file, &mut self.writer) {
            (Some(Growing::Small(file)), _) => file.write_all(bytes),
            (Some(Growing::Large(file)), Some(writer)) => writer.write(file, bytes),
            _ => Ok(()),
        };
        written.map_err(ArchiveError::io("write in", &self.shown))
    }

    fn end(&mut self, _file: &FileEntry) -> Result<(), ArchiveError> {
        match (self.file.take(), &mut self.writer) {
            (Some(Growing::Large(file)), Some(writer)) => {
                writer.end(file).map_err(ArchiveError::io("write in", &self.shown))
            }
            _ => Ok(()),
        }
    }
}
