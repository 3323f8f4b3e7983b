//! From what the user gave to values: `parse` reads the command line, `resolve` decides where each
//! value comes from.

mod parse;
mod resolve;

pub(super) use parse::Form;
pub(crate) use resolve::{Parsed, Settings};
