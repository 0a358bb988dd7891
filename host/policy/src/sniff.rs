//! What a component wants and offers, read from its outermost sections without compiling it.
//!
//! Decides whether its imports and exports are the contract's, by name and version. Never runs, validates or compiles.
//! Invariant: hostile bytes cost one pass over them.

use ggen_core::hooks::Hook;
use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload};

use crate::bindings::VERSION;
use crate::error::LinkProblem;

const PACKAGE: &str = "ggen:policy/";
/// What a policy may import: functions of the first two, types of the others.
const IMPORTS: [&str; 4] = ["log", "contents", "types", "verification"];

/// Names in a component's outermost imports and exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// In their order.
    pub imports: Vec<String>,
    /// In their order.
    pub exports: Vec<String>,
}

/// Which of the contract's interfaces a component exports beside `plugin`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    /// `verification`.
    pub verification: bool,
    /// `contents-verification`.
    pub contents: bool,
    /// `version-resolution`.
    pub resolution: bool,
    /// `peer-scoring`.
    pub scoring: bool,
    /// `fallback-policy`.
    pub fallback: bool,
}

impl Offers {
    /// Whether it can stand in this hook's chain.
    pub const fn serves(self, hook: Hook) -> bool {
        match hook {
            Hook::Verification => self.verification || self.contents,
            Hook::VersionResolution => self.resolution,
            Hook::PeerScoring => self.scoring,
            Hook::FallbackPolicy => self.fallback,
        }
    }

    /// The hooks in whose chains it can stand.
    pub fn hooks(self) -> Vec<Hook> {
        Hook::ALL.into_iter().filter(|hook| self.serves(*hook)).collect()
    }
}

/// Reads the names.
pub fn names(bytes: &[u8]) -> Result<Names, LinkProblem> {
    let bad = |what: String| LinkProblem::NotAComponent { what };
    if Parser::is_core_wasm(bytes) {
        return Err(bad("it is a core module, which has to be made into a component first".into()));
    }
    if !Parser::is_component(bytes) {
        return Err(bad(describe_foreign(bytes)));
    }
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|e| bad(e.to_string()))? {
            Payload::Version { encoding: Encoding::Component | Encoding::Module, .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    names.imports.push(import.map_err(|e| bad(e.to_string()))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    names.exports.push(export.map_err(|e| bad(e.to_string()))?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn describe_foreign(bytes: &[u8]) -> String {
    match bytes {
        [] => "it is empty".into(),
        [0x7f, b'E', b'L', b'F', ..] => "it is compiled code".into(),
        [0, b'a', b's', b'm', ..] => "its header names a version that is not known".into(),
        _ if std::str::from_utf8(bytes).is_ok() => "it is text".into(),
        _ => "it does not begin as one".into(),
    }
}

/// Checks the names against the contract and tells what is offered.
pub fn offers(names: &Names) -> Result<Offers, LinkProblem> {
    for import in &names.imports {
        let refused = || LinkProblem::Import { import: import.clone() };
        let interface = contract_interface(import)?.ok_or_else(refused)?;
        if !IMPORTS.contains(&interface) {
            return Err(refused());
        }
    }
    let mut offers = Offers::default();
    let mut is_plugin = false;
    for export in &names.exports {
        match contract_interface(export)? {
            Some("plugin") => is_plugin = true,
            Some("verification") => offers.verification = true,
            Some("contents-verification") => offers.contents = true,
            Some("version-resolution") => offers.resolution = true,
            Some("peer-scoring") => offers.scoring = true,
            Some("fallback-policy") => offers.fallback = true,
            _ => {}
        }
    }
    if !is_plugin {
        return Err(LinkProblem::MissingExport { interface: format!("{PACKAGE}plugin@{VERSION}") });
    }
    if offers == Offers::default() {
        return Err(LinkProblem::MissingExport { interface: "any hook of the contract".into() });
    }
    Ok(offers)
}

/// The interface's name, if it is one of the contract's; another version of it is refused.
fn contract_interface(name: &str) -> Result<Option<&str>, LinkProblem> {
    let Some(rest) = name.strip_prefix(PACKAGE) else { return Ok(None) };
    match rest.split_once('@') {
        Some((interface, VERSION)) => Ok(Some(interface)),
        _ => Err(LinkProblem::Version { theirs: name.to_owned(), ours: VERSION }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(wat: &str) -> String {
        let names = names(&wat::parse_str(wat).unwrap()).unwrap();
        offers(&names).unwrap_err().to_string()
    }

    #[test]
    fn foreign_bytes_are_named() {
        for (bytes, what) in [
            (&b""[..], "empty"),
            (b"hello", "text"),
            (b"\x7fELF\x02", "compiled code"),
            (b"\0asm\x01\0\0\0", "core module"),
            (b"\0asm\x77\0\0\0", "version"),
            (b"\xff\xfe", "does not begin"),
        ] {
            let text = names(bytes).unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
    }

    #[test]
    fn truncated_components_are_refused_at_every_length() {
        let whole = wat::parse_str("(component (import \"a\" (func)) (core module (func)))").unwrap();
        for end in 0..whole.len() {
            let _ = names(&whole[..end]);
        }
        assert_eq!(names(&whole).unwrap().imports, ["a"]);
    }

    #[test]
    fn a_foreign_import_is_named() {
        let text = refusal("(component (import \"wasi:cli/environment@0.2.0\" (instance)))");
        assert!(text.contains("`wasi:cli/environment@0.2.0`"), "{text}");
        let text = refusal("(component (import \"ggen:policy/plugin@0.1.0\" (instance)))");
        assert!(text.contains("plugin"), "{text}");
    }

    #[test]
    fn another_contract_version_names_both() {
        let text = refusal("(component (import \"ggen:policy/log@0.2.0\" (instance)))");
        assert!(text.contains("0.2.0") && text.contains("0.1.0"), "{text}");
    }

    #[test]
    fn imports_of_nested_components_are_not_its_own() {
        let wat = "(component (component (import \"wasi:cli/run\" (func))))";
        assert_eq!(names(&wat::parse_str(wat).unwrap()).unwrap(), Names::default());
    }
}
