//! The host against real components: some made here from text, hostile ones among them, and the default policies.
//!
//! Each component is assembled as a core module and encoded for one of the contract's worlds, so that its bytes are
//! what a policy author's would be.

mod asking;
mod cases;
mod chains;
mod contract;
mod defaults;
mod from_text;
mod hostile;
mod hostile_more;
mod loading;
mod shadows;
mod steady;
mod table;

use std::path::Path;

use from_text::{ALLOW_ALL, JOB_AND_LIST, Wat, encode};
use ggen_core::hooks::{Evidence, Hook, Item, Job, Origin, PeerFacts, PolicyLimits, Release, Task};

use crate::{BuiltIn, HostOptions, LinkConfig, LinkSource, PolicyHost};

/// Bounds that a hostile policy meets soon.
fn tight() -> PolicyLimits {
    PolicyLimits { call_fuel: 20_000_000, configure_fuel: 5_000_000, ..PolicyLimits::default() }
}

/// A host whose chain for `hook` is these components, in this order, as built-in defaults.
fn host(hook: Hook, components: &[Vec<u8>]) -> PolicyHost {
    host_with(hook, components, |_| {})
}

fn host_with(hook: Hook, components: &[Vec<u8>], change: impl Fn(&mut LinkConfig)) -> PolicyHost {
    const NAMES: [&str; 4] = ["p0", "p1", "p2", "p3"];
    let mut options = HostOptions { limits: tight(), ..HostOptions::default() };
    for (name, bytes) in NAMES.into_iter().zip(components) {
        options.builtins.push(BuiltIn { name, bytes: bytes.clone().leak() });
        let mut link = LinkConfig::new(hook, name, LinkSource::Default);
        change(&mut link);
        options.links.push(link);
    }
    PolicyHost::open(options).unwrap()
}

fn job() -> Job {
    Job::new(Task::Install, 1_700_000_000_000, false)
}

fn item(name: &str) -> Item {
    Item {
        release: Release {
            name: name.into(),
            version: "1.0.0".into(),
            publisher: "p".repeat(64),
            digest: "d".repeat(64),
            archive_size: 10,
            unpacked_size: 20,
            file_count: 1,
            license: Some("MIT".into()),
            published: 1,
            yanked: None,
            dependencies: vec![],
            claims: vec![("keyword".into(), "k".into())],
        },
        evidence: Evidence { signed: true, witnessed: 1, ..Evidence::default() },
        origin: Origin::Peers,
        direct: true,
        requested_by: vec![],
        installed: None,
    }
}

fn peers(count: usize) -> Vec<PeerFacts> {
    vec![PeerFacts::default(); count]
}
