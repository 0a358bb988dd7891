//! Whether a node sees the network or only a part of it, judged by evidence and never by how many peers there are.
//!
//! A plain state machine `(state, sight, now) -> verdict`: the node says what it sees, the rule says what that means and
//! whether to dial again. Never asks, dials or waits. Invariants: nobody connected is `isolated` at once and nothing
//! else ever is; every other worsening has lasted for [`Rules::confirm`], every recovery for [`Rules::settle`], so a
//! network that flickers changes nothing.
//!
//! ```text
//!             a lookup succeeds              symptoms for `confirm`
//!  isolated ────────────────────▶ online ──────────────────────────▶ degraded, stale
//!      ▲                             ▲                                      │
//!      │ nobody is connected         └───────── none for `settle` ──────────┘
//!      └──────────── from anywhere, at once
//! ```

use std::fmt;
use std::time::Duration;

pub use crate::hooks::Network;
use crate::limits::Limits;
use crate::schedule::Millis;

/// The times and shares that the judgement goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rules {
    /// How long a symptom lasts before it counts.
    pub confirm: Millis,
    /// How long there is none before all is well again.
    pub settle: Millis,
    /// A lookup that succeeded longer ago says nothing of the present.
    pub fresh: Millis,
    /// A network whose newest head is older tells nothing new.
    pub head_age: Millis,
}

impl From<&Limits> for Rules {
    fn from(limits: &Limits) -> Self {
        let millis = |time: Duration| Millis::try_from(time.as_millis()).unwrap_or(Millis::MAX);
        Self {
            confirm: millis(limits.partition_confirm),
            settle: millis(limits.partition_confirm),
            fresh: millis(limits.self_lookup_interval.saturating_mul(FRESH_LOOKUPS)),
            head_age: millis(limits.head_lifetime),
        }
    }
}

/// Self-lookups that may be missed before the last one says nothing any more.
const FRESH_LOOKUPS: u32 = 15;
/// Self-lookups that fail in a row before that is a symptom.
const FAILED_LOOKUPS: u32 = 2;

/// Peers that should be there: configured ones, or remembered ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Anchors {
    /// How many there are.
    pub all: usize,
    /// In how many networks, as far as that is known; names count as one each.
    pub networks: usize,
    /// How many are connected.
    pub connected: usize,
    /// In how many networks those are.
    pub connected_networks: usize,
}

/// What the lookups of the node's own place in the hash table came to.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Lookups {
    /// When the last one succeeded.
    pub succeeded_at: Option<Millis>,
    /// How many failed since.
    pub failed: u32,
    /// Whether a large part of the network is missing by the last that succeeded: [`crate::census`] says so.
    pub shrunk: bool,
}

/// What a node sees at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Sight {
    /// Peers that are connected.
    pub peers: usize,
    /// How many of them are nodes of the hash table.
    pub nodes: usize,
    /// From how many networks they are connected.
    pub networks: usize,
    /// Configured peers.
    pub anchors: Anchors,
    /// Remembered peers.
    pub known: Anchors,
    /// Lookups of its own place.
    pub lookups: Lookups,
    /// How old the newest signed head is that a peer gave.
    pub head_age: Option<Millis>,
}

/// What speaks against a whole network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Symptom {
    /// Nobody is connected.
    Alone,
    /// No lookup has succeeded yet, or since everybody was lost.
    NoLookup,
    /// Lookups fail.
    LookupsFail,
    /// No configured peer is connected.
    AnchorsSilent,
    /// Connected peers are of one network, and those that should be there are of several.
    OneNetwork,
    /// The network has lost a large part.
    Shrunk,
    /// The last lookup that succeeded is too old.
    LookupOld,
    /// Peers have only old heads.
    HeadsOld,
}

/// What a sight means.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// The state.
    pub state: Network,
    /// Whether it is another than before.
    pub changed: bool,
    /// What speaks against a whole network at this moment, counted or not.
    pub symptoms: Vec<Symptom>,
    /// Whether something has just been lost, or is back while something else is not: dial everybody who should be there.
    pub redial: bool,
}

/// The judgement of one node.
#[derive(Clone, Debug)]
pub struct Watch {
    rules: Rules,
    state: Network,
    /// Since when nobody is connected; lookups before do not count.
    isolated_at: Option<Millis>,
    /// Another state than the present one, and since when the sight says so.
    leaning: Option<(Network, Millis)>,
    before: Sight,
    symptoms: Vec<Symptom>,
}

