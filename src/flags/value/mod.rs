//! `FlagValue`, what the type of a flag has to say: how its values are read from an argument and
//! written as one, and the macro that says it for a type in one line. The types that the library
//! knows itself are in `known`; `bytes` and `duration` are two of them, on the exact `decimal`.

mod bytes;
mod decimal;
pub(super) mod duration;
mod known;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use crate::error::ConfigError;

pub use bytes::{Bytes, ParseBytesError};

/// How many values a flag takes on the command line.
///
/// # Examples
///
/// ```
/// use rungroup::{Arity, FlagValue};
///
/// assert_eq!(bool::arity(), Arity::Switch);
/// assert_eq!(u16::arity(), Arity::One);
/// assert_eq!(<Vec<u16>>::arity(), Arity::Many);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Arity {
    /// None: `--verbose` is true; `--verbose=false` can be said, with its short name `-v=false`, but
    /// not `--verbose false`.
    Switch,
    /// One; given again, the last one wins.
    One,
    /// One each time; given again, they add up.
    Many,
}

/// What kind of text the values of a type are: how a shell completes them, and whether a file of
/// settings has them in quotes.
///
/// # Examples
///
/// ```
/// use rungroup::{Bytes, FlagValue, ValueKind};
/// use std::path::PathBuf;
///
/// assert_eq!(PathBuf::kind(), ValueKind::Path);
/// assert_eq!(u16::kind(), ValueKind::Number);
/// assert_eq!(Bytes::kind(), ValueKind::Text); // it has a unit
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValueKind {
    /// Any text.
    Text,
    /// A number, without a unit.
    Number,
    /// The path of a file or a directory.
    Path,
}

/// A type that a [`Flag`](crate::Flag) can have.
///
/// Implemented for `bool`, the integers and floats, `String`, `PathBuf` and `OsString` (which need
/// not be UTF-8), `SocketAddr`, `IpAddr` and their V4 and V6 forms, `Duration`,
/// [`Bytes`](crate::Bytes), and `Option` and `Vec` of such. For own types
/// [`flag_value!`](crate::flag_value) writes it, or it is written by hand: [`from_arg`] and
/// [`to_arg`] are all that most types need.
///
/// What `to_arg` writes is what `from_arg` reads back as the same value: the effective settings
/// are printed with it.
///
/// [`from_arg`]: FlagValue::from_arg
/// [`to_arg`]: FlagValue::to_arg
///
/// # Examples
///
/// ```
/// use std::ffi::{OsStr, OsString};
/// use rungroup::{ConfigError, Flag, FlagValue};
///
/// /// A share from `0%` to `100%`.
/// struct Percent(u8);
///
/// impl FlagValue for Percent {
///     fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
///         let number = arg.to_str().and_then(|text| text.strip_suffix('%')?.parse().ok());
///         match number {
///             Some(share @ 0..=100) => Ok(Percent(share)),
///             _ => Err(ConfigError::new("not a share").tip("write 0% to 100%")),
///         }
///     }
///     fn to_arg(&self) -> OsString {
///         format!("{}%", self.0).into()
///     }
/// }
///
/// let fill = Flag::new("fill", Percent(80), "how full a page may get");
/// assert_eq!(fill.get().0, 80);
/// ```
pub trait FlagValue: Sized + Send + Sync + 'static {
    /// Reads a value. The flag's name, the value and its source are added to the error by the
    /// flag; it says only what is wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::FlagValue;
    /// use std::ffi::OsStr;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Duration::from_arg(OsStr::new("1m30s"))?, Duration::from_secs(90));
    /// assert!(u16::from_arg(OsStr::new("70000")).is_err());
    /// # Ok::<(), rungroup::ConfigError>(())
    /// ```
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError>;

    /// Writes the value so that [`from_arg`](Self::from_arg) reads the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::FlagValue;
    /// use std::time::Duration;
    ///
    /// assert_eq!(Duration::from_secs(90).to_arg(), "1m30s");
    /// ```
    fn to_arg(&self) -> OsString;

    /// How many values the flag takes: one, unless the type says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Arity, FlagValue};
    ///
    /// assert_eq!(<Option<u16>>::arity(), Arity::One);
    /// assert_eq!(<Vec<u16>>::arity(), Arity::Many);
    /// ```
    fn arity() -> Arity {
        Arity::One
    }

    /// Reads a value of several arguments: the last one, unless the arity is [`Many`](Arity::Many).
    /// There are none only where the program itself [sets](crate::FlagSet::set_all) none.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::FlagValue;
    /// use std::ffi::OsString;
    ///
    /// let args: Vec<OsString> = vec!["80".into(), "443".into()];
    /// assert_eq!(<Vec<u16>>::from_args(&args)?, [80, 443]);
    /// assert_eq!(u16::from_args(&args)?, 443);
    /// # Ok::<(), rungroup::ConfigError>(())
    /// ```
    fn from_args(args: &[OsString]) -> Result<Self, ConfigError> {
        Self::from_arg(args.last().map_or(OsStr::new(""), OsString::as_os_str))
    }

    /// The value as several arguments, none for a value that is absent.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::FlagValue;
    ///
    /// assert_eq!(vec![80_u16, 443].to_args(), ["80", "443"]);
    /// assert!(None::<u16>.to_args().is_empty());
    /// ```
    fn to_args(&self) -> Vec<OsString> {
        vec![self.to_arg()]
    }

    /// What stands for the value in the help, as `ADDR`; `VALUE` unless the type says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, FlagValue};
    ///
    /// assert_eq!(Bytes::value_name(), "SIZE");
    /// assert_eq!(u16::value_name(), "N");
    /// ```
    fn value_name() -> Cow<'static, str> {
        Cow::Borrowed("VALUE")
    }

    /// What kind of text the values are: any, unless the type says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{FlagValue, ValueKind};
    ///
    /// assert_eq!(String::kind(), ValueKind::Text);
    /// assert_eq!(<Option<u16>>::kind(), ValueKind::Number);
    /// ```
    fn kind() -> ValueKind {
        ValueKind::Text
    }

    /// How a value is written, where its name alone does not say it. It stands once at the end of
    /// the long help, if there is a flag of the type.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Bytes, FlagValue};
    ///
    /// assert!(Bytes::notation().unwrap().contains("1.5GiB"));
    /// assert_eq!(u16::notation(), None);
    /// ```
    fn notation() -> Option<&'static str> {
        None
    }

    /// All the values there are, for a type that can list them: for help and completions.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::FlagValue;
    ///
    /// enum Sync { Always, Never }
    ///
    /// rungroup::flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });
    /// assert_eq!(Sync::choices(), ["always", "never"]);
    /// assert!(String::choices().is_empty());
    /// ```
    fn choices() -> &'static [&'static str] {
        &[]
    }
}

