//! A policy's own tests, natively: inputs with sensible defaults, and an archive in memory.
//!
//! Each function gives a harmless ordinary value; a test changes the one field that it is about. Nothing here is in a
//! component. Invariant: equal calls give equal values.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::hooks::Archive;
use crate::settings::{Problem, Settings};
use crate::types::*;

/// The present of every test: 2026-01-31, noon, UTC.
pub const NOW: Timestamp = 1_769_860_800_000;
/// One day in milliseconds.
pub const DAY: u64 = 86_400_000;
/// A publisher's key id.
pub const PUBLISHER: &str = "1111111111111111111111111111111111111111111111111111111111111111";
/// Another publisher's key id.
pub const OTHER_PUBLISHER: &str = "2222222222222222222222222222222222222222222222222222222222222222";

/// A policy as the host would configure it.
///
/// # Errors
/// What the policy says against the settings.
pub fn configured<P: Settings>(settings: &str) -> Result<P, Vec<Problem>> {
    P::from_json(settings)
}

/// An install at [`NOW`], online, without labels and facts.
pub fn job() -> Job {
    Job { now: NOW, task: Task::Install, offline: false, advisories_as_of: None, labels: vec![], facts: vec![] }
}

/// The same with another task.
pub fn job_of(task: Task) -> Job {
    Job { task, ..job() }
}

/// A release that [`PUBLISHER`] signed 30 days ago: MIT, 25 kB, no dependencies.
pub fn release(name: &str, version: &str) -> Release {
    Release {
        name: name.to_owned(),
        version: version.to_owned(),
        publisher: PUBLISHER.to_owned(),
        digest: "3".repeat(64),
        archive_size: 25_000,
        unpacked_size: 100_000,
        file_count: 12,
        license: Some("MIT".to_owned()),
        published: NOW - 30 * DAY,
        yanked: None,
        dependencies: vec![],
        claims: vec![],
    }
}

/// Signed, bound to [`PUBLISHER`], seen 30 days ago, with nothing against it.
pub fn evidence() -> Evidence {
    Evidence {
        signed: true,
        revoked: false,
        alias: None,
        bound_publisher: Some(PUBLISHER.to_owned()),
        publisher_first_seen: Some(NOW - 60 * DAY),
        witnessed: NOW - 30 * DAY,
        head_sequence: 3,
        highest_sequence: 3,
        equivocated: false,
        agreeing_sources: 2,
        agreeing_subnets: 2,
        vouchers: vec![],
        advisories: vec![],
        fixes: vec![],
        lookalikes: vec![],
        facts: vec![],
    }
}

/// An item of a plan that the user asked for, not installed yet, found through peers.
pub fn item(name: &str, version: &str) -> Item {
    Item {
        release: release(name, version),
        evidence: evidence(),
        origin: Origin::Peers,
        direct: true,
        requested_by: vec![],
        installed: None,
    }
}

/// No outcomes at all.
pub fn no_tally() -> Tally {
    Tally { successes: 0.0, failures: 0.0, timeouts: 0.0, corruptions: 0.0 }
}

/// A peer that this node saw for the first time just now.
pub fn newcomer() -> PeerFacts {
    PeerFacts {
        day: no_tally(),
        month: no_tally(),
        bytes_served: 0,
        latency_ms: None,
        bytes_per_second: None,
        first_seen: NOW,
        last_success: None,
        subnet: 0,
        subnet_peers: 0,
        subnet_banned: 0,
        traits: Traits::empty(),
    }
}

/// A peer that has served well for a month: 40 ms, 10 MB/s.
pub fn good_peer() -> PeerFacts {
    PeerFacts {
        day: Tally { successes: 10.0, ..no_tally() },
        month: Tally { successes: 50.0, failures: 1.0, ..no_tally() },
        bytes_served: 50_000_000,
        latency_ms: Some(40.0),
        bytes_per_second: Some(10_000_000.0),
        first_seen: NOW - 30 * DAY,
        last_success: Some(NOW - 60_000),
        ..newcomer()
    }
}

/// The n-th offence of a class, all of them today.
pub fn offence(class: OffenceClass, code: &str, nth: u32) -> Offence {
    Offence { class, code: code.to_owned(), today: nth, ever: nth }
}

/// A version that was published and seen 30 days ago; a pre-release where its text has a `-`.
pub fn candidate(version: &str) -> Candidate {
    Candidate {
        version: version.to_owned(),
        published: NOW - 30 * DAY,
        witnessed: NOW - 30 * DAY,
        pre_release: version.contains('-'),
        yanked: None,
        installed: false,
        locked: false,
        advisories: vec![],
        facts: vec![],
    }
}

/// What is asked about a package that the user named without a requirement.
pub fn request(name: &str) -> Request {
    Request { name: name.to_owned(), publisher: PUBLISHER.to_owned(), requirement: None }
}

/// The first trouble of a job, with half a minute left and everything after the origin still untried.
pub fn situation(trouble: Trouble, code: &str, origin: Origin, untried: &[Origin]) -> Situation {
    Situation {
        trouble,
        code: code.to_owned(),
        origin,
        package: None,
        attempt: 1,
        elapsed_ms: 1000,
        left_ms: 30_000,
        network: Network::Online,
        tried: vec![Attempt { origin, trouble, code: code.to_owned(), elapsed_ms: 1000 }],
        untried: untried.to_vec(),
        facts: vec![],
    }
}

/// The files of a release in memory, under the host's rules: 4096 files and 1 MiB a call.
#[derive(Debug, Default)]
pub struct MemoryArchive {
    files: Vec<(File, Vec<u8>)>,
    calls: AtomicU64,
}

impl MemoryArchive {
    /// Without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one file more. Its digest is not computed: it stands for the file's place.
    #[must_use]
    pub fn with(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let file =
            File { path: path.to_owned(), size, executable: false, digest: format!("{:064x}", self.files.len()) };
        self.files.push((file, bytes));
        self.files.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        self
    }

    /// With a file's executable bit set.
    #[must_use]
    pub fn executable(mut self, path: &str) -> Self {
        for (file, _) in self.files.iter_mut().filter(|(file, _)| file.path == path) {
            file.executable = true;
        }
        self
    }

    /// How often a policy has asked for anything.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Archive for MemoryArchive {
    fn files(&self, first: u32, count: u32) -> Vec<File> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.files
            .iter()
            .skip(place(first.into()))
            .take(place(count.min(4096).into()))
            .map(|(file, _)| file.clone())
            .collect()
    }

    fn read(&self, file: u32, offset: u64, length: u32) -> Vec<u8> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let bytes = self.files.get(place(file.into())).map(|(_, bytes)| bytes.as_slice()).unwrap_or_default();
        bytes.iter().skip(place(offset)).take(place(length.min(1 << 20).into())).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_read_in_pieces() {
        let archive = MemoryArchive::new().with("b.txt", "later").with("a.bin", vec![7; 3 << 20]);
        let view: &dyn Archive = &archive;
        assert_eq!(view.all_files().iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["a.bin", "b.txt"]);
        assert_eq!(view.read_up_to(0, u64::MAX).len(), 3 << 20);
        assert_eq!(view.read_up_to(0, 10).len(), 10);
        assert_eq!(view.read_up_to(1, 100), b"later");
        assert!(view.read(1, 99, 4).is_empty());
        assert!(archive.calls() > 4);
    }
}
