//! The geometry receipt: proof that a mask on disk lies where the study lies and holds what was
//! painted.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fingerprint::Digest;
use super::reread::MaskFile;
use crate::geometry::{Grid, Patient, Point, VoxelIndex};
use crate::volume::LabelMap;

/// What was found when the masks were read again, before they took the place of older ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// How far mask and study may lie apart ([`Grid::tolerance_mm`]).
    pub tolerance_mm: f64,
    /// One for each layer.
    pub layers: Vec<LayerReceipt>,
}

/// The proof of one mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerReceipt {
    /// The mask's name.
    pub file: String,
    /// Which fields of its header place it: `sform`, `qform` or `pixdim`.
    pub placed_by: String,
    /// Its dimensions.
    pub dims: [usize; 3],
    /// Where its eight corner voxels lie, i changing fastest, by its own header.
    pub corners_lps: Vec<Point<Patient>>,
    /// The greatest distance between a corner or a probe by the mask's header and by the study's.
    pub greatest_distance_mm: f64,
    /// Labelled voxels, every one of which was compared with what was painted.
    pub labelled_voxels: u64,
    /// Labelled voxels to be looked up on any later day.
    pub probes: Vec<Probe>,
}

/// A labelled voxel and where the study has it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Its label.
    pub label: u16,
    /// Its place in the grid.
    pub voxel: [usize; 3],
    /// Its centre.
    pub point_lps: Point<Patient>,
}

/// How a mask on disk contradicts what it should hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// It cannot be read.
    #[error("it cannot be read again: {0}")]
    Unreadable(String),
    /// Other dimensions.
    #[error("it has {mask:?} voxels, the study {study:?}")]
    Dims {
        /// Dimensions of the mask.
        mask: [usize; 3],
        /// Dimensions of the study.
        study: [usize; 3],
    },
    /// It lies elsewhere.
    #[error("it lies up to {by_mm:.4} mm away from the study")]
    Moved {
        /// The greatest distance.
        by_mm: f64,
    },
    /// A voxel of another label.
    #[error("voxel {voxel:?} has label {mask} where {marks} was painted")]
    Label {
        /// The voxel.
        voxel: [usize; 3],
        /// Its label in the mask.
        mask: u16,
        /// The label it should have.
        marks: u16,
    },
    /// A probe that is not found.
    #[error("voxel {voxel:?} no longer has label {marks}")]
    Probe {
        /// The voxel.
        voxel: [usize; 3],
        /// The label it should have.
        marks: u16,
    },
    /// More or fewer voxels of a label.
    #[error("label {label} has {mask} voxels where {marks} were painted")]
    Count {
        /// The label.
        label: u16,
        /// Voxels in the mask.
        mask: u64,
        /// Voxels there should be.
        marks: u64,
    },
}

/// A mask that holds what was painted.
pub(super) struct Proven {
    pub(super) sha256: Digest,
    pub(super) counts: BTreeMap<u16, u64>,
    pub(super) receipt: LayerReceipt,
}

/// Reads the mask at `path` again and holds every labelled voxel, every count and the placement
/// against `labels` on the study's `grid`. The receipt calls the mask `file`.
pub(super) fn prove(path: &Path, file: &str, grid: &Grid, labels: &LabelMap) -> Result<Proven, Mismatch> {
    let mut mask = MaskFile::open(path).map_err(unreadable)?;
    check_dims(&mask, grid)?;
    let mut painted = vec![0; grid.dims()[0]];
    let mut first_wrong = None;
    let contents = mask
        .read_rows(|row, j, k| {
            labels.copy_row(j, k, &mut painted);
            // Labels that are missing from the row show in the counts.
            let wrong = row.iter().zip(&painted).position(|(mask, marks)| *mask != 0 && mask != marks);
            if let (Some(i), None) = (wrong, &first_wrong) {
                first_wrong = Some(Mismatch::Label { voxel: [i, j, k], mask: row[i], marks: painted[i] });
            }
        })
        .map_err(unreadable)?;
    if let Some(wrong) = first_wrong {
        return Err(wrong);
    }
    // Every labelled voxel of the mask was painted so; equal counts say that none is missing.
    let counts = labels.counts();
    check_counts(&contents.counts, &counts)?;
    let probes = choose_probes(grid, labels, &counts);
    let greatest_distance_mm = check_places(&mask, grid, &probes)?;
    let receipt = LayerReceipt {
        file: file.to_owned(),
        placed_by: mask.placed_by().to_owned(),
        dims: mask.dims(),
        corners_lps: corners(mask.dims()).map(|voxel| mask.point_of(voxel).into()).to_vec(),
        greatest_distance_mm,
        labelled_voxels: counts.values().sum(),
        probes,
    };
    Ok(Proven { sha256: contents.sha256, counts, receipt })
}

/// Holds the mask at `path` against a study's `grid` and against the counts and probes written down
/// when it was saved. Gives the greatest distance in millimetres between mask and study.
pub(super) fn prove_again(
    path: &Path,
    grid: &Grid,
    counts: &BTreeMap<u16, u64>,
    probes: &[Probe],
) -> Result<f64, Mismatch> {
    let mut missing: BTreeMap<[usize; 2], Vec<&Probe>> = BTreeMap::new();
    for probe in probes {
        let [_, j, k] = probe.voxel;
        missing.entry([k, j]).or_default().push(probe);
    }
    let mut mask = MaskFile::open(path).map_err(unreadable)?;
    check_dims(&mask, grid)?;
    let contents = mask
        .read_rows(|row, j, k| {
            if let Some(probes) = missing.get_mut(&[k, j]) {
                probes.retain(|probe| row.get(probe.voxel[0]) != Some(&probe.label));
            }
        })
        .map_err(unreadable)?;
    check_counts(&contents.counts, counts)?;
    if let Some(probe) = missing.values().flatten().next() {
        return Err(Mismatch::Probe { voxel: probe.voxel, marks: probe.label });
    }
    check_places(&mask, grid, probes)
}

