//! The policy `no-executables`: packages bring text and data, no programs and no scripts.
//!
//! It looks at each file's mode and first bytes; it looks into no archive and runs nothing. It only objects. Invariant: a
//! file is let through by its path alone where the operator lists it, never by its name's ending otherwise.

use ggen_plugin_sdk::prelude::*;

settings! {
    /// Denies releases with programs, libraries, WebAssembly or scripts among their files, or with executable bits set.
    pub struct NoExecutables {
        /// Files that may be there all the same: paths, where a `*` at the beginning or at the end stands for anything.
        allow: Vec<String> = vec![],
        /// Whether scripts (files that begin with `#!`) count.
        scripts: bool = true,
        /// Whether an executable bit counts, whatever the file holds.
        executable_bits: bool = true,
        /// Packages that may bring anything, by name; a trailing `*` stands for any ending.
        exempt_names: Vec<String> = vec![],
    }
}

/// Bytes that are looked at of each file.
const LOOKED_AT: u64 = 64;
/// Files that are named; how many more there are is told.
const NAMED: usize = 15;

/// How programs begin, and what they are.
const PROGRAMS: [(&[u8], &str); 11] = [
    (b"\x7fELF", "a program or library for Linux and the like (ELF)"),
    (b"\xfe\xed\xfa\xce", "a program or library for macOS (Mach-O)"),
    (b"\xfe\xed\xfa\xcf", "a program or library for macOS (Mach-O)"),
    (b"\xce\xfa\xed\xfe", "a program or library for macOS (Mach-O)"),
    (b"\xcf\xfa\xed\xfe", "a program or library for macOS (Mach-O)"),
    (b"\xca\xfe\xba\xbe", "a program for macOS (Mach-O) or for Java"),
    (b"\xca\xfe\xba\xbf", "a program or library for macOS (Mach-O)"),
    (b"\xbe\xba\xfe\xca", "a program or library for macOS (Mach-O)"),
    (b"\0asm", "WebAssembly"),
    (b"dex\n", "a program for Android"),
    (b"BC\xc0\xde", "LLVM bitcode"),
];
/// The shortest that a program for Windows can be: its header.
const DOS_HEADER: usize = 64;

/// What a file is by its first bytes; none where it is no program.
fn program(beginning: &[u8]) -> Option<&'static str> {
    if beginning.starts_with(b"MZ") && beginning.len() >= DOS_HEADER {
        return Some("a program or library for Windows (PE)");
    }
    PROGRAMS.iter().find(|(magic, _)| beginning.starts_with(magic)).map(|(_, what)| *what)
}

/// Whether a path is meant: the path itself, or with a `*` at its beginning or end.
fn matches(pattern: &str, path: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(_), Some(_)) => path.contains(pattern.trim_matches('*')),
        (Some(ending), None) => path.ends_with(ending),
        (None, Some(beginning)) => path.starts_with(beginning),
        (None, None) => path == pattern,
    }
}

impl NoExecutables {
    fn objection(&self, file: &File, number: u32, archive: &dyn Archive) -> Option<Reason> {
        if self.allow.iter().any(|pattern| matches(pattern, &file.path)) {
            return None;
        }
        let beginning = archive.read_up_to(number, LOOKED_AT);
        let (code, what) = if let Some(what) = program(&beginning) {
            ("program", what)
        } else if self.scripts && beginning.starts_with(b"#!") {
            ("script", "a script")
        } else if self.executable_bits && file.executable {
            ("executable-bit", "marked as executable")
        } else {
            return None;
        };
        let hint = "ask its publisher for a release without it, or whoever keeps this machine's policy to allow it";
        Some(Reason::new(code, format!("{} is {what}", file.path)).hint(hint))
    }
}

impl Verification for NoExecutables {
    fn review(&self, _: &Job, _: &Item) -> Verdict {
        Verdict::Abstain
    }
}

impl ContentsVerification for NoExecutables {
    fn review_contents(&self, _: &Job, item: &Item, archive: &dyn Archive) -> Verdict {
        if names::on_list(&self.exempt_names, &item.release.name) {
            return Verdict::Abstain;
        }
        let (mut reasons, mut more) = (Vec::new(), 0u32);
        for (file, number) in archive.all_files().iter().zip(0..) {
            match self.objection(file, number, archive) {
                Some(reason) if reasons.len() < NAMED => reasons.push(reason),
                Some(_) => more = more.saturating_add(1),
                None => {}
            }
        }
        if more > 0 {
            reasons.push(Reason::new("more", format!("and {more} more like these")));
        }
        Verdict::strictest(reasons, vec![], vec![]).or_abstain()
    }
}

