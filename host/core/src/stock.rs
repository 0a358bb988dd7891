//! Which chunks of an archive a holder has.
//!
//! Decides what a list of them may look like, and what a holder is believed to have after it said so, or said that it has
//! not. Invariant: a list has exactly the bits of its archive's chunks; what a holder once denied it is never asked for
//! again.

/// A set of chunks, one bit each: the first chunk is the lowest bit of the first byte.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChunkSet {
    bits: Vec<u8>,
    chunks: u64,
}

fn place(index: u64) -> (usize, u8) {
    (usize::try_from(index / 8).unwrap_or(usize::MAX), 1 << (index % 8))
}

impl ChunkSet {
    /// None of so many chunks.
    pub fn none(chunks: u64) -> Self {
        Self { bits: vec![0; Self::length(chunks)], chunks }
    }

    /// Bytes of a list for so many chunks.
    pub fn length(chunks: u64) -> usize {
        usize::try_from(chunks.div_ceil(8)).unwrap_or(0)
    }

    /// Reads one for an archive of so many chunks; none if it has another length, or a bit past the last chunk.
    pub fn from_bytes(bytes: Vec<u8>, chunks: u64) -> Option<Self> {
        let last = bytes.last().copied().unwrap_or(0);
        let past = !chunks.is_multiple_of(8) && last >> (chunks % 8) != 0;
        (bytes.len() == Self::length(chunks) && !past).then_some(Self { bits: bytes, chunks })
    }

    /// As it is written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Whether it has chunk `index`.
    pub fn has(&self, index: u64) -> bool {
        let (byte, bit) = place(index);
        self.bits.get(byte).is_some_and(|b| b & bit != 0)
    }

    /// Puts chunk `index` in; nothing happens past the end.
    pub fn insert(&mut self, index: u64) {
        let (byte, bit) = place(index);
        if index < self.chunks
            && let Some(byte) = self.bits.get_mut(byte)
        {
            *byte |= bit;
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
    }
}

/// What a holder has, as far as it is known.
#[derive(Clone, Debug)]
pub(crate) enum Stock {
    /// Every chunk.
    Whole,
    /// Some.
    Part {
        has: ChunkSet,
        denied: ChunkSet,
        /// Whether it can be asked what it has now.
        grows: bool,
    },
}

impl Stock {
    /// Of a holder that said what it has; none: that it has all.
    pub fn new(has: Option<ChunkSet>) -> Self {
        match has {
            None => Self::Whole,
            Some(has) => Self::Part { denied: ChunkSet::none(has.chunks), has, grows: true },
        }
    }

    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    pub fn grows(&self) -> bool {
        matches!(self, Self::Part { grows: true, .. })
    }

    /// Whether chunk `index` may be asked for.
    pub fn has(&self, index: u64) -> bool {
        match self {
            Self::Whole => true,
            Self::Part { has, denied, .. } => has.has(index) && !denied.has(index),
        }
    }

    /// The holder says what it has now.
    pub fn renew(&mut self, now: ChunkSet) {
        if let Self::Part { has, .. } = self {
            *has = now;
        }
    }

    /// The holder said that it has not chunk `index` of `chunks`.
    pub fn deny(&mut self, index: u64, chunks: u64) {
        if self.is_whole() {
            let mut all = ChunkSet::none(chunks);
            (0..chunks).for_each(|index| all.insert(index));
            *self = Self::Part { has: all, denied: ChunkSet::none(chunks), grows: false };
        }
        if let Self::Part { denied, .. } = self {
            denied.insert(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_the_bits_of_its_archive_and_no_others() {
        let mut set = ChunkSet::none(11);
        for index in [0, 7, 10, 11, u64::MAX] {
            set.insert(index);
        }
        assert_eq!((set.as_bytes(), set.count()), (&[0b1000_0001, 0b100][..], 3));
        assert_eq!([0, 1, 7, 10, 11, u64::MAX].map(|i| set.has(i)), [true, false, true, true, false, false]);
        assert_eq!(ChunkSet::from_bytes(set.as_bytes().to_vec(), 11), Some(set));
        for (bytes, chunks) in [(vec![1], 9), (vec![1, 0, 0], 9), (vec![0, 2], 9), (vec![1], 0), (vec![0x80], 7)] {
            assert_eq!(ChunkSet::from_bytes(bytes, chunks), None);
        }
        assert!(ChunkSet::from_bytes(vec![0xff], 8).is_some() && ChunkSet::from_bytes(vec![], 0).is_some());
    }

    #[test]
    fn what_was_denied_is_never_believed_again() {
        let mut part = Stock::new(ChunkSet::from_bytes(vec![0b11], 3));
        part.deny(1, 3);
        part.renew(ChunkSet::from_bytes(vec![0b111], 3).unwrap());
        assert_eq!([0, 1, 2].map(|i| part.has(i)), [true, false, true]);
        let mut whole = Stock::new(None);
        whole.deny(0, 3);
        assert!(!whole.is_whole() && !whole.grows() && !whole.has(0) && whole.has(2));
    }
}
