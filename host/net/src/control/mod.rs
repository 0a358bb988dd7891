//! The control socket: how other processes of the same user use a running node.
//!
//! Decides who may: the same user, nobody else. One request a connection, lines of JSON, each with a bound.

pub(crate) mod client;
pub(crate) mod decode;
mod lock;
mod message;
mod operation;
pub(crate) mod server;
