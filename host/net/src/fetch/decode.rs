//! A holder's answers as bytes alone, for [`crate::decoders`].
//!
//! Decides nothing: it runs the fetch's own readers on what is given. Invariant: as the readers, it keeps no more than
//! the signed archive allows.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use futures::executor::block_on;
use futures::io::Cursor;
use ggen_core::chunks::chunk_count;
use ggen_core::release::Archive;

use super::buffer::Pool;
use super::holder::{read_chunk, read_hello, read_part};

/// Reads `bytes` as the answers of a holder of `archive`, to their end or to what is wrong: chunks that came whole. The
/// holder of a part is asked in between what it has now.
pub(crate) fn answers(bytes: &[u8], archive: &Archive) -> u64 {
    let (known, pool, received) = (OnceLock::new(), Pool::default(), AtomicU64::new(0));
    let mut reader = Cursor::new(bytes);
    let Ok((list, has)) = block_on(read_hello(&mut reader, archive, &known)) else { return 0 };
    let mut good = 0;
    for index in 0..chunk_count(archive.size) {
        if has.is_some() && block_on(read_part(&mut reader, archive.size)).is_err() {
            return good;
        }
        match block_on(read_chunk(&mut reader, archive.size, &pool, index, &received)) {
            Ok(Some(chunk)) => good += u64::from(list.check(archive.size, index, chunk.as_slice()).is_ok()),
            Ok(None) => {}
            Err(_) => return good,
        }
    }
    good
}
