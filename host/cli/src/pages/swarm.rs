//! The node and its surroundings.

use ggen_market::{BanAnswer, BansAnswer, NodeReady, PeersAnswer, StatusAnswer, StopAnswer, UnbanAnswer};

use crate::format::{bytes, day};
use crate::output::Page;

/// `p2p start`, once it is ready.
pub fn ready(page: &mut Page, answer: &NodeReady) {
    page.good(format!("the node is ready: {}", answer.peer_id));
    for address in &answer.listen_addresses {
        page.line(format!("  {address}"));
    }
    page.aside("  Ctrl-C stops it; others reach it with --bootstrap and one of these addresses");
}

/// `p2p start --daemon`, once it is ready.
pub fn ready_in_background(page: &mut Page, answer: &NodeReady) {
    page.good(format!("the node is ready and goes on in the background: {}", answer.peer_id));
    for address in &answer.listen_addresses {
        page.line(format!("  {address}"));
    }
    page.aside("  `ggen marketplace p2p stop` stops it; its log is p2p/node.log in the home");
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

/// `p2p ban`.
pub fn banned(page: &mut Page, answer: &BanAnswer) {
    page.good(format!("{} is banned until {}", answer.peer_id, moment(answer.until)));
}

/// `p2p unban`.
pub fn unbanned(page: &mut Page, answer: &UnbanAnswer) {
    if answer.unbanned {
        page.good(format!("{} is not banned any more", answer.peer_id));
    } else {
        page.line(format!("{} was not banned", answer.peer_id));
    }
}

/// `p2p bans`.
pub fn bans(page: &mut Page, answer: &BansAnswer) {
    if answer.bans.is_empty() {
        page.line("nobody is banned");
    }
    let row = |ban: &BanAnswer| vec![ban.peer_id.clone(), format!("until {}", moment(ban.until)), ban.reason.clone()];
    page.table(0, &answer.bans.iter().map(row).collect::<Vec<_>>());
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

/// Milliseconds since the Unix epoch as a day and a minute.
fn moment(millis: u64) -> String {
    let minutes = millis / 60_000 % (24 * 60);
    format!("{} {:02}:{:02} UTC", day(millis), minutes / 60, minutes % 60)
}
