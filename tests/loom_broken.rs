//! Are the models of `tests/loom.rs` able to fail? Each row of [`BROKEN`] breaks the library in one
//! place, in a copy, and names the model that has to find it. A row that no longer fits the source is
//! an error, too.
//!
//! ```console
//! $ cargo test --test loom_broken -- --ignored --nocapture
//! ```

// What is being tried: it takes minutes.
#![allow(clippy::disallowed_macros)]

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// One way to break it.
struct Broken {
    what: &'static str,
    edits: &'static [Edit],
    /// The model that has to fail.
    model: &'static str,
}

struct Edit {
    file: &'static str,
    /// Stands once in the file, and is replaced.
    code: &'static str,
    by: &'static str,
}

const SOURCE: &str = env!("CARGO_MANIFEST_DIR");

const COUNT: &str = "src/closer/count/mod.rs";
const STRIPES: &str = "src/closer/count/stripes.rs";
const GATE: &str = "src/closer/gate.rs";
const CHANNEL: &str = "src/closer/channel.rs";
const GROUP: &str = "src/closer/group.rs";
const LATCH: &str = "src/latch.rs";

const BROKEN: &[Broken] = &[
    Broken {
        what: "an add does not look at the mark",
        edits: &[Edit {
            file: STRIPES,
            code: "fetch_add(ONE, Ordering::Acquire) & MARK == 0",
            by: "fetch_add(ONE, Ordering::Acquire) != isize::MIN",
        }],
        model: "c6_an_add_on_the_stripe_that_is_marked_first",
    },
    Broken {
        what: "an add looks at the mark, and counts later",
        edits: &[Edit {
            file: STRIPES,
            code: "self.of_this_thread().fetch_add(ONE, Ordering::Acquire) & MARK == 0",
            by: "let stripe = self.of_this_thread();
        stripe.load(Ordering::Acquire) & MARK == 0
            && stripe.fetch_add(ONE, Ordering::Acquire) != isize::MIN",
        }],
        model: "c6_an_add_on_the_stripe_that_is_marked_last",
    },
    Broken {
        what: "an add does not acquire",
        edits: &[Edit {
            file: STRIPES,
            code: "fetch_add(ONE, Ordering::Acquire)",
            by: "fetch_add(ONE, Ordering::Relaxed)",
        }],
        model: "c2_whoever_is_refused_sees_what_was_done_before_the_close",
    },
    Broken {
        what: "a done does not release",
        edits: &[Edit {
            file: STRIPES,
            code: "fetch_sub(ONE, Ordering::Release)",
            by: "fetch_sub(ONE, Ordering::Relaxed)",
        }],
        model: "c6_a_done_on_the_stripe_of_its_add_against_the_close",
    },
    Broken {
        what: "a done does not look at the mark",
        edits: &[Edit {
            file: STRIPES,
            code: "fetch_sub(ONE, Ordering::Release) & MARK == 0",
            by: "fetch_sub(ONE, Ordering::Release) != isize::MIN",
        }],
        model: "c6_a_done_on_the_stripe_of_its_add_against_the_close",
    },
    Broken {
        what: "the mark does not acquire",
        edits: &[Edit {
            file: STRIPES,
            code: "fetch_add(MARK, Ordering::AcqRel)",
            by: "fetch_add(MARK, Ordering::Release)",
        }],
        model: "c6_a_done_on_a_stripe_that_is_marked_later_than_that_of_its_add",
    },
    Broken {
        what: "the mark does not release",
        edits: &[Edit {
            file: STRIPES,
            code: "fetch_add(MARK, Ordering::AcqRel)",
            by: "fetch_add(MARK, Ordering::Acquire)",
        }],
        model: "c2_whoever_is_refused_sees_what_was_done_before_the_close",
    },
    Broken {
        what: "a stripe is read, and marked later",
        edits: &[Edit {
            file: STRIPES,
            code: "let before = stripe.0.fetch_add(MARK, Ordering::AcqRel);",
            by: "let before = stripe.0.load(Ordering::Acquire);
            stripe.0.fetch_add(MARK, Ordering::AcqRel);",
        }],
        model: "c6_a_done_on_the_stripe_of_its_add_against_the_close",
    },
    Broken {
        what: "a close marks nothing where nobody has counted yet",
        edits: &[Edit {
            file: STRIPES,
            code: "let stripes = self.0.get_or_init(|| make(1));",
            by: "let stripes = self.0.get().map_or(&[][..], |stripes| stripes);",
        }],
        model: "c2_no_first_add_succeeds_once_the_notification_is_visible",
    },
    Broken {
        what: "the remainder can come to zero before all stripes were moved",
        edits: &[Edit {
            file: COUNT,
            code: "const BIAS: isize = isize::MAX / 2;",
            by: "const BIAS: isize = 1;",
        }],
        model: "c6_a_done_before_the_stripe_of_its_add_was_moved",
    },
    Broken {
        what: "one that leaves late does not release",
        edits: &[Edit {
            file: COUNT,
            code: "self.remainder.fetch_sub(1, Ordering::AcqRel)",
            by: "self.remainder.fetch_sub(1, Ordering::Acquire)",
        }],
        model: "c6_two_dones_after_the_close",
    },
    Broken {
        what: "the last one that leaves late does not acquire",
        edits: &[Edit {
            file: COUNT,
            code: "self.remainder.fetch_sub(1, Ordering::AcqRel)",
            by: "self.remainder.fetch_sub(1, Ordering::Release)",
        }],
        model: "c6_two_dones_after_the_close",
    },
    Broken {
        what: "what the close moves is not released with it",
        edits: &[Edit {
            file: COUNT,
            code: "self.remainder.fetch_add(moved, Ordering::AcqRel)",
            by: "self.remainder.fetch_add(moved, Ordering::Acquire)",
        }],
        model: "c6_what_was_done_before_the_close_against_a_late_done",
    },
    Broken {
        what: "a close that drains does not acquire what the late ones did",
        edits: &[Edit {
            file: COUNT,
            code: "self.remainder.fetch_add(moved, Ordering::AcqRel)",
            by: "self.remainder.fetch_add(moved, Ordering::Release)",
        }],
        model: "c6_a_done_before_the_stripe_of_its_add_was_moved",
    },
    Broken {
        what: "the last one that leaves wakes nobody",
        edits: &[Edit {
            file: COUNT,
            code: "before == 1 && self.drain()",
            by: "before == 0 && self.drain()",
        }],
        model: "c4_a_wait_against_the_last_done",
    },
    Broken {
        what: "a close that finds nobody wakes nobody",
        edits: &[Edit {
            file: COUNT,
            code: "before + moved == 0 && self.drain()",
            by: "before + moved == isize::MAX && self.drain()",
        }],
        model: "c6_an_add_on_the_stripe_that_is_marked_first",
    },
    Broken {
        what: "it is announced before the last mark",
        edits: &[Edit {
            file: COUNT,
            code: "let moved = self.open.mark() - BIAS;
        announce();",
            by: "announce();
        let moved = self.open.mark() - BIAS;",
        }],
        model: "c2_no_add_succeeds_once_the_notification_is_visible",
    },
    Broken {
        what: "it is announced after the first mark",
        edits: &[
            Edit {
                file: COUNT,
                code: "let moved = self.open.mark() - BIAS;
        announce();",
                by: "let mut announce = Some(announce);
        let moved = self.open.mark(|| announce.take().into_iter().for_each(|it| it())) - BIAS;",
            },
            Edit {
                file: STRIPES,
                code: "pub(super) fn mark(&self)",
                by: "pub(super) fn mark(&self, mut marked: impl FnMut())",
            },
            Edit {
                file: STRIPES,
                code: "debug_assert!(before & MARK == 0, \"marked twice\");",
                by: "marked();",
            },
        ],
        model: "c2_nor_on_the_stripe_that_is_marked_last",
    },
    Broken {
        what: "a close that is not the first is not ordered with those who leave late",
        edits: &[Edit {
            file: COUNT,
            code: "self.remainder.fetch_add(0, Ordering::AcqRel);",
            by: "",
        }],
        model: "c6_and_so_does_a_close_that_is_not_the_first",
    },
    Broken {
        what: "it can drain before it is announced",
        edits: &[Edit {
            file: COUNT,
            code: "announce();
        let before = self.remainder.fetch_add(moved, Ordering::AcqRel);",
            by: "let before = self.remainder.fetch_add(moved, Ordering::AcqRel);
        announce();",
        }],
        model: "c2_a_wait_against_the_close_and_the_last_done_finds_it_closed",
    },
    Broken {
        what: "a second close does not wait for the first",
        edits: &[Edit {
            file: COUNT,
            code: "let moved = self.open.mark() - BIAS;
        announce();",
            by: "*is_closed = true;
        drop(is_closed);
        let moved = self.open.mark() - BIAS;
        announce();
        let mut is_closed = self.is_closed.lock();",
        }],
        model: "c2_of_two_that_close_each_finds_it_closed_when_its_close_returns",
    },
    Broken {
        what: "a second close closes again",
        edits: &[Edit {
            file: COUNT,
            code: "            return false;
        }
        let moved",
            by: "        }
        let moved",
        }],
        model: "c6_two_that_close_and_one_that_leaves",
    },
    Broken {
        what: "the bell is rung without its lock",
        edits: &[Edit { file: LATCH, code: "drop(bell.lock());", by: "" }],
        model: "c4_a_wait_against_the_last_done",
    },
    Broken {
        what: "who blocks is counted too late",
        edits: &[Edit {
            file: LATCH,
            code: "self.blocked.fetch_add(1, Ordering::Relaxed);
        wait(self.bell.borrow());",
            by: "wait(self.bell.borrow());
        self.blocked.fetch_add(1, Ordering::Relaxed);",
        }],
        model: "l7_a_token_is_set_and_its_neighbour_is_not",
    },
    Broken {
        what: "the bell is rung only if somebody blocks on the first",
        edits: &[Edit {
            file: LATCH,
            code: "latches.iter().any(|latch| latch.blocked",
            by: "latches.iter().take(1).any(|latch| latch.blocked",
        }],
        model: "l7_tokens_at_one_bell_are_set_together",
    },
    Broken {
        what: "the bell is rung before the last is set",
        edits: &[
            Edit {
                file: LATCH,
                code: "latches.filter(|latch| latch.publish(value.clone())).collect();",
                by: "latches.collect();",
            },
            Edit {
                file: LATCH,
                code: "            Self::ring(neighbours);
",
                by: "            Self::ring(neighbours);
            for latch in neighbours {
                latch.publish(value.clone());
            }
",
            },
        ],
        model: "l7_tokens_at_one_bell_are_set_together",
    },
    Broken {
        what: "the bell wakes one",
        edits: &[Edit {
            file: "src/sync/model.rs",
            code: "self.changed.notify_all();",
            by: "self.changed.notify_one();",
        }],
        model: "c4_two_waits_against_the_last_done",
    },
    Broken {
        what: "who waits for the bell is not counted",
        edits: &[Edit {
            file: "src/sync/model.rs",
            code: "self.waiting.fetch_add(1, Ordering::Relaxed);",
            by: "",
        }],
        model: "c4_a_wait_against_the_last_done",
    },
    Broken {
        what: "a limit that passes is taken for the end",
        edits: &[Edit {
            file: COUNT,
            code: "self.drained.wait_until(deadline).is_some()",
            by: "self.drained.wait_until(deadline).is_some() || deadline.is_some()",
        }],
        model: "c4_a_limit_against_the_last_done",
    },
    Broken {
        what: "the receivers are told together with the senders",
        edits: &[Edit {
            file: CHANNEL,
            code: "self.senders.close();",
            by: "self.senders.close();
        self.receivers.close();",
        }],
        model: "c3_receivers_are_told_when_all_that_was_accepted_has_been_sent",
    },
    Broken {
        what: "the last sender does not tell the receivers",
        edits: &[Edit { file: CHANNEL, code: "senders.then_close(&receivers);", by: "" }],
        model: "c3_the_wait_is_over_when_the_last_receiver_has_left",
    },
    Broken {
        what: "the second channel of a group follows the senders of the first",
        edits: &[Edit {
            file: CHANNEL,
            code: "self.receivers.then_close(&next.senders);",
            by: "self.senders.then_close(&next.senders);",
        }],
        model: "c3_a_group_tells_the_second_channel_when_the_first_has_drained",
    },
    Broken {
        what: "a link is made without a look at who has drained",
        edits: &[Edit { file: GATE, code: "if self.count.is_drained() {", by: "if false {" }],
        model: "c3_a_group_that_closes_while_its_first_channel_drains",
    },
    Broken {
        what: "a link is made after the look at who has drained",
        edits: &[
            Edit {
                file: GATE,
                code: "self.followers.lock().push(Arc::clone(next));",
                by: "let has_drained = self.count.is_drained();
        self.followers.lock().push(Arc::clone(next));",
            },
            Edit { file: GATE, code: "if self.count.is_drained() {", by: "if has_drained {" },
        ],
        model: "c3_a_group_that_closes_while_its_first_channel_drains",
    },
    Broken {
        what: "a group does not link",
        edits: &[Edit { file: GROUP, code: "pair[0].then_close(&pair[1]);", by: "" }],
        model: "c3_a_group_that_closes_while_its_first_channel_drains",
    },
];

