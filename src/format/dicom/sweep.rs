//! Which of the pictures that lie at the same places belong to one moment.
//!
//! Always true: pictures make a [`Sweep`] because a mark in their headers says so, or because they follow
//! each other on a clock (time, number) sweep after sweep or place after place; a picture that lacks
//! leaves a gap in its own sweep. Where neither holds, a doubt asks before the first mark.
//!
//! Must never know: samples.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::moment::{Clock, Mark, Moment};
use super::picture::{Facts, Picture, Plane};
use super::split;
use crate::format::{Doubt, DoubtCode};
use crate::geometry::{Patient, Point};

/// Pictures at rising places, at most one per place.
pub(super) type Sweep = Vec<Picture>;

/// Pictures closer together than this lie at one place.
const SAME_PLACE_MM: f64 = 0.01;
/// So do those of small things that are closer than this fraction of a pixel.
const SAME_PLACE_PIXELS: f64 = 0.1;
/// Sets of sweeps with which one is compared to find its own.
const MOST_COMPARED: usize = 1000;

/// Sets of sweeps over the same places; the sweeps of one set are points in time.
pub(super) fn split_by_moment(pictures: Vec<Picture>, doubts: &mut Vec<Doubt>) -> Vec<Vec<Sweep>> {
    let places = by_place(pictures);
    let most = places.iter().map(Vec::len).max().unwrap_or(0);
    if most <= 1 {
        return vec![vec![places.into_iter().flatten().collect()]];
    }
    let place_count = places.len();
    let told_apart = told_apart_by_mark(&places, most)
        .or_else(|| Moment::CLOCKS.into_iter().find_map(|clock| told_apart_by_clock(&places, most, clock)))
        .map(|sweeps| with_gaps(sweeps, place_count, doubts));
    let sweeps = told_apart.unwrap_or_else(|| {
        let text = format!(
            "up to {most} pictures lie at one place, and nothing in their headers tells for sure which of them belong together; they were taken in the order of their numbers, so that one point in time may hold slices of another"
        );
        doubts.push(Doubt::new(DoubtCode::RepeatedPositions, text));
        in_order(&places, |m| m.instance)
    });
    drop(places);
    let (complete, partial): (Vec<_>, Vec<_>) =
        sweeps.into_iter().partition(|sweep| sweep.len() == place_count);
    if !partial.is_empty() && !complete.is_empty() {
        let text =
            format!("{} point(s) in time lack slices and are listed as series of their own", partial.len());
        doubts.push(Doubt::new(DoubtCode::SplitSeries, text));
    }
    let mut sets: Vec<Vec<Sweep>> = Vec::new();
    for sweep in complete {
        // Sets are few; a file that makes up thousands shall not cost a comparison of each with each.
        match sets.iter_mut().rev().take(MOST_COMPARED).find(|set| lie_at_one_place(&set[0], &sweep)) {
            Some(set) => set.push(sweep),
            None => sets.push(vec![sweep]),
        }
    }
    sets.extend(partial.into_iter().map(|sweep| vec![sweep]));
    sets
}

pub(super) fn plane(picture: &Picture) -> Plane {
    picture.plane().expect("only pictures with a plane are stacked")
}

pub(super) fn origins(sweep: &[Picture]) -> Vec<Point<Patient>> {
    sweep.iter().map(|picture| plane(picture).origin).collect()
}

/// Pictures closer to `picture` than so many millimetres lie at its place.
fn same_place_mm(picture: &Picture) -> f64 {
    let finest = picture.facts.pixel_mm.map_or(f64::INFINITY, |[i_mm, j_mm]| i_mm.min(j_mm));
    SAME_PLACE_MM.min(SAME_PLACE_PIXELS * finest)
}

