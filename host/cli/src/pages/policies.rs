//! What policies decided.

use ggen_market::LogAnswer;

use crate::output::{Page, day};

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
