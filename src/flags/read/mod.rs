//! From what the user gave to values: `parse` reads the command line, `file` and `toml` the file of
//! settings, `secret` that of a secret, and `files` whatever file it is; `sources` decides which of
//! them counts, `resolve` sets the flags, and `reload` does so again. `similar` has the tip for a name
//! that there is not.

#[cfg_attr(not(feature = "config-file"), path = "no_file.rs")]
mod file;
mod files;
mod parse;
mod reload;
mod resolve;
mod secret;
mod similar;
mod sources;
#[cfg(feature = "config-file")]
mod toml;

pub(super) use parse::Form;
pub use reload::Reloaded;
pub(crate) use reload::{Candidate, Replaced};
pub(crate) use resolve::{Parsed, Settings};
pub(crate) use sources::Kept;
