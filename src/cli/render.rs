//! `annotomy render`: a picture of a study, drawn as the window draws it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::CommandError;
use super::output::refuse_input;
use crate::case::Case;
use crate::format::write_atomically;
use crate::geometry::{AnatomicalPlane, Grid, Patient, Point};
use crate::render::{Gpu, Image, Picture, draw_on_cpu, picture};
use crate::view::{Display, Interpolation, Orbit, Pane, SliceSource};
use crate::volume::Window;

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// A study (NIfTI file, DICOM file or folder) or a sidecar; marks saved beside it are drawn
    #[arg(value_name = "CASE")]
    input: PathBuf,
    /// What is looked at
    #[arg(long, value_enum, default_value_t = PlaneWord::Axial)]
    plane: PlaneWord,
    /// Where the plane cuts the patient: its LPS coordinate, such as 12.5mm; the middle if not told
    #[arg(long, value_name = "MM", allow_hyphen_values = true)]
    at: Option<Millimetres>,
    /// Which point on the time axis, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    time: usize,
    /// The PNG file to write
    #[arg(long, value_name = "PNG")]
    out: PathBuf,
    /// Width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "1024x1024")]
    size: PixelSize,
    /// Window width and centre, such as 400/40; the study's own, or one from its values, if not told
    #[arg(long, value_name = "W/C", allow_hyphen_values = true)]
    window: Option<WindowWord>,
    /// True planes of the patient instead of the acquisition's own slices
    #[arg(long)]
    resliced: bool,
    /// Voxels as squares, nothing interpolated
    #[arg(long)]
    nearest: bool,
    /// Without labels
    #[arg(long)]
    no_labels: bool,
    /// By the CPU, even where there is a graphics adapter
    #[arg(long)]
    cpu: bool,
    /// Which series, where CASE holds several (`info` tells their ids)
    #[arg(long, value_name = "ID")]
    series: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PlaneWord {
    Axial,
    Coronal,
    Sagittal,
    /// The greatest values along lines of sight, from the front
    Projection,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Millimetres(f64);

impl FromStr for Millimetres {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("mm").unwrap_or(text).trim().parse().ok();
        number
            .filter(|mm: &f64| mm.is_finite())
            .map(Self)
            .ok_or_else(|| format!("\"{text}\" is not a length like 12.5mm"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct PixelSize([u32; 2]);

impl FromStr for PixelSize {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let edges = text.split_once('x').and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
        edges
            .filter(|edges| edges.iter().all(|edge| (1..=16_384).contains(edge)))
            .map(Self)
            .ok_or_else(|| format!("\"{text}\" is not a size like 1024x768, at most 16384 on a side"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct WindowWord(Window);

impl FromStr for WindowWord {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(w, c)| Some((w.parse().ok()?, c.parse().ok()?)));
        numbers
            .filter(|(width, centre): &(f64, f64)| *width > 0.0 && width.is_finite() && centre.is_finite())
            .map(|(width, centre)| Self(Window::new(centre, width)))
            .ok_or_else(|| format!("\"{text}\" is not a window like 400/40 (width/centre)"))
    }
}

/// Draws CASE and writes OUT whole or not at all.
pub(super) fn run(arguments: &RenderArgs) -> Result<(), CommandError> {
    let document = super::apply::open(&arguments.input, arguments.series.as_deref())?;
    let read_from = document.study().read_from.iter().map(|(file, _)| file.as_path());
    refuse_input(&arguments.out, read_from.chain([arguments.input.as_path()]))?;
    let image = draw(arguments, document.session.case())?;
    let write = |file: &mut std::fs::File| image.write_png(file).map_err(std::io::Error::from);
    write_atomically(&arguments.out, write).map_err(|error| CommandError::unwritable(&arguments.out, error))
}

/// The picture that the arguments ask for.
fn draw(arguments: &RenderArgs, case: &Case) -> Result<Image, CommandError> {
    let PixelSize(size) = arguments.size;
    let wanted = wanted(arguments, case)?;
    let gpu = if arguments.cpu { None } else { Gpu::headless().ok() };
    match gpu {
        Some(gpu) if size.iter().all(|edge| *edge <= gpu.adapter().max_texture_2d) => {
            Ok(picture(case, &wanted, size, Some(&gpu))?)
        }
        _ => Ok(draw_on_cpu(case, &wanted, size)),
    }
}

fn wanted(arguments: &RenderArgs, case: &Case) -> Result<Picture, CommandError> {
    let volume = case.volume();
    let grid = volume.grid();
    let own = volume.first_window();
    let mut display = Display::with_window(arguments.window.map_or(own, |WindowWord(window)| window));
    display.overlay.shown = !arguments.no_labels;
    let times = volume.times();
    if arguments.time >= times {
        let text =
            format!("--time {} is not there: the study has {times} (0 to {})", arguments.time, times - 1);
        return Err(CommandError::Usage(text));
    }
    display.time = arguments.time;
    if arguments.nearest {
        display.interpolation = Interpolation::Nearest;
    }
    let size = arguments.size.0.map(f64::from);
    let plane = match arguments.plane {
        PlaneWord::Axial => AnatomicalPlane::Axial,
        PlaneWord::Coronal => AnatomicalPlane::Coronal,
        PlaneWord::Sagittal => AnatomicalPlane::Sagittal,
        PlaneWord::Projection => {
            return Ok(Picture::projection(Orbit::fitted(grid, size), size, display));
        }
    };
    let source = if arguments.resliced { SliceSource::Patient } else { SliceSource::Acquisition };
    let focus = focus(grid, plane, arguments.at)?;
    let view = Pane::fitted(plane, source, grid, size).view(source, grid, focus, size);
    Ok(Picture::slice(view, display))
}

/// The middle of the grid, moved to where the plane shall cut the patient.
fn focus(
    grid: &Grid,
    plane: AnatomicalPlane,
    at: Option<Millimetres>,
) -> Result<Point<Patient>, CommandError> {
    let Some(Millimetres(at)) = at else { return Ok(grid.middle()) };
    let axis = plane.normal_axis();
    let mut place = grid.middle().to_array();
    place[axis] = at;
    let place = Point::from(place);
    if grid.index_at(place).is_some() {
        return Ok(place);
    }
    let along = grid.corners().map(|corner| corner.to_array()[axis]);
    let least = along.into_iter().fold(f64::INFINITY, f64::min);
    let most = along.into_iter().fold(f64::NEG_INFINITY, f64::max);
    Err(CommandError::Usage(format!(
        "--at {at}mm lies outside the study, whose {} planes reach from {least:.1}mm to {most:.1}mm",
        plane.name()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_sizes_and_windows_are_read_as_they_are_written() {
        assert_eq!("12.5mm".parse(), Ok(Millimetres(12.5)));
        assert_eq!("-3".parse(), Ok(Millimetres(-3.0)));
        assert_eq!("640x480".parse(), Ok(PixelSize([640, 480])));
        assert_eq!("400/-40".parse(), Ok(WindowWord(Window::new(-40.0, 400.0))));
        for wrong in ["", "mm", "nan", "12cm"] {
            assert!(wrong.parse::<Millimetres>().is_err(), "{wrong}");
        }
        for wrong in ["", "640", "0x5", "20000x5", "-1x1"] {
            assert!(wrong.parse::<PixelSize>().is_err(), "{wrong}");
        }
        for wrong in ["", "400", "0/40", "-1/5", "inf/0"] {
            assert!(wrong.parse::<WindowWord>().is_err(), "{wrong}");
        }
    }
}
