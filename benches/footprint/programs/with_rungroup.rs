//! Says hello until it is told to stop, on rungroup: help, version, signals and exit codes included.

use std::process::ExitCode;
use std::time::Duration;

use rungroup::{Group, Signals, service_fn};

fn main() -> ExitCode {
    let mut group = Group::new("hello").version("1.0.0");
    group.register(Signals::new());
    group.register(service_fn("hello", |ctx| {
        while ctx.sleep(Duration::from_secs(1)) {
            println!("hello");
        }
        Ok(())
    }));
    group.main()
}
