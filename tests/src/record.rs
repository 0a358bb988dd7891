//! What a real program does to its home, call by call: recorded with strace, the data of every write included.
//!
//! Decides nothing. Invariant: a call that changes the home and is not understood here ends the test; nothing that was
//! done is left out silently.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ran::{Ran, Running};

/// One change of a home. Paths are relative to it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are those of the calls")]
pub enum Op {
    Mkdir {
        path: PathBuf,
    },
    /// Opened to be made: new, or cut to nothing with `cut`.
    Make {
        path: PathBuf,
        mode: u32,
        cut: bool,
    },
    /// Without a place: at the end.
    Write {
        path: PathBuf,
        at: Option<u64>,
        bytes: Vec<u8>,
    },
    Resize {
        path: PathBuf,
        length: u64,
    },
    Mode {
        path: PathBuf,
        mode: u32,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
        exchange: bool,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    Sync {
        path: PathBuf,
    },
    SyncAll,
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Write { path, at, bytes } => write!(f, "write {} bytes to {} at {at:?}", bytes.len(), path.display()),
            other => write!(f, "{other:?}"),
        }
    }
}

/// The calls that are recorded; `?` before those that a strace may not know yet.
const CALLS: &str = "trace=execve,open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,\
    fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,fsync,\
    fdatasync,syncfs,sync,copy_file_range,sendfile,splice,chmod,fchmod,fchmodat,?fchmodat2,lseek,dup,dup2,dup3,\
    fcntl,mmap,io_uring_setup";

/// What a new file's mode lacks, as on most machines.
const UMASK: u32 = 0o022;

/// Whether a program can be recorded here: there is a strace, and it may trace.
pub fn may_record() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// Runs a command to its end, and tells what it did beneath `home`.
#[track_caller]
pub fn record(command: &Command, home: &Path, limit: std::time::Duration) -> (Ran, Vec<Op>) {
    let log = tempfile::NamedTempFile::new().expect("a file for the record");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-y", "-xx", "-s", "16777216", "--seccomp-bpf", "-e", "signal=none", "-e", CALLS, "-o"]);
    traced.arg(log.path()).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(key, value),
            None => traced.env_remove(key),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        traced.current_dir(dir);
    }
    let ran = Running::start(traced).ends_within(limit);
    let text = std::fs::read_to_string(log.path()).expect("read the record");
    (ran, Reader::new(home).read(&text))
}

/// Reads a record, line by line.
#[derive(Default)]
struct Reader {
    home: PathBuf,
    ops: Vec<Op>,
    /// By file descriptor: which offset is its.
    offsets: BTreeMap<i64, usize>,
    /// Where each is, shared by all descriptors of one open file; none for those that always write at the end.
    at: Vec<Option<u64>>,
    /// Calls that another thread's came between, by thread.
    begun: BTreeMap<String, String>,
    programs: u32,
}

