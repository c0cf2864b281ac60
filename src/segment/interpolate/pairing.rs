//! Which piece of one slice becomes which piece of the next.

use std::f64::consts::PI;

use super::region::{DisjointSets, Region, Run, for_common};

/// Distances around a gap.
pub(super) struct Scale {
    /// Between neighbouring pixels along u and v.
    pub(super) pixel_mm: [f64; 2],
    /// Between the two key slices.
    pub(super) gap_mm: f64,
}

/// What one piece becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// A piece becomes another, and moves by whole pixels on the way.
    Both { from: Region, to: Region, shift: [i32; 2] },
    /// A piece of the first slice tapers off.
    Ending(Region),
    /// A piece of the second slice grows from nothing.
    Starting(Region),
}

/// More counterparts than this are not told apart when a piece splits.
const MAX_SPLIT: usize = u64::BITS as usize;

/// The pairs whose blends together fill the gap.
pub(super) fn pairs(from: &[Region], to: &[Region], scale: &Scale) -> Vec<Pair> {
    let edges = overlaps(from, to);
    let mut sets = DisjointSets::new(from.len() + to.len());
    for &[a, b] in &edges {
        sets.join(a, from.len() + b);
    }
    let mut pairs = Vec::new();
    let (mut ending, mut starting) = (Vec::new(), Vec::new());
    for group in sets.groups() {
        let (a, b): (Vec<usize>, Vec<usize>) = group.into_iter().partition(|&n| n < from.len());
        let b: Vec<usize> = b.into_iter().map(|n| n - from.len()).collect();
        match (&a[..], &b[..]) {
            ([a], []) => ending.push(*a),
            ([], [b]) => starting.push(*b),
            ([a], [b]) => pairs.push(aligned(from[*a].clone(), to[*b].clone())),
            _ => {
                // As a whole it holds together, piece by piece it keeps its volume on the way.
                let whole = |pieces: &[Region], of: &[usize]| Region::joined(of.iter().map(|&n| &pieces[n]));
                pairs.push(Pair::Both { from: whole(from, &a), to: whole(to, &b), shift: [0; 2] });
                pairs.extend(split_pairs(from, to, &a, &edges));
            }
        }
    }
    for (a, b) in nearby(from, to, &mut ending, &mut starting, scale) {
        pairs.push(aligned(from[a].clone(), to[b].clone()));
    }
    pairs.extend(ending.into_iter().map(|a| Pair::Ending(from[a].clone())));
    pairs.extend(starting.into_iter().map(|b| Pair::Starting(to[b].clone())));
    pairs
}

fn aligned(from: Region, to: Region) -> Pair {
    let shift = from.best_shift(&to);
    Pair::Both { from, to, shift }
}

