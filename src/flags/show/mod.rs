//! What the user sees of the table of flags.

pub(super) mod help;
