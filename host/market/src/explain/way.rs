//! Why from there: the route, the holders' scores, and what was done about trouble.

use ggen_core::PackageName;
use ggen_core::hooks::{Action, Answer, PeerFacts, Question, chain, compare};

use super::answer::{ExplainAnswer, ExplainedHolder};
use super::told::{Told, chains};

/// Scores that are told in a sentence.
const SHOWN: usize = 5;

pub(super) fn tell(name: &PackageName, rows: &[Told], answer: &mut ExplainAnswer) {
    route(rows, answer);
    holders(name, rows, answer);
    trouble(name, rows, answer);
}

fn route(rows: &[Told], answer: &mut ExplainAnswer) {
    let routes = chains(rows, "route");
    let Some(chain) = routes.first() else { return };
    let heeded: Vec<_> = chain.iter().filter(|told| told.is_heeded()).collect();
    let links: Vec<_> = heeded
        .iter()
        .filter_map(|told| match &told.answer {
            Some(Answer::Route(route)) => Some((told.row.policy.as_str(), route.clone())),
            _ => None,
        })
        .collect();
    let by: Vec<_> = links.iter().map(|(policy, _)| *policy).collect();
    answer.decisions.extend(heeded.iter().map(|told| told.row.id));
    match chain::route(&links) {
        Ok(Some(stages)) => {
            let (by, stages) = (by.join(" and "), compare::route(&stages));
            answer.sentences.push(format!("It might come from: {stages} ({by})."));
        }
        Ok(None) => {}
        Err(stopped) => {
            let (policy, reason) = (&stopped.policy, &stopped.reason);
            let message = reason.message.trim_end_matches('.');
            answer.sentences.push(format!("{policy} stopped the job: {message} ({}).", reason.code));
        }
    }
}

/// The archive's length, by which its holders' question is known.
fn size(name: &PackageName, rows: &[Told]) -> Option<u64> {
    rows.iter().rev().find_map(|told| match &told.question {
        Question::ReviewPlan { plan, .. } => {
            let item = plan.iter().find(|item| item.release.name == name.as_str())?;
            Some(item.release.archive_size)
        }
        _ => None,
    })
}

fn holders(name: &PackageName, rows: &[Told], answer: &mut ExplainAnswer) {
    let Some(size) = size(name, rows) else { return };
    let scored = chains(rows, "score");
    let is_it = |chain: &&Vec<&Told>| {
        chain.first().is_some_and(|told| matches!(&told.question, Question::Score { bytes: Some(b), .. } if *b == size))
    };
    let Some(chain) = scored.iter().rfind(is_it) else { return };
    let Some(Question::Score { peers, .. }) = chain.first().map(|told| &told.question) else { return };
    let heeded: Vec<_> = chain.iter().filter(|told| told.is_heeded()).collect();
    answer.decisions.extend(heeded.iter().map(|told| told.row.id));
    let given = |told: &&&&Told| matches!(told.answer, Some(Answer::Score(_)));
    let by: Vec<_> = heeded.iter().filter(given).map(|told| told.row.policy.as_str()).collect();
    let scores: Vec<Vec<f64>> = heeded
        .iter()
        .filter_map(|told| match &told.answer {
            Some(Answer::Score(scores)) => Some(scores.clone()),
            _ => None,
        })
        .collect();
    let Some(scores) = chain::scores(&scores) else {
        let text = "no scoring policy answered, and built-in scores stood in";
        answer.sentences.push(format!("{} held it; {text}.", count(peers.len())));
        return;
    };
    answer.holders = peers.iter().zip(scores).map(|(peer, score)| holder(peer, score)).collect();
    answer.holders.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut shown: Vec<_> = answer.holders.iter().take(SHOWN).map(|one| format!("{:.2}", one.score)).collect();
    if answer.holders.len() > SHOWN {
        shown.push("…".to_owned());
    }
    let (by, shown) = (by.join(" and "), shown.join(", "));
    answer.sentences.push(format!("{} held it, asked best first by {by}'s scores: {shown}.", count(peers.len())));
    if let Some(best) = answer.holders.first() {
        let named = if best.named { ", and the operator names it" } else { "" };
        let (good, bad) = (best.successes, best.failures);
        answer
            .sentences
            .push(format!("The best had {good:.1} good and {bad:.1} bad answers in the last month{named}."));
    }
}

fn holder(peer: &PeerFacts, score: f64) -> ExplainedHolder {
    let failures = peer.month.failures + peer.month.timeouts + peer.month.corruptions;
    ExplainedHolder { score, named: peer.traits.named, successes: peer.month.successes, failures }
}

fn trouble(name: &PackageName, rows: &[Told], answer: &mut ExplainAnswer) {
    for told in rows.iter().filter(|told| told.is_heeded()) {
        let Question::Decide { situation, .. } = &told.question else { continue };
        let Some(Answer::Decide(action)) = &told.answer else { continue };
        if situation.package.as_deref() != Some(name.as_str()) || *action == Action::Abstain {
            continue;
        }
        answer.decisions.push(told.row.id);
        let does = compare::told(&Answer::Decide(action.clone()));
        let (code, origin, policy) = (&situation.code, situation.origin, &told.row.policy);
        answer.sentences.push(format!("On {code} at {origin}, {policy} chose: {does}."));
    }
}

fn count(holders: usize) -> String {
    format!("{holders} holder{}", if holders == 1 { "" } else { "s" })
}
