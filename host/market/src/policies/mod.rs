//! The policies that are part of this program, and how configured links become a host.
//!
//! Decides which policies a configuration can name (those inside the program, and those in the home's `plugins/`), and
//! which built-in serves a hook that nobody configured; what a chain makes of its answers is `ggen_core::hooks`. Invariant:
//! the organization's links come before all others.

pub(crate) mod files;
pub(crate) mod library;

use std::sync::Arc;

use ggen_core::hooks::Hook;
use ggen_policy::{Afterwards, BuiltIn, Decision, HostOptions, LinkConfig, LinkSource, PolicyHost, Source};
use ggen_store::{DecisionRow, Store};

use crate::error::MarketError;
use crate::settings::Settings;

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$(BuiltIn { name: $name, bytes: include_bytes!(concat!("../../../../plugins/dist/", $name, ".wasm")) }),+]
    };
}

/// Policies inside the program.
pub(crate) const BUILT_IN: &[BuiltIn] = built_in![
    "air-gap",
    "beta-reputation",
    "freeze",
    "graceful-degradation",
    "minimal-versions",
    "minimum-age",
    "newest-compatible",
    "no-executables",
    "org-allowlist",
    "plan-licenses",
    "require-agreement",
    "signed-releases",
];

/// What serves a hook where nobody names anything.
pub(crate) const DEFAULTS: [(Hook, &str); 4] = [
    (Hook::Verification, "signed-releases"),
    (Hook::VersionResolution, "newest-compatible"),
    (Hook::PeerScoring, "beta-reputation"),
    (Hook::FallbackPolicy, "graceful-degradation"),
];

/// Opens the host. `extra` are links of the command line: after the organization's, before the user's.
pub(crate) fn open(
    store: &Store,
    settings: &Settings,
    afterwards: &Arc<Afterwards>,
    extra: Vec<LinkConfig>,
) -> Result<PolicyHost, MarketError> {
    let organization = |link: &&LinkConfig| matches!(link.from, LinkSource::Organization(_));
    let mut links: Vec<LinkConfig> = settings.policies.iter().filter(organization).cloned().collect();
    links.extend(extra);
    links.extend(settings.policies.iter().filter(|link| !organization(link)).cloned());
    links.extend(DEFAULTS.iter().map(|(hook, name)| LinkConfig::new(*hook, *name, LinkSource::Default)));
    let home = store.home().to_owned();
    let options = HostOptions {
        cache_dir: Some(files::cache(&home)),
        limits: (&settings.limits).into(),
        builtins: BUILT_IN.to_vec(),
        installed: Some(Arc::new(move |name: &str| library::installed_file(&home.join("plugins"), name))),
        compiler: None,
        afterwards: Arc::clone(afterwards),
        links,
    };
    Ok(PolicyHost::open(options)?)
}

/// The bytes of components that decisions name and that are not kept yet. A file that is another one by now is not what
/// decided, and is left out.
pub(crate) fn components(store: &Store, decisions: &[Decision], most: u64) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    for decision in decisions {
        let Some(source) = &decision.component else { continue };
        if found.iter().any(|(digest, _)| *digest == decision.digest) || store.has_component(&decision.digest) {
            continue;
        }
        let bytes = match source {
            Source::BuiltIn(bytes) => Some(bytes.to_vec()),
            Source::File(path) | Source::Installed(path) => files::read(path, most).ok(),
        };
        let is_it = |bytes: &Vec<u8>| ggen_core::Digest::of(bytes).to_string() == decision.digest;
        found.extend(bytes.filter(is_it).map(|bytes| (decision.digest.clone(), bytes)));
    }
    found
}

/// A decision as the store keeps it.
pub(crate) fn row(decision: &Decision) -> DecisionRow {
    let verdict = match (&decision.verdict, &decision.fault) {
        (Some(answer), _) => serde_json::to_string(answer).unwrap_or_default(),
        (None, fault) => serde_json::json!({ "fault": fault }).to_string(),
    };
    DecisionRow {
        id: 0,
        time: decision.time,
        hook: decision.hook.to_string(),
        call: decision.call.clone(),
        packages: decision.packages.clone(),
        fault: decision.fault.clone(),
        replayable: decision.replayable,
        log: decision.log.iter().map(|line| format!("{}: {}", line.level.name(), line.text)).collect(),
        subject: decision.subject.clone(),
        policy: decision.policy.clone(),
        version: decision.version.clone(),
        digest: decision.digest.clone(),
        settings: decision.settings.to_string(),
        input_digest: ggen_core::Digest::of(decision.input.as_bytes()),
        input: decision.input.to_string(),
        verdict,
        reasons: decision.reasons.iter().map(|r| format!("{}: {}", r.code, r.message)).collect(),
        fuel: decision.fuel,
        micros: decision.micros,
        limit: decision.limit.map(|l| format!("{l:?}").to_lowercase()),
        place: decision.place,
        mode: decision.mode.to_string(),
    }
}
