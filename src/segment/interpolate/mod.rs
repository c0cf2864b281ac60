//! Fills the slices between painted ones.
//!
//! Two neighbouring painted slices are blended by their signed distances (Raya & Udupa, IEEE TMI 9
//! (1990) 32; Herman, Zheng & Bucholtz, IEEE CG&A 12 (1992) 69), piece by piece: which piece becomes
//! which, how one splits into several, and how a piece moves is found as in the morphological method
//! (Albu, Beugeling & Laurendeau, IEEE TBME 55 (2008) 2022; Zukić et al., Insight Journal 2016).
//!
//! Always true: painted slices are kept as they are; the result is the same, mirrored, for mirrored
//! input, and does not depend on the number of threads.
//!
//! Must never know: which slices a person painted by hand; that is what `keys` tell.

mod morph;
mod pairing;
mod region;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use self::morph::Morph;
use self::region::{Rect, Run, components};
use super::{Cancelled, Progress};
use crate::geometry::{VoxelBox, VoxelIndex};
use crate::volume::{BRICK_EDGE, LabelMap, Mask, for_each_run, set_bits};

/// What lies between the painted slices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpolated {
    /// The voxels of the slices between; none of the painted slices themselves.
    pub mask: Mask,
    /// The slices that were filled, rising. What they held of the label before is superseded by the mask.
    pub slices: Vec<usize>,
}

/// What to interpolate.
#[derive(Clone, Copy, Debug)]
pub struct Interpolation<'a> {
    /// The label.
    pub label: u16,
    /// The grid axis (0 for i, 1 for j, 2 for k) across whose slices it was painted.
    pub axis: usize,
    /// The slices to interpolate between; those without the label do not count. `None` takes every slice
    /// that holds the label.
    pub keys: Option<&'a [usize]>,
    /// Distance in millimetres between neighbours along i, j and k.
    pub spacing_mm: [f64; 3],
}

/// Fills each gap between two neighbouring key slices of a label.
///
/// Pieces that overlap from one key slice to the next belong together, and so do two pieces that
/// overlap nothing but lie close; a piece without a counterpart tapers off towards the next key slice.
/// Costs a few passes over the boxes around the pieces, not over the volume.
pub fn interpolate(
    map: &LabelMap,
    what: &Interpolation<'_>,
    progress: &dyn Progress,
) -> Result<Interpolated, Cancelled> {
    let label = Mask::of_label(map, bricks_with(map, what.label), what.label);
    let slices = Slices { mask: &label, axis: what.axis, dims: map.dims() };
    let keys = key_slices(&slices, what.keys);
    let gaps: Vec<[usize; 2]> =
        keys.windows(2).map(|pair| [pair[0], pair[1]]).filter(|[from, to]| to - from > 1).collect();
    let done = AtomicUsize::new(0);
    let filled: Vec<Vec<Filled>> = gaps
        .par_iter()
        .map(|&gap| {
            let filled = fill(&slices, gap, what.spacing_mm, progress)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.go_on(done as f32 / gaps.len() as f32)?;
            Ok(filled)
        })
        .collect::<Result<_, Cancelled>>()?;
    let filled: Vec<Filled> = filled.into_iter().flatten().collect();
    Ok(Interpolated {
        mask: slices.assemble(&filled),
        slices: filled.into_iter().map(|(at, _)| at).collect(),
    })
}

/// A slice and the runs in it, which may overlap.
type Filled = (usize, Vec<Run>);

fn fill(
    slices: &Slices<'_>,
    [from, to]: [usize; 2],
    spacing_mm: [f64; 3],
    progress: &dyn Progress,
) -> Result<Vec<Filled>, Cancelled> {
    let [u, v] = slices.in_plane();
    let scale = pairing::Scale {
        pixel_mm: [spacing_mm[u], spacing_mm[v]],
        gap_mm: spacing_mm[slices.axis] * (to - from) as f64,
    };
    let plane = slices.plane();
    let pairs = pairing::pairs(&components(&slices.runs(from)), &components(&slices.runs(to)), &scale);
    let mut filled: Vec<Filled> = (from + 1..to).map(|slice| (slice, Vec::new())).collect();
    for pair in &pairs {
        if progress.is_cancelled() {
            return Err(Cancelled);
        };
        let morph = Morph::new(pair, plane, scale.pixel_mm);
        for (slice, runs) in &mut filled {
            morph.at((*slice - from) as i32, (to - from) as i32, |run| runs.push(run));
        }
    }
    Ok(filled)
}

