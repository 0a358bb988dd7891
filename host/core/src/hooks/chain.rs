//! How the answers of several links become one, for each hook.
//!
//! Never asks a policy and never checks an answer: what comes in is sound ([`super::check`]). Invariant: adding a link
//! behind others never loosens what they decided.

use serde::{Deserialize, Serialize};

use super::fallback::{Action, Stage};
use super::resolution::Ranking;
use super::scoring::{Ban, Sanction};
use super::types::{Origin, Reason};
use super::verification::Verdict;

/// Under this name the host itself speaks beside the policies.
pub const HOST: &str = "ggen";

/// What becomes of an item, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// Used.
    Allow,
    /// Used, and the user is told.
    Warn,
    /// Not this release, but another will do.
    PassOver,
    /// Nothing of this plan is used.
    Deny,
}

/// A reason, whose it is, and what it was given for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributed {
    /// The policy's name.
    pub policy: String,
    /// What it was given for.
    pub ruling: Ruling,
    /// The reason.
    pub reason: Reason,
}

/// What all links of a chain say of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combined {
    /// The strictest of all.
    pub ruling: Ruling,
    /// Every reason of every link, in the chain's order.
    pub by: Vec<Attributed>,
}

impl Combined {
    /// Whether the item may be used.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        matches!(self.ruling, Ruling::Allow | Ruling::Warn)
    }
}

fn ruling(verdict: &Verdict) -> Option<Ruling> {
    match verdict {
        Verdict::Abstain => None,
        Verdict::Allow => Some(Ruling::Allow),
        Verdict::Warn(_) => Some(Ruling::Warn),
        Verdict::PassOver(_) => Some(Ruling::PassOver),
        Verdict::Deny(_) => Some(Ruling::Deny),
    }
}

/// The strictest of what was said, with everybody's reasons; none where all abstain.
fn strictest(said: &[(&str, &Verdict)]) -> (Option<Ruling>, Vec<Attributed>) {
    let mut strictest = None;
    let mut by = Vec::new();
    for (policy, verdict) in said {
        let Some(ruling) = ruling(verdict) else { continue };
        strictest = strictest.max(Some(ruling));
        by.extend(verdict.reasons().iter().map(|reason| Attributed {
            policy: (*policy).to_owned(),
            ruling,
            reason: reason.clone(),
        }));
    }
    (strictest, by)
}

/// On the plan: the strictest verdict on each item. One that nobody allows or warns of is denied.
///
/// `links`: each link's name and its verdicts, one for each item.
#[must_use]
pub fn plan(items: usize, links: &[(&str, Vec<Verdict>)]) -> Vec<Combined> {
    let of_item = |index: usize| {
        let said: Vec<_> =
            links.iter().filter_map(|(policy, verdicts)| verdicts.get(index).map(|v| (*policy, v))).collect();
        let vouched = said.iter().any(|(_, verdict)| matches!(verdict, Verdict::Allow | Verdict::Warn(_)));
        match strictest(&said) {
            (Some(ruling), by) if vouched || ruling > Ruling::Warn => Combined { ruling, by },
            (_, by) => nobody_responsible(by),
        }
    };
    (0..items).map(of_item).collect()
}

fn nobody_responsible(mut by: Vec<Attributed>) -> Combined {
    let reason = Reason::new("no-policy-responsible", "No verification policy allows it.")
        .with_hint("Run `ggen policy show` to see which verification policies there are.");
    by.push(Attributed { policy: HOST.to_owned(), ruling: Ruling::Deny, reason });
    Combined { ruling: Ruling::Deny, by }
}

/// On contents: the strictest verdict, where abstaining is consent, and passing over is denying.
#[must_use]
pub fn contents(links: &[(&str, Verdict)]) -> Combined {
    let said: Vec<_> = links.iter().map(|(policy, verdict)| (*policy, verdict)).collect();
    let (ruling, by) = strictest(&said);
    let ruling = match ruling.unwrap_or(Ruling::Allow) {
        Ruling::PassOver => Ruling::Deny,
        other => other,
    };
    Combined { ruling, by }
}

