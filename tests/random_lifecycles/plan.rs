//! What is to happen in one lifecycle, all of it drawn from one seed.
//!
//! A plan is a list of units in the order of registration, each with what it does at each of its
//! callbacks, and a list of the groups that they are in. Who stops before whom, and who starts after whom,
//! is said at the nearest group that both are in.

use std::fmt;
use std::time::Duration;

use rungroup::{Backoff, Restart, StopOrder, Strategy};

use crate::random::Random;

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
    pub pre_run: Option<Turn>,
    pub post_run: Turn,
    pub graceful_stop: Turn,
    /// Of each attempt; the last is for those that follow, too.
    pub serve: Vec<Serve>,
}

impl UnitPlan {
    pub fn restart(&self) -> Restart {
        let policy = match self.when {
            When::Never => return Restart::never(),
            When::OnFailure => Restart::on_failure(),
            When::Always => Restart::always(),
        };
        let backoff = Backoff::constant(self.pause);
        policy.backoff(backoff).intensity(self.restarts, Duration::from_hours(1))
    }

    pub fn serve(&self, attempt: u32) -> &Serve {
        let index = usize::try_from(attempt).unwrap() - 1;
        &self.serve[index.min(self.serve.len() - 1)]
    }

    /// Whether an end of attempt number `attempt` is one to start again after.
    pub fn covers(&self, failed: bool, attempt: u32) -> bool {
        let covers = match self.when {
            When::Never => false,
            When::OnFailure => failed,
            When::Always => true,
        };
        covers && attempt <= self.restarts
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
}

impl GroupPlan {
    pub fn path(&self) -> &str {
        self.name.trim_end_matches('/')
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
    pub before: Option<Deed>,
    pub outsiders: Vec<Outsider>,
    pub waiters: usize,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let hasty = random.once_in(16).then(|| Duration::from_millis(2));
        let count = 1 + random.below(6);
        let mood = Mood { count, hasty: hasty.is_some(), calm: random.once_in(2) };
        let (groups, units) = tree(random, mood);
        let mut outsiders = Vec::new();
        for _ in 0..random.below(3) {
            outsiders.push(outsider(random, count));
        }
        // There always is one that stops the group, in case that nothing else does.
        outsiders.push(Outsider { deed: Deed::Stop, ..outsider(random, count) });
        Self {
            seed,
            hasty,
            groups,
            units,
            before: random.once_in(40).then(|| deed(random, count)),
            outsiders,
            waiters: random.below(3),
        }
    }

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

    /// Whether it may have to start again since another does.
    pub fn in_rounds(&self, unit: usize) -> bool {
        self.line(unit).into_iter().any(|part| self.starters(part).next().is_some())
    }

    /// Whether a group that it is in may have to start again: then its end may be one that all in it
    /// come back from.
    pub fn group_in_rounds(&self, unit: usize) -> bool {
        let groups = self.line(unit).into_iter().skip(1);
        groups.into_iter().any(|group| self.starters(group).next().is_some())
    }

