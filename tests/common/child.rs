//! Tests in a process of their own: for what is global in a process, and for what would end it.

use std::env;
use std::process::{Command, Output};

const CHILD: &str = "RUNGROUP_TEST_CHILD";

/// Whether this is the child process of the test `name`.
pub fn is_child(name: &str) -> bool {
    env::var_os(CHILD).is_some_and(|child| child == name)
}

/// The command that runs the test `name` of the same file again, alone, in a child process in which
/// [`is_child`] holds.
pub fn child_command(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("the test's program"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(CHILD, name);
    command
}

/// Runs it and waits for its end.
pub fn run_child(name: &str) -> Output {
    child_command(name).output().expect("a child process")
}

/// What the child has written to its standard output.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What the child has written to its standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
