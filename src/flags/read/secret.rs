//! Secrets from files: `--token-file` for `--token`. What is on a command line or in the
//! environment, others can see; what is in a file has permissions.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use crate::Bytes;
use crate::flags::value::Arity;

/// No secret is longer.
pub(super) const MOST: Bytes = Bytes::mib(1);

/// The secret in what a file holds: all of it but for one line break at the end; of a list, each
/// line that is not empty.
pub(super) fn values(content: &[u8], arity: Arity) -> Result<Vec<OsString>, String> {
    let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let values: Vec<OsString> = match arity {
        Arity::Many => {
            let lines = content.split(|byte| *byte == b'\n');
            let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            lines.filter(|line| !line.is_empty()).map(text).collect()
        }
        Arity::Switch | Arity::One => {
            let line = content.strip_suffix(b"\n");
            vec![text(line.map_or(content, |line| line.strip_suffix(b"\r").unwrap_or(line)))]
        }
    };
    let is_empty = values.iter().all(|value| value.is_empty());
    if is_empty { Err("the file is empty".to_owned()) } else { Ok(values) }
}
