//! Blocking calls that end at stop without polling (O5): `accept`, `wait_readable`, `sleep`, and the
//! stop token as a file descriptor.

// Clients are threads of the tests' own, and some tests measure.
#![allow(clippy::disallowed_methods)]
#![cfg(feature = "net")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::scenario::{self, Child};
use common::{SOON, tasks, within};
use crossbeam_channel::bounded;
use rungroup::testing::Tester;
use rungroup::{BoxError, Group, Readable, ServeContext, Signals, service_fn};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

const LIMIT: Duration = Duration::from_secs(30);

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// Runs `serve` as the only service, with `outside` beside it on a thread of its own; the group ends
/// when `serve` returns, and then nothing may have failed.
fn serve_and(
    serve: impl Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync + 'static,
    outside: impl FnOnce() + Send + 'static,
) {
    within(LIMIT, || {
        let mut group = group();
        group.register(service_fn("server", serve));
        let outside = thread::spawn(outside);
        group.run().unwrap();
        outside.join().unwrap();
    });
}

// ---- accept ----

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn o5_accept_ends_at_stop_at_once() {
    within(LIMIT, || {
        let (listener, _address) = listener();
        let mut group = group();
        group.register(service_fn("server", move |ctx| {
            assert!(ctx.accept(&listener)?.is_none());
            assert!(ctx.accept(&listener)?.is_none(), "and again");
            Ok(())
        }));
        let report = Tester::start(group).stop().unwrap();
        assert!(report.stop_time().unwrap() < Duration::from_secs(5));
    });
}

/// A stop goes before connections that wait: the unit is to come to an end.
#[test]
fn o5_accept_takes_nobody_after_the_stop() {
    within(SOON, || {
        let (listener, address) = listener();
        serve_and(
            move |ctx| {
                let client = TcpStream::connect(address)?; // in the backlog from here on
                ctx.handle().stop("enough");
                ctx.stopped().wait();
                assert!(ctx.accept(&listener)?.is_none());
                drop(client);
                Ok(())
            },
            || {},
        );
    });
}

#[test]
fn o5_an_accepted_stream_blocks_and_knows_its_peer() {
    within(SOON, || {
        let (listener, address) = listener();
        let (told, peer) = bounded(1);
        serve_and(
            move |ctx| {
                let (mut stream, addr) = ctx.accept(&listener)?.expect("a client");
                assert_eq!(addr, peer.recv()?);
                assert!(!fcntl_getfl(&stream)?.contains(OFlags::NONBLOCK));
                let mut word = String::new();
                stream.read_to_string(&mut word)?;
                assert_eq!(word, "hello");
                Ok(())
            },
            move || {
                let mut client = TcpStream::connect(address).unwrap();
                told.send(client.local_addr().unwrap()).unwrap();
                client.write_all(b"hello").unwrap();
            },
        );
    });
}

