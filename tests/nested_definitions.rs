//! What is wrong with how groups in groups are put together (S5, L3).

mod common;

use std::time::Duration;

use common::{SOON, within};
use rungroup::testing::Journal;
use rungroup::{Bytes, Configured, ErrorKind, Flag, Group, Signals, Unit, UnitId, service_fn};

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

/// A group with one unit that takes part in every phase and notes if it is called.
fn noted(group: &str, unit: &str, journal: &Journal) -> Group {
    let mut group = Group::new(group);
    group.register(journal.script(unit).all_phases());
    group
}

#[track_caller]
fn assert_problems(mut group: Group, expected: &[&str]) {
    let error = group.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
    let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems, expected);
}

#[test]
fn l3_two_of_one_name_in_one_group_are_an_error_and_in_two_groups_are_not() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = noted("uplink", "feed", &journal);
        uplink.register(journal.script("feed").all_phases());
        let mut group = demo();
        group.register(uplink);
        group.register(noted("other", "feed", &journal));
        group.register(journal.script("feed").all_phases());
        group.register(journal.script("other").all_phases());
        let expected = ["two units are named 'uplink/feed'", "two units are named 'other'"];
        assert_problems(group, &expected);
        assert_eq!(journal.entries().iter().filter(|it| it.ends_with("validate")).count(), 0);

        let mut group = demo();
        group.register(noted("left", "feed", &journal));
        group.register(noted("right", "feed", &journal));
        group.register(service_fn("feed", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        group.run().unwrap();
    });
}

#[test]
fn l3_a_group_needs_a_name_of_which_a_path_can_be_made() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(journal.script("server").all_phases());
        let mut inner = noted("", "feed", &journal);
        inner.register(journal.script("a/b").all_phases());
        inner.register(journal.script("").all_phases());
        group.register(inner);
        group.register(Group::new("up/link"));
        assert_problems(
            group,
            &[
                "the group registered as number 2 has no name",
                "unit 'a/b' in group '': a name must not contain '/' or NUL",
                "the unit registered as number 3 in group '' has no name",
                "group 'up/link': a name must not contain '/' or NUL",
            ],
        );
    });
}

#[test]
fn l3_a_name_that_looks_like_the_path_of_another_is_not_that_other() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.register(journal.script("up/link").all_phases());
        group.register(noted("up", "link", &journal));
        let slash = "unit 'up/link': a name must not contain '/' or NUL";
        assert_problems(group, &[slash]);

        // And those that are the same are found all the same.
        let mut group = demo();
        group.register(journal.script("up/link").all_phases());
        let mut up = noted("up", "link", &journal);
        up.register(journal.script("link").all_phases());
        group.register(up);
        assert_problems(group, &[slash, "two units are named 'up/link'"]);

        let mut group = demo();
        group.register(noted("up", "link", &journal));
        let mut up = noted("up", "link", &journal);
        up.register(journal.script("link").all_phases());
        group.register(up);
        assert_problems(group, &["two units are named 'up'", "two units are named 'up/link'"]);
    });
}

/// A unit that is for a whole program; anyone can write one.
struct Whole;

impl Unit for Whole {
    fn name(&self) -> &'static str {
        "whole"
    }

    fn root_only(&self) -> bool {
        true
    }
}

#[cfg(feature = "env_logger")]
#[test]
fn s5_logging_is_for_a_whole_program() {
    assert!(rungroup::Logging::new().root_only());
}

#[test]
fn s5_units_of_a_whole_program_are_refused_in_a_group_at_every_depth() {
    within(SOON, || {
        let mut inner = Group::new("inner");
        inner.register(Whole);
        let mut outer = Group::new("outer");
        outer.register(Signals::new());
        outer.register(inner);
        let mut group = demo();
        group.register(outer);
        let why = "is for a whole program: register it with the outermost group";
        assert_problems(
            group,
            &[&format!("unit 'outer/signals': {why}"), &format!("unit 'outer/inner/whole': {why}")],
        );
    });
}

