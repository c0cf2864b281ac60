//! Label maps read from NIfTI files.

use std::path::Path;

use super::geometry::NiftiGeometry;
use crate::format::{Doubt, Refusal, RefusalCode, Watch};
use crate::geometry::Grid;
use crate::volume::{LabelMap, Sample, Volume, with_samples};

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
    let labels = with_samples!(volume.samples(), samples => {
        labels_of(samples, volume).map_err(refuse)?
    }, colour => {
        return Err(refuse("holds colours, not labels".to_owned()))
    });
    Ok(ReadLabels { labels, grid: volume.grid().clone(), geometry: read.geometry, doubts: read.doubts })
}

fn labels_of<T: Sample>(samples: &[T], volume: &Volume) -> Result<LabelMap, String> {
    let rescale = volume.rescale();
    let label = |sample: T| rescale.value(sample.to_f64()).round();
    let is_label = |sample: T| {
        let value = rescale.value(sample.to_f64());
        let whole = value.round();
        (0.0..=f64::from(u16::MAX)).contains(&whole) && (value - whole).abs() <= WHOLE_WITHIN
    };
    if let Some(place) = samples.iter().position(|sample| !is_label(*sample)) {
        let value = rescale.value(samples[place].to_f64());
        return Err(format!("holds {value}, which is no label; labels are whole numbers from 0 to 65535"));
    }
    Ok(LabelMap::from_labels(volume.grid().dims(), |offset| label(samples[offset]) as u16))
}
