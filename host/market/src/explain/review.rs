//! Why it was refused, or let in: what the verification policies said of the plan and of the files.

use ggen_core::PackageName;
use ggen_core::hooks::chain::{self, HOST, Ruling};
use ggen_core::hooks::{Answer, Item, Question, Verdict};

use super::answer::{ExplainAnswer, ExplainedReason};
use super::told::{Locks, Told, chains};

pub(super) fn tell(name: &PackageName, rows: &[Told], locks: Locks<'_>, answer: &mut ExplainAnswer) {
    let plans = chains(rows, "review-plan");
    let with = plans.iter().filter(|chain| item(name, chain).is_some());
    let Some((last, earlier)) = with.collect::<Vec<_>>().split_last().map(|(l, e)| (*l, e.to_vec())) else { return };
    // Each time that something is passed over, the plan is solved and reviewed again: only the last counts.
    for chain in earlier {
        let Some((index, release)) = item(name, chain) else { continue };
        let version = release.release.version.clone();
        for told in chain.iter().filter(|told| told.is_heeded()) {
            if let Some(Verdict::PassOver(_)) = verdict(told, index) {
                reasons(told, index, &version, locks, answer);
            }
        }
    }
    let sentence = |reason: &ExplainedReason| {
        let ExplainedReason { version, policy, message, code, .. } = reason;
        format!("{name} {version} was passed over by {policy}: {} ({code}).", bare(message))
    };
    answer.sentences.extend(answer.reasons.iter().map(sentence).collect::<Vec<_>>());
    plan(name, last, locks, answer);
    contents(name, rows, locks, answer);
}

/// The item of a plan, or of a question about files, that is this package.
fn item<'a>(name: &PackageName, chain: &[&'a Told]) -> Option<(usize, &'a Item)> {
    match &chain.first()?.question {
        Question::ReviewPlan { plan, .. } => plan.iter().enumerate().find(|(_, i)| i.release.name == name.as_str()),
        Question::ReviewContents { item, .. } if item.release.name == name.as_str() => Some((0, item)),
        _ => None,
    }
}

fn verdict(told: &Told, index: usize) -> Option<&Verdict> {
    match told.answer.as_ref()? {
        Answer::ReviewPlan(verdicts) => verdicts.get(index),
        Answer::ReviewContents(verdict) => Some(verdict),
        _ => None,
    }
}

/// Notes what one policy says.
fn reasons(told: &Told, index: usize, version: &str, locks: Locks<'_>, answer: &mut ExplainAnswer) {
    answer.decisions.push(told.row.id);
    let blank = ExplainedReason {
        version: version.to_owned(),
        policy: told.row.policy.clone(),
        verdict: "fault",
        mode: told.row.mode.clone(),
        code: String::new(),
        message: told.fault().to_owned(),
        hint: None,
        locked_by: locks(&told.row),
    };
    let Some(verdict) = verdict(told, index) else { return answer.reasons.push(blank) };
    answer.reasons.extend(verdict.reasons().iter().map(|reason| ExplainedReason {
        verdict: verdict.word(),
        code: reason.code.clone(),
        message: reason.message.clone(),
        hint: reason.hint.clone(),
        ..blank.clone()
    }));
}

fn plan(name: &PackageName, chain: &[&Told], locks: Locks<'_>, answer: &mut ExplainAnswer) {
    let Some((index, release)) = item(name, chain) else { return };
    let Some(Question::ReviewPlan { plan, .. }) = chain.first().map(|told| &told.question) else { return };
    let heeded: Vec<_> = chain.iter().filter(|told| told.is_heeded()).collect();
    let links: Vec<_> = heeded
        .iter()
        .filter_map(|told| match &told.answer {
            Some(Answer::ReviewPlan(verdicts)) => Some((told.row.policy.as_str(), verdicts.clone())),
            _ => None,
        })
        .collect();
    let combined = chain::plan(plan.len(), &links);
    let has_failed = links.len() < heeded.len();
    let ruling = |index: usize| match combined.get(index) {
        _ if has_failed => Ruling::Deny,
        Some(combined) => combined.ruling,
        None => Ruling::Deny,
    };
    let version = release.release.version.clone();
    let before = answer.reasons.len();
    chain.iter().for_each(|told| reasons(told, index, &version, locks, answer));
    verdict_sentence(name, &version, ruling(index), answer);
    if ruling(index) <= Ruling::Warn {
        let allowing = |told: &&&&Told| matches!(verdict(told, index), Some(Verdict::Allow));
        let by: Vec<_> = heeded.iter().filter(allowing).map(|told| told.row.policy.as_str()).collect();
        if !by.is_empty() {
            answer.sentences.push(format!("{} allowed it.", by.join(" and ")));
        }
    } else if let Some(nobody) = combined.get(index).and_then(|c| c.by.iter().find(|by| by.policy == HOST)) {
        answer.sentences.push(format!("{} ({}).", bare(&nobody.reason.message), nobody.reason.code));
    }
    reason_sentences(before, answer);
    // A plan is used as a whole.
    let others = plan.iter().enumerate().filter(|(other, _)| *other != index && ruling(*other) == Ruling::Deny);
    let others: Vec<_> = others.map(|(_, i)| format!("{} {}", i.release.name, i.release.version)).take(8).collect();
    if !others.is_empty() && ruling(index) != Ruling::Deny && !has_failed {
        let text = "was denied with it, and a plan is used as a whole: see";
        answer.sentences.push(format!("{} {text} `ggen policy explain` of that name.", others.join(", ")));
    }
    answer.version = Some(version);
    answer.verdict = Some(word(ruling(index)));
}