/// The sweeps, of which those that lack a few of the slices that others have are filled up with pictures
/// that are known to be absent, so that they stay on the time axis. One that lacks more than half was
/// broken off.
fn with_gaps(mut sweeps: Vec<Sweep>, place_count: usize, doubts: &mut Vec<Doubt>) -> Vec<Sweep> {
    let Some(whole) = sweeps.iter().find(|sweep| sweep.len() == place_count).cloned() else {
        return sweeps;
    };
    let (times, mut told) = (sweeps.len(), Vec::new());
    for (time, sweep) in sweeps.iter_mut().enumerate() {
        let lacks = whole.len() - sweep.len();
        if lacks == 0 || 2 * sweep.len() < whole.len() {
            continue;
        }
        let moment = sweep[0].facts.moment.clone();
        // Each of its pictures lies at one of the places, in their order.
        let mut own = std::mem::take(sweep).into_iter().peekable();
        for place in &whole {
            let is_here = |own: &Picture| lies_at(own, place);
            let filled = own.next_if(is_here).unwrap_or_else(|| {
                let facts = Facts { moment: moment.clone(), absent: true, ..place.facts.clone() };
                Picture { facts, ..place.clone() }
            });
            sweep.push(filled);
        }
        if own.peek().is_some() {
            // At the same height and beside the others: a sweep of its own.
            sweep.retain(|picture| !picture.facts.absent);
            sweep.extend(own);
            continue;
        }
        told.push(format!("{lacks} at point {} of {times}", time + 1));
    }
    if !told.is_empty() {
        let told = split::few(told.into_iter());
        let text = format!("points in time lack slices that others have: {told}; these pictures stay empty");
        doubts.push(Doubt::new(DoubtCode::MissingSlices, text));
    }
    sweeps
}

fn lie_at_one_place(a: &[Picture], b: &[Picture]) -> bool {
    a.iter().zip(b).all(|(a, b)| lies_at(a, b))
}

fn lies_at(a: &Picture, b: &Picture) -> bool {
    plane(a).origin.distance(plane(b).origin) <= same_place_mm(b)
}

/// Pictures by their distance along the normal, those of one place together.
fn by_place(mut pictures: Vec<Picture>) -> Vec<Vec<Picture>> {
    let Some(first) = pictures.first() else {
        return Vec::new();
    };
    let (same_place_mm, first) = (same_place_mm(first), plane(first));
    let normal = first.along_i.cross(first.along_j);
    let along = |picture: &Picture| normal.dot(plane(picture).origin - Point::new(0.0, 0.0, 0.0));
    pictures.sort_by(|a, b| along(a).total_cmp(&along(b)));
    let mut places: Vec<Vec<Picture>> = Vec::new();
    for picture in pictures {
        match places.last_mut() {
            Some(place) if along(&picture) - along(&place[0]) <= same_place_mm => place.push(picture),
            _ => places.push(vec![picture]),
        }
    }
    places
}

/// Sweeps by the first mark that takes as many values as pictures lie at one place, each at most
/// once per place.
fn told_apart_by_mark(places: &[Vec<Picture>], most: usize) -> Option<Vec<Sweep>> {
    Moment::MARKS.into_iter().find_map(|mark| {
        let mut sweeps: Vec<(Mark, Vec<&Picture>)> = Vec::new();
        let mut known: HashMap<[u64; 4], usize> = HashMap::new();
        for (seen, place) in places.iter().enumerate() {
            for picture in place {
                let value = mark(&picture.facts.moment)?;
                // Adding 0 makes one of both zeroes.
                let position = *known.entry(value.map(|x| (x + 0.0).to_bits())).or_insert_with(|| {
                    sweeps.push((value, Vec::new()));
                    sweeps.len() - 1
                });
                let sweep = &mut sweeps[position].1;
                sweep.push(picture);
                if sweep.len() > seen + 1 || sweeps.len() > most {
                    return None;
                }
            }
        }
        drop(known);
        sweeps.sort_by(|(a, _), (b, _)| partial(a, b));
        Some(sweeps.into_iter().map(|(_, sweep)| sweep.into_iter().cloned().collect()).collect())
    })
}

fn partial<T: PartialOrd>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

/// Sweeps that follow each other on a clock; `None` where they may as well be other ones.
fn told_apart_by_clock(places: &[Vec<Picture>], most: usize, clock: Clock) -> Option<Vec<Sweep>> {
    if places.iter().any(|place| place.len() < most) {
        // Where every one of them lacks slices, a stray picture is as likely.
        let has_whole = |sweeps: &Vec<Sweep>| sweeps.iter().any(|sweep| sweep.len() == places.len());
        return in_runs(places, most, clock).or_else(|| by_numbers(places, most)).filter(has_whole);
    }
    let sweeps = in_order(places, clock);
    let follow = follow_by_place(&sweeps, clock);
    let are_apart = |pair: &[Sweep]| {
        let [a, b] = pair else { return true };
        let rise = |clock: &Clock| rises_at_each_place(a, b, *clock);
        bear_other_marks(a, b)
            || follows(a, b, clock)
            || follow && rise(&clock)
            || Moment::HEARTBEAT.iter().any(rise)
    };
    sweeps.windows(2).all(are_apart).then_some(sweeps)
}

