//! What one picture shows, worked out once in f64: where its pixels lie among the voxels, how samples
//! become brightness, how labels are drawn. Shaders are given it in f32, the twins use it as it is.

use glam::DVec3;

use super::picture::{Picture, Subject};
use super::voxels::{Coding, Kind};
use crate::geometry::{Affine, Screen, Voxel};
use crate::view::Interpolation;
use crate::volume::{Rescale, Volume, Window};

/// One picture of one grid. Places are voxel coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scene {
    /// Width and height in pixels.
    pub(super) size: [u32; 2],
    /// The place of the corner of the first pixel.
    pub(super) origin: DVec3,
    /// One pixel to the right.
    pub(super) right: DVec3,
    /// One pixel down.
    pub(super) down: DVec3,
    /// One pixel's length away from the viewer.
    pub(super) away: DVec3,
    /// The first voxel there is to show.
    pub(super) first: [usize; 3],
    /// The last voxel there is to show.
    pub(super) last: [usize; 3],
    /// The voxel axis along which every pixel lies on one whole number.
    pub(super) flat_axis: Option<usize>,
    /// Whether values between voxel centres are interpolated.
    pub(super) smooth: bool,
    /// How samples become brightness.
    pub(super) grey: Grey,
    /// How labels are drawn; `None` for not at all.
    pub(super) overlay: Option<Overlay>,
    /// The label that stands out from the others.
    pub(super) highlight: Option<u16>,
    /// The greatest count of steps along a ray of a projection.
    pub(super) most_steps: u32,
    /// The same for labels.
    pub(super) most_label_steps: u32,
    /// The least and the greatest sample that a threshold gives away, as its shader counts them.
    pub(super) keys: [i32; 2],
}

/// A rectangle of pixels: left, top, right and bottom without the last two.
pub(super) type PixelRect = [u32; 4];

/// How labels are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Overlay {
    /// Opacity of the fill.
    pub(super) fill: f64,
    /// Width of the outline in pixels of the picture; 0 for none.
    pub(super) outline: f64,
}

/// Opacity of every other label while one stands out.
pub(super) const DIMMED: f64 = 0.3;

/// How stored samples become brightness: 0 is black, 1 is white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grey {
    pub(super) rescale: Rescale,
    pub(super) window: Window,
    pub(super) inverted: bool,
}

/// No brightness lies further out: what is infinite could not be interpolated.
const ENDLESS: f64 = 1e6;

impl Grey {
    /// Brightness of a sample before it is cut to 0…1. What is not a number is darkest.
    pub(super) fn tone(&self, sample: f64) -> f64 {
        let tone = (self.rescale.value(sample) - self.window.centre) / self.window.width + 0.5;
        if tone.is_nan() { -ENDLESS } else { tone.clamp(-ENDLESS, ENDLESS) }
    }

    /// What is seen of a tone.
    pub(super) fn shown(&self, tone: f64) -> f64 {
        let cut = tone.clamp(0.0, 1.0);
        if self.inverted { 1.0 - cut } else { cut }
    }
}

impl Scene {
    /// A picture of `size` pixels of a volume.
    pub(super) fn new(volume: &Volume, picture: &Picture, size: [u32; 2]) -> Self {
        let size = size.map(|n| n.max(1));
        let (patient_from_screen, logical_size) = match &picture.subject {
            Subject::Slice(view) => (view.patient_from_screen(), view.size),
            Subject::Projection { orbit, size, .. } => (orbit.patient_from_screen(*size), *size),
        };
        let voxel_from_screen: Affine<Voxel, Screen> =
            volume.grid().voxel_from_patient() * patient_from_screen;
        let scale = [logical_size[0] / f64::from(size[0]), logical_size[1] / f64::from(size[1])];
        let display = &picture.display;
        let mut scene = Self {
            size,
            origin: voxel_from_screen.origin().raw(),
            right: voxel_from_screen.axis(0).raw() * scale[0],
            down: voxel_from_screen.axis(1).raw() * scale[1],
            away: voxel_from_screen.axis(2).raw() * scale[0],
            first: [0; 3],
            last: volume.grid().dims().map(|n| n - 1),
            flat_axis: None,
            smooth: display.interpolation == Interpolation::Smooth,
            grey: Grey {
                rescale: volume.rescale(),
                window: display.window,
                inverted: volume.shown_inverted != display.inverted,
            },
            overlay: display.overlay.shown.then(|| Overlay {
                fill: display.overlay.fill.clamp(0.0, 1.0),
                outline: (display.overlay.outline / scale[0]).max(0.0),
            }),
            highlight: picture.highlight,
            most_steps: 1,
            most_label_steps: 1,
            keys: picture.threshold.as_ref().map_or([1, 0], |threshold| threshold.keys(volume)),
        };
        match &picture.subject {
            Subject::Slice(view) => {
                // Rounding must not let a slice of the grid lean into its neighbours.
                if let Some((family, slice)) = view.slice {
                    scene.flat_axis = Some(family.slice_axis);
                    scene.origin[family.slice_axis] = slice as f64;
                    scene.right[family.slice_axis] = 0.0;
                    scene.down[family.slice_axis] = 0.0;
                }
            }
            Subject::Projection { quality, .. } => {
                scene.most_steps = quality.most_steps();
                scene.most_label_steps = quality.most_label_steps();
            }
        }
        scene
    }