impl Reader {
    fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), ..Self::default() }
    }

    fn read(mut self, text: &str) -> Vec<Op> {
        for line in text.lines() {
            let Some((thread, call)) = line.split_once(char::is_whitespace) else { continue };
            let call = call.trim_start();
            if let Some(head) = call.strip_suffix("<unfinished ...>") {
                self.begun.insert(thread.to_owned(), head.to_owned());
            } else if let Some(rest) = call.strip_prefix("<... ") {
                let tail = rest.split_once(" resumed>").map(|(_, tail)| tail).unwrap_or_default();
                let head = self.begun.remove(thread).unwrap_or_default();
                self.call(&format!("{head}{tail}"));
            } else {
                self.call(call);
            }
        }
        self.ops
    }

    fn call(&mut self, text: &str) {
        let Some((name, rest)) = text.split_once('(') else { return };
        let Some((arguments, result)) = rest.rsplit_once(") ") else { return };
        let result = result.trim_start().trim_start_matches("= ");
        let number: i64 = result.split(['<', ' ', '(']).next().and_then(|n| n.parse().ok()).unwrap_or(-1);
        if number < 0 {
            return;
        }
        let arguments: Vec<&str> = split(arguments);
        let arg = |index: usize| arguments.get(index).copied().unwrap_or_default().trim();
        match name {
            "execve" => {
                self.programs += 1;
                assert_eq!(self.programs, 1, "a program of the program was recorded too: {text}");
            }
            "open" | "openat" | "creat" => self.open(name, &arguments, number),
            "openat2" | "io_uring_setup" | "truncate" | "fallocate" | "splice" | "writev" | "pwritev" | "pwritev2"
            | "symlink" | "symlinkat" => self.foreign(text),
            "write" => {
                let offset = self.offset(arg(0));
                let at = self.at[offset];
                self.at[offset] = at.map(|at| at + u64::try_from(number).expect("a length"));
                self.write(arg(0), at, arg(1), number);
            }
            "pwrite64" => self.write(arg(0), Some(arg(3).parse().expect("an offset")), arg(1), number),
            "copy_file_range" | "sendfile" => self.foreign(text),
            "ftruncate" => {
                if let Some(path) = self.of(arg(0)) {
                    self.ops.push(Op::Resize { path, length: arg(1).parse().expect("a length") });
                }
            }
            "lseek" => {
                let offset = self.offset(arg(0));
                self.at[offset] = self.at[offset].map(|_| u64::try_from(number).expect("an offset"));
            }
            "dup" | "dup2" | "dup3" => self.shares(arg(0), number),
            "fcntl" if arg(1).starts_with("F_DUPFD") => self.shares(arg(0), number),
            "mmap" => {
                let written = arg(2).contains("PROT_WRITE") && arg(3).contains("MAP_SHARED");
                if written && self.of(arg(4)).is_some() {
                    panic!("a file of the home is written through memory, which no record sees: {text}");
                }
            }
            _ => self.change(name, &arg),
        }
    }

    /// Calls that change names, modes, or what is durable.
    fn change<'a>(&mut self, name: &str, arg: &impl Fn(usize) -> &'a str) {
        let op = match name {
            "fsync" | "fdatasync" => self.of(arg(0)).map(|path| Op::Sync { path }),
            "syncfs" => self.of(arg(0)).map(|_| Op::SyncAll),
            "sync" => Some(Op::SyncAll),
            "mkdir" => self.path(None, arg(0)).map(|path| Op::Mkdir { path }),
            "mkdirat" => self.path(Some(arg(0)), arg(1)).map(|path| Op::Mkdir { path }),
            "unlink" | "rmdir" => self.path(None, arg(0)).map(|path| Op::Remove { path }),
            "unlinkat" => self.path(Some(arg(0)), arg(1)).map(|path| Op::Remove { path }),
            "rename" => self.renamed(self.path(None, arg(0)), self.path(None, arg(1)), ""),
            "renameat" | "renameat2" => {
                self.renamed(self.path(Some(arg(0)), arg(1)), self.path(Some(arg(2)), arg(3)), arg(4))
            }
            "link" => self.linked(self.path(None, arg(0)), self.path(None, arg(1))),
            "linkat" => self.linked(self.path(Some(arg(0)), arg(1)), self.path(Some(arg(2)), arg(3))),
            "fchmod" => self.of(arg(0)).map(|path| Op::Mode { path, mode: octal(arg(1)) }),
            "chmod" => self.path(None, arg(0)).map(|path| Op::Mode { path, mode: octal(arg(1)) }),
            "fchmodat" | "fchmodat2" => {
                self.path(Some(arg(0)), arg(1)).map(|path| Op::Mode { path, mode: octal(arg(2)) })
            }
            _ => None,
        };
        self.ops.extend(op);
    }

    fn renamed(&self, from: Option<PathBuf>, to: Option<PathBuf>, flags: &str) -> Option<Op> {
        match (from, to) {
            (Some(from), Some(to)) => Some(Op::Rename { from, to, exchange: flags.contains("EXCHANGE") }),
            (None, None) => None,
            (from, to) => panic!("a rename over the edge of the home: {from:?} to {to:?}"),
        }
    }

    fn linked(&self, from: Option<PathBuf>, to: Option<PathBuf>) -> Option<Op> {
        let to = to?;
        Some(Op::Link { from: from.unwrap_or_else(|| panic!("a link to what is outside, or has no name: {to:?}")), to })
    }

    fn open(&mut self, name: &str, arguments: &[&str], number: i64) {
        let arg = |index: usize| arguments.get(index).copied().unwrap_or_default().trim();
        let (path, flags, mode) = match name {
            "openat" => (self.path(Some(arg(0)), arg(1)), arg(2), arg(3)),
            "creat" => (self.path(None, arg(0)), "O_CREAT|O_TRUNC|O_WRONLY", arg(1)),
            _ => (self.path(None, arg(0)), arg(1), arg(2)),
        };
        self.offsets.insert(number, self.at.len());
        self.at.push(if flags.contains("O_APPEND") { None } else { Some(0) });
        let Some(path) = path else { return };
        assert!(!flags.contains("O_TMPFILE"), "a file without a name is not understood: {arguments:?}");
        let (made, cut) = (flags.contains("O_CREAT"), flags.contains("O_TRUNC"));
        if made || cut {
            let mode = if made { octal(mode) & !UMASK } else { 0 };
            self.ops.push(Op::Make { path, mode, cut });
        }
    }

    fn write(&mut self, file: &str, at: Option<u64>, text: &str, number: i64) {
        if let Some(path) = self.of(file) {
            let mut bytes = bytes(text);
            bytes.truncate(usize::try_from(number).expect("a length"));
            self.ops.push(Op::Write { path, at, bytes });
        }
    }

    /// A call that is not understood may not be about the home.
    #[track_caller]
    fn foreign(&self, text: &str) {
        let home = hex(&self.home.to_string_lossy());
        assert!(!text.contains(&home), "a call that is not understood changes the home: {text:.300}");
    }

    fn offset(&mut self, file: &str) -> usize {
        let number = descriptor(file);
        if let Some(known) = self.offsets.get(&number) {
            return *known;
        }
        self.offsets.insert(number, self.at.len());
        self.at.push(Some(0));
        self.at.len() - 1
    }

    fn shares(&mut self, file: &str, number: i64) {
        let offset = self.offset(file);
        self.offsets.insert(number, offset);
    }

    /// The path of an open file `N<PATH>` if it is in the home and has one.
    fn of(&self, file: &str) -> Option<PathBuf> {
        let (_, path) = file.split_once('<')?;
        // One that was removed ends in `>(deleted)`.
        let path = path.strip_suffix('>')?;
        self.inside(Path::new(&unescape(path)))
    }

    fn path(&self, beneath: Option<&str>, path: &str) -> Option<PathBuf> {
        let path = PathBuf::from(unescape(path.trim_matches('"')));
        if path.is_absolute() {
            return self.inside(&path);
        }
        let dir = beneath.and_then(|b| b.split_once('<')).map(|(_, dir)| unescape(dir.trim_end_matches('>')));
        self.inside(&PathBuf::from(dir?).join(path))
    }

    fn inside(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.home).ok().filter(|path| !is_shm(path)).map(Path::to_owned)
    }
}

/// SQLite's shared memory: no power cut keeps it, and whoever opens the database first makes it anew.
fn is_shm(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-shm")
}

/// The arguments of a call; with `-xx` no text has a comma or a bracket.
fn split(text: &str) -> Vec<&str> {
    text.split(", ").collect()
}

fn descriptor(file: &str) -> i64 {
    file.split('<').next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("a file descriptor, not {file}"))
}

fn octal(text: &str) -> u32 {
    u32::from_str_radix(text, 8).unwrap_or_else(|_| panic!("a mode, not {text}"))
}

/// The bytes of a text as `-xx` writes it.
fn bytes(text: &str) -> Vec<u8> {
    assert!(!text.ends_with("..."), "a write was longer than what is recorded of it");
    let text = text.trim_matches('"').as_bytes();
    let digit = |b: u8| u8::try_from(char::from(b).to_digit(16).expect("a digit")).expect("below 16");
    text.chunks(4).map(|c| digit(c[2]) * 16 + digit(c[3])).collect()
}

fn unescape(text: &str) -> String {
    if text.starts_with("\\x") { String::from_utf8(bytes(text)).expect("a path in UTF-8") } else { text.to_owned() }
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("\\x{b:02x}")).collect()
}
