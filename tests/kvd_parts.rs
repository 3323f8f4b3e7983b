//! The unit tests of the example `kvd`'s own trade: `cargo test` builds examples and does not run
//! the tests in them, so the parts that need no group around them are compiled in here.

#![cfg(unix)]
// The program uses all of it.
#![allow(dead_code)]

#[path = "../examples/kvd/aof.rs"]
mod aof;
#[path = "../examples/kvd/commands.rs"]
mod commands;
#[path = "../examples/kvd/engine.rs"]
mod engine;
#[path = "../examples/kvd/inline.rs"]
mod inline;
#[path = "../examples/kvd/queue.rs"]
mod queue;
#[path = "../examples/kvd/resp.rs"]
mod resp;
#[path = "../examples/kvd/store.rs"]
mod store;
