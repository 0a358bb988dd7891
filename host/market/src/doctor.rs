//! `doctor`: what is wrong with a home, and the one thing to do next.
//!
//! Walks the two questions that users come with, "why is the package not found" and "why does the installation hang": the
//! disk first, as it lies there; then, if the home can be opened, policies, node and package. The core decides what of it
//! comes first. Never repairs anything, and never advises what destroys: locks end with their processes.

use std::time::Duration;

use ggen_core::PackageName;
use ggen_core::doctor::{Check, Finding, State, Step, diagnose};
use ggen_core::limits::Limits;
use ggen_store::{Condition, Examined, HeldLock, LayoutFound};

use crate::answers::DoctorAnswer;
use crate::error::MarketError;
use crate::market::{Market, MarketOptions, blocking, now};
use crate::target::package_name;

/// The most locks that are told one by one.
const MAX_LOCKS: usize = 20;
/// The most names that are offered for one that nobody knows.
const MAX_NEAR: usize = 3;

/// Looks at a home, and at one package of it where one is named.
pub async fn doctor(options: MarketOptions, name: Option<String>) -> Result<DoctorAnswer, MarketError> {
    let name = name.as_deref().map(package_name).transpose()?;
    let (home, limits) = (options.home.clone(), options.settings.limits.clone());
    let looked_at = home.clone();
    let found = blocking(move || Ok(ggen_store::examine(&looked_at))).await?;
    let mut findings = on_disk(&found, &limits, now());
    let usable = found.layout == LayoutFound::Known
        && found.unusable.is_none()
        && !found.read_only
        && !found.foreign
        && matches!(found.database, Condition::Whole | Condition::Unfinished)
        // Whoever opens the home would rebuild it, and the user would not learn of it.
        && matches!(found.index, Condition::Missing | Condition::Whole | Condition::Unfinished);
    if usable {
        let market = Market::open(options)?;
        let asked = market.examine_itself(name.as_ref(), &mut findings).await;
        market.close_session().await;
        market.write_decisions();
        asked?;
    } else if let Some(name) = name {
        let message = format!("{name} was not looked for: the home has to be in order first");
        findings.push(Finding::notice(Check::Package, "not-looked-for", message, None));
    }
    findings.sort_by_key(|finding| finding.check);
    let (diagnosis, next_step) = diagnose(&findings);
    let healthy = findings.iter().all(|finding| finding.state != State::Bad);
    Ok(DoctorAnswer { home, healthy, checks: findings, diagnosis, next_step })
}

