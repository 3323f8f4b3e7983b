//! Closing when nobody is inside: nobody to tell, nobody to wait for.

use std::time::Duration;

use rungroup::{ChannelCloser, Closer};

use super::paired::{Bench, Variant, batched};

const WHAT: &str = "close, nobody inside";
const LIMIT: Duration = Duration::from_micros(2);

pub(crate) fn rows(bench: &mut Bench) {
    all_close();
    let mut closer = Variant::new("`Closer`", batched(used_closer, Closer::close));
    bench.limit(WHAT, &mut closer, LIMIT);
    let mut channel = Variant::new("`ChannelCloser`", batched(used_channel, ChannelCloser::close));
    bench.limit(WHAT, &mut channel, LIMIT);
}

/// One that has all its stripes: somebody has been inside.
fn used_closer() -> Closer {
    let closer = Closer::new();
    drop(closer.add_running());
    closer
}

/// The same of a channel, on both sides.
fn used_channel() -> ChannelCloser {
    let closer = ChannelCloser::new();
    drop((closer.add_sender(), closer.add_receiver()));
    closer
}

fn all_close() {
    let (closer, channel) = (Closer::new(), ChannelCloser::new());
    closer.close();
    channel.close();
    assert!(closer.add_running().is_none() && closer.wait_timeout(Duration::ZERO).is_ok());
    assert!(channel.add_sender().is_none() && channel.add_receiver().is_none());
    assert!(channel.wait_timeout(Duration::ZERO).is_ok());
}
