//! Label maps read from NIfTI files.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::geometry::NiftiGeometry;
use crate::format::{Doubt, Refusal, RefusalCode, Watch};
use crate::geometry::Grid;
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap, Rescale, Sample, with_samples};

/// Values this near to a whole number are that label.
const WHOLE_WITHIN: f64 = 1e-3;

/// What a label file holds.
#[derive(Debug)]
pub struct ReadLabels {
    /// The labels.
    pub labels: LabelMap,
    /// Where they lie.
    pub grid: Grid,
    /// The header's geometry fields.
    pub geometry: NiftiGeometry,
    /// Everything doubtful.
    pub doubts: Vec<Doubt>,
}

/// Reads a label map: every value a whole number, to 1e-3, from 0 to 65,535; anything else is
/// refused, since a label rounded to its neighbour is another structure.
pub fn read_labels(path: &Path, watch: &dyn Watch) -> Result<ReadLabels, Refusal> {
    let read = super::read(path, watch)?;
    let volume = &read.volume;
    if volume.times() > 1 {
        let text = format!("holds {} frames; a label map has one", volume.times());
        return Err(Refusal::new(path, RefusalCode::UnsupportedShape, text));
    }
    let refuse = |text| Refusal::new(path, RefusalCode::UnsupportedType, text);
    let meaning = Meaning { rescale: volume.rescale() };
    let labels = with_samples!(volume.samples(), samples => {
        meaning.label_map(volume.grid().dims(), samples).map_err(|NoLabel(value)| {
            refuse(format!("holds {value}, which is no label; labels are whole numbers from 0 to 65535"))
        })?
    }, colour => {
        return Err(refuse("holds colours, not labels".to_owned()))
    });
    Ok(ReadLabels { labels, grid: volume.grid().clone(), geometry: read.geometry, doubts: read.doubts })
}

/// A value that is no label.
struct NoLabel(f64);

/// What samples mean as labels.
struct Meaning {
    rescale: Rescale,
}

impl Meaning {
    fn label<T: Sample>(&self, sample: T) -> Result<u16, NoLabel> {
        let value = self.rescale.value(sample.to_f64());
        let whole = value.round();
        let is_label = (0.0..=f64::from(u16::MAX)).contains(&whole) && (value - whole).abs() <= WHOLE_WITHIN;
        if is_label { Ok(whole as u16) } else { Err(NoLabel(value)) }
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
