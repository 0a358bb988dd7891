//! The peer-scoring hook's values. Decides nothing. Invariant: every field crosses.

use ggen_core::hooks as core;

use super::{ToCore, ToGuest, same_cases};
use crate::bindings::guest::peer_scoring as wit;

same_cases!(core::OffenceClass, wit::OffenceClass, CorruptData InvalidRecord MalformedMessage Flood Stalled Refused);
same_cases!(core::Reach, wit::Reach, Peer Address Subnet);

impl ToGuest for core::Tally {
    type Guest = wit::Tally;
    fn to_guest(&self) -> Self::Guest {
        wit::Tally {
            successes: self.successes,
            failures: self.failures,
            timeouts: self.timeouts,
            corruptions: self.corruptions,
        }
    }
}

impl ToGuest for core::Traits {
    type Guest = wit::Traits;
    fn to_guest(&self) -> Self::Guest {
        let mut traits = wit::Traits::empty();
        for (set, flag) in [
            (self.named, wit::Traits::NAMED),
            (self.local_network, wit::Traits::LOCAL_NETWORK),
            (self.relayed, wit::Traits::RELAYED),
        ] {
            if set {
                traits |= flag;
            }
        }
        traits
    }
}

impl ToGuest for core::PeerFacts {
    type Guest = wit::PeerFacts;
    fn to_guest(&self) -> Self::Guest {
        wit::PeerFacts {
            day: self.day.to_guest(),
            month: self.month.to_guest(),
            bytes_served: self.bytes_served,
            latency_ms: self.latency_ms,
            bytes_per_second: self.bytes_per_second,
            first_seen: self.first_seen,
            last_success: self.last_success,
            subnet: self.subnet,
            subnet_peers: self.subnet_peers,
            subnet_banned: self.subnet_banned,
            traits: self.traits.to_guest(),
        }
    }
}

impl ToGuest for core::Offence {
    type Guest = wit::Offence;
    fn to_guest(&self) -> Self::Guest {
        wit::Offence { class: self.class.to_guest(), code: self.code.clone(), today: self.today, ever: self.ever }
    }
}

impl ToCore for wit::Sanction {
    type Core = core::Sanction;
    fn to_core(self) -> Self::Core {
        match self {
            Self::None => core::Sanction::None,
            Self::Avoid(seconds) => core::Sanction::Avoid(seconds),
            Self::Ban(ban) => core::Sanction::Ban(core::Ban { seconds: ban.seconds, reach: ban.reach.to_core() }),
        }
    }
}
