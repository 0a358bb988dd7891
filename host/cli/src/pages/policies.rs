//! What policies decided.

use ggen_market::{ExplainAnswer, LogAnswer, ReloadAnswer, ReplayAnswer, ReplayChange};

use super::{count, wrapped};
use crate::format::day;
use crate::output::Page;

/// `policy log`.
pub fn logged(page: &mut Page, answer: &LogAnswer) {
    if answer.decisions.is_empty() {
        page.line("nothing was decided that fits");
    }
    for one in &answer.decisions {
        let mode = if one.mode == "shadow" { " (only watches)" } else { "" };
        let (id, time, policy, verdict, subject) = (one.id, day(one.time), &one.policy, one.verdict, &one.subject);
        page.line(format!("{id}  {time}  {}  {policy}{mode}  {verdict}  {subject}", one.hook));
        one.reasons.iter().for_each(|reason| page.line(format!("    {reason}")));
        if let Some(fault) = &one.fault {
            page.line(format!("    no answer: {fault}"));
        }
        one.log.iter().for_each(|line| page.aside(format!("    log: {line}")));
    }
}

/// `policy explain`.
pub fn policy_explained(page: &mut Page, answer: &ExplainAnswer) {
    let Some(time) = answer.time else {
        page.line(format!("the log has no decision about {}", answer.name));
        return;
    };
    let task = answer.task.as_deref().unwrap_or("a job");
    page.heading(format!("{}, at the {task} of {}", answer.name, day(time)));
    answer.sentences.iter().for_each(|sentence| wrapped(page, sentence));
    let ids: Vec<_> = answer.decisions.iter().map(ToString::to_string).collect();
    page.aside(format!("told from {}: {}", count(ids.len(), "decision"), ids.join(", ")));
}

/// `policy replay`.
pub fn replayed(page: &mut Page, answer: &ReplayAnswer) {
    let how = match &answer.in_place_of {
        Some(policy) if *policy == answer.policy => "in the place of the one that was asked".to_owned(),
        Some(policy) => format!("in the place of {policy}"),
        None => "beside those that were asked".to_owned(),
    };
    let (policy, version) = (&answer.policy, &answer.version);
    page.heading(format!("{policy} {version}, asked {} again, {how}", count(answer.asked, "question")));
    answer.changes.iter().for_each(|change| changed(page, change));
    let told = u64::try_from(answer.changes.len()).unwrap_or(u64::MAX);
    if answer.changed > told {
        page.line(format!("… and {} more", answer.changed - told));
    }
    for left in &answer.left_out {
        page.warning(format!("{}  {}: {}", left.id, left.subject, left.reason));
    }
    let served = answer.not_served;
    if served > 0 {
        page.line(format!("{} went to functions that it does not have", count(served, "question")));
    }
    if answer.unchanged_policy > 0 {
        let fuel = match answer.other_fuel {
            0 => "the same fuel each time".to_owned(),
            other => format!("{} with other fuel: another version of the engine took them", count(other, "time")),
        };
        page.line(format!("{} of this very policy and settings: {fuel}", count(answer.unchanged_policy, "decision")));
    }
    let summary = format!("{} the same, {} otherwise", answer.same, answer.changed);
    if answer.changed == 0 { page.good(summary) } else { page.bad(summary) }
}

fn changed(page: &mut Page, change: &ReplayChange) {
    let ReplayChange { id, time, hook, subject, was, now, .. } = change;
    page.line(format!("{id}  {}  {hook}  {subject}: {was} → {now}", day(*time)));
    for one in &change.differences {
        page.line(format!("  - {}: {}", one.subject, one.was));
        page.line(format!("  + {}: {}", one.subject, one.now));
        one.reasons.iter().for_each(|reason| page.line(format!("    {}: {}", reason.code, reason.message)));
    }
    if let Some(fault) = &change.fault {
        let again = if change.replayable { "" } else { " (need not come again)" };
        page.line(format!("  + no answer: {fault}{again}"));
    }
}

/// `policy reload`.
pub fn reloaded(page: &mut Page, answer: &ReloadAnswer) {
    if answer.reloaded {
        page.good(format!("the running node uses them: its set {}", answer.generation));
    } else {
        page.good("all of them load; no node runs here, and every command reads them anew");
    }
    let rows: Vec<_> = answer
        .policies
        .iter()
        .map(|link| vec![link.hook.to_string(), link.policy.clone(), link.mode.clone()])
        .collect();
    page.table(2, &rows);
}
