//! What a set of links as a whole may not do: loosen what an organization locked.
//!
//! Decides by the configuration alone, before anything is loaded, so that the user is told at once. Nothing that is told
//! here could have taken the locked link out: it is asked all the same. Invariant: what stands in an organization's own
//! files is never told.

use ggen_core::hooks::Hook;

use crate::link_config::{LinkConfig, LinkSource, Mode};

/// A user's link that would loosen an organization's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loosened {
    /// Which hook's chain.
    pub hook: Hook,
    /// The policy, as both name it.
    pub policy: String,
    /// Where it is locked: file and line.
    pub locked_by: String,
    /// Where it would be loosened.
    pub by: String,
    /// In which way, as a clause: `turns it off`.
    pub how: &'static str,
}

/// In which way `link` would loosen `lock`, if it could.
pub(crate) fn loosens(lock: &LinkConfig, link: &LinkConfig) -> Option<&'static str> {
    let other_digest = link.digest.is_some() && link.digest != lock.digest;
    match link.mode {
        Mode::Off if lock.mode != Mode::Off => Some("turns it off"),
        Mode::Shadow if lock.mode == Mode::Enforce => Some("only watches with it"),
        _ if other_digest => Some("pins another digest of it"),
        _ if link.allow_missing && !lock.allow_missing => Some("lets its hook do without it"),
        _ if !link.settings.is_null() && link.settings != lock.settings => Some("gives it other settings"),
        _ => None,
    }
}

/// All links of users that would loosen a locked one.
#[must_use]
pub fn loosened(links: &[LinkConfig]) -> Vec<Loosened> {
    let is_locked = |link: &&LinkConfig| link.locked && matches!(link.from, LinkSource::Organization(_));
    let locks: Vec<_> = links.iter().filter(is_locked).collect();
    let users = links.iter().filter(|link| matches!(link.from, LinkSource::User(_)));
    users
        .filter_map(|link| {
            let lock = locks.iter().find(|lock| lock.hook == link.hook && lock.use_ == link.use_)?;
            let how = loosens(lock, link)?;
            Some(Loosened {
                hook: link.hook,
                policy: link.use_.clone(),
                locked_by: lock.place(),
                by: link.place(),
                how,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn link(from: LinkSource) -> LinkConfig {
        LinkConfig::new(Hook::Verification, "org-allowlist", from)
    }

    #[test]
    fn every_way_to_loosen_a_lock_is_told_and_repeating_it_is_not() {
        let organization = LinkSource::Organization("/etc/ggen/policy.toml".into());
        let user = || link(LinkSource::User("config.toml".into()));
        let lock = LinkConfig { locked: true, settings: json!({"names": ["a"]}), ..link(organization.clone()) };
        let said = |user: LinkConfig| loosened(&[lock.clone(), user]).first().map(|l| l.how);
        assert_eq!(said(LinkConfig { mode: Mode::Off, ..user() }), Some("turns it off"));
        assert_eq!(said(LinkConfig { mode: Mode::Shadow, ..user() }), Some("only watches with it"));
        assert_eq!(said(LinkConfig { digest: Some("d".into()), ..user() }), Some("pins another digest of it"));
        assert_eq!(said(LinkConfig { allow_missing: true, ..user() }), Some("lets its hook do without it"));
        assert_eq!(said(LinkConfig { settings: json!({}), ..user() }), Some("gives it other settings"));
        assert_eq!(said(user()), None);
        assert_eq!(said(LinkConfig { settings: lock.settings.clone(), ..user() }), None);
        assert_eq!(said(LinkConfig { mode: Mode::Off, use_: "other".into(), ..user() }), None);
        let own = LinkConfig { mode: Mode::Shadow, ..link(organization) };
        assert_eq!(said(own), None, "what the organization tries out beside its own lock");
        let unlocked = LinkConfig { locked: false, ..lock.clone() };
        assert!(loosened(&[unlocked, LinkConfig { mode: Mode::Off, ..user() }]).is_empty());
    }
}
