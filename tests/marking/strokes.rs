//! Strokes at known points of the patient, against the definition of the brush voxel by voxel.

use annotomy::geometry::{AnatomicalPlane, Grid, Patient, Point, VoxelIndex};
use annotomy::session::Session;
use annotomy::tool::{BrushSettings, BrushShape, ToolKind};
use glam::DVec3;

use crate::stage::{Hands, case_on, grid, run_steps};

/// A grid as its own plain numbers, so that the oracle shares no geometry with the program.
#[derive(Clone, Debug)]
struct Lattice {
    name: String,
    dims: [usize; 3],
    axes: [DVec3; 3],
    origin: DVec3,
}

impl Lattice {
    fn grid(&self) -> Grid {
        grid(self.dims, self.axes.map(|axis| axis.to_array()), self.origin.to_array())
    }

    fn point(&self, voxel: [f64; 3]) -> DVec3 {
        (0..3).fold(self.origin, |point, axis| point + self.axes[axis] * voxel[axis])
    }

    /// The voxel axis that runs most nearly across an anatomical plane.
    fn slice_axis(&self, plane: AnatomicalPlane) -> usize {
        let across = plane.normal_axis();
        let along = |axis: &usize| (self.axes[*axis][across] / self.axes[*axis].length()).abs();
        (0..3).max_by(|a, b| along(a).total_cmp(&along(b))).expect("three axes")
    }

    fn voxels(&self) -> impl Iterator<Item = VoxelIndex> + use<> {
        let [ni, nj, nk] = self.dims;
        (0..nk * nj * ni).map(move |n| VoxelIndex::new(n % ni, n / ni % nj, n / ni / nj))
    }
}

/// The 48 ways to store one body: six orders of the axes, each of them either way. The 24 with an
/// odd count of exchanges are left-handed.
fn every_order(name: &str, dims: [usize; 3], axes: [DVec3; 3]) -> impl Iterator<Item = Lattice> {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    ORDERS.into_iter().flat_map(move |order| {
        let name = name.to_owned();
        (0..8).map(move |flips| {
            let mut origin = DVec3::new(-31.0, 12.5, 77.25);
            let axes = order.map(|axis| {
                let flipped = flips >> axis & 1 == 1;
                if flipped {
                    origin += axes[axis] * (dims[axis] - 1) as f64;
                }
                if flipped { -axes[axis] } else { axes[axis] }
            });
            Lattice {
                name: format!("{name}, axes {order:?}, flips {flips:03b}"),
                dims: order.map(|axis| dims[axis]),
                axes,
                origin,
            }
        })
    })
}

fn lattices() -> Vec<Lattice> {
    let v = DVec3::new;
    let turn = glam::DMat3::from_euler(glam::EulerRot::XYZ, 0.31, -0.23, 0.4);
    let square = [v(0.8, 0.0, 0.0), v(0.0, 1.3, 0.0), v(0.0, 0.0, 2.9)];
    let sheared = [v(0.8, 0.0, 0.0), v(0.1, 1.3, 0.0), v(0.0, 0.9, 2.9)];
    let dims = [13, 11, 9];
    every_order("square", dims, square)
        .chain(every_order("oblique", dims, square.map(|axis| turn * axis)))
        .chain(every_order("sheared", dims, sheared))
        .chain(every_order("sheared and oblique", dims, sheared.map(|axis| turn * axis)))
        .chain(every_order(
            "fine across",
            [9, 12, 40],
            [v(2.0, 0.0, 0.0), v(0.0, 1.0, 0.0), v(0.0, 0.0, 0.3)],
        ))
        .collect()
}

#[derive(Clone, Copy, Debug)]
struct Stroke<'a> {
    lattice: &'a Lattice,
    plane: AnatomicalPlane,
    shape: BrushShape,
    radius_mm: f64,
    points: &'a [DVec3],
}

/// What the definition says of one voxel.
#[derive(Debug, PartialEq)]
enum Verdict {
    Painted,
    Clear,
    /// On the border to within rounding, or passed by the line itself without its centre being reached.
    Either,
}

