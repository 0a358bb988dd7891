//! A component looked at before it is used: for `plugin check`, `inspect` and `list`.
//!
//! Decides whether it would load here, and says everything that speaks against it. Runs nothing but `describe` and
//! `configure` with empty settings, within the limits. Invariant: any bytes end in an inspection, never in a failure.

use std::path::Path;
use std::sync::Arc;

use ggen_core::hooks::{Description, Hook, PolicyLimits, Problem};
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Compiler};
use crate::digest::digest_of;
use crate::error::LinkProblem;
use crate::load::Loader;
use crate::loaded::Loaded;
use crate::run;
use crate::runtime::Runtime;
use crate::sniff;
use crate::source::check_size;

/// What a component is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// Whether it would load here.
    pub fits: bool,
    /// The hooks that it serves.
    pub hooks: Vec<Hook>,
    /// What it imports, as it names it.
    pub imports: Vec<String>,
    /// What it exports, as it names it.
    pub exports: Vec<String>,
    /// What it says of itself, if it got so far.
    pub description: Option<Description>,
    /// What speaks against it.
    pub problems: Vec<String>,
    /// Settings that it cannot do without: why it refuses empty ones. No problem by itself.
    pub needs: Vec<Problem>,
    /// In bytes.
    pub size: u64,
    /// SHA-256, lowercase hexadecimal.
    pub digest: String,
}

/// Looks at a component: its names, whether it compiles and links, its types, its description.
///
/// `cache_dir`: where compiled components are; none: nothing is kept. `compiler`: for compiling outside this process.
#[must_use]
pub fn inspect_component(
    bytes: &[u8],
    limits: &PolicyLimits,
    cache_dir: Option<&Path>,
    compiler: Option<&Arc<dyn Compiler>>,
) -> Inspection {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let mut inspection = Inspection { size, digest: digest_of(bytes), ..Inspection::default() };
    match look(bytes, limits, cache_dir, compiler, &mut inspection) {
        Ok(()) => inspection.fits = true,
        Err(problem) => inspection.problems.push(problem.text()),
    }
    inspection
}

fn look(
    bytes: &[u8],
    limits: &PolicyLimits,
    cache_dir: Option<&Path>,
    compiler: Option<&Arc<dyn Compiler>>,
    inspection: &mut Inspection,
) -> Result<(), Arc<LinkProblem>> {
    check_size(bytes, limits)?;
    let names = sniff::names(bytes)?;
    inspection.imports.clone_from(&names.imports);
    inspection.exports.clone_from(&names.exports);
    inspection.hooks = sniff::offers(&names)?.hooks();
    let runtime = Runtime::new(limits.clone()).map_err(|e| LinkProblem::Engine { message: format!("{e:#}") })?;
    let cache = cache_dir.map(|folder| Cache::new(folder.to_owned(), runtime.compatibility()));
    let loader = Loader { runtime: &runtime, cache: cache.as_ref(), compiler };
    let digest = inspection.digest.clone();
    let loaded = runtime
        .scoped(|| {
            let loaded = loader.load_bytes(bytes, digest)?;
            Ok::<_, Arc<LinkProblem>>((run::try_settings(&runtime, &loaded, "{}"), loaded))
        })
        .map_err(|source| LinkProblem::Start { source })?;
    let (configured, loaded): (_, Loaded) = loaded?;
    inspection.description = Some(loaded.description);
    match configured {
        Err(problem) => match &*problem {
            LinkProblem::Settings { problems } => {
                inspection.needs.clone_from(problems);
                Ok(())
            }
            _ => Err(problem),
        },
        Ok(()) => Ok(()),
    }
}
