//! Volumes that a header in words describes (NRRD, MetaImage): from what it says to voxels.
//!
//! Always true: every file that a header names lies in the header's own folder or below; all files
//! have proven that they can hold what is claimed before memory is taken for it.
//!
//! Must never know: how a format spells things.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::doubt::Fault;
use super::gzip::{self, After, Wrapping};
use super::memory::buffer_for;
use super::raw::{Bytes, Stretch};
use super::typed::Lattice;
use super::{Doubt, DoubtCode, Refusal, RefusalCode, SeriesFacts, Watch, bulk, text_samples};
use crate::geometry::{Affine, AffineError, Grid, Patient, Point, Vector};
use crate::volume::{Buffer, Placement, Rescale, SampleType, Volume};

/// No header in words is longer; what follows is samples.
const GREATEST_HEADER: u64 = 4 << 20;
/// No header may name more data files.
const MOST_FILES: usize = 1 << 16;
/// Axes whose |cosine| is greater are told to be sheared: 0.05 mm over 50 cm.
const SHEARED_COSINE: f64 = 1e-4;

/// What a header says of a volume, checked field by field.
#[derive(Debug)]
pub(super) struct Described {
    /// The header's file.
    pub(super) header: PathBuf,
    /// What the volume is said to be.
    pub(super) description: String,
    /// Where the samples are: equally many in each part, one part after another.
    pub(super) parts: Vec<Part>,
    pub(super) packing: Packing,
    /// Inflated bytes before the first sample.
    pub(super) skipped: u64,
    pub(super) sample_type: SampleType,
    /// Whether samples have the other byte order than this machine.
    pub(super) swapped: bool,
    pub(super) grid: Grid,
    pub(super) placement: Placement,
    /// Frames of the grid.
    pub(super) times: usize,
    /// How many voxels stand between two frames of one voxel: all of the grid's, unless frames lie
    /// inside the grid's axes.
    pub(super) frame_step: usize,
    pub(super) doubts: Vec<Doubt>,
}

/// A file, and where in it samples (or the stream that holds them) begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) start: Start,
}

/// Where samples begin in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// After this many bytes.
    At(u64),
    /// So that the last sample ends the file.
    BeforeEnd,
}

/// How samples are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// One after another.
    Raw,
    /// In a stream with something around it.
    Deflated(Wrapping),
    /// As numbers that a person can read.
    Text,
}

/// As many of a file's first bytes as any header takes.
pub(super) fn head_of(path: &Path) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(GREATEST_HEADER).read_to_end(&mut head));
    read.map_err(|error| Refusal::unreadable(path, &error))?;
    Ok(head)
}

/// The file that a header calls `name`: it has to lie in the header's folder or below.
pub(super) fn named_beside(header: &Path, name: &str) -> Result<PathBuf, Refusal> {
    let folder = header.parent().unwrap_or(Path::new(""));
    let path = folder.join(name);
    let leads_out = || {
        let text = format!(
            "names the data file \"{name}\", which does not lie in its folder; put both in one folder"
        );
        Refusal::new(header, RefusalCode::Inconsistent, text)
    };
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if name.is_empty() || !Path::new(name).components().all(stays) {
        return Err(leads_out());
    }
    if !path.is_file() {
        let text = format!("names the data file \"{name}\", which is not there; put it beside the header");
        return Err(Refusal::new(header, RefusalCode::Unreadable, text));
    }
    // A link may lead out as well as a name.
    let real = |path: &Path| path.canonicalize().map_err(|error| Refusal::unreadable(path, &error));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let place = real(&path)?;
    if header.canonicalize().is_ok_and(|header| header == place) {
        let text = "names itself as its data file, as if its own words were samples";
        return Err(Refusal::new(header, RefusalCode::Inconsistent, text));
    }
    if place.starts_with(real(folder)?) { Ok(path) } else { Err(leads_out()) }
}

