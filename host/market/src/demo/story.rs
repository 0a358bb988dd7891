//! What the demo shows, scene by scene.

use std::path::Path;
use std::time::Duration;

use ggen_core::hooks::Hook;
use ggen_core::reputation::Outcome;
use ggen_net::PeerId;
use ggen_policy::{LinkConfig, LinkSource};
use serde_json::json;

use super::actors::{Actor, start_liar};
use super::teller::Teller;
use crate::answers::InstallAnswer;
use crate::error::MarketError;
use crate::install::InstallRequest;
use crate::peers;
use crate::publish::PublishRequest;
use crate::search::SearchRequest;

/// Bytes of the picture in the demo's package: some chunks for every holder.
const PICTURE: usize = 12 << 20;

pub(super) async fn tell(teller: &mut Teller<'_>) -> Result<(), MarketError> {
    let io = |source| MarketError::Io { path: std::env::temp_dir(), action: "written", source };
    let root = tempfile::Builder::new().prefix("ggen-demo-").tempdir().map_err(io)?;
    write_packages(root.path()).map_err(io)?;
    let mut alice = Actor::new(root.path(), "alice", &[]);
    publish(teller, &alice, root.path()).await?;
    let address = alice.start().await?;
    teller.say(format!("alice's node listens at {address}"));
    let mut carol = second_holder(teller, root.path(), &address).await?;
    let mallory = liar(teller, root.path(), &address).await?;
    let mut bob = Actor::new(root.path(), "bob", &[address]);
    good_until_today(teller, &mut bob, mallory.peer_id())?;
    search_and_install(teller, &bob).await?;
    let _ = mallory.shutdown().await;
    corrupt_index(teller, &alice).await?;
    swap_policy(teller, &mut bob).await?;
    alice.stop().await;
    carol.stop().await;
    without_network(teller, root.path()).await
}

fn write_packages(root: &Path) -> std::io::Result<()> {
    let manifest = |name: &str, more: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\ndescription = \"part of the demo\"\nlicense = \"MIT\"\nauthor = \"alice\"\n{more}"
        )
    };
    let words = root.join("src/demo-words");
    std::fs::create_dir_all(words.join("ontology"))?;
    std::fs::write(words.join("package.toml"), manifest("demo-words", ""))?;
    std::fs::write(words.join("ontology/words.ttl"), "@prefix demo: <urn:demo:> .\ndemo:Greeting a demo:Word .\n")?;
    let greeting = root.join("src/demo-greeting");
    std::fs::create_dir_all(greeting.join("templates"))?;
    std::fs::write(greeting.join("package.toml"), manifest("demo-greeting", "[dependencies]\ndemo-words = \"^1\"\n"))?;
    std::fs::write(greeting.join("templates/hello.tmpl"), "Hello, {{ name }}!\n")?;
    // Noise does not compress: the archive is as large as this.
    let mut noise = vec![0u8; PICTURE];
    getrandom::fill(&mut noise).map_err(std::io::Error::other)?;
    std::fs::write(greeting.join("picture.raw"), noise)
}

async fn publish(teller: &mut Teller<'_>, alice: &Actor, root: &Path) -> Result<(), MarketError> {
    teller.begin("Alice makes a key, signs two packages and publishes them");
    let market = alice.market(false)?;
    let keys = market.key_new(None)?;
    for key in keys.keys {
        teller.say(format!("publisher {} (an id that nobody else can sign for)", key.publisher));
    }
    for name in ["demo-words", "demo-greeting"] {
        let path = root.join("src").join(name);
        let done = market.publish(PublishRequest { path, output: None, dry_run: false, key: None }).await?;
        teller.say(format!(
            "published {} {}, archive {} of {} bytes",
            done.name,
            done.version,
            done.digest.short(),
            done.archive_size
        ));
    }
    Ok(())
}

fn install(name: &str) -> InstallRequest {
    InstallRequest { targets: vec![name.to_owned()], dry_run: false, locked: false, strategy: None }
}

async fn second_holder(teller: &mut Teller<'_>, root: &Path, address: &str) -> Result<Actor, MarketError> {
    teller.begin("Carol installs, and her node serves what she has: a second holder");
    let mut carol = Actor::new(root, "carol", &[address.to_owned()]);
    let answer = carol.market(false)?.install(install("demo-greeting")).await?;
    say_install(teller, &answer);
    carol.start().await?;
    Ok(carol)
}

