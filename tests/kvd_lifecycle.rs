//! The example `kvd` from its start to its end: how it fails to start, how it stops, and what a
//! full disk and a damaged file do to it.

#![cfg(all(unix, feature = "env_logger", feature = "net"))]

#[path = "common/kvd.rs"]
mod kvd;

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use kvd::{Client, Ended, Kvd, LIMIT, Scratch, Value, binary, request, run_to_its_end};

#[cfg(target_os = "linux")]
#[test]
fn the_threads_of_connections_that_come_and_go_end_as_fast_as_they_come() {
    const AT_ONCE: usize = 16;
    let dir = Scratch::new("churn");
    let kvd = Kvd::start(dir.path(), &[]);
    let (address, status) = (kvd.address, format!("/proc/{}/status", kvd.id()));
    let threads = || {
        let status = fs::read_to_string(&status).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("Threads:")).expect("a line");
        line.trim().parse::<usize>().expect("a number")
    };
    let before = threads();
    let most = std::thread::scope(|scope| {
        let churn = || {
            for _ in 0..300 {
                let mut client = Client::connect(address).expect("connected");
                assert_eq!(client.ask(&["PING"]), Value::Simple("PONG".into()));
            }
            threads()
        };
        let clients: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(churn)).collect();
        clients.into_iter().map(|client| client.join().expect("no panic")).max()
    });
    // Those that are served, and some that are on their way out; not the 4800 that there were.
    let most = most.expect("some");
    assert!(most <= before + 16 * AT_ONCE, "{most} threads, {before} when nobody was connected");
}

#[test]
fn requests_received_before_sigterm_are_answered() {
    let dir = Scratch::new("received");
    let kvd = Kvd::start(dir.path(), &["--drain-timeout", "10s"]);
    let mut clients: Vec<Client> = (0..8).map(|_| kvd.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask(&["PING"]), Value::Simple("PONG".into()));
    }
    let bytes = request(&["INCR", "n"]).repeat(500);
    for client in &mut clients {
        client.send_raw(&bytes).expect("sent");
        client.send_raw(b"*2\r\n$3\r\nGET\r\n").expect("the beginning of one, which never ends");
    }
    let ended = kvd.terminate();
    let mut numbers = Vec::new();
    for client in &mut clients {
        for _ in 0..500 {
            numbers.push(match client.reply().expect("a reply to what was received") {
                Value::Integer(number) => number,
                other => panic!("{other:?}"),
            });
        }
        client.expect_end();
    }
    assert_exit(&ended, 0);
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=4000).collect::<Vec<_>>());
    // And they are there after a restart.
    let kvd = Kvd::start(dir.path(), &[]);
    assert_eq!(kvd.connect().ask(&["GET", "n"]), Value::bulk("4000"));
}

#[test]
fn a_client_that_does_not_read_cannot_hold_up_the_stop() {
    let dir = Scratch::new("deaf");
    let kvd = Kvd::start(dir.path(), &["--drain-timeout", "2s"]);
    let mut deaf = kvd.connect();
    assert_eq!(deaf.ask(&["SET", "v", &"x".repeat(1 << 20)]), Value::ok());
    // 64 MiB of replies: more than the kernel keeps for a client that reads none of them.
    deaf.send_raw(&request(&["GET", "v"]).repeat(64)).expect("sent");
    let mut probe = [0];
    deaf.stream().peek(&mut probe).expect("the first reply has begun to come");
    let ended = kvd.terminate();
    assert_exit(&ended, 0);
    assert!(ended.took < Duration::from_secs(2), "took {:?}", ended.took);
    assert!(ended.stderr.contains("connections that are cut: 1"), "{}", ended.stderr);
}

#[test]
fn idle_clients_do_not_hold_up_the_stop() {
    let dir = Scratch::new("idle-clients");
    let kvd = Kvd::start(dir.path(), &["--drain-timeout", "10s"]);
    let mut clients: Vec<Client> = (0..20).map(|_| kvd.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask(&["PING"]), Value::Simple("PONG".into()));
    }
    let ended = kvd.terminate();
    assert_exit(&ended, 0);
    assert!(ended.took < Duration::from_secs(4), "not by the timeout: {:?}", ended.took);
    clients.iter_mut().for_each(Client::expect_end);
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_tells_no_lies() {
    let dir = Scratch::new("full");
    // The limit of a file's size stands for the disk's: a shell's builtin sets it, and ignores the
    // signal that comes with it, so that the write fails with an error as on a full disk.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]).arg(binary());
    let mut kvd = Kvd::start_as(&mut limited, dir.path(), &["--fsync", "always"]);
    let mut client = kvd.connect();
    let value = "x".repeat(4000);
    let mut acknowledged: usize = 0;
    let refusal = loop {
        assert!(acknowledged < 100, "the file never got full");
        let reply = client.ask(&["SET", &acknowledged.to_string(), &value]);
        if reply != Value::ok() {
            break reply;
        }
        acknowledged += 1;
    };
    assert!(acknowledged > 3, "{acknowledged}");
    assert!(refusal.error().starts_with("MISCONF Errors writing"), "{refusal:?}");
    let size = Value::Integer(i64::try_from(acknowledged).expect("small"));
    let refused = acknowledged.to_string();
    // Reads go on, also in one batch with a write that is refused, and see nothing of it.
    client
        .send_raw(
            &[
                request(&["SET", &refused, &value]),
                request(&["GET", &refused]),
                request(&["DBSIZE"]),
            ]
            .concat(),
        )
        .expect("sent");
    assert!(client.reply().expect("a reply").error().starts_with("MISCONF"));
    assert_eq!(client.reply().expect("a reply"), Value::Nil);
    assert_eq!(client.reply().expect("a reply"), size);
    // What still fits is taken, behind a whole record.
    assert_eq!(client.ask(&["SET", "small", "1"]), Value::ok());
    kvd.wait_for_line("can be written again");
    assert_exit(&kvd.terminate(), 0);

    let kvd = Kvd::start(dir.path(), &[]);
    let mut client = kvd.connect();
    for key in 0..acknowledged {
        assert_eq!(client.ask(&["GET", &key.to_string()]), Value::bulk(&value), "{key}");
    }
    assert_eq!(client.ask(&["GET", &refused]), Value::Nil);
    assert_eq!(client.ask(&["GET", "small"]), Value::bulk("1"));
}

