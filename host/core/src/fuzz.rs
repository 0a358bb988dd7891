//! What fuzzing does with each reader of this crate: hand it bytes, and hold what it accepts to its own promises.
//!
//! The targets in `tests/fuzz/` and the bounded runs in the tests call the same functions. Decides nothing; built for tests
//! alone. Invariant: a function panics only where a reader is wrong.

use crate::dsse::Envelope;
use crate::head::{HeadBundle, SignedHead};
use crate::lockfile::Lockfile;
use crate::manifest::Manifest;
use crate::paths::ArchivePath;
use crate::release::SignedRelease;
use crate::root::Publisher;
use crate::search::Query;

/// A reader under test.
pub type Target = fn(&[u8]);

/// Every target of this crate, by the name that it has in `tests/fuzz/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("dsse", dsse),
    ("head", head),
    ("release", release),
    ("lockfile", lockfile),
    ("manifest", manifest),
    ("path", path),
    ("query", query),
];

/// An envelope, and root documents.
pub fn dsse(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::from_json(bytes, 1 << 20) {
        let again = Envelope::from_json(&envelope.to_json(), 2 << 20);
        assert_eq!(again.ok().as_ref(), Some(&envelope), "an envelope is read as it is written");
        let _ = envelope.payload_bytes();
        let _ = Publisher::from_roots(None, &[envelope]);
    }
}

/// A head with its roots.
pub fn head(bytes: &[u8]) {
    if let Ok(bundle) = HeadBundle::from_json(bytes)
        && let Ok(head) = SignedHead::verify(bundle, None)
    {
        let id = head.head.id();
        assert!(SignedHead::verify(head.bundle, Some(&id)).is_ok(), "what was verified is verified again");
    }
}

/// Roots and a release, one envelope a line.
pub fn release(bytes: &[u8]) {
    let mut envelopes = bytes.split(|b| *b == b'\n').take(8).filter_map(|line| Envelope::from_json(line, 1 << 20).ok());
    let Some(release) = envelopes.next() else { return };
    let roots: Vec<Envelope> = envelopes.collect();
    if let Ok(publisher) = Publisher::from_roots(None, &roots)
        && let Ok(signed) = SignedRelease::verify(release, &publisher)
    {
        assert_eq!(signed.release.publisher, publisher.id, "a release is its publisher's");
    }
}

/// `ggen.lock`.
pub fn lockfile(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(lockfile) = Lockfile::parse(text)
    {
        let written = lockfile.to_text();
        let again = Lockfile::parse(&written).map(|again| again.to_text());
        assert_eq!(again.as_deref(), Ok(written.as_str()), "a lockfile is read as it is written");
    }
}

/// `package.toml`.
pub fn manifest(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        match Manifest::parse(text) {
            Ok(manifest) => assert!(manifest.dependencies.len() <= crate::release::MAX_DEPENDENCIES),
            Err(error) => assert!(!error.hint.is_empty(), "what is refused has a hint: {error}"),
        }
    }
}

/// A path of an archive.
pub fn path(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(path) = ArchivePath::new(text)
    {
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        assert!(path.as_str() == text && text.split('/').all(plain) && !text.contains(['\\', '\0', ':']), "{text:?}");
    }
}

/// A user's words.
pub fn query(bytes: &[u8]) {
    let query = Query::new(&String::from_utf8_lossy(bytes));
    assert!(query.words.iter().all(|word| word.chars().all(char::is_alphanumeric)));
}

/// Bytes like the seeds, and a little different: the same for the same number.
#[derive(Debug, Clone)]
pub struct Mutations {
    state: u64,
    seeds: Vec<Vec<u8>>,
    longest: usize,
}

