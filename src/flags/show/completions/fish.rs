//! For fish: one `complete` for each flag.

use std::fmt::Write as _;

use super::{Offer, Value, escaped};

pub(super) fn script(program: &str, flags: &[Offer<'_>], takes_files: bool) -> String {
    let command = format!("complete -c {}", quoted(program));
    let mut script = "# Completions for fish.\n".to_owned();
    if !takes_files {
        let _ = writeln!(script, "{command} -f");
    }
    for flag in flags {
        script.push_str(&command);
        if let Some(short) = flag.short {
            let _ = write!(script, " -s {short}");
        }
        let _ = write!(script, " -l {}", flag.long);
        match &flag.value {
            Value::None => script.push_str(" -f"),
            // Not required (`-r`), so it is offered behind a '=' only.
            Value::Switch => script.push_str(" -f -a 'true false'"),
            Value::Listed(values) => {
                // Fish reads the list again when it completes: quoted, and quoted once more.
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                let _ = write!(script, " -x -a {}", quoted(&values.join(" ")));
            }
            Value::Files => script.push_str(" -r -F"),
            Value::Any => script.push_str(" -x"),
        }
        if !flag.about.is_empty() {
            let _ = write!(script, " -d {}", quoted(&flag.about));
        }
        script.push('\n');
    }
    script
}

fn quoted(text: &str) -> String {
    format!("'{}'", escaped(text, &['\'']))
}
