//! How far apart the surfaces of two masks are. Programs differ in what a surface is made of and in how
//! its two sides are brought together, and so in every number: each way has a name here.

use rayon::prelude::*;

use super::Empty;
use super::cubes::{Pieces, border, cube_box, for_each_border_cube, for_each_word};
use super::rim::{Beyond, Neighbours, rim};
use crate::geometry::{Grid, VoxelBox};
use crate::progress::{Part, Progress};
use crate::volume::{DistanceError, DistanceMap, Mask};

/// What distances are taken between, and how those from the first mask to the second and back are
/// brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Definition {
    /// Surface elements between voxels, weighted by their area; a percentile is the least distance that
    /// holds for that share of the area, the greater of both ways. DeepMind's `surface_distance`
    /// (Nikolov et al., 2018).
    SurfaceElements,
    /// Voxels with a neighbour across a face that does not belong; percentiles of both ways pooled, linear
    /// between ranks. MedPy's `hd95` and `assd`.
    SurfaceVoxels,
    /// Voxels with one of 26 neighbours inside the grid that does not belong; the greater of both ways'
    /// percentiles, linear between ranks. SimpleITK's contours and Maurer distances.
    ContourVoxels,
    /// All voxels, to the nearest voxel of the other mask; the greater of both ways. ITK's
    /// `HausdorffDistanceImageFilter`.
    AllVoxels,
}

impl Definition {
    /// Every one of them.
    pub const ALL: [Self; 4] =
        [Self::SurfaceElements, Self::SurfaceVoxels, Self::ContourVoxels, Self::AllVoxels];

    /// Its word in reports and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::SurfaceElements => "surface-elements",
            Self::SurfaceVoxels => "surface-voxels",
            Self::ContourVoxels => "contour-voxels",
            Self::AllVoxels => "all-voxels",
        }
    }

    /// Whose it is.
    pub fn source(self) -> &'static str {
        match self {
            Self::SurfaceElements => "DeepMind surface-distance",
            Self::SurfaceVoxels => "MedPy",
            Self::ContourVoxels => "SimpleITK LabelContour and SignedMaurerDistanceMap",
            Self::AllVoxels => "ITK HausdorffDistanceImageFilter",
        }
    }
}

/// Why there are no distances.
#[derive(Debug, thiserror::Error)]
pub enum ApartError {
    /// A mask is empty.
    #[error(transparent)]
    Empty(#[from] Empty),
    /// A mask has no voxel that lies on a surface as the definition has it.
    #[error("a mask that fills the grid has no contour: beyond the grid nobody asks")]
    NoSurface,
    /// There are no distances.
    #[error(transparent)]
    Distances(#[from] DistanceError),
}

/// The distances from each of two surfaces to the other.
#[derive(Clone, Debug)]
pub struct SurfaceDistances {
    definition: Definition,
    /// From the first to the second, and from the second to the first.
    ways: [Way; 2],
}

/// The distances from one surface to the other, rising.
#[derive(Clone, Debug)]
struct Way {
    /// Each distance in mm with its weight: an area in mm², or 1.
    gaps: Vec<(f32, f64)>,
    weight: f64,
}

impl SurfaceDistances {
    /// Between two masks on `grid`, whose axes count as perpendicular. Two exact distance transforms over
    /// the box around both: O(voxels of that box).
    pub fn between(
        first: &Mask,
        second: &Mask,
        grid: &Grid,
        definition: Definition,
        progress: &dyn Progress,
    ) -> Result<Self, ApartError> {
        let bounds = match (first.tight_bounds(), second.tight_bounds()) {
            (Some(first), Some(second)) => first.union(&second),
            (first, second) => {
                let empty = Empty::of(first.is_none(), second.is_none());
                return Err(empty.unwrap_or(Empty::Both).into());
            }
        };
        let masks = [first, second].map(|mask| mask.within(bounds));
        let spacing_mm = grid.spacing_mm();
        let [there, back] = [Part::new(progress, 0.0, 0.5), Part::new(progress, 0.5, 1.0)];
        let ways = match definition {
            Definition::SurfaceElements => {
                let areas = Pieces::of_elements(grid);
                let way = |from: &Mask, to: &Mask, progress: Part<'_>| -> Result<Way, DistanceError> {
                    let distances = DistanceMap::to(&border_cubes(to), spacing_mm, &progress)?;
                    Ok(Way::of_elements(from, &distances, &areas))
                };
                [way(&masks[0], &masks[1], there)?, way(&masks[1], &masks[0], back)?]
            }
            Definition::SurfaceVoxels => Self::of_voxels(
                masks.map(|mask| rim(&mask, Neighbours::Faces, Beyond::DoesNotBelong)),
                spacing_mm,
                [there, back],
            )?,
            Definition::ContourVoxels => Self::of_voxels(
                masks.map(|mask| rim(&mask, Neighbours::All, Beyond::Unasked(grid.bounds()))),
                spacing_mm,
                [there, back],
            )?,
            Definition::AllVoxels => Self::of_voxels(masks, spacing_mm, [there, back])?,
        };
        if ways.iter().any(|way| way.gaps.is_empty()) {
            return Err(ApartError::NoSurface);
        }
        Ok(Self { definition, ways })
    }

    fn of_voxels(
        [first, second]: [Mask; 2],
        spacing_mm: [f64; 3],
        [there, back]: [Part<'_>; 2],
    ) -> Result<[Way; 2], DistanceError> {
        let way = |from: &Mask, to: &Mask, progress: Part<'_>| -> Result<Way, DistanceError> {
            Ok(Way::of_voxels(from, &DistanceMap::to(to, spacing_mm, &progress)?))
        };
        Ok([way(&first, &second, there)?, way(&second, &first, back)?])
    }

    /// The definition that these distances follow.
    pub fn definition(&self) -> Definition {
        self.definition
    }

    /// The Hausdorff distance, or its `percent`-th percentile, in mm.
    pub fn hausdorff_mm(&self, percent: f64) -> f64 {
        let share = percent.clamp(0.0, 100.0) / 100.0;
        match self.definition {
            Definition::SurfaceElements => self.greater_of(|way| way.weighted_percentile(share)),
            Definition::SurfaceVoxels => self.pooled().linear_percentile(share),
            _ => self.greater_of(|way| way.linear_percentile(share)),
        }
    }

    fn greater_of(&self, of: impl Fn(&Way) -> f64) -> f64 {
        of(&self.ways[0]).max(of(&self.ways[1]))
    }

    fn pooled(&self) -> Way {
        Way::new(self.ways.iter().flat_map(|way| &way.gaps).copied().collect())
    }

    /// Mean distances from the first to the second and from the second to the first, in mm.
    pub fn means_mm(&self) -> [f64; 2] {
        [0, 1].map(|way| self.ways[way].sum_mm() / self.ways[way].weight)
    }

    /// The mean over both surfaces together ("average symmetric surface distance"), in mm.
    pub fn assd_mm(&self) -> f64 {
        let weight = self.ways[0].weight + self.ways[1].weight;
        (self.ways[0].sum_mm() + self.ways[1].sum_mm()) / weight
    }

    /// The mean of [`Self::means_mm`] ("mean average surface distance"), in mm.
    pub fn masd_mm(&self) -> f64 {
        let [there, back] = self.means_mm();
        (there + back) / 2.0
    }

    /// The share of both surfaces that lies within a tolerance of the other (surface Dice; Nikolov et al.,
    /// 2018). A distance longer by a millionth still counts, so that rounding decides nothing.
    pub fn surface_dice(&self, tolerance_mm: f64) -> f64 {
        let reach = tolerance_mm * (1.0 + 1e-6);
        let within: f64 = self.ways.iter().map(|way| way.weight_within(reach)).sum();
        within / (self.ways[0].weight + self.ways[1].weight)
    }
}

impl Way {
    fn new(mut gaps: Vec<(f32, f64)>) -> Self {
        gaps.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let weight = gaps.iter().map(|(_, weight)| weight).sum();
        Self { gaps, weight }
    }