impl Stroke<'_> {
    fn verdict(&self, voxel: VoxelIndex) -> Verdict {
        let place = voxel.to_array().map(|n| n as f64);
        let mut offset = self.lattice.point(place) - self.points[0];
        let mut path: Vec<DVec3> = self.points.iter().map(|point| *point - self.points[0]).collect();
        let axis = self.lattice.slice_axis(self.plane);
        let on_slice = (self.voxel_coordinate(self.points[0], axis) - place[axis]).abs() < 0.5;
        if self.shape == BrushShape::Disc {
            if !on_slice {
                return Verdict::Clear;
            }
            let [u, v] = [1, 2].map(|step| self.lattice.axes[(axis + step) % 3]);
            let normal = u.cross(v).normalize();
            let flat = |vector: DVec3| vector - normal * vector.dot(normal);
            offset = flat(offset);
            path.iter_mut().for_each(|point| *point = flat(*point));
        }
        let distance = distance_to_path(offset, &path);
        if distance < self.radius_mm - 1e-6 {
            Verdict::Painted
        } else if distance < self.radius_mm + 1e-6 || self.passes_through(place) {
            Verdict::Either
        } else {
            Verdict::Clear
        }
    }

    fn voxel_coordinate(&self, point: DVec3, axis: usize) -> f64 {
        let [a, b] = [1, 2].map(|step| self.lattice.axes[(axis + step) % 3]);
        let across = a.cross(b);
        (point - self.lattice.origin).dot(across) / self.lattice.axes[axis].dot(across)
    }

    fn passes_through(&self, voxel: [f64; 3]) -> bool {
        // The line against the cell, made a little larger, along each axis in turn.
        let lines = self.points.windows(2).map(|pair| [pair[0], pair[1]]);
        lines.chain([[self.points[0]; 2]]).any(|[from, to]| {
            let (mut first, mut last) = (0.0f64, 1.0f64);
            for (axis, middle) in voxel.into_iter().enumerate() {
                let start = self.voxel_coordinate(from, axis) - middle;
                let step = self.voxel_coordinate(to, axis) - middle - start;
                let ends = [-0.505, 0.505].map(|end| (end - start) / step);
                if step.abs() > 1e-9 {
                    first = first.max(ends[0].min(ends[1]));
                    last = last.min(ends[0].max(ends[1]));
                } else if start.abs() > 0.505 {
                    return false;
                }
            }
            first <= last
        })
    }
}

fn distance_to_path(point: DVec3, path: &[DVec3]) -> f64 {
    let to_segment = |from: DVec3, to: DVec3| {
        let line = to - from;
        let length = line.length_squared();
        let t = if length > 0.0 { ((point - from).dot(line) / length).clamp(0.0, 1.0) } else { 0.0 };
        point.distance(from + line * t)
    };
    let segments = path.windows(2).map(|pair| to_segment(pair[0], pair[1]));
    segments.fold(point.distance(path[0]), f64::min)
}

fn check(stroke: &Stroke<'_>, how: &str, session: &Session) {
    let map = &session.case().layers()[0];
    let mut painted = 0;
    for voxel in stroke.lattice.voxels() {
        let label = map.label(voxel);
        painted += usize::from(label != 0);
        let verdict = stroke.verdict(voxel);
        let right = match verdict {
            Verdict::Painted => label == 1,
            Verdict::Clear => label == 0,
            Verdict::Either => label <= 1,
        };
        assert!(right, "{how}: {voxel:?} has label {label} and should be {verdict:?} by {stroke:?}");
    }
    assert!(painted > 0, "{how}: something is painted by {stroke:?}");
}

