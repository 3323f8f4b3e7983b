//! What a machine may say of a node, each kind of it counted: once by who listens to the machine, once
//! by the model. What is said is the same if the counts are.

/// What happens without a word, and is worth looking for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quiet {
    RoundWidened,
    RoundTakenBack,
    TakenOutOfRound,
    DoneTaskInRound,
    LateBelow,
    AskedOnceMore,
    ExcusedFailure,
}

/// How often each [`Word`] was said of a node.
pub(super) type Said = [u32; WORDS];

const WORDS: usize = Word::Late as usize + 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Start,
    Ready,
    Stopping,
    /// To stop, for good or not, before it has ended by itself.
    Told,
    /// By itself.
    Ended,
    Called,
    Stopped,
    Pauses,
    GivenUp,
    NotReady,
    DidNotStop,
    AskedIfAlive,
    Silent,
    HeardOf,
    Extended,
    Late,
}