fn unreadable(error: std::io::Error) -> Mismatch {
    Mismatch::Unreadable(error.to_string())
}

fn check_dims(mask: &MaskFile, grid: &Grid) -> Result<(), Mismatch> {
    let (mask, study) = (mask.dims(), grid.dims());
    if mask == study { Ok(()) } else { Err(Mismatch::Dims { mask, study }) }
}

fn check_counts(mask: &BTreeMap<u16, u64>, marks: &BTreeMap<u16, u64>) -> Result<(), Mismatch> {
    for &label in mask.keys().chain(marks.keys()) {
        let of = |counts: &BTreeMap<u16, u64>| counts.get(&label).copied().unwrap_or(0);
        let (mask, marks) = (of(mask), of(marks));
        if mask != marks {
            return Err(Mismatch::Count { label, mask, marks });
        }
    }
    Ok(())
}

/// The greatest distance between the mask's and the study's corners, and between where the mask has
/// the probes and where they were written down, and where the study has them now.
fn check_places(mask: &MaskFile, grid: &Grid, probes: &[Probe]) -> Result<f64, Mismatch> {
    let by_mask = |voxel| Point::<Patient>::from(mask.point_of(voxel));
    let of_corners = corners(mask.dims()).into_iter().zip(grid.corners());
    let of_corners = of_corners.map(|(voxel, corner)| by_mask(voxel).distance(corner));
    let of_probes = probes.iter().flat_map(|probe| {
        let [i, j, k] = probe.voxel;
        let by_study = grid.centre_of(VoxelIndex::new(i, j, k));
        [by_mask(probe.voxel).distance(probe.point_lps), by_study.distance(probe.point_lps)]
    });
    let by_mm = of_corners.chain(of_probes).fold(0.0, |greatest: f64, distance| {
        if distance.is_finite() { greatest.max(distance) } else { f64::INFINITY }
    });
    if by_mm <= grid.tolerance_mm() { Ok(by_mm) } else { Err(Mismatch::Moved { by_mm }) }
}

/// The corner voxels, i changing fastest.
fn corners(dims: [usize; 3]) -> [[usize; 3]; 8] {
    std::array::from_fn(|corner| {
        std::array::from_fn(|axis| if corner >> axis & 1 == 1 { dims[axis] - 1 } else { 0 })
    })
}

/// Probes of a receipt, all labels together.
const MOST_PROBES: usize = 2048;
/// Probes spread over one label besides its outermost voxels.
const SPREAD: u64 = 7;

/// For each label its outermost voxels along ±i, ±j and ±k, and some spread over the rest; fewer of
/// each where there are very many labels. The same labels give the same probes.
fn choose_probes(grid: &Grid, labels: &LabelMap, counts: &BTreeMap<u16, u64>) -> Vec<Probe> {
    struct Chosen {
        seen: u64,
        every: u64,
        extremes: [[usize; 3]; 6],
        spread: Vec<[usize; 3]>,
    }
    let mut of_label: Vec<Option<Box<Chosen>>> = vec![];
    of_label.resize_with(1 + usize::from(u16::MAX), || None);
    labels.for_each_labelled(|voxel, label| {
        let voxel = voxel.to_array();
        let chosen = of_label[usize::from(label)].get_or_insert_with(|| {
            let count = counts.get(&label).copied().unwrap_or(1);
            Box::new(Chosen {
                seen: 0,
                every: (count / (SPREAD + 1)).max(1),
                extremes: [voxel; 6],
                spread: Vec::new(),
            })
        });
        for axis in 0..3 {
            if voxel[axis] < chosen.extremes[2 * axis][axis] {
                chosen.extremes[2 * axis] = voxel;
            }
            if voxel[axis] > chosen.extremes[2 * axis + 1][axis] {
                chosen.extremes[2 * axis + 1] = voxel;
            }
        }
        chosen.seen += 1;
        if chosen.seen.is_multiple_of(chosen.every) && (chosen.spread.len() as u64) < SPREAD {
            chosen.spread.push(voxel);
        }
    });
    let per_label = (MOST_PROBES / counts.len().max(1)).max(1);
    let labels_apart = counts.len().div_ceil(MOST_PROBES).max(1);
    let mut probes = Vec::new();
    for &label in counts.keys().step_by(labels_apart) {
        let Some(chosen) = &of_label[usize::from(label)] else { continue };
        let mut voxels: Vec<[usize; 3]> = Vec::new();
        for voxel in chosen.extremes.iter().chain(&chosen.spread) {
            if voxels.len() < per_label && !voxels.contains(voxel) {
                voxels.push(*voxel);
            }
        }
        probes.extend(voxels.into_iter().map(|voxel| {
            let [i, j, k] = voxel;
            Probe { label, voxel, point_lps: grid.centre_of(VoxelIndex::new(i, j, k)) }
        }));
    }
    probes
}
