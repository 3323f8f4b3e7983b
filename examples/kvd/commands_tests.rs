use super::*;
use crate::resp::Parser;

fn about() -> About {
    About {
        settings: Box::new(|| vec![("maxmemory", "100".to_owned()), ("save", String::new())]),
        reload: Box::new(|| Reply::OK),
        info: Box::new(|| "# Server\r\n".into()),
    }
}

/// What an inline command asks for.
fn ask(line: &str) -> Action {
    let mut parser = Parser::new(4096);
    parser.feed(line.as_bytes());
    parser.feed(b"\r\n");
    action(parser.next().expect("well formed").expect("whole"), &about())
}

fn answer(line: &str) -> Reply {
    match ask(line) {
        Action::Answer(reply) => reply,
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &str) -> String {
    match answer(line) {
        Reply::Error(text) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn blob(text: &str) -> Blob {
    text.as_bytes().into()
}

#[test]
fn names_are_read_in_any_case() {
    for line in ["get a", "GET a", "gEt a"] {
        assert_eq!(ask(line), Action::Store(Op::Get(blob("a"))));
    }
}

#[test]
fn arguments_reach_the_store_in_order() {
    assert_eq!(ask("set a 1"), Action::Store(Op::Set(blob("a"), blob("1"))));
    let pairs = vec![(blob("a"), blob("1")), (blob("b"), blob("2"))];
    assert_eq!(ask("mset a 1 b 2"), Action::Store(Op::MultiSet(pairs)));
    assert_eq!(ask("del a b"), Action::Store(Op::Del(vec![blob("a"), blob("b")])));
    assert_eq!(ask("info all"), Action::Store(Op::Info("# Server\r\n".into())));
    assert_eq!(ask("flushall ASYNC"), Action::Store(Op::Flush));
}

#[test]
fn what_needs_no_store_is_answered_at_once() {
    assert_eq!(answer("ping"), Reply::Simple("PONG"));
    assert_eq!(answer("ping hello"), Reply::bulk(b"hello"));
    assert_eq!(answer("echo ''"), Reply::bulk(b""));
    assert_eq!(answer("select 0"), Reply::OK);
    assert_eq!(answer("command"), Reply::Array(vec![]));
    assert_eq!(answer("command count"), Reply::Integer(0));
    assert_eq!(answer("config get MAXMEMORY"), both("maxmemory", "100"));
    assert_eq!(answer("config get nothing save"), both("save", ""));
    assert_eq!(ask("quit"), Action::Quit);
    assert_eq!(ask("config reload"), Action::Reload);
    let Reply::Array(all) = answer("config get *") else { panic!("an array") };
    assert_eq!(all.len(), 4);
}

fn both(name: &str, value: &str) -> Reply {
    Reply::Array(vec![Reply::bulk(name.as_bytes()), Reply::bulk(value.as_bytes())])
}

#[test]
fn wrong_counts_name_the_command() {
    let lines = "get|get a b|set a|mset a|mset a 1 b|mget|del|exists|echo|ping a b|dbsize a";
    for line in lines.split('|').chain(["incr", "select", "config", "flushall a b", "SET a"]) {
        let name = line.split(' ').next().expect("a name").to_lowercase();
        let expected = format!("ERR wrong number of arguments for '{name}' command");
        assert_eq!(error(line), expected, "{line}");
    }
    assert_eq!(error("config get"), "ERR wrong number of arguments for 'config|get' command");
    let reload = "ERR wrong number of arguments for 'config|reload' command";
    assert_eq!(error("config reload kvd.toml"), reload);
}

#[test]
fn options_of_set_are_refused() {
    for line in ["set a 1 EX 10", "set a 1 NX", "set a 1 get", "set a 1 ''"] {
        assert_eq!(error(line), "ERR syntax error", "{line}");
    }
    assert_eq!(error("flushall now"), "ERR syntax error");
}

#[test]
fn what_is_unknown_is_named() {
    assert_eq!(error("foo"), "ERR unknown command 'foo', with args beginning with: ");
    assert_eq!(error("Foo a b"), "ERR unknown command 'Foo', with args beginning with: 'a' 'b' ");
    assert_eq!(error("config foo"), "ERR unknown subcommand 'foo'. Try CONFIG HELP.");
    assert!(error("config set maxmemory 1").contains("can't set immutable config"));
    assert_eq!(error("select 1"), "ERR DB index is out of range");
    assert_eq!(error("select x"), "ERR value is not an integer or out of range");
    let long = "x".repeat(1000);
    assert!(error(&format!("{long} {long} {long} {long}")).len() < 600);
}
