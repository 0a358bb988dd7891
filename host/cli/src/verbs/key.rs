//! `ggen key`.

use crate::args::Key;
use crate::errors::{Exit, Failure};
use crate::pages;

use super::session::Session;

pub fn run(verb: Key, session: &Session<'_>) -> Result<Exit, Failure> {
    let market = session.market()?;
    match verb {
        Key::New { alias } => session.answer(&market.key_new(alias)?, pages::key_made),
        Key::List => session.answer(&market.key_list()?, pages::keys),
        Key::Export { alias } => session.answer(&market.key_export(alias)?, pages::key_export),
        Key::Trust { name, publisher } => session.answer(&market.key_trust(name, publisher)?, pages::bindings),
        Key::Untrust { name } => session.answer(&market.key_untrust(name)?, pages::bindings),
    }
}
