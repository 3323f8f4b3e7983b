//! The supervisor: decisions in a pure state machine (`state`, `machine`), threads, clock and
//! channels in a thin engine around it. It knows neither flags nor groups.

mod board;
mod crew;
mod engine;
mod incarnation;
mod machine;
#[cfg(test)]
mod machine_tests;
mod notice;
mod plan;
mod publish;
mod pulse;
mod record;
mod report;
mod state;
mod stoppers;

pub(crate) use board::Board;
pub(crate) use crew::{Crew, RUN_IS_OVER};
pub(crate) use engine::Engine;
pub(crate) use incarnation::denies;
pub(crate) use plan::{NodePlan, PartPlan, Request, Run, Served, ServicePlan};
pub(crate) use publish::Publisher;
pub use report::{LeftBehind, Report, UnitReport};
pub(crate) use state::GroupKind;
pub use state::StopOrder;
pub(crate) use state::{NodeId, Policy, UnitKind};
