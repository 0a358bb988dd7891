//! Commands that ran or run, and what they said. Judges nothing but what a test asks it to.

use std::fmt;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A command that ended.
#[derive(Debug)]
pub struct Ran {
    /// What was typed.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its answer.
    pub stdout: String,
    /// What it told people.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}   ({}, {:?})", self.line, self.status, self.took)?;
        writeln!(f, "--- stdout\n{}", self.stdout.trim_end())?;
        writeln!(f, "--- stderr\n{}", self.stderr.trim_end())
    }
}

impl Ran {
    /// The exit code; a signal is none and fails the test.
    #[track_caller]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal\n{self}"))
    }

    /// Insists on an exit code, and that nothing panicked.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "the exit code\n{self}");
        assert!(!self.stderr.contains("panicked at"), "it panicked\n{self}");
        self
    }

    /// The one object on stdout.
    #[track_caller]
    pub fn value(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("stdout is not one JSON value: {e}\n{self}"));
        assert_eq!(value["schema"], 1, "every answer names its schema\n{self}");
        value
    }

    /// The error that a failed `--json` command told, whose form is checked.
    #[track_caller]
    pub fn error(&self) -> Value {
        let error = self.value()["error"].clone();
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        let code = text("code");
        let digits = code.strip_prefix("GGEN-E").unwrap_or_default();
        assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "the code {code:?}\n{self}");
        assert!(!text("message").is_empty(), "an error has a message\n{self}");
        assert!(!error["context"].is_null(), "an error has a context\n{self}");
        assert!(error["caused_by"].is_array(), "an error says what caused it\n{self}");
        let hints = error["hints"].as_array().unwrap_or_else(|| panic!("an error has hints\n{self}"));
        for hint in hints {
            let said = |field: &str| hint[field].as_str().is_some_and(|t| !t.is_empty());
            assert!(said("text") || said("command"), "an empty hint\n{self}");
            assert!(!hint.to_string().contains("rm -rf"), "a hint that destroys\n{self}");
        }
        error
    }
}

/// A command that runs.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    since: Instant,
}

fn reader(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        let _ = send.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receive
}

/// Sends a signal to a child that is ours and not yet waited for.
pub(crate) fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
    let _ = kill_process(pid, signal);
}

impl Running {
    /// Starts it, with nothing on its stdin.
    pub fn start(mut command: Command) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let line = words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{line}: {e}"));
        let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
        Self { line, child, stdout, stderr, since: Instant::now() }
    }

    /// As Ctrl-C does.
    pub fn interrupt(&self) {
        signal(&self.child, Signal::INT);
    }

    /// As a power cut does, for this process.
    pub fn kill(&self) {
        signal(&self.child, Signal::KILL);
    }

    /// Whether it has not ended yet.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("ask for a child").is_none()
    }

    /// Waits for its end, at most `limit`; the test fails after that.
    #[track_caller]
    pub fn ends_within(mut self, limit: Duration) -> Ran {
        let rest = || limit.saturating_sub(self.since.elapsed());
        let (stdout, stderr) = match (self.stdout.recv_timeout(rest()), self.stderr.recv_timeout(rest())) {
            (Ok(out), Ok(err)) => (out, err),
            (out, err) => {
                self.kill();
                let said = |first: Result<String, _>, later: &Receiver<String>| {
                    first.unwrap_or_else(|_| later.recv_timeout(Duration::from_secs(2)).unwrap_or_default())
                };
                let (out, err) = (said(out, &self.stdout), said(err, &self.stderr));
                panic!("{}: not at its end after {limit:?}\n--- stdout\n{out}\n--- stderr\n{err}", self.line);
            }
        };
        let status = self.child.wait().expect("wait for a child");
        let took = self.since.elapsed();
        Ran { line: std::mem::take(&mut self.line), status, stdout, stderr, took }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.runs() {
            self.kill();
            let _ = self.child.wait();
        }
    }
}
