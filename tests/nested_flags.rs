//! The flags of units in groups in groups: names, variables, file, help, errors, reload (S5, F1, F3).

mod common;

use std::sync::Mutex;
use std::time::Duration;

use common::{SOON, within};
use rungroup::{
    Config, ConfigErrors, Configured, ErrorKind, Exit, Flag, FlagSet, Group, Live, Reload, Source,
    Unit, pre_run_fn, service_fn,
};

/// A group with a unit that has these flags.
fn with(group: &str, unit: &str, flags: FlagSet) -> Group {
    let mut group = Group::new(group);
    group.register(pre_run_fn(unit, |_ctx| Ok(())).flags(flags));
    group
}

fn host() -> Flag<String> {
    Flag::new("host", "localhost", "Where to send to.")
}

fn feed(host: &Flag<String>) -> FlagSet {
    FlagSet::new("Feed").add(host)
}

/// What the group prints and ends with.
#[track_caller]
fn exit(mut group: Group, args: &[&str]) -> Exit {
    match group.run_config_from(args, [("", ""); 0]) {
        Ok(Configured::Exit(exit)) => exit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn s5_flags_have_the_name_of_their_group_before_theirs() {
    within(SOON, || {
        let (left, right, own) = (host(), host(), host());
        let mut group = Group::new("kvd").env_prefix("KVD");
        group.register(with("left", "feed", feed(&left)));
        group.register(with("right", "feed", feed(&right)));
        group.register(pre_run_fn("feed", |_ctx| Ok(())).flags(feed(&own)));
        let args = ["kvd", "--left-host=l", "--host=o"];
        let env = [("KVD_RIGHT_HOST", "r"), ("KVD_LEFT_HOST", "not this"), ("RIGHT_HOST", "no")];
        assert_eq!(group.run_config_from(args, env).unwrap(), Configured::Continue);
        assert_eq!([left.get(), right.get(), own.get()], ["l", "r", "o"]);
        assert_eq!((left.name(), right.name(), own.name()), ("left-host", "right-host", "host"));
        assert_eq!(right.source().to_string(), "environment variable KVD_RIGHT_HOST");
    });
}

#[test]
fn s5_prefixes_nest_the_outermost_first_and_the_sets_own_comes_last() {
    within(SOON, || {
        let host = host();
        let mut outer = Group::new("outer");
        outer.register(with("inner", "feed", feed(&host).prefix("feed")));
        let mut group = Group::new("kvd").env_prefix("KVD");
        group.register(outer);
        let env = [("KVD_OUTER_INNER_FEED_HOST", "deep")];
        assert_eq!(group.run_config_from(["kvd"], env).unwrap(), Configured::Continue);
        assert_eq!(host.get(), "deep");
        assert_eq!(host.name(), "outer-inner-feed-host");
    });
}

#[test]
fn s5_a_group_can_have_another_prefix_or_none() {
    within(SOON, || {
        let (named, none) = (host(), Flag::<u32>::new("size", 4, "how many"));
        let mut outer = Group::new("outer").flag_prefix("o");
        let mut inner = Group::new("inner").flag_prefix("");
        inner.register(pre_run_fn("feed", |_ctx| Ok(())).flags(feed(&named)));
        outer.register(inner);
        let mut group = Group::new("kvd").flag_prefix("not used");
        group.register(outer);
        let cache = with("cache", "store", FlagSet::new("Store").add(&none)).flag_prefix("");
        group.register(cache);
        let args = ["kvd", "--o-host=h", "--size=8"];
        assert_eq!(group.run_config_from(args, [("", ""); 0]).unwrap(), Configured::Continue);
        assert_eq!((named.get().as_str(), *none.get()), ("h", 8));
    });
}

#[test]
fn s5_what_is_the_programs_is_the_outermost_groups() {
    within(SOON, || {
        let host = host();
        let inner = with("uplink", "feed", feed(&host));
        let inner =
            inner.version("9.9.9").about("Sends.").env_prefix("UPLINK").args(["uplink", "-h"]);
        let mut group = Group::new("kvd").env_prefix("KVD").args(["kvd", "--name=left"]);
        group.register(inner);
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        assert_eq!(group.name(), "left");

        let inner = with("uplink", "feed", FlagSet::new("Feed")).version("9.9.9").about("Sends.");
        let mut group = Group::new("kvd").about("Keeps.");
        group.register(inner);
        let help = exit(group, &["kvd", "-h"]).stdout;
        assert!(help.starts_with("Keeps.\n") && !help.contains("--version"), "{help}");
    });
}

#[test]
fn s5_help_has_the_section_of_the_set_and_the_full_names() {
    within(SOON, || {
        let (left, right) = (host().short('l'), host());
        let mut group = Group::new("kvd");
        group.register(with("left", "feed", feed(&left)));
        group.register(with("right", "feed", FlagSet::new("Right feed").add(&right)));
        let help = exit(group, &["kvd", "--help"]).stdout;
        let (left, rest) = help.split_once("\nFeed:\n").expect(&help).1.split_once("\n\n").unwrap();
        assert!(left.contains("-l, --left-host <"), "{help}");
        assert!(rest.contains("Right feed:\n") && rest.contains("--right-host <"), "{help}");
    });
}

#[test]
fn f7_errors_name_the_path_and_the_full_flag() {
    within(SOON, || {
        let size = Flag::<u32>::new("size", 4, "how many").check(|size| match size {
            0 => Err("needs at least one"),
            _ => Ok(()),
        });
        let mut outer = Group::new("outer");
        outer.register(with("inner", "cache", FlagSet::new("Cache").add(&size)));
        let mut group = Group::new("kvd");
        group.register(outer);
        let args = ["kvd", "--outer-inner-size=0", "--inner-size=2"];
        let error = group.run_config_from(args, [("", ""); 0]).unwrap_err();
        let mut problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        problems.sort_unstable();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert_eq!(
            problems[0],
            "unit 'outer/inner/cache': invalid value '0' for '--outer-inner-size' (command line): \
             needs at least one"
        );
        assert!(problems[1].starts_with("unknown flag '--inner-size'"), "{problems:?}");
    });
}

#[test]
fn l1_validation_in_a_group_names_the_path() {
    struct Cache(Flag<u32>);
    impl Unit for Cache {
        fn name(&self) -> &'static str {
            "cache"
        }
        fn as_config(&self) -> Option<&dyn Config> {
            Some(self)
        }
    }
    impl Config for Cache {
        fn flag_set(&self) -> FlagSet {
            FlagSet::new("Cache").add(&self.0)
        }
        fn validate(&self) -> Result<(), ConfigErrors> {
            Err(self.0.invalid("too small"))?
        }
    }
    within(SOON, || {
        let mut inner = Group::new("inner");
        inner.register(Cache(Flag::new("size", 4, "how many")));
        let mut group = Group::new("kvd").args(["kvd"]);
        group.register(inner);
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(
            error.to_string(),
            "unit 'inner/cache': invalid value '4' for '--inner-size' (default): too small"
        );
    });
}

#[test]
fn f3_clashes_between_groups_name_both_paths() {
    within(SOON, || {
        let (left, right) = (host().short('l'), host().short('l'));
        let mut group = Group::new("kvd");
        group.register(with("left", "feed", feed(&left)));
        group.register(with("right", "feed", feed(&right)));
        let other = Flag::<u32>::new("left-host", 1, "which the group makes of its own");
        group.register(pre_run_fn("other", |_ctx| Ok(())).flags(FlagSet::new("O").add(&other)));
        let error = group.run_config_from(["kvd"], [("", ""); 0]).unwrap_err();
        let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "unit 'other': flag '--left-host': unit 'left/feed' has a flag of this name too",
                "unit 'right/feed': flag '--right-host': the short name '-l' is also that of \
                 '--left-host' of unit 'left/feed'",
            ]
        );
    });
}

