//! A key-value server that Redis clients can talk to, on blocking sockets: what a small daemon looks
//! like when its lifecycle is left to `rungroup`.
//!
//! ```text
//! cargo run --release --example kvd -- --listen 127.0.0.1:6380 --data-dir /tmp/kvd
//! redis-cli -p 6380 set greeting hello
//! redis-benchmark -p 6380 -t ping,set,get,incr -n 100000 -P 16 -q
//! ```
//!
//! Every flag can be given in the environment too (`KVD_MAX_MEMORY=512MiB`), and, where the crate is
//! built with `--all-features`, in a file; `--help` has them all:
//!
//! ```text
//! cargo run --release --all-features --example kvd -- --config examples/kvd/kvd.toml
//! redis-cli -p 6380 config reload
//! ```
//!
//! The second one has the file read again: `--max-memory`, `--max-clients` and `--log-level` change
//! at once, or, if anything in it is wrong, that is the answer and nothing changes. `CONFIG SET` is
//! refused: there is one place that says what the settings are, and it is not a connection.
//!
//! Then stop it with Ctrl-C, or `kill -TERM`, while the benchmark runs: nobody new is let in, what
//! was received is answered, the file is written and synced, and it exits with 0. Started again it
//! has all that it had acknowledged.
//!
//! What to look at, in this order:
//!
//! - this file: four units, and that the server comes after the storage. So it starts when that is
//!   ready, and the storage is told to stop only when the last connection's thread has ended.
//! - `storage` and `server`, their flags: what is wrong with one is a `check` of it, so that a reload
//!   asks it too; `Live` is for what may change, and is asked at each piece of work.
//! - `server`: a thread for each connection that `ctx.accept` gives, by `ctx.spawn`; a drain that a
//!   client who does not read cannot hold up.
//! - `connection`: `ctx.wait_readable` waits for the client and for the stop at once.
//! - `queue`: a channel under a `ChannelCloser`; what was let in is answered.
//! - `storage`: a unit with a pre-run that fails early and clearly, one thread that has the data,
//!   and one that syncs. An idle kvd wakes nobody.
//! - `engine` (group commit), `aof` (the file), `store` (the map), `commands`, `resp`, `inline`: the
//!   server's own trade, without threads and each tested by itself (`tests/kvd_parts.rs`).

// The program reads the clock itself: the lint is about the library.
#![allow(clippy::disallowed_methods)]

mod aof;
mod commands;
mod connection;
mod engine;
mod inline;
mod queue;
mod resp;
mod server;
mod storage;
mod store;

use std::process::ExitCode;

use rungroup::{Group, Logging, Signals};

use crate::server::Server;
use crate::storage::Storage;

fn main() -> ExitCode {
    let storage = Storage::new();
    let server = Server::new(&storage);
    let mut group = Group::new("kvd")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A key-value server that Redis clients can talk to.")
        .env_prefix("KVD")
        .stop_timeout(server.drain_timeout());
    group.register(Signals::new());
    group.register(Logging::new());
    let storage = group.register(storage).id();
    group.register(server).after(storage);
    group.main()
}
