//! Where a flag's value came from. It knows nothing else.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

/// Where the value of a flag came from, as its errors and the effective settings show it.
///
/// # Examples
///
/// ```
/// use rungroup::{Flag, Source};
///
/// let port = Flag::<u16>::new("port", 80, "where to listen");
/// assert_eq!(port.source(), Source::Default);
/// assert_eq!(Source::CommandLine.to_string(), "command line");
/// assert_eq!(Source::environment("KVD_PORT").to_string(), "environment variable KVD_PORT");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The environment variable of this name.
    #[non_exhaustive]
    Environment {
        /// The variable's name.
        variable: String,
    },
    /// A line of the file that `--config` names.
    #[non_exhaustive]
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, the first is 1.
        line: usize,
    },
    /// The file that holds a secret, `--token-file` for `--token`.
    #[non_exhaustive]
    SecretFile {
        /// The file, as it was named.
        path: PathBuf,
    },
    /// The command line.
    CommandLine,
    /// Something that the program brought itself, in its own words: `etcd /kvd/port`.
    Other(Cow<'static, str>),
}

impl Source {
    /// The environment variable of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Source;
    ///
    /// assert_eq!(Source::environment("PORT").to_string(), "environment variable PORT");
    /// ```
    pub fn environment(variable: impl Into<String>) -> Self {
        Source::Environment { variable: variable.into() }
    }

    /// A line of a file.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::Source;
    ///
    /// assert_eq!(Source::file("kvd.toml", 14).to_string(), "kvd.toml:14");
    /// ```
    pub fn file(path: impl Into<PathBuf>, line: usize) -> Self {
        Source::File { path: path.into(), line }
    }

    /// A source in the program's own words.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Flag, FlagSet, Source};
    ///
    /// let port = Flag::<u16>::new("port", 80, "where to listen");
    /// FlagSet::new("Server").add(&port).set("port", "8080", Source::other("etcd /kvd/port"))?;
    /// assert_eq!(port.source().to_string(), "etcd /kvd/port");
    /// # Ok::<(), rungroup::ConfigErrors>(())
    /// ```
    pub fn other(words: impl Into<Cow<'static, str>>) -> Self {
        Source::Other(words.into())
    }
}

/// `default`, `environment variable KVD_LISTEN`, `kvd.toml:14`, `file /run/secrets/token`,
/// `command line`, or the program's own words.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Environment { variable } => write!(f, "environment variable {variable}"),
            Source::File { path, line } => write!(f, "{}:{line}", printable(path.as_os_str())),
            Source::SecretFile { path } => write!(f, "file {}", printable(path.as_os_str())),
            Source::CommandLine => f.write_str("command line"),
            Source::Other(words) => f.write_str(words),
        }
    }
}

/// Text from outside made fit for a terminal.
pub(super) fn printable(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    if text.contains(char::is_control) {
        text.escape_debug().to_string()
    } else {
        text.into_owned()
    }
}
