//! F1, F4, F10: secrets and their files through the public interface, over reloads.

mod common;

use std::path::PathBuf;

use common::child::{child_command, is_child, stderr};
use common::file::File;
use rungroup::{Config, ConfigErrors, Event, Flag, FlagSet, Group, Live, Reload, Unit, pre_run_fn};

const NO_ENV: [(&str, &str); 0] = [];

fn group(set: FlagSet) -> Group {
    let mut group = Group::new("demo").env_prefix("DEMO");
    group.register(pre_run_fn("door", |_ctx| Ok(())).flags(set));
    group
}

fn live() -> Live<String> {
    Flag::new("token", "none", "").secret().live()
}

/// A program that has given up its privileges may not be allowed to read it any more.
#[test]
fn f10_a_secret_that_is_not_live_stays_and_its_file_refuses_no_reload() {
    let (pin, token) = (Flag::<String>::new("pin", "none", "").secret(), live());
    let (pin_file, token_file) = (File::new("1234\n"), File::new("old\n"));
    let mut group = group(FlagSet::new("Door").add(&pin).add(&token));
    let args = ["demo", "--pin-file", pin_file.text(), "--token-file", token_file.text()];
    let _ = group.run_config_from(args, NO_ENV).unwrap();
    let events = group.handle().events(64);
    let restart: [(&str, &str, &[&str]); 3] =
        [("another", "a", &["pin"]), ("empty", "b", &[]), ("gone", "c", &[])];
    for (then, new, needs_restart) in restart {
        match then {
            "another" => pin_file.write("5678\n"),
            "empty" => pin_file.write(""),
            _ => pin_file.remove(),
        }
        token_file.write(new);
        let reloaded = group.handle().reload().unwrap_or_else(|why| panic!("{then}: {why}"));
        assert_eq!(reloaded.changed(), ["token"], "{then}");
        assert_eq!(reloaded.needs_restart(), needs_restart, "{then}");
        assert_eq!((pin.get().as_str(), token.get().as_str()), ("1234", new));
    }
    drop(group);
    let warnings = events.iter().filter(|event| matches!(event, Event::Warning { .. }));
    let warnings: Vec<String> = warnings.map(|event| event.to_string()).collect();
    let names =
        format!("flag '--pin-file' names '{}', which a restart would need: ", pin_file.text());
    let [other, empty, gone] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(other, "flag '--pin' has changed, which needs a restart");
    assert_eq!(*empty, format!("{names}the file is empty"));
    assert_eq!(*gone, format!("{names}cannot read it: No such file or directory (os error 2)"));
}

#[cfg(feature = "config-file")]
#[test]
fn f10_another_file_for_a_live_secret_is_a_change_of_the_secret_alone() {
    let [old, new] = ["old\n", "new\n"].map(File::new);
    let settings = |token: &File| format!("token-file = '{}'", token.text());
    let (token, file) = (live(), File::new(&settings(&old)));
    let mut group = group(FlagSet::new("Door").add(&token));
    let _ = group.run_config_from(file.args(), NO_ENV).unwrap();
    assert_eq!(*token.get(), "old");
    file.write(&settings(&new));
    let reloaded = group.handle().reload().unwrap();
    assert_eq!(*token.get(), "new");
    assert_eq!(token.source().to_string(), format!("file {}", new.text()));
    assert_eq!(reloaded.changed(), ["token"]);
    assert_eq!(reloaded.needs_restart(), [""; 0]);
    file.write("");
    assert_eq!(group.handle().reload().unwrap().changed(), ["token"]);
    assert_eq!(*token.get(), "none", "no file, no secret");
}

