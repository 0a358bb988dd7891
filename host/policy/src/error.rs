//! What can go wrong with a policy: it does not fit, it failed, or the host could not start.
//!
//! Decides which limit a trap means. Invariant: each text names the thing that is wrong, and none repeats its source.

use std::path::PathBuf;

use ggen_core::hooks::{Hook, Problem};
use serde::{Deserialize, Serialize};

use crate::bindings::VERSION;

/// The bound that ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The deterministic budget of instructions.
    Fuel,
    /// The wall clock.
    Time,
    /// Linear memory, tables or instances.
    Memory,
    /// The call stack.
    Stack,
    /// Bytes handed to the host in one call.
    AnswerSize,
}

impl Limit {
    /// In a sentence: "it ran out of …".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::AnswerSize => "room for its answer",
        }
    }
}

/// A policy that was asked and failed: a trap, a limit, or an answer that the contract does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// The limit that struck, if one did.
    pub limit: Option<Limit>,
    /// What happened, in a sentence.
    pub text: String,
}

impl Fault {
    /// A fault without a limit.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { limit: None, text: text.into() }
    }

    /// The fault of a limit.
    pub(crate) fn of(limit: Limit) -> Self {
        Self { limit: Some(limit), text: format!("it ran out of {}", limit.name()) }
    }

    /// Whether the same policy, asked the same, would fail in the same way.
    #[must_use]
    pub const fn is_replayable(&self) -> bool {
        !matches!(self.limit, Some(Limit::Time | Limit::Memory | Limit::Stack))
    }
}

/// Why a link cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum LinkProblem {
    /// No such policy.
    #[error("there is no policy `{name}`: it is not built in, not installed, and no file")]
    NotFound {
        /// As configured.
        name: String,
    },
    /// Its file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its file is larger than the host takes.
    #[error("the component has more than {most} bytes")]
    TooLarge {
        /// The host's bound.
        most: u64,
    },
    /// It is not the component that the configuration pins.
    #[error("its digest is {found}, and the configuration pins {pinned}")]
    Digest {
        /// As configured.
        pinned: String,
        /// The component's.
        found: String,
    },
    /// A core module, text, or something else altogether.
    #[error("this is no WebAssembly component: {what}")]
    NotAComponent {
        /// What it is.
        what: String,
    },
    /// It wants more than the contract gives.
    #[error("it imports `{import}`, which no policy gets")]
    Import {
        /// The import's name.
        import: String,
    },
    /// It was built for another version of the contract.
    #[error("it was built for `{theirs}`, and this host offers version {ours}")]
    Version {
        /// The interface as it names it.
        theirs: String,
        /// The host's version.
        ours: &'static str,
    },
    /// Another component of the chain goes by the same name.
    #[error("another policy of the name `{name}` stands before it ({other})")]
    SameName {
        /// The name of both.
        name: String,
        /// Where the other one is configured.
        other: String,
    },
    /// It lacks an interface that it needs.
    #[error("it does not export `{interface}`")]
    MissingExport {
        /// The interface.
        interface: String,
    },
    /// It serves other hooks than the one that it is configured for.
    #[error("it does not serve the hook {hook}")]
    NoHook {
        /// The hook that it is configured for.
        hook: Hook,
    },
    /// Its types are not the contract's.
    #[error("its `{interface}` is not the contract's of version {ours}: {message}")]
    Types {
        /// The interface.
        interface: String,
        /// The host's version.
        ours: &'static str,
        /// What differs.
        message: String,
    },
    /// It cannot be compiled.
    #[error("it cannot be compiled: {message}")]
    Compile {
        /// What the compiler says.
        message: String,
    },
    /// What it says of itself is not sound.
    #[error("its description is not sound: {message}")]
    Description {
        /// What is wrong.
        message: String,
    },
    /// It failed before any question: when it was instantiated, described or configured.
    #[error("it failed before it was asked anything")]
    Start {
        /// How.
        source: Fault,
    },
    /// Its settings are not what it takes.
    #[error("its settings are not right: {}", list(problems))]
    Settings {
        /// Each with its place.
        problems: Vec<Problem>,
    },
    /// The engine could not be started.
    #[error("the WebAssembly engine cannot be started: {message}")]
    Engine {
        /// What it says.
        message: String,
    },
}

impl LinkProblem {
    /// Types that wasmtime does not take for the contract's.
    pub(crate) fn types(interface: &str, error: &wasmtime::Error) -> Self {
        Self::Types { interface: interface.to_owned(), ours: VERSION, message: format!("{error:#}") }
    }

    /// The whole story in one line, causes included.
    #[must_use]
    pub fn text(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let line = |p: &Problem| match p.path.as_str() {
        "" => p.message.clone(),
        path => format!("{path}: {}", p.message),
    };
    problems.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// A fault of a link that ends the job, with whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("policy `{policy}` for {hook} cannot answer: {text}")]
pub struct PolicyFault {
    /// The hook that it was asked for.
    pub hook: Hook,
    /// The policy's name.
    pub policy: String,
    /// The limit that struck, if one did.
    pub limit: Option<Limit>,
    /// What happened, in a sentence.
    pub text: String,
}

/// Why the host of policies cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// More links than one hook may have.
    #[error("{count} policies for {hook}, where at most {most} may stand")]
    TooManyLinks {
        /// Which hook.
        hook: Hook,
        /// How many are configured.
        count: usize,
        /// The host's bound.
        most: usize,
    },
    /// A component cannot be compiled.
    #[error("the component cannot be compiled: {message}")]
    Compile {
        /// What the compiler says.
        message: String,
    },
}