impl Mutations {
    /// Of these seeds, no longer than `longest`.
    pub fn new(number: u64, seeds: Vec<Vec<u8>>, longest: usize) -> Self {
        Self { state: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, seeds, longest }
    }

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 16).unwrap_or(0) % bound.max(1)
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        self.seeds.get(at).cloned().unwrap_or_default()
    }

    /// The next bytes.
    pub fn next_bytes(&mut self) -> Vec<u8> {
        let mut bytes = self.seed();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        bytes.truncate(self.longest);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (from, to) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        match self.below(8) {
            0 => {
                let bit = 1 << self.below(8);
                bytes.get_mut(from).into_iter().for_each(|byte| *byte ^= bit);
            }
            1 => {
                let telling = b"\0\x01\x7f\xff/.\\\"{}[]0179-+eE \n";
                let byte = telling.get(self.below(telling.len())).copied().unwrap_or_default();
                bytes.get_mut(from).into_iter().for_each(|place| *place = byte);
            }
            2 => bytes.truncate(to.max(1)),
            3 => drop(bytes.drain(from..to)),
            4 => {
                let part = bytes.get(from..to).unwrap_or_default().to_vec();
                let at = self.below(bytes.len() + 1);
                drop(bytes.splice(at..at, part));
            }
            5 => {
                // Where two seeds meet is where readers are wrong.
                let other = self.seed();
                let rest = other.get(self.below(other.len() + 1)..).unwrap_or_default();
                bytes.truncate(from);
                bytes.extend_from_slice(rest);
            }
            6 => {
                let number = [u64::MAX, 1 << 63, 1 << 32, 0, 255, 0o77_777_777_777].get(self.below(6)).copied();
                drop(bytes.splice(from..from, number.unwrap_or_default().to_string().into_bytes()));
            }
            _ => {
                let count = self.below(64);
                let byte = bytes.get(from).copied().unwrap_or_default();
                drop(bytes.splice(from..from, std::iter::repeat_n(byte, count)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use crate::dsse::SecretKey;
    use crate::head::{Head, HeadVersion};
    use crate::release::{Archive, Release};

    fn signed() -> (Vec<Envelope>, SignedRelease, SignedHead) {
        let key = SecretKey::from_seed(&[3; 32]);
        let (publisher, root) = Publisher::create(&key, 7);
        let digest = Digest::of(b"bytes");
        let release = Release {
            schema: 1,
            name: "fuzzed".parse().unwrap(),
            version: "1.2.3".parse().unwrap(),
            publisher,
            published: 7,
            license: Some("MIT".into()),
            claims: vec![("description".into(), "a thing".into()), ("keyword".into(), "x".into())],
            dependencies: vec![],
            archive: Archive { digest, size: 5, chunks: digest, files: digest, file_count: 1, unpacked_size: 5 },
        };
        let release = release.sign(&key).unwrap();
        let version = HeadVersion { version: "1.2.3".parse().unwrap(), release: release.digest, yanked: None };
        let head = Head::with_release(None, &release.release.id(), version, 10, 1000);
        let head = head.sign(&key, vec![root.clone()]).unwrap();
        (vec![root], release, head)
    }

    /// What each target begins with.
    fn seeds(name: &str) -> Vec<Vec<u8>> {
        let (roots, release, head) = signed();
        let lines = [release.envelope.to_json(), roots[0].to_json()].join(&b'\n');
        match name {
            "dsse" => vec![roots[0].to_json(), release.envelope.to_json()],
            "head" => vec![head.bundle.to_json()],
            "release" => vec![lines],
            "lockfile" => vec![locked().into_bytes()],
            "manifest" => vec![MANIFEST.as_bytes().to_vec(), b"[pack]\nname='a_b'\nversion='1'\n".to_vec()],
            "path" => vec!["a/b-c/d.e".into(), "ä/ü".into(), "con/aux.txt".into(), "C:/x".into(), "../x".into()],
            _ => vec!["graph tools".into(), "Müller's \"NEAR(x\" AND *".into()],
        }
    }

    fn locked() -> String {
        let (_, release, _) = signed();
        let id = release.release.id();
        let package = crate::lockfile::LockedPackage {
            id: id.clone(),
            version: "1.2.3-rc.1".parse().unwrap(),
            digest: release.digest,
            registry: "registry".to_owned(),
            dependencies: [("other".parse().unwrap(), ">=1, <3".parse().unwrap())].into(),
        };
        let request = crate::lockfile::LockedRequest {
            name: id.name,
            requirement: "^1".parse().unwrap(),
            publisher: Some(id.publisher),
            by: crate::lockfile::AskedBy::User,
        };
        Lockfile { requested: vec![request], packages: vec![package], policies: vec![] }.to_text()
    }

    const MANIFEST: &str = "[package]\nname = \"a-b\"\nversion = \"1.0.0\"\ndescription = \"\"\"x\"\"\"\n\
        keywords = [\"k\"]\nlicense = \"MIT OR Apache-2.0\"\n[dependencies]\nc = \"^1\"\nd = { version = \">=1, <2\", optional = true }\n";

    #[test]
    fn no_reader_panics_on_what_is_a_little_wrong() {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            seeds.iter().for_each(|seed| target(seed));
            let mut mutations = Mutations::new(1, seeds, 16 * 1024);
            for _ in 0..3000 {
                target(&mutations.next_bytes());
            }
        }
    }

    #[test]
    fn what_the_targets_begin_with_is_accepted() {
        let (roots, release, head) = signed();
        let publisher = Publisher::from_roots(None, &roots).unwrap();
        assert!(SignedRelease::verify(release.envelope, &publisher).is_ok());
        assert!(SignedHead::verify(HeadBundle::from_json(&head.bundle.to_json()).unwrap(), None).is_ok());
        assert!(Lockfile::parse(&locked()).is_ok() && Manifest::parse(MANIFEST).is_ok());
    }
}
