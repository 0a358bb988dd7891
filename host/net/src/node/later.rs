//! A transport that gives the others a head start: it dials when they had their time.
//!
//! Of the addresses of one peer that are dialled side by side the first connection stands, and a QUIC handshake has one
//! round trip less than TCP with TLS; yet one stream of TLS carries several times as much as one of QUIC. Decides only
//! when to begin; a peer that has no other address is reached all the same.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use libp2p::core::Multiaddr;
use libp2p::core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent};

/// A transport whose dials begin `head_start` later.
pub(super) struct Later<T> {
    pub inner: T,
    pub head_start: Duration,
}

impl<T> Transport for Later<T>
where
    T: Transport + Unpin,
    T::Dial: Send + 'static,
    T::Output: 'static,
    T::Error: 'static,
{
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = BoxFuture<'static, Result<T::Output, T::Error>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<Self::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<Self::Error>> {
        let dial = self.inner.dial(address, options)?;
        let head_start = self.head_start;
        Ok(async move {
            tokio::time::sleep(head_start).await;
            dial.await
        }
        .boxed())
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures::future::poll_fn;
    use libp2p::core::Endpoint;
    use libp2p::core::transport::{MemoryTransport, PortUse};

    use super::*;

    #[tokio::test]
    async fn a_dial_begins_when_the_others_had_their_time_and_succeeds() {
        let mut there = MemoryTransport::default();
        there.listen_on(ListenerId::next(), "/memory/0".parse().unwrap()).unwrap();
        let event = poll_fn(|cx| Pin::new(&mut there).poll(cx)).await;
        let address = event.into_new_address().unwrap();
        let head_start = Duration::from_millis(60);
        let mut later = Later { inner: MemoryTransport::default(), head_start };
        let begun = Instant::now();
        let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let dial = later.dial(address, options).unwrap();
        let (dialled, _) = futures::join!(dial, poll_fn(|cx| Pin::new(&mut there).poll(cx)));
        dialled.unwrap();
        assert!(begun.elapsed() >= head_start);
    }
}
