//! Tar headers: the one form that an entry can have.
//!
//! Decides what 512 bytes say, and refuses each thing that is not in the subset under its own code. Invariant: a header
//! that is accepted equals, byte for byte, the one that [`encode`] makes of what was read from it.

use ggen_core::paths::{ArchivePath, PathError};

use super::ArchiveError;

/// Bytes of a block.
pub(crate) const BLOCK: usize = 512;
/// The most bytes of a file: eleven octal digits.
pub(crate) const MAX_FILE: u64 = 0o77_777_777_777;

/// What a header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) path: ArchivePath,
    pub(crate) kind: EntryKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntryKind {
    Directory,
    File { size: u64, executable: bool },
}

/// The header of an entry; none where the path has no slash at which it could be cut.
pub(crate) fn encode(path: &str, kind: EntryKind) -> Option<[u8; BLOCK]> {
    let (size, mode, flag, path) = match kind {
        EntryKind::Directory => (0, 0o755, b'5', format!("{path}/")),
        EntryKind::File { size, executable } => (size, if executable { 0o755 } else { 0o644 }, b'0', path.to_owned()),
    };
    let (prefix, name) = split(&path)?;
    let mut block = [0; BLOCK];
    put(&mut block, 0, name.as_bytes());
    put(&mut block, 100, format!("{mode:07o}").as_bytes());
    put(&mut block, 108, b"0000000");
    put(&mut block, 116, b"0000000");
    put(&mut block, 124, format!("{size:011o}").as_bytes());
    put(&mut block, 136, b"00000000000");
    put(&mut block, 148, b"        ");
    put(&mut block, 156, &[flag]);
    put(&mut block, 257, b"ustar\x0000");
    put(&mut block, 329, b"0000000");
    put(&mut block, 337, b"0000000");
    put(&mut block, 345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

/// The shortest prefix that leaves a name of at most 100 bytes; a path of at most 100 bytes has none.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    let first = path.len().saturating_sub(101);
    let slash = path.bytes().enumerate().skip(first).find(|(_, b)| *b == b'/').map(|(at, _)| at)?;
    let (prefix, name) = path.split_at_checked(slash)?;
    let name = name.get(1..).filter(|n| !n.is_empty())?;
    (prefix.len() <= 155).then_some((prefix, name))
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    if let Some(place) = block.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// Reads entry `number`, counted from 1.
pub(crate) fn decode(block: &[u8; BLOCK], number: u64) -> Result<Entry, ArchiveError> {
    let wrong = |code, problem| ArchiveError::Header { code, number, problem };
    let field = |at: usize, length: usize| block.get(at..at + length).unwrap_or_default();
    let sum: u32 =
        block.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) }).sum();
    if octal(field(148, 8)) != Some(u64::from(sum)) {
        return Err(wrong("bad-checksum", "its header's checksum is wrong"));
    }
    let flag = block.get(156).copied().unwrap_or_default();
    let shown = String::from_utf8_lossy(text(field(0, 100))).escape_debug().to_string();
    refuse_kind(flag, &shown)?;
    if field(257, 8) != b"ustar\x0000" {
        return Err(wrong("not-ustar", "its header is not of the ustar format"));
    }
    let mode = octal(field(100, 8)).ok_or(wrong("not-canonical", "its mode cannot be read"))?;
    if mode & 0o7000 != 0 {
        return Err(ArchiveError::Kind { code: "setuid", path: shown, kind: "setuid, setgid or sticky" });
    }
    let size = octal(field(124, 12)).ok_or(wrong("bad-size", "its size cannot be read"))?;
    let path = path(field(345, 155), field(0, 100))?;
    let (path, kind) = match (flag, path.strip_suffix('/')) {
        (b'5', Some(directory)) => (ArchivePath::new(directory)?, EntryKind::Directory),
        (b'5', None) => return Err(wrong("not-canonical", "it is a directory without a slash at its end")),
        _ => (ArchivePath::new(&path)?, EntryKind::File { size, executable: mode == 0o755 }),
    };
    if mode != 0o644 && mode != 0o755 {
        return Err(wrong("mode", "its mode is neither 644 nor 755"));
    }
    if encode(path.as_str(), kind).as_ref() != Some(block) {
        return Err(wrong("not-canonical", "its header has another owner, date or form than the one there is"));
    }
    Ok(Entry { path, kind })
}

