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
        let returning = random.once_in(3);
        let mood = Mood {
            count,
            hasty: hasty.is_some(),
            returning,
            calm: returning || random.once_in(2),
            comes_back: false,
        };
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
        restarts: u32::try_from(random.below(4)).unwrap(),
        pause: random.micros(700),
        start_timeout: (parent.is_some() && random.once_in(10)).then(|| Duration::from_millis(1)),
    }
}

/// What all units of a plan have in common.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // each is drawn for itself
struct Mood {
    count: usize,
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
        pre_run: random.once_in(2).then(|| turn(random, count, 25)),
        post_run: turn(random, count, 25),
        graceful_stop: turn(random, count, 20),
        serve,
    }
}

/// Nobody is silent for so long.
const NEVER: Duration = Duration::from_hours(1);

fn heartbeat(random: &mut Random) -> Duration {
    if random.once_in(3) { NEVER } else { Duration::from_micros(300 + random.below(1500) as u64) }
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
        on_stop: random.once_in(5).then(|| turn(random, count, 10)),
        ready_after: (declares_ready && !random.once_in(6)).then(|| random.micros(1000)),
        silent: false,
        deed: random.once_in(10).then(|| deed(random, count)),
        until,
        takes: random.micros(1500),
        ends: match random.below(24) {
            0 | 1 if mood.returning && !mood.comes_back => How::Ok,
            0 | 1 if mood.calm && !random.once_in(4) => How::Ok,
            0 => How::Error,
            1 => How::Panic,
            2..=9 if restarts => How::Error,
            10..=13 if restarts => How::Panic,
            2..=7 if mood.comes_back => How::Error,
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
