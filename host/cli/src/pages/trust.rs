//! Keys, whom names stand for, and who decides.

use ggen_core::hooks::Hook;
use ggen_market::{BindingsAnswer, KeyExport, KeysAnswer, PolicyAnswer};

use crate::format::day;
use crate::output::Page;

/// `key new`.
pub fn key_made(page: &mut Page, answer: &KeysAnswer) {
    page.good("the key is made; its secret stays in this home's keys/ (keep a copy of that folder)");
    keys(page, answer);
}

/// `key list`.
pub fn keys(page: &mut Page, answer: &KeysAnswer) {
    if answer.keys.is_empty() {
        page.line("there is no key; make one: ggen key new");
    }
    let rows: Vec<_> =
        answer.keys.iter().map(|key| vec![key.alias.clone(), key.publisher.to_string(), day(key.created)]).collect();
    page.table(0, &rows);
}

/// `key export`: a document to be handed on, whatever it is read with.
pub fn key_export(page: &mut Page, answer: &KeyExport) {
    page.own(&serde_json::to_string_pretty(answer).unwrap_or_default());
}

/// `key trust`, `key untrust`.
pub fn bindings(page: &mut Page, answer: &BindingsAnswer) {
    if answer.bindings.is_empty() {
        page.line("no name stands for anybody in this home");
    }
    let rows: Vec<_> =
        answer.bindings.iter().map(|binding| vec![binding.name.to_string(), binding.publisher.to_string()]).collect();
    page.table(0, &rows);
}

/// `policy show`.
pub fn policy(page: &mut Page, answer: &PolicyAnswer) {
    for (hook, links) in &answer.hooks {
        page.heading(hook.name());
        if links.is_empty() {
            page.line("  nobody is asked");
        }
        let rows: Vec<_> = links
            .iter()
            .map(|link| {
                let version = link.version.clone().unwrap_or_else(|| "-".to_owned());
                let digest = link.digest.map_or("-".to_owned(), |digest| digest.short());
                let locked = if link.locked { " (locked)" } else { "" };
                vec![
                    link.policy.clone(),
                    version,
                    digest,
                    link.mode.clone(),
                    format!("{}{}{locked}", link.from, link.line.map(|line| format!(":{line}")).unwrap_or_default()),
                ]
            })
            .collect();
        page.table(2, &rows);
        for link in links {
            if let Some(watched) = &link.watched {
                let (count, what) = match hook {
                    Hook::Verification => (watched.denied, "would have denied"),
                    _ => (watched.otherwise, "would have answered otherwise"),
                };
                let (policy, asked, days) = (&link.policy, watched.asked, watched.days);
                page.line(format!("  {policy} only watches: {what} {count} of {asked} in {days} days"));
            }
            if let Some(problem) = &link.problem {
                page.bad(format!("{}: {problem}", link.policy));
            }
        }
    }
}
