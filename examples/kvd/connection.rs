//! One connection: what it reads in one go is carried out as one batch and answered with one write,
//! so pipelining costs a client's hundred requests what one would cost.

use std::io::{self, BufWriter, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rungroup::{Readable, ServeContext};
use rustix::io::ioctl_fionread;

use crate::commands::{About, Action, action};
use crate::queue::Client;
use crate::resp::{Parser, Reply};
use crate::store::Op;

/// How much is read, and written, with one system call.
const CHUNK: usize = 16 * 1024;

/// How long a connection that we end waits for the client to end it, too.
const LINGER: Duration = Duration::from_millis(500);

/// Whether the connection goes on after a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    /// And there may be more requests.
    Reload,
    Close,
}

/// A connection, served by one thread.
pub(crate) struct Connection<'a> {
    stream: &'a TcpStream,
    about: &'a About,
    storage: Client,
    parser: Parser,
    /// The answers of the batch under way, in order; `None` where the storage gives it.
    answers: Vec<Option<Reply>>,
    /// What the storage is asked.
    ops: Vec<Op>,
    out: BufWriter<&'a TcpStream>,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(
        stream: &'a TcpStream,
        storage: Client,
        about: &'a About,
        max_request: usize,
    ) -> Self {
        Self {
            stream,
            about,
            storage,
            parser: Parser::new(max_request),
            answers: Vec::new(),
            ops: Vec::new(),
            out: BufWriter::with_capacity(CHUNK, stream),
        }
    }

    /// Serves it until the client ends it, sends what cannot be understood, or the unit is to stop.
    /// Then what has been received is still answered: exactly the bytes that the kernel has at that
    /// moment, so that a client which sends without end cannot hold up the stop.
    pub(crate) fn serve(&mut self, ctx: &ServeContext) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        while ctx.wait_readable(self.stream, None)? != Readable::Stopped {
            let received = self.stream.read(&mut chunk)?;
            if received == 0 {
                return Ok(());
            }
            if self.answer(&chunk[..received])? == Then::Close {
                return close_gently(self.stream);
            }
        }
        let mut waiting = usize::try_from(ioctl_fionread(self.stream)?).unwrap_or(0);
        if waiting == 0 {
            return Ok(()); // nobody expects anything
        }
        while waiting > 0 {
            let most = waiting.min(CHUNK);
            let received = self.stream.read(&mut chunk[..most])?;
            waiting -= received;
            if received == 0 || self.answer(&chunk[..received])? == Then::Close {
                break;
            }
        }
        close_gently(self.stream)
    }

    /// Carries out all requests that are complete with `received`, and writes the replies.
    fn answer(&mut self, received: &[u8]) -> io::Result<Then> {
        self.parser.feed(received);
        loop {
            match self.carry_out()? {
                // Between the batches: what came before it has had the old settings, what comes
                // after it has the new ones.
                Then::Reload => (self.about.reload)().write_to(&mut self.out)?,
                then => {
                    self.out.flush()?;
                    return Ok(then);
                }
            }
        }
    }

    /// The same, up to a reload if there is one; what is written may still be in the buffer.
    fn carry_out(&mut self) -> io::Result<Then> {
        let mut then = self.gather();
        let mut results = None;
        if !self.ops.is_empty() {
            match self.storage.run(&mut self.ops) {
                Ok(replies) => results = Some(replies),
                Err(error) => {
                    // The answers before and after it would not be in their places.
                    self.answers.clear();
                    self.answers.push(Some(Reply::Error(format!("ERR {error}"))));
                    then = Then::Close;
                }
            }
        }
        for answer in self.answers.drain(..) {
            let result = || results.as_mut().and_then(Iterator::next);
            match answer.or_else(result) {
                Some(reply) => reply.write_to(&mut self.out)?,
                None => return Err(io::Error::other("the storage gave too few replies")),
            }
        }
        Ok(then)
    }

    /// Takes the complete requests from the parser, up to one that is no part of a batch.
    fn gather(&mut self) -> Then {
        loop {
            let action = match self.parser.next() {
                Ok(Some(request)) => action(request, self.about),
                Ok(None) => return Then::GoOn,
                Err(malformed) => {
                    self.answers.push(Some(Reply::Error(format!("ERR {malformed}"))));
                    return Then::Close;
                }
            };
            match action {
                Action::Answer(reply) => self.answers.push(Some(reply)),
                Action::Store(op) => {
                    self.answers.push(None);
                    self.ops.push(op);
                }
                Action::Reload => return Then::Reload,
                Action::Quit => {
                    self.answers.push(Some(Reply::OK));
                    return Then::Close;
                }
            }
        }
    }
}

/// Ends a connection whose client may still be sending. If it were just closed with bytes that
/// nobody has read, the kernel would reset it, and the reset may reach the client before it has read
/// our last reply. So: no more from us, and what comes is thrown away, until the client ends it too
/// or has had time enough.
fn close_gently(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let deadline = Instant::now() + LINGER;
    let mut rubbish = [0; CHUNK];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut rubbish) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return Ok(()),
        }
    }
}
