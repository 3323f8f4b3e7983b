//! The panic boundary: the one place that catches a panic, and the hook that remembers where it
//! happened.
//!
//! `catch_unwind` gives the message and not the place; only the panic hook is told the place. So
//! one hook is chained in front of the one that is there, once in the life of the process. It notes
//! the location for threads that are inside [`catch`], and passes everything on. A program that
//! replaces the hook later loses the location, never the message.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// What a panic said, and where.
///
/// # Examples
///
/// ```
/// use rungroup::{Group, service_fn};
///
/// let mut group = Group::new("demo").args(["demo"]);
/// group.register(service_fn("fragile", |_ctx| panic!("out of cheese")));
/// let error = group.run().unwrap_err();
/// let panic = error.cause().and_then(|failure| failure.as_panic()).unwrap();
/// assert_eq!(panic.message(), "out of cheese");
/// assert!(panic.location().is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    message: String,
    location: Option<String>,
}

impl Panic {
    /// The panic's message, or a remark where the payload was not text.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("fragile", |_ctx| panic!("out of {}", "cheese")));
    /// let error = group.run().unwrap_err();
    /// let panic = error.downcast_ref::<rungroup::Panic>().unwrap();
    /// assert_eq!(panic.message(), "out of cheese");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The source location as `file:line:column`, unless the program has replaced the panic hook
    /// since.
    ///
    /// # Examples
    ///
    /// ```
    /// use rungroup::{Group, service_fn};
    ///
    /// let mut group = Group::new("demo").args(["demo"]);
    /// group.register(service_fn("fragile", |_ctx| panic!("out of {}", "cheese")));
    /// let error = group.run().unwrap_err();
    /// let panic = error.downcast_ref::<rungroup::Panic>().unwrap();
    /// let location = panic.location().unwrap(); // src/server.rs:12:34
    /// assert_eq!(location.rsplit(':').take(2).filter(|n| n.parse::<u32>().is_ok()).count(), 2);
    /// ```
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)?;
        match &self.location {
            Some(location) => write!(f, " ({location})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Panic {}

thread_local! {
    /// How many `catch`es this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Where the newest panic inside a `catch` happened.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether there is one. It has no destructor, so that looking at it costs next to nothing.
    static HAS_LOCATION: Cell<bool> = const { Cell::new(false) };
}

#[inline]
fn take_location() -> Option<String> {
    if HAS_LOCATION.get() {
        HAS_LOCATION.set(false);
        LOCATION.take()
    } else {
        None
    }
}

fn keep_location(location: Option<String>) {
    let _ = HAS_LOCATION.try_with(|has| has.set(location.is_some()));
    let _ = LOCATION.try_with(|kept| kept.replace(location));
}

/// Runs `f`; a panic in it comes back as an error.
///
/// What `f` leaves half-done behind a panic is its own to mend: that is the contract of every
/// callback of this library, hence `AssertUnwindSafe`.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    let (mut f, mut result) = (Some(f), None);
    caught(&mut || result = f.take().map(|f| f()))?;
    Ok(result.expect("it has returned, and so it has said what"))
}

/// Drops what may be the program's, if there is something: to be called without a lock. Nobody has any use
/// for it, so of a panic in it the hook alone can say something.
pub(crate) fn drop_apart(it: Option<impl Sized>) {
    if it.is_some() {
        let _ = catch(move || drop(it));
    }
}

/// The one body of [`catch`]: of what is compiled for each kind of callback only the call is left.
fn caught(f: &mut dyn FnMut()) -> Result<(), Panic> {
    install_hook();
    // A place that is left over is nobody's here: that of a panic which the callback around this one
    // is unwinding from is put back, and one that a callback has caught by itself is forgotten.
    let outer = take_location();
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    #[allow(clippy::disallowed_methods)] // this is the place that the lint points to
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    let location = take_location();
    if outer.is_some() {
        keep_location(outer);
    }
    result.map_err(|payload| Panic { message: message(payload), location })
}

fn message(payload: Box<dyn Any + Send>) -> String {
    let payload = match payload.downcast::<&'static str>() {
        Ok(text) => return (*text).to_owned(),
        Err(other) => other,
    };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => {
            // Its drop is foreign code and could panic in turn: leaked rather than risked.
            std::mem::forget(other);
            "a payload that is not text".to_owned()
        }
    }
}

#[inline]
fn install_hook() {
    static INSTALLED: Once = Once::new();
    if INSTALLED.is_completed() {
        return;
    }
    // A hook cannot be taken by a thread that panics: that would be a second panic. Such a one may run
    // a group in a destructor, and has lost the location then, never the message.
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.try_with(Cell::get).unwrap_or(0) > 0 {
                keep_location(info.location().map(ToString::to_string));
            }
            next(info);
        }));
    });
}