#[test]
fn f3_one_handle_in_two_groups_is_an_error_naming_both() {
    within(SOON, || {
        let shared = host();
        let mut group = Group::new("kvd");
        group.register(with("left", "feed", feed(&shared)));
        group.register(with("right", "feed", feed(&shared)));
        let error = group.run_config_from(["kvd"], [("", ""); 0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        let text = error.to_string();
        assert!(text.starts_with("unit 'right/feed': "), "{text}");
        assert!(
            text.contains("unit 'left/feed' has the same handle under another prefix"),
            "{text}"
        );
    });
}

#[test]
fn f1_a_limit_that_is_a_flag_of_a_unit_in_the_group_is_its_groups() {
    within(SOON, || {
        let limit = Flag::new("grace", Duration::from_mins(1), "how long it may take to stop");
        let mut uplink = Group::new("uplink").stop_timeout(&limit);
        uplink.register(
            service_fn("feed", |ctx| {
                ctx.stopped().wait();
                Ok(())
            })
            .flags(FlagSet::new("Feed").add(&limit)),
        );
        let mut group = Group::new("kvd").args(["kvd", "--uplink-grace=10s"]);
        group.register(uplink);
        group.register(service_fn("end", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        group.run().unwrap();
        assert_eq!(*limit.get(), Duration::from_secs(10));
    });
}

#[test]
fn f8_flags_of_groups_are_in_the_set_that_is_embedded() {
    within(SOON, || {
        let host = host();
        let mut group = Group::new("kvd");
        group.register(with("uplink", "feed", feed(&host)));
        let set = group.register_flags().unwrap();
        let names: Vec<String> = set.flags().map(|flag| flag.name()).collect();
        assert_eq!(names, ["uplink-host"]);
        set.set("uplink-host", "there", Source::CommandLine).unwrap();
        group.run().unwrap();
        assert_eq!(host.get(), "there");
    });
}

#[cfg(feature = "config-file")]
mod file {
    use super::*;
    use crate::common::file::File;

    #[test]
    fn f4_a_section_of_the_file_is_a_group() {
        within(SOON, || {
            let file = File::new("[uplink]\nhost = \"there\"\n\n[outer-inner]\nhost = \"deep\"\n");
            let (near, deep) = (host(), host());
            let mut outer = Group::new("outer");
            outer.register(with("inner", "feed", feed(&deep)));
            let mut group = Group::new("kvd");
            group.register(with("uplink", "feed", feed(&near)));
            group.register(outer);
            let path = file.path().to_str().unwrap();
            let configured = group.run_config_from(["kvd", "--config", path], [("", ""); 0]);
            assert_eq!(configured.unwrap(), Configured::Continue);
            assert_eq!((near.get().as_str(), deep.get().as_str()), ("there", "deep"));
            assert_eq!(near.source().to_string(), format!("{path}:2"));
        });
    }

    #[test]
    fn f6_what_is_printed_as_the_settings_can_be_read_again() {
        within(SOON, || {
            let build = |host: &Flag<String>| {
                let mut outer = Group::new("outer");
                outer.register(with("inner", "feed", feed(host)));
                let mut group = Group::new("kvd");
                group.register(outer);
                group
            };
            let args = ["kvd", "--outer-inner-host=deep", "--print-config"];
            let printed = exit(build(&host()), &args).stdout;
            let file = File::new(&printed);
            let again = host();
            let args = ["kvd", "--config", file.path().to_str().unwrap()];
            let configured = build(&again).run_config_from(args, [("", ""); 0]);
            assert_eq!(configured.unwrap(), Configured::Continue, "{printed}");
            assert_eq!(again.get(), "deep", "{printed}");
        });
    }
}

#[test]
fn f10_a_reload_asks_and_tells_units_in_groups_by_their_paths() {
    struct Cache {
        size: Live<u32>,
        told: Mutex<u32>,
    }
    impl Unit for Cache {
        fn name(&self) -> &'static str {
            "cache"
        }
        fn as_config(&self) -> Option<&dyn Config> {
            Some(self)
        }
    }
    impl Config for Cache {
        fn flag_set(&self) -> FlagSet {
            FlagSet::new("Cache").add(&self.size)
        }
        fn validate_reload(&self, _new: &Reload) -> Result<(), ConfigErrors> {
            if *self.told.lock().unwrap() > 0 {
                return Err(rungroup::ConfigError::new("once is enough"))?;
            }
            Ok(())
        }
        fn reload(&self) -> Result<(), rungroup::BoxError> {
            *self.told.lock().unwrap() += 1;
            Ok(())
        }
    }
    within(SOON, || {
        let size = Flag::new("size", 4, "how many").live();
        let cache = std::sync::Arc::new(Cache { size, told: Mutex::default() });
        let mut inner = Group::new("inner");
        inner.register(cache.clone());
        let handle = inner.handle();
        let mut group = Group::new("kvd").args(["kvd"]);
        group.register(inner);
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        handle.reload().unwrap();
        assert_eq!(*cache.told.lock().unwrap(), 1);
        let error = handle.reload().unwrap_err();
        assert_eq!(error.to_string(), "unit 'inner/cache': once is enough");
    });
}