#[test]
#[ignore = "compiles the library once for each: about three minutes. `.ci/run` runs it"]
fn c7_the_models_find_what_is_broken() {
    let copy = Copy::new();
    let mut missed = String::new();
    let only = env::var("RUNGROUP_BROKEN").unwrap_or_default(); // a part of what is broken
    for broken in BROKEN.iter().filter(|broken| broken.what.contains(&only)) {
        println!("{}: {}", broken.what, broken.model);
        if let Err(why) = copy.finds(broken) {
            let _ = writeln!(missed, "{}: {}: {why}\n", broken.what, broken.model);
        }
    }
    assert!(missed.is_empty(), "{missed}");
}

/// A copy of the package that can be broken. What is not broken is linked.
struct Copy(PathBuf);

impl Copy {
    fn new() -> Self {
        let root = Path::new(SOURCE);
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(copy.join("tests")).unwrap();
        for linked in ["Cargo.toml", "README.md", "benches", "examples", "tests/loom.rs"] {
            symlink(root.join(linked), copy.join(linked)).unwrap();
        }
        // The versions that the library is tested with, if they were settled.
        let _ = fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock"));
        Self(copy)
    }

    fn finds(&self, broken: &Broken) -> Result<(), String> {
        copy_folder(&Path::new(SOURCE).join("src"), &self.0.join("src"));
        for edit in broken.edits {
            let path = self.0.join(edit.file);
            let text = fs::read_to_string(&path).unwrap();
            let times = text.matches(edit.code).count();
            if times != 1 {
                return Err(format!("'{}' stands {times} times in {}", edit.code, edit.file));
            }
            fs::write(&path, text.replace(edit.code, edit.by)).unwrap();
        }
        let output = Command::new(env!("CARGO"))
            .current_dir(&self.0)
            .env("RUSTFLAGS", "--cfg loom")
            // An endless one is given up, and then it was not found.
            .env("LOOM_MAX_DURATION", "120")
            .env("CARGO_TARGET_DIR", self.0.with_file_name("broken-target"))
            .args(["test", "--quiet", "--profile", "models", "--no-default-features"])
            .args(["--test", "loom", "--", "--exact", broken.model])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        match () {
            () if output.status.success() => Err("not found".to_owned()),
            () if said.contains(&format!("thread '{}'", broken.model)) => Ok(()), // panicked
            () => Err(format!("it failed, but not in the model:\n{said}")),
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
