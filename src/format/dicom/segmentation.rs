//! DICOM segmentations (PS3.3 A.51): binary, fractional, and label maps.
//!
//! Always true: a frame goes where its own plane says and nowhere else, and onto the study's grid only
//! where each of its pixels is one of the grid's voxels; segments that overlap become layers; a segment
//! keeps its number, name, colour and coded meaning.
//!
//! Must never know: the study beyond its grid.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::dataset::DataSet;
use super::file::{self, Content};
use super::header;
use super::lattice;
use super::picture::{Picture, Plane};
use super::pixels::{Scratch, decode};
use super::text::text_in;
use crate::annotation::{CodedConcept, Colour, Label, LabelScheme};
use crate::format::labels::Segmentation;
use crate::format::{Refusal, RefusalCode, Watch};
use crate::geometry::{Affine, Grid, Point, VoxelIndex};
use crate::volume::{BRICK_EDGE, Brick, BrickIndex, LabelMap};

/// Frames of a stack that lie this near to each other are one slice, and this far from the line of the
/// others they are no stack.
const ON_GRID_MM: f64 = 1e-3;

/// Sequences that are read beyond those of images.
const WANTED: [Tag; header::WANTED.len() + 3] = {
    const OWN: [Tag; 3] = [
        tags::SEGMENT_SEQUENCE,
        tags::SEGMENT_IDENTIFICATION_SEQUENCE,
        tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE,
    ];
    let mut wanted = [OWN[0]; header::WANTED.len() + OWN.len()];
    let mut n = 0;
    while n < wanted.len() {
        wanted[n] = if n < OWN.len() { OWN[n] } else { header::WANTED[n - OWN.len()] };
        n += 1;
    }
    wanted
};

/// What samples of a frame mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// 1 where the frame's segment is.
    Binary,
    /// How probable the frame's segment is, or how much of the pixel it takes: of so many parts.
    Fractional(u16),
    /// The number of the segment.
    Numbers,
}

/// A segmentation before its frames are read.
struct Marks {
    frames: Vec<Picture>,
    /// The segment of each frame; 0 for label maps.
    segments: Vec<u16>,
    meaning: Meaning,
    scheme: LabelScheme,
}

/// Where the pixels of a frame lie on a grid: the first one's index, and the steps to the next ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    first: [i64; 3],
    along_i: [i64; 3],
    along_j: [i64; 3],
}

/// Reads a segmentation and lays its frames on `onto`; where one does not lie on that grid, all are on
/// a grid of their own. `None` where the file is something else.
pub(in crate::format) fn read(
    path: &Path,
    onto: Option<&Grid>,
    watch: &dyn Watch,
) -> Option<Result<Segmentation, Refusal>> {
    match file::read_by(path, &WANTED, marks) {
        Ok(None) => None,
        Ok(Some(marks)) => Some(laid(path, &marks, onto, watch)),
        // What cannot be read as a segmentation is refused as the image it may be.
        Err(_) if !is_segmentation(path) => None,
        Err(refusal) => Some(Err(refusal)),
    }
}

fn is_segmentation(path: &Path) -> bool {
    file::read_by(path, &[], |content| Ok(is_of_marks(&content.sop_class()))).unwrap_or(false)
}

/// Whether objects of a class hold segments.
pub(super) fn is_of_marks(sop_class: &str) -> bool {
    [uids::SEGMENTATION_STORAGE, uids::LABEL_MAP_SEGMENTATION_STORAGE].contains(&sop_class)
}

