//! From the fields of a MetaImage header to what is to be read.

use std::path::{Path, PathBuf};

use super::header::Header;
use crate::format::described::{
    Described, Packing, Part, Start, head_of, map_of, mm_per_unit, named_beside, numbered_names, printable,
    shear_of,
};
use crate::format::doubt::Fault;
use crate::format::gzip::{self, Wrapping};
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode, bulk};
use crate::geometry::{Grid, Patient, Point, Vector};
use crate::volume::{Placement, SampleType};

/// Reads the header of a file and says what it comes to.
pub(super) fn of(path: &Path) -> Result<Described, Refusal> {
    let header = Header::parse(&head_of(path)?).map_err(|fault| fault.of(path))?;
    describe(path, &header)
}

fn describe(path: &Path, header: &Header) -> Result<Described, Refusal> {
    let refuse = |fault: Fault| fault.of(path);
    let mut doubts = Vec::new();
    if let Some(object) = header.field("ObjectType").filter(|object| *object != "Image") {
        let text = format!("holds a MetaIO {}, not an image", printable(object));
        return Err(Refusal::new(path, RefusalCode::UnsupportedObject, text));
    }
    let sizes = sizes(header).map_err(refuse)?;
    let (grid, placement) = grid(header, &sizes, &mut doubts).map_err(refuse)?;
    let times = sizes.get(3).copied().unwrap_or(1);
    let (sample_type, channels) = voxel_type(header).map_err(refuse)?;
    if channels > 1 {
        if times > 1 {
            let text = format!(
                "has {channels} numbers for every voxel and {times} frames; one of both is opened: save parts of it as files of their own"
            );
            return Err(Refusal::new(path, RefusalCode::UnsupportedShape, text));
        }
        let text = format!("every voxel has {channels} numbers; they are shown as points in time");
        doubts.push(Doubt::new(DoubtCode::FoldedAxes, text));
    }
    let intensity = ["ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset"];
    if let Some(field) = intensity.into_iter().find(|field| header.field(field).is_some()) {
        let text = format!("{field} is not applied: values are as they are stored, as ITK has them");
        doubts.push(Doubt::new(DoubtCode::OddHeader, text));
    }
    let times = times.checked_mul(channels).filter(|times| {
        let bytes = grid.voxel_count().checked_mul(*times).and_then(|count| count.checked_mul(16));
        bytes.is_some_and(|bytes| bytes <= isize::MAX as usize)
    });
    let times = times.ok_or_else(|| {
        let text = format!("claims the sizes {sizes:?}, more than can be addressed");
        Refusal::new(path, RefusalCode::Inconsistent, text)
    })?;
    let parts = parts(path, header, grid.voxel_count() * times)?;
    let packing = packing(header, &parts[0]);
    let big_endian = header.flag("BinaryDataByteOrderMSB", header.flag("ElementByteOrderMSB", false));
    Ok(Described {
        header: path.to_owned(),
        description: header.field("Comment").or(header.field("Name")).map(printable).unwrap_or_default(),
        parts,
        packing,
        skipped: 0,
        sample_type,
        swapped: big_endian != cfg!(target_endian = "big"),
        placement,
        times,
        frame_step: if channels > 1 { 1 } else { grid.voxel_count() },
        grid,
        doubts,
    })
}

fn sizes(header: &Header) -> Result<Vec<usize>, Fault> {
    let axes: usize = header.needed("NDims")?.parse().unwrap_or(0);
    if !(2..=4).contains(&axes) {
        let text = format!(
            "has NDims = {}; two to four axes are opened: save parts of it as files of their own",
            printable(header.needed("NDims")?)
        );
        return Err(Fault::new(RefusalCode::UnsupportedShape, text));
    }
    header.needed("DimSize")?;
    let sizes = header.numbers::<usize>("DimSize", axes)?.unwrap_or_default();
    if sizes.contains(&0) {
        return Err(Fault::new(RefusalCode::Inconsistent, format!("has DimSize = {sizes:?}")));
    }
    Ok(sizes)
}

