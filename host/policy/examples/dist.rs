//! Checks or rebuilds `plugins/dist`: `cargo run -p ggen-policy --example dist -- check|compare|rebuild`.
//!
//! `check` compares digests of sources and components with the lock; `compare` builds all anew and compares the bytes,
//! where the compiler is the lock's; `rebuild` builds all and writes components and lock.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ggen_policy::build::dist::{self, Rebuild};

fn main() -> ExitCode {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_else(|_| PathBuf::from("."));
    let done = match std::env::args().nth(1).as_deref() {
        Some("check") => dist::check(&root).map(|()| Vec::new()),
        Some("compare") => dist::rebuild(&root, Rebuild::Compare, &mut |name| eprintln!("building {name}")),
        Some("rebuild") => dist::rebuild(&root, Rebuild::Write, &mut |name| eprintln!("building {name}")),
        _ => {
            eprintln!("usage: dist check|compare|rebuild");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(built) => {
            for one in built {
                let component = &one.component;
                println!("{} {} {} bytes {}", component.name, component.version, component.size, component.digest);
                if let Some(other) = one.other_compiler {
                    println!("  built by {}, the lock's by {other}: digests were not compared", component.compiler);
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(source) = cause {
                eprintln!("  because: {source}");
                cause = source.source();
            }
            ExitCode::FAILURE
        }
    }
}
