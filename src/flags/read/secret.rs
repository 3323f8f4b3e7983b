//! Secrets from files: `--token-file` for `--token`. What is on a command line or in the
//! environment, others can see; what is in a file has permissions.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use crate::flags::value::Arity;

/// No secret is longer. Somebody may have named `/dev/zero`.
const MOST: u64 = 1 << 20;

/// The secret in a file: all of it but for one line break at the end; of a list, each line that is
/// not empty.
pub(super) fn read(path: &Path, arity: Arity) -> Result<Vec<OsString>, String> {
    let file = std::fs::File::open(path);
    let mut bytes = Vec::new();
    file.and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read it: {error}"))?;
    if bytes.len() as u64 > MOST {
        return Err("is longer than 1MiB: is it a secret?".to_owned());
    }
    let lines =
        bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let values: Vec<OsString> = match arity {
        Arity::Many => {
            let full = lines.filter(|line| !line.is_empty());
            full.map(|line| OsStr::from_bytes(line).to_owned()).collect()
        }
        Arity::Switch | Arity::One => {
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
                if bytes.last() == Some(&b'\r') {
                    bytes.pop();
                }
            }
            vec![OsString::from_vec(bytes)]
        }
    };
    let is_empty = values.iter().all(|value| value.is_empty());
    if is_empty { Err("the file is empty".to_owned()) } else { Ok(values) }
}
