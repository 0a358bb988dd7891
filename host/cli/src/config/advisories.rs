//! `[[advisories]]`: packages that are feeds of advisories.
//!
//! Decides how a feed is written; whether its package is here, and what it says, is seen when a job needs it.

use ggen_core::{PackageName, PublisherId};
use ggen_market::Feed;
use toml::de::DeTable;

use super::document::Document;
use super::error::ConfigError;

/// Keys of one `[[advisories]]`.
const FEED: [&str; 2] = ["package", "publisher"];
/// The most feeds of a file.
const MAX_FEEDS: usize = 32;
const FORM: &str = "begin each with [[advisories]], and name its package: package = \"acme-advisories\"";

/// Reads the feeds of a file.
pub fn read(document: &Document, root: &DeTable<'_>) -> Result<Vec<Feed>, ConfigError> {
    let Some(value) = root.get("advisories") else { return Ok(Vec::new()) };
    let Some(list) = value.get_ref().as_array() else {
        return Err(document.wrong(value.span(), "`advisories` must be a list of tables".to_owned(), FORM));
    };
    if list.len() > MAX_FEEDS {
        let problem = format!("{} feeds are more than the {MAX_FEEDS} that there may be", list.len());
        return Err(document.wrong(value.span(), problem, "take some out"));
    }
    let mut feeds: Vec<Feed> = Vec::new();
    for entry in list.iter() {
        let Some(table) = entry.get_ref().as_table() else {
            return Err(document.wrong(entry.span(), "`advisories` must be a list of tables".to_owned(), FORM));
        };
        document.only(table, "in [[advisories]]", &FEED)?;
        let Some(package) = table.get("package") else {
            let problem = "this [[advisories]] does not say which package it is".to_owned();
            return Err(document.wrong(entry.span(), problem, FORM));
        };
        let written: String = document.take(package, "package", FORM)?;
        let name: PackageName = written
            .parse()
            .map_err(|e: ggen_core::name::NameError| document.wrong(package.span(), e.to_string(), FORM))?;
        if feeds.iter().any(|feed| feed.package.collision_key() == name.collision_key()) {
            return Err(document.wrong(package.span(), format!("{name} is there twice"), "keep one of the two"));
        }
        feeds.push(Feed { package: name, publisher: publisher(document, table)?, from: document.path().to_owned() });
    }
    Ok(feeds)
}

fn publisher(document: &Document, table: &DeTable<'_>) -> Result<Option<PublisherId>, ConfigError> {
    let form = "write a publisher's whole id: 64 lowercase hexadecimal digits";
    let Some(value) = table.get("publisher") else { return Ok(None) };
    let written: String = document.take(value, "publisher", form)?;
    let wrong = |e: ggen_core::digest::DigestError| document.wrong(value.span(), e.to_string(), form);
    written.parse().map(Some).map_err(wrong)
}