/// The grid, and what is known of its place. `TransformMatrix` holds the direction of each axis, one
/// after another (MetaIO, `metaTransform.cxx`; ITK, `itkMetaImageIO.cxx`).
fn grid(header: &Header, sizes: &[usize], doubts: &mut Vec<Doubt>) -> Result<(Grid, Placement), Fault> {
    let axes = sizes.len();
    let spacing = header.first_of(&["ElementSpacing", "ElementSize"], axes)?;
    let directions = header.first_of(&["TransformMatrix", "Rotation", "Orientation"], axes * axes)?;
    let origin = header.first_of(&["Offset", "Position", "Origin"], axes)?;
    if header
        .field("CenterOfRotation")
        .is_some_and(|centre| centre.split_whitespace().any(|x| x.parse() != Ok(0.0)))
    {
        let text =
            "a centre of rotation is given and not needed: Offset places the first voxel, as ITK has it";
        doubts.push(Doubt::new(DoubtCode::OddHeader, text));
    }
    let placement = match (&directions, &origin, &spacing) {
        (None, None, None) => {
            let text = "the file knows pixels only; distances are in pixels";
            doubts.push(Doubt::new(DoubtCode::PixelUnits, text));
            Placement::Pixels
        }
        (None, None, Some(_)) => {
            let text = "the file gives sizes but neither position nor direction; its axes are read as left, posterior, superior";
            doubts.push(Doubt::new(DoubtCode::NoOrientation, text));
            Placement::Scaled
        }
        _ => Placement::Patient,
    };
    let mm = unit_mm(header, doubts);
    let in_space = axes.min(3);
    let step = |axis: usize| {
        let size = spacing.as_ref().map_or(1.0, |spacing| spacing[axis]) * mm;
        let along = |n: usize| match &directions {
            Some(numbers) => numbers[axis * axes + n],
            None => f64::from(u8::from(n == axis)),
        };
        Vector::<Patient>::from(std::array::from_fn(
            |n| if n < in_space { 0.0 + along(n) * size } else { 0.0 },
        ))
    };
    let moves_in_space =
        directions.as_ref().is_some_and(|d| axes == 4 && d[12..15].iter().any(|x| *x != 0.0));
    if moves_in_space {
        return Err(Fault::new(RefusalCode::BadGeometry, "its fourth axis moves in space"));
    }
    let steps: Vec<Vector<Patient>> = (0..in_space).map(step).collect();
    let at = |n: usize| origin.as_ref().filter(|_| n < in_space).map_or(0.0, |origin| 0.0 + origin[n] * mm);
    let dims = std::array::from_fn(|n| sizes.get(n).copied().unwrap_or(1));
    let grid = Grid::new(dims, map_of(&steps, Point::from(std::array::from_fn(at)))?, None)
        .map_err(|error| Fault::new(RefusalCode::Inconsistent, error.to_string()))?;
    doubts.extend(shear_of(&grid));
    Ok((grid, placement))
}

fn unit_mm(header: &Header, doubts: &mut Vec<Doubt>) -> f64 {
    let Some(unit) = header.field("DistanceUnits").filter(|unit| *unit != "?") else { return 1.0 };
    let mm = mm_per_unit(unit);
    if mm != Some(1.0) {
        let (code, text) = match mm {
            Some(mm) => (DoubtCode::UnitsConverted, format!("distances were multiplied by {mm} to be mm")),
            None => {
                (DoubtCode::OddHeader, format!("the unit \"{}\" is not known; mm assumed", printable(unit)))
            }
        };
        doubts.push(Doubt::new(code, text));
    }
    mm.unwrap_or(1.0)
}