fn refuse_kind(flag: u8, path: &str) -> Result<(), ArchiveError> {
    let (code, kind) = match flag {
        b'0' | b'5' => return Ok(()),
        b'1' => ("link", "a hard link"),
        b'2' => ("link", "a symbolic link"),
        b'3' => ("device", "a character device"),
        b'4' => ("device", "a block device"),
        b'6' => ("device", "a named pipe"),
        b'7' => ("not-canonical", "a contiguous file"),
        b'x' | b'g' | b'X' => ("pax", "a PAX extension"),
        b'L' | b'K' | b'S' | b'D' | b'M' | b'N' | b'V' => ("gnu", "a GNU extension"),
        0 => ("not-ustar", "an entry of the oldest tar format"),
        _ => ("kind", "of an unknown kind"),
    };
    Err(ArchiveError::Kind { code, path: path.to_owned(), kind })
}

fn path(prefix: &[u8], name: &[u8]) -> Result<String, ArchiveError> {
    let (prefix, name) = (text(prefix), text(name));
    let whole = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
    String::from_utf8(whole).map_err(|e| ArchiveError::PathNotUtf8 { path: escape(e.as_bytes()) })
}

/// Bytes as people can read them.
pub(crate) fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The refusal of a path that ustar cannot hold.
pub(crate) fn too_long(path: &str) -> ArchiveError {
    let problem = "has no slash at which ustar could cut it";
    ArchiveError::Path(PathError { code: "path-too-long", path: path.to_owned(), problem })
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// Reads what older formats write, too, so that they are refused for what they are and not for a number's spaces.
fn octal(field: &[u8]) -> Option<u64> {
    let field = field.trim_ascii_start();
    let digits = field.iter().position(|b| !(b'0'..=b'7').contains(b)).unwrap_or(field.len());
    let (number, rest) = field.split_at_checked(digits)?;
    if number.is_empty() || !rest.iter().all(|b| matches!(b, 0 | b' ')) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(number).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: EntryKind = EntryKind::File { size: 5, executable: false };

    #[test]
    fn what_is_written_is_read() {
        let long = format!("{}/{}/{}", "a".repeat(90), "b".repeat(60), "c".repeat(99));
        for path in ["a", "a/b.txt", long.as_str()] {
            for kind in [FILE, EntryKind::File { size: MAX_FILE, executable: true }, EntryKind::Directory] {
                let entry = decode(&encode(path, kind).unwrap(), 1).unwrap();
                assert_eq!((entry.path.as_str(), entry.kind), (path, kind));
            }
        }
        assert!(encode(&format!("{}/{}", "a/".repeat(60), "b".repeat(101)), FILE).is_none());
    }

    #[test]
    fn any_changed_byte_is_refused() {
        let block = encode("a/b.txt", FILE).unwrap();
        for at in 0..BLOCK {
            let mut other = block;
            other[at] ^= 1;
            assert!(decode(&other, 1).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_headers_are_what_others_read() {
        let long = format!("{}/{}", "a".repeat(90), "b".repeat(60));
        for path in ["a/b.txt", long.as_str()] {
            let block = encode(path, EntryKind::File { size: 5, executable: true }).unwrap();
            let header = tar::Header::from_byte_slice(&block);
            assert_eq!(header.path().unwrap().to_str(), Some(path));
            assert_eq!((header.size().unwrap(), header.mode().unwrap()), (5, 0o755));
            assert!(header.as_ustar().is_some());
            let sum: u32 =
                block.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) }).sum();
            assert_eq!(header.cksum().unwrap(), sum);
        }
    }
}
