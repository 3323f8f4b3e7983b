//! The files that settings name: where they were when the program started, and, if they can be read
//! only once, with what they gave then. It knows neither flags nor formats.

use std::collections::HashMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::Bytes;
use crate::sync::Mutex;

#[derive(Default)]
pub(super) struct Files {
    /// A program may change its directory.
    directory: PathBuf,
    /// What pipes and the like gave, `--config <(…)`: a second time they would give nothing, or hold
    /// up whoever asks.
    once: Mutex<HashMap<PathBuf, Vec<u8>>>,
}

impl Files {
    /// Of the directory that the program is in.
    pub(super) fn new() -> Self {
        let directory = std::env::current_dir().unwrap_or_default();
        Self { directory, once: Mutex::default() }
    }

    /// All that is in a file, or why it cannot be had. Somebody may have named `/dev/zero`, so there
    /// is a limit. `again` is at a reload: what is no regular file is not opened then.
    pub(super) fn read(&self, path: &Path, most: Bytes, again: bool) -> Result<Vec<u8>, String> {
        if path.as_os_str().is_empty() {
            return Err("no file is named".to_owned());
        }
        let path = self.directory.join(path);
        if let Some(content) = self.once.lock().get(&path) {
            return Ok(content.clone());
        }
        let cannot = |error: std::io::Error| format!("cannot read it: {error}");
        let is_regular = std::fs::metadata(&path).map_err(cannot)?.is_file();
        if again && !is_regular {
            return Err("is no regular file, and is read only when the program starts".to_owned());
        }
        let mut content = Vec::new();
        let file = std::fs::File::open(&path).map_err(cannot)?;
        file.take(most.get() + 1).read_to_end(&mut content).map_err(cannot)?;
        if content.len() as u64 > most.get() {
            return Err(format!("is longer than {most}"));
        }
        if !is_regular {
            self.once.lock().insert(path, content.clone());
        }
        Ok(content)
    }
}

/// Not what is in them: it can be secret.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("directory", &self.directory).finish_non_exhaustive()
    }
}