fn marks(content: Content<'_, '_>) -> Result<Option<Marks>, Refusal> {
    let sop_class = content.sop_class();
    if !is_of_marks(&sop_class) {
        return Ok(None);
    }
    let (path, dataset) = (content.source.path, &content.parsed.dataset);
    let refuse = |code, text: String| Err(Refusal::new(path, code, text));
    let meaning = match dataset.text(tags::SEGMENTATION_TYPE).unwrap_or_default().as_str() {
        "BINARY" => Meaning::Binary,
        "FRACTIONAL" => {
            let most = dataset.word(tags::MAXIMUM_FRACTIONAL_VALUE).filter(|most| *most > 0);
            let Some(most) = most else {
                return refuse(RefusalCode::Inconsistent, "has fractions of no stated whole".to_owned());
            };
            Meaning::Fractional(most)
        }
        "LABELMAP" => Meaning::Numbers,
        other => {
            let text = format!("is a segmentation of the type \"{other}\", which is not opened");
            return refuse(RefusalCode::UnsupportedObject, text);
        }
    };
    let scheme = scheme(dataset);
    let frame_groups = dataset.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let shared = dataset.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    let segment_in = |groups: &DataSet<'_>| {
        let item = groups.items(tags::SEGMENT_IDENTIFICATION_SEQUENCE).first()?;
        item.word(tags::REFERENCED_SEGMENT_NUMBER).filter(|number| *number > 0)
    };
    let of_all = shared.and_then(segment_in);
    let segment = |groups| if meaning == Meaning::Numbers { Some(0) } else { segment_in(groups).or(of_all) };
    let Some(segments) = frame_groups.iter().map(segment).collect::<Option<Vec<u16>>>() else {
        return refuse(RefusalCode::Inconsistent, "has frames that belong to no segment".to_owned());
    };
    let frames = header::pictures(content, &sop_class)?;
    if frames.len() != segments.len() {
        let text = format!("has {} frames and describes {}", frames.len(), segments.len());
        return refuse(RefusalCode::Inconsistent, text);
    }
    if !frames[0].image.layout.is_grey() || frames[0].image.layout.sample_bytes() > 2 {
        return refuse(
            RefusalCode::UnsupportedType,
            "has segments in colours or in words of 32 bits".to_owned(),
        );
    }
    Ok(Some(Marks { frames, segments, meaning, scheme }))
}

/// Names, colours and meanings of the segments (PS3.3 C.8.20.4).
fn scheme(dataset: &DataSet<'_>) -> LabelScheme {
    let mut scheme = LabelScheme::default();
    for item in dataset.items(tags::SEGMENT_SEQUENCE) {
        let Some(number) = item.word(tags::SEGMENT_NUMBER).filter(|number| *number > 0) else { continue };
        let text = |item: &DataSet<'_>, tag| text_in(item, dataset, tag);
        let name = Some(text(item, tags::SEGMENT_LABEL)).filter(|name| !name.is_empty());
        let lab = <[u16; 3]>::try_from(item.words(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE));
        let colour = lab.map_or_else(|_| Colour::for_label(number), colour_of_lab);
        let code = item.items(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE).first().map(|code| CodedConcept {
            scheme: text(code, tags::CODING_SCHEME_DESIGNATOR),
            value: text(code, tags::CODE_VALUE),
            meaning: text(code, tags::CODE_MEANING),
        });
        let label = Label::new(name.unwrap_or_else(|| format!("Segment {number}")), colour);
        let code = code.filter(|code| !code.value.is_empty());
        scheme.set(number, Some(Label { code, ..label }));
    }
    scheme
}

/// The sRGB colour of a CIELab one in words (PS3.3 C.10.7.1.1), whose white is D50.
fn colour_of_lab([l, a, b]: [u16; 3]) -> Colour {
    let part = |word: u16, width: f64, start: f64| f64::from(word) / 65_535.0 * width + start;
    let (l, a, b) = (part(l, 100.0, 0.0), part(a, 255.0, -128.0), part(b, 255.0, -128.0));
    let y = (l + 16.0) / 116.0;
    let [x, y, z] = [(y + a / 500.0, 0.9642), (y, 1.0), (y - b / 200.0, 0.8249)].map(|(t, white)| {
        let cube = t * t * t;
        white * if cube > 0.008_856 { cube } else { (t - 16.0 / 116.0) / 7.787 }
    });
    // From D50 by Bradford's adaptation (Lindbloom, "RGB/XYZ Matrices").
    let linear = [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_768 * x + 1.916_142 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ];
    Colour(linear.map(|c: f64| {
        let c = c.clamp(0.0, 1.0);
        let shown = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (shown * 255.0).round() as u8
    }))
}

fn laid(path: &Path, marks: &Marks, onto: Option<&Grid>, watch: &dyn Watch) -> Result<Segmentation, Refusal> {
    let on_study = onto.and_then(|grid| {
        let places: Option<Vec<Place>> = marks.frames.iter().map(|frame| place_on(grid, frame)).collect();
        Some((grid.clone(), places?))
    });
    let (grid, places) = match on_study {
        Some(placed) => placed,
        None => own_grid(path, &marks.frames)?,
    };
    let mut layers: Vec<Bricks> = Vec::new();
    let mut segments: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (frame, segment) in marks.segments.iter().enumerate() {
        segments.entry(*segment).or_default().push(frame);
    }
    let mut scratch = Scratch::default();
    let mut samples = vec![0; marks.frames[0].image.layout.picture_bytes()];
    let mut done = 0;
    for (segment, frames) in segments {
        let mut of_segment = Bricks::new(&grid);
        for frame in frames {
            if watch.is_cancelled() {
                return Err(Refusal::cancelled(path));
            }
            decode(&marks.frames[frame], &mut scratch, &mut samples)?;
            of_segment.add(&marks.frames[frame], &samples, places[frame], marks.meaning, segment);
            done += 1;
            watch.progress(f64::from(done) / marks.frames.len() as f64);
        }
        match layers.iter_mut().find(|layer| !layer.overlaps(&of_segment)) {
            Some(layer) => layer.merge(of_segment),
            None => layers.push(of_segment),
        }
    }
    let layers = layers.into_iter().map(Bricks::into_map).collect();
    let remark =
        matches!(marks.meaning, Meaning::Fractional(_)).then(|| "fractions of at least one half".to_owned());
    let scheme = marks.scheme.clone();
    Ok(Segmentation { layers, grid, scheme, doubts: Vec::new(), nifti_geometry: None, remark })
}