export!(NoExecutables: ContentsVerification);

#[cfg(test)]
mod tests {
    use super::*;
    use ggen_plugin_sdk::testing::{MemoryArchive, configured, item, job};

    fn verdict(settings: &str, archive: MemoryArchive) -> Verdict {
        let policy = configured::<NoExecutables>(settings).unwrap();
        policy.review_contents(&job(), &item("web-framework", "2.1.0"), &archive)
    }

    fn only(path: &str, bytes: &[u8]) -> MemoryArchive {
        MemoryArchive::new().with(path, bytes)
    }

    #[test]
    fn text_and_data_are_no_objection_and_no_opinion() {
        let archive = MemoryArchive::new()
            .with("README.md", "# web")
            .with("a.png", b"\x89PNG\r\n".as_slice())
            .with("empty", "")
            .with("short", b"MZ".as_slice())
            .with("notes.txt", "ELF, MZ and #! are how programs begin");
        assert_eq!(verdict("{}", archive), Verdict::Abstain);
        let policy = NoExecutables::default();
        assert_eq!(policy.review(&job(), &item("a", "1.0.0")), Verdict::Abstain, "the plan is not its business");
    }

    #[test]
    fn programs_are_known_by_their_first_bytes_whatever_they_are_called() {
        for (magic, what) in PROGRAMS {
            let denied = verdict("{}", only("logo.png", &[magic, b"rest"].concat()));
            assert!(matches!(denied, Verdict::Deny(_)), "{what}");
            assert_eq!(denied.codes(), ["program"]);
            assert_eq!(denied.reasons()[0].message, format!("logo.png is {what}"));
        }
        let mut windows = b"MZ".to_vec();
        windows.resize(DOS_HEADER, 0);
        assert_eq!(verdict("{}", only("a", &windows)).codes(), ["program"]);
        windows.pop();
        assert_eq!(verdict("{}", only("a", &windows)), Verdict::Abstain);
    }

    #[test]
    fn scripts_and_executable_bits_count_as_the_operator_says() {
        let script = || only("run", b"#!/bin/sh\n");
        assert_eq!(verdict("{}", script()).codes(), ["script"]);
        assert_eq!(verdict(r#"{"scripts":false}"#, script()), Verdict::Abstain);
        let marked = || only("data.csv", b"a,b").executable("data.csv");
        assert_eq!(verdict("{}", marked()).codes(), ["executable-bit"]);
        assert_eq!(verdict(r#"{"executable_bits":false}"#, marked()), Verdict::Abstain);
        assert_eq!(verdict(r#"{"scripts":false}"#, script().executable("run")).codes(), ["executable-bit"]);
    }

    #[test]
    fn paths_are_allowed_by_beginning_ending_and_part() {
        for (pattern, path, meant) in [
            ("bin/run", "bin/run", true),
            ("bin/run", "bin/run2", false),
            ("bin/*", "bin/deep/run", true),
            ("bin/*", "sbin/run", false),
            ("*.sh", "bin/run.sh", true),
            ("*.sh", "run.sh.txt", false),
            ("*/hooks/*", "a/hooks/b", true),
            ("*/hooks/*", "hooks/b", false),
            ("*", "anything", true),
        ] {
            assert_eq!(matches(pattern, path), meant, "{pattern} {path}");
        }
        let archive = MemoryArchive::new().with("bin/a", b"\x7fELF".as_slice()).with("lib/a", b"\x7fELF".as_slice());
        let denied = verdict(r#"{"allow":["bin/*"]}"#, archive);
        assert_eq!(denied.reasons().len(), 1);
        assert!(denied.reasons()[0].message.starts_with("lib/a is"));
    }

    #[test]
    fn of_many_files_some_are_named_and_the_rest_counted() {
        let archive = (0..40).fold(MemoryArchive::new(), |all, n| all.with(&format!("{n:02}"), "#!"));
        let denied = verdict("{}", archive);
        assert_eq!(denied.reasons().len(), 16);
        assert_eq!(denied.reasons()[15].message, "and 25 more like these");
    }

    #[test]
    fn packages_are_exempt_where_listed_and_a_mistyped_setting_is_refused() {
        assert_eq!(verdict(r#"{"exempt_names":["web-*"]}"#, only("a", b"\x7fELF")), Verdict::Abstain);
        assert_eq!(configured::<NoExecutables>(r#"{"script":false}"#).unwrap_err()[0].path, "/script");
    }
}
