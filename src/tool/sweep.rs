//! Which voxels a brush covers on its way between two points.

use std::ops::Range;

use glam::{DMat3, DVec3};

use crate::geometry::{Grid, Patient, Point, Vector, VoxelBox};

/// The brush's body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Footprint {
    /// Every centre within the radius.
    Ball,
    /// Every centre within the radius in the plane across `normal`, of the voxels whose cells that
    /// plane cuts: on a grid's own slice exactly that slice.
    Disc {
        /// Unit vector across the disc.
        normal: Vector<Patient>,
    },
}

/// A brush moved in a straight line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep<'a> {
    pub(super) grid: &'a Grid,
    pub(super) from: Point<Patient>,
    pub(super) to: Point<Patient>,
    pub(super) radius_mm: f64,
    pub(super) footprint: Footprint,
    /// Whether the same brush has been at `from` before: what it covered there is left out.
    pub(super) from_is_done: bool,
}

/// A centre at the radius itself counts as inside: rounding must not decide it, and headers keep seven digits of
/// a spacing.
const BORDER: f64 = 1.0 + 2e-6;
/// A disc is this much thinner than the cells it cuts, so that one on the border between two slices
/// does not take both.
pub(super) const THINNER: f64 = 1.0 - 1e-6;

/// Rounding moves the ends of a row by less than this many voxels.
pub(super) const SLACK: f64 = 1e-6;

impl Sweep<'_> {
    /// Calls `paint(i range, j, k)` for the runs that make up: the voxels whose centre lies within
    /// the radius of the line, and the voxels that the line itself passes through, so that a brush
    /// thinner than a voxel leaves no gap. Runs may overlap.
    pub(super) fn for_each_run(&self, mut paint: impl FnMut(Range<usize>, usize, usize)) {
        let body = Body::of(self);
        let bounds = body.voxel_bounds(self.grid);
        for k in bounds[2].clone() {
            for j in bounds[1].clone() {
                let Some([run, done]) = body.run(j, k, bounds[0].clone()) else { continue };
                let (before, after) = (run.start..run.end.min(done.start), run.start.max(done.end)..run.end);
                for part in [before, after].into_iter().filter(|part| !part.is_empty()) {
                    paint(part, j, k);
                }
            }
        }
        self.for_each_passed(|i, j, k| paint(i..i + 1, j, k));
    }

    /// The box of the grid that holds every voxel painted.
    pub(super) fn bounds(&self) -> VoxelBox {
        let body = Body::of(self).voxel_bounds(self.grid);
        let mut bounds = VoxelBox {
            min: std::array::from_fn(|axis| body[axis].start),
            max: std::array::from_fn(|axis| body[axis].end),
        };
        // A brush thinner than a voxel may reach no centre at all.
        self.for_each_passed(|i, j, k| {
            let passed = VoxelBox { min: [i, j, k], max: [i + 1, j + 1, k + 1] };
            bounds = if bounds.is_empty() { passed } else { bounds.union(&passed) };
        });
        bounds
    }

    /// Calls `paint` with the voxels that the line passes through, as far as it lies in the grid.
    pub(super) fn for_each_passed(&self, mut paint: impl FnMut(usize, usize, usize)) {
        let start = if self.is_swept() { self.from } else { self.to };
        let map = self.grid.voxel_from_patient();
        let [place, line] = [(map * start).to_array(), (map * (self.to - start)).to_array()];
        let mut inside = Some((0.0, 1.0));
        for (axis, n) in self.grid.dims().into_iter().enumerate() {
            let span = linear_span(place[axis], line[axis], -0.5, n as f64 - 0.5);
            inside = inside.zip(span).and_then(|(inside, span)| intersect(inside, span));
        }
        let Some((first, last)) = inside else { return };
        let longest = line.into_iter().map(f64::abs).fold(0.0, f64::max) * (last - first);
        let steps = (longest * 4.0).ceil().max(1.0);
        let mut painted = None;
        for step in 0..=steps as usize {
            let at = start.lerp(self.to, first + (last - first) * (step as f64 / steps));
            let index = self.grid.index_at(at);
            if let Some(voxel) = index.filter(|_| index != painted) {
                paint(voxel.i, voxel.j, voxel.k);
            }
            painted = index;
        }
    }

    /// A disc that went to another slice was not in between.
    pub(super) fn is_swept(&self) -> bool {
        match self.footprint {
            Footprint::Ball => true,
            Footprint::Disc { normal } => {
                (self.to - self.from).dot(normal).abs() <= 1e-3 * half_depth(self.grid, normal)
            }
        }
    }
}

/// Half the extent of one voxel's cell along `normal`, in millimetres.
pub(super) fn half_depth(grid: &Grid, normal: Vector<Patient>) -> f64 {
    let map = grid.patient_from_voxel();
    (0..3).map(|axis| map.axis(axis).dot(normal).abs()).sum::<f64>() / 2.0
}