    /// The place of a point of the picture, in pixels from its corner.
    pub(super) fn place(&self, x: f64, y: f64) -> DVec3 {
        self.origin + self.right * x + self.down * y
    }

    /// The voxel whose cell holds a place, if it is one that is shown.
    pub(super) fn cell(&self, place: DVec3) -> Option<[usize; 3]> {
        let cell = (place + 0.5).floor();
        let within = |axis: usize| {
            let (first, last) = (self.first[axis] as f64, self.last[axis] as f64);
            (first <= cell[axis] && cell[axis] <= last).then_some(cell[axis] as usize)
        };
        Some([within(0)?, within(1)?, within(2)?])
    }

    /// The shown voxel nearest to a place.
    pub(super) fn nearest_cell(&self, place: DVec3) -> [usize; 3] {
        let cell = (place + 0.5).floor();
        std::array::from_fn(|axis| cell[axis].clamp(self.first[axis] as f64, self.last[axis] as f64) as usize)
    }

    /// The same scene with nothing shown outside the voxels `first` to `last`.
    pub(super) fn within(&self, first: [usize; 3], last: [usize; 3]) -> Self {
        Self {
            first: std::array::from_fn(|axis| self.first[axis].max(first[axis])),
            last: std::array::from_fn(|axis| self.last[axis].min(last[axis])),
            ..self.clone()
        }
    }

    /// The part of a projection in which labels are looked for, from voxel `first` to `last`.
    pub(super) fn of_labels(&self, first: [usize; 3], last: [usize; 3]) -> Self {
        Self { most_steps: self.most_label_steps, ..self.within(first, last) }
    }

    /// The pixels outside of which no place lies in the cells from voxel `first` to `last`; `None`
    /// where no pixel's does.
    pub(super) fn pixels_of(&self, first: [f64; 3], last: [f64; 3]) -> Option<PixelRect> {
        let [width, height] = self.size.map(f64::from);
        let mut outline = vec![[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]];
        for axis in 0..3 {
            // A pixel's distance inside the lower and the upper border of the cells on this axis.
            let (lower, upper) = (first[axis] - 0.5, last[axis] + 0.5);
            outline = cut(&outline, |[x, y]| self.place(x, y)[axis] - lower);
            outline = cut(&outline, |[x, y]| upper - self.place(x, y)[axis]);
        }
        let reach = |axis: usize| {
            let places = outline.iter().map(|point| point[axis]);
            (places.clone().fold(f64::INFINITY, f64::min), places.fold(f64::NEG_INFINITY, f64::max))
        };
        let ((left, right), (top, bottom)) = (reach(0), reach(1));
        // A pixel more on every side, for what rounding in f32 may move.
        let low = |x: f64| (x.floor() - 1.0).max(0.0) as u32;
        let high = |x: f64, most: u32| (x.ceil() as u32).saturating_add(1).min(most);
        (left <= right && top <= bottom)
            .then(|| [low(left), low(top), high(right, self.size[0]), high(bottom, self.size[1])])
    }

