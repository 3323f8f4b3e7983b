//! A file for the length of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, Mode, mkfifoat};

/// A file of its own in the system's temporary directory, removed in the end.
pub struct File(PathBuf);

impl File {
    pub fn new(content: &str) -> Self {
        let file = Self::unborn();
        file.write(content);
        file
    }

    /// A pipe with a name: whoever opens it to read waits until somebody writes.
    pub fn fifo() -> Self {
        let file = Self::unborn();
        mkfifoat(CWD, &file.0, Mode::RUSR | Mode::WUSR).unwrap();
        file
    }

    fn unborn() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rungroup-test-{}-{number}.toml", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// As an editor or `mv` does: nobody reads half of it.
    pub fn write(&self, content: &str) {
        let new = self.0.with_extension("new");
        fs::write(&new, content).unwrap();
        fs::rename(&new, &self.0).unwrap();
    }

    /// Puts a pipe with a name in its place.
    pub fn becomes_a_fifo(&self) {
        self.remove();
        mkfifoat(CWD, &self.0, Mode::RUSR | Mode::WUSR).unwrap();
    }

    pub fn remove(&self) {
        fs::remove_file(&self.0).unwrap();
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// A command line that names it.
    pub fn args(&self) -> [String; 3] {
        ["demo", "--config", self.text()].map(str::to_owned)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
