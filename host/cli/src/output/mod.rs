//! What the user reads and what programs read.
//!
//! The answer goes to stdout, as text or as one JSON object; progress, notices and errors go to stderr. Decides how
//! things look, never what they are. Invariant: nothing from a package, a peer or a file reaches a terminal with control
//! characters in it, and a closed stdout or stderr is no panic.

mod clean;
mod page;
mod progress;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use ggen_market::{Notice, Reporter};
use serde::Serialize;

use crate::args::Globals;
use crate::errors::{Code, Exit, Failure, Report};

pub use page::Page;
use progress::Teller;

/// Notices of one kind that people are told.
const MAX_ALIKE: usize = 12;
/// The version of the answers' form.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Answer<'a, A> {
    schema: u32,
    #[serde(flatten)]
    answer: &'a A,
}

#[derive(Serialize)]
struct Refusal<'a> {
    schema: u32,
    error: &'a Report,
}

/// Both streams, as the flags and the surroundings want them.
pub struct Output {
    json: bool,
    quiet: bool,
    colour: bool,
    teller: Arc<Teller>,
}

impl Output {
    /// As these flags want it.
    pub fn new(globals: &Globals) -> Self {
        let live = io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let teller = Teller::new(progress::Style {
            live: live && !globals.quiet,
            steps: !globals.quiet && (!globals.json || live),
            notices: !globals.quiet,
            details: globals.verbose > 0,
            colour: colour(live),
        });
        trace(globals.verbose);
        let colour = colour(io::stdout().is_terminal());
        Self { json: globals.json, quiet: globals.quiet, colour, teller: Arc::new(teller) }
    }

    /// Who tells about progress.
    pub fn reporter(&self) -> Arc<dyn Reporter> {
        Arc::clone(&self.teller) as Arc<dyn Reporter>
    }

    /// Whether progress and notices are not told.
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Tells a notice, unless it was told already.
    pub fn notice(&self, notice: &Notice) {
        self.teller.notice(notice);
    }

    /// Tells notices that came with an answer: not more of one kind than a person reads.
    pub fn notices(&self, notices: &[Notice]) {
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for notice in notices {
            let count = told.entry(&notice.code).or_default();
            *count += 1;
            if *count <= MAX_ALIKE {
                self.notice(notice);
            }
        }
        for (code, count) in told.into_iter().filter(|(_, count)| *count > MAX_ALIKE) {
            let more = count - MAX_ALIKE;
            let message = format!("and {more} more of that kind ({code}): --json has all of them");
            self.notice(&Notice { code: code.to_owned(), message });
        }
    }

    /// Tells a line of progress.
    pub fn tell(&self, line: &str) {
        self.teller.line(line);
    }

    /// Tells lines of progress from wherever they come.
    pub fn lines(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let teller = Arc::clone(&self.teller);
        move |line| teller.line(line)
    }

    /// Gives the answer: as JSON, or as `page` writes it.
    pub fn answer<A: Serialize>(&self, answer: &A, page: impl FnOnce(&mut Page, &A)) -> Result<(), Failure> {
        self.teller.end();
        if self.json {
            let json = serde_json::to_string(&Answer { schema: SCHEMA, answer }).map_err(io::Error::other);
            return print(io::stdout(), &json.map(|json| clean::json(&json)).map_err(Failure::Output)?);
        }
        let mut text = Page::new(self.colour);
        page(&mut text, answer);
        print(io::stdout(), text.text())
    }

    /// Tells an error and how the program ends with it.
    pub fn fail(&self, report: &Report) -> Exit {
        self.teller.end();
        show(report, self.json, self.quiet && report.code == Code::Interrupted);
        report.exit()
    }
}

/// What clap answers instead of a command: help, the version, or that it did not understand.
pub fn not_a_command(error: &clap::Error, json: bool) -> Exit {
    use clap::error::ErrorKind;
    let plain = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let key = if error.kind() == ErrorKind::DisplayVersion { "version" } else { "help" };
            let text = plain.trim_end();
            let text = if key == "version" { text.trim_start_matches("ggen ") } else { text };
            let done = if json {
                let json = serde_json::json!({ "schema": SCHEMA, key: text });
                print(io::stdout(), &clean::json(&json.to_string()))
            } else {
                error.print().or_else(closed).map_err(Failure::Output)
            };
            if done.is_ok() { Exit::Done } else { Exit::Failed }
        }
        kind => {
            if json {
                show(&usage(error, &plain), true, false);
            } else {
                // What clap writes has its colours, its nearest matches and the usage line.
                let _ = error.print();
                if kind != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                    let _ = writeln!(io::stderr(), "\n  {} · ggen explain {0}", Code::Arguments.text());
                }
            }
            Code::Arguments.exit()
        }
    }
}

fn usage(error: &clap::Error, plain: &str) -> Report {
    use clap::error::{ContextKind, ErrorKind};
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Report::new(Code::Arguments, "a verb is missing").run("see what there is", "ggen help");
    }
    let headline = plain.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let mut report = Report::new(Code::Arguments, headline);
    for (kind, value) in error.context() {
        match kind {
            ContextKind::Usage | ContextKind::Suggested => {}
            ContextKind::SuggestedSubcommand | ContextKind::SuggestedArg | ContextKind::SuggestedValue => {
                report = report.hint(format!("did you mean {value}?"));
            }
            kind => {
                if let Some(name) = kind.as_str() {
                    report = report.with(&name.to_lowercase().replace(' ', "_"), value);
                }
            }
        }
    }
    report.run("see what there is", "ggen help")
}

/// An error on its stream.
fn show(report: &Report, json: bool, silent: bool) {
    if json {
        let json = serde_json::to_string(&Refusal { schema: SCHEMA, error: report }).unwrap_or_default();
        let _ = print(io::stdout(), &clean::json(&json));
        return;
    }
    if silent {
        return;
    }
    let mut page = Page::new(colour(io::stderr().is_terminal()));
    page.report(report);
    let _ = io::stderr().write_all(page.text().as_bytes());
}

/// Writes it all and flushes. Whoever closed the pipe has read enough: that is no failure.
fn print(mut stream: impl Write, text: &str) -> Result<(), Failure> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let written = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(end.as_bytes()));
    written.and_then(|()| stream.flush()).or_else(closed).map_err(Failure::Output)
}

fn closed(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

fn colour(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What the program's own parts log, on stderr: what `RUST_LOG` says, or as much as `-v` asks for.
fn trace(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let asked = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = match (asked, verbose) {
        (Some(filter), _) => filter,
        (None, 0) => return,
        (None, 1) => "warn,ggen_market=info,ggen_net=info,ggen_policy=info,ggen_store=info".to_owned(),
        (None, _) => "info,ggen_market=debug,ggen_net=debug,ggen_policy=debug,ggen_store=debug".to_owned(),
    };
    let layer = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).without_time();
    // Somebody else's filter that makes no sense turns logging off and nothing else.
    let _ = layer.with_env_filter(EnvFilter::try_new(filter).unwrap_or_default()).try_init();
}

#[cfg(test)]
mod tests;
