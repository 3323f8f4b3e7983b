//! The spool's file: a reading is a line. It knows neither units nor channels.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

const NAME: &str = "readings.log";

/// At most so much is shipped at once.
const MOST: u64 = 64 * 1024;

/// The end that is written to.
pub(crate) struct SpoolFile {
    file: File,
    is_synced: bool,
}

impl SpoolFile {
    /// Opens it to append, in a directory that is made if it is not there. A last line that is not
    /// complete is cut off: whoever wrote it did not get to its end, and writes it again.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join(NAME);
        let file = File::options().read(true).append(true).create(true).open(&path)?;
        let mut text = Vec::new();
        (&file).read_to_end(&mut text)?; // a real one would look at the last block
        file.set_len(complete(&text) as u64)?;
        Ok(Self { file, is_synced: false })
    }

    pub(crate) fn append(&mut self, line: &impl Display) -> io::Result<()> {
        self.is_synced = false;
        self.file.write_all(format!("{line}\n").as_bytes())
    }

    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.file.sync_data()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

/// The complete lines from `position` on, or some of them.
pub(crate) fn read_from(dir: &Path, position: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(dir.join(NAME))?;
    file.seek(SeekFrom::Start(position))?;
    let mut text = Vec::new();
    file.take(MOST).read_to_end(&mut text)?;
    text.truncate(complete(&text));
    Ok(text)
}

/// How long the complete lines are.
fn complete(text: &[u8]) -> usize {
    text.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1)
}
