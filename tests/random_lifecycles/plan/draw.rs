//! How a plan is drawn from its seed.

use std::time::Duration;

use super::{
    Deed, GroupPlan, Helper, How, Outsider, Part, Plan, Serve, Turn, UnitPlan, Until, When, Who,
};
use crate::random::Random;

impl Plan {
    pub fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed);
        let hasty = random.once_in(16).then(|| Duration::from_millis(2));
        let count = 1 + random.below(6);
        let returning = random.once_in(2);
        // Groups among those that join have two units.
        let joins = if random.once_in(3) { 1 + random.below(3) } else { 0 };
        let joins: Vec<bool> = (0..joins).map(|_| random.once_in(4)).collect();
        let all: usize = count + joins.iter().map(|&group| 1 + usize::from(group)).sum::<usize>();
        let crowd = Crowd { units: all, joins: joins.len() };
        let mood = Mood {
            count,
            crowd,
            hasty: hasty.is_some(),
            returning,
            calm: returning || random.once_in(2),
            comes_back: false,
        };
        let (mut groups, mut units) = tree(random, mood);
        let joins = joining(random, &joins, &mut groups, &mut units, mood);
        let mut outsiders = Vec::new();
        for _ in 0..random.below(3) {
            outsiders.push(outsider(random, crowd));
        }
        for join in 0..joins.len() {
            if !random.once_in(3) {
                let limit = Duration::from_micros(random.below(3000) as u64);
                let outsider = outsider(random, crowd);
                outsiders.push(Outsider { deed: Deed::Join(join), limit, ..outsider });
            }
        }
        // There always is one that stops the group, in case that nothing else does.
        outsiders.push(Outsider { deed: Deed::Stop, ..outsider(random, crowd) });
        Self {
            seed,
            hasty,
            groups,
            units,
            joins,
            before: random.once_in(40).then(|| deed(random, crowd)),
            outsiders,
            waiters: random.below(3),
        }
    }
}

/// Groups in groups, two deep, and the units in them.
fn tree(random: &mut Random, mood: Mood) -> (Vec<GroupPlan>, Vec<UnitPlan>) {
    let mut groups = vec![group(random, "", None, (0, &[]), mood)];
    let (mut units, mut parts): (Vec<UnitPlan>, Vec<Vec<Part>>) = (Vec::new(), vec![Vec::new()]);
    let (deep, mut here) = (mood.returning || random.once_in(2), 0);
    for index in 0..mood.count {
        if deep {
            // Into a group of its own, or out of one that has something in it.
            let often = if mood.returning { 2 } else { 4 };
            if random.once_in(often) && groups[here].parent.is_none_or(|parent| parent == 0) {
                let (parent, place) = (here, units.len());
                here = groups.len();
                let name = format!("{}g{here}/", groups[parent].name);
                let place = (place, &*parts[parent]);
                groups.push(group(random, &name, Some(parent), place, mood));
                parts[parent].push(Part::Group(here));
                parts.push(Vec::new());
            } else if random.once_in(4) && !parts[here].is_empty() {
                here = groups[here].parent.unwrap_or(0);
            }
        }
        let name = format!("{}u{index}", groups[here].name);
        // What its group comes back from may happen.
        let mut line = std::iter::successors(Some(here), |&group| groups[group].parent);
        let comes_back = line.any(|group| groups[group].when != When::Never);
        let calm = mood.calm && !comes_back;
        units.push(unit(random, name, here, &parts[here], Mood { calm, comes_back, ..mood }));
        parts[here].push(Part::Unit(index));
    }
    (groups, units)
}

/// Those that join: units, or groups of two, the second after the first.
fn joining(
    random: &mut Random,
    joins: &[bool],
    groups: &mut Vec<GroupPlan>,
    units: &mut Vec<UnitPlan>,
    mood: Mood,
) -> Vec<Part> {
    let outermost = |part: &Part| match *part {
        Part::Unit(unit) => units[unit].group == 0,
        Part::Group(group) => groups[group].parent == Some(0),
    };
    let parts = (0..units.len()).map(Part::Unit).chain((0..groups.len()).map(Part::Group));
    let siblings: Vec<Part> = parts.filter(outermost).collect();
    let mut parts = Vec::new();
    for &is_group in joins {
        let first = units.len();
        if is_group {
            let (here, name) = (groups.len(), format!("g{}/", groups.len()));
            groups.push(group(random, &name, Some(0), (first, &siblings), mood));
            for index in first..first + 2 {
                let siblings = if index > first { &[Part::Unit(first)][..] } else { &[] };
                units.push(unit(random, format!("{name}u{index}"), here, siblings, mood));
            }
            parts.push(Part::Group(here));
        } else {
            units.push(unit(random, format!("u{first}"), 0, &siblings, mood));
            parts.push(Part::Unit(first));
        }
        // Of what they come after something may be taken out.
        let after: Vec<Part> = siblings.iter().copied().filter(|_| random.once_in(2)).collect();
        match parts.last() {
            Some(Part::Group(group)) if random.once_in(2) => groups[*group].after = after,
            Some(Part::Unit(unit)) if random.once_in(2) => units[*unit].after = after,
            _ => {}
        }
        // Who calls them is on a thread of the group, or is not.
        for unit in &mut units[first..] {
            let turns = unit.pre_run.iter_mut().chain([&mut unit.post_run]);
            for turn in turns {
                turn.deed =
                    turn.deed.filter(|it| !matches!(it, Deed::WaitForTheEnd | Deed::WaitTillReady));
            }
        }
    }
    parts
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
    (place, siblings): (usize, &[Part]),
    mood: Mood,
) -> GroupPlan {
    let task = parent.is_some() && random.once_in(3);
    let when = match random.below(8) {
        _ if parent.is_none() => When::Never,
        0 | 1 if !task => When::Always,
        0..=3 => When::OnFailure,
        4..=6 if mood.returning => When::OnFailure,
        _ => When::Never,
    };
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
        when,
        restarts: if random.once_in(5) { 0 } else { 1 + u32::from(random.once_in(2)) },
        pause: random.micros(700),
        start_timeout: (parent.is_some() && random.once_in(6)).then(|| Duration::from_millis(1)),
    }
}

