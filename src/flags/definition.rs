//! What a flag is, apart from its type and value: its names, its help, how it may be shown.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::source::{Source, printable};
use super::value::Arity;
use crate::error::ConfigError;
use crate::sync::Mutex;

type Text = Cow<'static, str>;

/// How the user gives a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// By its name: on the command line, in the environment, in a file.
    ByName,
    /// By its name, on the command line and in the environment: it names the file.
    #[cfg(feature = "config-file")]
    NotInFile,
    /// By its name, on the command line alone: `KVD_HELP=1` must not print the help.
    OnCommandLine,
    /// By its place on the command line.
    ByPlace,
}

impl Given {
    /// Whether a variable is made of the group's prefix and the name.
    pub(super) fn by_variable(self) -> bool {
        match self {
            Given::ByName => true,
            #[cfg(feature = "config-file")]
            Given::NotInFile => true,
            Given::OnCommandLine | Given::ByPlace => false,
        }
    }
}

/// What the builders of a flag have said. There is one for each flag of the program, so it is kept
/// small.
pub(super) struct Definition {
    pub(super) name: Text,
    pub(super) help: Text,
    pub(super) short: Option<char>,
    pub(super) hidden: bool,
    pub(super) given: Given,
    pub(super) secret: bool,
    extras: Option<Box<Extras>>,
    /// How a table has taken the flag up: one of `binding`. Relaxed, as it says nothing of other
    /// memory: the name with its prefix is published by its own cell.
    binding: AtomicU8,
    /// The name with its prefix, if a table has taken the flag up under one.
    prefixed: OnceLock<Box<str>>,
    /// Builders that came when others had the definition already. They must not panic, so the table
    /// is told.
    too_late: OnceLock<Box<Mutex<Vec<&'static str>>>>,
}

/// What few definitions say.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) value_name: Option<Text>,
    /// Variables of its own, beside the one made of the group's prefix and the name.
    pub(super) env: Vec<Text>,
    /// What to use instead.
    pub(super) deprecated: Option<Text>,
}

static NO_EXTRAS: Extras = Extras { value_name: None, env: Vec::new(), deprecated: None };

/// How a table has taken a flag up, once and for all.
mod binding {
    pub(super) const FREE: u8 = 0;
    pub(super) const PLAIN: u8 = 1;
    pub(super) const PREFIXED: u8 = 2;
}

impl Definition {
    pub(super) fn new(name: Text, help: Text) -> Self {
        Self {
            name,
            help,
            short: None,
            hidden: false,
            given: Given::ByName,
            secret: false,
            extras: None,
            binding: AtomicU8::new(binding::FREE),
            prefixed: OnceLock::new(),
            too_late: OnceLock::new(),
        }
    }

    pub(super) fn extras(&self) -> &Extras {
        self.extras.as_deref().unwrap_or(&NO_EXTRAS)
    }

    pub(super) fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// The name on the command line: with the prefix, once there is one.
    pub(super) fn full_name(&self) -> &str {
        self.prefixed.get().map_or(&self.name, |name| name)
    }

    pub(super) fn is_bound(&self) -> bool {
        self.binding.load(Ordering::Relaxed) != binding::FREE
    }

    /// Gives the flag its prefix, once and for all handles, and says the full name. Nothing where it
    /// has another prefix already.
    pub(super) fn bind(&self, prefix: &str) -> Option<Text> {
        let wanted = if prefix.is_empty() { binding::PLAIN } else { binding::PREFIXED };
        let (free, relaxed) = (binding::FREE, Ordering::Relaxed);
        match self.binding.compare_exchange(free, wanted, relaxed, relaxed) {
            Err(other) if other != wanted => None,
            _ if prefix.is_empty() => Some(self.name.clone()),
            _ => {
                let full = join(prefix, &self.name).into_owned();
                // Of two at once one is first, and the other compares with its name.
                let bound = self.prefixed.get_or_init(|| full.as_str().into());
                (**bound == *full).then_some(Cow::Owned(full))
            }
        }
    }

    /// A builder was called on a handle that is not the only one.
    pub(super) fn too_late(&self, builder: &'static str) {
        self.too_late.get_or_init(Box::default).lock().push(builder);
    }

    /// `get` of a required flag, too early.
    #[track_caller]
    pub(super) fn panic_without_value(&self) -> ! {
        let is_known = self.is_bound();
        let hint = if is_known { "" } else { ": is it in the flag set of a unit?" };
        panic!("the required flag '--{}' has no value yet{hint}", self.full_name())
    }