async fn liar(teller: &mut Teller<'_>, root: &Path, address: &str) -> Result<ggen_net::Handle, MarketError> {
    teller.begin("Mallory offers the same archive, with one bit wrong in every chunk");
    let mallory = Actor::new(root, "mallory", &[address.to_owned()]);
    mallory.market(false)?.install(install("demo-greeting")).await?;
    let handle = start_liar(&mallory).await?;
    teller.say(format!("peer {} is byzantine", handle.peer_id()));
    Ok(handle)
}

/// Gives the liar a good name at Bob's, so that it is asked first, and waits for it: what the demo shows, it shows surely.
fn good_until_today(teller: &mut Teller<'_>, bob: &mut Actor, liar: PeerId) -> Result<(), MarketError> {
    let patient = Duration::from_secs(5);
    bob.settings.limits.holder_head_start = patient;
    bob.settings.limits.lookup_grace = patient;
    let market = bob.market(true)?;
    for _ in 0..20 {
        let served = Outcome::Served { bytes: 100 << 20, elapsed_ms: 200, latency_ms: Some(1.0) };
        peers::note(&market.store, &liar, served)?;
    }
    teller.say("Bob had nothing but good from it so far: it will be asked first");
    Ok(())
}

async fn search_and_install(teller: &mut Teller<'_>, bob: &Actor) -> Result<(), MarketError> {
    teller.begin("Bob, who has only an address, searches and installs");
    let market = bob.market(false)?;
    let found = market.search(SearchRequest { query: "demo".to_owned(), limit: 10 }).await?;
    for result in &found.results {
        teller.say(format!("found {} {} at {} peers", result.name, result.version, result.sources.len()));
    }
    let answer = market.install(install("demo-greeting")).await?;
    say_install(teller, &answer);
    say_decisions(teller, &market)
}

fn say_install(teller: &mut Teller<'_>, answer: &InstallAnswer) {
    for package in answer.installed.iter().flatten() {
        teller.say(format!("installed {} {} from {}", package.name, package.version, package.origin));
    }
    for warning in &answer.warnings {
        teller.say(format!("{}: {}", warning.code, warning.message));
    }
}

/// The latest decision of each hook, from the log.
fn say_decisions(teller: &mut Teller<'_>, market: &crate::Market) -> Result<(), MarketError> {
    let decisions = market.store.decisions(&ggen_store::DecisionFilter::default(), 200)?;
    for hook in Hook::ALL {
        if let Some(decision) = decisions.iter().find(|d| d.hook == hook.name()) {
            let verdict: String = decision.verdict.chars().take(90).collect();
            teller.say(format!("policy {} ({hook}) decided in {} µs: {verdict}", decision.policy, decision.micros));
        }
    }
    Ok(())
}

async fn corrupt_index(teller: &mut Teller<'_>, alice: &Actor) -> Result<(), MarketError> {
    teller.begin("Something writes garbage into Alice's registry index");
    let index = alice.home.join("registry/index.json");
    let io = |source| MarketError::Io { path: index.clone(), action: "written", source };
    std::fs::write(&index, b"{ \"version\": 1, garbage").map_err(io)?;
    alice.notes.take();
    let answer = alice.market(true)?.search(SearchRequest { query: "demo".to_owned(), limit: 10 }).await?;
    for notice in alice.notes.take() {
        teller.say(notice.message);
    }
    teller.say(format!("nothing is lost: {} packages are found", answer.results.len()));
    Ok(())
}

async fn swap_policy(teller: &mut Teller<'_>, bob: &mut Actor) -> Result<(), MarketError> {
    teller.begin("Bob's organization swaps in another verification policy: only licences on its list");
    let from = LinkSource::Organization("policy.toml".into());
    let mut link = LinkConfig::new(Hook::Verification, "org-allowlist", from);
    link.settings = json!({ "licenses": ["Apache-2.0"] });
    link.locked = true;
    bob.settings.policies = vec![link];
    match bob.market(true)?.install(install("demo-words@1.0.0")).await {
        Err(MarketError::Denied(denied)) => {
            for reason in denied.iter().flat_map(|d| &d.reasons) {
                teller.say(format!("refused by {}: {}", reason.code, reason.message));
            }
            Ok(())
        }
        Err(other) => Err(other),
        Ok(_) => Err(MarketError::Internal("the policy denied nothing".to_owned())),
    }
}

async fn without_network(teller: &mut Teller<'_>, root: &Path) -> Result<(), MarketError> {
    teller.begin("Every node is gone. Dave, with an empty home and no network, installs hello-ggen");
    let dave = Actor::new(
        root,
        "dave",
        &["/ip4/127.0.0.1/tcp/9/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp".to_owned()],
    );
    let answer = dave.market(false)?.install(install("hello-ggen")).await?;
    say_install(teller, &answer);
    Ok(())
}
