//! What is left behind at the deadline (L10, L11): the list is all of it, and nothing that it does
//! holds the run.

// Tests spawn threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::time::Duration;

use common::scripted::{Scripted, stop_when_ready};
use common::within;
use crossbeam_channel::{bounded, unbounded};
use rungroup::{ErrorKind, Group};

const LIMIT: Duration = Duration::from_secs(30);

/// Long enough to be told in, short enough to wait for.
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn l11_what_is_left_behind_spawns_no_more() {
    within(LIMIT, || {
        let (hold, held) = bounded::<()>(0);
        let (keep_run, run_contexts) = unbounded();
        let (keep_serve, serve_contexts) = unbounded();
        let in_helper = held.clone();
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(SHORT);
        let unit = Scripted::new("server")
            .pre_run(move |ctx| {
                keep_run.send(ctx.clone())?;
                let held = in_helper.clone();
                ctx.spawn_helper("stuck", move || drop(held.recv()))?;
                Ok(())
            })
            .serve(move |ctx| {
                keep_serve.send(ctx.clone())?;
                let _ = held.recv();
                Ok(())
            });
        group.register(unit);
        stop_when_ready(&group);
        let error = group.run().unwrap_err();

        let left: Vec<_> = error.left_behind().iter().map(|left| &*left.thread.name).collect();
        assert_eq!(left, ["server", "server:stuck"]);
        let refused = serve_contexts.recv().unwrap().spawn("late", |_ctx| unreachable!());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Spawn);
        let refused = run_contexts.recv().unwrap().spawn_helper("late", || unreachable!());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Spawn);
        drop(hold);
    });
}
