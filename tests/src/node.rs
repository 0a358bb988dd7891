//! A node in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::Home;
use crate::ran::signal;

/// The longest until a node is ready.
const READY: Duration = Duration::from_secs(60);

/// Lines of a node's stderr that are shown when its test fails.
const STORY: usize = 40;

/// `ggen marketplace p2p start`, ready; killed when it goes out of scope.
#[derive(Debug)]
pub struct Node {
    /// Its identity.
    pub peer_id: String,
    /// Where it listens, with `/p2p/…`.
    pub addresses: Vec<String>,
    child: Child,
    told: Arc<Mutex<String>>,
}

impl Node {
    /// Starts one in `home` with more arguments, and waits for its line.
    #[track_caller]
    pub fn start(home: &Home, more: &[&str]) -> Self {
        let node = Self::start_at(home, "/ip4/127.0.0.1/tcp/0", more);
        let is_local = |a: &String| a.starts_with("/ip4/127.0.0.1/");
        assert!(node.addresses.iter().all(is_local), "addresses on loopback: {:?}", node.addresses);
        node
    }

    /// Starts one that listens on `listen`.
    #[track_caller]
    pub fn start_at(home: &Home, listen: &str, more: &[&str]) -> Self {
        let mut args = vec!["marketplace", "p2p", "start", "--json", "--listen", listen];
        args.extend_from_slice(more);
        let mut command = home.command(&args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start a node");
        let told = Arc::new(Mutex::new(String::new()));
        let (sink, mut errors) = (told.clone(), child.stderr.take().expect("stderr is piped"));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                sink.lock().expect("lock").push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let (send, line) = channel();
        let mut answer = BufReader::new(child.stdout.take().expect("stdout is piped"));
        std::thread::spawn(move || {
            let mut first = String::new();
            let _ = answer.read_line(&mut first);
            let _ = send.send(first);
            // A node that says more must not be stopped by a full pipe.
            let _ = std::io::copy(&mut answer, &mut std::io::sink());
        });
        let mut node = Self { peer_id: String::new(), addresses: Vec::new(), child, told };
        let first = line.recv_timeout(READY).unwrap_or_default();
        let ready: Value = serde_json::from_str(&first)
            .unwrap_or_else(|e| panic!("the node's first line {first:?}: {e}\n--- stderr\n{}", node.told()));
        node.peer_id = ready["peer_id"].as_str().unwrap_or_default().to_owned();
        let addresses = ready["listen_addresses"].as_array().map_or(&[][..], Vec::as_slice);
        node.addresses = addresses.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        assert!(!node.addresses.is_empty(), "a node that listens nowhere: {first}");
        let full = |a: &String| a.ends_with(&format!("/p2p/{}", node.peer_id));
        assert!(node.addresses.iter().all(full), "full addresses: {first}");
        node
    }

    /// What it told on stderr until now.
    pub fn told(&self) -> String {
        self.told.lock().expect("lock").clone()
    }

    /// The memory that it has now, in kB; 0 where the system does not tell.
    pub fn resident_kb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// The processor time that it has used so far, in seconds, to a hundredth; 0 where the system does not tell.
    pub fn processor_time(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
    }

    /// Asks it to end, as Ctrl-C does, and waits: its exit code.
    #[track_caller]
    pub fn stop(mut self) -> Option<i32> {
        signal(&self.child, Signal::INT);
        self.ended()
    }

    /// Has its terminal end.
    pub fn hang_up(&self) {
        signal(&self.child, Signal::HUP);
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(20);
        crate::eventually("the node ends", end - Instant::now(), || self.child.try_wait().expect("ask for a child"))
            .code()
    }

    /// Has it do nothing at all, while its connections stand.
    pub fn freeze(&self) {
        signal(&self.child, Signal::STOP);
    }

    /// Has it go on.
    pub fn thaw(&self) {
        signal(&self.child, Signal::CONT);
    }

    /// Ends it at once, as a power cut does.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Home {
    /// Names the nodes to join by.
    pub fn bootstrap(&mut self, nodes: &[&Node]) -> &mut Self {
        let addresses: Vec<_> = nodes.iter().flat_map(|n| n.addresses.iter().map(String::as_str)).collect();
        self.set("GGEN_P2P_BOOTSTRAP", &addresses.join(","))
    }

    /// Starts a node and waits until it is ready.
    #[track_caller]
    pub fn node(&self) -> Node {
        Node::start(self, &[])
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let told = self.told();
            let last: Vec<&str> = told.lines().rev().take(STORY).collect();
            let last: String = last.into_iter().rev().map(|line| format!("{line}\n")).collect();
            eprintln!("--- {} at {:?} told last\n{last}", self.peer_id, self.addresses);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
