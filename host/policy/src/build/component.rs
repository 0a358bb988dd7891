//! A component from a core module, and what it imports and exports.
//!
//! It checks shape alone: nothing is run, and the host checks again when it loads a component from anywhere. Invariant: a
//! component that leaves here is valid, exports `plugin` and a hook, and imports nothing but the contract.

use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, DecodedWasm};

use super::error::BuildError;

/// What a policy may import. `verification` has types that `contents-verification` needs, and `types` has only types.
const IMPORTS: [&str; 4] = [
    "ggen:policy/types@0.1.0",
    "ggen:policy/log@0.1.0",
    "ggen:policy/contents@0.1.0",
    "ggen:policy/verification@0.1.0",
];
const PLUGIN: &str = "ggen:policy/plugin@0.1.0";
const HOOKS: [&str; 5] = [
    "ggen:policy/peer-scoring@0.1.0",
    "ggen:policy/verification@0.1.0",
    "ggen:policy/contents-verification@0.1.0",
    "ggen:policy/version-resolution@0.1.0",
    "ggen:policy/fallback-policy@0.1.0",
];

/// The names of what a component imports and exports, each sorted.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Makes a core module into a component and checks its shape.
pub(super) fn from_module(name: &str, module: &[u8]) -> Result<Vec<u8>, BuildError> {
    // Asked first: the encoder says of these only that something is not resolved.
    let foreign = foreign_modules(module);
    if !foreign.is_empty() {
        return Err(BuildError::ForeignImports { name: name.to_owned(), imports: foreign });
    }
    let encode = || ComponentEncoder::default().validate(true).module(module)?.encode();
    let component = encode().map_err(|source| BuildError::Encode { name: name.to_owned(), source: source.into() })?;
    check(name, &component)?;
    Ok(component)
}

/// What a core module imports from elsewhere than the contract, each place once. What cannot be read is the encoder's to
/// refuse.
fn foreign_modules(module: &[u8]) -> Vec<String> {
    let mut foreign: Vec<String> = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Ok(payload) = payload else { break };
        let Payload::ImportSection(section) = payload else { continue };
        for import in section.into_imports().map_while(Result::ok) {
            let known = IMPORTS.contains(&import.module) || import.module.starts_with("[export]ggen:policy/");
            if !known && !foreign.iter().any(|place| place == import.module) {
                foreign.push(import.module.to_owned());
            }
        }
    }
    foreign
}

/// Refuses a component that imports more than the contract, or serves no hook.
pub(super) fn check(name: &str, component: &[u8]) -> Result<(), BuildError> {
    let shape = shape(name, component)?;
    let foreign: Vec<String> = shape.imports.into_iter().filter(|import| !IMPORTS.contains(&import.as_str())).collect();
    if !foreign.is_empty() {
        return Err(BuildError::ForeignImports { name: name.to_owned(), imports: foreign });
    }
    let exports = |wanted: &str| shape.exports.iter().any(|export| export == wanted);
    if !exports(PLUGIN) || !HOOKS.iter().any(|hook| exports(hook)) {
        return Err(BuildError::NoHook { name: name.to_owned(), exports: shape.exports });
    }
    Ok(())
}

fn shape(name: &str, component: &[u8]) -> Result<Shape, BuildError> {
    let encode =
        |source: Box<dyn std::error::Error + Send + Sync>| BuildError::Encode { name: name.to_owned(), source };
    let decoded = wit_component::decode(component).map_err(|source| encode(source.into()))?;
    let DecodedWasm::Component(resolve, world) = &decoded else {
        return Err(encode("it is a package of interfaces, not a component".into()));
    };
    let Some(world) = resolve.worlds.get(*world) else {
        return Err(encode("it has no world".into()));
    };
    let mut imports: Vec<String> = world.imports.keys().map(|key| resolve.name_world_key(key)).collect();
    let mut exports: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    imports.sort();
    exports.sort();
    Ok(Shape { imports, exports })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(matches!(from_module("odd", b"not wasm"), Err(BuildError::Encode { name, .. }) if name == "odd"));
        assert!(matches!(check("odd", b""), Err(BuildError::Encode { .. })));
    }

    #[test]
    fn a_component_that_imports_something_else_is_refused_by_name() {
        let wasi = wat::parse_str(r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#).unwrap();
        let refused = check("odd", &wasi).unwrap_err();
        assert!(refused.to_string().contains("wasi:clocks/wall-clock@0.2.0"), "{refused}");
    }

    #[test]
    fn a_module_that_imports_something_else_is_refused_by_name() {
        let module = r#"(module (import "wasi_snapshot_preview1" "clock_time_get" (func))
            (import "wasi_snapshot_preview1" "fd_write" (func)) (import "ggen:policy/log@0.1.0" "emit" (func)))"#;
        let refused = from_module("odd", &wat::parse_str(module).unwrap()).unwrap_err();
        assert!(
            matches!(&refused, BuildError::ForeignImports { imports, .. } if *imports == ["wasi_snapshot_preview1"]),
            "{refused}"
        );
    }

    #[test]
    fn a_component_without_a_hook_is_refused() {
        let empty = wat::parse_str("(component)").unwrap();
        assert!(matches!(check("odd", &empty), Err(BuildError::NoHook { exports, .. }) if exports.is_empty()));
    }
}
