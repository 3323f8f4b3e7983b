//! What is to happen in one lifecycle, all of it drawn from one seed.
//!
//! A plan is a list of units in the order of registration, each with what it does at each of its
//! callbacks, and a list of the groups that they are in. Who stops before whom, and who starts after whom,
//! is said at the nearest group that both are in.

mod draw;

use std::fmt;
use std::time::Duration;

use rungroup::{Backoff, Restart, StopOrder, Strategy};

/// How a callback ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Ok,
    Error,
    Panic,
}

/// What somebody does to the group: a unit in a callback, or a thread beside the run.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Stop,
    Deregister(usize),
    Look,
    WaitTillReady,
    /// Which a thread of the group must be refused.
    WaitForTheEnd,
    /// Registers one of those that join while the group serves, unless somebody has.
    Join(usize),
}

/// One callback.
#[derive(Clone, Debug)]
pub struct Turn {
    pub takes: Duration,
    pub deed: Option<Deed>,
    pub ends: How,
}

/// Until when a `serve` goes on.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    Now,
    After(Duration),
    Told,
    /// Whatever it is told: it has to be let go.
    LetGo,
}

/// A thread of an incarnation.
#[derive(Clone, Copy, Debug)]
pub struct Helper {
    pub until_told: bool,
    pub takes: Duration,
    pub panics: bool,
}

/// One entering of `serve`.
#[derive(Clone, Debug)]
pub struct Serve {
    pub helpers: Vec<Helper>,
    pub on_stop: Option<Turn>,
    pub ready_after: Option<Duration>,
    /// It does not beat until that is noticed: of units that have a limit for it and get ready.
    pub silent: bool,
    pub deed: Option<Deed>,
    pub until: Until,
    /// How long the end takes.
    pub takes: Duration,
    pub ends: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Never,
    OnFailure,
    Always,
}

impl When {
    pub fn covers(self, failed: bool) -> bool {
        match self {
            When::Never => false,
            When::OnFailure => failed,
            When::Always => true,
        }
    }

    fn policy(self, restarts: u32, pause: Duration) -> Restart {
        let policy = match self {
            When::Never => return Restart::never(),
            When::OnFailure => Restart::on_failure(),
            When::Always => Restart::always(),
        };
        policy.backoff(Backoff::constant(pause)).intensity(restarts, Duration::from_hours(1))
    }
}

#[derive(Clone, Debug)]
pub struct UnitPlan {
    /// Its path.
    pub name: String,
    /// The group that it is in.
    pub group: usize,
    pub after: Vec<Part>,
    pub task: bool,
    pub background: bool,
    pub instances: u32,
    pub when: When,
    pub restarts: u32,
    pub pause: Duration,
    pub declares_ready: bool,
    pub start_timeout: Option<Duration>,
    pub heartbeat: Option<Duration>,
    pub pre_run: Option<Turn>,
    pub post_run: Turn,
    pub graceful_stop: Turn,
    /// Of each attempt; the last is for those that follow, too.
    pub serve: Vec<Serve>,
}

impl UnitPlan {
    pub fn restart(&self) -> Restart {
        self.when.policy(self.restarts, self.pause)
    }

    pub fn serve(&self, attempt: u32) -> &Serve {
        let index = usize::try_from(attempt).unwrap() - 1;
        &self.serve[index.min(self.serve.len() - 1)]
    }

    /// Whether an end of attempt number `attempt` is one to start again after.
    pub fn covers(&self, failed: bool, attempt: u32) -> bool {
        self.when.covers(failed) && attempt <= self.restarts
    }
}

/// Who starts again with a unit that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    One,
    All,
    Rest,
}

/// A group. The first in the list is the outermost.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    pub name: String,
    /// The group that it is in: none, for the outermost.
    pub parent: Option<usize>,
    /// It is registered when so many units are.
    pub place: usize,
    pub after: Vec<Part>,
    pub task: bool,
    pub background: bool,
    pub reverse: bool,
    pub who: Who,
    pub when: When,
    pub restarts: u32,
    pub pause: Duration,
    pub start_timeout: Option<Duration>,
}

impl GroupPlan {
    pub fn path(&self) -> &str {
        self.name.trim_end_matches('/')
    }

    pub fn restart(&self) -> Restart {
        self.when.policy(self.restarts, self.pause)
    }

    pub fn order(&self) -> StopOrder {
        if self.reverse { StopOrder::Reverse } else { StopOrder::default() }
    }

