//! Compiling in a process of its own: a compiler that meets hostile bytes may burn time and memory, or fall over.
//!
//! ```text
//! parent ── component on stdin ──▶ the same program, `__compile`: limits itself, reads, compiles
//!        ◀── code on stdout, or a sentence on stderr ──
//! ```
//!
//! Decides what a compilation may cost: processor time, memory, wall-clock time, the size of its result. The child has
//! no environment, opens no file and starts nothing; the parent kills it when its time is up. Invariant: whatever the
//! component is, the parent goes on within its time, with code or with a reason.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ggen_core::hooks::PolicyLimits;
use ggen_core::hooks::check::clean_text;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::cache::{Compiler, precompile};
use crate::error::PolicyError;

/// What the program is called with to compile for its parent.
const VERB: &str = "__compile";
/// A child's sentence, in bytes.
const MESSAGE: usize = 4096;
/// Between two looks whether a child that has answered is gone.
const LOOK: Duration = Duration::from_millis(2);
/// After so long the user is told what is being waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Open files of a child: its streams, and a few of its libraries' own.
const FILES: u64 = 16;

/// Tells the user a line.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// Compiles by starting this program once more.
pub struct ChildCompiler {
    program: PathBuf,
    tell: Tell,
}

static DEFAULT: OnceLock<Arc<dyn Compiler>> = OnceLock::new();

/// From now on whatever is not part of this program is compiled in a process of its own, unless a host is given another
/// compiler. `tell` hears what takes long.
pub fn compile_in_children(tell: impl Fn(&str) + Send + Sync + 'static) {
    // The second call of one program changes nothing.
    let _ = DEFAULT.set(Arc::new(ChildCompiler::new(this_program(), tell)));
}

/// The compiler for whoever has none of its own.
pub fn default_compiler() -> Option<&'static Arc<dyn Compiler>> {
    DEFAULT.get()
}

/// This very program, also when its file was replaced meanwhile.
fn this_program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { running } else { std::env::current_exe().unwrap_or(running) }
}

impl ChildCompiler {
    /// One that starts `program`, which must call [`compile_if_asked`] before anything else.
    pub fn new(program: PathBuf, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { program, tell: Box::new(tell) }
    }

