//! Real nodes on loopback, in one process.

mod control;
mod decoders;
mod exchange;
mod hostile;
mod life;