/// The swept body as inequalities along a row of voxels.
struct Body {
    /// Columns: the steps along i, j, k, in the metric of the footprint (a disc's has no depth).
    steps: DMat3,
    /// The first voxel's centre relative to the start of the line, in that metric.
    origin: DVec3,
    /// From start to end, in that metric.
    line: DVec3,
    /// `line` over its squared length, so that a dot product gives the part of the way; 0 for a point.
    way: DVec3,
    radius_squared: f64,
    /// Squared steps along i, in all and across the line.
    steepness: [Steepness; 2],
    from_is_done: bool,
    /// Depth of the first voxel relative to the disc, depth of one step along each axis, and half
    /// the thickness.
    slab: Option<(f64, DVec3, f64)>,
    /// How far the body reaches from the line in voxels, along each axis.
    reach: DVec3,
    ends: [DVec3; 2],
}

impl Body {
    fn of(sweep: &Sweep<'_>) -> Self {
        let map = sweep.grid.patient_from_voxel();
        let start = if sweep.is_swept() { sweep.from } else { sweep.to };
        let inverse = *sweep.grid.voxel_from_patient().raw();
        let (flatten, slab_normal) = match sweep.footprint {
            Footprint::Ball => (DMat3::IDENTITY, None),
            Footprint::Disc { normal } => {
                let n = normal.raw();
                (DMat3::IDENTITY - DMat3::from_cols(n * n.x, n * n.y, n * n.z), Some(normal))
            }
        };
        let origin = map.origin() - start;
        let steps = flatten * map.raw().matrix3;
        let slab = slab_normal.map(|normal| {
            let along = DVec3::from_array(std::array::from_fn(|axis| map.axis(axis).dot(normal)));
            (origin.dot(normal), along, half_depth(sweep.grid, normal) * THINNER)
        });
        // Along axis n the body reaches as far as the row n of the inverse is long in its metric.
        let rows = (inverse.matrix3 * flatten).transpose();
        let mut reach =
            DVec3::from_array(std::array::from_fn(|axis| rows.col(axis).length() * sweep.radius_mm));
        if let Some(normal) = slab_normal {
            let across = inverse.matrix3 * normal.raw();
            reach += across.abs() * half_depth(sweep.grid, normal);
        }
        let line = flatten * (sweep.to - start).raw();
        let length_squared = line.length_squared();
        let way = if length_squared > 0.0 { line / length_squared } else { DVec3::ZERO };
        let step_squared = steps.x_axis.length_squared();
        Self {
            steps,
            origin: flatten * origin.raw(),
            line,
            way,
            steepness: [step_squared, step_squared - steps.x_axis.dot(line) * steps.x_axis.dot(way)]
                .map(Steepness::new),
            from_is_done: sweep.from_is_done && sweep.is_swept(),
            radius_squared: sweep.radius_mm.powi(2) * BORDER,
            slab,
            reach,
            ends: [inverse.transform_point3(start.raw()), inverse.transform_point3(sweep.to.raw())],
        }
    }

    fn voxel_bounds(&self, grid: &Grid) -> [Range<usize>; 3] {
        std::array::from_fn(|axis| {
            let [a, b] = self.ends.map(|end| end[axis]);
            let first = (a.min(b) - self.reach[axis]).floor().max(0.0);
            let last = (a.max(b) + self.reach[axis]).ceil().min(grid.dims()[axis] as f64 - 1.0);
            if first <= last { first as usize..last as usize + 1 } else { 0..0 }
        })
    }

    /// The voxels of row (j, k) inside the body, which is convex: one run, within `bounds`; and the
    /// part of that row that is done already.
    fn run(&self, j: usize, k: usize, bounds: Range<usize>) -> Option<[Range<usize>; 2]> {
        let row = self.origin + self.steps.y_axis * j as f64 + self.steps.z_axis * k as f64;
        let step = self.steps.x_axis;
        let beyond = row.length_squared() - self.radius_squared;
        let at_start = self.steepness[0].span(row.dot(step), beyond);
        let mut span = self.span_in_capsule(row, step, at_start)?;
        if let Some((depth, along, half)) = self.slab {
            let depth = depth + along.y * j as f64 + along.z * k as f64;
            span = intersect(span, linear_span(depth, along.x, -half, half)?)?;
        }
        let done = match at_start.filter(|_| self.from_is_done) {
            Some((first, last)) if first <= span.0 && span.1 <= last => return None,
            Some((first, last)) => (first + SLACK).ceil() as usize..((last - SLACK).floor() + 1.0) as usize,
            None => 0..0,
        };
        // Solving roots may be off by rounding where a centre lies on the border; the distance decides.
        let clamp = |i: f64| i.clamp(bounds.start as f64, bounds.end as f64);
        let mut first = clamp((span.0 - SLACK).ceil()) as usize;
        let mut end = clamp((span.1 + SLACK).floor() + 1.0) as usize;
        while first < end && !self.holds(row, step, first, j, k) {
            first += 1;
        }
        while first < end && !self.holds(row, step, end - 1, j, k) {
            end -= 1;
        }
        (first < end).then_some([first..end, done])
    }

