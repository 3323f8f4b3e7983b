//! The example `sensord`: each fault that can happen to a unit, as somebody sees it who runs the
//! program; and that nothing is lost which was accepted.

#![cfg(all(unix, feature = "env_logger", feature = "net"))]

#[path = "common/sensord.rs"]
mod sensord;

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use sensord::{Ended, LIMIT, Scratch, Sensord, command, reading};

const UNITS: [&str; 6] =
    ["spool", "temperature", "humidity", "gps", "uplink/session", "uplink/sender"];
const SENSORS: [&str; 3] = ["temperature", "humidity", "gps"];

/// All units but these had one life, and nobody has said anything of a second one.
#[track_caller]
fn assert_untouched_but(ended: &Ended, touched: &[&str]) {
    for unit in UNITS.iter().filter(|unit| !touched.contains(unit)) {
        ended.assert_not_logged(&format!("unit '{unit}' starting, attempt"));
        assert!(!ended.row(unit).contains("restart"), "{}", ended.report);
    }
}

/// What each sensor says to have handed over is in the spool, once and in order.
#[track_caller]
fn assert_nothing_lost(ended: &Ended, spool: &Scratch) {
    let spooled = spool.spooled();
    for sensor in SENSORS {
        let numbers = spooled.get(sensor).map(Vec::as_slice).unwrap_or_default();
        let accepted: Vec<u64> = (1..=ended.accepted(sensor)).collect();
        assert_eq!(numbers, accepted, "of {sensor}");
    }
}

// ---- the faults ----

#[test]
fn s1_a_panic_of_one_sensor_is_made_good_and_nobody_else_notices() {
    let spool = Scratch::new("panic");
    let flags = ["--fault=panic", "--fault-unit=gps", "--fault-after=100ms", "--status-every=20ms"];
    let mut sensord = Sensord::start(&spool, &flags);
    let why = "unit 'gps': serve panicked: a fault was asked for (examples/sensord/fault.rs:";
    sensord.wait_for_line(&["ERROR", why]);
    sensord.wait_for_line(&["WARN", "unit 'gps' starts again in ", "ms, attempt 2"]);
    // The snapshot has both its number and its last error, while it runs again.
    sensord.wait_for_line(&["gps ", "running", "  ready  restarts: 1  ", why]);
    let ended = sensord.terminate();
    ended.assert_exit(0);
    assert!(ended.row("gps").contains("  1 restart"), "{}", ended.report);
    assert_untouched_but(&ended, &["gps"]);
    assert_nothing_lost(&ended, &spool);
}

#[test]
fn l10_whoever_hangs_is_named_with_its_thread_and_where_it_waits() {
    let spools = UNITS.map(|unit| Scratch::new(&format!("hang-{}", unit.replace('/', "-"))));
    let limit = Duration::from_millis(500);
    let mut running = Vec::new();
    for (unit, spool) in UNITS.iter().zip(&spools) {
        let unit = format!("--fault-unit={unit}");
        let flags = [
            "--fault=hang",
            &unit,
            "--fault-after=0s",
            "--heartbeat=200ms",
            "--stop-timeout=500ms",
        ];
        running.push(Sensord::start(spool, &flags));
    }
    for (unit, sensord) in UNITS.iter().zip(&mut running) {
        sensord.wait_for_line(&["ERROR", &format!("unit '{unit}' does not respond, silent for ")]);
    }
    for ((unit, spool), sensord) in UNITS.iter().zip(&spools).zip(running) {
        let ended = sensord.terminate();
        ended.assert_exit(1);
        let first = ended.errors()[0];
        let left = format!("unit '{unit}' did not stop in ");
        let thread = format!(": thread '{unit}' (id ");
        assert!(first.starts_with(&left) && first.contains(&thread), "{first}");
        if cfg!(target_os = "linux") {
            assert!(first.contains("sleeping"), "{first}");
        }
        // Nobody else is to blame.
        let left: Vec<_> =
            ended.errors().into_iter().filter(|it| it.contains("not stop")).collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(ended.row(unit).contains("left behind"), "{}", ended.report);
        assert!(ended.took >= limit && ended.took < LIMIT, "{unit}: {:?}", ended.took);
        if unit.starts_with("uplink") {
            assert_nothing_lost(&ended, spool);
        }
    }
}