    fn of_elements(from: &Mask, distances: &DistanceMap, areas: &[f64; 256]) -> Self {
        let cubes = cube_box(from.bounds());
        let gaps = (cubes.min[2]..cubes.max[2]).into_par_iter().flat_map_iter(|k| {
            let mut gaps = Vec::new();
            for j in cubes.min[1]..cubes.max[1] {
                let row = distances.row(j, k);
                for_each_border_cube(from, j, k, |i, code| {
                    gaps.push((row[i - cubes.min[0]], areas[usize::from(code)]));
                });
            }
            gaps
        });
        Self::new(gaps.collect())
    }

    fn of_voxels(from: &Mask, distances: &DistanceMap) -> Self {
        let mut gaps = Vec::new();
        let first = from.bounds().min[0];
        from.for_each_run(|run, j, k| {
            let row = &distances.row(j, k)[run.start - first..run.end - first];
            gaps.extend(row.iter().map(|mm| (*mm, 1.0)));
        });
        Self::new(gaps)
    }

    fn sum_mm(&self) -> f64 {
        self.gaps.iter().map(|(mm, weight)| f64::from(*mm) * weight).sum()
    }

    fn weight_within(&self, reach_mm: f64) -> f64 {
        let within = self.gaps.partition_point(|(mm, _)| f64::from(*mm) <= reach_mm);
        self.gaps[..within].iter().map(|(_, weight)| weight).sum()
    }

    /// The least distance that holds for a share of the weight.
    fn weighted_percentile(&self, share: f64) -> f64 {
        let mut sum = 0.0;
        let enough = self.gaps.iter().find(|(_, weight)| {
            sum += weight;
            sum / self.weight >= share
        });
        enough.or(self.gaps.last()).map_or(0.0, |(mm, _)| f64::from(*mm))
    }

    /// The distance at a share of the ranks, linear between the two nearest, as numpy has it.
    fn linear_percentile(&self, share: f64) -> f64 {
        let rank = share * (self.gaps.len() - 1) as f64;
        let at = |rank: f64| f64::from(self.gaps[rank as usize].0);
        let (low, high) = (at(rank.floor()), at(rank.ceil()));
        low + (high - low) * rank.fract()
    }
}

/// The cubes that hold voxels that belong and voxels that do not.
fn border_cubes(mask: &Mask) -> Mask {
    let cubes: VoxelBox = cube_box(mask.bounds());
    let mut found = Mask::empty(cubes);
    let [_, nj, _] = cubes.dims();
    let row_words = found.row_words();
    found.words_mut().par_chunks_mut(row_words * nj).enumerate().for_each(|(k, slice)| {
        for (j, row) in slice.chunks_mut(row_words).enumerate() {
            for_each_word(mask, cubes.min[1] + j, cubes.min[2] + k, |word, lower, upper| {
                row[word] = border(lower, upper);
            });
        }
    });
    found
}
