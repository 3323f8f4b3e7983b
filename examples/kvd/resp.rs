//! RESP2, the Redis protocol, as bytes: an incremental parser of requests and a writer of replies.
//! It knows neither sockets nor commands.

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use crate::inline;

/// A key or a value. Shared, so that a `GET` costs the storage thread no copy.
pub(crate) type Blob = Arc<[u8]>;

/// An inline command (`PING\r\n`) or a length line that is longer than this is not one.
const MAX_LINE: usize = 64 * 1024;

/// More memory than this is not kept for a connection whose requests have become small again.
const KEEP_CAPACITY: usize = 64 * 1024;

/// What is wrong with the bytes received. The stream cannot be read on after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    MultibulkLength,
    BulkLength,
    /// A `$` should have been here.
    ExpectedBulk(u8),
    /// An argument is not followed by `\r\n`.
    ExpectedEnd,
    LineTooLong,
    UnbalancedQuotes,
    /// The request is, or says that it will be, longer than this many bytes.
    RequestTooLong(usize),
}

/// In the words of Redis, where it has some.
impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            Malformed::MultibulkLength => f.write_str("invalid multibulk length"),
            Malformed::BulkLength => f.write_str("invalid bulk length"),
            Malformed::ExpectedBulk(found) => {
                write!(f, "expected '$', got '{}'", found.escape_ascii())
            }
            Malformed::ExpectedEnd => f.write_str("expected CRLF after an argument"),
            Malformed::LineTooLong => f.write_str("too big inline request"),
            Malformed::UnbalancedQuotes => f.write_str("unbalanced quotes in request"),
            Malformed::RequestTooLong(limit) => {
                write!(f, "request is longer than {limit} bytes")
            }
        }
    }
}

impl std::error::Error for Malformed {}

/// One request: the command's name and its arguments, in the parser's buffer. Never empty.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    bytes: &'a [u8],
    arguments: &'a [Range<usize>],
}

impl<'a> Request<'a> {
    pub(crate) fn name(&self) -> &'a [u8] {
        &self.bytes[self.arguments[0].clone()]
    }

    /// What follows the name.
    pub(crate) fn arguments(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.arguments[1..].iter().map(move |range| &bytes[range.clone()])
    }
}

/// Takes bytes as they come and gives whole requests.
///
/// A request that arrives in many pieces is not looked at from its start each time: the parser
/// remembers how far it has come.
pub(crate) struct Parser {
    max_request: usize,
    bytes: Vec<u8>,
    /// Where the request that is being parsed starts; what is before it has been handed out.
    start: usize,
    /// How far it is parsed.
    at: usize,
    progress: Progress,
    /// The arguments found so far.
    arguments: Vec<Range<usize>>,
    /// The text of an inline command without quotes and escapes.
    unquoted: Vec<u8>,
}

/// What the parser expects next.
#[derive(Clone, Copy)]
enum Progress {
    Start,
    /// `$length`, for the next of so many arguments.
    Length {
        left: usize,
    },
    /// The bytes of an argument and `\r\n`.
    Argument {
        left: usize,
        length: usize,
    },
}

impl Parser {
    /// Refuses requests of more than `max_request` bytes, all of their framing included.
    pub(crate) fn new(max_request: usize) -> Self {
        Self {
            max_request,
            bytes: Vec::new(),
            start: 0,
            at: 0,
            progress: Progress::Start,
            arguments: Vec::new(),
            unquoted: Vec::new(),
        }
    }

    /// Adds what was received.
    pub(crate) fn feed(&mut self, received: &[u8]) {
        if self.start > 0 {
            // What is left is at most the beginning of one request: `next` was called until it had
            // no more. Ranges in `arguments` are relative to `start` and stay as they are.
            self.bytes.drain(..self.start);
            self.at -= self.start;
            self.start = 0;
            if self.bytes.is_empty() {
                self.bytes.shrink_to(KEEP_CAPACITY);
            }
        }
        self.bytes.extend_from_slice(received);
    }