/// Which pieces overlap, in order.
fn overlaps(from: &[Region], to: &[Region]) -> Vec<[usize; 2]> {
    let (ours, theirs) = (numbered(from), numbered(to));
    let runs = |numbered: &[(Run, usize)]| numbered.iter().map(|(run, _)| *run).collect::<Vec<_>>();
    let mut edges = Vec::new();
    for_common(&runs(&ours), &runs(&theirs), [0; 2], |a, b, _| edges.push([ours[a].1, theirs[b].1]));
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn numbered(pieces: &[Region]) -> Vec<(Run, usize)> {
    let of_piece = |(number, piece): (usize, &Region)| {
        piece.runs.iter().map(move |run| (*run, number)).collect::<Vec<_>>()
    };
    let mut runs: Vec<_> = pieces.iter().enumerate().flat_map(of_piece).collect();
    runs.sort_unstable();
    runs
}

/// A pair for each overlap of a group that branches: of either piece the part that is nearest to it.
fn split_pairs(from: &[Region], to: &[Region], of: &[usize], edges: &[[usize; 2]]) -> Vec<Pair> {
    let edges_of = |piece: usize| {
        let first = edges.partition_point(|edge| edge[0] < piece);
        edges[first..].iter().copied().take_while(move |edge| edge[0] == piece)
    };
    let edges: Vec<[usize; 2]> = of.iter().flat_map(|&piece| edges_of(piece)).collect();
    let pairs = parts(0, from, to, &edges).into_iter().zip(parts(1, to, from, &edges));
    pairs.filter_map(|(from, to)| Some(aligned(from?, to?))).collect()
}

/// For each overlap, the part of the piece on one side of it.
fn parts(side: usize, ours: &[Region], theirs: &[Region], edges: &[[usize; 2]]) -> Vec<Option<Region>> {
    let mut parts = vec![None; edges.len()];
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_by_key(|&edge| edges[edge][side]);
    for same in order.chunk_by(|&a, &b| edges[a][side] == edges[b][side]) {
        let others: Vec<&Region> = same.iter().map(|&edge| &theirs[edges[edge][1 - side]]).collect();
        for (&edge, part) in same.iter().zip(split(&ours[edges[same[0]][side]], &others)) {
            parts[edge] = Some(part);
        }
    }
    parts
}

/// Splits a piece by which of several others, all of which it overlaps, is nearest within it; a pixel
/// as near to several belongs to the part of each. Nothing where there are too many.
fn split(piece: &Region, others: &[&Region]) -> Vec<Region> {
    match others.len() {
        1 => return vec![piece.clone()],
        2..=MAX_SPLIT => {}
        _ => return Vec::new(),
    }
    let bounds = piece.bounds().grown(1);
    let width = bounds.width();
    let offset = |u: i32, v: i32| (v - bounds.min[1]) as usize * width + (u - bounds.min[0]) as usize;
    let mut is_inside = vec![false; width * bounds.height()];
    let mut nearest = vec![0u64; is_inside.len()];
    for run in &piece.runs {
        is_inside[offset(run.start, run.v)..offset(run.end, run.v)].fill(true);
    }
    let mut front = Vec::new();
    for (bit, other) in others.iter().enumerate() {
        for_common(&piece.runs, &other.runs, [0; 2], |_, _, run| {
            let start = offset(run.start, run.v);
            for (step, bits) in nearest[start..offset(run.end, run.v)].iter_mut().enumerate() {
                if *bits == 0 {
                    front.push(start + step);
                }
                *bits |= 1 << bit;
            }
        });
    }
    // Four neighbours and eight by turns: an octagon comes near a circle.
    let eight = [1, width, width - 1, width + 1];
    let mut steps = &eight[..];
    let mut reached: Vec<usize> = Vec::new();
    let mut idle = 0;
    while idle < 2 {
        steps = if steps.len() == 4 { &eight[..2] } else { &eight };
        let mut arrivals: Vec<(usize, u64)> = Vec::new();
        for &at in front.iter().chain(&reached) {
            let around = steps.iter().flat_map(|step| [at - step, at + step]);
            let entered = around.filter(|&to| is_inside[to] && nearest[to] == 0);
            arrivals.extend(entered.map(|to| (to, nearest[at])));
        }
        // A front that four neighbours could not carry on may go on by a corner.
        idle = if arrivals.is_empty() { idle + 1 } else { 0 };
        reached = std::mem::take(&mut front);
        for (to, bits) in arrivals {
            if nearest[to] == 0 {
                front.push(to);
            }
            nearest[to] |= bits;
        }
    }
    let part = |bit: usize| {
        let mut runs = Vec::new();
        for run in &piece.runs {
            let row = offset(run.start, run.v)..offset(run.end, run.v);
            let mut at = run.start;
            for chunk in nearest[row].chunk_by(|a, b| (a ^ b) >> bit & 1 == 0) {
                let end = at + chunk.len() as i32;
                if chunk[0] >> bit & 1 == 1 {
                    runs.push(Run { v: run.v, start: at, end });
                }
                at = end;
            }
        }
        Region { runs }
    };
    (0..others.len()).map(part).collect()
}

/// Takes out the pieces that overlap nothing, yet belong together: the only ones of their slices, or
/// each the other's nearest and no farther apart than the slices are.
fn nearby(
    from: &[Region],
    to: &[Region],
    ending: &mut Vec<usize>,
    starting: &mut Vec<usize>,
    scale: &Scale,
) -> Vec<(usize, usize)> {
    let found = if let ([a], [b], 1, 1) = (&ending[..], &starting[..], from.len(), to.len()) {
        vec![(*a, *b)]
    } else {
        let (ours, theirs) = (Disc::all(from, ending, scale), Disc::all(to, starting, scale));
        let counterpart = |disc: &Disc| {
            let other = disc.nearest(&theirs, scale.gap_mm)?;
            let back = other.nearest(&ours, scale.gap_mm)?;
            (back.piece == disc.piece).then_some((disc.piece, other.piece))
        };
        ours.iter().filter_map(counterpart).collect()
    };
    ending.retain(|a| found.iter().all(|pair| pair.0 != *a));
    starting.retain(|b| found.iter().all(|pair| pair.1 != *b));
    found
}

/// A piece as the disc of its area around its centroid.
struct Disc {
    piece: usize,
    centre_mm: [f64; 2],
    radius_mm: f64,
}

impl Disc {
    /// In order of their centres' first coordinate.
    fn all(pieces: &[Region], which: &[usize], scale: &Scale) -> Vec<Self> {
        let disc = |&piece: &usize| {
            let [u, v] = pieces[piece].centroid();
            let area_mm2 = pieces[piece].area() as f64 * scale.pixel_mm[0] * scale.pixel_mm[1];
            let centre_mm = [u * scale.pixel_mm[0], v * scale.pixel_mm[1]];
            Self { piece, centre_mm, radius_mm: (area_mm2 / PI).sqrt() }
        };
        let mut discs: Vec<Self> = which.iter().map(disc).collect();
        discs.sort_by(|a, b| a.centre_mm[0].total_cmp(&b.centre_mm[0]));
        discs
    }

    /// The one of `others` that comes nearest, if it is no farther than that and the only such one.
    fn nearest<'a>(&self, others: &'a [Self], most_mm: f64) -> Option<&'a Self> {
        let widest = others.iter().map(|other| other.radius_mm).fold(0.0, f64::max);
        let reach = most_mm + self.radius_mm + widest;
        let first = others.partition_point(|other| other.centre_mm[0] < self.centre_mm[0] - reach);
        let near = others[first..].iter().take_while(|other| other.centre_mm[0] <= self.centre_mm[0] + reach);
        let (mut best, mut best_mm, mut is_only) = (None, most_mm, true);
        for other in near {
            let [du, dv] = [0, 1].map(|axis| self.centre_mm[axis] - other.centre_mm[axis]);
            let apart_mm = (du * du + dv * dv).sqrt() - self.radius_mm - other.radius_mm;
            if apart_mm < best_mm || (best.is_none() && apart_mm == best_mm) {
                (best, best_mm, is_only) = (Some(other), apart_mm, true);
            } else if apart_mm == best_mm {
                is_only = false;
            }
        }
        best.filter(|_| is_only)
    }
}
