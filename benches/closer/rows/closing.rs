//! Closing when nobody is inside: nobody to tell, nobody to wait for.

use std::time::Duration;

use rungroup::{ChannelCloser, Closer};

use super::paired::{Bench, Variant, batched};

const WHAT: &str = "close, nobody inside";
const LIMIT: Duration = Duration::from_micros(2);

pub(crate) fn rows(bench: &mut Bench) {
    all_close();
    let mut closer = Variant::new("`Closer`", batched(Closer::new, Closer::close));
    bench.limit(WHAT, &mut closer, LIMIT);
    let mut channel =
        Variant::new("`ChannelCloser`", batched(ChannelCloser::new, ChannelCloser::close));
    bench.limit(WHAT, &mut channel, LIMIT);
}

fn all_close() {
    let (closer, channel) = (Closer::new(), ChannelCloser::new());
    closer.close();
    channel.close();
    assert!(closer.add_running().is_none() && closer.wait_timeout(Duration::ZERO).is_ok());
    assert!(channel.add_sender().is_none() && channel.add_receiver().is_none());
    assert!(channel.wait_timeout(Duration::ZERO).is_ok());
}
