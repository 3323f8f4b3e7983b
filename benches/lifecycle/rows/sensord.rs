//! What somebody waits for who stops a daemon of which one unit hangs: the example `sensord`, from SIGTERM
//! to the end of the process. Beside the row of the library alone it has the signal, the other units, which
//! have something to write, the report, and the end of a process with a thread that never ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};

use super::paired::{Bench, Variant, examples};

const WHAT: &str = "`sensord` with one unit hung, `--stop-timeout 500ms`";
const LIMIT: Duration = Duration::from_millis(500);

pub(crate) fn row(bench: &mut Bench) {
    if !bench.wants(WHAT) {
        return;
    }
    let sensord = examples::build(&["sensord"]).join("sensord");
    let spool = env::temp_dir().join(format!("rungroup-bench-sensord-{}", std::process::id()));
    let measure = |times| (0..times).map(|_| stop_while_one_hangs(&sensord, &spool)).sum();
    let mut subject = Variant::new("SIGTERM to exit", measure).in_few_rounds();
    bench.limit(WHAT, &mut subject, LIMIT.mul_f64(1.1));
    let _ = fs::remove_dir_all(&spool);
}

fn stop_while_one_hangs(sensord: &Path, spool: &Path) -> Duration {
    let _ = fs::remove_dir_all(spool); // of the round before
    let mut child = Command::new(sensord)
        .arg("--spool-dir")
        .arg(spool)
        .args(["--fault=hang", "--fault-unit=gps", "--fault-after=0s", "--stop-timeout=500ms"])
        .args(["--gps-every=1ms", "--temperature-every=1ms", "--humidity-every=1ms"])
        .args(["--humidity-fails-every=0", "--heartbeat=50ms"])
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sensord is there");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("unit 'gps' does not respond") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).expect("text"), 0, "it has ended too soon");
    }
    let told = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it is our child");
    let status = child.wait().expect("it is our child");
    let took = told.elapsed();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text"); // little enough for the pipe
    assert_eq!(status.code(), Some(1), "{rest}");
    assert!(rest.contains("error: unit 'gps' did not stop in "), "{rest}");
    took
}
