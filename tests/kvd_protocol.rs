//! The example `kvd` as its clients see it: every command, pipelining, what it refuses, how it
//! starts, fails to start and stops.

#![cfg(all(unix, feature = "env_logger", feature = "net"))]

mod common;
#[path = "common/kvd.rs"]
mod kvd;

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::time::Duration;

use common::within;
use kvd::{Client, Ended, Kvd, LIMIT, Scratch, Value, binary, request, run_to_its_end};

fn bulks(texts: &[&str]) -> Value {
    Value::Array(texts.iter().map(|text| Value::bulk(text)).collect())
}

#[test]
fn each_command_answers_as_redis_does() {
    let dir = Scratch::new("commands");
    let kvd = Kvd::start(dir.path(), &["--max-memory", "1MiB"]);
    let mut client = kvd.connect();
    let simple = |text: &str| Value::Simple(text.into());
    for (line, expected) in [
        ("PING", simple("PONG")),
        ("ping hello", Value::bulk("hello")),
        ("ECHO hello", Value::bulk("hello")),
        ("SELECT 0", Value::ok()),
        ("GET a", Value::Nil),
        ("SET a 1", Value::ok()),
        ("GET a", Value::bulk("1")),
        ("INCR a", Value::Integer(2)),
        ("INCR new", Value::Integer(1)),
        ("MSET b 1 c 2", Value::ok()),
        ("MGET b none", Value::Array(vec![Value::bulk("1"), Value::Nil])),
        ("EXISTS a b none a", Value::Integer(3)),
        ("DBSIZE", Value::Integer(4)),
        ("DEL b c none", Value::Integer(2)),
        ("DBSIZE", Value::Integer(2)),
        ("CONFIG GET maxmemory", bulks(&["maxmemory", "1048576"])),
        ("CONFIG GET save", bulks(&["save", ""])),
        ("CONFIG GET appendonly", bulks(&["appendonly", "yes"])),
        ("COMMAND", Value::Array(vec![])),
        ("COMMAND COUNT", Value::Integer(0)),
        ("COMMAND DOCS", Value::Array(vec![])),
        ("FLUSHALL", Value::ok()),
        ("DBSIZE", Value::Integer(0)),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!(client.ask(&words), expected, "{line}");
    }
    let info = client.ask(&["INFO"]).text();
    for line in ["connected_clients:1\r\n", "used_memory:0\r\n", "maxmemory:1048576\r\n"] {
        assert!(info.contains(line), "{line:?} in {info}");
    }
    assert_eq!(client.ask(&["QUIT"]), Value::ok());
    client.expect_end();
}

#[test]
fn what_is_wrong_in_a_request_is_an_error_reply_and_the_connection_goes_on() {
    let dir = Scratch::new("errors");
    let kvd = Kvd::start(dir.path(), &[]);
    let mut client = kvd.connect();
    client.ask(&["SET", "text", "ten"]);
    client.ask(&["SET", "high", "9223372036854775807"]);
    for (line, expected) in [
        ("FOO a", "ERR unknown command 'FOO', with args beginning with: 'a' "),
        ("GET", "ERR wrong number of arguments for 'get' command"),
        ("SET a 1 EX 10", "ERR syntax error"),
        ("SET a 1 NX", "ERR syntax error"),
        ("MSET a 1 b", "ERR wrong number of arguments for 'mset' command"),
        ("INCR text", "ERR value is not an integer or out of range"),
        ("INCR high", "ERR increment or decrement would overflow"),
        ("SELECT 1", "ERR DB index is out of range"),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!(client.ask(&words), Value::Error(expected.into()), "{line}");
    }
    assert_eq!(client.ask(&["GET", "a"]), Value::Nil, "a refused SET has set nothing");
    assert_eq!(client.ask(&["GET", "text"]), Value::bulk("ten"));
}

#[test]
fn a_pipeline_is_answered_in_order_however_it_is_cut() {
    let dir = Scratch::new("pipeline");
    let kvd = Kvd::start(dir.path(), &[]);
    let mut client = kvd.connect();
    let mut bytes = Vec::new();
    for number in 0..2000 {
        bytes.extend(request(&["INCR", "n"]));
        bytes.extend(format!("ECHO {number}\r\n").into_bytes()); // inline, and without the store
    }
    // A piece ends in the middle of a request, mostly. The server may read on from the first.
    let mut sender = client.stream().try_clone().expect("cloned");
    let sending = std::thread::scope(|scope| {
        let sending = scope.spawn(move || bytes.chunks(4099).try_for_each(|b| sender.write_all(b)));
        for number in 0..2000 {
            assert_eq!(client.reply().expect("a reply"), Value::Integer(number + 1));
            assert_eq!(client.reply().expect("a reply"), Value::bulk(&number.to_string()));
        }
        sending.join().expect("no panic")
    });
    sending.expect("all sent");
}

#[test]
fn a_client_that_has_sent_all_and_closed_its_side_gets_its_replies() {
    let dir = Scratch::new("half-closed");
    let kvd = Kvd::start(dir.path(), &[]);
    let mut client = kvd.connect();
    client.send_raw(b"PING\r\nSET a 1\r\nGET a\r\n").expect("sent");
    client.stream().shutdown(Shutdown::Write).expect("shut down");
    for expected in [Value::Simple("PONG".into()), Value::ok(), Value::bulk("1")] {
        assert_eq!(client.reply().expect("a reply"), expected);
    }
    client.expect_end();
}

