//! Why this version: the order of the ranking policies, what they excluded, and what was asked for.

use ggen_core::PackageName;
use ggen_core::hooks::{Answer, Question, RankQuestion, chain};

use super::answer::{ExplainAnswer, ExplainedReason, ExplainedVersion};
use super::told::{Locks, Told, chains};

/// Versions that are told in a sentence.
const SHOWN: usize = 5;

pub(super) fn tell(name: &PackageName, rows: &[Told], locks: Locks<'_>, answer: &mut ExplainAnswer) {
    let ranked = chains(rows, "rank");
    let Some(chain) = ranked.iter().rfind(|chain| package(name, chain).is_some()) else { return };
    let Some((index, package)) = package(name, chain) else { return };
    let heeded: Vec<_> = chain.iter().filter(|told| told.is_heeded()).collect();
    answer.decisions.extend(heeded.iter().map(|told| told.row.id));
    let links: Vec<_> = heeded
        .iter()
        .filter_map(|told| match &told.answer {
            Some(Answer::Rank(rankings)) => Some((told.row.policy.as_str(), rankings.get(index)?.clone())),
            _ => None,
        })
        .collect();
    let together = chain::ranking(&links);
    let place = |candidate: usize| {
        let is_it = |index: &u32| usize::try_from(*index).is_ok_and(|index| index == candidate);
        together.order.as_ref().and_then(|order| order.iter().position(is_it)).map(|place| place + 1)
    };
    let excluded_by = |candidate: usize| {
        let is_it = |one: &&chain::Excluded| usize::try_from(one.candidate).is_ok_and(|index| index == candidate);
        together.excluded.iter().find(is_it).map(|one| one.policy.clone())
    };
    let version = |(index, candidate): (usize, &ggen_core::hooks::Candidate)| ExplainedVersion {
        version: candidate.version.clone(),
        place: place(index),
        excluded_by: excluded_by(index),
    };
    answer.versions = package.candidates.iter().enumerate().map(version).collect();
    answer.ordered_by.clone_from(&together.ordered_by);
    order(package, answer);
    for one in &together.excluded {
        let Some(told) = heeded.iter().find(|told| told.row.policy == one.policy) else { continue };
        let found = usize::try_from(one.candidate).ok().and_then(|index| package.candidates.get(index));
        let version = found.map(|candidate| candidate.version.clone()).unwrap_or_default();
        let (code, message) = (one.reason.code.clone(), one.reason.message.trim_end_matches('.').to_owned());
        answer.sentences.push(format!("{name} {version} was excluded by {}: {message} ({code}).", one.policy));
        answer.reasons.push(ExplainedReason {
            version,
            policy: one.policy.clone(),
            verdict: "excluded",
            mode: told.row.mode.clone(),
            code,
            message: one.reason.message.clone(),
            hint: one.reason.hint.clone(),
            locked_by: locks(&told.row),
        });
    }
    for told in heeded.iter().filter(|told| told.answer.is_none()) {
        answer.sentences.push(format!("{} could not rank the versions: {}.", told.row.policy, told.fault()));
    }
}

fn package<'a>(name: &PackageName, chain: &[&'a Told]) -> Option<(usize, &'a RankQuestion)> {
    let Question::Rank { packages, .. } = &chain.first()?.question else { return None };
    packages.iter().enumerate().find(|(_, package)| package.request.name == name.as_str())
}

/// The order, and where the version that was taken stood in it.
fn order(package: &RankQuestion, answer: &mut ExplainAnswer) {
    let mut placed: Vec<_> = answer.versions.iter().filter_map(|v| Some((v.place?, v.version.as_str()))).collect();
    placed.sort_unstable();
    let count = package.candidates.len();
    if let [only] = package.candidates.as_slice() {
        answer.sentences.push(format!("{} is its only known version.", only.version));
        return;
    }
    let Some(by) = answer.ordered_by.clone() else {
        answer.sentences.push(format!("No policy had a preference among its {count} known versions."));
        return;
    };
    let mut shown: Vec<_> = placed.iter().take(SHOWN).map(|(_, version)| *version).collect();
    if placed.len() > SHOWN {
        shown.push("…");
    }
    let mut said = vec![format!("Of its {count} known versions, {by} would rather have {}.", shown.join(", then "))];
    let taken = answer.version.clone();
    let place = placed.iter().find(|(_, version)| Some(*version) == taken.as_deref()).map(|(place, _)| *place);
    let asked = package.request.requirement.as_ref().map(|asked| format!(" ({asked})")).unwrap_or_default();
    match (&taken, place) {
        (Some(version), Some(1)) => said.push(format!("{version} stood first.")),
        (Some(version), Some(place)) => said.push(format!(
            "{version} stood at place {place}: what stood before it did not fit what is asked for{asked}, or was passed over."
        )),
        _ => {}
    }
    answer.sentences.append(&mut said);
}
