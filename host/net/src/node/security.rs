//! How a TCP connection is encrypted: TLS, else Noise, and around both the key of a private network.
//!
//! Decides the order in which they are offered. Invariant: where there is a network key, not a byte is understood of a
//! peer that has another, or none.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use either::Either;
use futures::future::{self, BoxFuture, FutureExt as _, TryFutureExt as _};
use futures::{AsyncRead, AsyncWrite};
use libp2p::PeerId;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, SelectUpgrade};
use libp2p::core::{ConnectedPoint, UpgradeInfo};
use libp2p::pnet::{PnetConfig, PnetOutput};

use crate::address::split_peer;
use crate::private::SwarmKey;

/// The first of two ways to encrypt that both sides know.
#[derive(Clone)]
pub(super) struct EitherOf<A, B>(SelectUpgrade<A, B>);

impl<A, B> EitherOf<A, B> {
    pub fn new(first: A, second: B) -> Self {
        Self(SelectUpgrade::new(first, second))
    }
}

impl<A: UpgradeInfo, B: UpgradeInfo> UpgradeInfo for EitherOf<A, B> {
    type Info = <SelectUpgrade<A, B> as UpgradeInfo>::Info;
    type InfoIter = <SelectUpgrade<A, B> as UpgradeInfo>::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.protocol_info()
    }
}

impl<C, A, B, TA: 'static, TB: 'static> InboundConnectionUpgrade<C> for EitherOf<A, B>
where
    A: InboundConnectionUpgrade<C, Output = (PeerId, TA), Future: Send + 'static>,
    B: InboundConnectionUpgrade<C, Output = (PeerId, TB), Future: Send + 'static>,
{
    type Output = (PeerId, future::Either<TA, TB>);
    type Error = Either<A::Error, B::Error>;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.0.upgrade_inbound(socket, info).map_ok(future::Either::factor_first).boxed()
    }
}

impl<C, A, B, TA: 'static, TB: 'static> OutboundConnectionUpgrade<C> for EitherOf<A, B>
where
    A: OutboundConnectionUpgrade<C, Output = (PeerId, TA), Future: Send + 'static>,
    B: OutboundConnectionUpgrade<C, Output = (PeerId, TB), Future: Send + 'static>,
{
    type Output = (PeerId, future::Either<TA, TB>);
    type Error = Either<A::Error, B::Error>;
    type Future = BoxFuture<'static, Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.0.upgrade_outbound(socket, info).map_ok(future::Either::factor_first).boxed()
    }
}

/// Peers that were called and took the call.
const MAX_ARRIVALS: usize = 64;

/// Who took a call of late: what fails after that is not the road's fault. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<VecDeque<PeerId>>>);

impl Arrivals {
    fn note(&self, endpoint: &ConnectedPoint) {
        let ConnectedPoint::Dialer { address, .. } = endpoint else { return };
        let Some((peer, _)) = split_peer(address) else { return };
        let mut arrived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.truncate(MAX_ARRIVALS - 1);
        arrived.push_front(peer);
    }

    /// Whether `peer` took a call since this was last asked.
    pub fn take(&self, peer: &PeerId) -> bool {
        let mut arrived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = arrived.len();
        arrived.retain(|other| other != peer);
        arrived.len() < before
    }
}

/// A socket, within the network's key if there is one.
pub(super) async fn enter<S>(
    socket: S,
    endpoint: ConnectedPoint,
    key: Option<SwarmKey>,
    arrivals: Arrivals,
) -> io::Result<future::Either<S, PnetOutput<S>>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    arrivals.note(&endpoint);
    match key {
        None => Ok(future::Either::Left(socket)),
        Some(key) => {
            let entered = PnetConfig::new(key.shared()).handshake(socket).await;
            entered.map(future::Either::Right).map_err(io::Error::other)
        }
    }
}