/// The names that a pattern such as `slice%03d.raw` stands for, from `first` to `last`.
pub(super) fn numbered_names(pattern: &str, first: i64, last: i64, step: i64) -> Result<Vec<String>, Fault> {
    let wrong = || {
        let text =
            format!("names its data files by \"{pattern} {first} {last} {step}\", which makes no list");
        Fault::new(RefusalCode::Inconsistent, text)
    };
    let (before, rest) = pattern.split_once('%').ok_or_else(wrong)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (width, after) = rest.split_at(end);
    let after = after.strip_prefix(['d', 'i', 'u']).filter(|after| !after.contains('%')).ok_or_else(wrong)?;
    let length: usize = if width.is_empty() { 0 } else { width.parse().map_err(|_| wrong())? };
    let count = last.checked_sub(first).and_then(|span| span.checked_div(step)).ok_or_else(wrong)?;
    if !(0..MOST_FILES as i64).contains(&count) || length > 64 {
        return Err(wrong());
    }
    let number = |n: i64| {
        let value = first + n * step;
        if width.starts_with('0') { format!("{value:0length$}") } else { format!("{value:length$}") }
    };
    Ok((0..=count).map(|n| format!("{before}{}{after}", number(n))).collect())
}

/// What a person may read of a name or sentence in a header.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect::<String>().trim().to_owned()
}

/// The map of two or three steps in space; a third step stands at right angles on two.
pub(super) fn map_of(
    steps: &[Vector<Patient>],
    origin: Point<Patient>,
) -> Result<Affine<Patient, crate::geometry::Voxel>, Fault> {
    let bad = |text: &str| Fault::new(RefusalCode::BadGeometry, format!("its axes {text}"));
    let [i, j, rest @ ..] = steps else { return Err(bad("are fewer than two")) };
    let normal = || i.cross(*j).normalized().ok_or_else(|| bad("do not span a plane"));
    let k = rest.first().map_or_else(normal, |k| Ok(*k))?;
    Affine::from_axes(*i, *j, k, origin).map_err(|error| match error {
        AffineError::NotFinite => bad("hold numbers that are not finite"),
        AffineError::Singular => bad("do not span space"),
    })
}

/// What is told of a grid whose axes are not perpendicular.
pub(super) fn shear_of(grid: &Grid) -> Option<Doubt> {
    let shear = grid.patient_from_voxel().shear();
    (shear > SHEARED_COSINE).then(|| {
        let degrees = 90.0 - shear.min(1.0).acos().to_degrees();
        Doubt::new(DoubtCode::Sheared, format!("axes are {degrees:.2}° from perpendicular; kept as they are"))
    })
}

/// Millimetres in a unit of length; `None` for a word that is none.
pub(super) fn mm_per_unit(word: &str) -> Option<f64> {
    match word.trim().trim_matches('"').trim().to_lowercase().as_str() {
        "" | "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => Some(1.0),
        "cm" | "centimeter" | "centimeters" => Some(10.0),
        "m" | "meter" | "meters" => Some(1000.0),
        "um" | "µm" | "μm" | "micron" | "microns" | "micrometer" | "micrometers" => Some(0.001),
        "nm" | "nanometer" | "nanometers" => Some(1e-6),
        _ => None,
    }
}

impl Described {
    /// How many voxels there are, over all frames.
    fn count(&self) -> usize {
        self.grid.voxel_count() * self.times
    }