    /// Says everything that is wrong with the flag taken by itself.
    pub(super) fn mistakes(&self, arity: Arity, mut say: impl FnMut(String)) {
        if let Some(builders) = self.too_late.get() {
            let why = "was called when the flag had been cloned or added to a set";
            builders.lock().iter().for_each(|builder| say(format!("'{builder}' {why}")));
        }
        if !is_flag_name(self.full_name()) {
            let why = match self.name.strip_prefix("-") {
                Some(_) => "is written without its dashes where it is defined",
                None => {
                    "is no flag name: letters, digits, '-', '.' and '_', first and last a letter or \
                     digit"
                }
            };
            say(why.to_owned());
        }
        if let Some(short) = self.short.filter(|short| !short.is_ascii_alphanumeric()) {
            say(format!("its short name {short:?} is no letter or digit"));
        }
        for variable in &self.extras().env {
            if variable.is_empty() || variable.contains(['=', '\0']) {
                say(format!("{variable:?} is no name of an environment variable"));
            }
        }
        if self.is_positional() && arity == Arity::Switch {
            say("a switch cannot be positional".to_owned());
        }
        if self.is_positional() && self.short.is_some() {
            say("a positional argument cannot have a short name".to_owned());
        }
    }

    /// A value as errors and help may show it: nothing for a secret, no control characters.
    pub(super) fn shown(&self, value: &OsStr) -> Option<String> {
        (!self.secret).then(|| printable(value))
    }

    /// Completes what a type, a check or a unit said of a value, or of several. Where it quotes a
    /// secret, all of it is left out: masking the quote alone would tell a secret that is part of
    /// the sentence.
    pub(super) fn problem(
        &self,
        why: ConfigError,
        value: &OsStr,
        parts: &[OsString],
        source: &Source,
    ) -> ConfigError {
        let quotes = |value: &OsStr| quotes(&why.to_string(), &value.to_string_lossy());
        let hide = self.secret && (quotes(value) || parts.iter().any(|part| quotes(part)));
        let why = if hide { ConfigError::new(NOT_SHOWN) } else { why.printable() };
        self.name_in(why).of_value(self.shown(value), source.to_string())
    }

    /// What the type says about a secret may quote any part of it.
    pub(super) fn hushed(&self, why: ConfigError) -> ConfigError {
        if self.secret { ConfigError::new(NOT_SHOWN) } else { why }
    }

    /// A problem of this flag in which no value plays a part.
    pub(super) fn problem_without_value(&self, why: impl Into<String>) -> ConfigError {
        self.name_in(ConfigError::new(why))
    }

    /// Says which flag, or which argument, a problem is about.
    pub(super) fn name_in(&self, problem: ConfigError) -> ConfigError {
        match self.placeholder() {
            Some(placeholder) => problem.of_argument(self.full_name(), placeholder),
            None => problem.of_flag(self.full_name()),
        }
    }

    /// `flag '--listen'`, or `argument '<FILE>'`, as errors have it.
    pub(super) fn called(&self) -> String {
        match self.placeholder() {
            Some(placeholder) => format!("argument '<{placeholder}>'"),
            None => format!("flag '--{}'", self.full_name()),
        }
    }

    pub(super) fn is_positional(&self) -> bool {
        self.given == Given::ByPlace
    }

    /// What a positional argument is called, as it has no name to be given by: `FILE`.
    pub(super) fn placeholder(&self) -> Option<String> {
        let own = || {
            let value_name = self.extras().value_name.as_deref();
            value_name.map_or_else(|| self.name.to_ascii_uppercase(), str::to_owned)
        };
        self.is_positional().then(own)
    }
}

/// What is said of a secret when nothing else may be.
pub(super) const NOT_SHOWN: &str = "not valid (the reason would show the secret)";

/// A name behind its prefix, if there is one.
pub(super) fn join<'a>(prefix: &str, name: &'a str) -> Cow<'a, str> {
    match (prefix, name) {
        ("", name) => Cow::Borrowed(name),
        (prefix, "") => Cow::Owned(prefix.to_owned()),
        (prefix, name) => Cow::Owned(format!("{prefix}-{name}")),
    }
}

/// Whether a sentence shows a value, as it is or as `{:?}` writes it.
fn quotes(sentence: &str, value: &str) -> bool {
    let value = value.trim();
    let debug = format!("{value:?}");
    let written = [value, &value.escape_debug().to_string(), &debug[1..debug.len() - 1]];
    !value.is_empty() && written.iter().any(|value| stands_in(sentence, value))
}

/// Whether a sentence has a value in it; a short one only as a word of its own, as nearly every
/// sentence has a `t`.
fn stands_in(sentence: &str, value: &str) -> bool {
    const SHORT: usize = 3;
    let is_short = value.chars().count() <= SHORT;
    let is_word = |at: usize| {
        let before = sentence[..at].chars().next_back();
        let behind = sentence[at + value.len()..].chars().next();
        ![before, behind].into_iter().flatten().any(char::is_alphanumeric)
    };
    sentence.match_indices(value).any(|(at, _)| !is_short || is_word(at))
}

pub(super) fn is_flag_name(name: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    // Nearly all are: to look at them all takes less than to stop at the first that is none.
    let inner = bytes.iter().fold(true, |all, byte| all & INNER[usize::from(*byte)]);
    is_end(bytes.first()) && is_end(bytes.last()) && inner
}

/// What can be in a flag's name, by the byte.
const INNER: [bool; 256] = {
    let mut inner = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        inner[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        byte += 1;
    }
    inner
};
