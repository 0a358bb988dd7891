//! Reports of policies as components: not made, not fit, not installed, not removed.
//!
//! Decides which code each has; see [`super`].

use ggen_market::plugins::PluginError;

use super::quote::quoted;
use super::{Code, Report};

pub(super) fn report(error: &PluginError) -> Report {
    match error {
        PluginError::Name { name, problem } => {
            Report::new(Code::PluginName, error).with("name", name).with("problem", problem)
        }
        PluginError::Exists { path } => Report::new(Code::PluginExists, error)
            .with("path", path.display())
            .hint("choose another name, or another folder"),
        PluginError::BuiltIn { name } => {
            Report::new(Code::PluginName, error).with("name", name).run("see what there is", "ggen plugin list")
        }
        PluginError::Unfit { path, problems } => Report::new(Code::PluginUnfit, error)
            .with("path", path.display())
            .with_json("problems", problems)
            .run("see everything that is known of it", format!("ggen plugin inspect {}", quoted(path))),
        PluginError::Taken { name, installed, offered } => Report::new(Code::PluginTaken, error)
            .with("name", name)
            .with("installed", installed)
            .with("offered", offered)
            .line(format!("installed: {installed}"))
            .line(format!("offered:   {offered}"))
            .hint("put it in the other's place with --replace"),
        PluginError::NotInstalled { name } => {
            Report::new(Code::PluginMissing, error).with("name", name).run("see what there is", "ggen plugin list")
        }
        PluginError::InUse { name, by } => Report::new(Code::PluginInUse, error)
            .with("name", name)
            .with("configuration", by.display())
            .hint(format!("take it out of {} first", by.display())),
        PluginError::NoPolicy { package, problem } => Report::new(Code::NoPolicy, error)
            .with("package", package)
            .with("problem", problem)
            .hint("install its component by its path"),
        PluginError::Case { path, what, problem } => Report::new(Code::PluginCase, error)
            .with("path", path.display())
            .with("what", what)
            .with("problem", problem)
            .hint("see the format of cases in plugins/README.md"),
        PluginError::Record { path, problem } => Report::new(Code::PluginRecord, error)
            .with("path", path.display())
            .with("problem", problem)
            .hint("install the policy again"),
    }
}
