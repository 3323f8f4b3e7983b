//! Flags: named settings that units define where they use them, and that a group fills in from the
//! command line and the environment.
//!
//! In reading order: `value` and `values` say what the type of a flag has to be able to do,
//! `bytes` and `duration` are two such types; `definition`, `shared` and `flag` are one flag, `set`
//! is the flags of one unit, `table` and `clash` are those of a whole group; `parse` reads the
//! command line, `resolve` decides where each value comes from; `help` is what the user sees.
//! Nothing here knows units: they are names.

mod bytes;
mod clash;
mod common;
mod decimal;
mod definition;
mod duration;
mod flag;
mod help;
mod parse;
mod resolve;
mod set;
mod shared;
mod source;
mod table;
mod value;
mod values;

#[cfg(test)]
mod tests;

pub use bytes::{Bytes, ParseBytesError};
pub use flag::Flag;
pub(crate) use resolve::{Parsed, Settings};
pub use set::{FlagInfo, FlagSet};
pub use source::Source;
pub(crate) use table::{Definitions, Program, Table};
pub use value::{Arity, FlagValue, IntoDefault};