/// Where the pixels of a frame lie on `grid`; `None` unless each is one of its voxels.
fn place_on(grid: &Grid, frame: &Picture) -> Option<Place> {
    let Plane { origin, along_i, along_j } = frame.plane()?;
    let [i_mm, j_mm] = frame.facts.pixel_mm?;
    let frames_of_reference = (frame.image.identity.frame_of_reference.as_deref(), grid.frame_of_reference());
    if let (Some(ours), Some(theirs)) = frames_of_reference
        && ours != theirs
    {
        return None;
    }
    let [columns, rows] = frame.image.size();
    let voxel_at = |i: usize, j: usize| {
        let point = origin + along_i * (i_mm * i as f64) + along_j * (j_mm * j as f64);
        let whole = (grid.voxel_from_patient() * point).to_array().map(f64::round);
        let apart = (grid.patient_from_voxel() * Point::from(whole)).distance(point);
        (apart <= grid.tolerance_mm()).then_some(whole.map(|x| x as i64))
    };
    let is_inside = |at: [i64; 3]| at.iter().zip(grid.dims()).all(|(at, n)| (0..n as i64).contains(at));
    let corners = [(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)];
    let corners: Vec<[i64; 3]> = corners.into_iter().map(|(i, j)| voxel_at(i, j)).collect::<Option<_>>()?;
    let step = |next: [i64; 3]| {
        let step: [i64; 3] = std::array::from_fn(|axis| next[axis] - corners[0][axis]);
        (step.iter().map(|n| n.abs()).sum::<i64>() == 1).then_some(step)
    };
    let place = Place { first: corners[0], along_i: step(voxel_at(1, 0)?)?, along_j: step(voxel_at(0, 1)?)? };
    let lasts = corners[3];
    let arrives = (0..3).all(|axis| {
        let reached = place.along_i[axis] * (columns as i64 - 1) + place.along_j[axis] * (rows as i64 - 1);
        place.first[axis] + reached == lasts[axis]
    });
    (arrives && corners.into_iter().all(is_inside)).then_some(place)
}

/// An even grid on which the frames lie, and where; refused where there is none.
fn own_grid(path: &Path, frames: &[Picture]) -> Result<(Grid, Vec<Place>), Refusal> {
    let refuse = || {
        let text = "its frames lie neither on the study's grid nor on an even one of their own; open the series that it was drawn on";
        Refusal::new(path, RefusalCode::BadGeometry, text)
    };
    let first = &frames[0];
    let (Some(plane), Some([i_mm, j_mm])) = (first.plane(), first.facts.pixel_mm) else {
        return Err(refuse());
    };
    let normal = plane.along_i.cross(plane.along_j);
    let mut heights = Vec::new();
    for frame in frames {
        let other = frame.plane().ok_or_else(refuse)?;
        let apart = other.origin - plane.origin;
        let height = normal.dot(apart);
        let is_in_line = (apart - normal * height).length() <= ON_GRID_MM
            && (other.along_i - plane.along_i).length() <= 1e-4
            && (other.along_j - plane.along_j).length() <= 1e-4
            && frame.facts.pixel_mm == first.facts.pixel_mm;
        if !is_in_line {
            return Err(refuse());
        }
        heights.push(height);
    }
    let mut rising = heights.clone();
    rising.sort_by(f64::total_cmp);
    rising.dedup_by(|a, b| (*a - *b).abs() <= ON_GRID_MM);
    let origins: Vec<_> = rising.iter().map(|height| plane.origin + normal * *height).collect();
    let parts = lattice::parts(&origins);
    let [(_, lattice)] = &parts[..] else { return Err(refuse()) };
    let depth_mm = first.facts.between_mm.or(first.facts.thickness_mm).unwrap_or(1.0);
    let along_k = lattice.step.unwrap_or(normal * depth_mm);
    let placed = Affine::from_axes(plane.along_i * i_mm, plane.along_j * j_mm, along_k, origins[0]);
    let [columns, rows] = first.image.size();
    let frame_of_reference = first.image.identity.frame_of_reference.clone();
    let grid = placed
        .ok()
        .and_then(|map| Grid::new([columns, rows, lattice.slices()], map, frame_of_reference).ok())
        .ok_or_else(refuse)?;
    let place = |height: &f64| {
        let rank = rising.partition_point(|other| *other < height - ON_GRID_MM);
        Place { first: [0, 0, lattice.places[rank] as i64], along_i: [1, 0, 0], along_j: [0, 1, 0] }
    };
    Ok((grid, heights.iter().map(place).collect()))
}