/// A default as [`Flag::new`](crate::Flag::new) takes it: a value of the flag's type, or a literal
/// that stands for one: `"text"` for a `String`, `PathBuf` or `OsString`, `([127, 0, 0, 1], 80)`
/// for a `SocketAddr`.
///
/// A trait of its own, because `Into<u16>` would not let `80` be a `u16`.
///
/// # Examples
///
/// ```
/// use std::net::SocketAddr;
/// use rungroup::Flag;
///
/// let listen: Flag<SocketAddr> = Flag::new("listen", ([127, 0, 0, 1], 80), "where to listen");
/// let user: Flag<String> = Flag::new("user", "nobody", "who to run as");
/// assert_eq!(listen.get().port(), 80);
/// assert_eq!(user.get(), "nobody");
/// ```
pub trait IntoDefault<T> {
    /// The value itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::IntoDefault;
    /// use std::path::PathBuf;
    ///
    /// let path: PathBuf = "/var/lib/kvd".into_default();
    /// assert!(path.is_absolute());
    /// ```
    fn into_default(self) -> T;
}

impl<T> IntoDefault<T> for T {
    fn into_default(self) -> T {
        self
    }
}

/// Makes a type of yours a [`FlagValue`](crate::FlagValue), in one of two ways.
///
/// `flag_value!(Mine)` for a type that is `FromStr` and `Display`, whose error is `Display`, and
/// which reads back what it prints.
///
/// `flag_value!(Mine { "text" => Mine::Variant, … })` for an enum with listed values. They are
/// shown in the help, and in the tip when another is given. A variant that is forgotten is a
/// compile error.
///
/// # Examples
///
/// ```
/// use rungroup::{Flag, FlagSet, Source, flag_value};
///
/// #[derive(Debug, PartialEq)]
/// enum Sync { Always, Never }
///
/// flag_value!(Sync { "always" => Sync::Always, "never" => Sync::Never });
///
/// let sync = Flag::new("sync", Sync::Always, "when to sync to disk");
/// let set = FlagSet::new("Store").add(&sync);
/// let error = set.set("sync", "maybe", Source::CommandLine).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "invalid value 'maybe' for '--sync' (command line): not one of the possible values\n  \
///      tip: possible values are always, never",
/// );
/// ```
#[macro_export]
macro_rules! flag_value {
    ($type:ty) => {
        impl $crate::FlagValue for $type {
            fn from_arg(arg: &::std::ffi::OsStr) -> ::std::result::Result<Self, $crate::ConfigError> {
                let text = <::std::string::String as $crate::FlagValue>::from_arg(arg)?;
                text.parse::<$type>().map_err(|error| {
                    $crate::ConfigError::new(::std::string::ToString::to_string(&error))
                })
            }
            fn to_arg(&self) -> ::std::ffi::OsString {
                ::std::ffi::OsString::from(::std::string::ToString::to_string(self))
            }
        }
    };
    ($type:ty { $($text:literal => $variant:path),+ $(,)? }) => {
        impl $crate::FlagValue for $type {
            fn from_arg(arg: &::std::ffi::OsStr) -> ::std::result::Result<Self, $crate::ConfigError> {
                $(if arg == $text {
                    return ::std::result::Result::Ok($variant);
                })+
                let choices = <Self as $crate::FlagValue>::choices().join(", ");
                ::std::result::Result::Err(
                    $crate::ConfigError::new("not one of the possible values")
                        .tip(::std::format!("possible values are {choices}")),
                )
            }
            fn to_arg(&self) -> ::std::ffi::OsString {
                ::std::ffi::OsString::from(match self {
                    $($variant => $text,)+
                })
            }
            fn choices() -> &'static [&'static str] {
                &[$($text),+]
            }
        }
    };
}
