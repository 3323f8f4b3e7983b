//! What a request asks for, in the words of Redis: arguments are checked here, what needs the map
//! becomes an [`Op`] for the storage thread, and the rest is answered on the spot. It knows neither
//! sockets nor threads.

use std::fmt::Write;

use crate::resp::{Blob, Reply, Request, number};
use crate::store::Op;

/// What is to be done about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Answer(Reply),
    Store(Op),
    /// Read the settings again, when all before it is done, and answer what came of it.
    Reload,
    /// Answer `+OK` and close.
    Quit,
}

/// What the commands about the server itself tell.
pub(crate) struct About {
    /// Of `CONFIG GET`: name and present value.
    pub(crate) settings: Box<dyn Fn() -> Vec<(&'static str, String)> + Send + Sync>,
    /// `CONFIG RELOAD`.
    pub(crate) reload: Box<dyn Fn() -> Reply + Send + Sync>,
    /// Makes the text of `INFO`, to which the store adds its own.
    pub(crate) info: Box<dyn Fn() -> String + Send + Sync>,
}

/// What the request asks for.
pub(crate) fn action(request: Request<'_>, about: &About) -> Action {
    let name = request.name().to_ascii_lowercase();
    let mut arguments = request.arguments();
    let count = arguments.len();
    // A missing argument is an empty one here; how many there are is checked before one is used.
    let mut next = || arguments.next().unwrap_or_default();
    let op = match (name.as_slice(), count) {
        (b"ping", 0) => return Action::Answer(Reply::Simple("PONG")),
        (b"ping" | b"echo", 1) => return Action::Answer(Reply::bulk(next())),
        (b"quit", _) => return Action::Quit,
        (b"select", 1) => return Action::Answer(select(next())),
        (b"command", _) => return Action::Answer(command(next())),
        (b"config", 1..) => return config(&request, about),
        (b"info", _) => Op::Info((about.info)()),
        (b"get", 1) => Op::Get(next().into()),
        (b"set", 2) => Op::Set(next().into(), next().into()),
        // EX, NX and the like: none of them is here, and none is silently taken for done.
        (b"set", 3..) => return Action::Answer(Reply::Error("ERR syntax error".into())),
        (b"incr", 1) => Op::Incr(next().into()),
        (b"del", 1..) => Op::Del(blobs(&request)),
        (b"exists", 1..) => Op::Exists(blobs(&request)),
        (b"mget", 1..) => Op::MultiGet(blobs(&request)),
        (b"mset", 2..) if count.is_multiple_of(2) => Op::MultiSet(pairs(&request)),
        (b"dbsize", 0) => Op::Size,
        (b"flushall", 0) => Op::Flush,
        (b"flushall", 1) => match next().to_ascii_lowercase().as_slice() {
            b"sync" | b"async" => Op::Flush,
            _ => return Action::Answer(Reply::Error("ERR syntax error".into())),
        },
        (
            b"ping" | b"echo" | b"select" | b"config" | b"get" | b"set" | b"incr" | b"del"
            | b"exists" | b"mget" | b"mset" | b"dbsize" | b"flushall",
            _,
        ) => return Action::Answer(wrong_count(&name)),
        _ => return Action::Answer(unknown(&request)),
    };
    Action::Store(op)
}

fn blobs(request: &Request<'_>) -> Vec<Blob> {
    request.arguments().map(Blob::from).collect()
}

fn pairs(request: &Request<'_>) -> Vec<(Blob, Blob)> {
    let mut arguments = request.arguments().map(Blob::from);
    let mut pairs = Vec::with_capacity(arguments.len() / 2);
    while let (Some(key), Some(value)) = (arguments.next(), arguments.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn select(index: &[u8]) -> Reply {
    match number(index) {
        Some(0) => Reply::OK,
        Some(_) => Reply::Error("ERR DB index is out of range".into()),
        None => Reply::Error("ERR value is not an integer or out of range".into()),
    }
}

/// `redis-cli` asks for it at its start and is content with nothing.
fn command(what: &[u8]) -> Reply {
    match what.to_ascii_lowercase().as_slice() {
        b"" | b"docs" | b"info" | b"list" => Reply::Array(Vec::new()),
        b"count" => Reply::Integer(0),
        _ => unknown_subcommand("COMMAND", what),
    }
}

fn config(request: &Request<'_>, about: &About) -> Action {
    let mut arguments = request.arguments();
    let what = arguments.next().unwrap_or_default();
    let reply = match what.to_ascii_lowercase().as_slice() {
        b"get" if arguments.len() > 0 => {
            let wanted: Vec<_> = arguments.map(<[u8]>::to_ascii_lowercase).collect();
            let is_wanted =
                |name: &str| wanted.iter().any(|word| word == b"*" || word == name.as_bytes());
            let settings = (about.settings)();
            let found = settings.iter().filter(|(name, _)| is_wanted(name));
            let texts = found.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
            Reply::Array(texts.map(Reply::bulk).collect())
        }
        // Not in Redis, whose `ACL LOAD` does the same to another file.
        b"reload" if arguments.len() == 0 => return Action::Reload,
        // The file and the environment say what the settings are: the next reload would undo it.
        b"set" if arguments.len() > 1 => Reply::Error(format!(
            "ERR CONFIG SET failed (possibly related to argument '{}') - can't set immutable config",
            shortened(arguments.next().unwrap_or_default())
        )),
        b"get" | b"set" | b"reload" => {
            wrong_count(&[b"config|", what].concat().to_ascii_lowercase())
        }
        _ => unknown_subcommand("CONFIG", what),
    };
    Action::Answer(reply)
}

fn wrong_count(name: &[u8]) -> Reply {
    let name = String::from_utf8_lossy(name);
    Reply::Error(format!("ERR wrong number of arguments for '{name}' command"))
}

fn unknown_subcommand(command: &str, what: &[u8]) -> Reply {
    let what = shortened(what);
    Reply::Error(format!("ERR unknown subcommand '{what}'. Try {command} HELP."))
}

fn unknown(request: &Request<'_>) -> Reply {
    let mut text =
        format!("ERR unknown command '{}', with args beginning with: ", shortened(request.name()));
    let before = text.len();
    for argument in request.arguments() {
        if text.len() - before >= 128 {
            break;
        }
        let _ = write!(text, "'{}' ", shortened(argument)); // a String takes all
    }
    Reply::Error(text)
}

/// The client's own words in an error reply: text, and not much of it.
fn shortened(word: &[u8]) -> String {
    String::from_utf8_lossy(&word[..word.len().min(128)]).into_owned()
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
