//! Two networks of their own with one wire between them, that can be cut.
//!
//! Each is a network namespace in a user namespace: nothing of the machine's own network is touched, and all of it is gone
//! when the test is, however that ends.
//!
//! ```text
//!  side 0:  10.0.1.1 … 10.0.9.1  ──10.0.0.1──wire──10.1.0.1──  10.1.1.1 … 10.1.9.1  :side 1
//! ```

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Machines of each side.
const MACHINES: u8 = 9;

/// Makes both, tells their processes, and keeps them until its stdin ends.
const SCRIPT: &str = r#"
set -e
unshare --net sleep 1000000 >/dev/null 2>&1 &
far=$!
trap 'kill $far' EXIT
while [ "$(readlink /proc/$far/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add name wire type veth peer name wire netns $far
there() { nsenter --target $far --net "$@"; }
ip link set lo up; there ip link set lo up
for n in 1 2 3 4 5 6 7 8 9; do ip addr add 10.0.$n.1/32 dev lo; there ip addr add 10.1.$n.1/32 dev lo; done
ip addr add 10.0.0.1/16 dev wire; there ip addr add 10.1.0.1/16 dev wire
ip link set wire up; there ip link set wire up
ip route add 10.1.0.0/16 dev wire; there ip route add 10.0.0.0/16 dev wire
echo $$ $far
cat >/dev/null
"#;

/// Both sides.
#[derive(Debug)]
pub struct Islands {
    keeper: Child,
    sides: [String; 2],
}

impl Islands {
    /// Makes them; none where the machine does not allow it, with the reason.
    pub fn new() -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", SCRIPT]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut keeper = command.spawn().map_err(|e| format!("unshare: {e}"))?;
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("stdout is piped");
        let _ = BufReader::new(stdout).read_line(&mut line);
        let sides: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match <[String; 2]>::try_from(sides) {
            Ok(sides) => Ok(Self { keeper, sides }),
            Err(_) => {
                let _ = keeper.kill();
                let ended = keeper.wait_with_output().map_err(|e| e.to_string())?;
                Err(String::from_utf8_lossy(&ended.stderr).trim().to_owned())
            }
        }
    }

    /// What runs a command on a side: its program and first arguments.
    pub fn prefix(&self, side: usize) -> Vec<String> {
        let enter = ["nsenter", "--user", "--net", "--preserve-credentials", "--target"];
        enter.iter().map(|word| (*word).to_owned()).chain([self.sides[side].clone()]).collect()
    }

    /// The address of a machine, from 1.
    pub fn ip(side: usize, machine: u8) -> String {
        assert!((1..=MACHINES).contains(&machine), "there are {MACHINES} machines");
        format!("10.{side}.{machine}.1")
    }

    /// The address of a side on the wire itself.
    pub fn wire(side: usize) -> String {
        format!("10.{side}.0.1")
    }

    /// Cuts the wire, without a word to anybody.
    pub fn cut(&self) {
        self.inside(0, &["ip", "link", "set", "wire", "down"]);
    }

    /// Joins it again.
    pub fn heal(&self) {
        self.inside(0, &["ip", "link", "set", "wire", "up"]);
        self.inside(0, &["ip", "route", "replace", "10.1.0.0/16", "dev", "wire"]);
        self.inside(1, &["ip", "route", "replace", "10.0.0.0/16", "dev", "wire"]);
    }

    fn inside(&self, side: usize, words: &[&str]) {
        let prefix = self.prefix(side);
        let ran = Command::new(&prefix[0]).args(&prefix[1..]).args(words).output().expect("run nsenter");
        assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

impl Drop for Islands {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
