//! Buffers below and above the encryption of a TCP connection.
//!
//! rustls asks its socket for 4 KiB at a time, and yamux writes each frame's header apart from its body: without buffers
//! that is some seven calls of the system for 16 KiB, and a record for each twelve bytes of header. Decides nothing;
//! never holds back what was flushed.

use futures::io::{AsyncRead, AsyncWrite, BufReader, BufWriter};
use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};

/// Bytes that are read ahead of a connection's encryption.
const READ: usize = 64 * 1024;
/// A frame of yamux with its header, and some room.
const WRITE: usize = 20 * 1024;

/// Encryption that reads from a buffer.
#[derive(Clone)]
pub(super) struct ReadAhead<U>(pub U);

/// A multiplexer that writes into a buffer.
#[derive(Clone)]
pub(super) struct WriteTogether<U>(pub U);

impl<U: UpgradeInfo> UpgradeInfo for ReadAhead<U> {
    type Info = U::Info;
    type InfoIter = U::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.protocol_info()
    }
}

impl<C: AsyncRead, U: InboundConnectionUpgrade<BufReader<C>>> InboundConnectionUpgrade<C> for ReadAhead<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.0.upgrade_inbound(BufReader::with_capacity(READ, socket), info)
    }
}

impl<C: AsyncRead, U: OutboundConnectionUpgrade<BufReader<C>>> OutboundConnectionUpgrade<C> for ReadAhead<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.0.upgrade_outbound(BufReader::with_capacity(READ, socket), info)
    }
}

impl<U: UpgradeInfo> UpgradeInfo for WriteTogether<U> {
    type Info = U::Info;
    type InfoIter = U::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.protocol_info()
    }
}

impl<C: AsyncWrite, U: InboundConnectionUpgrade<BufWriter<C>>> InboundConnectionUpgrade<C> for WriteTogether<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.0.upgrade_inbound(BufWriter::with_capacity(WRITE, socket), info)
    }
}

impl<C: AsyncWrite, U: OutboundConnectionUpgrade<BufWriter<C>>> OutboundConnectionUpgrade<C> for WriteTogether<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.0.upgrade_outbound(BufWriter::with_capacity(WRITE, socket), info)
    }
}
