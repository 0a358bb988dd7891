//! `ggen-market` does the jobs: publish, search, install, update, clean, status.
//!
//! Each job reads top to bottom as a story: ask the policies which way to go, resolve, review, fetch, review again,
//! commit, record. What is decided is decided in `ggen-core` or by a policy; what touches the disk is `ggen-store`, the
//! network `ggen-net`, a component `ggen-policy`. This crate alone knows them all.

mod advisories;
mod announce;
mod answers;
mod bans;
mod contents;
pub mod demo;
mod dht;
mod doctor;
mod download;
mod error;
mod established;
mod explain;
mod facts;
mod fallback;
mod fetch;
mod folder;
mod gather;
mod heard;
mod home;
mod install;
mod keys;
mod lock;
mod log;
mod market;
mod mend;
mod network;
mod node;
mod peers;
mod plan;
pub mod plugins;
mod policies;
mod project;
mod publish;
mod relations;
mod reload;
mod remove;
mod replay;
mod report;
mod search;
mod serve;
mod session;
mod settings;
mod solve;
mod starter;
mod target;
mod update;
mod upgrade;
mod wanted;
mod watch;

pub use answers::*;
pub use bans::BanRequest;
pub use doctor::doctor;
pub use error::{Denied, DeniedReason, FeedFault, FeedProblem, HolderFailure, LockedDigest, MarketError, Unresolved};
pub use explain::{ExplainAnswer, ExplainedHolder, ExplainedReason, ExplainedVersion};
pub use ggen_net::{NetError, Reach};
pub use ggen_store::{ArchiveError, LockHolder, StoreError};
pub use install::{InstallRequest, Strategy};
pub use log::{LogAnswer, LogRequest, LoggedDecision};
pub use market::{Market, MarketOptions};
pub use node::StartRequest;
pub use publish::PublishRequest;
pub use reload::{ReloadAnswer, ReloadedLink};
pub use replay::{LeftOut, ReplayAnswer, ReplayChange, ReplayRequest};
pub use report::{Cancel, Progress, Reporter, Silent};
pub use search::SearchRequest;
pub use settings::{Configuration, Feed, NetworkSettings, Settings};
pub use upgrade::UpgradeRequest;
