//! Which axes of an NRRD file are space, which colour and which frames, and where the space ones lie.

use super::header::Header;
use crate::format::described::{map_of, mm_per_unit, printable, shear_of};
use crate::format::doubt::Fault;
use crate::format::{Doubt, DoubtCode, RefusalCode};
use crate::geometry::{Grid, Patient, Point, Vector};
use crate::volume::{Placement, SampleType};

/// What the axes come to.
pub(super) struct Axes {
    pub(super) grid: Grid,
    pub(super) placement: Placement,
    pub(super) times: usize,
    pub(super) frame_step: usize,
    pub(super) sample_type: SampleType,
}

/// Most axes that are looked at.
const MOST_AXES: usize = 16;

/// Kinds of axes along which the components of one vector or colour lie.
const VECTOR_KINDS: [&str; 6] = ["vector", "covariant-vector", "normal", "3-vector", "4-vector", "3-normal"];

impl Axes {
    /// `element` is the type of one number in the file.
    pub(super) fn of(header: &Header, element: SampleType, doubts: &mut Vec<Doubt>) -> Result<Self, Fault> {
        let sizes = sizes(header)?;
        let axes = sizes.len();
        let kinds: Vec<String> = header.words("kinds", axes).iter().map(|kind| kind.to_lowercase()).collect();
        let kind = |axis: usize| kinds.get(axis).map_or("", String::as_str);
        let directions = header.vectors("spacedirections")?;
        if directions.as_ref().is_some_and(|vectors| vectors.len() != axes) {
            let text = format!("has space directions for other than its {axes} axes");
            return Err(Fault::new(RefusalCode::Inconsistent, text));
        }
        let lies_in_space = |axis: usize| match &directions {
            Some(vectors) => vectors[axis].is_some(),
            None => matches!(kind(axis), "" | "domain" | "space" | "none" | "???"),
        };
        let mut space: Vec<usize> = (0..axes).filter(|axis| lies_in_space(*axis)).collect();
        // A fourth axis of space is time, whatever it is called.
        let time = (space.len() == 4).then(|| space.pop()).flatten();
        if !(2..=3).contains(&space.len()) {
            let text = format!(
                "has {} axes in space of {axes}; two or three are opened: save it with fewer",
                space.len()
            );
            return Err(Fault::new(RefusalCode::UnsupportedShape, text));
        }
        let mut others: Vec<usize> = (0..axes)
            .filter(|axis| !space.contains(axis) && (sizes[*axis] > 1 || Some(*axis) == time))
            .collect();
        let colour = others.first().and_then(|axis| colour(*axis, kind(*axis), sizes[*axis], element));
        let sample_type = match colour {
            Some(Ok(sample_type)) => {
                others.remove(0);
                sample_type
            }
            Some(Err(fault)) => return Err(fault),
            None => element,
        };
        let (times, frame_step) = match others[..] {
            [] => (1, usize::MAX),
            [axis] => {
                if Some(axis) != time && kind(axis) != "time" {
                    let text = format!(
                        "every voxel has {} numbers (axis {}); they are shown as points in time",
                        sizes[axis],
                        axis + 1
                    );
                    doubts.push(Doubt::new(DoubtCode::FoldedAxes, text));
                }
                (
                    sizes[axis],
                    space.iter().filter(|space| **space < axis).map(|space| sizes[*space]).product(),
                )
            }
            _ => {
                let text = format!(
                    "has {} axes beside space; one is opened: save parts of it as files of their own",
                    others.len()
                );
                return Err(Fault::new(RefusalCode::UnsupportedShape, text));
            }
        };
        let dims = std::array::from_fn(|n| space.get(n).map_or(1, |axis| sizes[*axis]));
        let (grid, placement) = match &directions {
            Some(vectors) => in_space(header, dims, &space, time, vectors, doubts)?,
            None => by_size(header, dims, &space, axes, doubts)?,
        };
        let bytes = grid.voxel_count().checked_mul(times).and_then(|count| count.checked_mul(16));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            let text = format!("claims the sizes {sizes:?}, more than can be addressed");
            return Err(Fault::new(RefusalCode::Inconsistent, text));
        }
        doubts.extend(shear_of(&grid));
        Ok(Self { grid, placement, times, frame_step, sample_type })
    }
}