/// With whom something can be done.
#[derive(Clone, Copy)]
struct Crowd {
    units: usize,
    joins: usize,
}

/// What all units of a plan have in common.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // each is drawn for itself
struct Mood {
    /// How many are there from the start.
    count: usize,
    crowd: Crowd,
    hasty: bool,
    /// Groups start again, so what is beside them is calm.
    returning: bool,
    /// Who would not start again does not end by itself: so that others have the time to.
    calm: bool,
    /// It is in a group that may start again.
    comes_back: bool,
}

fn unit(
    random: &mut Random,
    name: String,
    group: usize,
    siblings: &[Part],
    mood: Mood,
) -> UnitPlan {
    let crowd = mood.crowd;
    let task = random.once_in(4);
    let background = !task && random.once_in(6);
    let when = match random.below(8) {
        0 if !task => When::Always,
        0..=3 => When::OnFailure,
        _ => When::Never,
    };
    let declares_ready = random.once_in(3);
    let start_timeout = (declares_ready && random.once_in(3)).then(|| Duration::from_millis(1));
    let again = when != When::Never || mood.comes_back;
    let attempts = if again { 1 + random.below(3) } else { 1 };
    let mut serve: Vec<Serve> =
        (0..attempts).map(|_| serve(random, declares_ready, when, mood)).collect();
    let heartbeat = random.once_in(6).then(|| heartbeat(random));
    for serve in &mut serve {
        let limited = heartbeat.is_some_and(|limit| limit < NEVER);
        let gets_ready = !declares_ready || serve.ready_after.is_some();
        serve.silent = limited && gets_ready && random.once_in(3);
    }
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
        heartbeat,
        pre_run: random.once_in(2).then(|| turn(random, crowd, 25)),
        post_run: turn(random, crowd, 25),
        graceful_stop: turn(random, crowd, 20),
        serve,
    }
}

/// Nobody is silent for so long.
const NEVER: Duration = Duration::from_hours(1);

fn heartbeat(random: &mut Random) -> Duration {
    if random.once_in(3) { NEVER } else { Duration::from_micros(300 + random.below(1500) as u64) }
}

fn serve(random: &mut Random, declares_ready: bool, when: When, mood: Mood) -> Serve {
    let crowd = mood.crowd;
    let restarts = when != When::Never;
    let until = match random.below(12) {
        0..=2 if mood.calm && !restarts => Until::Told,
        0 => Until::Now,
        1 | 2 => Until::After(Duration::from_micros(random.below(1500) as u64)),
        3 if mood.hasty => Until::LetGo,
        // What starts again has to end before.
        3..=6 if restarts => Until::Now,
        3 | 4 if mood.comes_back => Until::After(Duration::from_micros(random.below(1500) as u64)),
        5 | 6 if mood.comes_back => Until::Now,
        _ => Until::Told,
    };
    let helper = |random: &mut Random| Helper {
        until_told: random.once_in(2),
        takes: random.micros(800),
        panics: random.once_in(8),
    };
    Serve {
        helpers: (0..random.below(3).saturating_sub(1)).map(|_| helper(random)).collect(),
        on_stop: random.once_in(5).then(|| turn(random, crowd, 10)),
        ready_after: (declares_ready && !random.once_in(6)).then(|| random.micros(1000)),
        silent: false,
        deed: random.once_in(10).then(|| deed(random, crowd)),
        until,
        takes: random.micros(1500),
        ends: match random.below(24) {
            0 | 1 if mood.returning && !mood.comes_back => How::Ok,
            0 | 1 if mood.calm && !random.once_in(4) => How::Ok,
            0 => How::Error,
            1 => How::Panic,
            2..=9 if restarts => How::Error,
            10..=13 if restarts => How::Panic,
            2..=11 if mood.comes_back => How::Error,
            _ => How::Ok,
        },
    }
}

/// A callback that fails once in so many times.
fn turn(random: &mut Random, crowd: Crowd, fails: usize) -> Turn {
    Turn {
        takes: if random.once_in(3) { random.micros(1000) } else { Duration::ZERO },
        deed: random.once_in(12).then(|| deed(random, crowd)),
        ends: match random.below(2 * fails) {
            0 => How::Error,
            1 => How::Panic,
            _ => How::Ok,
        },
    }
}

fn deed(random: &mut Random, crowd: Crowd) -> Deed {
    match random.below(if crowd.joins > 0 { 11 } else { 7 }) {
        0 => Deed::Stop,
        1 | 2 => Deed::Deregister(random.below(crowd.units)),
        3 => Deed::Look,
        4 | 5 => Deed::WaitTillReady,
        7.. => Deed::Join(random.below(crowd.joins)),
        _ => Deed::WaitForTheEnd,
    }
}

fn outsider(random: &mut Random, crowd: Crowd) -> Outsider {
    Outsider {
        // Often never: then it is the time that counts.
        notes: random.below(60 * crowd.units),
        limit: Duration::from_micros(500 + random.below(8000) as u64),
        deed: match random.below(5) {
            0 => Deed::Stop,
            1 | 2 => Deed::Deregister(random.below(crowd.units)),
            _ => Deed::Look,
        },
    }
}
