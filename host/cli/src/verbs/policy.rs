//! `ggen policy`.
//!
//! Decides what time it is for `--since`; what was decided and why is the market's to tell.

use std::time::{SystemTime, UNIX_EPOCH};

use ggen_market::{LogRequest, ReplayRequest};

use crate::args::Policy;
use crate::errors::{Exit, Failure};
use crate::pages;

use super::session::Session;

pub fn run(verb: Policy, session: &Session<'_>) -> Result<Exit, Failure> {
    let market = session.market()?;
    match verb {
        Policy::Show => session.answer(&market.policy_show()?, pages::policy),
        Policy::Log { hook, policy, subject, since, limit } => {
            let since = since.map(|when| when.before(now()));
            let request = LogRequest { hook, policy, subject, since, limit: usize::from(limit) };
            session.answer(&market.policy_log(request)?, pages::logged)
        }
        Policy::Reload => session.answer(&session.run(market.policy_reload())?, pages::reloaded),
        Policy::Explain { name } => session.answer(&market.policy_explain(&name)?, pages::policy_explained),
        Policy::Replay { with, settings, policy, hook, subject, since, limit } => {
            let since = since.map(|when| when.before(now()));
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let request = ReplayRequest { component: with, settings, policy, hook, subject, since, limit };
            session.answer(&market.policy_replay(request)?, pages::replayed)
        }
    }
}

fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
