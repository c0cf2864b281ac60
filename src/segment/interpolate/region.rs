//! Pieces of one slice, as runs along its rows.

/// A stretch of pixels of row `v`: from `start` up to but without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub(super) v: i32,
    pub(super) start: i32,
    pub(super) end: i32,
}

impl Run {
    pub(super) fn len(&self) -> i64 {
        i64::from(self.end - self.start)
    }

    pub(super) fn moved(self, [du, dv]: [i32; 2]) -> Self {
        Self { v: self.v + dv, start: self.start + du, end: self.end + du }
    }
}

/// A box of pixels, from `min` up to but without `max`; u, then v.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) min: [i32; 2],
    pub(super) max: [i32; 2],
}

impl Rect {
    /// The smallest one around runs; `None` where there is no run.
    pub(super) fn around(runs: &[Run]) -> Option<Self> {
        let rects = runs.iter().map(|run| Self { min: [run.start, run.v], max: [run.end, run.v + 1] });
        rects.reduce(|a, b| a.union(b))
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self {
            min: [self.min[0].min(other.min[0]), self.min[1].min(other.min[1])],
            max: [self.max[0].max(other.max[0]), self.max[1].max(other.max[1])],
        }
    }

    pub(super) fn intersection(self, other: Self) -> Self {
        Self {
            min: [self.min[0].max(other.min[0]), self.min[1].max(other.min[1])],
            max: [self.max[0].min(other.max[0]), self.max[1].min(other.max[1])],
        }
    }

    pub(super) fn grown(self, by: i32) -> Self {
        Self { min: self.min.map(|n| n - by), max: self.max.map(|n| n + by) }
    }

    pub(super) fn width(&self) -> usize {
        (self.max[0] - self.min[0]).max(0) as usize
    }

    pub(super) fn height(&self) -> usize {
        (self.max[1] - self.min[1]).max(0) as usize
    }
}

/// A piece of a slice: runs in order, at least one, none of them touching in its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) runs: Vec<Run>,
}

impl Region {
    /// Several pieces as one.
    pub(super) fn joined<'a>(pieces: impl Iterator<Item = &'a Self>) -> Self {
        let mut runs: Vec<Run> = pieces.flat_map(|piece| piece.runs.iter().copied()).collect();
        runs.sort_unstable();
        Self { runs }
    }

    pub(super) fn bounds(&self) -> Rect {
        Rect::around(&self.runs).unwrap_or(Rect { min: [0; 2], max: [0; 2] })
    }

    /// Pixels.
    pub(super) fn area(&self) -> i64 {
        self.runs.iter().map(Run::len).sum()
    }

    /// The mean place of its pixels.
    pub(super) fn centroid(&self) -> [f64; 2] {
        let (mut twice_u, mut v) = (0i64, 0i64);
        for run in &self.runs {
            twice_u += run.len() * i64::from(run.start + run.end - 1);
            v += run.len() * i64::from(run.v);
        }
        let area = self.area() as f64;
        [twice_u as f64 / 2.0 / area, v as f64 / area]
    }

    /// How many pixels lie in `other` after they have been moved.
    pub(super) fn overlap(&self, other: &Self, shift: [i32; 2]) -> i64 {
        let mut common = 0;
        for_common(&self.runs, &other.runs, shift, |_, _, run| common += run.len());
        common
    }

    /// The whole move after which most pixels lie in `other`, and the shorter one of two as good;
    /// a descent from the better of no move and of centroid on centroid.
    pub(super) fn best_shift(&self, other: &Self) -> [i32; 2] {
        let score = |shift: [i32; 2]| {
            let length = shift.map(|n| i64::from(n) * i64::from(n)).iter().sum::<i64>();
            (self.overlap(other, shift), -length)
        };
        let (ours, theirs) = (self.centroid(), other.centroid());
        let centred = [0, 1].map(|axis| (theirs[axis] - ours[axis]).round() as i32);
        let mut shift = if score(centred) > score([0; 2]) { centred } else { [0; 2] };
        for step in [8, 4, 2, 1] {
            while let Some(better) = only_best(shift, step, score) {
                shift = better;
            }
        }
        shift
    }
}

/// The best of the eight moves around one, if it is better than that one and the only best: which of
/// two equals were taken would depend on the order of the axes.
fn only_best(shift: [i32; 2], step: i32, score: impl Fn([i32; 2]) -> (i64, i64)) -> Option<[i32; 2]> {
    let (mut best, mut best_score, mut is_only) = (None, score(shift), true);
    for [du, dv] in [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]] {
        let next = [shift[0] + du * step, shift[1] + dv * step];
        let next_score = score(next);
        if next_score > best_score {
            (best, best_score, is_only) = (Some(next), next_score, true);
        } else if next_score == best_score {
            is_only = false;
        }
    }
    best.filter(|_| is_only)
}

/// Calls `visit` with the numbers of two runs and what is common to them, the first ones moved.
pub(super) fn for_common(
    ours: &[Run],
    theirs: &[Run],
    shift: [i32; 2],
    mut visit: impl FnMut(usize, usize, Run),
) {
    let (mut a, mut b) = (0, 0);
    while let (Some(run), Some(other)) = (ours.get(a), theirs.get(b)) {
        let run = run.moved(shift);
        let (start, end) = (run.start.max(other.start), run.end.min(other.end));
        if run.v == other.v && start < end {
            visit(a, b, Run { v: run.v, start, end });
        }
        if (run.v, run.end) < (other.v, other.end) {
            a += 1;
        } else {
            b += 1;
        }
    }
}

/// The pieces that runs, in order, make up; pixels that touch at a corner belong together.
pub(super) fn components(runs: &[Run]) -> Vec<Region> {
    let mut sets = DisjointSets::new(runs.len());
    let mut above = 0;
    for (number, run) in runs.iter().enumerate() {
        while runs[above].v < run.v - 1 || (runs[above].v < run.v && runs[above].end < run.start) {
            above += 1;
        }
        let touching =
            runs[above..number].iter().take_while(|other| other.v < run.v && other.start <= run.end);
        for (step, _) in touching.enumerate() {
            sets.join(above + step, number);
        }
    }
    sets.groups()
        .into_iter()
        .map(|members| Region { runs: members.iter().map(|&n| runs[n]).collect() })
        .collect()
}

/// Numbers that are found to belong together.
pub(super) struct DisjointSets {
    parents: Vec<usize>,
}

impl DisjointSets {
    pub(super) fn new(count: usize) -> Self {
        Self { parents: (0..count).collect() }
    }

    fn root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    pub(super) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller number leads, so that groups come in the order of their first members.
        self.parents[a.max(b)] = a.min(b);
    }

    /// The members of each set, rising.
    pub(super) fn groups(mut self) -> Vec<Vec<usize>> {
        let mut group_of = vec![usize::MAX; self.parents.len()];
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for number in 0..self.parents.len() {
            let root = self.root(number);
            if root == number {
                group_of[number] = groups.len();
                groups.push(Vec::new());
            }
            groups[group_of[root]].push(number);
        }
        groups
    }
}