    /// Those that may start again, and take this along.
    pub fn starters(&self, part: Part) -> impl Iterator<Item = usize> {
        let group = self.parent(part);
        let who = group.map_or(Who::One, |group| self.groups[group].who);
        (0..self.units.len()).filter(move |&unit| {
            let starter = Part::Unit(unit);
            let beside = self.parent(starter) == group && self.units[unit].when != When::Never;
            beside && (who == Who::All || (who == Who::Rest && !self.is_later(starter, part)))
        })
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
    /// there: of `absent` groups all units were taken out before they could serve.
    fn is_gated(&self, part: Part, absent: &[Part]) -> bool {
        let mut after = self.after(part).iter().filter(|other| !absent.contains(other));
        self.is_background(part) && after.all(|&other| self.is_gated(other, absent))
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

    /// Whether it comes later in start order, of two in one group.
    pub fn is_later(&self, part: Part, than: Part) -> bool {
        self.place(part) > self.place(than)
    }
}

/// Groups in groups, two deep, and the units in them.
fn tree(random: &mut Random, mood: Mood) -> (Vec<GroupPlan>, Vec<UnitPlan>) {
    let mut groups = vec![group(random, "", None, 0, &[])];
    let (mut units, mut parts): (Vec<UnitPlan>, Vec<Vec<Part>>) = (Vec::new(), vec![Vec::new()]);
    let (deep, mut here) = (random.once_in(2), 0);
    for index in 0..mood.count {
        if deep {
            // Into a group of its own, or out of one that has something in it.
            if random.once_in(4) && groups[here].parent.is_none_or(|parent| parent == 0) {
                let (parent, place) = (here, units.len());
                here = groups.len();
                let name = format!("{}g{here}/", groups[parent].name);
                groups.push(group(random, &name, Some(parent), place, &parts[parent]));
                parts[parent].push(Part::Group(here));
                parts.push(Vec::new());
            } else if random.once_in(4) && !parts[here].is_empty() {
                here = groups[here].parent.unwrap_or(0);
            }
        }
        let name = format!("{}u{index}", groups[here].name);
        units.push(unit(random, name, here, &parts[here], mood));
        parts[here].push(Part::Unit(index));
    }
    (groups, units)
}

/// Some of those that are there.
fn some(random: &mut Random, siblings: &[Part]) -> Vec<Part> {
    if random.once_in(3) {
        return Vec::new();
    }
    siblings.iter().copied().filter(|_| random.once_in(4)).collect()
}

/// `name` is its path, and a `/` behind it.
fn group(
    random: &mut Random,
    name: &str,
    parent: Option<usize>,
    place: usize,
    siblings: &[Part],
) -> GroupPlan {
    let task = parent.is_some() && random.once_in(3);
    GroupPlan {
        name: name.to_owned(),
        parent,
        place,
        after: some(random, siblings),
        task,
        background: parent.is_some() && !task && random.once_in(6),
        reverse: random.once_in(4),
        who: match random.below(12) {
            0..=3 => Who::All,
            4..=6 => Who::Rest,
            _ => Who::One,
        },
    }
}

/// A line for each unit.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, hasty, groups, units, before, outsiders, waiters } = self;
        writeln!(f, "seed {seed}, hasty {hasty:?}, {waiters} waiters")?;
        writeln!(f, "before the run {before:?}, beside it {outsiders:?}")?;
        groups.iter().try_for_each(|group| writeln!(f, "{group:?}"))?;
        units.iter().try_for_each(|unit| writeln!(f, "{unit:?}"))
    }
}

/// What all units of a plan have in common.
#[derive(Clone, Copy)]
struct Mood {
    count: usize,
    hasty: bool,
    /// Who would not start again does not end by itself: so that others have the time to.
    calm: bool,
}

fn unit(
    random: &mut Random,
    name: String,
    group: usize,
    siblings: &[Part],
    mood: Mood,
) -> UnitPlan {
    let count = mood.count;
    let task = random.once_in(4);
    let background = !task && random.once_in(6);
    let when = match random.below(8) {
        0 if !task => When::Always,
        0..=3 => When::OnFailure,
        _ => When::Never,
    };
    let declares_ready = random.once_in(3);
    let start_timeout = (declares_ready && random.once_in(3)).then(|| Duration::from_millis(1));
    let attempts = if when == When::Never { 1 } else { 1 + random.below(3) };
    let serve: Vec<Serve> =
        (0..attempts).map(|_| serve(random, declares_ready, when, mood)).collect();
    UnitPlan {
        name,
        group,
        after: some(random, siblings),
        task,
        background,
        instances: if random.once_in(5) { 2 } else { 1 },
        when,
        restarts: u32::try_from(random.below(5)).unwrap(),
        pause: random.micros(1500),
        declares_ready,
        start_timeout,
        pre_run: random.once_in(2).then(|| turn(random, count, 25)),
        post_run: turn(random, count, 25),
        graceful_stop: turn(random, count, 20),
        serve,
    }
}

fn serve(random: &mut Random, declares_ready: bool, when: When, mood: Mood) -> Serve {
    let count = mood.count;
    let restarts = when != When::Never;
    let until = match random.below(12) {
        0..=2 if mood.calm && !restarts => Until::Told,
        0 => Until::Now,
        1 | 2 => Until::After(Duration::from_micros(random.below(1500) as u64)),
        3 if mood.hasty => Until::LetGo,
        // What starts again has to end before.
        3..=6 if restarts => Until::Now,
        _ => Until::Told,
    };
    let helper = |random: &mut Random| Helper {
        until_told: random.once_in(2),
        takes: random.micros(800),
        panics: random.once_in(8),
    };
    Serve {
        helpers: (0..random.below(3).saturating_sub(1)).map(|_| helper(random)).collect(),
        on_stop: random.once_in(5).then(|| turn(random, count, 10)),
        ready_after: (declares_ready && !random.once_in(6)).then(|| random.micros(1000)),
        deed: random.once_in(10).then(|| deed(random, count)),
        until,
        takes: random.micros(1500),
        ends: match random.below(24) {
            0 | 1 if mood.calm && !random.once_in(4) => How::Ok,
            0 => How::Error,
            1 => How::Panic,
            2..=9 if restarts => How::Error,
            10..=13 if restarts => How::Panic,
            _ => How::Ok,
        },
    }
}

/// A callback that fails once in so many times.
fn turn(random: &mut Random, count: usize, fails: usize) -> Turn {
    Turn {
        takes: if random.once_in(3) { random.micros(1000) } else { Duration::ZERO },
        deed: random.once_in(12).then(|| deed(random, count)),
        ends: match random.below(2 * fails) {
            0 => How::Error,
            1 => How::Panic,
            _ => How::Ok,
        },
    }
}

fn deed(random: &mut Random, count: usize) -> Deed {
    match random.below(7) {
        0 => Deed::Stop,
        1 | 2 => Deed::Deregister(random.below(count)),
        3 => Deed::Look,
        4 | 5 => Deed::WaitTillReady,
        _ => Deed::WaitForTheEnd,
    }
}

fn outsider(random: &mut Random, count: usize) -> Outsider {
    Outsider {
        // Often never: then it is the time that counts.
        notes: random.below(60 * count),
        limit: Duration::from_micros(500 + random.below(8000) as u64),
        deed: match random.below(5) {
            0 => Deed::Stop,
            1 | 2 => Deed::Deregister(random.below(count)),
            _ => Deed::Look,
        },
    }
}
