//! Says hello until a signal comes, on tokio-graceful-shutdown.

use std::time::Duration;

use tokio_graceful_shutdown::{SubsystemBuilder, SubsystemHandle, Toplevel};

async fn hello(subsys: &mut SubsystemHandle) -> Result<(), std::io::Error> {
    loop {
        tokio::select! {
            () = subsys.on_shutdown_requested() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(1)) => println!("hello"),
        }
    }
}

#[tokio::main]
async fn main() {
    let toplevel = Toplevel::new(async |s: &mut SubsystemHandle| {
        s.start(SubsystemBuilder::new("hello", hello));
    });
    let result = toplevel.catch_signals().handle_shutdown_requests(Duration::from_secs(1)).await;
    if let Err(error) = result {
        eprintln!("{error}");
    }
}
