//! For zsh: the flags as specifications of its own `_arguments`, which offers, describes and leaves
//! out by itself.

use std::fmt::Write as _;

use super::{Offer, Value, escaped, function, quoted};

pub(super) fn script(program: &str, flags: &[Offer<'_>], takes_files: bool) -> String {
    let function = function(program);
    let mut script = String::new();
    // Where zsh finds the file by itself it reads the name in the first line, which knows no quotes.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if program.chars().all(is_plain) && !program.starts_with('-') {
        let _ = writeln!(script, "#compdef {program}");
    }
    let _ = write!(script, "# Completions for zsh.\n{function}() {{\n{START}");
    for (index, flag) in flags.iter().enumerate() {
        for spec in specs(index, flag) {
            let _ = writeln!(script, "        {} \\", quoted(&spec));
        }
    }
    if takes_files {
        script.push_str("        '*:FILE:_files' \\\n");
    }
    script.push_str("        && ret=0\n    case $state in\n");
    for (index, flag) in flags.iter().enumerate() {
        if let Value::Listed(values) = &flag.value {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            let values = values.join(" ");
            let _ = writeln!(
                script,
                "        {index}) _wanted values expl value compadd -- {values} && ret=0 ;;"
            );
        }
    }
    script.push_str("    esac\n    return ret\n}\n");
    // Found by itself, the file is the body of a function. Otherwise it is sourced or evaluated.
    let _ = write!(
        script,
        "if [[ $zsh_eval_context[-1] == (loadautofunc|shfunc) ]]; then\n    {function} \"$@\"\n\
         else\n    compdef {function} {}\nfi\n",
        quoted(program),
    );
    script
}

const START: &str = "    local curcontext=$curcontext state line expl ret=1
    local -A opt_args
    _arguments -C -s -S : \\
";

/// What `_arguments` is told of a flag: one for its short name, one for its long.
fn specs(index: usize, flag: &Offer<'_>) -> Vec<String> {
    let long = format!("--{}", flag.long);
    let about = match &*flag.about {
        "" => String::new(),
        about => format!("[{}]", escaped(about, &['[', ']', ':'])),
    };
    let name = escaped(&flag.value_name, &[':']).replace('%', "%%");
    let (short_value, long_value) = match flag.value {
        Value::None => (String::new(), String::new()),
        Value::Switch => (String::new(), "::value:(true false)".to_owned()),
        Value::Listed(_) => (format!(":{name}:->{index}"), format!(":{name}:->{index}")),
        Value::Files => (format!(":{name}:_files"), format!(":{name}:_files")),
        Value::Any => (format!(":{name}: "), format!(":{name}: ")),
    };
    // How the value follows: a switch has it in the same word only, others there or in the next.
    let (short_joint, long_joint) = match flag.value {
        Value::None => ("", ""),
        Value::Switch => ("", "=-"),
        Value::Listed(_) | Value::Files | Value::Any => ("+", "="),
    };
    // One of the two names rules out the other.
    let again = match flag.short {
        _ if flag.repeats => "*".to_owned(),
        Some(short) => format!("(-{short} {long})"),
        None => String::new(),
    };
    let short = flag.short.map(|short| format!("{again}-{short}{short_joint}{about}{short_value}"));
    short.into_iter().chain([format!("{again}{long}{long_joint}{about}{long_value}")]).collect()
}