fn sizes(header: &Header) -> Result<Vec<usize>, Fault> {
    let wrong = |text: String| Fault::new(RefusalCode::Inconsistent, text);
    let dimension: usize = header
        .needed("dimension")?
        .parse()
        .ok()
        .filter(|axes| (1..=MOST_AXES).contains(axes))
        .ok_or_else(|| wrong(format!("claims a dimension that is not 1 to {MOST_AXES}")))?;
    let text = header.needed("sizes")?;
    let sizes: Option<Vec<usize>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    match sizes {
        Some(sizes) if sizes.len() == dimension && sizes.iter().all(|size| *size > 0) => Ok(sizes),
        _ => Err(wrong(format!("has the sizes \"{}\" for {dimension} axes", printable(text)))),
    }
}

/// The colour whose components lie along the fastest axis; `None` where they are none.
fn colour(axis: usize, kind: &str, size: usize, element: SampleType) -> Option<Result<SampleType, Fault>> {
    let refuse = |what: &str| {
        let text = format!("holds {what}; convert it to RGB or to one number for each voxel");
        Some(Err(Fault::new(RefusalCode::UnsupportedType, text)))
    };
    let is_vector = VECTOR_KINDS.contains(&kind);
    match (kind, size) {
        ("complex", _) => refuse("complex numbers"),
        ("quaternion", _) => refuse("quaternions"),
        ("hsv-color" | "xyz-color", _) => refuse("colours that are not RGB"),
        _ if axis != 0 || element != SampleType::U8 => None,
        ("rgb-color" | "3-color", 3) => Some(Ok(SampleType::Rgb8)),
        ("rgba-color" | "4-color", 4) => Some(Ok(SampleType::Rgba8)),
        // What cannot name colours writes them as vectors.
        (_, 3) if is_vector => Some(Ok(SampleType::Rgb8)),
        (_, 4) if is_vector => Some(Ok(SampleType::Rgba8)),
        _ => None,
    }
}

/// What a file's space must be multiplied by to be LPS; `None` where nothing tells.
fn lps_from(space: &str) -> Result<Option<[f64; 3]>, Fault> {
    let space = space.trim().to_lowercase();
    let space = space.strip_suffix("-time").unwrap_or(&space);
    Ok(match space {
        "lps" | "lpst" | "left-posterior-superior" => Some([1.0, 1.0, 1.0]),
        "ras" | "rast" | "right-anterior-superior" => Some([-1.0, -1.0, 1.0]),
        "las" | "last" | "left-anterior-superior" => Some([1.0, -1.0, 1.0]),
        "" | "scanner-xyz" | "scannerxyz" | "3d-right-handed" | "3d-left-handed" | "3dr" | "3dl" => None,
        other => {
            let text = format!("lies in the space \"{}\", which is not known", printable(other));
            return Err(Fault::new(RefusalCode::BadGeometry, text));
        }
    })
}

/// The grid by the directions and origin in the file's space.
fn in_space(
    header: &Header,
    dims: [usize; 3],
    space: &[usize],
    time: Option<usize>,
    directions: &[Option<Vec<f64>>],
    doubts: &mut Vec<Doubt>,
) -> Result<(Grid, Placement), Fault> {
    let bad = |text: &str| Fault::new(RefusalCode::BadGeometry, text.to_owned());
    let signs = lps_from(header.field("space").unwrap_or_default())?;
    if signs.is_none() {
        let text =
            "the file does not say where left and back are; its axes are read as left, posterior, superior";
        doubts.push(Doubt::new(DoubtCode::NoOrientation, text));
    }
    let signs = signs.unwrap_or([1.0; 3]);
    let mm = unit_mm(&header_units(header, "spaceunits"), doubts);
    let lps = |vector: &[f64]| -> Option<[f64; 3]> {
        let in_space = match vector {
            [x, y] => [*x, *y, 0.0],
            [x, y, z] => [*x, *y, *z],
            // The fourth coordinate is time, which no axis of space may run along.
            [x, y, z, t] if *t == 0.0 => [*x, *y, *z],
            _ => return None,
        };
        // Added to 0, so that no -0 is made where there was 0.
        Some(std::array::from_fn(|n| 0.0 + in_space[n] * signs[n] * mm))
    };
    if let Some(Some(along)) = time.map(|axis| &directions[axis])
        && along.iter().take(3).any(|x| *x != 0.0)
    {
        return Err(bad("its fourth axis moves in space"));
    }
    let step = |axis: &usize| directions[*axis].as_deref().and_then(lps).map(Vector::<Patient>::from);
    let steps: Option<Vec<Vector<Patient>>> = space.iter().map(step).collect();
    let steps = steps.ok_or_else(|| bad("its space directions are not vectors of two or three numbers"))?;
    let origin = match header.vectors("spaceorigin")?.as_deref() {
        Some([Some(origin)]) => {
            let of_space: &[f64] = if origin.len() == 4 { &origin[..3] } else { origin };
            lps(of_space).ok_or_else(|| bad("its space origin is not a point of two or three numbers"))?
        }
        Some(_) => return Err(bad("its space origin is not one point")),
        None => {
            doubts.push(Doubt::new(DoubtCode::NoOrientation, "no space origin is given; 0 is assumed"));
            [0.0; 3]
        }
    };
    let grid = Grid::new(dims, map_of(&steps, Point::from(origin))?, None)
        .map_err(|error| Fault::new(RefusalCode::Inconsistent, error.to_string()))?;
    let told = header.field("space").is_some_and(|space| matches!(lps_from(space), Ok(Some(_))));
    Ok((grid, if told { Placement::Patient } else { Placement::Scaled }))
}