    fn start(&self, limits: &PolicyLimits) -> io::Result<Child> {
        let arguments = [
            u64::try_from(limits.stack_bytes).unwrap_or(u64::MAX),
            limits.compile_ms.div_ceil(1000),
            limits.compile_memory,
            limits.component_bytes,
        ];
        Command::new(&self.program)
            .arg0("ggen")
            .arg(VERB)
            .args(arguments.map(|number| number.to_string()))
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// Waits until the child's answer is whole, or its time is up; then there is no child.
    fn wait(&self, child: &mut Child, answered: &mpsc::Receiver<bool>, size: usize, wall: Duration) -> Ended {
        let begun = Instant::now();
        let left = |most: Duration| most.saturating_sub(begun.elapsed());
        let mut fits = answered.recv_timeout(PATIENCE.min(wall));
        if fits.is_err() && wall > PATIENCE {
            (self.tell)(&format!("compiling a policy of {} KiB; this is done once", size.div_ceil(1024)));
            fits = answered.recv_timeout(left(wall));
        }
        while fits == Ok(true) && !left(wall).is_zero() {
            match child.try_wait() {
                Ok(Some(status)) => return Ended::Itself(status),
                Ok(None) => thread::sleep(LOOK),
                Err(_) => break,
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        if fits == Ok(false) { Ended::TooMuch } else { Ended::OutOfTime }
    }
}

/// How a child ended.
enum Ended {
    Itself(ExitStatus),
    OutOfTime,
    TooMuch,
}

impl Compiler for ChildCompiler {
    fn compile(&self, component: &[u8], limits: &PolicyLimits) -> Result<Vec<u8>, PolicyError> {
        let failed = |message: String| PolicyError::Compile { message };
        let mut child = self.start(limits).map_err(|e| failed(format!("its compiler cannot be started: {e}")))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(failed("its compiler has no streams".to_owned()));
        };
        let wall = Duration::from_millis(limits.compile_ms);
        let most = limits.code_bytes;
        let (ended, code, words) = thread::scope(|scope| {
            // A child that does not read ends this by being killed.
            scope.spawn(move || drop(stdin.write_all(component)));
            let (to, answered) = mpsc::sync_channel(1);
            let code = scope.spawn(move || {
                let code = read(stdout, most);
                let _ = to.send(code.is_some());
                code
            });
            let words = scope.spawn(move || read(stderr, u64::try_from(MESSAGE).unwrap_or(0)).unwrap_or_default());
            let ended = self.wait(&mut child, &answered, component.len(), wall);
            (ended, code.join().ok().flatten(), words.join().unwrap_or_default())
        });
        let words = clean_text(String::from_utf8_lossy(&words).trim(), MESSAGE);
        match (ended, code) {
            (Ended::Itself(status), Some(code)) if status.success() && !code.is_empty() => Ok(code),
            (Ended::Itself(status), _) => Err(failed(sentence(status, words, limits))),
            (Ended::TooMuch, _) => Err(failed(format!("its code has more than {most} bytes"))),
            (Ended::OutOfTime, _) => Err(failed(format!("that took more than {} ms", limits.compile_ms))),
        }
    }
}

/// All of a stream that has at most `most` bytes.
fn read(stream: impl Read, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(most.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    (u64::try_from(bytes.len()).unwrap_or(u64::MAX) <= most).then_some(bytes)
}

fn sentence(status: ExitStatus, words: String, limits: &PolicyLimits) -> String {
    let out_of_time = rustix::process::Signal::XCPU.as_raw();
    match status.signal() {
        Some(signal) if signal == out_of_time => {
            format!("that took more than {} s of a processor", limits.compile_ms.div_ceil(1000))
        }
        Some(signal) if words.is_empty() => format!("its compiler was ended by signal {signal}"),
        Some(signal) => format!("its compiler was ended by signal {signal}: {words}"),
        None if words.is_empty() => format!("its compiler ended with {status}"),
        None => words,
    }
}

/// Compiles for the parent where the program was called for that, and nothing else.
#[must_use]
pub fn compile_if_asked(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, verb, numbers @ ..] = arguments else { return None };
    if verb != VERB {
        return None;
    }
    Some(match compile_for_parent(numbers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Where the parent is gone there is nobody to tell.
            let _ = io::stderr().write_all(message.as_bytes());
            ExitCode::FAILURE
        }
    })
}

fn compile_for_parent(numbers: &[OsString]) -> Result<(), String> {
    let number = |at: usize| numbers.get(at)?.to_str()?.parse::<u64>().ok();
    let (Some(stack), Some(seconds), Some(memory), Some(most)) = (number(0), number(1), number(2), number(3)) else {
        return Err("this is for the program itself".to_owned());
    };
    restrict(seconds, memory).map_err(|e| format!("the compiler cannot be limited: {e}"))?;
    let component = read(io::stdin(), most).ok_or_else(|| format!("the component has more than {most} bytes"))?;
    let stack_bytes = usize::try_from(stack).map_err(|e| e.to_string())?;
    let limits = PolicyLimits { stack_bytes, ..PolicyLimits::default() };
    let code = precompile(&limits, &component).map_err(|error| match error {
        PolicyError::Compile { message } => message,
        other => other.to_string(),
    })?;
    io::stdout().write_all(&code).and_then(|()| io::stdout().flush()).map_err(|e| e.to_string())
}

/// Before a byte from outside is read.
fn restrict(seconds: u64, memory: u64) -> io::Result<()> {
    let at_most = |resource, most: u64| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    at_most(Resource::Core, 0)?;
    at_most(Resource::Fsize, 0)?;
    at_most(Resource::Nofile, FILES)?;
    at_most(Resource::As, memory)?;
    // The soft limit asks with a signal that says what it was, the hard one does not.
    let cpu = Rlimit { current: Some(seconds), maximum: Some(seconds.saturating_add(1)) };
    Ok(setrlimit(Resource::Cpu, cpu)?)
}