#[test]
fn s3_an_error_in_the_uplink_starts_all_of_it_again_and_nothing_else() {
    let spool = Scratch::new("error");
    let flags = ["--fault=error", "--fault-unit=uplink/session", "--fault-after=50ms"];
    let mut sensord = Sensord::start(&spool, &flags);
    sensord.wait_for_line(&["unit 'uplink/session': serve failed: a fault was asked for"]);
    sensord
        .wait_for_line(&["'uplink/sender' told to stop: starts again with unit 'uplink/session'"]);
    sensord.wait_for_line(&["unit 'uplink/session' starting, attempt 2"]);
    sensord.wait_for_line(&["unit 'uplink/sender' starting, attempt 2"]);
    sensord.wait_for_line(&["all units ready"]);
    let ended = sensord.terminate();
    ended.assert_exit(0);
    assert_untouched_but(&ended, &["uplink/session", "uplink/sender"]);
    assert_nothing_lost(&ended, &spool);
}

#[test]
fn s1_a_unit_that_fails_again_and_again_is_given_up_and_its_last_error_is_the_cause() {
    let spool = Scratch::new("gives-up");
    let flags = ["--fault=error", "--fault-unit=gps", "--fault-after=0s", "--fault-times=99"];
    let ended = Sensord::start(&spool, &flags).wait();
    ended.assert_exit(1).assert_logged("unit 'gps' is given up: more than 5 restarts in 60s");
    assert_eq!(ended.errors(), ["unit 'gps': serve failed: a fault was asked for"]);
    assert!(ended.row("gps").contains("failed") && ended.row("gps").contains("5 restarts"));
    assert_untouched_but(&ended, &["gps"]);
    assert_nothing_lost(&ended, &spool);
}

#[test]
fn l14_a_unit_that_is_never_ready_is_ended_by_its_start_timeout() {
    let spool = Scratch::new("never-ready");
    let flags = ["--fault=never-ready", "--fault-unit=gps", "--start-timeout=500ms"];
    let mut sensord = Sensord::start(&spool, &flags);
    sensord.wait_for_line(&["ERROR", "unit 'gps': start failed: not ready within 500ms"]);
    sensord.wait_for_line(&["unit 'gps' starting, attempt 2"]);
    sensord.wait_for_line(&["unit 'gps' ready"]); // it was to happen once
    sensord.terminate().assert_exit(0);
    // And where it happens each time, that is the cause of the end.
    let flags = [&flags[..], &["--fault-times=99"]].concat();
    let ended = Sensord::start(&spool, &flags).wait();
    ended.assert_exit(1).assert_logged("unit 'gps' is given up: more than 5 restarts in 60s");
    assert_eq!(ended.errors(), ["unit 'gps': start failed: not ready within 500ms"]);
}

#[test]
fn l9_a_unit_that_is_slow_to_stop_is_waited_for_within_its_limit() {
    for (unit, spool) in ["gps", "spool", "uplink/session"].map(|it| (it, Scratch::new("slow"))) {
        let name = format!("--fault-unit={unit}");
        let flags = ["--fault=slow-stop", &name, "--stop-timeout=1s"];
        let mut sensord = Sensord::start(&spool, &flags);
        sensord.wait_for_line(&["all units ready"]);
        let ended = sensord.terminate();
        ended.assert_exit(0).assert_not_logged("past its deadline");
        assert!(ended.took >= Duration::from_millis(500), "{unit}: {:?}", ended.took);
        assert!(ended.errors().is_empty(), "{}", ended.stderr);
        assert_nothing_lost(&ended, &spool);
    }
}

// ---- nothing is lost ----

#[test]
fn c3_what_was_accepted_is_in_the_spool_after_sigterm() {
    let spool = Scratch::new("accepted");
    let flags = [
        "--temperature-every=1ms",
        "--humidity-every=1ms",
        "--gps-every=1ms",
        "--spool-sync-every=0s", // each by itself: the spool cannot keep up
        "--log-level=trace",
    ];
    let mut sensord = Sensord::start(&spool, &flags);
    sensord.wait_for_line(&["kept gps 100 "]); // in full swing
    let ended = sensord.terminate();
    ended.assert_exit(0);
    assert!(ended.accepted("gps") >= 100);
    assert_nothing_lost(&ended, &spool);
}

#[test]
fn s2_what_the_spool_had_in_its_hand_when_it_panicked_is_written_by_the_next_one() {
    let spool = Scratch::new("in-hand");
    let flags = ["--fault=panic", "--fault-unit=spool", "--fault-after=50ms", "--fault-times=2"];
    let mut sensord = Sensord::start(&spool, &flags);
    sensord.wait_for_line(&["unit 'spool' starting, attempt 3"]);
    sensord.wait_for_line(&["all units ready"]);
    let ended = sensord.terminate();
    ended.assert_exit(0);
    assert_untouched_but(&ended, &["spool"]); // those that come after it waited for room
    assert_nothing_lost(&ended, &spool);
}