#[test]
fn s5_after_is_for_those_in_the_same_group_and_the_other_is_named() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        let store = group.register(journal.script("store").all_phases()).id();
        let mut uplink = Group::new("uplink");
        let feed = uplink.register(journal.script("feed").all_phases()).after(store).id();
        let stranger = Group::new("stranger").register(journal.script("x").all_phases()).id();
        uplink.register(journal.script("filter").all_phases()).after(stranger);
        let uplink = group.register(uplink).after(feed).id();
        group.register(journal.script("server").all_phases()).after(feed).after(uplink);
        assert_problems(
            group,
            &[
                "unit 'uplink': is to come after 'uplink/feed', which is not in the same group",
                "unit 'uplink/feed': is to come after 'store', which is not in the same group\n  \
                 tip: say it of the group: let 'uplink' come after 'store'",
                "unit 'uplink/filter': is to come after a unit of another group",
                "unit 'server': is to come after 'uplink/feed', which is not in the same group\n  \
                 tip: say it of the group: let 'server' come after 'uplink'",
            ],
        );
    });
}

#[test]
fn s5_after_across_two_groups_says_which_groups_are_meant() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        let leaf = inner.register(journal.script("leaf").all_phases()).id();
        let mut left = Group::new("left");
        left.register(inner);
        let mut right = Group::new("right");
        right.register(journal.script("feed").all_phases()).after(leaf);
        let mut outer = Group::new("outer");
        outer.register(left);
        outer.register(right);
        let mut group = demo();
        group.register(outer);
        let why = "is to come after 'outer/left/inner/leaf', which is not in the same group";
        let tip = "say it of the group: let 'outer/right' come after 'outer/left'";
        assert_problems(group, &[&format!("unit 'outer/right/feed': {why}\n  tip: {tip}")]);
    });
}

/// An id can only be of what is there already, so a circle is one that comes after itself.
#[test]
fn s5_a_group_that_comes_after_itself_is_a_circle_and_so_is_one_inside_it() {
    within(SOON, || {
        let journal = Journal::new();
        let mut uplink = Group::new("uplink");
        let feed = uplink.register(journal.script("feed").all_phases());
        let id = feed.id();
        feed.after(id);
        let mut group = demo();
        group.register(journal.script("store").all_phases());
        let uplink = group.register(uplink);
        let id = uplink.id();
        uplink.after(id);
        let why = "units come after each other in a circle: 'uplink', 'uplink/feed'";
        assert_problems(group, &[why]);
    });
}

#[test]
fn s5_what_only_a_unit_can_have_is_refused_of_a_group() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group
            .register(noted("uplink", "feed", &journal))
            .instances(1)
            .stack_size(Bytes::mib(1))
            .heartbeat(Duration::from_secs(1));
        assert_problems(
            group,
            &[
                "unit 'uplink': is a group, which has no thread of its own: 'instances' is for its \
                 units",
                "unit 'uplink': is a group, which has no thread of its own: 'stack_size' is for its \
                 units",
                "unit 'uplink': is a group, which has no thread of its own: 'heartbeat' is for its \
                 units",
            ],
        );
    });
}

#[test]
fn s5_problems_of_all_depths_come_together_and_before_any_callback_but_flag_set() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        inner.register(journal.script("leaf").all_phases()).instances(0);
        let flag = Flag::<Duration>::new("limit", Duration::ZERO, "which nobody has");
        let mut outer = Group::new("outer").stop_timeout(&flag);
        outer.register(inner);
        let mut group = demo();
        group.register(outer);
        group.register(journal.script("leaf").all_phases()).instances(0);
        assert_problems(
            group,
            &[
                "unit 'outer/inner/leaf': needs at least one instance",
                "unit 'leaf': needs at least one instance",
                "unit 'outer': the stop timeout is '--limit', which no unit has among its flags",
            ],
        );
        assert_eq!(journal.entries(), ["leaf flag_set", "leaf flag_set"]);
    });
}

// ---- when it is too late ----