#[test]
fn o5_accept_takes_unix_listeners_too() {
    within(SOON, || {
        let path = std::env::temp_dir().join(format!("rungroup-test-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path); // of a test that was killed, long ago
        let listener = UnixListener::bind(&path).unwrap();
        let served = path.clone();
        serve_and(
            move |ctx| {
                let (mut stream, _addr) = ctx.accept(&listener)?.expect("a client");
                let mut word = String::new();
                stream.read_to_string(&mut word)?;
                assert_eq!(word, "hello");
                ctx.handle().stop("enough");
                assert!(ctx.accept(&listener)?.is_none());
                Ok(())
            },
            move || UnixStream::connect(served).unwrap().write_all(b"hello").unwrap(),
        );
        std::fs::remove_file(&path).unwrap();
    });
}

/// Whoever is woken and finds the connection taken by another goes back to waiting.
#[test]
fn o5_several_threads_may_accept_on_one_listener() {
    const CLIENTS: usize = 40;

    within(LIMIT, || {
        let (listener, address) = listener();
        let served = Arc::new(AtomicUsize::new(0));
        let mut group = group();
        let count = served.clone();
        let unit = service_fn("server", move |ctx: &ServeContext| {
            while let Some((mut stream, _addr)) = ctx.accept(&listener)? {
                stream.write_all(b"!")?;
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        });
        group.register(unit).instances(4);
        let handle = group.handle();
        let clients = thread::spawn(move || {
            for _ in 0..CLIENTS {
                let mut answer = [0];
                TcpStream::connect(address).unwrap().read_exact(&mut answer).unwrap();
                assert_eq!(&answer, b"!");
            }
            handle.stop("enough");
        });
        group.run().unwrap();
        clients.join().unwrap();
        assert_eq!(served.load(Ordering::SeqCst), CLIENTS);
    });
}

#[test]
fn o5_accept_reports_what_is_wrong_with_the_listener() {
    within(SOON, || {
        // A socket that does not listen: nobody can ever come.
        let not_listening = UnixStream::pair().unwrap().0;
        let not_listening = UnixListener::from(std::os::fd::OwnedFd::from(not_listening));
        serve_and(
            move |ctx| {
                let error = ctx.accept(&not_listening).unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
                Ok(())
            },
            || {},
        );
    });
}

/// Out of descriptors: `accept` waits, without spinning, and goes on when there are some again.
#[test]
fn o5_accept_recovers_from_running_out_of_descriptors() {
    for first in ["used before", "first use"] {
        let mut child = Child::start_with("child_runs_out_of_descriptors", |command| {
            command.stdin(Stdio::piped()).env("FIRST", first);
        });
        child.wait_for("exhausted");
        let before: u64 = tasks::context_switches(child.id()).values().sum();
        thread::sleep(Duration::from_millis(700));
        let after: u64 = tasks::context_switches(child.id()).values().sum();
        // 10 ms, doubled up to a second: seven tries or so. Without a pause there are thousands.
        assert!(after - before < 60, "{first}: {} context switches", after - before);

        child.tell("free them");
        child.wait_for("accepted");
        child.wait_for("ended");
        assert_eq!(child.end().code, Some(0), "{first}");
    }
}

/// A stop cuts the pause short.
#[test]
fn o5_accept_without_descriptors_still_ends_at_stop() {
    let mut child = Child::start_with("child_runs_out_of_descriptors", |command| {
        command.stdin(Stdio::piped()).env("FIRST", "used before");
    });
    child.wait_for("exhausted");
    child.signal(Signal::TERM);
    child.wait_for("ended");
    child.tell("let it all go");
    assert_eq!(child.end().code, Some(0));
}

#[test]
#[ignore = "a child of o5_accept_recovers_from_running_out_of_descriptors"]
fn child_runs_out_of_descriptors() {
    if !scenario::is_asked() {
        return;
    }
    let (listener, address) = listener();
    let used_before = std::env::var("FIRST").unwrap() == "used before";
    let mut group = group();
    group.register(Signals::new());
    group.register(service_fn("server", move |ctx| {
        if used_before {
            let _client = TcpStream::connect(address)?;
            assert!(ctx.accept(&listener)?.is_some());
        }
        let client = TcpStream::connect(address)?; // in the backlog; its own descriptor is taken
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum })?;
        let mut taken = Vec::new();
        while let Ok(file) = client.try_clone() {
            taken.push(file);
        }
        thread::spawn(move || {
            scenario::listen();
            drop(taken);
        });
        scenario::say("exhausted");
        if ctx.accept(&listener)?.is_some() {
            scenario::say("accepted");
        }
        scenario::say("ended");
        Ok(())
    }));
    scenario::exit(group.main());
}

// ---- wait_readable ----

#[test]
fn o5_wait_readable_tells_data_end_limit_and_stop_apart() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let theirs = Mutex::new(Some(theirs));
    within(LIMIT, || {
        let mut group = group();
        let (ask, asked) = bounded::<()>(0);
        group.register(service_fn("reader", move |ctx| {
            let socket = theirs.lock().unwrap().take().unwrap();
            let began = Instant::now();
            let short = Duration::from_millis(30);
            assert_eq!(ctx.wait_readable(&socket, Some(short))?, Readable::TimedOut);
            assert!(began.elapsed() >= short);
            assert_eq!(ctx.wait_readable(&socket, Some(Duration::ZERO))?, Readable::TimedOut);

            ask.send(())?;
            assert_eq!(ctx.wait_readable(&socket, None)?, Readable::Ready, "data");
            (&socket).read_exact(&mut [0])?;
            let endless = Some(Duration::MAX);

            ask.send(())?;
            assert_eq!(ctx.wait_readable(&socket, endless)?, Readable::Stopped);

            ask.send(())?;
            ask.send(())?; // data is there by now, and the stop goes first
            assert_eq!(ctx.wait_readable(&socket, endless)?, Readable::Stopped);
            Ok(())
        }));
        let handle = group.handle();
        let other = thread::spawn(move || {
            asked.recv().unwrap();
            ours.write_all(b"!").unwrap();
            asked.recv().unwrap();
            handle.stop("enough");
            asked.recv().unwrap();
            ours.write_all(b"!").unwrap();
            asked.recv().unwrap();
        });
        group.run().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn o5_a_peer_that_goes_away_ends_wait_readable() {
    within(SOON, || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (waits, waiting) = bounded::<()>(0);
        serve_and(
            move |ctx| {
                waits.send(())?;
                assert_eq!(ctx.wait_readable(&theirs, None)?, Readable::Ready);
                assert_eq!((&theirs).read(&mut [0])?, 0, "the end");
                Ok(())
            },
            move || {
                waiting.recv().unwrap();
                drop(ours);
            },
        );
    });
}

#[test]
fn o5_a_connection_that_was_shut_down_ends_wait_readable() {
    within(SOON, || {
        let (listener, address) = listener();
        serve_and(
            move |ctx| {
                let client = TcpStream::connect(address)?;
                let (stream, _addr) = ctx.accept(&listener)?.expect("a client");
                stream.shutdown(std::net::Shutdown::Both)?;
                assert_eq!(ctx.wait_readable(&stream, None)?, Readable::Ready);
                drop(client);
                Ok(())
            },
            || {},
        );
    });
}

#[test]
fn o5_the_threads_of_a_unit_wait_for_the_same_stop() {
    within(LIMIT, || {
        let mut group = group();
        let pairs: Vec<_> = (0..8).map(|_| UnixStream::pair().unwrap()).collect();
        let (theirs, ours): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let ours = Mutex::new(ours);
        group.register(service_fn("server", move |ctx| {
            for (number, socket) in ours.lock().unwrap().drain(..).enumerate() {
                ctx.spawn(&format!("connection-{number}"), move |ctx| {
                    assert_eq!(ctx.wait_readable(&socket, None).unwrap(), Readable::Stopped);
                })?;
            }
            ctx.stopped().wait();
            Ok(())
        }));
        let report = Tester::start(group).stop().unwrap();
        assert!(report.failures().is_empty(), "{:?}", report.failures());
        drop(theirs);
    });
}

// ---- sleep ----

#[test]
fn o5_a_sleep_that_nobody_disturbs_takes_its_time() {
    within(SOON, || {
        serve_and(
            |ctx| {
                let began = Instant::now();
                assert!(ctx.sleep(Duration::from_millis(30)));
                assert!(began.elapsed() >= Duration::from_millis(30));
                assert!(ctx.sleep(Duration::ZERO));
                Ok(())
            },
            || {},
        );
    });
}

#[test]
fn o5_a_stop_ends_every_sleep() {
    within(LIMIT, || {
        let mut group = group();
        for (name, time) in [("hour", Duration::from_hours(1)), ("for-ever", Duration::MAX)] {
            group.register(service_fn(name, move |ctx| {
                assert!(!ctx.sleep(time));
                assert!(!ctx.sleep(time), "and those that begin after it");
                assert!(!ctx.sleep(Duration::ZERO));
                Ok(())
            }));
        }
        Tester::start(group).stop().unwrap();
    });
}

// ---- the token as a descriptor ----

/// Whether there is something to read now.
fn is_readable(fd: impl AsFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&now)).unwrap() > 0
}

