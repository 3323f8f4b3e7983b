//! The types of values that the library knows itself (F2): each says how it is read, written and
//! named in the help.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use super::bytes::Bytes;
use super::duration;
use super::{Arity, FlagValue, IntoDefault, ValueKind};
use crate::error::ConfigError;

fn text(arg: &OsStr) -> Result<&str, ConfigError> {
    arg.to_str().ok_or_else(|| ConfigError::new("not valid UTF-8"))
}

/// A switch. Words other than `true` and `false` are for the environment, where `KVD_QUIET=1` and
/// `=yes` are what people write.
impl FlagValue for bool {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        let text = text(arg)?;
        let is_one_of = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if is_one_of(["true", "yes", "on", "1"]) {
            Ok(true)
        } else if is_one_of(["false", "no", "off", "0"]) {
            Ok(false)
        } else {
            Err(ConfigError::new("neither true nor false"))
        }
    }

    fn to_arg(&self) -> OsString {
        self.to_string().into()
    }

    fn arity() -> Arity {
        Arity::Switch
    }

    fn value_name() -> Cow<'static, str> {
        Cow::Borrowed("BOOL")
    }
}

macro_rules! whole_numbers {
    ($($type:ty),+) => {$(
        impl FlagValue for $type {
            fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
                text(arg)?.parse().map_err(|_| {
                    let (min, max) = (<$type>::MIN, <$type>::MAX);
                    ConfigError::new(format!("not a whole number from {min} to {max}"))
                })
            }

            fn to_arg(&self) -> OsString {
                self.to_string().into()
            }

            fn value_name() -> Cow<'static, str> {
                Cow::Borrowed("N")
            }

            fn kind() -> ValueKind {
                ValueKind::Number
            }
        }
    )+};
}

whole_numbers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
whole_numbers!(NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize);

macro_rules! parsed {
    ($($type:ty: $name:literal, $kind:ident, $why:literal $(, tip $tip:literal)?;)+) => {$(
        impl FlagValue for $type {
            fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
                text(arg)?.parse().map_err(|_| ConfigError::new($why)$(.tip($tip))?)
            }

            fn to_arg(&self) -> OsString {
                self.to_string().into()
            }

            fn value_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn kind() -> ValueKind {
                ValueKind::$kind
            }
        }
    )+};
}

parsed! {
    f32: "NUMBER", Number, "not a number";
    f64: "NUMBER", Number, "not a number";
    char: "CHAR", Text, "not a single character";
    SocketAddr: "ADDR", Text, "not an IP address with a port",
        tip "write 127.0.0.1:8080 or [::1]:8080; host names are not looked up";
    SocketAddrV4: "ADDR", Text, "not an IPv4 address with a port", tip "write 127.0.0.1:8080";
    SocketAddrV6: "ADDR", Text, "not an IPv6 address with a port", tip "write [::1]:8080";
    IpAddr: "IP", Text, "not an IP address";
    Ipv4Addr: "IP", Text, "not an IPv4 address";
    Ipv6Addr: "IP", Text, "not an IPv6 address";
}

impl FlagValue for String {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        text(arg).map(str::to_owned)
    }

    fn to_arg(&self) -> OsString {
        self.into()
    }

    fn value_name() -> Cow<'static, str> {
        Cow::Borrowed("TEXT")
    }
}

impl FlagValue for OsString {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        Ok(arg.to_owned())
    }

    fn to_arg(&self) -> OsString {
        self.clone()
    }

    fn value_name() -> Cow<'static, str> {
        Cow::Borrowed("TEXT")
    }
}

impl FlagValue for PathBuf {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        Ok(arg.into())
    }

    fn to_arg(&self) -> OsString {
        self.into()
    }

    fn value_name() -> Cow<'static, str> {
        Cow::Borrowed("PATH")
    }

    fn kind() -> ValueKind {
        ValueKind::Path
    }
}

