//! Encodes, for each hook, the custom section that tells a component's maker what the component exports.
//!
//! The bindings are generated once for all hooks; a policy serves some. Each of these sections names one export alone,
//! and the ones that a policy's export line asks for are merged into its component.

use std::path::Path;
use std::{env, error::Error, fs};

use wit_component::{StringEncoding, metadata};
use wit_parser::Resolve;

/// Each section's name and what its world holds. A verifier of contents is a verifier too: the types are shared.
const SECTIONS: [(&str, &str); 6] = [
    ("plugin", "export ggen:policy/plugin@0.1.0;"),
    ("peer-scoring", "export ggen:policy/peer-scoring@0.1.0;"),
    ("verification", "export ggen:policy/verification@0.1.0;"),
    ("contents-verification", "export ggen:policy/verification@0.1.0; export ggen:policy/contents-verification@0.1.0;"),
    ("version-resolution", "export ggen:policy/version-resolution@0.1.0;"),
    ("fallback-policy", "export ggen:policy/fallback-policy@0.1.0;"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../wit");
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    for (name, items) in SECTIONS {
        let mut resolve = Resolve::default();
        resolve.push_dir(Path::new("../wit"))?;
        let package = resolve.push_str("hook.wit", &format!("package ggen:sdk; world {name}-hook {{ {items} }}"))?;
        let world = resolve.select_world(&[package], None)?;
        let section = metadata::encode(&resolve, world, StringEncoding::UTF8, None, false)?;
        fs::write(Path::new(&out).join(format!("{name}.bin")), section)?;
    }
    Ok(())
}
