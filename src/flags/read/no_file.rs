//! What stands for `file` without the feature `config-file`: there is no file.

use super::files::Files;
use super::sources::{Env, File, Kept};
use crate::error::ConfigErrors;
use crate::flags::table::Table;

/// Nobody can name a file.
#[derive(Clone, Debug)]
pub(super) enum Name {}

impl Table {
    #[allow(clippy::unused_self)] // as in `file`
    pub(super) fn named_file(&self, _kept: &Kept, _env: Env<'_>) -> Option<Name> {
        None
    }

    #[allow(clippy::unused_self)] // as in `file`
    pub(super) fn read_file(
        &self,
        name: &Name,
        _files: &Files,
        _again: bool,
        _errors: &mut ConfigErrors,
    ) -> File {
        match *name {}
    }
}
