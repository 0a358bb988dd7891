//! One question on its way through a chain, and each link asked by itself.
//!
//! Decides whether a link has a say in a question, and what its row says. Leaves it to [`crate::ask`] which links are
//! asked. Invariant: what it was asked of stays as it was, even where other policies have taken their place meanwhile.

use std::sync::Arc;
use std::time::Duration;

use ggen_core::hooks::{Answer, PolicyLimits, Question};

use crate::chains::Chains;
use crate::decision::Decision;
use crate::error::Limit;
use crate::link::Link;
use crate::loaded::Loaded;
use crate::row::{Recorded, Subject};
use crate::run::{self, Failure, Run};
use crate::runtime::Runtime;
use crate::settings;
use crate::state::ArchiveView;

/// One question on its way through a chain, with everything that asking it needs.
#[derive(Clone)]
pub struct Asking {
    runtime: Arc<Runtime>,
    chains: Arc<Chains>,
    archive: Option<Arc<dyn ArchiveView>>,
    recorded: Arc<Recorded>,
}

/// What a link that only watches came to.
pub enum Watched {
    /// Its row.
    Row(Box<Decision>),
    /// It has no say in this call.
    Nothing,
    /// It would have needed more time than was left.
    Cut,
}

impl Asking {
    /// Prepares the row that all links share.
    pub fn new(
        runtime: Arc<Runtime>,
        chains: Arc<Chains>,
        question: Question,
        archive: Option<Arc<dyn ArchiveView>>,
    ) -> Self {
        Self { runtime, chains, archive, recorded: Arc::new(Recorded::new(question)) }
    }

    /// About so many bytes of memory.
    pub fn size(&self) -> usize {
        self.recorded.size()
    }

    /// The chain that it is put to.
    pub fn links(&self) -> &[Link] {
        self.chains.links(self.recorded.question.hook())
    }

    /// Bounds.
    pub fn limits(&self) -> &PolicyLimits {
        &self.runtime.limits
    }

    /// Asks the link at `place`, which only watches, for at most `left`.
    pub fn watch(&self, place: usize, left: Duration) -> Watched {
        let asking = self.clone();
        let watched = self.runtime.run(move || {
            let link = asking.links().get(place)?;
            asking.run(link, Some(left)).map(|(decision, _)| decision)
        });
        let limits = &self.runtime.limits;
        let own = limits.wall_for(run::fuel_for(&self.recorded.question, limits));
        match watched.ok().flatten() {
            None => Watched::Nothing,
            Some(row) if row.limit == Some(Limit::Time) && left < own => Watched::Cut,
            Some(row) => Watched::Row(Box::new(row)),
        }
    }

    /// Runs one link; nothing where it serves the hook, but has no say in this call.
    pub fn run(&self, link: &Link, wall_cap: Option<Duration>) -> Option<(Decision, Result<Answer, Failure>)> {
        let (runtime, question) = (&*self.runtime, &self.recorded.question);
        let loaded = self.chains.load(runtime, link);
        let run = match &loaded {
            Err(problem) => Run::without(Failure::Unfit(Arc::clone(problem))),
            Ok(loaded) if !loaded.answers(question) => return None,
            Ok(loaded) => match self
                .chains
                .distinct(link, loaded)
                .map_err(Failure::from)
                .and_then(|()| settings_fit(link, loaded, runtime))
            {
                Err(failure) => Run::without(failure),
                Ok(()) => run::ask(runtime, loaded, &link.settings, question, self.archive.clone(), wall_cap),
            },
        };
        let loaded = loaded.as_ref().ok().map(Arc::as_ref);
        let decision = self.recorded.row(&Subject::link(link, loaded), &run);
        Some((decision, run.answer))
    }
}

fn settings_fit(link: &Link, loaded: &Loaded, runtime: &Runtime) -> Result<(), Failure> {
    let schema = &loaded.description.settings_schema;
    settings::check(&link.settings, &link.config.settings, schema, &runtime.limits).map_err(Failure::from)
}
