//! What the node remembers from one event to the next.
//!
//! Each of these knows itself alone: the swarm is asked and told by the node's own files. Decides nothing that needs it.

pub(super) mod gossip;
pub(super) mod join;
pub(super) mod outlook;
pub(super) mod query;
pub(super) mod roads;
pub(super) mod table;
