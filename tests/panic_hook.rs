//! A program that replaces the panic hook (L12). The hook is global: this file has one test, so that
//! the process is its own.

// Threads of the test's own; the library's one place for them is not open to it.
#![allow(clippy::disallowed_methods)]

mod common;

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{SOON, within};
use rungroup::{Group, Panic, RunError, service_fn};

fn run_fragile() -> RunError {
    let mut group = Group::new("demo").args(["demo"]);
    group.register(service_fn("fragile", |_| panic!("out of cheese")));
    group.run().unwrap_err()
}

fn panic_of(error: &RunError) -> &Panic {
    error.cause().unwrap().as_panic().unwrap()
}

#[test]
fn l12_the_hook_before_is_passed_everything_and_one_that_comes_later_loses_the_place_alone() {
    within(SOON, || {
        let seen = Arc::new(AtomicUsize::new(0));
        let count = seen.clone();
        panic::set_hook(Box::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        let error = run_fragile();
        assert_eq!(panic_of(&error).message(), "out of cheese");
        assert!(panic_of(&error).location().unwrap().starts_with(file!()));
        assert_eq!(seen.load(Ordering::SeqCst), 1, "the program's own hook is called, too");

        // Once in the life of the process, however many groups there are.
        run_fragile();
        assert_eq!(seen.load(Ordering::SeqCst), 2);
        std::thread::spawn(|| panic!("no thread of a group")).join().unwrap_err();
        assert_eq!(seen.load(Ordering::SeqCst), 3);

        let count = seen.clone();
        panic::set_hook(Box::new(move |_| {
            count.fetch_add(10, Ordering::SeqCst);
        }));
        let error = run_fragile();
        assert_eq!(seen.load(Ordering::SeqCst), 13);
        assert_eq!(panic_of(&error).message(), "out of cheese");
        assert_eq!(panic_of(&error).location(), None);
        assert_eq!(error.to_string(), "unit 'fragile': serve panicked: out of cheese");
        let _ = panic::take_hook(); // a failure below is to be seen again
    });
}