    /// Whether voxel i of a row is inside. Not inlined: unrolled into the searches of [`Self::run`],
    /// which nearly always end at once, it is computed for sixteen voxels to learn about one.
    #[inline(never)]
    fn holds(&self, row: DVec3, step: DVec3, i: usize, j: usize, k: usize) -> bool {
        let place = row + step * i as f64;
        let t = place.dot(self.way).clamp(0.0, 1.0);
        let within = (place - self.line * t).length_squared() <= self.radius_squared;
        within
            && self.slab.is_none_or(|(depth, along, half)| {
                (depth + along.dot(DVec3::new(i as f64, j as f64, k as f64))).abs() <= half
            })
    }

    /// Where row + i·step is within the radius of the line: the hull of two balls and the cylinder
    /// between them.
    fn span_in_capsule(&self, row: DVec3, step: DVec3, at_start: Option<(f64, f64)>) -> Option<(f64, f64)> {
        if self.line == DVec3::ZERO {
            return at_start;
        }
        let [in_all, across] = self.steepness;
        let beyond = |place: DVec3| place.length_squared() - self.radius_squared;
        let from_end = row - self.line;
        let balls = hull(at_start, in_all.span(from_end.dot(step), beyond(from_end)));
        // Along the line in parts of the way, across it what is left.
        let row_line = row.dot(self.line);
        let (row_way, step_way) = (row.dot(self.way), step.dot(self.way));
        let side = across.span(row.dot(step) - row_line * step_way, beyond(row) - row_line * row_way);
        let between = side.and_then(|side| intersect(side, linear_span(row_way, step_way, 0.0, 1.0)?));
        hull(balls, between)
    }
}

/// The factor a ≥ 0 of a parabola a·i² + 2·b·i + c, with what is divided by it over and over.
#[derive(Clone, Copy)]
struct Steepness {
    a: f64,
    inverse: f64,
}

impl Steepness {
    fn new(a: f64) -> Self {
        Self { a, inverse: 1.0 / a }
    }

    /// Where the parabola is not above 0.
    fn span(self, b: f64, c: f64) -> Option<(f64, f64)> {
        let Self { a, inverse } = self;
        if a < 1e-12 {
            return (c <= 0.0).then_some((f64::NEG_INFINITY, f64::INFINITY));
        }
        // A row that only touches the border keeps its one point.
        let discriminant = b * b - a * c;
        if discriminant < -1e-9 * (b * b).max(1e-12) {
            return None;
        }
        let root = discriminant.max(0.0).sqrt();
        Some(((-b - root) * inverse, (-b + root) * inverse))
    }
}

/// Where low ≤ start + i·step ≤ high.
pub(super) fn linear_span(start: f64, step: f64, low: f64, high: f64) -> Option<(f64, f64)> {
    if step.abs() < 1e-12 {
        return (low <= start && start <= high).then_some((f64::NEG_INFINITY, f64::INFINITY));
    }
    let (a, b) = ((low - start) / step, (high - start) / step);
    Some((a.min(b), a.max(b)))
}

fn hull(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}

