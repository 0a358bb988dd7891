//! Real nodes on loopback, in one process.

mod control;
mod crowds;
mod decoders;
mod exchange;
mod gossip;
mod hostile;
mod kept;
mod life;
mod parts;
mod private;
mod reach;
mod sync;