#[test]
fn a_torn_record_is_cut_off_with_a_warning_and_a_corrupt_one_is_an_error() {
    let dir = Scratch::new("torn");
    let kvd = Kvd::start(dir.path(), &[]);
    let mut client = kvd.connect();
    assert_eq!(client.ask(&["SET", "a", "first"]), Value::ok());
    assert_eq!(client.ask(&["SET", "b", "second"]), Value::ok());
    assert_exit(&kvd.terminate(), 0);
    let file = dir.path().join("kvd.aof");
    let whole = fs::read(&file).expect("it is there");

    fs::write(&file, &whole[..whole.len() - 3]).expect("written");
    let kvd = Kvd::start(dir.path(), &[]);
    let mut client = kvd.connect();
    assert_eq!(
        client.ask(&["MGET", "a", "b"]),
        Value::Array(vec![Value::bulk("first"), Value::Nil])
    );
    let ended = kvd.terminate();
    assert_exit(&ended, 0);
    assert!(ended.stderr.contains("cut off an incomplete last record"), "{}", ended.stderr);

    let mut corrupt = whole.clone();
    corrupt[8 + 12 + 1] ^= 1; // in the body of the first of the two records
    fs::write(&file, &corrupt).expect("written");
    let ended = fails_to_start(&["--data-dir", dir.path().to_str().expect("UTF-8")], 1);
    assert!(ended.stderr.contains("kvd.aof: corrupt record at offset 8"), "{}", ended.stderr);
    assert_eq!(fs::read(&file).expect("it is there"), corrupt, "left for whoever looks at it");
}

/// Checks what every failure to start has in common.
fn fails_to_start(flags: &[&str], code: i32) -> Ended {
    let free_port =
        if flags.contains(&"--listen") { &[][..] } else { &["--listen", "127.0.0.1:0"] };
    let ended = run_to_its_end(free_port.iter().chain(flags));
    assert_exit(&ended, code);
    // A second, on a machine that has nothing else to do.
    assert!(ended.took < LIMIT / 4, "took {:?}", ended.took);
    let is_error = |line: &&str| line.starts_with("error") || line.contains("ERROR");
    let errors = ended.stderr.lines().filter(is_error).count();
    assert_eq!(errors, 1, "one clear line:\n{}", ended.stderr);
    ended
}

fn assert_exit(ended: &Ended, code: i32) {
    assert_eq!(ended.status.code(), Some(code), "{}: {}", ended.status, ended.stderr);
}

#[test]
fn a_port_in_use_is_named_with_its_unit() {
    let dir = Scratch::new("port");
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    let data_dir = dir.path().to_str().expect("UTF-8");
    let ended = fails_to_start(&["--listen", &address, "--data-dir", data_dir], 1);
    let expected = format!("cannot listen on {address}: Address already in use");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    assert!(ended.stderr.contains("server"), "{}", ended.stderr);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named_with_its_unit() {
    let dir = Scratch::new("unusable");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("written");
    // Below a file there can be no directory, not even for root.
    let below = file.join("data");
    let below = below.to_str().expect("UTF-8");
    let ended = fails_to_start(&["--data-dir", below], 1);
    let expected = format!("cannot make the data directory {below}: Not a directory");
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    assert!(ended.stderr.contains("storage"), "{}", ended.stderr);
}

#[test]
fn two_on_one_data_directory_is_an_error_that_names_the_first() {
    let dir = Scratch::new("two");
    let kvd = Kvd::start(dir.path(), &[]);
    let data_dir = dir.path().to_str().expect("UTF-8");
    let ended = fails_to_start(&["--data-dir", data_dir], 1);
    let expected = format!("is in use by another kvd (pid {})", kvd.id());
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    // The first one is not disturbed, and when it has gone the directory is free.
    assert_eq!(kvd.connect().ask(&["PING"]), Value::Simple("PONG".into()));
    assert_exit(&kvd.terminate(), 0);
    Kvd::start(dir.path(), &[]);
}

#[test]
fn wrong_flags_are_named_with_their_values() {
    for (flags, expected) in [
        (&["--max-memory", "12QB"][..], &["12QB", "--max-memory"][..]),
        (&["--max-con", "3"], &["--max-con"]),
        (&["--fsync", "sometimes"], &["sometimes", "--fsync"]),
        (&["--listen", "localhost"], &["localhost", "--listen"]),
        (&["--max-clients", "0"], &["'0'", "--max-clients", "needs at least 1"]),
        (&["--max-request", "2GiB"], &["--max-request", "1 GiB"]),
        (&["--drain-timeout", "0"], &["--drain-timeout", "more than 0"]),
    ] {
        let ended = fails_to_start(flags, 2);
        for text in expected {
            assert!(ended.stderr.contains(text), "{text:?} in {}", ended.stderr);
        }
    }
}