/// Numbers with units, the larger ones first: `500ms`, `1.5s`, `1h30m`. The units are `d`, `h`, `m`,
/// `s`, `ms`, `us` and `ns`. A number without a unit is an error, apart from `0`; fractions of a
/// nanosecond are cut.
impl FlagValue for Duration {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        duration::parse(text(arg)?)
    }

    fn to_arg(&self) -> OsString {
        duration::format(*self).into()
    }

    fn value_name() -> Cow<'static, str> {
        Cow::Borrowed("DURATION")
    }

    fn notation() -> Option<&'static str> {
        Some(
            "numbers with units, the larger ones first, as 500ms, 1.5s or 1h30m; the units are d, h, \
             m, s, ms, us and ns",
        )
    }
}

impl FlagValue for Bytes {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        text(arg)?.parse().map_err(|error: super::ParseBytesError| {
            let problem = ConfigError::new(error.to_string());
            match error.tip() {
                Some(tip) => problem.tip(tip),
                None => problem,
            }
        })
    }

    fn to_arg(&self) -> OsString {
        self.to_string().into()
    }

    fn value_name() -> Cow<'static, str> {
        Cow::Borrowed("SIZE")
    }

    fn notation() -> Option<&'static str> {
        Some(
            "a number of bytes, or a number and a unit, as 64MiB or 1.5GiB; KB to EB are powers of \
             1000, KiB to EiB powers of 1024",
        )
    }
}

/// Absent, or a value of the inner type: what a flag without a default has.
impl<T: FlagValue> FlagValue for Option<T> {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        T::from_arg(arg).map(Some)
    }

    fn to_arg(&self) -> OsString {
        self.as_ref().map(T::to_arg).unwrap_or_default()
    }

    fn arity() -> Arity {
        T::arity()
    }

    fn from_args(args: &[OsString]) -> Result<Self, ConfigError> {
        T::from_args(args).map(Some)
    }

    fn to_args(&self) -> Vec<OsString> {
        self.as_ref().map(T::to_args).unwrap_or_default()
    }

    fn value_name() -> Cow<'static, str> {
        T::value_name()
    }

    fn kind() -> ValueKind {
        T::kind()
    }

    fn notation() -> Option<&'static str> {
        T::notation()
    }

    fn choices() -> &'static [&'static str] {
        T::choices()
    }
}

/// One value for each time that the flag is given. In the environment they are separated by commas,
/// and empty ones left out.
impl<T: FlagValue> FlagValue for Vec<T> {
    fn from_arg(arg: &OsStr) -> Result<Self, ConfigError> {
        T::from_arg(arg).map(|value| vec![value])
    }

    /// Joined by commas, as the environment has them.
    fn to_arg(&self) -> OsString {
        let mut joined = OsString::new();
        for (index, value) in self.iter().enumerate() {
            if index > 0 {
                joined.push(",");
            }
            joined.push(value.to_arg());
        }
        joined
    }

    fn arity() -> Arity {
        Arity::Many
    }

    fn from_args(args: &[OsString]) -> Result<Self, ConfigError> {
        args.iter().map(|arg| T::from_arg(arg)).collect()
    }

    fn to_args(&self) -> Vec<OsString> {
        self.iter().map(T::to_arg).collect()
    }

    fn value_name() -> Cow<'static, str> {
        T::value_name()
    }

    fn kind() -> ValueKind {
        T::kind()
    }

    fn notation() -> Option<&'static str> {
        T::notation()
    }

    fn choices() -> &'static [&'static str] {
        T::choices()
    }
}

impl IntoDefault<String> for &str {
    fn into_default(self) -> String {
        self.to_owned()
    }
}

impl IntoDefault<PathBuf> for &str {
    fn into_default(self) -> PathBuf {
        self.into()
    }
}

impl IntoDefault<OsString> for &str {
    fn into_default(self) -> OsString {
        self.into()
    }
}

impl<T, const N: usize> IntoDefault<Vec<T>> for [T; N] {
    fn into_default(self) -> Vec<T> {
        self.into()
    }
}

impl IntoDefault<SocketAddr> for ([u8; 4], u16) {
    fn into_default(self) -> SocketAddr {
        self.into()
    }
}
