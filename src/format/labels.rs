//! Label maps from the voxels of any format: whole numbers, or a refusal.
//!
//! Always true: a value is a label only where it is a whole number to 1e-3, since a label rounded to its
//! neighbour is another structure; labels that mean different things have different numbers, in
//! whichever layer they lie.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::doubt::Fault;
use super::{Doubt, Refusal, RefusalCode, SeriesSource, Study, Watch, dicom, nifti, nrrd, open};
use crate::annotation::LabelScheme;
use crate::geometry::Grid;
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap, Rescale, Sample, Volume, with_samples};

/// Values this near to a whole number are that label.
const WHOLE_WITHIN: f64 = 1e-3;

/// What a file of labels holds.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// The label maps, at least one; labels of one map do not overlap.
    pub layers: Vec<LabelMap>,
    /// Where they lie.
    pub grid: Grid,
    /// The labels that the file names.
    pub scheme: LabelScheme,
    /// Everything doubtful about the file.
    pub doubts: Vec<Doubt>,
    /// The header's geometry fields, where it is a NIfTI file.
    pub nifti_geometry: Option<nifti::NiftiGeometry>,
    /// What was made of its samples, where they are no labels themselves.
    pub remark: Option<String>,
}

impl Segmentation {
    pub(super) fn new(layers: Vec<LabelMap>, volume: &Volume, doubts: Vec<Doubt>) -> Self {
        let grid = volume.grid().clone();
        Self { layers, grid, scheme: LabelScheme::default(), doubts, nifti_geometry: None, remark: None }
    }
}

/// Reads the labels that a file of any format holds, with the names and colours that it gives them. The
/// frames of a DICOM segmentation are laid on the grid `onto`, if they lie on it; of any other file the
/// labels lie on a grid of their own.
pub fn read_segmentation(
    path: &Path,
    onto: Option<&Grid>,
    watch: &dyn Watch,
) -> Result<Segmentation, Refusal> {
    if path.is_file()
        && dicom::is_dicom(path)
        && let Some(read) = dicom::read_segmentation(path, onto, watch)
    {
        return read;
    }
    let found = open::scan(path, watch)?;
    let [series] = &found.series[..] else {
        return Err(found.refused.into_iter().next().unwrap_or_else(|| {
            let text = "holds several series; name the file of one label map";
            Refusal::new(path, RefusalCode::UnsupportedShape, text)
        }));
    };
    match &series.source {
        SeriesSource::Nifti(path) => nifti::read_segmentation(path, watch),
        SeriesSource::Nrrd(path) => nrrd::read_segmentation(path, watch),
        _ => {
            let Study { volume, doubts, .. } = open::load(series, watch)?;
            let layers = layers_of(&volume, false).map_err(|fault| fault.of(path))?;
            Ok(Segmentation::new(layers, &volume, doubts))
        }
    }
}

/// The volume's values as labels: one map, or where `overlapping` one for each frame.
pub(super) fn layers_of(volume: &Volume, overlapping: bool) -> Result<Vec<LabelMap>, Fault> {
    if volume.times() > 1 && !overlapping {
        let text = format!(
            "holds {} frames; a label map has one: save one of them as a file of its own",
            volume.times()
        );
        return Err(Fault::new(RefusalCode::UnsupportedShape, text));
    }
    let refuse = |text| Fault::new(RefusalCode::UnsupportedType, text);
    let meaning = Meaning { rescale: volume.rescale() };
    let grid = volume.grid();
    with_samples!(volume.samples(), samples => {
        let frames = samples.chunks_exact(grid.voxel_count());
        let maps: Result<_, NoLabel> = frames.map(|frame| meaning.label_map(grid.dims(), frame)).collect();
        maps.map_err(|NoLabel| {
            let worst = meaning.worst(samples);
            refuse(format!("holds {worst}, which is no label; labels are whole numbers from 0 to 65535; save the mask as whole numbers"))
        })
    }, colour => Err(refuse("holds colours, not labels; save the mask as one number for each voxel".to_owned())))
}

/// A value is no label.
struct NoLabel;

/// What samples mean as labels.
struct Meaning {
    rescale: Rescale,
}

impl Meaning {
    fn label<T: Sample>(&self, sample: T) -> Result<u16, NoLabel> {
        let value = self.rescale.value(sample.to_f64());
        let whole = value.round();
        let is_label = (0.0..=f64::from(u16::MAX)).contains(&whole) && (value - whole).abs() <= WHOLE_WITHIN;
        if is_label { Ok(whole as u16) } else { Err(NoLabel) }
    }

    /// The value that is furthest from being a label: one that is not a number, else the one most beyond
    /// the labels, else the one nearest to half-way between two.
    fn worst<T: Sample>(&self, samples: &[T]) -> f64 {
        let off_by = |value: f64| {
            let beyond = (-value).max(value - f64::from(u16::MAX)).max(0.0);
            if value.is_nan() { f64::INFINITY } else { beyond.max((value - value.round()).abs()) }
        };
        let values = samples.par_iter().map(|sample| self.rescale.value(sample.to_f64()));
        values.reduce(|| 0.0, |a, b| if off_by(a) >= off_by(b) { a } else { b })
    }

    /// The map of `samples`, i fastest; bricks that lie in a row along i are made side by side.
    fn label_map<T: Sample>(&self, dims: [usize; 3], samples: &[T]) -> Result<LabelMap, NoLabel> {
        let mut map = LabelMap::new(dims);
        let [_, bricks_j, bricks_k] = map.brick_dims();
        let rows: Vec<Vec<Option<Arc<Brick>>>> = (0..bricks_j * bricks_k)
            .into_par_iter()
            .map(|row| self.row_of_bricks(dims, samples, row % bricks_j, row / bricks_j))
            .collect::<Result<_, _>>()?;
        for (row, bricks) in rows.into_iter().enumerate() {
            for (i, brick) in bricks.into_iter().enumerate() {
                if brick.is_some() {
                    let index = [i, row % bricks_j, row / bricks_j].map(|n| n as u32);
                    map.replace(BrickIndex(index), brick);
                }
            }
        }
        Ok(map)
    }

    fn row_of_bricks<T: Sample>(
        &self,
        dims: [usize; 3],
        samples: &[T],
        brick_j: usize,
        brick_k: usize,
    ) -> Result<Vec<Option<Arc<Brick>>>, NoLabel> {
        let [ni, nj, nk] = dims;
        // Most of a mask is background: where a zero means that, it is passed over unread.
        let zero_is_background = matches!(self.label(T::zeroed()), Ok(0));
        let is_zero = |run: &[T]| run.iter().fold(true, |all, sample| all & (*sample == T::zeroed()));
        let within = |brick: usize, n: usize| brick * BRICK_EDGE..((brick + 1) * BRICK_EDGE).min(n);
        let mut bricks = vec![None; ni.div_ceil(BRICK_EDGE)];
        for k in within(brick_k, nk) {
            for j in within(brick_j, nj) {
                let row = &samples[(k * nj + j) * ni..][..ni];
                let in_brick = (k % BRICK_EDGE * BRICK_EDGE + j % BRICK_EDGE) * BRICK_EDGE;
                for (run, brick) in row.chunks(BRICK_EDGE).zip(&mut bricks) {
                    if zero_is_background && is_zero(run) {
                        continue;
                    }
                    let brick = Arc::make_mut(brick.get_or_insert_with(Brick::background));
                    for (label, sample) in brick.labels_mut()[in_brick..].iter_mut().zip(run) {
                        *label = self.label(*sample)?;
                    }
                }
            }
        }
        Ok(bricks)
    }
}
