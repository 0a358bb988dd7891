//! What the benchmarks share: how a figure is printed, and how a process is watched.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// One figure.
pub fn line(what: &str, measured: &str, aim: &str) {
    println!("{what:<66} {measured:>20}  {aim:>12}");
}

pub fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Waits for the end of `child`, and looks every millisecond at something: how it ended, and the most memory that it
/// has had, in MB.
pub fn watch(child: &mut Child, mut look: impl FnMut()) -> (ExitStatus, f64) {
    let (mut peak, mut looked) = (0, Instant::now());
    loop {
        look();
        if looked.elapsed() > Duration::from_millis(10) {
            peak = peak.max(peak_memory(child.id()).unwrap_or(0));
            looked = Instant::now();
        }
        if let Some(status) = child.try_wait().expect("ask for it") {
            return (status, peak as f64 / 1000.0);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The most memory that a process has had, in kB (`VmHWM`); none once it is gone.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