#[test]
fn s1_what_was_accepted_is_in_the_spool_when_the_stop_comes_in_a_pause() {
    let spool = Scratch::new("pause");
    let flags = ["--fault=error", "--fault-unit=spool", "--fault-after=0s", "--fault-times=99"];
    let mut sensord = Sensord::start(&spool, &flags);
    // 800 ms or more: long enough for a signal, on any machine.
    sensord.wait_for_line(&["unit 'spool' starts again in ", "attempt 5"]);
    let ended = sensord.terminate();
    ended.assert_exit(0).assert_not_logged("unit 'spool' starting, attempt 5");
    assert!(SENSORS.iter().any(|sensor| ended.accepted(sensor) > 0), "{}", ended.stderr);
    assert_nothing_lost(&ended, &spool);
}

// ---- the uplink ----

/// The next connection to it, as lines.
fn next_line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).expect("a line in time");
    line.trim_end().to_owned()
}

fn accept(listener: &TcpListener) -> BufReader<TcpStream> {
    let (stream, _) = listener.accept().expect("it connects");
    stream.set_read_timeout(Some(LIMIT)).expect("set");
    BufReader::new(stream)
}

#[test]
fn the_uplink_comes_back_when_the_other_side_has_gone_away() {
    let spool = Scratch::new("comes-back");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = format!("--uplink-host={}", listener.local_addr().expect("bound"));
    let mut sensord = Sensord::start(&spool, &[&host]);
    let mut first = accept(&listener);
    reading(&next_line(&mut first));
    drop(first);
    sensord.wait_for_line(&["unit 'uplink/session' starting, attempt 2"]);
    let mut second = accept(&listener);
    reading(&next_line(&mut second));
    drop(second); // and once more, while the program ends or just before: that is no failure of it
    let ended = sensord.terminate();
    ended.assert_exit(0);
    assert_untouched_but(&ended, &["uplink/session", "uplink/sender"]);
    assert_nothing_lost(&ended, &spool);
}

#[test]
fn what_was_not_shipped_by_the_end_is_shipped_by_the_next_run() {
    let spool = Scratch::new("next-run");
    // A port of the system's, which nobody has opened meanwhile for a test beside this one.
    let mut sensord = Sensord::start(&spool, &["--uplink-host=127.0.0.1:1"]);
    sensord.wait_for_line(&["unit 'uplink/session': serve failed: cannot connect to"]);
    sensord.wait_for_line(&["unit 'uplink/session' starting, attempt 3"]);
    sensord.terminate().assert_exit(0);
    let kept: usize = spool.spooled().values().map(Vec::len).sum();
    assert!(kept > 0, "the sensors were at work all the while");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = format!("--uplink-host={}", listener.local_addr().expect("bound"));
    let sensord = Sensord::start(&spool, &[&host]);
    let mut stream = accept(&listener);
    let shipped: Vec<String> = (0..kept).map(|_| next_line(&mut stream)).collect();
    let text = std::fs::read_to_string(spool.path().join("readings.log")).expect("a spool");
    assert_eq!(shipped, text.lines().take(kept).collect::<Vec<_>>());
    sensord.terminate().assert_exit(0);
}

// ---- settings ----

#[test]
fn f7_a_unit_that_is_not_there_is_an_error_that_lists_those_that_are() {
    let ended = Sensord::spawn(command().args(["--fault=hang", "--fault-unit=gpz"])).wait();
    ended.assert_exit(2).assert_logged("'gpz' for '--fault-unit' (command line)");
    for unit in UNITS {
        ended.assert_logged(unit);
    }
    let ended = Sensord::spawn(command().env("SENSORD_FAULT_UNIT", "uplink")).wait();
    ended.assert_exit(2).assert_logged("environment variable SENSORD_FAULT_UNIT");
}

#[test]
fn f7_what_does_not_go_together_is_refused() {
    let flags = ["--fault=hang", "--gps-every=10s", "--stop-timeout=1m"];
    let ended = Sensord::spawn(command().args(flags)).wait();
    ended
        .assert_exit(2)
        .assert_logged("'--fault' (command line): needs --fault-unit as well")
        .assert_logged("'--stop-timeout' (command line): needs to be more than 0, and at most 10s")
        .assert_logged("'--gps-every' (command line): needs to be less than --heartbeat");
}

#[cfg(feature = "config-file")]
#[test]
fn f4_the_annotated_file_has_the_defaults() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sensord/sensord.toml");
    let print = |args: &[&str]| {
        let ended = Sensord::spawn(command().arg("--print-config").args(args)).wait();
        ended.assert_exit(0);
        let lines = ended.report.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split(" # ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let defaults = print(&[]);
    assert!(defaults.contains(&"uplink-stop-timeout = \"2s\"".to_owned()), "{defaults:?}");
    assert_eq!(print(&["--config", file]), defaults);
}