/// An error and those below it in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let below = std::iter::successors(error.source(), |error| error.source());
    std::iter::once(error.to_string()).chain(below.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

/// What the disk tells.
fn on_disk(found: &Examined, limits: &Limits, now: u64) -> Vec<Finding> {
    let mut findings = vec![home(found)];
    if !found.exists || found.unusable.is_some() {
        return findings;
    }
    findings.extend([version(found), space(found, limits), database(found), index(found)]);
    findings.extend(locks(&found.locks, limits, now));
    findings.extend([leftovers(found), store(found, limits)]);
    findings
}

fn home(found: &Examined) -> Finding {
    let elsewhere = Step::text("run it as the home's owner, or name another home with --home");
    if !found.exists {
        return Finding::good(Check::Home, "there is no home yet: the first command makes it");
    }
    if let Some(problem) = &found.unusable {
        return Finding::bad(Check::Home, "home-unusable", format!("the home cannot be used: {problem}"), elsewhere);
    }
    if found.foreign {
        return Finding::bad(Check::Home, "home-foreign", "the home belongs to another user", elsewhere);
    }
    if found.read_only {
        return Finding::bad(Check::Home, "home-read-only", "the home cannot be written", elsewhere);
    }
    if let Some(kind) = found.network_file_system {
        let message = format!(
            "the home is on a network file system ({kind}), whose locks and syncs are only as good as its server"
        );
        return Finding::notice(Check::Home, "network-file-system", message, None);
    }
    Finding::good(Check::Home, "the home can be read and written")
}

fn version(found: &Examined) -> Finding {
    match &found.layout {
        LayoutFound::Known => Finding::good(Check::Version, "its layout is this program's"),
        LayoutFound::None => Finding::good(Check::Version, "it has no layout yet: the first command makes it"),
        LayoutFound::Other(text) => {
            let message =
                format!("its VERSION says {text:?}, which this program does not know: nothing of it is touched");
            let step = Step::text("use the ggen that made this home, or a newer one");
            Finding::bad(Check::Version, "layout-unknown", message, step)
        }
    }
}

fn space(found: &Examined, limits: &Limits) -> Finding {
    let Some(free) = found.available else {
        return Finding::notice(Check::Space, "space-unknown", "the free space cannot be told", None);
    };
    let message = format!("{} MB are free", free / 1_000_000);
    let step = Step::command("free what nothing needs", "ggen marketplace clean");
    if free < limits.low_space / 16 {
        Finding::bad(Check::Space, "disk-full", format!("the disk is full: {message}"), step)
    } else if free < limits.low_space {
        Finding::notice(Check::Space, "space-low", format!("little space is left: {message}"), Some(step))
    } else {
        Finding::good(Check::Space, message)
    }
}

fn database(found: &Examined) -> Finding {
    let rebuild = Step::command(
        "the next command keeps the damaged file and rebuilds the database from signed releases",
        "ggen marketplace list",
    );
    match &found.database {
        Condition::Whole => Finding::good(Check::Database, "the database is whole"),
        Condition::Missing => Finding::good(Check::Database, "there is no database yet: the next command makes it"),
        Condition::Unfinished => {
            Finding::good(Check::Database, "the database is too large to be looked at whole; nothing wrong was found")
        }
        Condition::Broken(problem) => {
            Finding::bad(Check::Database, "database-damaged", format!("the database is damaged: {problem}"), rebuild)
        }
        Condition::Unreadable(problem) => {
            let step = Step::text("look at who may read state.db, and who else has it open");
            Finding::bad(
                Check::Database,
                "database-unreadable",
                format!("the database cannot be read: {problem}"),
                step,
            )
        }
    }
}

fn index(found: &Examined) -> Finding {
    match &found.index {
        Condition::Missing => Finding::good(Check::Index, "the registry has no index yet"),
        Condition::Whole | Condition::Unfinished => {
            Finding::good(Check::Index, format!("the registry index is whole; packages in it: {}", found.indexed))
        }
        Condition::Broken(problem) => {
            let step = Step::command(
                "rebuild it from signed releases; the broken one is kept",
                "ggen marketplace update --force",
            );
            Finding::bad(Check::Index, "index-corrupted", format!("the registry index is broken: {problem}"), step)
        }
        Condition::Unreadable(problem) => {
            let step = Step::text("look at who may read registry/index.json");
            Finding::bad(
                Check::Index,
                "index-unreadable",
                format!("the registry index cannot be read: {problem}"),
                step,
            )
        }
    }
}

/// Who holds what. One that is held for longer than anybody waits is what an installation hangs on.
fn locks(held: &[HeldLock], limits: &Limits, now: u64) -> Vec<Finding> {
    let patience = limits.lock_retry.saturating_mul(limits.lock_tries);
    let finding = |lock: &HeldLock| {
        let Some(holder) = &lock.holder else {
            return Finding::notice(Check::Locks, "lock-held", format!("somebody is at work on {}", lock.file), None);
        };
        let since = Duration::from_millis(now.saturating_sub(holder.since));
        let message = format!("{holder} has held {} for {} s", lock.file, since.as_secs());
        if since < patience {
            return Finding::notice(Check::Locks, "lock-held", message, None);
        }
        let look = Step::command(
            "let it finish, or see what it is doing; the lock ends with its process, there is no file to remove",
            format!("ps -o pid,etime,stat,args -p {}", holder.pid),
        );
        Finding::bad(Check::Locks, "lock-held-long", message, look)
    };
    match held {
        [] => vec![Finding::good(Check::Locks, "no command is at work")],
        held => held.iter().take(MAX_LOCKS).map(finding).collect(),
    }
}

fn leftovers(found: &Examined) -> Finding {
    match (found.dead_transactions, found.partials) {
        (0, 0) => Finding::good(Check::Leftovers, "nothing was left undone"),
        (0, partials) => {
            let message = format!(
                "broken-off downloads: {partials}, {} MB; the next install goes on with them",
                found.partial_bytes / 1_000_000
            );
            Finding::notice(Check::Leftovers, "partial-downloads", message, None)
        }
        (dead, _) => {
            let message = format!("commands that were cut off: {dead}; the next command finishes or undoes them");
            Finding::notice(Check::Leftovers, "cut-off", message, None)
        }
    }
}

fn store(found: &Examined, limits: &Limits) -> Finding {
    let bytes = found.archive_bytes;
    if found.damaged_archives > 0 {
        let message = format!("archives that were found damaged and set aside: {}", found.damaged_archives);
        let step = Step::command("see whether an installed package misses one", "ggen marketplace verify");
        return Finding::notice(Check::Store, "archives-damaged", message, Some(step));
    }
    let message = format!("archives in the store: {}, {} MB", found.archives, bytes / 1_000_000);
    if bytes > limits.max_store {
        let message = format!("{message}: more than the {} MB allowed", limits.max_store / 1_000_000);
        let step = Step::command("let go of what nothing needs", "ggen marketplace clean");
        return Finding::notice(Check::Store, "store-too-large", message, Some(step));
    }
    Finding::good(Check::Store, message)
}

impl Market {
    /// What an opened home tells of its policies, its node and a package.
    async fn examine_itself(&self, name: Option<&PackageName>, findings: &mut Vec<Finding>) -> Result<(), MarketError> {
        findings.extend(self.examine_policies());
        let network = self.examine_network().await;
        let (online, searched) = (network.state == State::Good, !self.offline);
        findings.push(network);
        if let Some(name) = name {
            findings.push(self.examine_package(name, online, searched).await?);
        }
        Ok(())
    }

    fn examine_policies(&self) -> Vec<Finding> {
        let look = || Step::command("see which policy it is, and from where", "ggen policy show");
        let bad = |code, message| Finding::bad(Check::Policies, code, message, look());
        let shown = match self.require_readable_policy_file().and_then(|()| self.policy_show()) {
            Ok(shown) => shown,
            Err(error) => {
                return vec![bad("policies-unusable", format!("nothing can be installed: {}", chain(&error)))];
            }
        };
        let links = shown.hooks.values().flatten();
        let problems: Vec<Finding> = links
            .filter_map(|link| link.problem.as_ref().map(|problem| (link, problem)))
            .map(|(link, problem)| {
                bad("policy-broken", format!("the policy {} cannot be used: {problem}", link.policy))
            })
            .collect();
        if problems.is_empty() { vec![Finding::good(Check::Policies, "all policies can be asked")] } else { problems }
    }

    async fn examine_network(&self) -> Finding {
        let status = match self.p2p_status().await {
            Ok(status) => status,
            Err(error) => {
                let step = Step::command("stop it, and start it again", "ggen marketplace p2p stop");
                let message = format!("the node does not answer: {}", chain(&error));
                return Finding::bad(Check::Network, "node-silent", message, step);
            }
        };
        let peers = status.connected_peers;
        match (status.running, status.network.as_str()) {
            (false, _) => Finding::notice(
                Check::Network,
                "no-node",
                "no node runs in this home: commands reach the network for as long as they run",
                None,
            ),
            (true, "online") => match status.evidence.iter().find_map(|line| line.strip_prefix("! ")) {
                None => Finding::good(Check::Network, format!("the node is online; connected peers: {peers}")),
                Some(trouble) => {
                    let message = format!("the node is online, and {trouble}");
                    let step = Step::command("see whether its peers answer", "ggen marketplace p2p status");
                    Finding::notice(Check::Network, "node-troubled", message, Some(step))
                }
            },
            (true, state) => {
                let message = format!("the node is {state}: {}", status.evidence.join("; "));
                let text = "see whether they run, at these addresses, with the same network key";
                let step = Step::command(text, "ggen marketplace p2p status");
                let called = status.evidence.iter().any(|line| line.contains(" bootstrap peers connected"));
                Finding::notice(Check::Network, "node-not-online", message, called.then_some(step))
            }
        }
    }

    /// "The package is not found."
    async fn examine_package(&self, name: &PackageName, online: bool, ask: bool) -> Result<Finding, MarketError> {
        if self.store.installed_package(name)?.is_some() {
            let (store, names) = (self.store.clone(), vec![name.clone()]);
            let verified = blocking(move || Ok(store.verify(Some(&names))?)).await?;
            return Ok(match verified.damaged.len() {
                0 => match self.examine_equivocation(name)? {
                    Some(finding) => finding,
                    None => {
                        let whole = format!("{name} is installed, and its files are as they were signed");
                        Finding::good(Check::Package, whole)
                    }
                },
                damaged => Finding::bad(
                    Check::Package,
                    "package-damaged",
                    format!("{name} is installed; files that are not as they were signed: {damaged}"),
                    Step::command("put them right", format!("ggen marketplace verify {name} --repair")),
                ),
            });
        }
        self.sync_index().await?;
        let mut known = self.store.claimants(name)?;
        if known.is_empty() && ask {
            self.step(format!("looking for {name}"));
            known = self.look_elsewhere(name).await?;
        }
        if let Some(finding) = self.examine_equivocation(name)? {
            return Ok(finding);
        }
        match known.as_slice() {
            [] => self.examine_unknown(name, online, ask).await,
            [_] => Ok(Finding::notice(
                Check::Package,
                "not-installed",
                format!("{name} is known here and not installed"),
                Some(Step::command(
                    "see what an install would do",
                    format!("ggen marketplace install {name} --dry-run"),
                )),
            )),
            several => Ok(Finding::notice(
                Check::Package,
                "several-publishers",
                format!("{name} is not installed, and {} publishers have a package of this name", several.len()),
                Some(Step::command("see whose they are before you choose", format!("ggen marketplace info {name}"))),
            )),
        }
    }

    /// A publisher that signed two lists of releases under one sequence.
    fn examine_equivocation(&self, name: &PackageName) -> Result<Option<Finding>, MarketError> {
        for id in self.store.claimants(name)? {
            if self.store.package(&id)?.is_some_and(|package| package.equivocated) {
                let publisher = id.publisher.short();
                let message = format!(
                    "the publisher {publisher} of {name} has signed two different lists of its releases under one number: the first one seen stands, and no new version is installed"
                );
                let step = Step::command(
                    "ask the publisher which one is meant; the proof of it is in this answer",
                    format!("ggen marketplace info {name} --json"),
                );
                return Ok(Some(Finding::bad(Check::Package, "equivocated", message, step)));
            }
        }
        Ok(None)
    }

    async fn examine_unknown(&self, name: &PackageName, online: bool, asked: bool) -> Result<Finding, MarketError> {
        let unknown = |code, why: &str, step| {
            Ok(Finding::bad(Check::Package, code, format!("{name} is not known here, {why}"), step))
        };
        if !asked {
            let step = Step::command("ask the network too", format!("ggen marketplace doctor {name}"));
            return unknown("offline", "and this run asks nobody", step);
        }
        let reached = online || self.session().await?.network().is_some();
        if !reached && self.settings.network.bootstrap.is_empty() {
            let step = Step::command(
                "begin with the address of a node that you know",
                "ggen marketplace p2p start --bootstrap ADDRESS",
            );
            return unknown("no-way-in", "and no node to begin with is configured", step);
        }
        if !reached {
            let step = Step::text(
                "look at this machine's network and at the addresses in [network] bootstrap; nothing else is to be done, the next command tries again",
            );
            return unknown("network-unreachable", "and the network cannot be reached", step);
        }
        let near: Vec<String> =
            self.store.search(name.as_str(), MAX_NEAR)?.into_iter().map(|hit| hit.id.name.to_string()).collect();
        let step = match near.first() {
            Some(first) => Step::command(
                format!("look at what is there: {}", near.join(", ")),
                format!("ggen marketplace info {first}"),
            ),
            None => Step::command("look for it by other words", format!("ggen marketplace search {name}")),
        };
        unknown("package-unknown", "nor to anybody who was asked", step)
    }
}