/// The lowest score of each peer; none where no link answered.
#[must_use]
pub fn scores(links: &[Vec<f64>]) -> Option<Vec<f64>> {
    let (first, rest) = links.split_first()?;
    let mut lowest = first.clone();
    for link in rest {
        for (low, score) in lowest.iter_mut().zip(link) {
            *low = low.min(*score);
        }
    }
    Some(lowest)
}

/// The strictest sanction: a ban before avoidance before nothing; of two bans the wider reach and the longer time.
#[must_use]
pub fn sanction(links: &[Sanction]) -> Sanction {
    links.iter().fold(Sanction::None, |strictest, link| match (strictest, *link) {
        (Sanction::Ban(a), Sanction::Ban(b)) => {
            Sanction::Ban(Ban { seconds: a.seconds.max(b.seconds), reach: a.reach.max(b.reach) })
        }
        (Sanction::Ban(ban), _) | (_, Sanction::Ban(ban)) => Sanction::Ban(ban),
        (Sanction::Avoid(a), Sanction::Avoid(b)) => Sanction::Avoid(a.max(b)),
        (Sanction::Avoid(seconds), Sanction::None) | (Sanction::None, Sanction::Avoid(seconds)) => {
            Sanction::Avoid(seconds)
        }
        (Sanction::None, Sanction::None) => Sanction::None,
    })
}

/// A version that a policy excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Index into the candidates.
    pub candidate: u32,
    /// The policy's name.
    pub policy: String,
    /// What the user reads.
    pub reason: Reason,
}

/// What all links say of one package's versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    /// Indexes, best first, without the excluded; none: no policy has a preference.
    pub order: Option<Vec<u32>>,
    /// Whose order it is.
    pub ordered_by: Option<String>,
    /// Every exclusion, in the chain's order.
    pub excluded: Vec<Excluded>,
}

/// The first order given; exclusions add up.
#[must_use]
pub fn ranking(links: &[(&str, Ranking)]) -> Ranked {
    let mut ranked = Ranked::default();
    for (policy, link) in links {
        if ranked.order.is_none() && link.order.is_some() {
            ranked.order.clone_from(&link.order);
            ranked.ordered_by = Some((*policy).to_owned());
        }
        ranked.excluded.extend(link.excluded.iter().map(|exclusion| Excluded {
            candidate: exclusion.candidate,
            policy: (*policy).to_owned(),
            reason: exclusion.reason.clone(),
        }));
    }
    if let Some(order) = &mut ranked.order {
        order.retain(|index| !ranked.excluded.iter().any(|e| e.candidate == *index));
    }
    ranked
}

/// The first route; each later link only removes origins or shortens their time. A reason to stop prevails, and says
/// whose it is.
///
/// # Errors
/// The first link's reason to stop the job.
pub fn route(links: &[(&str, Result<Vec<Stage>, Reason>)]) -> Result<Option<Vec<Stage>>, Attributed> {
    let mut route: Option<Vec<Stage>> = None;
    for (policy, link) in links {
        let stages = link.as_ref().map_err(|reason| Attributed {
            policy: (*policy).to_owned(),
            ruling: Ruling::Deny,
            reason: reason.clone(),
        })?;
        route = Some(match route {
            None => stages.clone(),
            Some(before) => narrowed(before, stages),
        });
    }
    Ok(route)
}

fn narrowed(before: Vec<Stage>, by: &[Stage]) -> Vec<Stage> {
    let stage_of = |origin: &Origin| by.iter().find(|stage| stage.origins.contains(origin));
    let mut route = before;
    for stage in &mut route {
        stage.origins.retain(|origin| stage_of(origin).is_some());
        let theirs = stage.origins.iter().filter_map(|o| stage_of(o).and_then(|s| s.within_ms));
        stage.within_ms = theirs.chain(stage.within_ms).min();
    }
    route.retain(|stage| !stage.origins.is_empty());
    route
}

/// The first action that is not abstaining, and whose it is; none where all abstain.
#[must_use]
pub fn decide<'a>(links: &[(&'a str, Action)]) -> Option<(&'a str, Action)> {
    let decided = links.iter().find(|(_, action)| !matches!(action, Action::Abstain))?;
    Some((decided.0, decided.1.clone()))
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
