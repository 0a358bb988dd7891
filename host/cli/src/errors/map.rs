//! Reports of what this program itself refuses: configurations and codes.
//!
//! Decides nothing; see [`super`].

use crate::config::{ConfigError, Fault};

use super::{Code, Report};

pub(super) fn config(error: &ConfigError) -> Report {
    match error {
        ConfigError::NoHome => Report::new(Code::NoHome, error).hint("say where: --home DIR, or GGEN_HOME"),
        ConfigError::Read { path, .. } => {
            Report::new(Code::ConfigUnreadable, error).with("path", path.display()).hint("is it yours to read?")
        }
        ConfigError::TooLong { path, limit } => Report::new(Code::ConfigUnreadable, error)
            .with("path", path.display())
            .with_json("limit", limit)
            .hint("long lists belong into a file of their own"),
        ConfigError::Environment { name, hint, .. } => {
            Report::new(Code::Environment, error).with("variable", name).hint(*hint)
        }
        ConfigError::File { path, line, column, fault, hint, .. } => {
            let code = match fault {
                Fault::Syntax => Code::ConfigSyntax,
                Fault::Unknown => Code::UnknownSetting,
                Fault::Value => Code::WrongSetting,
            };
            Report::new(code, error)
                .with("path", path.display())
                .with_json("line", line)
                .with_json("column", column)
                .hint(hint)
        }
    }
}

pub(super) fn unknown_code(typed: &str, near: &[Code]) -> Report {
    let report = Report::new(Code::NoExplanation, format!("there is no error code {typed:?}")).with("typed", typed);
    match near {
        [] => report.hint("type it as the error showed it, for example GGEN-E0203"),
        near => {
            near.iter().fold(report, |report, code| report.run(code.title(), format!("ggen explain {}", code.text())))
        }
    }
}
