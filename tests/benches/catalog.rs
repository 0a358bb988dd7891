//! A catalog of a million packages: import, exact lookups and ranked searches, printed and not asserted.
//!
//! `cargo build --release -p ggen && cargo bench -p ggen-tests --bench catalog`; `GGEN_BENCH_PACKAGES` names another
//! number of packages, `GGEN` another program for the figures of whole commands. Searches run in a process of their own,
//! so that its peak memory is theirs. What was measured stands in `RESULTS.md` beside this file.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on ends"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ggen_core::limits::Limits;
use ggen_store::Store;
use ggen_tests::{catalog, checkout};

fn main() {
    let count = std::env::var("GGEN_BENCH_PACKAGES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let mut args = std::env::args().skip(1).skip_while(|a| a != "import" && a != "queries");
    match (args.next().as_deref(), args.next()) {
        (Some("import"), Some(home)) => return import(Path::new(&home), count),
        (Some("queries"), Some(home)) => return queries(Path::new(&home)),
        _ => {}
    }
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("home");
    std::fs::create_dir_all(home.join("registry")).expect("make a home");
    let index = home.join("registry/index.json");
    catalog::write_index(&index, count);
    println!("{count} packages, three versions each; index.json: {} MB", size(&index) / 1_000_000);
    println!("{:<58} {:>14}  {:>12}", "what", "measured", "aim");
    let mut chance = catalog::Chance::new(9);
    let names: Vec<String> = catalog::names(count).into_iter().collect();
    let asked: Vec<&str> = (0..200).map(|_| names[chance.below(names.len())].as_str()).collect();
    let queries = catalog::queries(count);
    std::fs::write(dir.path().join("names"), asked.join("\n")).expect("write names");
    std::fs::write(dir.path().join("queries"), queries.join("\n")).expect("write queries");
    again("import", &home);
    println!("{:<58} {:>11} MB", "the database", size(&home.join("state.db")) / 1_000_000);
    again("queries", &home);
    commands(&home, &queries);
    others(&index);
}

fn line(what: &str, measured: &str, aim: &str) {
    println!("{what:<58} {measured:>14}  {aim:>12}");
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}

/// This program in a process of its own.
fn again(part: &str, home: &Path) {
    let status = Command::new(std::env::current_exe().expect("this program")).arg(part).arg(home).status();
    assert!(status.expect("run a part").success(), "{part}");
}

/// The most memory that this process has had.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    let kb: u64 = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    format!("{} MB", kb / 1000)
}

/// Processor time of all threads of this process, in hundredths of a second: what a machine that others use tells.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Processor time of this thread.
fn thread() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|t| t.parse().ok()).unwrap_or(0))
}

fn open(home: &Path) -> Store {
    Store::open(home, &Limits::default()).expect("open the home")
}

fn import(home: &Path, count: usize) {
    let store = open(home);
    let (begun, before) = (Instant::now(), processor());
    let report = store.sync_index(&[], 1).expect("import");
    let (took, busy) = (begun.elapsed(), processor() - before);
    assert_eq!((report.added, report.rejected.len()), (3 * count as u64, 0), "{:?}", report.rejected.first());
    line("import of the index", &format!("{:.0} /s", count as f64 / took.as_secs_f64()), ">= 50000 /s");
    line("  packages a second of processor time", &format!("{:.0}", count as f64 / busy.as_secs_f64()), "");
    line("  its peak memory", &peak(), "<= 100 MB");
    let begun = Instant::now();
    store.sync_index(&[], 1).expect("look");
    line("an index that has not changed", &millis(begun.elapsed()), "");
}

fn queries(home: &Path) {
    let asked = |file: &str| std::fs::read_to_string(home.with_file_name(file)).expect("read what is asked");
    let (names, queries) = (asked("names"), asked("queries"));
    let mut lookups: Vec<Duration> = names
        .lines()
        .map(|name| {
            let name = name.parse().expect("a name");
            let begun = Instant::now();
            let store = open(home);
            let id = store.claimants(&name).expect("look up").pop().expect("it is there");
            assert_eq!(store.package(&id).expect("read").expect("it is there").versions.len(), 3);
            begun.elapsed()
        })
        .collect();
    lookups.sort();
    line("open and exact lookup, median of 200", &millis(lookups[100]), "<= 5 ms");
    line("  99 of 100 within", &millis(lookups[198]), "");
    let store = open(home);
    let mut busy = Vec::new();
    let mut searches: Vec<(Duration, &str)> = queries
        .lines()
        .map(|query| {
            let (begun, before) = (Instant::now(), thread());
            store.search(query, 20).expect("search");
            let took = begun.elapsed();
            busy.push(thread() - before);
            (took, query)
        })
        .collect();
    busy.sort();
    let common = searches[..10].iter().map(|(took, _)| *took).max().unwrap_or_default();
    searches.sort();
    line("ranked search, 200 queries, median", &millis(searches[100].0), "<= 20 ms");
    line("  99 of 100 within", &millis(searches[198].0), "<= 100 ms");
    line("  processor time: median", &millis(busy[100]), "");
    line("  processor time: 99 of 100 within", &millis(busy[198]), "");
    line("  the slowest of the ten commonest words", &millis(common), "");
    line("  the slowest", &format!("{} ({})", millis(searches[199].0), searches[199].1), "");
    line("peak memory of lookups and searches", &peak(), "<= 100 MB");
}

/// The same from outside, with the process, its policies and its answer.
fn commands(home: &Path, queries: &[String]) {
    let bin = std::env::var_os("GGEN").map_or_else(|| checkout().join("target/release/ggen"), PathBuf::from);
    if !bin.is_file() {
        println!("no program at {}: cargo build --release -p ggen, or set GGEN", bin.display());
        return;
    }
    let run = |query: &str| {
        let mut command = Command::new(&bin);
        command.args(["marketplace", "search", query, "--offline", "--json"]).env("GGEN_HOME", home);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        assert!(command.status().expect("run it").success(), "{query}");
        begun.elapsed()
    };
    run("warm");
    let mut took: Vec<_> = queries.iter().step_by(5).map(|query| run(query)).collect();
    took.sort();
    line("`marketplace search --offline`, whole process, median of 40", &millis(took[20]), "");
    line("  the slowest", &millis(took[39]), "");
}

/// What a user would do instead.
fn others(index: &Path) {
    let time = |what: &str, program: &str, args: &[&str]| {
        let begun = Instant::now();
        let ran = Command::new(program).args(args).arg(index).stdout(Stdio::null()).stderr(Stdio::null()).status();
        match ran {
            Ok(status) if status.success() => line(what, &millis(begun.elapsed()), ""),
            _ => line(what, "not here", ""),
        }
    };
    time("grep -i graph index.json", "grep", &["-i", "graph"]);
    let filter = "[.packages[] | select(.description | test(\"graph\")) | .name] | length";
    time("jq: names whose description has graph", "jq", &[filter]);
    let python = "import json,sys; print(sum('graph' in p['description'] for p in json.load(open(sys.argv[1]))['packages'].values()))";
    time("python: json.load and the same", "python3", &["-c", python]);
}