#[test]
fn l2_a_group_with_flags_is_refused_after_the_config_phase_and_one_without_is_not() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        assert!(!group.register(noted("uplink", "feed", &journal)).takes_part());
        let why = "unit 'uplink': has flags but was registered after the config phase";
        assert_problems(group, &[why]);
        assert_eq!(journal.entries(), [""; 0]);

        let mut group = demo();
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        let mut uplink = Group::new("uplink");
        uplink.register(journal.script("feed").finish());
        assert!(group.register(uplink).takes_part());
        group.run().unwrap();
        assert_eq!(journal.units("serve"), ["feed"]);
    });
}

#[test]
fn l18_a_group_that_has_been_configured_or_run_cannot_be_a_part_of_another() {
    within(SOON, || {
        let why = "was registered when its own flags had been read: a group has one config phase";
        let journal = Journal::new();
        let given_out = |group: &mut Group| drop(group.register_flags().unwrap());
        let configured = |group: &mut Group| {
            assert_eq!(
                group.run_config_from(["uplink"], [("", ""); 0]).unwrap(),
                Configured::Continue
            );
        };
        let refused = |group: &mut Group| {
            group.run_config_from(["uplink", "--no"], [("", ""); 0]).unwrap_err();
        };
        let run = |group: &mut Group| drop(group.run_config_from(["uplink", "-h"], [("", ""); 0]));
        let begin: [&dyn Fn(&mut Group); 4] = [&given_out, &configured, &refused, &run];
        for begin in begin {
            let mut uplink = Group::new("uplink");
            uplink.register(journal.script("feed"));
            begin(&mut uplink);
            let stopped = uplink.handle().stop_notify();
            let mut group = demo();
            assert!(!group.register(uplink).takes_part());
            assert!(stopped.wait().unwrap().is_ok(), "nobody waits for what has no run");
            assert_problems(group, &[&format!("unit 'uplink': {why}")]);
        }
        assert_eq!(journal.entries(), [""; 0]);
    });
}

#[test]
fn l18_a_group_registered_with_one_that_has_run_is_refused_and_drops_its_units() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = demo();
        group.run().unwrap();
        let uplink = noted("uplink", "feed", &journal);
        let handle = uplink.handle();
        assert!(!group.register(uplink).takes_part());
        assert!(handle.stop_notify().wait().unwrap().is_ok());
        assert!(handle.stopped().is_stopped());
    });
}

#[test]
fn l3_a_refusal_inside_a_group_is_the_outermost_ones_problem() {
    within(SOON, || {
        let journal = Journal::new();
        let mut used = noted("used", "feed", &journal);
        used.register_flags().unwrap();
        let mut outer = Group::new("outer");
        outer.register(used);
        let mut group = demo();
        group.register(outer);
        assert_problems(
            group,
            &[
                "unit 'outer/used': was registered when its own flags had been read: a group has one \
               config phase",
            ],
        );
    });
}

// ---- ids ----

#[test]
fn l3_ids_of_three_depths_stay_those_of_their_units() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        inner.register(journal.script("first").all_phases());
        let leaf = inner.register(journal.script("leaf").all_phases()).id();
        let mut outer = Group::new("outer");
        outer.register(journal.script("a").all_phases());
        let b = outer.register(journal.script("b").all_phases()).id();
        let inner = outer.register(inner).id();
        let mut group = demo();
        group.register(journal.script("store").all_phases());
        let outer = group.register(outer).id();
        let ids: [UnitId; 4] = [leaf, b, inner, outer];
        for (place, id) in ids.iter().enumerate() {
            assert!(ids.iter().skip(place + 1).all(|other| other != id));
        }
        group.deregister(leaf).unwrap();
        assert_eq!(group.deregister(leaf).unwrap_err().kind(), ErrorKind::UnknownUnit);
        group.deregister(b).unwrap();
        let left = |group: &Group| group.list_units().lines().last().unwrap().to_owned();
        assert_eq!(left(&group), "- serve : store outer/a outer/inner/first");
        group.deregister(inner).unwrap();
        assert_eq!(left(&group), "- serve : store outer/a");
        group.deregister(outer).unwrap();
        assert_eq!(left(&group), "- serve : store");
    });
}