    /// The next whole request, if it has been received. Call it until it gives `None` before more
    /// is fed.
    ///
    /// # Errors
    ///
    /// What was received is not RESP2 or is over the limit. Nothing can be parsed after it.
    pub(crate) fn next(&mut self) -> Result<Option<Request<'_>>, Malformed> {
        loop {
            match self.progress {
                Progress::Start => {
                    self.start = self.at;
                    self.arguments.clear();
                    let Some(line) = self.line()? else { return Ok(None) };
                    let text = &self.bytes[line.clone()];
                    if let Some(count) = text.strip_prefix(b"*") {
                        // Redis takes a count below one for nothing, and so do we.
                        let count = number(count).ok_or(Malformed::MultibulkLength)?;
                        let count = usize::try_from(count).unwrap_or(0);
                        if count > self.max_request {
                            return Err(Malformed::MultibulkLength);
                        }
                        if count > 0 {
                            self.progress = Progress::Length { left: count };
                        }
                    } else {
                        inline::split(text, &mut self.unquoted, &mut self.arguments)?;
                        if !self.arguments.is_empty() {
                            return Ok(Some(Request {
                                bytes: &self.unquoted,
                                arguments: &self.arguments,
                            }));
                        }
                    }
                }
                Progress::Length { left } => {
                    let Some(line) = self.line()? else { return Ok(None) };
                    let length = match self.bytes[line].split_first() {
                        Some((b'$', length)) => number(length),
                        Some((&other, _)) => return Err(Malformed::ExpectedBulk(other)),
                        None => return Err(Malformed::ExpectedBulk(b'\r')),
                    };
                    let length = length
                        .and_then(|length| usize::try_from(length).ok())
                        .ok_or(Malformed::BulkLength)?;
                    // Said before the bytes have come, so that they need not be received.
                    self.check_length((self.at - self.start).saturating_add(length))?;
                    self.progress = Progress::Argument { left, length };
                }
                Progress::Argument { left, length } => {
                    let end = self.at + length;
                    let Some(terminator) = self.bytes.get(end..end + 2) else { return Ok(None) };
                    if terminator != b"\r\n" {
                        return Err(Malformed::ExpectedEnd);
                    }
                    self.arguments.push(self.at - self.start..end - self.start);
                    self.at = end + 2;
                    if left > 1 {
                        self.progress = Progress::Length { left: left - 1 };
                    } else {
                        self.progress = Progress::Start;
                        self.check_length(self.at - self.start)?;
                        let bytes = &self.bytes[self.start..];
                        return Ok(Some(Request { bytes, arguments: &self.arguments }));
                    }
                }
            }
        }
    }

    /// The next line without its end, if all of it is there.
    fn line(&mut self) -> Result<Option<Range<usize>>, Malformed> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().take(MAX_LINE).position(|&byte| byte == b'\n') else {
            self.check_length(self.bytes.len() - self.start)?;
            return if rest.len() < MAX_LINE { Ok(None) } else { Err(Malformed::LineTooLong) };
        };
        let begin = self.at;
        self.at += length + 1;
        self.check_length(self.at - self.start)?;
        let carriage_return = usize::from(rest[..length].ends_with(b"\r"));
        Ok(Some(begin..begin + length - carriage_return))
    }

    fn check_length(&self, length: usize) -> Result<(), Malformed> {
        if length > self.max_request {
            return Err(Malformed::RequestTooLong(self.max_request));
        }
        Ok(())
    }
}

/// A decimal number as Redis reads it: no plus sign, no spaces, no leading zeros.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// `+OK`.
    Simple(&'static str),
    /// With its code: `ERR syntax error`.
    Error(String),
    Integer(i64),
    Bulk(Blob),
    /// A value that is not there.
    Nil,
    Array(Vec<Reply>),
}

impl Reply {
    pub(crate) const OK: Reply = Reply::Simple("OK");

    pub(crate) fn bulk(bytes: &[u8]) -> Self {
        Reply::Bulk(bytes.into())
    }

    /// Writes it in RESP2. Hand in a buffered writer.
    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Reply::Simple(text) => write!(out, "+{text}\r\n"),
            Reply::Error(text) => {
                // An error is one line, whatever the client's words in it are.
                let line = text.replace(['\r', '\n'], " ");
                write!(out, "-{line}\r\n")
            }
            Reply::Integer(number) => write!(out, ":{number}\r\n"),
            Reply::Bulk(bytes) => {
                write!(out, "${}\r\n", bytes.len())?;
                out.write_all(bytes)?;
                out.write_all(b"\r\n")
            }
            Reply::Nil => out.write_all(b"$-1\r\n"),
            Reply::Array(items) => {
                write!(out, "*{}\r\n", items.len())?;
                items.iter().try_for_each(|item| item.write_to(out))
            }
        }
    }
}

#[cfg(test)]
#[path = "resp_tests.rs"]
mod tests;