    /// Every file that holds something of the volume, the header first.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.header.clone()];
        files.extend(self.parts.iter().map(|part| part.path.clone()).filter(|path| *path != self.header));
        files
    }

    /// Reads the voxels. Grid and frames are known to be addressable together.
    pub(super) fn read(mut self, watch: &dyn Watch) -> Result<(Volume, Vec<Doubt>), Refusal> {
        let mut doubts = std::mem::take(&mut self.doubts);
        let lattice = self.lattice();
        let (bytes, after) = self.bytes(&lattice, watch)?;
        if after == After::TrailingBytes {
            doubts.push(Doubt::new(DoubtCode::TrailingBytes, "bytes follow the last sample"));
        }
        let too_large =
            |error: std::io::Error| Refusal::new(&self.header, RefusalCode::TooLarge, error.to_string());
        let bytes = if self.has_frames_inside() { self.frames_last(&bytes)? } else { bytes };
        let samples = lattice.samples(bytes, self.count(), &mut doubts).map_err(too_large)?;
        let mut volume = Volume::new(self.grid.clone(), self.times, samples, Rescale::NONE)
            .map_err(|error| Refusal::new(&self.header, RefusalCode::Inconsistent, error.to_string()))?;
        volume.placement = self.placement;
        watch.progress(1.0);
        Ok((volume, doubts))
    }

    /// What headers tell of it, for a person to choose by.
    pub(super) fn facts(&self) -> SeriesFacts {
        SeriesFacts::of(&self.grid, self.times, self.placement, self.doubts.clone())
    }

    /// Refuses files of which their lengths alone tell that samples are missing.
    pub(super) fn refuse_short(&self) -> Result<(), Refusal> {
        self.proven_starts(self.bytes_per_part()).map(drop)
    }

    /// The middle slice of the first frame, where it can be read without the others; else from all.
    pub(super) fn middle_slice(self, watch: &dyn Watch) -> Result<Volume, Refusal> {
        let lattice = self.lattice();
        let wrapping = match self.packing {
            Packing::Raw => None,
            Packing::Deflated(wrapping) => Some(wrapping),
            Packing::Text => return Ok(self.read(watch)?.0),
        };
        let ([part], false) = (&self.parts[..], self.has_frames_inside()) else {
            return Ok(self.read(watch)?.0);
        };
        let length = self.bytes_per_part();
        let first_byte = self.proven_starts(length)?[0];
        let (path, skipped) = (&part.path, self.skipped);
        let stretch =
            Stretch { path, first_byte, wrapping, skipped, length, shown_first: 0..0, share: 0.0..1.0 };
        lattice.read_slice(&stretch, watch)
    }

    fn bytes_per_part(&self) -> u64 {
        (self.count() / self.parts.len() * self.sample_type.bytes()) as u64
    }

    fn lattice(&self) -> Lattice<'_> {
        Lattice {
            grid: &self.grid,
            placement: self.placement,
            sample_type: self.sample_type,
            swapped: self.swapped && self.packing != Packing::Text,
            rescale: Rescale::NONE,
        }
    }

    fn has_frames_inside(&self) -> bool {
        self.times > 1 && self.frame_step < self.grid.voxel_count()
    }

    fn bytes(&self, lattice: &Lattice<'_>, watch: &dyn Watch) -> Result<(Bytes, After), Refusal> {
        let per_part = self.bytes_per_part();
        let starts = self.proven_starts(per_part)?;
        let share = 1.0 / self.parts.len() as f64;
        let read = |number: usize, first_byte: u64| {
            let share = share * number as f64..share * (number + 1) as f64;
            self.read_part(&self.parts[number].path, first_byte, per_part, share, lattice, watch)
        };
        if let [only] = starts[..] {
            return read(0, only);
        }
        let mut whole = buffer_for::<u8>(&self.header, per_part * self.parts.len() as u64)?;
        let mut all_after = After::End;
        for (number, place) in whole.chunks_exact_mut(per_part as usize).enumerate() {
            let (bytes, after) = read(number, starts[number])?;
            place.copy_from_slice(&bytes.buffer[bytes.first_sample..][..per_part as usize]);
            if after == After::TrailingBytes {
                all_after = after;
            }
        }
        Ok((Bytes { buffer: whole, first_sample: 0 }, all_after))
    }

    /// Where the samples begin in each part; every part has proven that it can hold its share.
    fn proven_starts(&self, per_part: u64) -> Result<Vec<u64>, Refusal> {
        let start_in = |part: &Part| {
            let length =
                std::fs::metadata(&part.path).map_err(|error| Refusal::unreadable(&part.path, &error))?.len();
            let start = match part.start {
                Start::At(start) => start,
                Start::BeforeEnd => length.saturating_sub(per_part),
            };
            let rest = length.saturating_sub(start);
            let can_hold = match self.packing {
                Packing::Raw => rest >= per_part,
                Packing::Deflated(_) => gzip::can_hold(rest, self.skipped.saturating_add(per_part)),
                Packing::Text => {
                    rest >= text_samples::fewest_bytes(per_part / self.sample_type.bytes() as u64)
                }
            };
            if can_hold {
                return Ok(start);
            }
            let code = match self.packing {
                Packing::Deflated(_) => RefusalCode::Inconsistent,
                Packing::Raw | Packing::Text => RefusalCode::Truncated,
            };
            let text = format!(
                "has {rest} bytes after its header, which cannot hold the {per_part} bytes of samples that are \
                 claimed; copy the file again from its source"
            );
            Err(Refusal::new(&part.path, code, text))
        };
        self.parts.iter().map(start_in).collect()
    }

    fn read_part(
        &self,
        path: &Path,
        first_byte: u64,
        length: u64,
        share: std::ops::Range<f64>,
        lattice: &Lattice<'_>,
        watch: &dyn Watch,
    ) -> Result<(Bytes, After), Refusal> {
        let wrapping = match self.packing {
            Packing::Raw => None,
            Packing::Deflated(wrapping) => Some(wrapping),
            Packing::Text => return self.read_text(path, first_byte, length, watch),
        };
        let shows = self.parts.len() == 1 && !self.has_frames_inside();
        let shown_first = if shows { lattice.bytes_of_slice(lattice.middle()) } else { 0..0 };
        let stretch =
            Stretch { path, first_byte, wrapping, skipped: self.skipped, length, shown_first, share };
        stretch.read(watch, &|slice| lattice.show(slice, watch))
    }

    fn read_text(
        &self,
        path: &Path,
        first_byte: u64,
        length: u64,
        watch: &dyn Watch,
    ) -> Result<(Bytes, After), Refusal> {
        let file = File::open(path).map_err(|error| Refusal::unreadable(path, &error))?;
        let end = file.metadata().map_err(|error| Refusal::unreadable(path, &error))?.len();
        let text = bulk::read(path, &file, first_byte..end, 0.0..0.5, watch)?;
        let mut buffer = buffer_for::<u8>(path, length)?;
        let after = text_samples::parse(&text, self.sample_type, &mut buffer, &|| watch.is_cancelled())
            .map_err(|fault| fault.of(path))?;
        Ok((Bytes { buffer, first_sample: 0 }, after))
    }

    /// The samples with frames, which lie inside the grid's axes, one after another.
    fn frames_last(&self, bytes: &Bytes) -> Result<Bytes, Refusal> {
        let width = self.sample_type.bytes();
        let frame = self.grid.voxel_count() * width;
        let run = self.frame_step * width;
        let source = &bytes.buffer[bytes.first_sample..][..frame * self.times];
        let mut buffer: Buffer<u8> = buffer_for(&self.header, source.len() as u64)?;
        buffer.par_chunks_mut(frame).enumerate().for_each(|(time, frame)| {
            for (number, place) in frame.chunks_exact_mut(run).enumerate() {
                let from = (number * self.times + time) * run;
                place.copy_from_slice(&source[from..from + run]);
            }
        });
        Ok(Bytes { buffer, first_sample: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_lists_of_names() {
        let check = |pattern: &str, [first, last, step]: [i64; 3], expected: Option<&[&str]>| {
            let names = numbered_names(pattern, first, last, step).ok();
            assert_eq!(
                names.as_deref().map(|names| names.iter().map(String::as_str).collect::<Vec<_>>()),
                expected.map(<[&str]>::to_vec),
                "{pattern}"
            );
        };
        check("a%03d.raw", [8, 10, 1], Some(&["a008.raw", "a009.raw", "a010.raw"]));
        check("%d", [3, 1, -2], Some(&["3", "1"]));
        check("a%2i", [9, 10, 1], Some(&["a 9", "a10"]));
        check("a%s", [1, 2, 1], None);
        check("a%d%d", [1, 2, 1], None);
        check("a", [1, 2, 1], None);
        check("a%d", [1, 2, 0], None);
        check("a%d", [2, 1, 1], None);
        check("a%d", [i64::MIN, i64::MAX, 1], None);
        check("a%d", [0, 1 << 40, 1], None);
        check("a%0999999999d", [1, 2, 1], None);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("inside");
        std::fs::create_dir_all(inside.join("deeper")).expect("made");
        for name in ["out.raw", "inside/a.raw", "inside/deeper/b.raw"] {
            std::fs::write(folder.path().join(name), b"x").expect("written");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("out.raw"), inside.join("link.raw")).expect("linked");
        let header = inside.join("a.nhdr");
        let absolute = folder.path().join("inside/a.raw").to_string_lossy().into_owned();
        let check = |name: &str, expected: Option<RefusalCode>| {
            assert_eq!(named_beside(&header, name).err().map(|refusal| refusal.code), expected, "{name}");
        };
        check("a.raw", None);
        check("./deeper/b.raw", None);
        check("../out.raw", Some(RefusalCode::Inconsistent));
        check("deeper/../a.raw", Some(RefusalCode::Inconsistent));
        check(&absolute, Some(RefusalCode::Inconsistent));
        check("", Some(RefusalCode::Inconsistent));
        check("absent.raw", Some(RefusalCode::Unreadable));
        check("deeper", Some(RefusalCode::Unreadable));
        std::fs::write(&header, b"x").expect("written");
        check("a.nhdr", Some(RefusalCode::Inconsistent));
        #[cfg(unix)]
        check("link.raw", Some(RefusalCode::Inconsistent));
    }
}