/// The bricks of a label map that is being made.
struct Bricks {
    map: LabelMap,
    bricks: Vec<Option<Arc<Brick>>>,
}

impl Bricks {
    fn new(grid: &Grid) -> Self {
        let map = LabelMap::new(grid.dims());
        let count = map.brick_dims().into_iter().product();
        Self { map, bricks: vec![None; count] }
    }

    /// Adds what a frame marks.
    fn add(&mut self, frame: &Picture, samples: &[u8], place: Place, meaning: Meaning, segment: u16) {
        let bytes = frame.image.layout.sample_bytes();
        let [columns, _] = frame.image.size();
        let label = |sample: u16| match meaning {
            Meaning::Binary => {
                if sample == 0 {
                    0
                } else {
                    segment
                }
            }
            Meaning::Fractional(most) => {
                if sample > 0 && u32::from(sample) * 2 >= u32::from(most) {
                    segment
                } else {
                    0
                }
            }
            Meaning::Numbers => sample,
        };
        for (n, sample) in samples.chunks_exact(bytes).enumerate() {
            let sample =
                if let [low, high] = *sample { u16::from_ne_bytes([low, high]) } else { sample[0].into() };
            let label = label(sample);
            if label == 0 {
                continue;
            }
            let (i, j) = ((n % columns) as i64, (n / columns) as i64);
            let at: [usize; 3] = std::array::from_fn(|axis| {
                (place.first[axis] + i * place.along_i[axis] + j * place.along_j[axis]) as usize
            });
            let index = BrickIndex::of(VoxelIndex::new(at[0], at[1], at[2]));
            let brick = self.bricks[self.map.slot_number(index)].get_or_insert_with(Brick::background);
            let [i, j, k] = at.map(|n| n % BRICK_EDGE);
            Arc::make_mut(brick).labels_mut()[(k * BRICK_EDGE + j) * BRICK_EDGE + i] = label;
        }
    }

    /// Whether a voxel is labelled in both.
    fn overlaps(&self, other: &Self) -> bool {
        let both =
            self.bricks.iter().zip(&other.bricks).filter_map(|(a, b)| Some((a.as_ref()?, b.as_ref()?)));
        both.into_iter().any(|(a, b)| a.labels().iter().zip(b.labels()).any(|(a, b)| *a != 0 && *b != 0))
    }

    /// Takes the labels of another one in, which overlap none here.
    fn merge(&mut self, other: Self) {
        for (ours, theirs) in self.bricks.iter_mut().zip(other.bricks) {
            match (ours.as_mut(), theirs) {
                (_, None) => {}
                (None, theirs) => *ours = theirs,
                (Some(ours), Some(theirs)) => {
                    let labels = Arc::make_mut(ours).labels_mut().iter_mut().zip(theirs.labels());
                    labels.filter(|(_, theirs)| **theirs != 0).for_each(|(ours, theirs)| *ours = *theirs);
                }
            }
        }
    }

    fn into_map(mut self) -> LabelMap {
        for (number, brick) in self.bricks.into_iter().enumerate().filter(|(_, brick)| brick.is_some()) {
            self.map.replace(self.map.brick_at(number), brick);
        }
        self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_segments_are_those_of_other_programs() {
        // Lab in words and what skimage.color makes of it, to one step of 255.
        let check = |lab: [u16; 3], expected: [u8; 3]| {
            let Colour(found) = colour_of_lab(lab);
            let apart = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
            assert!(apart <= Some(2), "{lab:?}: {found:?} for {expected:?}");
        };
        check([0, 32_896, 32_896], [0, 0, 0]);
        check([65_535, 32_896, 32_896], [255, 255, 255]);
        check([35_579, 53_665, 50_858], [255, 0, 0]);
        check([32_768, 32_896, 32_896], [119, 119, 119]);
    }
}