    pub fn strategy(&self) -> Strategy {
        match self.who {
            Who::One => Strategy::one_for_one(),
            Who::All => Strategy::one_for_all(),
            Who::Rest => Strategy::rest_for_one(),
        }
    }
}

/// What a group has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Unit(usize),
    Group(usize),
}

/// A thread beside the run, which does something once so much has been noted, or so much time has passed.
#[derive(Clone, Debug)]
pub struct Outsider {
    pub notes: usize,
    pub limit: Duration,
    pub deed: Deed,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Those that do not stop in time are left behind. Then any unit may be late, as the machine may be
    /// busy, and what is judged is less.
    pub hasty: Option<Duration>,
    pub groups: Vec<GroupPlan>,
    pub units: Vec<UnitPlan>,
    /// Those that are not there from the start, all of them in the outermost group and behind all others.
    pub joins: Vec<Part>,
    pub before: Option<Deed>,
    pub outsiders: Vec<Outsider>,
    pub waiters: usize,
}

impl Plan {
    /// The group that this is in.
    pub fn parent(&self, part: Part) -> Option<usize> {
        match part {
            Part::Unit(unit) => Some(self.units[unit].group),
            Part::Group(group) => self.groups[group].parent,
        }
    }

    pub fn after(&self, part: Part) -> &[Part] {
        match part {
            Part::Unit(unit) => &self.units[unit].after,
            Part::Group(group) => &self.groups[group].after,
        }
    }

    fn is_background(&self, part: Part) -> bool {
        match part {
            Part::Unit(unit) => self.units[unit].background,
            Part::Group(group) => self.groups[group].background,
        }
    }

    /// Whether it would end as it starts, since nothing in it keeps it alive, or since there is such a group
    /// in it: then it does not start again.
    pub fn ends_at_once(&self, group: usize) -> bool {
        let inner = |part: &Part| self.is_in_group(*part, group);
        let ends = |part: Part| matches!(part, Part::Group(inner) if self.ends_at_once(inner));
        let task = |part: Part| matches!(part, Part::Group(inner) if self.groups[inner].task);
        self.parts().filter(inner).any(|part| ends(part) && !task(part))
            || self.parts().filter(inner).all(|part| ends(part) || self.is_background(part))
    }

    /// When it is registered: a group before the units in it.
    fn place(&self, part: Part) -> (usize, usize) {
        match part {
            Part::Unit(unit) => (unit, usize::MAX),
            Part::Group(group) => (self.groups[group].place, group),
        }
    }

    /// The unit, and the groups that it is in, but for the outermost.
    pub fn line(&self, unit: usize) -> Vec<Part> {
        let mut line = vec![Part::Unit(unit)];
        while let Some(group @ 1..) = line.last().and_then(|&part| self.parent(part)) {
            line.push(Part::Group(group));
        }
        line
    }

    /// The groups that it is in, the innermost first.
    pub fn groups_of(&self, unit: usize) -> Vec<usize> {
        let mut groups = vec![self.units[unit].group];
        while let Some(group) = groups.last().and_then(|&group| self.groups[group].parent) {
            groups.push(group);
        }
        groups
    }

    pub fn is_in_group(&self, part: Part, group: usize) -> bool {
        self.parent(part) == Some(group)
    }

    /// The units that this is, or has in it.
    pub fn units_of(&self, part: Part) -> impl Iterator<Item = usize> {
        (0..self.units.len()).filter(move |&unit| self.line(unit).contains(&part))
    }

    /// Whether a group that it is in is done when it has ended well.
    pub fn in_task(&self, unit: usize) -> bool {
        self.groups_of(unit).iter().any(|&group| self.groups[group].task)
    }

    pub fn in_background(&self, unit: usize) -> bool {
        let groups = self.groups_of(unit);
        self.units[unit].background || groups.iter().any(|&group| self.groups[group].background)
    }

    /// Whether it may have to start again since another does, or with a group that it is in.
    pub fn in_rounds(&self, unit: usize) -> bool {
        self.starters(Part::Unit(unit)).next().is_some() || self.in_returning_group(unit)
    }

    /// Whether a group that it is in may start again: then its end may be one that all in it come back
    /// from.
    pub fn in_returning_group(&self, unit: usize) -> bool {
        let groups = self.line(unit).into_iter().skip(1);
        groups.into_iter().any(|group| self.comes_back(group))
    }

