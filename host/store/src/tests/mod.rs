//! Tests of the store as a whole, one file a subject.
//!
//! Decides nothing.

mod archives;
mod arriving;
mod cap;
mod catalog;
mod dht;
mod fuzzed;
mod heard;
mod hostile;
mod index;
mod installs;
mod recovery;
mod upkeep;
