//! What an author writes: one trait per hook, over settings that are already read.
//!
//! A policy is its settings: the type that `settings!` declares is what the hook traits are implemented for. Nothing here
//! calls the host. Invariant: a hook sees only its arguments and the settings, so equal input gives equal answers.

use crate::settings::Settings;
use crate::types::{
    Action, Candidate, File, Item, Job, Offence, Origin, PeerFacts, Ranking, Reason, Request, Sanction, Situation,
    Stage, Verdict,
};

/// What every policy is: settings, shared by all the hooks that it serves.
pub trait Policy: Settings {}
impl<T: Settings> Policy for T {}

/// What a policy says of itself; written by `export!` from the crate's Cargo.toml.
pub trait Described {
    /// The crate's name.
    const NAME: &'static str;
    /// The crate's version.
    const VERSION: &'static str;
}

/// Which holders to ask first, and what an offence costs.
pub trait PeerScoring: Policy {
    /// One score for each peer, in their order, from 0 (never) to 1 (first). `seed` is the only randomness; `bytes` is
    /// what is about to be fetched, none for a lookup.
    fn score(&self, job: &Job, seed: u64, bytes: Option<u64>, peers: &[PeerFacts]) -> Vec<f64>;

    /// What an offence costs the peer that committed it.
    fn judge(&self, job: &Job, peer: &PeerFacts, offence: &Offence) -> Sanction;
}

/// May these releases be used here?
pub trait Verification: Policy {
    /// About one release, whatever else is in the plan.
    fn review(&self, job: &Job, item: &Item) -> Verdict;

    /// About a whole plan, one verdict for each item in their order. Implement it where items depend on each other.
    fn review_plan(&self, job: &Job, plan: &[Item]) -> Vec<Verdict> {
        plan.iter().map(|item| self.review(job, item)).collect()
    }
}

/// For a verifier that also looks into files. It can only object.
pub trait ContentsVerification: Verification {
    /// About the files of one release that [`Verification`] let through.
    fn review_contents(&self, job: &Job, item: &Item, archive: &dyn Archive) -> Verdict;
}

/// Which version of a package to try first.
pub trait VersionResolution: Policy {
    /// Ranks all versions of one package; they come highest first.
    fn rank(&self, job: &Job, request: &Request, candidates: &[Candidate]) -> Ranking;
}

/// Where to look, how long, and what to do when that goes wrong.
pub trait FallbackPolicy: Policy {
    /// Which of the offered origins may be used, and in which order. An error stops the job.
    ///
    /// # Errors
    /// The reason that the user reads, where nothing may be used at all.
    fn route(&self, job: &Job, offered: &[Origin]) -> Result<Vec<Stage>, Reason>;

    /// What to do about trouble.
    fn decide(&self, job: &Job, situation: &Situation) -> Action;
}

/// Read-only sight of the files of one release.
pub trait Archive {
    /// Files in path order, at most 4096 a call; a file's number is its place in that order.
    fn files(&self, first: u32, count: u32) -> Vec<File>;

    /// At most 1 MiB a call; empty at and after the end of the file.
    fn read(&self, file: u32, offset: u64, length: u32) -> Vec<u8>;
}

impl dyn Archive + '_ {
    /// Every file of the release.
    pub fn all_files(&self) -> Vec<File> {
        let mut all: Vec<File> = Vec::new();
        loop {
            let more = self.files(u32::try_from(all.len()).unwrap_or(u32::MAX), 4096);
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    /// The first `limit` bytes of a file, or all of it where it is shorter.
    pub fn read_up_to(&self, file: u32, limit: u64) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let have = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let wanted = u32::try_from(limit.saturating_sub(have).min(1 << 20)).unwrap_or(1 << 20);
            let more = if wanted == 0 { Vec::new() } else { self.read(file, have, wanted) };
            if more.is_empty() {
                return bytes;
            }
            bytes.extend(more);
        }
    }
}
