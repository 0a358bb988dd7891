//! The node and its surroundings.

use ggen_market::{NodeReady, PeersAnswer, StatusAnswer, StopAnswer};

use crate::output::{Page, bytes};

/// `p2p start`, once it is ready.
pub fn ready(page: &mut Page, answer: &NodeReady) {
    page.good(format!("the node is ready: {}", answer.peer_id));
    for address in &answer.listen_addresses {
        page.line(format!("  {address}"));
    }
    page.aside("  Ctrl-C stops it; others reach it with --bootstrap and one of these addresses");
}

/// `p2p stop`.
pub fn stopped(page: &mut Page, answer: &StopAnswer) {
    if answer.stopped {
        page.good("the node has stopped");
    } else {
        page.line("no node runs in this home");
    }
}

/// `p2p peers`.
pub fn peers(page: &mut Page, answer: &PeersAnswer) {
    if answer.peers.is_empty() {
        page.line("no peer is connected");
    }
    let rows: Vec<_> = answer
        .peers
        .iter()
        .map(|peer| {
            let score = peer.score.map_or("-".to_owned(), |score| format!("{score:.2}"));
            let address = peer.addresses.first().cloned().unwrap_or_default();
            vec![peer.peer_id.clone(), score, peer.direction.clone(), address]
        })
        .collect();
    page.table(0, &rows);
}

/// `p2p status`.
pub fn status(page: &mut Page, answer: &StatusAnswer) {
    let row = |key: &str, value: String| vec![key.to_owned(), value];
    let health = &answer.health;
    page.heading("P2P Node Status:");
    page.line(if answer.running { "  ● Running" } else { "  ○ Not running" });
    let mut rows = Vec::new();
    if let Some(peer) = &answer.peer_id {
        rows.push(row("Peer ID:", peer.clone()));
    }
    if answer.running {
        rows.push(row("Connected peers:", answer.connected_peers.to_string()));
        rows.push(row("DHT status:", if health.dht_responsive { "Healthy" } else { "No answer" }.to_owned()));
    }
    rows.push(row("Network:", answer.network.clone()));
    page.table(2, &rows);
    for evidence in &answer.evidence {
        page.line(format!("    {evidence}"));
    }
    for address in &answer.listen_addresses {
        page.line(format!("  {address}"));
    }
    page.gap();
    page.heading("Registry Status:");
    page.line(if health.registry_loaded { "  ● Loaded" } else { "  ○ Not loaded" });
    page.line(format!("  Packages indexed: {}", answer.packages_indexed));
    page.gap();
    page.heading("Disk Space:");
    page.line(format!("  Available: {}", bytes(health.disk_space_available)));
}
