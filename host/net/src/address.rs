//! Addresses as people write them.
//!
//! Decides which text is a usable address and which network an address belongs to; never resolves a name. The address of
//! a peer behind a relay (`…/p2p/RELAY/p2p-circuit`) is of the relay's network: who is behind it says nothing of himself.

use std::net::IpAddr;

use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::error::NetError;

/// The longest address that is read, in bytes.
const MAX_ADDRESS: usize = 1024;

fn wrong(text: &str, problem: impl Into<String>) -> NetError {
    NetError::Address { text: text.chars().take(200).collect(), problem: problem.into() }
}

fn parse(text: &str) -> Result<Multiaddr, NetError> {
    if text.len() > MAX_ADDRESS {
        return Err(wrong(text, format!("it is longer than {MAX_ADDRESS} bytes")));
    }
    text.trim().parse().map_err(|e: libp2p::multiaddr::Error| wrong(text, e.to_string()))
}

/// Reads an address to listen on; an error names the text.
pub fn parse_multiaddr(text: &str) -> Result<Multiaddr, NetError> {
    let address = parse(text)?;
    if is_spoken(&address) && !is_relayed(&address) {
        return Ok(address);
    }
    Err(wrong(text, SPOKEN))
}

/// What can be travelled, for those who wrote something else.
const SPOKEN: &str = "only /ip4, /ip6 and /dns addresses with /tcp or /udp and /quic-v1 are spoken here";

/// Whether an address is of a transport that there is: TCP or QUIC, over IP or a name for it, or a relay that is reached so.
pub(crate) fn is_spoken(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let host = matches!(
        parts.next(),
        Some(Protocol::Ip4(_) | Protocol::Ip6(_) | Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_))
    );
    let transport = match parts.next() {
        Some(Protocol::Tcp(_)) => true,
        Some(Protocol::Udp(_)) => parts.next() == Some(Protocol::QuicV1),
        _ => false,
    };
    let rest: Vec<_> = parts.take(4).collect();
    host && transport
        && matches!(
            rest[..],
            [] | [Protocol::P2p(_)]
                | [Protocol::P2p(_), Protocol::P2pCircuit]
                | [Protocol::P2p(_), Protocol::P2pCircuit, Protocol::P2p(_)]
        )
}

/// Whether it leads through a relay.
pub(crate) fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// Where a connection leads, without the peer's id: of one that came through a relay, the relay.
pub(crate) fn remote_of(endpoint: &ConnectedPoint) -> Multiaddr {
    let address = match endpoint {
        ConnectedPoint::Listener { local_addr, .. } if endpoint.is_relayed() => local_addr,
        other => other.get_remote_address(),
    };
    split_peer(address).map_or_else(|| address.clone(), |(_, address)| address)
}

/// Whether it is an address of QUIC, or of a relay that is reached by it.
pub(crate) fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::QuicV1)
}

/// Reads the address of a peer to dial: it must end in `/p2p/` and the peer's id. `/dnsaddr` and a name stand for
/// whatever addresses of that peer the name has when it is dialled.
pub fn parse_bootstrap(text: &str) -> Result<(PeerId, Multiaddr), NetError> {
    let address = parse(text)?;
    let named = matches!(address.iter().collect::<Vec<_>>()[..], [Protocol::Dnsaddr(_), Protocol::P2p(_)]);
    if !named && !is_spoken(&address) {
        return Err(wrong(text, SPOKEN));
    }
    let unnamed = "it must end in /p2p/ and the id of the peer, as `p2p start` prints it";
    split_peer(&address).ok_or_else(|| wrong(text, unnamed))
}

/// Reads whom somebody means: the id of a peer, or an address that ends in it.
pub fn parse_peer(text: &str) -> Result<PeerId, NetError> {
    let text = text.trim();
    let id = text.rsplit('/').next().unwrap_or_default();
    let shown = || text.chars().take(200).collect();
    if text.len() > MAX_ADDRESS {
        return Err(NetError::Peer { text: shown() });
    }
    id.parse().map_err(|_| NetError::Peer { text: shown() })
}

/// The peer that an address ends in, and the address without it.
pub(crate) fn split_peer(address: &Multiaddr) -> Option<(PeerId, Multiaddr)> {
    let mut address = address.clone();
    match address.pop() {
        Some(Protocol::P2p(peer)) if !address.is_empty() => Some((peer, address)),
        _ => None,
    }
}

/// `address` with `/p2p/` and `peer` at its end.
pub(crate) fn with_peer(address: &Multiaddr, peer: PeerId) -> Multiaddr {
    address.clone().with_p2p(peer).unwrap_or_else(|other| other)
}

pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => Some(IpAddr::V4(ip)),
        Some(Protocol::Ip6(ip)) => Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
        _ => None,
    }
}

/// The network that an address belongs to: its /24 (IPv4) or /48 (IPv6), as text. None for a name.
pub fn subnet_of(address: &Multiaddr) -> Option<String> {
    Some(match ip_of(address)? {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    })
}

/// Whether an address is of this machine alone.
pub(crate) fn is_loopback(address: &Multiaddr) -> bool {
    ip_of(address).is_some_and(|ip| ip.is_loopback())
}

/// Whether an address says nothing of who is behind it to the rest of the world: this machine, or a private network.
pub(crate) fn is_local(address: &Multiaddr) -> bool {
    ip_of(address).is_some_and(|ip| match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    })
}

