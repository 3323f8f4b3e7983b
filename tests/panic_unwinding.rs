//! A process whose first group runs while its thread unwinds (L12): nobody has taken the panic hook
//! yet, and such a thread cannot. The hook is global: this file has one test.

// The boundary of the test's own thread.
#![allow(clippy::disallowed_methods)]

mod common;

use std::panic;

use common::{SOON, within};
use rungroup::{Group, service_fn};

/// Runs a group when it is dropped.
struct Flush;

impl Drop for Flush {
    fn drop(&mut self) {
        let mut group = Group::new("flush").args(["flush"]);
        group.register(service_fn("writer", |_ctx| panic!("no disk")));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().as_panic().unwrap().message(), "no disk");
    }
}

#[test]
fn l12_the_first_group_of_a_process_may_run_while_its_thread_unwinds() {
    within(SOON, || {
        let payload = panic::catch_unwind(|| {
            let _flush = Flush;
            panic!("out of cheese");
        });
        assert_eq!(*payload.unwrap_err().downcast::<&str>().unwrap(), "out of cheese");
    });
}