/// The grid by the sizes of samples alone, as ITK places it: i, j and k along x, y and z.
fn by_size(
    header: &Header,
    dims: [usize; 3],
    space: &[usize],
    axes: usize,
    doubts: &mut Vec<Doubt>,
) -> Result<(Grid, Placement), Fault> {
    let [spacings, mins, maxs] = [
        header.numbers("spacings", axes)?,
        header.numbers("axismins", axes)?,
        header.numbers("axismaxs", axes)?,
    ];
    let centres = header.words("centers", axes);
    let centres = if centres.is_empty() { header.words("centerings", axes) } else { centres };
    let at = |numbers: &Option<Vec<f64>>, axis: usize| {
        numbers.as_ref().map(|numbers| numbers[axis]).filter(|number| number.is_finite())
    };
    let mm = unit_mm(&header_units_of_axes(header, axes, space), doubts);
    let mut is_sized = false;
    let mut origin = [0.0; 3];
    let mut steps = Vec::new();
    for (n, &axis) in space.iter().enumerate() {
        let on_nodes = centres.get(axis).is_some_and(|centre| centre == "node");
        let samples = if on_nodes { dims[n] - 1 } else { dims[n] } as f64;
        let span = || at(&maxs, axis).zip(at(&mins, axis)).map(|(max, min)| (max - min) / samples);
        let size = at(&spacings, axis).or_else(span).filter(|size| *size != 0.0 && size.is_finite());
        is_sized |= size.is_some();
        let size = size.unwrap_or(1.0) * mm;
        if let Some(min) = at(&mins, axis) {
            origin[n] = min * mm + if on_nodes { 0.0 } else { size / 2.0 };
        }
        let mut step = [0.0; 3];
        step[n] = size;
        steps.push(Vector::from(step));
    }
    let (doubt, placement) = if is_sized {
        let text = "the file gives sizes but neither position nor direction; its axes are read as left, posterior, superior";
        (Doubt::new(DoubtCode::NoOrientation, text), Placement::Scaled)
    } else {
        let text = "the file knows pixels only; distances are in pixels";
        (Doubt::new(DoubtCode::PixelUnits, text), Placement::Pixels)
    };
    doubts.push(doubt);
    let grid = Grid::new(dims, map_of(&steps, Point::from(origin))?, None)
        .map_err(|error| Fault::new(RefusalCode::Inconsistent, error.to_string()))?;
    Ok((grid, placement))
}

fn header_units(header: &Header, name: &str) -> Vec<String> {
    let axes = header.field(name).map_or(0, |value| value.matches('"').count() / 2);
    header.words(name, axes)
}

fn header_units_of_axes(header: &Header, axes: usize, space: &[usize]) -> Vec<String> {
    let units = header.words("units", axes);
    space.iter().filter_map(|axis| units.get(*axis).cloned()).collect()
}

/// Millimetres in the one unit of all axes in space.
fn unit_mm(units: &[String], doubts: &mut Vec<Doubt>) -> f64 {
    let of_space: Vec<&String> = units.iter().take(3).collect();
    let Some(first) = of_space.first() else { return 1.0 };
    let same = of_space.iter().all(|unit| mm_per_unit(unit) == mm_per_unit(first));
    match mm_per_unit(first).filter(|_| same) {
        Some(mm) => {
            if mm != 1.0 {
                let text = format!("distances were multiplied by {mm} to be mm");
                doubts.push(Doubt::new(DoubtCode::UnitsConverted, text));
            }
            mm
        }
        None => {
            let text = format!("the units of space {of_space:?} are not one length; mm assumed");
            doubts.push(Doubt::new(DoubtCode::OddHeader, text));
            1.0
        }
    }
}