pub(super) fn intersect(a: (f64, f64), b: (f64, f64)) -> Option<(f64, f64)> {
    let both = (a.0.max(b.0), a.1.min(b.1));
    (both.0 <= both.1 + 1e-9).then_some(both)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::geometry::{Affine, VoxelIndex};

    fn grid(axes: [[f64; 3]; 3]) -> Option<Grid> {
        let [x, y, z] = axes.map(Vector::from);
        let map = Affine::from_axes(x, y, z, Point::new(-7.0, 3.0, 11.0)).ok()?;
        Grid::new([13, 11, 9], map, None).ok()
    }

    fn painted(sweep: &Sweep<'_>) -> BTreeSet<[usize; 3]> {
        let mut voxels = BTreeSet::new();
        sweep.for_each_run(|run, j, k| voxels.extend(run.map(|i| [i, j, k])));
        voxels
    }

    /// The definition, voxel by voxel: for each, whether it must be painted, and whether it lies so
    /// near the border that rounding may decide.
    fn expected(sweep: &Sweep<'_>, index: VoxelIndex) -> (bool, bool) {
        let centre = sweep.grid.centre_of(index);
        let depthless = |v: Vector<Patient>| match sweep.footprint {
            Footprint::Ball => v,
            Footprint::Disc { normal } => v - normal * v.dot(normal),
        };
        let from = if sweep.is_swept() { sweep.from } else { sweep.to };
        let line = depthless(sweep.to - from);
        let place = depthless(centre - from);
        let t = if line.length() > 0.0 { (place.dot(line) / line.dot(line)).clamp(0.0, 1.0) } else { 0.0 };
        let distance = (place - line * t).length();
        let (depth, half) = match sweep.footprint {
            Footprint::Ball => (0.0, 1.0),
            Footprint::Disc { normal } => ((centre - from).dot(normal).abs(), half_depth(sweep.grid, normal)),
        };
        let unsure = (distance - sweep.radius_mm).abs() < 2e-5 || (depth - half).abs() < 1e-5;
        (distance <= sweep.radius_mm && depth < half, unsure)
    }

    fn check(sweep: &Sweep<'_>) {
        let voxels = painted(sweep);
        let [ni, nj, nk] = sweep.grid.dims();
        for (k, j, i) in (0..nk).flat_map(|k| (0..nj).flat_map(move |j| (0..ni).map(move |i| (k, j, i)))) {
            let (inside, unsure) = expected(sweep, VoxelIndex { i, j, k });
            let has = voxels.contains(&[i, j, k]);
            if inside && !unsure {
                assert!(has, "{i} {j} {k} is covered and was not painted by {sweep:?}");
            }
            if has && !inside && !unsure {
                // Then the line itself passes through it.
                let map = sweep.grid.voxel_from_patient();
                let near = (0..=400).any(|step| {
                    let at = map * sweep.from.lerp(sweep.to, f64::from(step) / 400.0);
                    (at.raw() - DVec3::new(i as f64, j as f64, k as f64)).abs().max_element() <= 0.52
                });
                assert!(near, "{i} {j} {k} was painted and is not covered by {sweep:?}");
            }
        }
    }

    prop_compose! {
        fn any_point()(x in -12.0..12.0f64, y in -4.0..16.0f64, z in 5.0..40.0f64) -> Point<Patient> {
            Point::new(x, y, z)
        }
    }

    proptest! {
        #[test]
        fn paints_what_the_definition_says(
            from in any_point(), to in any_point(), radius_mm in 0.1..9.0f64,
            shear in -0.6..0.6f64, turn in 0.0..6.3f64, flip in any::<bool>(), order in 0..3usize, disc in any::<bool>(),
        ) {
            let (sin, cos) = turn.sin_cos();
            let sign = if flip { -1.0 } else { 1.0 };
            let mut axes = [[0.8 * cos, 0.8 * sin, 0.0], [-1.3 * sin, 1.3 * cos, 0.1], [shear, 0.2, 2.9 * sign]];
            axes.rotate_left(order);
            let grid = grid(axes).expect("invertible");
            let normal = Vector::<Patient>::new(shear, 0.3, 1.0).normalized().expect("a direction");
            let footprint = if disc { Footprint::Disc { normal } } else { Footprint::Ball };
            let to = if disc { to - normal * (to - from).dot(normal) } else { to };
            let sweep = Sweep { grid: &grid, from, to, radius_mm, footprint, from_is_done: false };
            check(&sweep);
            let mut both = painted(&Sweep { to: from, ..sweep });
            both.extend(painted(&Sweep { from_is_done: true, ..sweep }));
            prop_assert_eq!(both, painted(&sweep), "what was left out was done before");
        }
    }

    #[test]
    fn a_disc_on_a_slice_stays_on_it_and_counts_its_border() {
        let grid = grid([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 5.0]]).expect("a grid");
        let centre = grid.centre_of(VoxelIndex::new(6, 5, 4));
        let normal = Vector::new(0.0, 0.0, 1.0);
        let disc = |to| Sweep {
            grid: &grid,
            from: centre,
            to,
            radius_mm: 3.0,
            footprint: Footprint::Disc { normal },
            from_is_done: false,
        };
        let here = painted(&disc(centre));
        assert!(here.iter().all(|[_, _, k]| *k == 4));
        assert_eq!(here.len(), 29, "lattice points within 3 of the origin, the border counted");
        let next = painted(&disc(grid.centre_of(VoxelIndex::new(6, 5, 5))));
        assert!(next.iter().all(|[_, _, k]| *k == 5), "a disc is not drawn on the way to another slice");
        assert_eq!(next.len(), 29);
    }

    #[test]
    fn the_voxel_under_the_cursor_is_always_painted() {
        let grid = grid([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 5.0]]).expect("a grid");
        let corner = grid.patient_from_voxel() * Point::new(6.4, 5.4, 4.4);
        let sweep = Sweep {
            grid: &grid,
            from: corner,
            to: corner,
            radius_mm: 0.1,
            footprint: Footprint::Ball,
            from_is_done: false,
        };
        assert_eq!(painted(&sweep), BTreeSet::from([[6, 5, 4]]));
    }
}
