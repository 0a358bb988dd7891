//! What one run is about, as one line: the line that a failing run prints is the line that repeats it.
//!
//! Decides the defaults and how much of everything a network of some size has. Invariant: a plan says all that a run
//! depends on; two runs of one plan are the same to the last message.

use std::fmt;
use std::str::FromStr;

/// A run.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    pub seed: u64,
    pub nodes: usize,
    /// The share of nodes that misbehave, all kinds of them in equal parts.
    pub byzantine: f64,
    /// The share of nodes that leave in an hour.
    pub churn: f64,
    /// The share of messages that never arrive.
    pub loss: f64,
    /// Installs of honest packages over the whole run.
    pub installs: usize,
    /// Simulated minutes.
    pub minutes: u64,
    /// Minutes for which the network is in two halves, in the middle of the run.
    pub split: u64,
    /// Questions for one holder of something, over the whole run.
    pub probes: usize,
    /// Keys that one honest node tells beside its packages' ones; in the second half a tenth of them.
    pub keys: u64,
    /// Minutes for which nobody keeps what others tell him, in the middle of the run.
    pub deaf: u64,
    /// Chunks of an archive, at most.
    pub chunks: u64,
    /// The share of nodes that have a line of 40 KB/s.
    pub slow: f64,
    /// Nodes that install one new release within a minute, in the middle of the run; one other has it.
    pub crowd: usize,
    /// Whether who is in the middle of a download gives what has arrived: 1 or 0.
    pub parts: u8,
    /// Whether a download looks for further holders while it lasts: 1 or 0.
    pub others: u8,
}

impl Default for Plan {
    fn default() -> Self {
        let (nodes, installs, minutes) = (300, 300, 120);
        let (split, probes, keys, deaf, crowd) = (0, 0, 0, 0, 0);
        let (byzantine, churn, loss, slow) = (0.2, 1.0 / 3.0, 0.005, 0.0);
        let (chunks, parts, others) = (4, 1, 1);
        Self {
            seed: 1,
            nodes,
            byzantine,
            churn,
            loss,
            installs,
            minutes,
            split,
            probes,
            keys,
            deaf,
            chunks,
            slow,
            crowd,
            parts,
            others,
        }
    }
}

impl Plan {
    /// Packages that there are: one for twenty nodes.
    pub fn packages(&self) -> usize {
        (self.nodes / 20).max(3)
    }

    /// Nodes whose users install.
    pub fn users(&self) -> usize {
        (self.nodes / 10).max(5)
    }

    /// The line that repeats this run.
    pub fn line(&self) -> String {
        format!("GGEN_SIMULATION='{self}' cargo test -p ggen-tests --test simulation -- given --nocapture")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            nodes,
            byzantine,
            churn,
            loss,
            installs,
            minutes,
            split,
            probes,
            keys,
            deaf,
            chunks,
            slow,
            crowd,
            parts,
            others,
        } = self;
        write!(f, "seed={seed} nodes={nodes} byzantine={byzantine} churn={churn} loss={loss} ")?;
        write!(f, "installs={installs} minutes={minutes} split={split} ")?;
        write!(f, "probes={probes} keys={keys} deaf={deaf} chunks={chunks} slow={slow} ")?;
        write!(f, "crowd={crowd} parts={parts} others={others}")
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        fn number<T: FromStr>(text: &str) -> Result<T, String> {
            text.parse().map_err(|_| format!("{text:?} is no number"))
        }
        let mut plan = Self::default();
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("{word:?} is not KEY=NUMBER"))?;
            match key {
                "seed" => plan.seed = number(value)?,
                "nodes" => plan.nodes = number(value)?,
                "byzantine" => plan.byzantine = number(value)?,
                "churn" => plan.churn = number(value)?,
                "loss" => plan.loss = number(value)?,
                "installs" => plan.installs = number(value)?,
                "minutes" => plan.minutes = number(value)?,
                "split" => plan.split = number(value)?,
                "probes" => plan.probes = number(value)?,
                "keys" => plan.keys = number(value)?,
                "deaf" => plan.deaf = number(value)?,
                "chunks" => plan.chunks = number(value)?,
                "slow" => plan.slow = number(value)?,
                "crowd" => plan.crowd = number(value)?,
                "parts" => plan.parts = number(value)?,
                "others" => plan.others = number(value)?,
                _ => return Err(format!("no plan has {key:?}")),
            }
        }
        Ok(plan)
    }
}
