//! The other side, where there is none: takes what is shipped and counts it.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use rungroup::{Readable, ServeContext};

/// Takes one connection's lines until it ends, or the session does.
pub(crate) fn drain(ctx: &ServeContext, listener: &TcpListener) {
    let lines = match ctx.accept(listener) {
        Ok(Some((stream, _))) => count(ctx, &stream),
        Ok(None) => Ok(0),
        Err(error) => Err(error),
    };
    match lines {
        Ok(lines) => log::debug!("the sink got {lines} readings"),
        Err(error) => log::warn!("the sink has ended: {error}"),
    }
}

fn count(ctx: &ServeContext, mut stream: &TcpStream) -> std::io::Result<usize> {
    let (mut lines, mut bytes) = (0, [0; 4096]);
    while ctx.wait_readable(stream, None)? == Readable::Ready {
        let received = stream.read(&mut bytes)?;
        if received == 0 {
            break;
        }
        lines += bytes[..received].split(|&byte| byte == b'\n').count() - 1;
    }
    Ok(lines)
}