    /// The scene in the layout of `scene.wgsl`.
    pub(super) fn for_gpu(&self, coding: &Coding) -> gpu_data::Scene {
        let wide = |place: DVec3| [place.x as f32, place.y as f32, place.z as f32, 0.0];
        let cell = |cell: [usize; 3]| [cell[0] as f32, cell[1] as f32, cell[2] as f32, 0.0];
        let Grey { rescale, window, inverted } = self.grey;
        // The number nearest to the middle of the window, counted as texels are. Differences from it
        // are exact where they matter, however large the numbers are.
        let middle = (window.centre - rescale.intercept) / rescale.slope - coding.offset;
        let reference = coding.nearest_number(middle);
        let value = rescale.value(reference + coding.offset);
        let (mut gain, mut bias) =
            (rescale.slope / window.width, (value - window.centre) / window.width + 0.5);
        if coding.kind == Kind::Colour {
            (gain, bias) = (1.0, 0.0);
        }
        let rising = gain.signum();
        if inverted {
            (gain, bias) = (-gain, 1.0 - bias);
        }
        // Windows too narrow for f32 stay steps.
        let finite = |x: f64| x.clamp(-1e30, 1e30) as f32;
        let endless = finite(ENDLESS * (window.width / rescale.slope).abs());
        let overlay = self.overlay.unwrap_or(Overlay { fill: 0.0, outline: 0.0 });
        gpu_data::Scene {
            origin: wide(self.origin),
            right: wide(self.right),
            down: wide(self.down),
            away: wide(self.away),
            first: cell(self.first),
            last: cell(self.last),
            size: self.size.map(|n| n as f32),
            gain: finite(gain),
            bias: finite(bias),
            reference: match coding.kind {
                Kind::Float => (reference as f32).to_bits() as i32,
                Kind::Whole { .. } | Kind::Wide | Kind::Colour => reference as i32,
            },
            rising: rising as f32,
            endless,
            lowest: if rescale.slope < 0.0 { endless } else { -endless },
            fill: overlay.fill as f32,
            outline: overlay.outline as f32,
            looks: if overlay.outline > 0.0 { 9 } else { 1 },
            highlight: u32::from(self.highlight.unwrap_or(0)),
            dimmed: DIMMED as f32,
            most_steps: self.most_steps as f32,
            keys: self.keys,
        }
    }

    /// For a slice whose pixel rows and columns run along voxel axes: the axis to the right and the
    /// one down. Along a whole row they stray by less than a thousandth of a voxel.
    pub(super) fn upright_axes(&self) -> Option<[usize; 2]> {
        let flat = self.flat_axis?;
        let [u, v] = [(flat + 1) % 3, (flat + 2) % 3];
        let [width, height] = self.size.map(f64::from);
        let straight = |along: usize, across: usize| {
            self.right[across].abs() * width < 1e-3 && self.down[along].abs() * height < 1e-3
        };
        [[u, v], [v, u]].into_iter().find(|[along, across]| straight(*along, *across))
    }

    /// The first pixel, counted along `right` or `down`, whose middle does not lie before the place
    /// `edge` on the voxel axis that it runs along.
    pub(super) fn pixel_at_edge(&self, step: DVec3, count: u32, axis: usize, edge: f64) -> u32 {
        ((edge - self.origin[axis]) / step[axis] - 0.5).ceil().clamp(0.0, f64::from(count)) as u32
    }
}

/// The part of a convex outline where `inside` is not negative (Sutherland and Hodgman, 1974).
fn cut(outline: &[[f64; 2]], inside: impl Fn([f64; 2]) -> f64) -> Vec<[f64; 2]> {
    let mut kept = Vec::with_capacity(outline.len() + 1);
    for (place, &end) in outline.iter().enumerate() {
        let start = outline[(place + outline.len() - 1) % outline.len()];
        let (from, to) = (inside(start), inside(end));
        if (from < 0.0) != (to < 0.0) {
            let t = from / (from - to);
            kept.push([start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t]);
        }
        if to >= 0.0 {
            kept.push(end);
        }
    }
    kept
}

pub(super) mod gpu_data {
    //! The layout of `scene.wgsl`.

    use bytemuck::{Pod, Zeroable};

    #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
    #[repr(C)]
    pub(in super::super) struct Scene {
        pub(super) origin: [f32; 4],
        pub(super) right: [f32; 4],
        pub(super) down: [f32; 4],
        pub(super) away: [f32; 4],
        pub(super) first: [f32; 4],
        pub(super) last: [f32; 4],
        pub(super) size: [f32; 2],
        pub(super) gain: f32,
        pub(super) bias: f32,
        pub(super) reference: i32,
        pub(super) rising: f32,
        pub(super) endless: f32,
        pub(super) lowest: f32,
        pub(super) fill: f32,
        pub(super) outline: f32,
        pub(super) looks: u32,
        pub(super) highlight: u32,
        pub(super) dimmed: f32,
        pub(super) most_steps: f32,
        pub(super) keys: [i32; 2],
    }

    const _: () = assert!(size_of::<Scene>() == 160);
}