/// The first sweep takes the earliest picture of each place, the second the next, and so on: by what
/// tells pictures apart, and by `clock` where that is the same.
fn in_order(places: &[Vec<Picture>], clock: Clock) -> Vec<Sweep> {
    /// Those before the clocks.
    const STATED: usize = 10;
    let (before, dimensions) = Moment::MARKS[..STATED].split_at(6);
    let by_marks = |a: &Moment, b: &Moment, marks: &[fn(&Moment) -> Option<Mark>]| {
        let orders = marks.iter().map(|mark| partial(&mark(a), &mark(b)));
        orders.fold(Ordering::Equal, Ordering::then)
    };
    let by_moment = |a: &Moment, b: &Moment| {
        by_marks(a, b, before)
            .then_with(|| partial(&clock(a), &clock(b)))
            .then_with(|| by_marks(a, b, dimensions))
            .then_with(|| partial(&a.frame, &b.frame))
    };
    let mut sweeps: Vec<Sweep> = Vec::new();
    for place in places {
        let mut place: Vec<_> = place.iter().collect();
        place.sort_by(|a, b| by_moment(&a.facts.moment, &b.facts.moment));
        for (rank, picture) in place.into_iter().enumerate() {
            match sweeps.get_mut(rank) {
                Some(sweep) => sweep.push(picture.clone()),
                None => sweeps.push(vec![picture.clone()]),
            }
        }
    }
    sweeps
}

/// Whether the pictures of each sweep share a mark that is another one in the other.
fn bear_other_marks(a: &[Picture], b: &[Picture]) -> bool {
    let shared = |sweep: &[Picture], mark: fn(&Moment) -> Option<Mark>| {
        let first = mark(&sweep[0].facts.moment)?;
        sweep.iter().all(|picture| mark(&picture.facts.moment) == Some(first)).then_some(first)
    };
    let differ = |mark| matches!((shared(a, mark), shared(b, mark)), (Some(a), Some(b)) if a != b);
    Moment::MARKS.into_iter().any(differ)
}

/// From the least to the greatest; `None` where one has none.
fn range<'a>(pictures: impl IntoIterator<Item = &'a Picture>, clock: Clock) -> Option<[f64; 2]> {
    let mut values = pictures.into_iter().map(|picture| clock(&picture.facts.moment));
    let first = values.next()??;
    values.try_fold([first; 2], |[low, high], value| Some([low.min(value?), high.max(value?)]))
}

fn follows(a: &[Picture], b: &[Picture], clock: Clock) -> bool {
    matches!((range(a, clock), range(b, clock)), (Some(a), Some(b)) if a[1] < b[0])
}

fn rises_at_each_place(a: &[Picture], b: &[Picture], clock: Clock) -> bool {
    let value = |picture: &Picture| clock(&picture.facts.moment);
    a.iter().zip(b).all(|(a, b)| matches!((value(a), value(b)), (Some(a), Some(b)) if a < b))
}

/// Whether all pictures of a place were taken before all of another, as in a cine of each slice.
fn follow_by_place(sweeps: &[Sweep], clock: Clock) -> bool {
    let place = |n: usize| range(sweeps.iter().map(|sweep| &sweep[n]), clock);
    let Some(mut ranges) = (0..sweeps[0].len()).map(place).collect::<Option<Vec<_>>>() else { return false };
    ranges.sort_by(partial);
    ranges.windows(2).all(|pair| pair[0][1] < pair[1][0])
}

