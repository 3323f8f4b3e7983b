//! Two services and Ctrl-C: what happens, and who stopped when. Try it, and press Ctrl-C:
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- --every 200ms
//! ```
#![allow(clippy::disallowed_macros)] // a program may print

use std::io::Write;
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use rungroup::{BoxError, Flag, FlagSet, Group, ServeContext, Signals, service_fn};

/// Greets whoever connects, each on a thread of its own.
fn greet(ctx: &ServeContext) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("greeter: listening on {}", listener.local_addr()?);
    while let Some((mut stream, peer)) = ctx.accept(&listener)? {
        ctx.spawn("conn", move |_ctx| drop(writeln!(stream, "hello {peer}")))?;
    }
    println!("greeter: no more visitors");
    Ok(())
}

/// Ticks until it is told to stop.
fn tick(ctx: &ServeContext, every: Duration) {
    while ctx.sleep(every) {
        println!("ticker: tick");
    }
    println!("ticker: stopping because of {}", ctx.stopped().wait());
}

fn main() -> ExitCode {
    let every = Flag::new("every", Duration::from_secs(1), "How often to tick.");
    let flags = FlagSet::new("Ticker").add(&every);
    let mut group = Group::new("quickstart").about("Greets and ticks until Ctrl-C.");

    group.register(Signals::new());
    let greeter = group.register(service_fn("greeter", greet)).id();
    let ticker = service_fn("ticker", move |ctx| {
        tick(ctx, *every.get());
        Ok(())
    });
    group.register(ticker.flags(flags)).after(greeter);

    group.main_with(|report| println!("{report}"))
}