#[test]
fn o5_the_token_is_a_descriptor_that_becomes_readable_and_stays_so() {
    within(SOON, || {
        serve_and(
            |ctx| {
                let fd = ctx.stopped().as_fd()?;
                assert!(!is_readable(fd));
                let run = ctx.handle().stopped().as_fd()?;
                assert!(!is_readable(run));
                ctx.handle().stop("enough");
                // A loop of the program's own: without limit.
                let mut fds = [PollFd::new(&fd, PollFlags::IN)];
                assert_eq!(poll(&mut fds, None)?, 1);
                assert!(is_readable(fd) && is_readable(fd) && is_readable(run));
                Ok(())
            },
            || {},
        );
    });
}

#[test]
fn o5_a_descriptor_that_is_made_after_the_stop_is_readable() {
    within(SOON, || {
        serve_and(
            |ctx| {
                ctx.handle().stop("enough");
                ctx.stopped().wait();
                assert!(is_readable(ctx.stopped().as_fd()?));
                assert!(is_readable(ctx.clone().stopped().as_fd()?), "that of a clone, too");
                Ok(())
            },
            || {},
        );
    });
}

/// Made by many threads at once, while the stop comes: all of them see it.
#[test]
fn o5_a_descriptor_that_is_made_while_the_stop_comes_is_readable() {
    within(LIMIT, || {
        for _ in 0..50 {
            let mut group = group();
            group
                .register(service_fn("server", |ctx| {
                    ctx.handle().stop("enough");
                    let fd = ctx.stopped().as_fd()?;
                    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
                    assert_eq!(poll(&mut fds, None)?, 1);
                    Ok(())
                }))
                .instances(4);
            group.run().unwrap();
        }
    });
}
