//! The blend of two pieces by their signed distances.

use super::pairing::Pair;
use super::region::{Rect, Region, Run};

/// Two pieces as signed distances over one rectangle, the second moved back onto the first.
pub(super) struct Morph {
    plane: Rect,
    area: Rect,
    from: Vec<f32>,
    to: Vec<f32>,
    /// How far the piece moves until the second slice.
    shift: [i32; 2],
}

impl Morph {
    pub(super) fn new(pair: &Pair, plane: Rect, pixel_mm: [f64; 2]) -> Self {
        match pair {
            Pair::Both { from, to, shift } => Self::between(from, to, *shift, plane, pixel_mm),
            Pair::Ending(from) => Self::between(from, &core(from, plane, pixel_mm), [0; 2], plane, pixel_mm),
            Pair::Starting(to) => Self::between(&core(to, plane, pixel_mm), to, [0; 2], plane, pixel_mm),
        }
    }

    fn between(from: &Region, to: &Region, shift: [i32; 2], plane: Rect, pixel_mm: [f64; 2]) -> Self {
        let back = shift.map(|n| -n);
        let to = Region { runs: to.runs.iter().map(|run| run.moved(back)).collect() };
        let mut area = from.bounds().union(to.bounds()).grown(1);
        if shift == [0; 2] {
            // What lies beyond the picture is not known to be background.
            area = area.intersection(plane);
        }
        let (from, to) = (signed_mm(from, area, pixel_mm), signed_mm(&to, area, pixel_mm));
        Self { plane, area, from, to, shift }
    }

    /// Tells the runs of slice `step` of `steps`, which is neither the first nor the last. The weights
    /// are whole numbers and the distances are rounded, so that mirrored input gives mirrored output.
    pub(super) fn at(&self, step: i32, steps: i32, mut tell: impl FnMut(Run)) {
        let width = self.area.width();
        let (of_from, of_to) = (f64::from(steps - step), f64::from(step));
        let blended: Vec<f64> = self
            .from
            .iter()
            .zip(&self.to)
            .map(|(from, to)| of_from * f64::from(*from) + of_to * f64::from(*to))
            .collect();
        let row = |v: i32| {
            let v = (v.clamp(self.area.min[1], self.area.max[1] - 1) - self.area.min[1]) as usize;
            &blended[v * width..(v + 1) * width]
        };
        if self.shift == [0; 2] {
            for v in self.area.min[1]..self.area.max[1] {
                tell_positive(row(v), v, self.area.min[0], self.plane, &mut tell);
            }
            return;
        }
        // By now it has moved by a whole number of pixels and a fraction.
        let moved = self.shift.map(|n| n * step);
        let whole = moved.map(|n| n.div_euclid(steps));
        let [over_u, over_v] = moved.map(|n| f64::from(n.rem_euclid(steps)));
        let [under_u, under_v] = [over_u, over_v].map(|over| f64::from(steps) - over);
        let mut between_rows = vec![0f64; width + 2];
        let mut moved_row = vec![0f64; width + 1];
        for v in self.area.min[1]..=self.area.max[1] {
            let (before, after) = (row(v - 1), row(v));
            for (sum, (before, after)) in between_rows[1..].iter_mut().zip(before.iter().zip(after)) {
                *sum = over_v * before + under_v * after;
            }
            (between_rows[0], between_rows[width + 1]) = (between_rows[1], between_rows[width]);
            for (sum, pair) in moved_row.iter_mut().zip(between_rows.windows(2)) {
                *sum = over_u * pair[0] + under_u * pair[1];
            }
            tell_positive(&moved_row, v + whole[1], self.area.min[0] + whole[0], self.plane, &mut tell);
        }
    }
}

/// Tells the stretches of a row, which begins at `first`, that are above 0 and lie in the plane.
fn tell_positive(row: &[f64], v: i32, first: i32, plane: Rect, tell: &mut impl FnMut(Run)) {
    if !(plane.min[1]..plane.max[1]).contains(&v) {
        return;
    }
    let mut at = first;
    for same in row.chunk_by(|a, b| (*a > 0.0) == (*b > 0.0)) {
        let end = at + same.len() as i32;
        let (start, stop) = (at.max(plane.min[0]), end.min(plane.max[0]));
        if same[0] > 0.0 && start < stop {
            tell(Run { v, start, end: stop });
        }
        at = end;
    }
}

