//! What a script does in `serve`, step by step.

use std::time::Duration;

use crossbeam_channel::{after, select};

use super::Pass;
use crate::context::ServeContext;
use crate::failure::BoxError;

type Serve = Box<dyn Fn(&ServeContext) -> Result<(), BoxError> + Send + Sync>;

/// One thing that it does.
pub(super) enum Step {
    Ready,
    Until(Pass),
    Hang(Pass),
    UntilTold,
    Take(Duration),
    Finish,
    Fail(String),
    Panic(String),
    Serve(Serve),
}

/// What it does, one after the other; and then it serves until it is told.
#[derive(Default)]
pub(super) struct Steps(Vec<(Step, u32)>);

/// Whether there is more to do after a step.
enum Then {
    GoOn,
    End,
}

impl Steps {
    pub(super) fn push(&mut self, step: Step) {
        self.0.push((step, u32::MAX));
    }

    /// The last step is one for so many attempts alone.
    pub(super) fn limit(&mut self, attempts: u32) {
        let (_, last) = self.0.last_mut().expect("`times` is said of the step before it");
        *last = attempts;
    }

    pub(super) fn say_ready(&self) -> bool {
        self.0.iter().any(|(step, _)| matches!(step, Step::Ready))
    }

    /// Plays them; `note` is what the unit writes down with.
    pub(super) fn play(&self, ctx: &ServeContext, note: &dyn Fn(&str)) -> Result<(), BoxError> {
        for (step, attempts) in &self.0 {
            if ctx.attempt() <= *attempts
                && let Then::End = step.play(ctx, note)?
            {
                return Ok(());
            }
        }
        Step::UntilTold.play(ctx, note)?;
        Ok(())
    }
}

impl Step {
    fn play(&self, ctx: &ServeContext, note: &dyn Fn(&str)) -> Result<Then, BoxError> {
        match self {
            Step::Ready => {
                note("ready"); // first: what comes after it starts, and notes something, as soon as it is
                ctx.ready();
            }
            Step::Until(gate) => {
                select! {
                    recv(gate.receiver()) -> _ => {}
                    recv(ctx.stopped().receiver()) -> _ => {
                        note("told");
                        return Ok(Then::End);
                    }
                }
            }
            Step::Hang(gate) => gate.wait(),
            Step::UntilTold => {
                ctx.stopped().wait();
                note("told");
            }
            Step::Take(time) => _ = after(*time).recv(),
            Step::Finish => return Ok(Then::End),
            Step::Fail(why) => return Err(why.clone().into()),
            Step::Panic(why) => panic!("{why}"),
            Step::Serve(serve) => return serve(ctx).map(|()| Then::End),
        }
        Ok(Then::GoOn)
    }
}
