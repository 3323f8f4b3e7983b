//! F4, F10: files that can be read only once, as `--config <(make-settings)` and
//! `--token-file /dev/fd/3` name them.

#![cfg(feature = "config-file")]
// Tests may spawn threads.
#![allow(clippy::disallowed_methods)]

mod common;

use std::io::{PipeReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::thread;

use common::file::File;
use common::{SOON, within};
use rungroup::{ErrorKind, Flag, FlagSet, Group, Live, pre_run_fn};

const NO_ENV: [(&str, &str); 0] = [];

struct Door {
    limit: Live<u32>,
    listen: Flag<String>,
    token: Live<String>,
    pin: Flag<String>,
}

impl Door {
    fn new() -> Self {
        Self {
            limit: Flag::new("limit", 100_u32, "").live(),
            listen: Flag::new("listen", ":80", ""),
            token: Flag::new("token", "none", "").secret().live(),
            pin: Flag::new("pin", "none", "").secret(),
        }
    }

    fn group<const N: usize>(&self, args: [&str; N]) -> Group {
        let set = FlagSet::new("Door").add(&self.limit).add(&self.listen);
        let mut group = Group::new("demo");
        let set = set.add(&self.token).add(&self.pin);
        group.register(pre_run_fn("door", |_ctx| Ok(())).flags(set));
        let args = std::iter::once("demo").chain(args);
        let _ = group.run_config_from(args, NO_ENV).unwrap();
        group
    }

    fn values(&self) -> (u32, &str, String, &str) {
        let (limit, token) = (*self.limit.get(), self.token.get().to_string());
        (limit, self.listen.get(), token, self.pin.get())
    }
}

/// A pipe with everything in it, and how the command line names it.
fn pipe(content: &str) -> (PipeReader, String) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(content.as_bytes()).unwrap();
    let name = format!("/dev/fd/{}", reader.as_raw_fd());
    (reader, name)
}

#[test]
fn f10_the_settings_from_a_pipe_are_kept_and_the_rest_is_read_again() {
    within(SOON, || {
        let (door, token) = (Door::new(), File::new("old\n"));
        let (_pipe, name) = pipe("limit = 4\nlisten = ':4'\npin = '4444'");
        let group = door.group(["--config", &name, "--token-file", token.text()]);
        let source = door.limit.source();
        assert_eq!(door.values(), (4, ":4", "old".to_owned(), "4444"));
        for content in ["new", "newer"] {
            token.write(content);
            let reloaded = group.handle().reload().unwrap();
            assert_eq!(reloaded.changed(), ["token"]);
            assert_eq!(reloaded.needs_restart(), [""; 0]);
            assert_eq!(door.values(), (4, ":4", content.to_owned(), "4444"));
            assert_eq!(door.limit.source(), source);
        }
    });
}

#[test]
fn f10_secrets_from_a_pipe_are_kept_and_the_rest_is_read_again() {
    within(SOON, || {
        let (door, file) = (Door::new(), File::new("limit = 4"));
        let ((_token, token), (_pin, pin)) = (pipe("hunter2\n"), pipe("4444\n"));
        let args = ["--config", file.text(), "--token-file", &token, "--pin-file", &pin];
        let group = door.group(args);
        let source = door.token.source();
        assert_eq!(door.values(), (4, ":80", "hunter2".to_owned(), "4444"));
        for limit in [5, 6] {
            file.write(&format!("limit = {limit}"));
            let reloaded = group.handle().reload().unwrap();
            assert_eq!(reloaded.changed(), ["limit"]);
            assert_eq!(reloaded.needs_restart(), [""; 0]);
            assert_eq!(door.values(), (limit, ":80", "hunter2".to_owned(), "4444"));
            assert_eq!(door.token.source(), source);
        }
    });
}

/// A reload that opened it again would wait for somebody who writes, and let nobody else reload.
#[test]
fn f10_what_a_named_pipe_gave_is_kept() {
    within(SOON, || {
        let (door, fifo, token) = (Door::new(), File::fifo(), File::fifo());
        let group = thread::scope(|scope| {
            scope.spawn(|| std::fs::write(fifo.path(), "limit = 4\n").unwrap());
            scope.spawn(|| std::fs::write(token.path(), "hunter2\n").unwrap());
            door.group(["--config", fifo.text(), "--token-file", token.text()])
        });
        let assert_kept = || {
            let reloaded = group.handle().reload().unwrap();
            assert_eq!((reloaded.changed(), reloaded.needs_restart()), (&[][..], &[][..]));
            assert_eq!(door.values(), (4, ":80", "hunter2".to_owned(), "none"));
        };
        assert_kept();
        fifo.remove();
        token.remove();
        assert_kept();
    });
}

#[test]
fn f10_a_pipe_that_a_reload_comes_upon_is_refused_and_does_not_block_it() {
    within(SOON, || {
        let assert_refused = |door: &Door, group: &Group, path: &File| {
            let before = door.limit.source();
            let error = group.handle().reload().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(path.text()), "{error}");
            assert_eq!(door.values(), (4, ":80", "old".to_owned(), "none"));
            assert_eq!(door.limit.source(), before);
        };
        let start = |content: &str| {
            let (door, file) = (Door::new(), File::new(content));
            let token = File::new("old\n");
            let group = door.group(["--config", file.text(), "--token-file", token.text()]);
            (door, file, token, group)
        };

        let (door, file, _token, group) = start("limit = 4");
        file.becomes_a_fifo();
        assert_refused(&door, &group, &file);

        let (door, file, token, group) = start("limit = 4");
        file.write("limit = 5");
        token.becomes_a_fifo();
        assert_refused(&door, &group, &token);

        // The file of settings names it now.
        let (door, token, fifo) = (Door::new(), File::new("old\n"), File::fifo());
        let content =
            |file: &File, limit| format!("limit = {limit}\ntoken-file = '{}'", file.text());
        let file = File::new(&content(&token, 4));
        let group = door.group(["--config", file.text()]);
        file.write(&content(&fifo, 5));
        assert_refused(&door, &group, &fifo);
        // And the next one finds all as it should be.
        file.write(&content(&token, 6));
        assert_eq!(group.handle().reload().unwrap().changed(), ["limit"]);
    });
}
