//! The settings read by `lexopt` and a `match`, as somebody would write it who wants nothing but the
//! values: the first problem ends it, and the help is a text that somebody keeps up to date.

use std::env;
use std::error::Error;
use std::ffi::OsString;

use lexopt::Arg::{Long, Short};
use lexopt::Parser;
use rungroup::FlagValue;

use crate::program::{self, Settings, Values};

/// The value that has to follow, or stands behind `=`.
fn value<T: FlagValue>(parser: &mut Parser) -> Result<T, Box<dyn Error>> {
    Ok(T::from_arg(&parser.value()?)?)
}

/// `--verbose` or `--verbose=false`.
fn switch(parser: &mut Parser) -> Result<bool, Box<dyn Error>> {
    parser.optional_value().map_or(Ok(true), |value| Ok(bool::from_arg(&value)?))
}

fn variable<T: FlagValue>(name: &str, value: &mut T) -> Result<(), Box<dyn Error>> {
    if let Some(text) = env::var_os(name).filter(|text| !text.is_empty()) {
        *value = T::from_arg(&text)?;
    }
    Ok(())
}

fn list_variable<T: FlagValue>(name: &str, values: &mut Vec<T>) -> Result<(), Box<dyn Error>> {
    if let Some(text) = env::var_os(name).filter(|text| !text.is_empty()) {
        let text = text.to_str().ok_or("not valid UTF-8")?;
        let parts = text.split(',').map(|part| T::from_arg(part.trim().as_ref()));
        *values = parts.collect::<Result<_, _>>()?;
    }
    Ok(())
}

macro_rules! readers {
    ($($unit:ident $name:literal $variable:literal $title:literal,)*) => {
        /// Whether a list was on the command line, which then goes before its variable.
        #[derive(Default)]
        struct Lists {
            $($unit: bool,)*
        }

        fn read_variables(settings: &mut Settings) -> Result<(), Box<dyn Error>> {
            $(
                variable(concat!("DEMO_", $variable, "_VERBOSE"), &mut settings.$unit.verbose)?;
                variable(concat!("DEMO_", $variable, "_WORKERS"), &mut settings.$unit.workers)?;
                variable(concat!("DEMO_", $variable, "_LABEL"), &mut settings.$unit.label)?;
                variable(concat!("DEMO_", $variable, "_TIMEOUT"), &mut settings.$unit.timeout)?;
                variable(concat!("DEMO_", $variable, "_BUFFER"), &mut settings.$unit.buffer)?;
                variable(concat!("DEMO_", $variable, "_LISTEN"), &mut settings.$unit.listen)?;
                variable(concat!("DEMO_", $variable, "_DATA"), &mut settings.$unit.data)?;
                variable(concat!("DEMO_", $variable, "_MODE"), &mut settings.$unit.mode)?;
                list_variable(concat!("DEMO_", $variable, "_PEER"), &mut settings.$unit.peers)?;
                variable(concat!("DEMO_", $variable, "_LIMIT"), &mut settings.$unit.limit)?;
            )*
            Ok(())
        }

        /// As a program of parts has it: each knows its own flags, and is asked in turn.
        fn read_line_by_unit(settings: &mut Settings, args: &[OsString]) -> Result<(), Box<dyn Error>> {
            let mut parser = Parser::from_iter(args);
            let mut lists = Lists::default();
            while let Some(arg) = parser.next()? {
                let Long(name) = arg else { return Err(arg.unexpected().into()) };
                let name = name.to_owned(); // it is borrowed from the parser, which the units need
                let is_known = $(
                    {
                        let is_again = &mut lists.$unit;
                        take_own(name.strip_prefix($name), &mut settings.$unit, is_again, &mut parser)?
                    } ||
                )* false;
                if !is_known {
                    return Err(Long(&name).unexpected().into());
                }
            }
            Ok(())
        }

        fn read_line(settings: &mut Settings, args: &[OsString]) -> Result<(), Box<dyn Error>> {
            let mut parser = Parser::from_iter(args);
            let mut lists = Lists::default();
            while let Some(arg) = parser.next()? {
                match arg {
                    $(
                        Long(concat!($name, "-verbose")) => {
                            settings.$unit.verbose = switch(&mut parser)?;
                        }
                        Long(concat!($name, "-workers")) => {
                            settings.$unit.workers = value(&mut parser)?;
                        }
                        Long(concat!($name, "-label")) => {
                            settings.$unit.label = value(&mut parser)?;
                        }
                        Long(concat!($name, "-timeout")) => {
                            settings.$unit.timeout = value(&mut parser)?;
                        }
                        Long(concat!($name, "-buffer")) => {
                            settings.$unit.buffer = value(&mut parser)?;
                        }
                        Long(concat!($name, "-listen")) => {
                            settings.$unit.listen = value(&mut parser)?;
                        }
                        Long(concat!($name, "-data")) => {
                            settings.$unit.data = value(&mut parser)?;
                        }
                        Long(concat!($name, "-mode")) => {
                            settings.$unit.mode = value(&mut parser)?;
                        }
                        Long(concat!($name, "-peer")) => {
                            if !std::mem::replace(&mut lists.$unit, true) {
                                settings.$unit.peers.clear();
                            }
                            settings.$unit.peers.push(value(&mut parser)?);
                        }
                        Long(concat!($name, "-limit")) => {
                            settings.$unit.limit = value(&mut parser)?;
                        }
                    )*
                    Short('h') | Long("help") => return Err("Usage: demo [FLAGS] …".into()),
                    Short('V') | Long("version") => return Err("demo 1.0.0".into()),
                    _ => return Err(arg.unexpected().into()),
                }
            }
            Ok(())
        }
    };
}
program::units!(readers);

/// The flags of one unit, whose names come after its prefix. Whether it is one of them.
fn take_own(
    name: Option<&str>,
    values: &mut Values,
    is_list_given: &mut bool,
    parser: &mut Parser,
) -> Result<bool, Box<dyn Error>> {
    match name {
        Some("-verbose") => values.verbose = switch(parser)?,
        Some("-workers") => values.workers = value(parser)?,
        Some("-label") => values.label = value(parser)?,
        Some("-timeout") => values.timeout = value(parser)?,
        Some("-buffer") => values.buffer = value(parser)?,
        Some("-listen") => values.listen = value(parser)?,
        Some("-data") => values.data = value(parser)?,
        Some("-mode") => values.mode = value(parser)?,
        Some("-peer") => {
            if !std::mem::replace(is_list_given, true) {
                values.peers.clear();
            }
            values.peers.push(value(parser)?);
        }
        Some("-limit") => values.limit = value(parser)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Parses and validates, each unit by itself.
pub(crate) fn read_by_unit(args: &[OsString]) -> Settings {
    let mut settings = Settings::default();
    read_line_by_unit(&mut settings, args).expect("valid");
    settings.validate().expect("valid");
    settings
}

/// Parses and validates.
pub(crate) fn read(args: &[OsString], has_env: bool) -> Settings {
    let mut settings = Settings::default();
    if has_env {
        read_variables(&mut settings).expect("valid");
    }
    read_line(&mut settings, args).expect("valid");
    settings.validate().expect("valid");
    settings
}
