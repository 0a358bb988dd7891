//! Reports of what goes wrong in the network.
//!
//! Decides nothing; see [`super`].

use std::path::Path;

use ggen_market::NetError;

use super::{Code, Report};

pub(super) fn report(error: &NetError) -> Report {
    match error {
        NetError::Address { text, problem } => Report::new(Code::Address, error)
            .with("address", text)
            .with("problem", problem)
            .hint("write it as /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…, just as `ggen marketplace p2p start` prints it"),
        NetError::Peer { text } => Report::new(Code::Peer, error)
            .with("text", text)
            .run("see whom the node knows", "ggen marketplace p2p peers"),
        NetError::Identity(_) => {
            Report::new(Code::Identity, error).hint("put p2p/identity.key in the home back from a backup")
        }
        NetError::Transport(_) => Report::new(Code::Transport, error).hint("try again with --offline"),
        NetError::Listen { address, .. } => Report::new(Code::Listen, error)
            .with("address", address)
            .run("take any free port", "ggen marketplace p2p start --listen /ip4/0.0.0.0/tcp/0"),
        NetError::Stopped => Report::new(Code::NodeGone, error).hint("try again"),
        NetError::Busy(what) => Report::new(Code::NodeGone, error).with("what", what).hint("try again in a moment"),
        NetError::Timeout { what, after } => Report::new(Code::NetworkTimeout, error)
            .with("what", what)
            .with_json("after_ms", u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
            .run("see how the network is", "ggen marketplace p2p status"),
        NetError::Unreachable { peer, problem } => Report::new(Code::PeerUnreachable, error)
            .with("peer", peer)
            .with("problem", problem)
            .run("see how the network is", "ggen marketplace p2p status"),
        NetError::OnlyRelayed { peer } => Report::new(Code::PeerUnreachable, error)
            .with("peer", peer)
            .hint("a router stands between; another holder, or a port that is opened there, helps"),
        NetError::NoPeers => no_peers(error),
        NetError::NotFound { what } => Report::new(Code::NotFound, error)
            .with("what", what)
            .run("see how the network is", "ggen marketplace p2p status"),
        NetError::Fetch { archive, holders } => {
            let report = Report::new(Code::AllHoldersFailed, error)
                .with("archive", archive)
                .with_json("holders", holders)
                .hint("try again later, or connect to more peers");
            holders.iter().fold(report, |report, holder| report.line(format!("{}: {:?}", holder.peer, holder.outcome)))
        }
        NetError::TooLarge { .. } => Report::new(Code::ArchiveRefused, error).with("reason", "too-large"),
        NetError::File { .. } => Report::new(Code::File, error).hint("is there room in the home, and is it yours?"),
        NetError::Control { path, .. } => Report::new(Code::Control, error)
            .with("path", path)
            .hint("stop the node where it was started, and start it again"),
        NetError::AlreadyRunning => node_running(error),
        NetError::Remote { code, .. } => Report::new(Code::NodeRefused, error)
            .with("remote_code", code)
            .hint("its own messages, where it was started, say more"),
    }
}

fn no_peers(error: &NetError) -> Report {
    Report::new(Code::NoPeers, error)
        .run("see how the network is", "ggen marketplace p2p status")
        .hint("name a node to begin with: GGEN_P2P_BOOTSTRAP, or [network] bootstrap in config.toml")
}

/// A private network without its key is not entered, and no other one instead of it.
pub(super) fn swarm_key(error: &dyn std::fmt::Display, path: &Path, problem: &str) -> Report {
    let path = path.display();
    Report::new(Code::SwarmKey, error)
        .with("path", path.to_string())
        .with("problem", problem)
        .run("if others can read it", format!("chmod 600 {path}"))
        .hint("its three lines are /key/swarm/psk/1.0.0/, /base16/ and 64 hexadecimal digits, the same on every node")
}

/// A second node in one home.
pub(super) fn node_running(error: &dyn std::fmt::Display) -> Report {
    Report::new(Code::NodeRunning, error)
        .run("see it", "ggen marketplace p2p status")
        .run("or end it", "ggen marketplace p2p stop")
}