/// The type of a voxel, and how many numbers it has beyond what that type holds.
fn voxel_type(header: &Header) -> Result<(SampleType, usize), Fault> {
    let name = header.needed("ElementType")?;
    // The widths are those of `metaTypes.h`: a long has four bytes.
    let element = match name.strip_suffix("_ARRAY").unwrap_or(name) {
        "MET_CHAR" | "MET_ASCII_CHAR" => SampleType::I8,
        "MET_UCHAR" => SampleType::U8,
        "MET_SHORT" => SampleType::I16,
        "MET_USHORT" => SampleType::U16,
        "MET_INT" | "MET_LONG" => SampleType::I32,
        "MET_UINT" | "MET_ULONG" => SampleType::U32,
        "MET_LONG_LONG" => SampleType::I64,
        "MET_ULONG_LONG" => SampleType::U64,
        "MET_FLOAT" => SampleType::F32,
        "MET_DOUBLE" => SampleType::F64,
        other => {
            let text = format!("holds samples of the type {}, which is not opened", printable(other));
            return Err(Fault::new(RefusalCode::UnsupportedType, text));
        }
    };
    let channels = header.numbers::<usize>("ElementNumberOfChannels", 1)?.map_or(1, |channels| channels[0]);
    match (element, channels) {
        (_, 0) => Err(Fault::new(RefusalCode::Inconsistent, "has voxels without numbers")),
        (SampleType::U8, 3) => Ok((SampleType::Rgb8, 1)),
        (SampleType::U8, 4) => Ok((SampleType::Rgba8, 1)),
        (element, channels) => Ok((element, channels)),
    }
}

fn packing(header: &Header, first: &Part) -> Packing {
    if header.flag("CompressedData", false) {
        let mut magic = [0; 3];
        let at = if let Start::At(at) = first.start { at } else { 0 };
        let read =
            std::fs::File::open(&first.path).and_then(|file| bulk::read_exact_at(&file, &mut magic, at));
        let gzipped = read.is_ok() && gzip::is_gzip(&magic);
        Packing::Deflated(if gzipped { Wrapping::Gzip } else { Wrapping::Zlib })
    } else if header.flag("BinaryData", true) {
        Packing::Raw
    } else {
        Packing::Text
    }
}

/// The files that hold `count` samples, equally many each.
fn parts(path: &Path, header: &Header, count: usize) -> Result<Vec<Part>, Refusal> {
    let refuse = |text: String| Refusal::new(path, RefusalCode::Inconsistent, text);
    let value = header.needed("ElementDataFile").map_err(|fault| fault.of(path))?;
    let skip =
        header.numbers::<i64>("HeaderSize", 1).map_err(|fault| fault.of(path))?.map_or(0, |skip| skip[0]);
    let start = |from: u64| match skip {
        -1 => Ok(Start::BeforeEnd),
        0.. => Ok(Start::At(from.saturating_add(skip as u64))),
        _ => Err(refuse(format!("has HeaderSize = {skip}"))),
    };
    let words: Vec<&str> = value.split_whitespace().collect();
    let names = match words[..] {
        ["LOCAL" | "Local" | "local"] => {
            // What would be skipped stands before the header's end.
            let start = if skip > 0 { Start::At(header.length) } else { start(header.length)? };
            return Ok(vec![Part { path: path.to_owned(), start }]);
        }
        ["LIST", ..] => header.listed.clone(),
        [pattern, ref numbers @ ..] if pattern.contains('%') && !numbers.is_empty() => {
            let numbers: Vec<i64> = numbers.iter().filter_map(|word| word.parse().ok()).collect();
            let [first, last, ref step @ ..] = numbers[..] else {
                return Err(refuse(format!("names its data files by \"{}\"", printable(value))));
            };
            let step = step.first().copied().unwrap_or(1);
            numbered_names(pattern, first, last, step).map_err(|fault| fault.of(path))?
        }
        _ => vec![value.to_owned()],
    };
    if names.is_empty() || names.len() > 1 << 16 || !count.is_multiple_of(names.len()) {
        return Err(refuse(format!("spreads its samples over {} files", names.len())));
    }
    let part = |name: &String| -> Result<Part, Refusal> {
        let path: PathBuf = named_beside(path, name)?;
        Ok(Part { path, start: start(0)? })
    };
    names.iter().map(part).collect()
}
