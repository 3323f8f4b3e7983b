//! F1: the handle that a unit keeps.

use std::time::Duration;

use super::{parse, table};
use crate::{Flag, FlagSet, Source};

#[test]
fn f1_before_parsing_a_flag_has_its_default() {
    let flag = Flag::<String>::new("listen", ":80", "");
    assert_eq!((flag.get().as_str(), flag.source()), (":80", Source::Default));
}

#[test]
fn f1_clones_share_one_value_across_threads() {
    let flag = Flag::new("idle", Duration::ZERO, "");
    let policy = flag.clone(); // as a group keeps one for a deadline
    parse(&table([("a", FlagSet::new("S").add(&flag))]), &["--idle=5s"]);
    #[allow(clippy::disallowed_methods)] // nothing of a group is at work here
    let read = std::thread::spawn(move || *policy.get()).join().unwrap();
    assert_eq!(read, Duration::from_secs(5));
}

#[test]
#[should_panic(expected = "the required flag '--store-data' has no value yet")]
fn f1_a_required_flag_without_a_value_panics_with_its_full_name() {
    let flag = Flag::<String>::required("data", "");
    let _table = table([("a", FlagSet::new("S").prefix("store").add(&flag))]);
    flag.get();
}

#[test]
fn f1_errors_show_the_name_with_its_prefixes() {
    let flag = Flag::<u8>::new("level", 1, "");
    assert_eq!(flag.name(), "level");
    let set = FlagSet::new("S").add(&flag).prefix("log").prefix("").prefix("kvd");
    let _table = table([("a", set)]);
    assert_eq!(flag.name(), "kvd-log-level");
    assert!(flag.invalid("too low").to_string().contains("'--kvd-log-level'"));
}

#[test]
fn f1_a_test_can_set_a_value_again_and_again() {
    let flag = Flag::<String>::required("data", "");
    let mut kept = Vec::new();
    for text in ["one", "two", "three"] {
        flag.set_for_test(text);
        kept.push(flag.get());
        assert_eq!(flag.get(), text);
    }
    assert_eq!(kept, ["one", "two", "three"], "what `get` gave out stays");
    assert_eq!(flag.source().to_string(), "set for a test");
}

#[test]
fn f1_a_flag_that_was_set_very_often_can_be_dropped() {
    let flag = Flag::<u32>::new("level", 0, "");
    // Each one goes through those before it: enough for a stack, and quick enough.
    for level in 0..5_000 {
        flag.set_for_test(level);
    }
    assert_eq!(*flag.get(), 4_999);
    #[allow(clippy::disallowed_methods)] // a thread for its small stack
    let small = std::thread::Builder::new().stack_size(64 << 10).spawn(move || drop(flag));
    small.unwrap().join().unwrap();
}

#[test]
fn f1_a_flag_can_be_shared_by_threads() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Flag<String>>();
}
