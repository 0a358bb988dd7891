//! Chunks: how a part of an archive is proved as it lands.
//!
//! An archive is cut into chunks of 256 KiB, the last one shorter. The list of their digests, 32 raw bytes each, has a
//! digest of its own, which the publisher signs. So whoever has the release can check the list, and whoever has the
//! list can check any chunk from anybody.

use crate::digest::Digest;

/// Bytes of each chunk but the last.
pub const CHUNK_SIZE: u64 = 256 * 1024;

/// The digests of an archive's chunks, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChunkList(Vec<Digest>);

/// Why a chunk list or a chunk is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Not the list that was signed.
    #[error("the list of chunk digests is not the one that was signed")]
    List,
    /// No such chunk.
    #[error("there is no chunk {0}")]
    OutOfRange(u64),
    /// A chunk of a wrong length.
    #[error("chunk {index} has {found} bytes instead of {expected}")]
    Length {
        /// Which, from 0.
        index: u64,
        /// Bytes it must have.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// A chunk with other bytes.
    #[error("chunk {0} is not what was signed")]
    Digest(u64),
}

/// How many chunks an archive of `size` bytes has.
pub const fn chunk_count(size: u64) -> u64 {
    size.div_ceil(CHUNK_SIZE)
}

/// How many bytes chunk `index` of an archive of `size` bytes has; 0 past the end.
pub const fn chunk_length(size: u64, index: u64) -> u64 {
    let rest = size.saturating_sub(index.saturating_mul(CHUNK_SIZE));
    if rest < CHUNK_SIZE { rest } else { CHUNK_SIZE }
}

impl ChunkList {
    /// From digests in order.
    pub fn new(digests: Vec<Digest>) -> Self {
        Self(digests)
    }

    /// Cuts `archive` itself.
    pub fn of(archive: &[u8]) -> Self {
        Self(archive.chunks(CHUNK_SIZE as usize).map(Digest::of).collect())
    }

    /// Reads raw bytes, and believes them only if they are what `signed` names for an archive of `size` bytes.
    pub fn from_bytes(bytes: &[u8], size: u64, signed: Digest) -> Result<Self, ChunkError> {
        if bytes.len() as u64 != chunk_count(size) * 32 || Digest::of(bytes) != signed {
            return Err(ChunkError::List);
        }
        let (digests, _) = bytes.as_chunks::<32>();
        Ok(Self(digests.iter().map(|d| Digest::from_bytes(*d)).collect()))
    }

    /// The raw bytes: 32 a chunk.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|d| *d.as_bytes()).collect()
    }

    /// What a release signs.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// How many chunks there are.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `bytes` are chunk `index` of an archive of `size` bytes.
    pub fn check(&self, size: u64, index: u64, bytes: &[u8]) -> Result<(), ChunkError> {
        let digest = usize::try_from(index).ok().and_then(|i| self.0.get(i)).ok_or(ChunkError::OutOfRange(index))?;
        let (expected, found) = (chunk_length(size, index), bytes.len() as u64);
        if expected != found {
            return Err(ChunkError::Length { index, expected, found });
        }
        if Digest::of(bytes) != *digest {
            return Err(ChunkError::Digest(index));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_proves_each_chunk() {
        let archive: Vec<u8> = (0..CHUNK_SIZE * 2 + 5).map(|i| (i % 251) as u8).collect();
        let size = archive.len() as u64;
        let list = ChunkList::of(&archive);
        assert_eq!((list.len(), chunk_count(size), chunk_length(size, 2), chunk_length(size, 3)), (3, 3, 5, 0));
        let read = ChunkList::from_bytes(&list.to_bytes(), size, list.digest()).unwrap();
        let mut last = archive[archive.len() - 5..].to_vec();
        assert_eq!(read.check(size, 2, &last), Ok(()));
        last[0] ^= 1;
        assert_eq!(read.check(size, 2, &last), Err(ChunkError::Digest(2)));
        assert_eq!(read.check(size, 2, &last[1..]), Err(ChunkError::Length { index: 2, expected: 5, found: 4 }));
        assert_eq!(read.check(size, u64::MAX, &last), Err(ChunkError::OutOfRange(u64::MAX)));
        assert_eq!(ChunkList::from_bytes(&list.to_bytes(), size + CHUNK_SIZE, list.digest()), Err(ChunkError::List));
    }
}