    /// Whether it may start again, by its own policy or with others.
    pub fn comes_back(&self, part: Part) -> bool {
        self.when(part) != When::Never || self.starters(part).next().is_some()
    }

    pub fn when(&self, part: Part) -> When {
        match part {
            Part::Unit(unit) => self.units[unit].when,
            Part::Group(group) => self.groups[group].when,
        }
    }

    /// Those that may start again, and take this along.
    pub fn starters(&self, part: Part) -> impl Iterator<Item = Part> {
        let group = self.parent(part);
        let who = group.map_or(Who::One, |group| self.groups[group].who);
        self.parts().filter(move |&starter| {
            let beside = self.parent(starter) == group && self.when(starter) != When::Never;
            beside && (who == Who::All || (who == Who::Rest && !self.is_later(starter, part)))
        })
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let units = (0..self.units.len()).map(Part::Unit);
        units.chain((0..self.groups.len()).map(Part::Group))
    }

    /// Whether a group that it is in has to be ready in time.
    pub fn in_limited_group(&self, unit: usize) -> bool {
        self.groups_of(unit).into_iter().any(|it| self.groups[it].start_timeout.is_some())
    }

    /// What has this path.
    pub fn part(&self, path: &str) -> Option<Part> {
        let unit = self.units.iter().position(|unit| unit.name == path);
        let is_it = |group: &GroupPlan| group.path() == path;
        let group = || self.groups.iter().position(is_it);
        unit.map(Part::Unit).or_else(|| group().map(Part::Group))
    }

    /// The two parts of the nearest group that both are in, to which these units belong.
    pub fn side_by_side(&self, one: usize, other: usize) -> Option<(Part, Part)> {
        self.line(one).into_iter().find_map(|part| {
            let siblings = self.line(other).into_iter();
            let mut siblings = siblings.filter(|&it| self.parent(it) == self.parent(part));
            siblings.find(|&it| it != part).map(|it| (part, it))
        })
    }

    /// Gated: it stops when all in its group that are not have (L9). What it comes after counts if it is
    /// there: of `absent` groups all units were taken out before they could serve, and what these come
    /// after counts in their place.
    fn is_gated(&self, part: Part, absent: &[Part]) -> bool {
        self.is_background(part) && self.is_after_gated_ones(part, absent)
    }

    fn is_after_gated_ones(&self, part: Part, absent: &[Part]) -> bool {
        self.after(part).iter().all(|&other| {
            if absent.contains(&other) {
                self.is_after_gated_ones(other, absent)
            } else {
                self.is_gated(other, absent)
            }
        })
    }

    /// Whether `first` is over before `second` is told to stop, at the end of the group.
    pub fn stops_before(&self, first: usize, second: usize, absent: &[Part]) -> bool {
        let Some((first, second)) = self.side_by_side(first, second) else { return false };
        if self.after(first).contains(&second) {
            return true;
        }
        let reverse = self.parent(first).is_some_and(|group| self.groups[group].reverse);
        let gated = (self.is_gated(first, absent), self.is_gated(second, absent));
        gated == (false, true) || (reverse && gated.0 == gated.1 && self.is_later(first, second))
    }

    /// Whether it comes later in start order, of two in one group. Of two that join nobody knows.
    pub fn is_later(&self, part: Part, than: Part) -> bool {
        let both_join = self.joins.contains(&part) && self.joins.contains(&than);
        !both_join && self.place(part) > self.place(than)
    }

    /// Whether it comes after one that is earlier in start order `than` this, be it by way of others.
    pub fn waits_for_earlier(&self, part: Part, than: Part) -> bool {
        let waited = |&it: &Part| self.is_later(than, it) || self.waits_for_earlier(it, than);
        self.after(part).iter().any(waited)
    }

    /// With which of those that join this one comes.
    pub fn join_of(&self, unit: usize) -> Option<usize> {
        let line = self.line(unit);
        self.joins.iter().position(|join| line.contains(join))
    }
}

/// A line for each unit.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, hasty, groups, units, joins, before, outsiders, waiters } = self;
        writeln!(f, "seed {seed}, hasty {hasty:?}, {waiters} waiters, {joins:?} join")?;
        writeln!(f, "before the run {before:?}, beside it {outsiders:?}")?;
        groups.iter().try_for_each(|group| writeln!(f, "{group:?}"))?;
        units.iter().try_for_each(|unit| writeln!(f, "{unit:?}"))
    }
}
