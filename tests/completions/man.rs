//! The manual page, in the programs that people read them with.

use crate::{NASTY, ODD_NAMES, Scratch, printed, run};

/// The page as `man` shows it, without line breaks; nothing without `man`.
fn shown(name: &str, (tool, args): (&str, &[&str]), page: &str) -> Option<String> {
    let scratch = Scratch::new(&format!("{name}-{tool}"));
    let page = scratch.write("kvd.1", page);
    let args = [args, &[page.to_str().expect("UTF-8")]].concat();
    let (out, err) = run(&scratch, tool, &args, "")?;
    assert_eq!(err, "", "{tool}: {out}");
    // Bold and underlined letters are struck twice.
    let mut plain = String::new();
    for letter in out.chars() {
        match letter {
            '\x08' => drop(plain.pop()),
            letter => plain.push(letter),
        }
    }
    Some(plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

const MAN: (&str, &[&str]) = ("man", &["--warnings=all", "-l"]);
const GROFF: (&str, &[&str]) = ("groff", &["-man", "-ww", "-z", "-T", "utf8"]);
const MANDOC: (&str, &[&str]) = ("mandoc", &["-T", "utf8", "-W", "error"]);

#[test]
fn f6_the_manual_page_shows_every_text_as_it_is() {
    let page = printed("kvd", true, &["--man"]);
    for (tool, args) in [MAN, MANDOC] {
        let Some(text) = shown("shown", (tool, args), &page) else { continue };
        for part in [
            &*format!("NAME kvd - {NASTY} SYNOPSIS kvd [FLAGS] [FILE...] DESCRIPTION {NASTY}"),
            "-l, --listen TEXT Where to listen. Not shown. Default: :80 Environment: KVD_LISTEN -p, \
             --peer TEXT... Who",
            &format!(
                "{NASTY} -o, --odd {NASTY} {NASTY} Possible values: a:b=c, a:d, it's, $(touch"
            ),
            &format!("--odder a'b]:c .' {NASTY} .so x 'x Default: {NASTY} Environment: KVD_ODDER"),
            "--store-max.open_files N How many files",
            "--obsolete As before. Deprecated: use --verbose",
            "KVD_STORE_MAX_OPEN_FILES --store-max.open_files N KVD_ODD",
            "EXIT STATUS 0 ",
        ] {
            assert!(text.contains(part), "{tool}: {part}\n{text}");
        }
        assert!(!text.contains("invisible"), "{tool}: {text}");
    }
}

#[test]
fn f6_the_manual_page_is_clean_roff() {
    for name in ODD_NAMES.iter().chain(&["kvd"]) {
        let page = printed(name, false, &["--man"]);
        assert!(page.is_ascii(), "{page}");
        for tool in [GROFF, MANDOC] {
            let _ = shown("clean", tool, &page);
        }
    }
}
