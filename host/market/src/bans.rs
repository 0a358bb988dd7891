//! `p2p ban`, `unban`, `bans`: whom the operator does not want to deal with.
//!
//! Decides how long a ban holds of which nobody said it. Invariant: the disk has the word first, so that a ban holds
//! with a node, without one, and with one that starts or stops at the same moment.

use std::collections::BTreeMap;
use std::time::Duration;

use ggen_net::{BanEntry, Handle, NetError, PeerId};

use crate::answers::{BanAnswer, BansAnswer, UnbanAnswer};
use crate::error::MarketError;
use crate::market::{Market, blocking, now};
use crate::peers;

/// `p2p ban`.
#[derive(Clone, Debug)]
pub struct BanRequest {
    /// A peer's id, or an address that ends in it.
    pub peer: String,
    /// How long; `max_ban` if nothing is said.
    pub lasts: Option<Duration>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// The longest reason, in characters.
const MAX_REASON: usize = 1000;

impl Market {
    /// Deals with a peer no more: the running node drops it at once, every later one refuses it.
    pub async fn p2p_ban(&self, request: BanRequest) -> Result<BanAnswer, MarketError> {
        let peer = ggen_net::parse_peer(&request.peer)?;
        if self.own_peer_id()? == Some(peer) {
            return Err(MarketError::Usage {
                text: request.peer,
                problem: "it is this home's own node".to_owned(),
                hint: Some("see whom it knows: ggen marketplace p2p peers".to_owned()),
            });
        }
        let lasts = request.lasts.unwrap_or(self.settings.limits.max_ban);
        let until = now().saturating_add(u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX)).min(FOREVER);
        let reason: String = request.reason.unwrap_or_else(|| "operator".to_owned()).chars().take(MAX_REASON).collect();
        let (store, text, why) = (self.store.clone(), peer.to_string(), reason.clone());
        // The operator's word replaces whatever a policy said, also where it is shorter.
        blocking(move || {
            store.remove_ban(&text)?;
            Ok(store.put_ban(&text, until, &why)?)
        })
        .await?;
        if let Some(network) = self.running_node().await? {
            if_there(network.ban(peer, until, &reason).await)?;
        }
        Ok(BanAnswer { peer_id: peer.to_string(), until, reason })
    }

    /// Deals with a peer again.
    pub async fn p2p_unban(&self, peer: &str) -> Result<UnbanAnswer, MarketError> {
        let peer = ggen_net::parse_peer(peer)?;
        let (store, text) = (self.store.clone(), peer.to_string());
        let mut unbanned = blocking(move || {
            let held = store.bans(now())?.iter().any(|ban| ban.peer == text);
            store.remove_ban(&text)?;
            Ok(held)
        })
        .await?;
        if let Some(network) = self.running_node().await? {
            unbanned |= if_there(network.unban(peer).await)?.unwrap_or(false);
        }
        Ok(UnbanAnswer { peer_id: peer.to_string(), unbanned })
    }

    /// Whom this home does not deal with now.
    pub fn p2p_bans(&self) -> Result<BansAnswer, MarketError> {
        let answer = |ban: ggen_store::Ban| BanAnswer { peer_id: ban.peer, until: ban.until, reason: ban.reason };
        Ok(BansAnswer { bans: self.store.bans(now())?.into_iter().map(answer).collect() })
    }

    /// Has a node that has just opened its socket hold to what was said while it started.
    pub(crate) async fn adopt_bans(&self, handle: &Handle) -> Result<(), MarketError> {
        let store = self.store.clone();
        let wanted = blocking(move || peers::bans(&store)).await?;
        let held: BTreeMap<PeerId, BanEntry> = handle.bans().await?.into_iter().map(|b| (b.peer_id, b)).collect();
        for peer in held.keys().filter(|peer| !wanted.iter().any(|ban| ban.peer_id == **peer)) {
            handle.unban(*peer).await?;
        }
        for ban in wanted.iter().filter(|ban| held.get(&ban.peer_id) != Some(ban)) {
            handle.ban(ban.peer_id, ban.until, &ban.reason).await?;
        }
        Ok(())
    }

    fn own_peer_id(&self) -> Result<Option<PeerId>, MarketError> {
        match self.store.node_identity()? {
            Some(identity) => Ok(ggen_net::peer_id_of(&identity).ok()),
            None => Ok(None),
        }
    }
}

/// The last moment that every reader of a number can write: the end of the year 9999.
const FOREVER: u64 = 253_402_300_799_999;

/// What the running node says; none if it has gone meanwhile, for then the disk's word is what counts.
pub(crate) fn if_there<T>(answer: Result<T, NetError>) -> Result<Option<T>, MarketError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(NetError::Stopped) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