#[test]
fn large_and_binary_values_come_back_as_they_were() {
    let dir = Scratch::new("large");
    let kvd = Kvd::start(dir.path(), &[]);
    let mut client = kvd.connect();
    let value: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[0] ^ 0x0d).collect();
    let mut bytes = format!("*3\r\n$3\r\nSET\r\n$1\r\nv\r\n${}\r\n", value.len()).into_bytes();
    bytes.extend(&value);
    bytes.extend(b"\r\n");
    client.send_raw(&bytes).expect("sent");
    assert_eq!(client.reply().expect("a reply"), Value::ok());
    assert!(client.ask(&["GET", "v"]) == Value::Bulk(value), "the same five million bytes");
}

#[test]
fn malformed_input_ends_that_connection_alone() {
    let dir = Scratch::new("malformed");
    let kvd = Kvd::start(dir.path(), &[]);
    let mut other = kvd.connect();
    for (input, expected) in [
        (&b"*x\r\n"[..], "ERR Protocol error: invalid multibulk length"),
        (b"*1\r\n$-5\r\n", "ERR Protocol error: invalid bulk length"),
        (b"*1\r\nPING\r\n", "ERR Protocol error: expected '$', got 'P'"),
        (b"*1\r\n$4\r\nPINGPONG", "ERR Protocol error: expected CRLF after an argument"),
        (b"echo \"a\r\n", "ERR Protocol error: unbalanced quotes in request"),
    ] {
        let mut client = kvd.connect();
        client.send_raw(b"SET before 1\r\n").expect("sent");
        client.send_raw(input).expect("sent");
        assert_eq!(client.reply().expect("what came before is answered"), Value::ok());
        assert_eq!(client.reply().expect("a reply"), Value::Error(expected.into()));
        client.expect_end();
        assert_eq!(other.ask(&["PING"]), Value::Simple("PONG".into()));
    }
}

#[test]
fn an_oversized_request_ends_that_connection_alone_and_the_client_learns_why() {
    let dir = Scratch::new("oversized");
    let kvd = Kvd::start(dir.path(), &["--max-request", "100KiB"]);
    let expected = Value::Error("ERR Protocol error: request is longer than 102400 bytes".into());
    let mut other = kvd.connect();
    assert_eq!(other.ask(&["SET", "a", &"x".repeat(100_000)]), Value::ok(), "just within it");
    // It sends on after the server has seen enough; a reset would take the reply from it.
    let mut client = kvd.connect();
    client.send_raw(&request(&["SET", "a", &"x".repeat(1_000_000)])).expect("sent");
    assert_eq!(client.reply().expect("a reply"), expected);
    client.stream().shutdown(Shutdown::Write).expect("shut down");
    client.expect_end();
    // Of many small pieces.
    let mut client = kvd.connect();
    client.send_raw(&request(&vec!["MGET"; 20_000])).expect("sent");
    assert_eq!(client.reply().expect("a reply"), expected);
    assert_eq!(other.ask(&["PING"]), Value::Simple("PONG".into()));
}

#[test]
fn what_would_need_more_than_max_memory_is_refused() {
    let dir = Scratch::new("memory");
    let kvd = Kvd::start(dir.path(), &["--max-memory", "10KB"]);
    let mut client = kvd.connect();
    let oom = Value::Error("OOM command not allowed when used memory > 'maxmemory'.".into());
    assert_eq!(client.ask(&["SET", "a", &"x".repeat(9_000)]), Value::ok());
    assert_eq!(client.ask(&["SET", "b", &"x".repeat(9_000)]), oom);
    assert_eq!(client.ask(&["MSET", "c", "1", "b", &"x".repeat(9_000)]), oom);
    assert_eq!(client.ask(&["DBSIZE"]), Value::Integer(1));
    assert_eq!(client.ask(&["DEL", "a"]), Value::Integer(1));
    assert_eq!(client.ask(&["SET", "b", &"x".repeat(9_000)]), Value::ok());
}

#[test]
fn over_max_clients_the_next_is_told_and_a_free_place_is_given_again() {
    let dir = Scratch::new("clients");
    let kvd = Kvd::start(dir.path(), &["--max-clients", "2"]);
    let (mut first, mut second) = (kvd.connect(), kvd.connect());
    // Asked, so that they are known to be in.
    for client in [&mut first, &mut second] {
        assert_eq!(client.ask(&["PING"]), Value::Simple("PONG".into()));
    }
    let mut third = kvd.connect();
    let refused = Value::Error("ERR max number of clients reached".into());
    assert_eq!(third.reply().expect("a reply"), refused);
    third.expect_end();

    assert_eq!(second.ask(&["QUIT"]), Value::ok());
    second.expect_end();
    // Its thread leaves after its last words; how soon is up to the scheduler.
    let address = kvd.address;
    let reply = within(LIMIT, move || {
        loop {
            let mut client = Client::connect(address).expect("connected");
            // A connection that was refused while we wrote may be reset.
            match client.send_raw(b"PING\r\n").and_then(|()| client.reply()) {
                Ok(reply) if reply != refused => return reply,
                _ => {}
            }
        }
    });
    assert_eq!(reply, Value::Simple("PONG".into()));
    assert_eq!(first.ask(&["PING"]), Value::Simple("PONG".into()));
}

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
    assert!(ended.stderr.contains("1 clients do not read"), "{}", ended.stderr);
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
    let errors = ended.stderr.lines().filter(|line| line.starts_with("error")).count();
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
