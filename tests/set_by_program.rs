//! F8, F10: what the program sets by itself, before the config phase or at any time after it, and
//! flags whose handles outlive a group.

mod common;

use common::file::File;
use rungroup::{ErrorKind, Flag, FlagSet, Group, Live, Source, pre_run_fn};

const NO_ENV: [(&str, &str); 0] = [];

/// A unit with a flag that a reload can change, and one that it cannot.
struct Server {
    rate: Live<u32>,
    listen: Flag<String>,
    peers: Live<Vec<String>>,
}

impl Server {
    fn new() -> Self {
        Self {
            rate: Flag::new("rate", 100_u32, "").live(),
            listen: Flag::new("listen", ":80", ""),
            peers: Flag::new("peer", [], "").live(),
        }
    }

    fn set(&self) -> FlagSet {
        FlagSet::new("Server").add(&self.rate).add(&self.listen).add(&self.peers)
    }

    fn sources(&self) -> [Source; 3] {
        [self.rate.source(), self.listen.source(), self.peers.source()]
    }

    /// What all of [`ways`] set.
    #[track_caller]
    fn assert_set(&self, how: &str) {
        let values = (*self.rate.get(), self.listen.get().as_str(), self.peers.get().join(" "));
        assert_eq!(values, (8, ":8", "a b".to_owned()), "{how}");
    }
}