/// A daemon changes its directory, and the secret is where it was.
#[test]
fn f10_a_relative_secret_file_is_that_of_the_directory_of_the_start() {
    const NAME: &str = "f10_a_relative_secret_file_is_that_of_the_directory_of_the_start";
    if !is_child(NAME) {
        let file = File::new("old\n");
        let mut child = child_command(NAME);
        let output = child.current_dir(file.path().parent().unwrap()).env("FILE", file.path());
        let output = output.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        return;
    }
    let path = PathBuf::from(std::env::var_os("FILE").unwrap());
    let name = path.file_name().unwrap().to_str().unwrap();
    let (by_line, by_variable) = (live(), live());
    let mut of_line = group(FlagSet::new("Door").add(&by_line));
    let _ = of_line.run_config_from(["demo", "--token-file", name], NO_ENV).unwrap();
    let mut of_variable = group(FlagSet::new("Door").add(&by_variable));
    let _ = of_variable.run_config_from(["demo"], [("DEMO_TOKEN_FILE", name)]).unwrap();
    std::env::set_current_dir("/").unwrap();
    std::fs::write(&path, "new\n").unwrap();
    for (group, token) in [(of_line, by_line), (of_variable, by_variable)] {
        assert_eq!(*token.get(), "old");
        assert_eq!(group.handle().reload().unwrap().changed(), ["token"]);
        assert_eq!(*token.get(), "new");
    }
}

#[test]
fn f1_a_deprecated_secret_from_a_file_is_warned_of_once() {
    let (token, file) = (Flag::<String>::new("token", "", "").secret(), File::new("hunter2"));
    let token = token.deprecated("use --key");
    let mut group = group(FlagSet::new("Door").add(&token));
    group = group.args(["demo", "--token-file", file.text()]);
    let events = group.handle().events(64);
    group.run().unwrap();
    assert_eq!(token.get(), "hunter2");
    let warnings = events.iter().filter(|event| matches!(event, Event::Warning { .. }));
    let warnings: Vec<String> = warnings.map(|event| event.to_string()).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("'--token"), "{warnings:?}");
    assert!(warnings[0].ends_with("use --key"), "{warnings:?}");
}

/// A unit that quotes its secret in whatever it refuses.
struct Door {
    token: Live<String>,
    keys: Live<Vec<String>>,
}

impl Unit for Door {
    fn name(&self) -> &'static str {
        "door"
    }
    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
}

impl Config for Door {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Door").add(&self.token).add(&self.keys)
    }
    fn validate(&self) -> Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::new();
        if self.token.get().contains("bad") {
            errors.push(self.token.invalid(format!("{:?} is bad", self.token.get())));
        }
        if let Some(key) = self.keys.get().iter().find(|key| key.contains("bad")) {
            errors.push(self.keys.invalid(format!("{} is bad", key.trim())));
        }
        errors.into_result()
    }
    fn validate_reload(&self, new: &Reload) -> Result<(), ConfigErrors> {
        let mut errors = ConfigErrors::new();
        let (token, keys) = (new.get(&self.token), new.get(&self.keys));
        if token.contains("bad") {
            errors.push(new.invalid(&self.token, format!("{token:?} is bad")));
        }
        if let Some(key) = keys.iter().find(|key| key.contains("bad")) {
            errors.push(new.invalid(&self.keys, format!("{} is bad", key.trim())));
        }
        errors.into_result()
    }
}

#[test]
fn f1_what_a_unit_says_of_a_secret_is_left_out_where_it_shows_it() {
    let group = || {
        let keys = Flag::new("key", [], "").secret().live();
        let mut group = Group::new("demo");
        group.register(Door { token: live(), keys });
        group
    };
    let (token, keys) = (File::new("a \"bad\" one\n"), File::new("good\n a bad key \n"));
    let args = ["demo", "--token-file", token.text(), "--key-file", keys.text()];
    let assert_left_out = |errors: String| {
        let expected = [("token", &token), ("key", &keys)].map(|(flag, file)| {
            format!(
                "unit 'door': flag '--{flag}' (file {}): not valid (the reason would show the \
                 secret)",
                file.text()
            )
        });
        assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
    };
    assert_left_out(group().run_config_from(args, NO_ENV).unwrap_err().to_string());

    // And a reload the same.
    let (bad_token, bad_keys) = ("a \"bad\" one\n", "good\n a bad key \n");
    token.write("good");
    keys.write("good");
    let mut group = group();
    let _ = group.run_config_from(args, NO_ENV).unwrap();
    token.write(bad_token);
    keys.write(bad_keys);
    let events = group.handle().events(64);
    assert_left_out(group.handle().reload().unwrap_err().to_string());
    drop(group);
    let shown: Vec<String> = events.iter().map(|event| format!("{event} {event:?}")).collect();
    assert!(!shown.is_empty() && !shown.concat().contains("bad"), "{shown:?}");
}
