//! The chains of all hooks, with their components, each loaded when it is first asked for.
//!
//! Decides where a policy's bytes come from, and that two components of one chain never go by one name. Invariant: a
//! component that serves several links is loaded once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ggen_core::hooks::Hook;

use crate::cache::{Cache, Compiler};
use crate::error::LinkProblem;
use crate::link::Link;
use crate::link_config::{LinkConfig, Mode};
use crate::load::Loader;
use crate::loaded::Loaded;
use crate::runtime::Runtime;
use crate::source::Source;

/// A policy that is part of this program.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// As `use` names it.
    pub name: &'static str,
    /// Its component.
    pub bytes: &'static [u8],
}

/// Finds an installed policy's file by its name; a file named `<sha256>.wasm` is held to that digest.
pub type InstalledResolver = Arc<dyn Fn(&str) -> Option<PathBuf> + Send + Sync>;

/// The links of all hooks, and where their components come from.
pub struct Chains {
    links: BTreeMap<Hook, Vec<Link>>,
    builtins: Vec<BuiltIn>,
    installed: Option<InstalledResolver>,
    compiler: Option<Arc<dyn Compiler>>,
    cache_dir: Option<PathBuf>,
    cache: OnceLock<Option<Cache>>,
    /// By digest: a component that serves several links is loaded once.
    components: Mutex<BTreeMap<String, Arc<Loaded>>>,
}

impl Chains {
    /// The chains of these links, whose components come from there; nothing is loaded yet.
    pub fn new(
        links: BTreeMap<Hook, Vec<Link>>,
        builtins: Vec<BuiltIn>,
        installed: Option<InstalledResolver>,
        compiler: Option<Arc<dyn Compiler>>,
        cache_dir: Option<PathBuf>,
    ) -> Self {
        let (cache, components) = (OnceLock::new(), Mutex::new(BTreeMap::new()));
        Self { links, builtins, installed, compiler, cache_dir, cache, components }
    }

    /// A hook's links in the order in which they are asked.
    pub fn links(&self, hook: Hook) -> &[Link] {
        self.links.get(&hook).map_or(&[], Vec::as_slice)
    }

    /// The link's component, loaded the first time.
    pub fn load(&self, runtime: &Runtime, link: &Link) -> Result<Arc<Loaded>, Arc<LinkProblem>> {
        link.loaded(|| {
            let loaded = self.load_source(runtime, &link.config).map_err(Arc::new)?;
            match loaded.offers.serves(link.config.hook) {
                true => Ok(loaded),
                false => Err(Arc::new(LinkProblem::NoHook { hook: link.config.hook })),
            }
        })
    }

    /// Refuses a second component under the name of an earlier one of the chain: nobody could tell their reasons apart.
    /// One component twice, with different settings, is no other.
    pub fn distinct(&self, link: &Link, loaded: &Loaded) -> Result<(), LinkProblem> {
        let heeded = |link: &Link| link.config.mode == Mode::Enforce;
        let before = self.links(link.config.hook).iter().take_while(|other| other.place < link.place);
        let same = |other: &&Link| {
            let is_same = |known: &Loaded| known.description.name == loaded.description.name;
            heeded(other) && other.known().is_some_and(|k| is_same(k) && k.digest != loaded.digest)
        };
        match before.into_iter().find(same) {
            Some(other) if heeded(link) => {
                Err(LinkProblem::SameName { name: link.name().to_owned(), other: other.config.place() })
            }
            _ => Ok(()),
        }
    }

    fn load_source(&self, runtime: &Runtime, config: &LinkConfig) -> Result<Arc<Loaded>, LinkProblem> {
        let source = self.source(config)?;
        let cache = self.cache.get_or_init(|| {
            let folder = self.cache_dir.clone()?;
            Some(Cache::new(folder, runtime.compatibility()))
        });
        let loader = Loader { runtime, cache: cache.as_ref(), compiler: self.compiler.as_ref() };
        let mut loaded = loader.load(&source, config.digest.as_deref())?;
        loaded.source = Some(source);
        let loaded = Arc::new(loaded);
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = components.entry(loaded.digest.clone()).or_insert(loaded);
        Ok(Arc::clone(shared))
    }

    /// What `use` names: built in, then installed, then a path.
    pub fn source(&self, config: &LinkConfig) -> Result<Source, LinkProblem> {
        let name = config.use_.as_str();
        if let Some(builtin) = self.builtins.iter().find(|builtin| builtin.name == name) {
            return Ok(Source::BuiltIn(builtin.bytes));
        }
        if let Some(path) = self.installed.as_ref().and_then(|find| find(name)) {
            return Ok(Source::Installed(path));
        }
        if name.contains('/') || name.ends_with(".wasm") {
            let folder = config.from.path().and_then(Path::parent).unwrap_or(Path::new(""));
            return Ok(Source::File(folder.join(name)));
        }
        Err(LinkProblem::NotFound { name: name.to_owned() })
    }
}
