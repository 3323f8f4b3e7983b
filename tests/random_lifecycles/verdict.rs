//! What the library says of a lifecycle: the result of the run, as the judge compares it with the
//! record.

use std::time::Instant;

use rungroup::{ErrorKind, Failure, Phase, Report, RunError, StopReason};

/// One failure that is reported.
#[derive(Clone, Debug)]
pub struct Failed {
    pub unit: String,
    pub phase: Phase,
    pub text: String,
    /// Of a panic: whether its place in the source is known.
    pub panic_at: Option<bool>,
}

#[derive(Clone, Debug)]
pub struct Verdict {
    /// Before there was any thread of it.
    pub began: Instant,
    /// `None` is `Ok`.
    pub error: Option<ErrorKind>,
    pub reason: StopReason,
    pub cause: Option<Failed>,
    pub failures: Vec<Failed>,
    pub left_behind: Vec<String>,
    pub skipped: Vec<String>,
    pub restarts: Vec<(String, u32)>,
}

impl Verdict {
    /// `reason` is what the run's token says.
    pub fn of(began: Instant, result: &Result<Report, RunError>, reason: StopReason) -> Self {
        let error = result.as_ref().err().map(RunError::kind);
        let cause = result.as_ref().err().and_then(RunError::cause).map(failed);
        let report = match result {
            Ok(report) => Some(report),
            Err(error) => error.report(),
        };
        let mut verdict = Self {
            began,
            error,
            reason,
            cause,
            failures: Vec::new(),
            left_behind: Vec::new(),
            skipped: Vec::new(),
            restarts: Vec::new(),
        };
        let Some(report) = report else { return verdict };
        let left = report.left_behind().iter().map(|left| left.unit.as_deref());
        verdict.left_behind = left.map(|unit| unit.unwrap_or("of no unit").to_owned()).collect();
        verdict.skipped = report.skipped_post_runs().iter().map(ToString::to_string).collect();
        verdict.failures = report.failures().iter().map(failed).collect();
        verdict.restarts =
            report.units().iter().map(|unit| (unit.path.to_string(), unit.restarts)).collect();
        verdict
    }
}

fn failed(failure: &Failure) -> Failed {
    Failed {
        unit: failure.unit().to_owned(),
        phase: failure.phase(),
        text: failure.to_string(),
        panic_at: failure.as_panic().map(|panic| {
            panic.location().is_some_and(|location| location.contains("random_lifecycles"))
        }),
    }
}