/// The network that an address belongs to, where that says who is behind it: none of this machine or a private network.
pub(crate) fn public_network_of(address: &Multiaddr) -> Option<String> {
    if is_local(address) { None } else { subnet_of(address) }
}

/// Who a peer is one of, so that a crowd in one network counts once: its network, or itself where that says nothing.
pub(crate) fn source_of(address: Option<&Multiaddr>, peer: &PeerId) -> String {
    address.and_then(public_network_of).unwrap_or_else(|| peer.to_string())
}

/// Whether somebody at `seen_from` can have a use for `address`: nothing of this machine alone, unless he is on it.
pub(crate) fn is_shareable(address: &Multiaddr, seen_from: &Multiaddr) -> bool {
    let unspecified = ip_of(address).is_some_and(|ip| ip.is_unspecified());
    !unspecified && (!is_loopback(address) || is_loopback(seen_from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_address_is_named() {
        for bad in ["", "/p2p/fake", "127.0.0.1:80", "/ip4/1.2.3.4/udp/5", "/ip4/1.2.3/tcp/1", "/tcp/1", "/dnsaddr/a.b"]
        {
            let error = parse_multiaddr(bad).unwrap_err();
            assert!(matches!(&error, NetError::Address { text, .. } if text == bad), "{error}");
        }
        assert!(parse_multiaddr(&"/ip4/1.2.3.4".repeat(200)).is_err());
        for good in ["/ip4/1.2.3.4/udp/5/quic-v1", "/ip6/::1/tcp/1", "/dns/a.example/tcp/1"] {
            assert!(parse_multiaddr(good).is_ok(), "{good}");
        }
        let peer = PeerId::random();
        let named = format!("/dnsaddr/seeds.example.org/p2p/{peer}");
        assert_eq!(parse_bootstrap(&named).unwrap(), (peer, "/dnsaddr/seeds.example.org".parse().unwrap()));
        for bad in ["/dnsaddr/seeds.example.org".to_owned(), format!("/dnsaddr/a.example/tcp/1/p2p/{peer}")] {
            assert!(parse_bootstrap(&bad).is_err(), "{bad}");
        }
        let full = format!("/dns4/seed.example.org/tcp/4001/p2p/{peer}");
        assert_eq!(parse_bootstrap(&full).unwrap().0, peer);
        assert!(parse_bootstrap("/ip4/127.0.0.1/tcp/4001").unwrap_err().to_string().contains("/p2p/"));
    }

    #[test]
    fn who_is_behind_a_relay_is_of_the_relays_network() {
        let (relay, peer) = (PeerId::random(), PeerId::random());
        let road = format!("/ip4/9.9.9.9/tcp/4001/p2p/{relay}/p2p-circuit");
        let (found, address) = parse_bootstrap(&format!("{road}/p2p/{peer}")).unwrap();
        assert_eq!((found, address.to_string()), (peer, road.clone()));
        assert!(is_relayed(&address) && is_spoken(&address) && !is_quic(&address));
        assert_eq!(subnet_of(&address).as_deref(), Some("9.9.9.0/24"));
        assert_eq!(with_peer(&address, peer).to_string(), format!("{road}/p2p/{peer}"));
        assert!(parse_multiaddr(&road).is_err(), "a relay is not listened on by hand");
        let (local_addr, send_back_addr) = (address.clone(), format!("/p2p/{peer}").parse().unwrap());
        assert_eq!(remote_of(&ConnectedPoint::Listener { local_addr, send_back_addr }), address);
        let quic = format!("/ip4/9.9.9.9/udp/1/quic-v1/p2p/{relay}/p2p-circuit/p2p/{peer}");
        assert!(is_quic(&parse_bootstrap(&quic).unwrap().1));
        for bad in [
            format!("/p2p-circuit/p2p/{peer}"),
            format!("/ip4/9.9.9.9/tcp/1/p2p-circuit/p2p/{peer}"),
            format!("{road}/p2p/{peer}/p2p-circuit/p2p/{peer}"),
            format!("{road}/ip4/1.1.1.1/tcp/1/p2p/{peer}"),
            format!("/ip4/9.9.9.9/tcp/80/ws/p2p/{peer}"),
        ] {
            assert!(parse_bootstrap(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_peer_is_meant_by_its_id_or_by_its_address() {
        let peer = PeerId::random();
        for text in [peer.to_string(), format!(" {peer}"), format!("/ip4/10.0.0.1/tcp/1/p2p/{peer}")] {
            assert_eq!(parse_peer(&text).unwrap(), peer, "{text}");
        }
        for bad in ["", "fake", "/ip4/10.0.0.1/tcp/1", &"1".repeat(5000), "12D3Koo\u{0}"] {
            assert!(matches!(parse_peer(bad), Err(NetError::Peer { text }) if text.len() <= 200), "{bad}");
        }
    }

    #[test]
    fn networks_are_told_apart() {
        let net = |text: &str| subnet_of(&text.parse().unwrap());
        assert_eq!(net("/ip4/10.1.2.3/tcp/1").as_deref(), Some("10.1.2.0/24"));
        assert_eq!(net("/ip6/::ffff:10.1.2.9/tcp/1").as_deref(), Some("10.1.2.0/24"));
        assert_eq!(net("/ip6/2001:db8:7:8::1/tcp/1").as_deref(), Some("2001:db8:7::/48"));
        assert_eq!(net("/dns4/example.org/tcp/1"), None);
    }
}
