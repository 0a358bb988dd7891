//! From a policy's bytes to something that can be asked: sniffed, compiled or taken from the cache, linked, described.
//!
//! Decides whether a component fits this host at all. Never asks it a question. Invariant: nothing is compiled whose
//! imports are not the contract's, and what is loaded has the digest that its row in the log will name.

use std::path::Path;
use std::sync::Arc;

use ggen_core::hooks::check::{clean_text, is_code};
use ggen_core::hooks::{Description, PolicyLimits};
use wasmtime::component::Component;

use crate::cache::{Cache, Compiler};
use crate::child;
use crate::contract;
use crate::digest::digest_of;
use crate::error::{LinkProblem, PolicyError};
use crate::loaded::{Indices, Loaded};
use crate::run;
use crate::runtime::Runtime;
use crate::sniff::{self, Names};
use crate::source::{Source, read_component};

/// What loading needs.
pub struct Loader<'a> {
    /// The engine and its limits.
    pub runtime: &'a Runtime,
    /// Compiled components.
    pub cache: Option<&'a Cache>,
    /// For what is not part of this program; none: in this process.
    pub compiler: Option<&'a Arc<dyn Compiler>>,
}

impl Loader<'_> {
    /// Loads what `source` names, which must have the digest `pinned` if one is given.
    pub fn load(&self, source: &Source, pinned: Option<&str>) -> Result<Loaded, LinkProblem> {
        if let Source::Installed(path) = source
            && let Some(digest) = digest_in_name(path)
            && let Some(component) = self.cached(&digest)
        {
            check_pin(pinned, &digest)?;
            return self.finish(component, digest);
        }
        let read;
        let bytes = match source {
            Source::BuiltIn(bytes) => *bytes,
            Source::File(path) | Source::Installed(path) => {
                read = read_component(path, &self.runtime.limits)?;
                read.as_slice()
            }
        };
        let digest = digest_of(bytes);
        check_pin(pinned, &digest)?;
        if let Source::Installed(path) = source {
            check_pin(digest_in_name(path).as_deref(), &digest)?;
        }
        match self.cached(&digest) {
            Some(component) => self.finish(component, digest),
            None => self.load_new(bytes, digest, matches!(source, Source::BuiltIn(_))),
        }
    }

    /// Loads bytes from outside that have this digest.
    pub fn load_bytes(&self, bytes: &[u8], digest: String) -> Result<Loaded, LinkProblem> {
        match self.cached(&digest) {
            Some(component) => self.finish(component, digest),
            None => self.load_new(bytes, digest, false),
        }
    }

    /// Loads bytes of which nothing is compiled yet.
    fn load_new(&self, bytes: &[u8], digest: String, trusted: bool) -> Result<Loaded, LinkProblem> {
        sniff::offers(&sniff::names(bytes)?)?;
        let component = self.compile(bytes, &digest, trusted)?;
        self.finish(component, digest)
    }

    fn cached(&self, digest: &str) -> Option<Component> {
        self.cache.and_then(|cache| cache.load(&self.runtime.engine, digest))
    }

    fn compile(&self, bytes: &[u8], digest: &str, trusted: bool) -> Result<Component, LinkProblem> {
        let compiler = match (trusted, self.compiler) {
            (true, _) => None,
            (false, Some(given)) => Some(given),
            (false, None) => child::default_compiler(),
        };
        match compiler {
            Some(compiler) => self.compile_outside(compiler, bytes, digest),
            None => self.compile_here(bytes, digest),
        }
    }

    fn compile_here(&self, bytes: &[u8], digest: &str) -> Result<Component, LinkProblem> {
        let engine = &self.runtime.engine;
        let component = Component::new(engine, bytes).map_err(|e| cannot_compile(format!("{e:#}")))?;
        if let Some(cache) = self.cache
            && let Ok(code) = component.serialize()
        {
            cache.keep(digest, &code);
        }
        Ok(component)
    }

    /// Where nothing can be kept, a folder of the moment takes what was compiled: code is loaded from this user's own
    /// files alone.
    fn compile_outside(
        &self,
        compiler: &Arc<dyn Compiler>,
        bytes: &[u8],
        digest: &str,
    ) -> Result<Component, LinkProblem> {
        let code = compiler.compile(bytes, &self.runtime.limits).map_err(|error| match error {
            PolicyError::Compile { message } => cannot_compile(message),
            other => cannot_compile(other.to_string()),
        })?;
        if let Some(cache) = self.cache {
            cache.keep(digest, &code);
            if let Some(component) = self.cached(digest) {
                return Ok(component);
            }
        }
        let folder = tempfile::tempdir().map_err(|e| cannot_compile(format!("its code cannot be kept: {e}")))?;
        let cache = Cache::new(folder.path().to_owned(), self.runtime.compatibility());
        cache.keep(digest, &code);
        let loaded = cache.load(&self.runtime.engine, digest);
        loaded.ok_or_else(|| cannot_compile("what its compiler made cannot be loaded".into()))
    }

    fn finish(&self, component: Component, digest: String) -> Result<Loaded, LinkProblem> {
        let engine = &self.runtime.engine;
        let ty = component.component_type();
        let names = Names {
            imports: ty.imports(engine).map(|(name, _)| name.to_owned()).collect(),
            exports: ty.exports(engine).map(|(name, _)| name.to_owned()).collect(),
        };
        let offers = sniff::offers(&names)?;
        // What was described here before had the contract's types then, and an entry of another contract has another name.
        let described = self.cache.and_then(|cache| cache.description(&digest));
        if described.is_none() {
            contract::check(engine, &component)?;
        }
        let pre = self.runtime.linker.instantiate_pre(&component).map_err(|e| LinkProblem::types("import", &e))?;
        let indices = Indices::of(&pre, offers)?;
        let description = match described {
            Some(description) => description,
            None => {
                let description = run::describe(self.runtime, &pre, &indices)?;
                let description = check_description(description, &self.runtime.limits)?;
                if let Some(cache) = self.cache {
                    cache.keep_description(&digest, &description);
                }
                description
            }
        };
        Ok(Loaded { digest, source: None, offers, description, pre, indices })
    }
}

fn cannot_compile(message: String) -> LinkProblem {
    LinkProblem::Compile { message }
}

/// The digest that a file `<sha256>.wasm` is named after.
fn digest_in_name(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let is_digest = stem.len() == 64 && stem.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_digest.then(|| stem.to_owned())
}

fn check_pin(pinned: Option<&str>, found: &str) -> Result<(), LinkProblem> {
    match pinned {
        Some(pin) if !pin.trim_start_matches("sha256:").eq_ignore_ascii_case(found) => {
            Err(LinkProblem::Digest { pinned: pin.to_owned(), found: found.to_owned() })
        }
        _ => Ok(()),
    }
}

fn check_description(given: Description, limits: &PolicyLimits) -> Result<Description, LinkProblem> {
    const VERSION_BYTES: usize = 64;
    let bad = |message: String| LinkProblem::Description { message };
    if !is_code(&given.name) {
        let name = clean_text(&given.name, VERSION_BYTES);
        return Err(bad(format!("the name `{name}` is not of the form [a-z0-9-]{{1,64}}")));
    }
    if given.settings_schema.len() > limits.settings_bytes {
        return Err(bad(format!("the settings schema has more than {} bytes", limits.settings_bytes)));
    }
    Ok(Description {
        version: clean_text(&given.version, VERSION_BYTES),
        summary: clean_text(&given.summary, limits.text_bytes),
        ..given
    })
}
