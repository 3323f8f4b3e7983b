//! kvd
mod aof;
mod commands;
mod resp;
mod store;
fn main() {}