/// Draws the stroke with the pointer in the pane of its plane.
fn by_hand(stroke: &Stroke<'_>) -> Session {
    let mut hands = Hands::on(case_on(stroke.lattice.grid()));
    hands.session.take_tool(ToolKind::Brush);
    hands.session.set_brush(BrushSettings {
        shape: stroke.shape,
        radius_mm: stroke.radius_mm,
        ..BrushSettings::default()
    });
    hands.pane = AnatomicalPlane::ALL.iter().position(|plane| *plane == stroke.plane).expect("a pane");
    let points: Vec<Point<Patient>> = stroke.points.iter().map(|point| Point::from_raw(*point)).collect();
    hands.session.set_focus(points[0]);
    for point in &points {
        assert!(hands.on_screen(*point).z().abs() < 1e-6, "the slice shown holds {point:?}");
    }
    hands.drag(&points);
    hands.session
}

/// Draws it as a step of a script.
fn by_script(stroke: &Stroke<'_>) -> Session {
    let mut session = Session::new(case_on(stroke.lattice.grid()), "Script");
    let step = serde_json::json!({
        "tool": "brush", "label": 1, "shape": stroke.shape, "plane": stroke.plane,
        "radius_mm": stroke.radius_mm, "points_lps": stroke.points.iter().map(|p| p.to_array()).collect::<Vec<_>>(),
    });
    run_steps(&mut session, &step.to_string()).expect("the step can be made");
    session
}

#[test]
fn paint_the_voxels_within_reach_in_every_axis_order_and_view() {
    for lattice in lattices() {
        for plane in AnatomicalPlane::ALL {
            let axis = lattice.slice_axis(plane);
            // Voxel coordinates on one slice, turning a corner and starting near a border of the grid.
            let on_slice = |u: f64, v: f64| {
                let mut voxel = [0.0; 3];
                voxel[axis] = (lattice.dims[axis] / 3) as f64;
                voxel[(axis + 1) % 3] = u * (lattice.dims[(axis + 1) % 3] - 1) as f64;
                voxel[(axis + 2) % 3] = v * (lattice.dims[(axis + 2) % 3] - 1) as f64;
                lattice.point(voxel)
            };
            let path = [on_slice(0.08, 0.11), on_slice(0.83, 0.37), on_slice(0.45, 0.9)];
            for (shape, radius_mm) in [
                (BrushShape::Disc, 2.6),
                (BrushShape::Ball, 3.7),
                (BrushShape::Disc, 0.2),
                (BrushShape::Ball, 0.2),
            ] {
                for points in [&path[..1], &path[..]] {
                    let stroke = Stroke { lattice: &lattice, plane, shape, radius_mm, points };
                    check(&stroke, "by hand", &by_hand(&stroke));
                    check(&stroke, "by script", &by_script(&stroke));
                }
            }
        }
    }
}

#[test]
fn a_ball_of_a_script_may_be_anywhere_between_slices() {
    for lattice in lattices() {
        let points = [lattice.point([3.3, 4.6, 2.5]), lattice.point([8.2, 2.1, 5.4])];
        let stroke = Stroke {
            lattice: &lattice,
            plane: AnatomicalPlane::Axial,
            shape: BrushShape::Ball,
            radius_mm: 3.1,
            points: &points,
        };
        check(&stroke, "by script", &by_script(&stroke));
    }
}

#[test]
fn the_same_body_gets_the_same_points_whatever_its_axis_order() {
    let painted = |lattice: &Lattice| {
        let points = [DVec3::new(-27.0, 18.0, 85.0), DVec3::new(-24.0, 21.0, 92.0)];
        let stroke = Stroke {
            lattice,
            plane: AnatomicalPlane::Axial,
            shape: BrushShape::Ball,
            radius_mm: 4.0,
            points: &points,
        };
        let session = by_script(&stroke);
        let mut places = Vec::new();
        session.case().layers()[0].for_each_labelled(|voxel, _| {
            let place = lattice.point(voxel.to_array().map(|n| n as f64));
            places.push(place.to_array().map(|x| (x * 1e4).round() as i64));
        });
        places.sort_unstable();
        places
    };
    for form in lattices().chunks(48) {
        let first = painted(&form[0]);
        assert!(first.len() > 20, "{}", form[0].name);
        for other in &form[1..] {
            assert_eq!(painted(other), first, "{}", other.name);
        }
    }
}