/// Sweeps that pass the places in one order again and again, so that a picture that lacks is seen by the
/// one that comes instead. `None` where no such order makes as many sweeps as pictures lie at one place,
/// or several do.
fn in_runs(places: &[Vec<Picture>], most: usize, clock: Clock) -> Option<Vec<Sweep>> {
    let all = on_clock(places, clock)?;
    let number = |picture: &Picture| picture.facts.moment.instance;
    // Which of two comes first is not known then, and so not where a sweep begins.
    let is_twice = |pair: &[(f64, usize, &Picture)]| {
        pair[0].0 == pair[1].0 && number(pair[0].2).is_some() && number(pair[0].2) == number(pair[1].2)
    };
    if all.windows(2).any(is_twice) {
        return None;
    }
    let count = places.len();
    let ranks = order_of_places(all.iter().map(|(_, at, _)| *at), count)?;
    let ranked: Vec<usize> = all.iter().map(|(_, at, _)| ranks[*at]).collect();
    // How often the way from picture to picture passes each rank at which sweeps may begin.
    let mut passed = vec![0isize; count + 1];
    for pair in ranked.windows(2) {
        let (from, to) = (pair[0] + 1, pair[1] + 1);
        if from < to {
            passed[from] += 1;
            passed[to] -= 1;
        } else {
            passed[0] += 1;
            passed[to] -= 1;
            passed[from] += 1;
            passed[count] -= 1;
        }
    }
    let mut sum = 0;
    let mut begins = Vec::new();
    for (rank, change) in passed[..count].iter().enumerate() {
        sum += change;
        if sum + 1 == most as isize {
            begins.push(rank);
        }
    }
    let begin = match begins[..] {
        [begin] => begin,
        // Numbers begin at 1, whichever of the first pictures lack.
        _ if all.iter().all(|(number, _, picture)| picture.facts.moment.instance == Some(*number)) => {
            let lack = (all[0].0 as usize).checked_sub(1).filter(|lack| *lack < count)?;
            let begin = (ranked[0] + count - lack) % count;
            begins.contains(&begin).then_some(begin)?
        }
        _ => return None,
    };
    let mut sweeps: Vec<Vec<(usize, &Picture)>> = Vec::new();
    let mut before = None;
    for ((_, at, picture), rank) in all.iter().zip(ranked) {
        let rank = (rank + count - begin) % count;
        match sweeps.last_mut() {
            Some(sweep) if before < Some(rank) => sweep.push((*at, *picture)),
            _ => sweeps.push(vec![(*at, *picture)]),
        }
        before = Some(rank);
    }
    Some(sweeps.into_iter().map(in_space).collect())
}

/// All pictures in their order on a clock, with the number of their place; `None` where one is on none.
fn on_clock(places: &[Vec<Picture>], clock: Clock) -> Option<Vec<(f64, usize, &Picture)>> {
    let at_places = places.iter().enumerate();
    let all = at_places.flat_map(|(at, place)| place.iter().map(move |picture| (at, picture)));
    let mut found = Vec::new();
    for (at, picture) in all {
        found.push((clock(&picture.facts.moment)?, at, picture));
    }
    found.sort_by(|(a, place_a, _), (b, place_b, _)| a.total_cmp(b).then(place_a.cmp(place_b)));
    Some(found)
}

/// The rank of each of `count` places in the first sweep that passes all of them.
fn order_of_places(passed: impl Iterator<Item = usize>, count: usize) -> Option<Vec<usize>> {
    let passed: Vec<usize> = passed.collect();
    let mut last_seen: Vec<Option<usize>> = vec![None; count];
    let mut start = 0;
    for (n, place) in passed.iter().enumerate() {
        if let Some(seen) = last_seen[*place].replace(n) {
            start = start.max(seen + 1);
        }
        if n + 1 - start == count {
            let mut ranks = vec![0; count];
            passed[start..=n].iter().enumerate().for_each(|(rank, place)| ranks[*place] = rank);
            return Some(ranks);
        }
    }
    None
}

/// Sweeps of pictures that are numbered place after place, as many numbers for each as there are sweeps,
/// so that a number that lacks is seen; `None` where they are not.
fn by_numbers(places: &[Vec<Picture>], most: usize) -> Option<Vec<Sweep>> {
    let all = on_clock(places, |m| m.instance)?;
    let (first, last) = (all.first()?.0, all.last()?.0);
    let (most_numbers, numbers) = (most as f64, (places.len() * most) as f64);
    let begin = match first {
        _ if (1.0..=most_numbers).contains(&first) => 1.0,
        _ if last - first + 1.0 == numbers => first,
        _ => return None,
    };
    let mut of_turn: Vec<Option<usize>> = vec![None; places.len()];
    let mut sweeps: Vec<Vec<(usize, &Picture)>> = vec![Vec::new(); most];
    let mut before = None;
    for (number, at, picture) in all {
        let turn = ((number - begin) / most_numbers).floor();
        let sweep = (number - begin - turn * most_numbers) as usize;
        let is_its = *of_turn.get_mut(turn as usize)?.get_or_insert(at) == at;
        if !is_its || number.fract() != 0.0 || before == Some(number) {
            return None;
        }
        before = Some(number);
        sweeps[sweep].push((at, picture));
    }
    Some(sweeps.into_iter().map(in_space).collect())
}

fn in_space(mut sweep: Vec<(usize, &Picture)>) -> Sweep {
    sweep.sort_by_key(|(at, _)| *at);
    sweep.into_iter().map(|(_, picture)| picture.clone()).collect()
}
