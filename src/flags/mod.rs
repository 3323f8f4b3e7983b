//! Flags: named settings that units define where they use them, and that a group fills in from the
//! command line, the environment and a file.
//!
//! In reading order: `value` says what the type of a flag has to be able to do; `source`,
//! `definition`, `any`, `slot`, `shared`, `flag` and `live` are one flag; `set` is the flags of one unit, `common`,
//! `table` and `clash` are those of a whole group; `read` is from the user to the values, `show` from the
//! table to the user. Nothing here knows units: they are names.

mod any;
mod clash;
mod common;
mod definition;
mod flag;
mod live;
mod read;
mod set;
mod shared;
mod show;
mod slot;
mod source;
mod table;
mod value;

#[cfg(test)]
mod tests;

pub use flag::Flag;
pub use live::{Live, Reload};
pub use read::Reloaded;
pub(crate) use read::{Candidate, Kept, Parsed, Replaced, Settings};
pub use set::{FlagHandle, FlagInfo, FlagSet};
pub use source::Source;
pub(crate) use table::{Definitions, Program, Table};
pub use value::{Arity, Bytes, FlagValue, IntoDefault, ParseBytesError, ValueKind};
