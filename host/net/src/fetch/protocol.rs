//! The archive protocol, as both of its sides speak it. See `PROTOCOL.md`.

use libp2p::StreamProtocol;

/// The protocol's name.
pub(crate) const ARCHIVE: StreamProtocol = StreamProtocol::new("/ggen/archive/1");

/// The first byte of each answer of the archive protocol.
pub(crate) mod code {
    pub const OK: u8 = 0;
    pub const HAS_NOT: u8 = 1;
    pub const BUSY: u8 = 2;
    pub const MALFORMED: u8 = 3;
    pub const INTERNAL: u8 = 4;
    pub const PART: u8 = 5;
}

/// Bytes of a chunk that are sent at a time, and so a sign of life.
pub(crate) const PIECE: usize = 16 * 1024;

/// In place of a chunk's number: what the holder of a part has now.
pub(crate) const WHAT_NOW: u32 = u32::MAX;