/// The pixels of a piece that lie deepest in it: what it tapers off to.
fn core(piece: &Region, plane: Rect, pixel_mm: [f64; 2]) -> Region {
    let area = piece.bounds().grown(1).intersection(plane);
    let depth_mm = signed_mm(piece, area, pixel_mm);
    let deepest = depth_mm.iter().copied().fold(0.0, f32::max);
    let mut runs = Vec::new();
    for (row, depths) in depth_mm.chunks(area.width()).enumerate() {
        let is_deepest: Vec<f64> =
            depths.iter().map(|depth| f64::from(u8::from(*depth == deepest))).collect();
        tell_positive(&is_deepest, area.min[1] + row as i32, area.min[0], area, &mut |run| runs.push(run));
    }
    Region { runs }
}

/// Distances are whole multiples of 1 / this many millimetres.
const STEPS_PER_MM: f64 = 1024.0;

/// For each pixel the distance to the nearest one that is not of the piece, or, with a minus, to the
/// nearest one that is; exact, between centres.
pub(super) fn signed_mm(piece: &Region, area: Rect, pixel_mm: [f64; 2]) -> Vec<f32> {
    let width = area.width();
    let mut is_inside = vec![false; width * area.height()];
    for run in &piece.runs {
        let row = (run.v - area.min[1]) as usize * width;
        let [start, end] = [run.start, run.end].map(|u| row + (u - area.min[0]) as usize);
        is_inside[start..end].fill(true);
    }
    let (inside, outside) =
        (squared_mm2(&is_inside, true, width, pixel_mm), squared_mm2(&is_inside, false, width, pixel_mm));
    let signed = inside.into_iter().zip(outside).map(|(inside, outside)| inside.sqrt() - outside.sqrt());
    signed.map(|mm| ((mm * STEPS_PER_MM).round() / STEPS_PER_MM) as f32).collect()
}

/// For each pixel whose state is `of` the squared distance to the nearest one of the other state, by
/// lower envelopes of parabolas (Felzenszwalb & Huttenlocher, Theory of Computing 8 (2012) 415); 0 for
/// the others. Where there is no other state, farther than any two pixels lie apart.
fn squared_mm2(states: &[bool], of: bool, width: usize, [u_mm, v_mm]: [f64; 2]) -> Vec<f64> {
    let height = states.len() / width;
    let far = (width + (height as f64 * v_mm / u_mm).ceil() as usize) as u32;
    // Along rows by counting from either side, in pixels.
    let mut counts = vec![far; states.len()];
    for (counts, states) in counts.chunks_mut(width).zip(states.chunks(width)) {
        let mut count = far;
        for (least, state) in counts.iter_mut().zip(states) {
            count = if *state == of { (count + 1).min(far) } else { 0 };
            *least = count;
        }
        count = far;
        for (least, state) in counts.iter_mut().zip(states).rev() {
            count = if *state == of { (count + 1).min(far) } else { 0 };
            *least = count.min(*least);
        }
    }
    let mut squared = vec![0f64; states.len()];
    let mut column = vec![0f64; height];
    let mut envelope = Envelope::default();
    for u in 0..width {
        for (v, squared_mm2) in column.iter_mut().enumerate() {
            *squared_mm2 = (f64::from(counts[v * width + u]) * u_mm).powi(2);
        }
        if column.iter().any(|squared| *squared != 0.0) {
            envelope.set(&column, v_mm);
            for v in 0..height {
                squared[v * width + u] = envelope.next(&column, v, v_mm);
            }
        }
    }
    squared
}

/// The lower envelope of parabolas over a column, one on each pixel.
#[derive(Default)]
struct Envelope {
    /// The pixels whose parabolas are lowest somewhere, and where each begins to be.
    parts: Vec<(usize, f64)>,
    at: usize,
}

impl Envelope {
    fn set(&mut self, column: &[f64], v_mm: f64) {
        let height = |v: usize| column[v] / (v_mm * v_mm) + (v * v) as f64;
        self.parts.clear();
        self.at = 0;
        for v in 0..column.len() {
            let mut start = f64::NEG_INFINITY;
            while let Some(&(last, last_start)) = self.parts.last() {
                start = (height(v) - height(last)) / (2.0 * (v - last) as f64);
                if start > last_start {
                    break;
                }
                self.parts.pop();
                start = f64::NEG_INFINITY;
            }
            self.parts.push((v, start));
        }
    }

    /// The envelope's height at a pixel; pixels must be asked for in order.
    fn next(&mut self, column: &[f64], v: usize, v_mm: f64) -> f64 {
        while self.parts.get(self.at + 1).is_some_and(|(_, start)| *start <= v as f64) {
            self.at += 1;
        }
        let (apex, _) = self.parts[self.at];
        (v.abs_diff(apex) as f64 * v_mm).powi(2) + column[apex]
    }
}
