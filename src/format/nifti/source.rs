//! A NIfTI study before its samples are read: its files, its header, its grid.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::files::{self, Ending};
use super::geometry::Form;
use super::header::{self, Header, LENGTH_2};
use crate::format::doubt::Fault;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, gzip, open_plain};
use crate::geometry::{AffineError, Grid};
use crate::volume::Placement;

/// Corners that sform and qform place further apart than this are told of.
const FORMS_DISAGREE_MM: f64 = 0.1;
/// Axes whose |cosine| is greater are told to be sheared: 0.05 mm over 50 cm.
const SHEARED_COSINE: f64 = 1e-4;

/// A checked header and the file that holds its samples.
pub(super) struct Source {
    pub(super) header: Header,
    pub(super) image: PathBuf,
    pub(super) grid: Grid,
    pub(super) placement: Placement,
    pub(super) doubts: Vec<Doubt>,
}

/// Whether the file is NIfTI by its content, or claims to be by its name.
pub(super) fn is_nifti(path: &Path) -> bool {
    let by_name = || files::ending(path) == Ending::Single;
    path.is_file()
        && (by_name()
            || start_of(path, LENGTH_2)
                .is_ok_and(|(start, _)| header::recognise(&start, may_be_analyze(path)).is_some()))
}

/// The header's file for either half of a pair; any other path as it is.
pub(super) fn header_path(path: &Path) -> PathBuf {
    let header = (files::ending(path) == Ending::Image).then(|| files::other_half(path)).flatten();
    header.filter(|header| is_nifti(header)).unwrap_or_else(|| path.to_owned())
}

impl Source {
    /// Opens either half of a pair, or a single file.
    pub(super) fn open(path: &Path) -> Result<Self, Refusal> {
        let path = &header_path(path);
        let refuse = |fault: Fault| fault.of(path);
        let (start, gzipped) = start_of(path, LENGTH_2).map_err(|error| Refusal::unreadable(path, &error))?;
        if let Some(length) = header::declared_length(&start)
            && start.len() < length
        {
            let text = format!("ends after {} bytes; the header alone has {length}", start.len());
            return Err(Refusal::new(path, RefusalCode::Truncated, text));
        }
        if gzipped && start.is_empty() {
            let text = "is a damaged or empty gzip file; copy it again from its source";
            return Err(Refusal::new(path, RefusalCode::Damaged, text));
        }
        let header = Header::parse(&start, may_be_analyze(path)).map_err(refuse)?;
        let image = if header.paired {
            files::other_half(path).ok_or_else(|| {
                let text = "is half of a pair whose .img (or .img.gz) does not lie beside it";
                Refusal::new(path, RefusalCode::Unreadable, text)
            })?
        } else {
            path.clone()
        };
        let mut doubts = header.doubts.clone();
        let (grid, placement) = place(&header, &mut doubts).map_err(refuse)?;
        Ok(Self { header, image, grid, placement, doubts })
    }
}

fn may_be_analyze(path: &Path) -> bool {
    files::ending(path) == Ending::Header && files::other_half(path).is_some()
}

/// The first `count` bytes of the (inflated) file, fewer where it is shorter, and whether it is gzipped.
pub(super) fn start_of(path: &Path, count: usize) -> std::io::Result<(Vec<u8>, bool)> {
    let mut reader = BufReader::with_capacity(4096, open_plain(path)?);
    let mut start = Vec::with_capacity(count);
    reader.by_ref().take(count as u64).read_to_end(&mut start)?;
    if !gzip::is_gzip(&start) {
        return Ok((start, false));
    }
    let rest = std::io::Cursor::new(start).chain(reader);
    Ok((gzip::inflate_start(BufReader::new(rest), count), true))
}

/// Quaternions longer than this state no rotation; what is beyond 1 is rounding.
const QUATERNION_AT_MOST: f64 = 1.0 + 1e-6;

/// The grid by the form that counts, with everything doubtful about it.
fn place(header: &Header, doubts: &mut Vec<Doubt>) -> Result<(Grid, Placement), Fault> {
    let fields = &header.geometry;
    let form = fields.form();
    let grid_by = |form: Form| -> Result<Grid, Fault> {
        let map = fields.patient_from_voxel(form, header.dims).map_err(|error| {
            let name = form.name();
            let text = match error {
                AffineError::NotFinite => format!("its {name} holds numbers that are not finite"),
                AffineError::Singular => format!("its {name} does not span space"),
            };
            Fault::new(RefusalCode::BadGeometry, text)
        })?;
        let beyond =
            |error: crate::geometry::GridError| Fault::new(RefusalCode::Inconsistent, error.to_string());
        Grid::new(header.dims, map, None).map_err(beyond)
    };
    let grid = grid_by(form).map_err(|fault| {
        Fault::new(fault.code, format!("{}; mend the header, or convert the study again", fault.text))
    })?;
    let placement = fields.placement(form);
    let mut doubt = |code, text: String| doubts.push(Doubt::new(code, text));

    match fields.mm_per_unit() {
        Some(1.0) => {}
        Some(mm) => doubt(DoubtCode::UnitsConverted, format!("distances were multiplied by {mm} to be mm")),
        None => {
            let text = format!("the unit of space {} means nothing; mm assumed", fields.xyzt_units & 7);
            doubt(DoubtCode::OddHeader, text);
        }
    }
    match (form, placement) {
        (Form::Pixdim, Placement::Pixels) => {
            doubt(DoubtCode::PixelUnits, "neither voxel sizes nor a position are given".into());
        }
        (Form::Pixdim, _) => {
            let text =
                "neither sform nor qform is set: left and right are a guess (i to the left, as in ANALYZE)";
            doubt(DoubtCode::NoOrientation, text.into());
        }
        (Form::Qform, _) if fields.quaternion_length() > QUATERNION_AT_MOST => {
            let text = format!(
                "the quaternion of its qform is {:.6} long, and 1 is the most; read as a half turn about its axis",
                fields.quaternion_length()
            );
            doubt(DoubtCode::AssumedGeometry, text);
        }
        (Form::Sform, _) if fields.qform_code > 0 => match grid_by(Form::Qform) {
            Ok(other) => {
                let apart = grid.corner_distance_mm(&other);
                if apart > FORMS_DISAGREE_MM {
                    let text =
                        format!("sform and qform place a corner {apart:.2} mm apart; the sform is used");
                    doubt(DoubtCode::FormsDisagree, text);
                }
            }
            Err(fault) => doubt(DoubtCode::OddHeader, format!("{}; the sform is used", fault.text)),
        },
        _ => {}
    }
    let shear = grid.patient_from_voxel().shear();
    if shear > SHEARED_COSINE {
        let degrees = 90.0 - shear.min(1.0).acos().to_degrees();
        doubt(DoubtCode::Sheared, format!("axes are {degrees:.2}° from perpendicular; kept as they are"));
    }
    Ok((grid, placement))
}