fn contents(name: &PackageName, rows: &[Told], locks: Locks<'_>, answer: &mut ExplainAnswer) {
    let chains = chains(rows, "review-contents");
    let Some(chain) = chains.iter().rfind(|chain| item(name, chain).is_some()) else { return };
    let Some((_, release)) = item(name, chain) else { return };
    let heeded: Vec<_> = chain.iter().filter(|told| told.is_heeded()).collect();
    let links: Vec<_> = heeded.iter().filter_map(|t| Some((t.row.policy.as_str(), verdict(t, 0)?.clone()))).collect();
    let ruling = if links.len() < heeded.len() { Ruling::Deny } else { chain::contents(&links).ruling };
    let version = release.release.version.clone();
    let before = answer.reasons.len();
    chain.iter().for_each(|told| reasons(told, 0, &version, locks, answer));
    if ruling > Ruling::Allow {
        let how = if ruling == Ruling::Warn { "were let in with a warning" } else { "were refused" };
        answer.sentences.push(format!("Its files {how}."));
        answer.verdict = Some(word(ruling));
    } else if !heeded.is_empty() {
        let by: Vec<_> = heeded.iter().map(|told| told.row.policy.as_str()).collect();
        answer
            .sentences
            .push(format!("Its files were looked into by {}, which had nothing against them.", by.join(", ")));
    }
    reason_sentences(before, answer);
}

const fn word(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Allow => "allow",
        Ruling::Warn => "warn",
        Ruling::PassOver => "pass-over",
        Ruling::Deny => "deny",
    }
}

fn verdict_sentence(name: &PackageName, version: &str, ruling: Ruling, answer: &mut ExplainAnswer) {
    answer.sentences.push(match ruling {
        Ruling::Allow => format!("{name} {version} was let in."),
        Ruling::Warn => format!("{name} {version} was let in, with a warning."),
        Ruling::PassOver => format!("{name} {version} was passed over, and no other version would do."),
        Ruling::Deny => format!("{name} {version} was refused."),
    });
}

/// One sentence for each reason from `first` on.
fn reason_sentences(first: usize, answer: &mut ExplainAnswer) {
    let mut sentences = Vec::new();
    for reason in answer.reasons.iter().skip(first) {
        let ExplainedReason { policy, code, .. } = reason;
        let message = bare(&reason.message);
        let locked = reason.locked_by.as_ref().map(|by| format!(", locked by {by},")).unwrap_or_default();
        let only_watches = reason.mode == "shadow";
        let says = match (reason.verdict, only_watches) {
            ("fault", false) => {
                sentences.push(format!("{policy}{locked} gave no answer ({message}): a verifier that fails denies."));
                continue;
            }
            ("fault", true) => {
                sentences.push(format!("{policy}, which only watches, gave no answer: {message}."));
                continue;
            }
            ("warn", false) => "warned",
            ("pass-over", false) => "passed it over",
            (_, false) => "denied it",
            ("warn", true) => "would have warned",
            ("pass-over", true) => "would have passed it over",
            (_, true) => "would have denied it",
        };
        let who = if only_watches { format!("{policy}, which only watches,") } else { format!("{policy}{locked}") };
        let hint = reason.hint.as_ref().map(|hint| format!(" What to do: {}.", bare(hint))).unwrap_or_default();
        sentences.push(format!("{who} {says}: {message} ({code}).{hint}"));
    }
    answer.sentences.extend(sentences);
}

/// Without the full stop that a policy may have set.
fn bare(text: &str) -> &str {
    text.trim_end().trim_end_matches('.')
}
