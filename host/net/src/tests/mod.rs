//! Real nodes on loopback, in one process.

mod control;
mod exchange;
mod hostile;
mod life;
