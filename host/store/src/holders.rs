//! Who holds a lock: by what the holder wrote down, checked against the kernel's own list.
//!
//! Decides whom to name; never who gets a lock. Invariant: a process that the kernel says does not hold the lock is not
//! named. Where there is no such list (`/proc/locks`), what was written down is believed.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{major, minor};
use serde::{Deserialize, Serialize};

/// The longest list of locks that is read, in bytes.
const MAX_LIST: u64 = 16 * 1024 * 1024;
/// How often the list is read until it names a holder.
const MAX_READS: usize = 8;
/// The longest command line that is told, in characters.
const MAX_COMMAND: usize = 200;
/// Ticks a second, as Linux tells start times to every program.
const TICKS: u64 = 100;

/// Who holds a lock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LockHolder {
    /// Its process; 0 where it is not known.
    pub pid: u32,
    /// Its command.
    pub command: String,
    /// Since when, in milliseconds since the Unix epoch; 0 where it is not known.
    pub since: u64,
    /// What it holds: a package's name, or the clean-up lock.
    pub what: String,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            0 => f.write_str("another process"),
            pid => write!(f, "process {pid} ({})", self.command),
        }
    }
}

/// Who holds the lock on `file`, for whoever waits for `what`. `signed` is what the file itself says.
pub(crate) fn holder(file: &File, what: &str, signed: Option<LockHolder>) -> LockHolder {
    let unknown = LockHolder { pid: 0, command: String::new(), since: 0, what: what.to_owned() };
    let Some(pids) = kernel_holders(file) else { return signed.unwrap_or(unknown) };
    match (signed, pids.first()) {
        (Some(signed), _) if pids.contains(&signed.pid) => signed,
        (_, Some(pid)) => LockHolder { pid: *pid, command: command_of(*pid), since: begun(*pid), ..unknown },
        (_, None) => unknown,
    }
}

/// What an exclusive holder wrote into the lock's file.
pub(crate) fn signed(file: &File) -> Option<LockHolder> {
    let (mut file, mut text) = (file, String::new());
    file.rewind().ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// This process's command.
pub(crate) fn my_command() -> String {
    shown(std::env::args_os().take(8).map(|a| a.to_string_lossy().into_owned()))
}

fn shown(words: impl Iterator<Item = String>) -> String {
    let escaped = words.map(|w| w.escape_debug().to_string()).collect::<Vec<_>>();
    escaped.join(" ").chars().take(MAX_COMMAND).collect()
}

/// The processes that hold a `flock` on this file; none where the kernel does not tell.
///
/// The kernel hands the list out a page at a time and finds its place again by counting, so a lock is left out where
/// others that stood before it are let go meanwhile: a list that names nobody is read again.
fn kernel_holders(file: &File) -> Option<Vec<u32>> {
    let about = file.metadata().ok()?;
    let place = format!("{:02x}:{:02x}:{}", major(about.dev()), minor(about.dev()), about.ino());
    named(&place, || {
        let mut list = String::new();
        File::open("/proc/locks").ok()?.take(MAX_LIST).read_to_string(&mut list).ok()?;
        Some(list)
    })
}

/// The holders that the first list which names any names.
fn named(place: &str, mut read: impl FnMut() -> Option<String>) -> Option<Vec<u32>> {
    let mut pids = Vec::new();
    for _ in 0..MAX_READS {
        pids.extend(read()?.lines().filter_map(|line| held(line, place)));
        if !pids.is_empty() {
            break;
        }
    }
    Some(pids)
}

/// The process of a line like `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`, if it is about this place. One that
/// waits has an arrow.
fn held(line: &str, place: &str) -> Option<u32> {
    let mut words = line.split_whitespace().skip(1);
    let (kind, pid, at) = (words.next()?, words.nth(2)?, words.next()?);
    if kind == "FLOCK" && at == place { pid.parse().ok().filter(|pid| *pid != 0) } else { None }
}

fn command_of(pid: u32) -> String {
    let mut text = Vec::new();
    let read = File::open(format!("/proc/{pid}/cmdline")).and_then(|f| f.take(4096).read_to_end(&mut text));
    if read.is_err() {
        return String::new();
    }
    let words = text.split(|b| *b == 0).filter(|w| !w.is_empty()).take(8);
    shown(words.map(|w| String::from_utf8_lossy(w).into_owned()))
}

/// When a process began, in milliseconds since the Unix epoch; 0 where that is not told. It had no lock before.
fn begun(pid: u32) -> u64 {
    let read = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may have anything in it.
        let ticks: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
        let boot = std::fs::read_to_string("/proc/stat").ok()?;
        let boot: u64 = boot.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(boot.saturating_mul(1000).saturating_add(ticks.saturating_mul(1000 / TICKS)))
    };
    read().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_better_than_what_was_written_down() {
        let file = tempfile::tempfile().unwrap();
        let liar = LockHolder { pid: 1, command: "liar".into(), since: 7, what: "x".into() };
        if kernel_holders(&file).is_none() {
            eprintln!("SKIPPED: there is no /proc/locks here");
            return;
        }
        assert_eq!(holder(&file, "x", Some(liar.clone())).pid, 0, "nobody holds it");
        file.lock_shared().unwrap();
        let found = holder(&file, "x", Some(liar));
        assert_eq!((found.pid, found.what.as_str()), (std::process::id(), "x"));
        assert!(found.command.contains(&my_command().split(' ').next().unwrap()[..8]), "{found:?}");
        let now = crate::fsio::now();
        assert!(found.since > 0 && found.since <= now && now - found.since < 24 * 3_600_000, "{found:?}");
    }

    #[test]
    fn a_list_that_leaves_the_holder_out_is_read_again() {
        let whole = "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF\n2: POSIX  ADVISORY  WRITE 1 fe:00:9 0 EOF\n";
        let without = "2: POSIX  ADVISORY  WRITE 1 fe:00:9 0 EOF\n";
        let mut lists = [without, without, whole, without].into_iter();
        assert_eq!(named("fe:00:1234", || lists.next().map(str::to_owned)), Some(vec![4711]));
        let mut reads = 0;
        let nobody = named("fe:00:1234", || {
            reads += 1;
            Some(without.to_owned())
        });
        assert_eq!((nobody, reads), (Some(Vec::new()), MAX_READS));
        assert_eq!(named("fe:00:1234", || None), None, "there is no list");
    }

    #[test]
    fn lines_of_others_are_passed_over() {
        let place = "fe:00:1234";
        assert_eq!(held("1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF", place), Some(4711));
        for other in [
            "1: FLOCK  ADVISORY  WRITE 4711 fe:00:9999 0 EOF",
            "2: POSIX  ADVISORY  WRITE 4711 fe:00:1234 0 EOF",
            "1: -> FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF",
            "1: FLOCK",
            "",
        ] {
            assert_eq!(held(other, place), None, "{other}");
        }
    }
}
