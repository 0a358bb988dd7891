//! One policy outside any chain, asked recorded or written questions: what a replay, a policy's own test cases and its
//! measurements are made of.
//!
//! Decides nothing about what an answer comes to. Loads the component and tries its settings once; every question has an
//! instance of its own, as in a chain. Invariant: the same question gets the same answer and burns the same fuel as in
//! the chain that it was recorded from, unless its row says that it cannot be replayed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ggen_core::hooks::{Description, Hook, PolicyLimits, Question};
use serde_json::Value;

use crate::cache::{Cache, Compiler};
use crate::decision::Decision;
use crate::digest::digest_of;
use crate::error::LinkProblem;
use crate::link_config::Mode;
use crate::load::Loader;
use crate::loaded::Loaded;
use crate::row::{Recorded, Subject};
use crate::run::{self, Run};
use crate::runtime::Runtime;
use crate::settings;
use crate::source::check_size;
use crate::state::ArchiveView;

/// What it took until a policy could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Startup {
    /// Whether its compiled code was in the cache already.
    pub cached: bool,
    /// Compiling it, or loading what was compiled, and asking what it is.
    pub load: Duration,
    /// A fresh instance with its settings: a part of each decision.
    pub instance: Duration,
}

/// One policy, ready to be asked.
pub struct Asker {
    runtime: Arc<Runtime>,
    loaded: Arc<Loaded>,
    settings: Arc<str>,
    settings_digest: String,
    startup: Startup,
    peak_memory: u64,
}

impl Asker {
    /// Loads a component and gives it its settings (JSON text, `{}` for none).
    ///
    /// `cache_dir`: where compiled components are; none: nothing is kept. `compiler`: for compiling outside this process.
    ///
    /// # Errors
    /// Why the component does not fit here, or refuses these settings.
    pub fn open(
        bytes: &[u8],
        settings_json: &str,
        limits: &PolicyLimits,
        cache_dir: Option<&Path>,
        compiler: Option<&Arc<dyn Compiler>>,
    ) -> Result<Self, Arc<LinkProblem>> {
        check_size(bytes, limits)?;
        let settings = parse_settings(settings_json, limits)?;
        let runtime = Runtime::new(limits.clone()).map_err(|e| LinkProblem::Engine { message: format!("{e:#}") })?;
        let cache = cache_dir.map(|folder| Cache::new(folder.to_owned(), runtime.compatibility()));
        let digest = digest_of(bytes);
        let cached = cache.as_ref().is_some_and(|cache| cache.load(&runtime.engine, &digest).is_some());
        let loader = Loader { runtime: &runtime, cache: cache.as_ref(), compiler };
        let text: Arc<str> = settings::text(&settings).into();
        let opened = runtime.scoped(|| -> Result<_, Arc<LinkProblem>> {
            let begun = Instant::now();
            let loaded = loader.load_bytes(bytes, digest)?;
            let load = begun.elapsed();
            settings::check(&text, &settings, &loaded.description.settings_schema, &runtime.limits)?;
            let begun = Instant::now();
            run::try_settings(&runtime, &loaded, &text)?;
            Ok((loaded, Startup { cached, load, instance: begun.elapsed() }))
        });
        let (loaded, startup) = opened.map_err(|source| LinkProblem::Start { source })??;
        let settings_digest = digest_of(text.as_bytes());
        let (runtime, loaded) = (Arc::new(runtime), Arc::new(loaded));
        Ok(Self { runtime, loaded, settings: text, settings_digest, startup, peak_memory: 0 })
    }

    /// Asks one question. `archive`: the files that it is about, for a question about contents.
    ///
    /// The row is what a chain would have recorded, at place 0 and enforced.
    pub fn ask(&mut self, question: &Question, archive: Option<Arc<dyn ArchiveView>>) -> Decision {
        let recorded = Arc::new(Recorded::new(question.clone()));
        let (runtime, loaded, settings) =
            (Arc::clone(&self.runtime), Arc::clone(&self.loaded), Arc::clone(&self.settings));
        let asked = Arc::clone(&recorded);
        let run = move || run::ask(&runtime, &loaded, &settings, &asked.question, archive, None);
        let run = self.runtime.run(run).unwrap_or_else(|fault| Run::without(fault.into()));
        self.peak_memory = self.peak_memory.max(run.memory);
        let subject = Subject {
            name: &self.loaded.description.name,
            loaded: Some(&self.loaded),
            settings: &self.settings,
            settings_digest: &self.settings_digest,
            place: 0,
            mode: Mode::Enforce,
        };
        recorded.row(&subject, &run)
    }

    /// Whether the component offers the function that this question is asked through.
    #[must_use]
    pub fn answers(&self, question: &Question) -> bool {
        self.loaded.offers.serves(question.hook()) && self.loaded.answers(question)
    }

    /// What it says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.loaded.description
    }

    /// The hooks that it serves.
    #[must_use]
    pub fn hooks(&self) -> Vec<Hook> {
        self.loaded.offers.hooks()
    }

    /// SHA-256 of the component, lowercase hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.loaded.digest
    }

    /// What it took to get here.
    #[must_use]
    pub const fn startup(&self) -> Startup {
        self.startup
    }

    /// The most linear memory that any instance had so far, in bytes.
    #[must_use]
    pub const fn peak_memory(&self) -> u64 {
        self.peak_memory
    }
}

fn parse_settings(text: &str, limits: &PolicyLimits) -> Result<Value, LinkProblem> {
    let bad = |message: String| {
        let problem = ggen_core::hooks::Problem { path: String::new(), message };
        LinkProblem::Settings { problems: vec![problem] }
    };
    if text.len() > limits.settings_bytes {
        return Err(bad(format!("they have {} bytes, where at most {} may be", text.len(), limits.settings_bytes)));
    }
    serde_json::from_str(text).map_err(|e| bad(format!("they are no JSON: {e}")))
}
