//! Lines of the control socket as bytes alone, for [`crate::decoders`].
//!
//! Decides nothing: it runs the socket's own reader on what is given.

use futures::executor::block_on;
use ggen_core::limits::Limits;

use super::message::{Event, Line, Reply, VERSION, read};

/// A client's line.
pub(crate) fn request(bytes: &[u8]) -> bool {
    let mut reader = bytes;
    let line = block_on(read::<Line, _>(&mut reader, Limits::default().max_control_message));
    matches!(line, Ok(Some(line)) if line.v == VERSION)
}

/// A line of the answer; a head in it is verified as the client verifies it.
pub(crate) fn reply(bytes: &[u8]) -> bool {
    let mut reader = bytes;
    match block_on(read::<Reply, _>(&mut reader, Limits::default().max_control_message)) {
        Ok(Some(Reply::Event(event))) => match *event {
            Event::Head(head) => head.verify().is_some(),
            _ => true,
        },
        Ok(Some(Reply::Error(failure))) => !failure.into_error(None).to_string().is_empty(),
        Ok(Some(Reply::Done(_))) => true,
        Ok(None) | Err(_) => false,
    }
}
