//! The example `kvd` as its clients see it: every command, pipelining, and what it refuses.

#![cfg(all(unix, feature = "env_logger", feature = "net"))]

mod common;
#[path = "common/kvd.rs"]
mod kvd;

use std::io::Write;
use std::net::Shutdown;

use common::within;
use kvd::{Client, Kvd, LIMIT, Scratch, Value, request};

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