impl Watch {
    /// A node that has met nobody yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            state: Network::Isolated,
            isolated_at: Some(0),
            leaning: None,
            before: Sight::default(),
            symptoms: vec![Symptom::Alone],
        }
    }

    /// What was said last.
    pub fn state(&self) -> Network {
        self.state
    }

    /// What spoke against a whole network at the last sight.
    pub fn symptoms(&self) -> &[Symptom] {
        &self.symptoms
    }

    /// Judges what is seen at `now`.
    pub fn see(&mut self, sight: &Sight, now: Millis) -> Verdict {
        let symptoms = self.symptoms_of(sight, now);
        let before = self.state;
        self.state = self.next(wanted(&symptoms), now);
        let new_symptom = symptoms.iter().any(|s| !self.symptoms.contains(s));
        // Something is back: who is still missing may be, too.
        let heals = !symptoms.is_empty() && self.symptoms.iter().any(|s| !symptoms.contains(s));
        let lost_anchor = sight.anchors.connected < self.before.anchors.connected;
        let halved = self.before.nodes >= 4 && sight.nodes * 2 <= self.before.nodes;
        let worse = self.state != before && self.state != Network::Online && before != Network::Isolated;
        // The reference for `halved` only rises, or falls where that was told.
        let nodes = if halved || sight.nodes == 0 { sight.nodes } else { sight.nodes.max(self.before.nodes) };
        self.before = Sight { nodes, ..*sight };
        self.symptoms.clone_from(&symptoms);
        let redial = new_symptom || heals || lost_anchor || halved || worse;
        Verdict { state: self.state, changed: self.state != before, symptoms, redial }
    }

    fn next(&mut self, wanted: Network, now: Millis) -> Network {
        if wanted == Network::Isolated {
            self.leaning = None;
            self.isolated_at.get_or_insert(now);
            return Network::Isolated;
        }
        if wanted == self.state {
            self.leaning = None;
            return self.state;
        }
        // Whoever was alone believes the first lookup that succeeds, and until then that he sees too little.
        if self.state == Network::Isolated || self.isolated_at.is_some() {
            if wanted == Network::Online {
                self.isolated_at = None;
            }
            self.leaning = None;
            return wanted;
        }
        let since = match self.leaning {
            Some((state, since)) if state == wanted => since,
            _ => now,
        };
        self.leaning = Some((wanted, since));
        let long = if wanted == Network::Online { self.rules.settle } else { self.rules.confirm };
        if now.saturating_sub(since) >= long {
            self.leaning = None;
            return wanted;
        }
        self.state
    }

    fn symptoms_of(&self, sight: &Sight, now: Millis) -> Vec<Symptom> {
        if sight.nodes == 0 {
            return vec![Symptom::Alone];
        }
        let lookups = &sight.lookups;
        let since = self.isolated_at.unwrap_or(0);
        let counted = lookups.succeeded_at.filter(|at| *at >= since);
        let age = counted.map(|at| now.saturating_sub(at));
        let (anchors, should) = (&sight.anchors, sight.anchors.networks.max(sight.known.networks));
        let there = anchors.connected_networks.max(sight.known.connected_networks);
        let all = [
            (Symptom::NoLookup, counted.is_none()),
            (Symptom::LookupsFail, lookups.failed >= FAILED_LOOKUPS),
            (Symptom::AnchorsSilent, anchors.all > 0 && anchors.connected == 0),
            (Symptom::OneNetwork, should >= 3 && there <= 1 && sight.networks <= 1),
            (Symptom::Shrunk, lookups.shrunk),
            (Symptom::LookupOld, age.is_some_and(|age| age >= self.rules.fresh)),
            (Symptom::HeadsOld, sight.head_age.is_some_and(|age| age >= self.rules.head_age)),
        ];
        all.into_iter().filter_map(|(symptom, holds)| holds.then_some(symptom)).collect()
    }
}

/// The state that symptoms ask for.
fn wanted(symptoms: &[Symptom]) -> Network {
    let has = |list: &[Symptom]| symptoms.iter().any(|s| list.contains(s));
    if has(&[Symptom::Alone]) {
        Network::Isolated
    } else if has(&[Symptom::LookupOld, Symptom::HeadsOld]) {
        Network::Stale
    } else if symptoms.is_empty() {
        Network::Online
    } else {
        Network::Degraded
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alone => "nobody is connected",
            Self::NoLookup => "no lookup has succeeded yet",
            Self::LookupsFail => "lookups fail",
            Self::AnchorsSilent => "no bootstrap peer is connected",
            Self::OneNetwork => "all peers are of one network, and known ones are of others",
            Self::Shrunk => "a large part of the network is gone",
            Self::LookupOld => "the last lookup that succeeded is old",
            Self::HeadsOld => "peers have only old heads",
        })
    }
}

#[cfg(test)]
#[path = "partition_tests.rs"]
mod tests;
