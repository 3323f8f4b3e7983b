use super::*;

fn blob(text: &str) -> Blob {
    text.as_bytes().into()
}

fn set(key: &str, value: &str) -> Op {
    Op::Set(blob(key), blob(value))
}

fn get(key: &str) -> Op {
    Op::Get(blob(key))
}

/// Carries out the operations, which nobody will undo.
fn replies(store: &mut Store, ops: &[Op]) -> Vec<Reply> {
    ops.iter().map(|op| store.apply(op, Writes::Allowed, &mut Vec::new())).collect()
}

fn is_error(reply: &Reply, code: &str) -> bool {
    matches!(reply, Reply::Error(text) if text.starts_with(code))
}

#[test]
fn values_are_set_read_replaced_and_deleted() {
    let mut store = Store::new(0);
    let ops = [
        get("a"),
        set("a", "1"),
        set("a", "22"),
        get("a"),
        Op::Exists(vec![blob("a"), blob("a"), blob("b")]),
        Op::MultiSet(vec![(blob("b"), blob("x")), (blob("b"), blob("y"))]),
        Op::MultiGet(vec![blob("a"), blob("none"), blob("b")]),
        Op::Size,
        Op::Del(vec![blob("a"), blob("a"), blob("none")]),
        Op::Size,
        Op::Flush,
        Op::Size,
    ];
    let expected = [
        Reply::Nil,
        Reply::OK,
        Reply::OK,
        Reply::bulk(b"22"),
        Reply::Integer(2),
        Reply::OK,
        Reply::Array(vec![Reply::bulk(b"22"), Reply::Nil, Reply::bulk(b"y")]),
        Reply::Integer(2),
        Reply::Integer(1),
        Reply::Integer(1),
        Reply::OK,
        Reply::Integer(0),
    ];
    assert_eq!(replies(&mut store, &ops), expected);
}

#[test]
fn incr_counts_from_nothing_and_refuses_what_is_no_number() {
    let mut store = Store::new(0);
    let incr = || Op::Incr(blob("n"));
    assert_eq!(
        replies(&mut store, &[incr(), incr(), get("n")]),
        [Reply::Integer(1), Reply::Integer(2), Reply::bulk(b"2")]
    );
    for (value, error) in [
        ("ten", "ERR value is not an integer or out of range"),
        ("01", "ERR value is not an integer or out of range"),
        ("9223372036854775808", "ERR value is not an integer or out of range"),
        ("9223372036854775807", "ERR increment or decrement would overflow"),
    ] {
        let all = replies(&mut store, &[set("n", value), incr(), get("n")]);
        assert_eq!(all[1], Reply::Error(error.into()), "{value}");
        assert_eq!(all[2], Reply::bulk(value.as_bytes()), "it stays as it was");
    }
}

#[test]
fn used_memory_comes_back_to_zero() {
    let mut store = Store::new(0);
    let both = vec![blob("key"), blob("other")];
    replies(&mut store, &[set("key", "value"), set("key", ""), set("other", "value")]);
    assert_eq!(store.used, 2 * ENTRY_OVERHEAD + 3 + 5 + 5);
    replies(&mut store, &[Op::Del(both)]);
    assert_eq!(store.used, 0);
    replies(&mut store, &[set("key", "value"), Op::Flush]);
    assert_eq!(store.used, 0);
}

#[test]
fn a_set_beyond_the_limit_is_refused_whole() {
    let mut store = Store::new(2 * ENTRY_OVERHEAD + 10);
    assert_eq!(replies(&mut store, &[set("a", "1234"), set("b", "1234")]), [Reply::OK, Reply::OK]);
    let used = store.used;
    let three = Op::MultiSet(vec![(blob("a"), blob("9")), (blob("c"), blob("9"))]);
    for op in [set("c", ""), set("a", "12345"), three, Op::Incr(blob("n"))] {
        let mut changes = Vec::new();
        let reply = store.apply(&op, Writes::Allowed, &mut changes);
        assert!(is_error(&reply, "OOM command not allowed"), "{op:?}: {reply:?}");
        assert!(changes.is_empty(), "{op:?}");
        assert_eq!(store.used, used, "{op:?}");
    }
    // What does not grow is allowed.
    assert_eq!(replies(&mut store, &[set("a", "4321"), get("a")])[1], Reply::bulk(b"4321"));
}

#[test]
fn a_store_over_its_limit_since_a_restart_may_shrink() {
    let mut store = Store::new(1);
    store.restore(blob("a"), Some(blob("1234")));
    assert_eq!(replies(&mut store, &[set("a", "12")]), [Reply::OK]);
    assert!(is_error(&replies(&mut store, &[set("a", "123")])[0], "OOM"));
}

#[test]
fn a_lower_limit_refuses_what_adds_and_throws_nothing_away() {
    let mut store = Store::new(0);
    let mut changes = Vec::new();
    let mut apply = |store: &mut Store, op| store.apply(&op, Writes::Allowed, &mut changes);
    assert_eq!(apply(&mut store, Op::Set(blob("a"), blob("12345"))), Reply::OK);
    assert!(!store.limit(1000), "it fits");
    assert!(store.limit(1), "more is in use");
    assert!(!store.limit(1), "which is said once");
    assert!(matches!(apply(&mut store, Op::Set(blob("b"), blob(""))), Reply::Error(_)));
    assert_eq!(apply(&mut store, Op::Get(blob("a"))), Reply::bulk(b"12345"));
    assert_eq!(apply(&mut store, Op::Set(blob("a"), blob("1"))), Reply::OK, "it frees memory");
    assert!(!store.limit(0), "no limit");
    assert_eq!(apply(&mut store, Op::Set(blob("b"), blob(""))), Reply::OK);
}

#[test]
fn all_changes_can_be_undone() {
    let mut store = Store::new(0);
    replies(&mut store, &[set("a", "1"), set("b", "2"), set("c", "x")]);
    let (map, used) = (store.map.clone(), store.used);
    let mut changes = Vec::new();
    for op in [
        set("a", "longer"),
        set("new", "1"),
        Op::Incr(blob("b")),
        Op::Incr(blob("c")), // refused, nothing to undo
        Op::Del(vec![blob("a"), blob("c")]),
        Op::Flush,
        set("a", "after"),
        Op::MultiSet(vec![(blob("x"), blob("1")), (blob("x"), blob("2"))]),
        Op::Flush,
    ] {
        store.apply(&op, Writes::Allowed, &mut changes);
    }
    assert_eq!(changes.len(), 10);
    store.undo(&mut changes, 0);
    assert!(changes.is_empty());
    assert_eq!((store.map, store.used), (map, used));
}

#[test]
fn refused_writes_change_nothing_and_reads_go_on() {
    let mut store = Store::new(0);
    replies(&mut store, &[set("a", "1")]);
    let refusal = Reply::Error("MISCONF".into());
    let mut changes = Vec::new();
    for op in [
        set("a", "2"),
        Op::Del(vec![blob("a")]),
        Op::Incr(blob("a")),
        Op::MultiSet(vec![]),
        Op::Flush,
    ] {
        assert_eq!(store.apply(&op, Writes::Refused(&refusal), &mut changes), refusal, "{op:?}");
    }
    assert!(changes.is_empty());
    let reply = store.apply(&get("a"), Writes::Refused(&refusal), &mut changes);
    assert_eq!(reply, Reply::bulk(b"1"));
}
