//! What the tests share.

// Not every test file uses everything in here, and each is a crate of its own.
#![allow(dead_code, unreachable_pub)]
// Tests spawn threads of their own; the library's one place for it is not open to them.
#![allow(clippy::disallowed_methods)]

pub mod child;
pub mod file;
pub mod scenario;
pub mod tasks;

use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rungroup::Group;

/// Asks the group to stop as soon as it is ready: for those that `main` runs. For others there is
/// `rungroup::testing::Tester`.
pub fn stop_when_ready(group: &Group) {
    let handle = group.handle();
    thread::spawn(move || {
        handle.wait_till_ready().expect("all units become ready");
        handle.stop("seen enough");
    });
}

/// Runs `body` on a thread of its own and gives back what it returns. Panics if that takes longer
/// than `limit`; a panic of the body goes on here.
///
/// For every test that could hang. The limit is there to end a test that has failed, so it can be
/// long: nothing waits for it otherwise.
#[track_caller]
pub fn within<R: Send + 'static>(limit: Duration, body: impl FnOnce() -> R + Send + 'static) -> R {
    let (alive, ended) = mpsc::channel::<()>();
    let name = thread::current().name().unwrap_or("test").to_owned();
    let body = thread::Builder::new().name(name).spawn(move || {
        let _alive = alive; // dropped at the end, by a panic too: that is what tells
        body()
    });
    let body = body.expect("a thread for the test");
    assert_ne!(
        ended.recv_timeout(limit),
        Err(RecvTimeoutError::Timeout),
        "the test still hangs after {limit:?}"
    );
    match body.join() {
        Ok(result) => result,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// The limit of tests that take no time unless they hang.
pub const SOON: Duration = Duration::from_secs(20);