/// The box around all bricks that hold a label; empty where none does.
fn bricks_with(map: &LabelMap, label: u16) -> VoxelBox {
    let holding: Vec<_> = map.bricks().collect();
    let holding = holding.into_par_iter().filter(|(_, brick)| {
        // In parts, so that each is searched in wide registers.
        let mut rows = brick.labels().chunks_exact(BRICK_EDGE);
        rows.any(|row| row.iter().fold(false, |found, other| found | (*other == label)))
    });
    let bounds = holding.map(|(index, _)| map.brick_bounds(index)).reduce_with(|a, b| a.union(&b));
    bounds.unwrap_or(VoxelBox { min: [0; 3], max: [0; 3] })
}

/// A mask seen slice by slice across an axis.
struct Slices<'a> {
    mask: &'a Mask,
    axis: usize,
    /// Of the whole grid.
    dims: [usize; 3],
}

impl Slices<'_> {
    /// The two other axes: the rows of a slice run along the first.
    fn in_plane(&self) -> [usize; 2] {
        match self.axis {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        }
    }

    /// The extent of a slice of the grid.
    fn plane(&self) -> Rect {
        Rect { min: [0; 2], max: self.in_plane().map(|axis| self.dims[axis] as i32) }
    }

    /// What the slice holds, in order.
    fn runs(&self, slice: usize) -> Vec<Run> {
        let bounds = self.mask.bounds();
        let first_i = bounds.min[0] as i32;
        let mut runs = Vec::new();
        if self.axis == 0 {
            for k in bounds.min[2]..bounds.max[2] {
                let mut open: Option<Run> = None;
                for j in bounds.min[1]..bounds.max[1] {
                    let (held, at) = (self.mask.contains(VoxelIndex::new(slice, j, k)), j as i32);
                    match &mut open {
                        Some(run) if held => run.end = at + 1,
                        _ if held => open = Some(Run { v: k as i32, start: at, end: at + 1 }),
                        _ => runs.extend(open.take()),
                    }
                }
                runs.extend(open);
            }
            return runs;
        }
        let v_axis = self.in_plane()[1];
        for v in bounds.min[v_axis]..bounds.max[v_axis] {
            let row = if self.axis == 1 { self.mask.row(slice, v) } else { self.mask.row(v, slice) };
            for_each_run(row, |run| {
                let (start, end) = (first_i + run.start as i32, first_i + run.end as i32);
                runs.push(Run { v: v as i32, start, end });
            });
        }
        runs
    }

    /// Which slices hold anything, rising.
    fn held(&self) -> Vec<usize> {
        let bounds = self.mask.bounds();
        let mut held = vec![false; bounds.dims()[self.axis]];
        self.mask.for_each_run(|i, j, k| match self.axis {
            0 => held[i.start - bounds.min[0]..i.end - bounds.min[0]].fill(true),
            1 => held[j - bounds.min[1]] = true,
            _ => held[k - bounds.min[2]] = true,
        });
        let first = bounds.min[self.axis];
        held.into_iter().enumerate().filter(|(_, held)| *held).map(|(at, _)| first + at).collect()
    }

    /// The mask that these slices make up, in the smallest box.
    fn assemble(&self, filled: &[Filled]) -> Mask {
        let [u_axis, v_axis] = self.in_plane();
        let mut bounds: Option<VoxelBox> = None;
        for (slice, runs) in filled {
            if let Some(rect) = Rect::around(runs) {
                let mut part = VoxelBox { min: [*slice; 3], max: [*slice + 1; 3] };
                (part.min[u_axis], part.max[u_axis]) = (rect.min[0] as usize, rect.max[0] as usize);
                (part.min[v_axis], part.max[v_axis]) = (rect.min[1] as usize, rect.max[1] as usize);
                bounds = Some(bounds.map_or(part, |bounds| bounds.union(&part)));
            }
        }
        let bounds = bounds.unwrap_or(VoxelBox { min: [0; 3], max: [0; 3] });
        let mut mask = Mask::empty(bounds);
        for (slice, run) in filled.iter().flat_map(|(slice, runs)| runs.iter().map(move |run| (*slice, run)))
        {
            let (v, along) = (run.v as usize, run.start as usize..run.end as usize);
            let in_row = || along.start - bounds.min[0]..along.end - bounds.min[0];
            match self.axis {
                0 => along.for_each(|j| mask.insert(VoxelIndex::new(slice, j, v))),
                1 => set_bits(mask.row_mut(slice, v), in_row()),
                _ => set_bits(mask.row_mut(v, slice), in_row()),
            }
        }
        mask
    }
}

fn key_slices(slices: &Slices<'_>, wanted: Option<&[usize]>) -> Vec<usize> {
    let mut keys = slices.held();
    if let Some(wanted) = wanted {
        keys.retain(|slice| wanted.contains(slice));
    }
    keys
}

#[cfg(test)]
mod tests;