type Way = (&'static str, fn(&Server));

/// Each way in which a program can set flags.
fn ways() -> [Way; 4] {
    fn from(server: &Server, source: &Source) {
        let set = server.set();
        set.set("rate", "8", source.clone()).unwrap();
        set.set("listen", ":8", source.clone()).unwrap();
        set.set_all("peer", ["a", "b"], source.clone()).unwrap();
    }
    [
        ("its own source", |server| from(server, &Source::other("the operator"))),
        ("as from the command line", |server| from(server, &Source::CommandLine)),
        ("as if it was the default", |server| from(server, &Source::Default)),
        ("for a test", |server| {
            server.rate.set_for_test(8_u32);
            server.listen.set_for_test(":8");
            server.peers.set_for_test(["a", "b"].map(str::to_owned));
        }),
    ]
}

fn group(set: FlagSet) -> Group {
    let mut group = Group::new("demo").env_prefix("DEMO");
    group.register(pre_run_fn("server", |_ctx| Ok(())).flags(set));
    group
}

/// Reloads twice, since the second could forget what the first has kept, and sees that nothing is
/// another than before.
#[track_caller]
fn assert_left_alone(group: &Group, server: &Server, how: &str) {
    let sources = server.sources();
    for _ in 0..2 {
        let reloaded = group.handle().reload().unwrap();
        assert_eq!(reloaded.changed(), [""; 0], "{how}");
        assert_eq!(reloaded.needs_restart(), [""; 0], "{how}");
        server.assert_set(how);
        assert_eq!(server.sources(), sources, "{how}");
    }
}

#[test]
fn f8_what_was_set_before_the_config_phase_a_reload_leaves_alone() {
    let env = [("DEMO_RATE", "5"), ("DEMO_LISTEN", ":5"), ("DEMO_PEER", "x")];
    for (how, set) in ways() {
        for env in [&env[..], &[]] {
            let server = Server::new();
            let mut group = group(server.set());
            set(&server);
            let _ = group.run_config_from(["demo"], env.iter().copied()).unwrap();
            server.assert_set(how);
            assert_left_alone(&group, &server, how);
        }
    }
}

#[test]
fn f8_what_is_set_after_the_config_phase_a_reload_leaves_alone() {
    let env = [("DEMO_RATE", "5"), ("DEMO_LISTEN", ":5"), ("DEMO_PEER", "x")];
    let line = ["--rate=3", "--listen=:3", "--peer=y"];
    for (how, set) in ways() {
        for (line, env) in [(&[][..], &[][..]), (&[], &env), (&line, &[])] {
            let server = Server::new();
            let mut group = group(server.set());
            let args = std::iter::once("demo").chain(line.iter().copied());
            let _ = group.run_config_from(args, env.iter().copied()).unwrap();
            set(&server);
            assert_left_alone(&group, &server, &format!("{how}, after {line:?} {env:?}"));
        }
    }
}

#[test]
fn f8_what_is_set_after_the_config_phase_of_a_program_with_its_own_parser_stays() {
    for (how, set) in ways() {
        let server = Server::new();
        let mut group = group(server.set());
        let _ = group.register_flags().unwrap();
        let _ = group.run_config().unwrap();
        set(&server);
        assert_left_alone(&group, &server, how);
    }
}

#[cfg(feature = "config-file")]
#[test]
fn f8_what_the_program_has_set_the_file_does_not_replace() {
    for (how, set) in ways() {
        let file = File::new("rate = 5\nlisten = ':5'\npeer = ['x']");
        let server = Server::new();
        let mut group = group(server.set());
        let _ = group.run_config_from(file.args(), NO_ENV).unwrap();
        assert_eq!(*server.rate.get(), 5);
        set(&server);
        file.write("rate = 6\nlisten = ':6'");
        assert_left_alone(&group, &server, how);
    }
}

#[test]
fn f8_the_secret_that_the_program_sets_goes_before_the_file_that_it_names() {
    for set_late in [false, true] {
        let file = File::new("of the file\n");
        let token = Flag::<String>::new("token", "", "").secret().live();
        let mut group = group(FlagSet::new("Door").add(&token));
        let flags = group.register_flags().unwrap();
        let set = || flags.set("token", "of the vault", Source::other("vault")).unwrap();
        flags.set("token-file", file.path(), Source::CommandLine).unwrap();
        if !set_late {
            set();
        }
        let _ = group.run_config().unwrap();
        if set_late {
            assert_eq!(*token.get(), "of the file");
            set();
        }
        file.write("new\n");
        let reloaded = group.handle().reload().unwrap();
        assert_eq!(reloaded.changed(), [""; 0], "set late: {set_late}");
        let there = (token.get().to_string(), token.source());
        assert_eq!(there, ("of the vault".to_owned(), Source::other("vault")));
        file.remove();
        group.handle().reload().expect("nobody needs the file");
    }
}

#[test]
fn f4_a_second_group_reads_its_own_command_line_and_environment() {
    let server = Server::new();
    let read = |args: &[&str], env: &[(&str, &str)]| {
        let args = std::iter::once("demo").chain(args.iter().copied());
        let mut group = group(server.set());
        let _ = group.run_config_from(args, env.iter().copied()).unwrap();
        group
    };
    read(&["--rate=8", "--listen=:8", "--peer=a", "--peer=b"], &[]);
    server.assert_set("the first group");

    let env = [("DEMO_RATE", "9"), ("DEMO_LISTEN", ":9")];
    let second = read(&["--peer=c"], &env);
    assert_eq!((*server.rate.get(), server.listen.get().as_str()), (9, ":9"));
    assert_eq!(*server.peers.get(), ["c"]);
    let expected =
        [Source::environment("DEMO_RATE"), Source::environment("DEMO_LISTEN"), Source::CommandLine];
    assert_eq!(server.sources(), expected);
    assert_eq!(second.handle().reload().unwrap().changed(), [""; 0]);

    let third = read(&[], &[]);
    assert_eq!((*server.rate.get(), server.listen.get().as_str()), (100, ":80"));
    assert!(server.peers.get().is_empty());
    assert_eq!(server.sources(), [const { Source::Default }; 3]);
    let reloaded = third.handle().reload().unwrap();
    assert_eq!((reloaded.changed(), reloaded.needs_restart()), (&[][..], &[][..]));
}

#[test]
fn f7_what_the_first_group_was_given_is_missing_in_the_second() {
    let fixed = Flag::<u32>::required("fixed", "");
    let live = Flag::<u32>::required("live", "").live();
    let group = || group(FlagSet::new("S").add(&fixed).add(&live));
    let _ = group().run_config_from(["demo", "--fixed=1", "--live=2"], NO_ENV).unwrap();
    let error = group().run_config_from(["demo"], NO_ENV).unwrap_err();
    let flags: Vec<_> = error.problems().iter().filter_map(|problem| problem.flag()).collect();
    assert_eq!(flags, ["fixed", "live"], "{error}");
    assert!(error.to_string().contains("is required"), "{error}");
}

#[test]
fn f8_a_group_that_is_embedded_takes_no_command_line() {
    let server = Server::new();
    let mut group = group(server.set());
    let flags = group.register_flags().unwrap();
    flags.set("rate", "8", Source::CommandLine).unwrap();
    let error = group.run_config_from(["demo", "--rate=3"], NO_ENV).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyRan, "{error}");
    // It is as it was.
    let _ = group.run_config().unwrap();
    assert_eq!(*server.rate.get(), 8);
}
