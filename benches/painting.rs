//! What painting costs on a 512 × 512 × 300 study: a sample of the brush while the hand moves, letting
//! go, taking back; and the counts that follow. `cargo bench --bench painting`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annotomy::case::{Case, History, MaskWriter, WriteRule};
use annotomy::geometry::{Affine, Grid, Patient, Point, Vector};
use annotomy::session::{Button, Modifiers, Session};
use annotomy::tool::{BrushSettings, BrushShape, ToolKind};
use annotomy::volume::{Buffer, LabelMap, Rescale, Samples, Volume};
use criterion::{Criterion, criterion_group, criterion_main};

const DIMS: [usize; 3] = [512, 512, 300];

fn study(spacing_mm: [f64; 3]) -> Arc<Volume> {
    let axis = |axis: usize| {
        let mut step = [0.0; 3];
        step[axis] = spacing_mm[axis];
        Vector::from(step)
    };
    let map = Affine::from_axes(axis(0), axis(1), axis(2), Point::ORIGIN).expect("invertible");
    let grid = Grid::new(DIMS, map, None).expect("a grid");
    let samples = Samples::I16(Buffer::zeroed(grid.voxel_count()).expect("memory"));
    Arc::new(Volume::new(grid, 1, samples, Rescale::NONE).expect("a volume"))
}

/// A session with the brush in hand, its panes large enough that a step of the hand is a step of mm.
fn painter(volume: &Arc<Volume>, brush: BrushSettings) -> Session {
    let mut session = Session::new(Case::new(volume.clone()), "Bench");
    session.set_pane_size(0, [1024.0, 1024.0]);
    session.take_tool(ToolKind::Brush);
    session.set_brush(brush);
    session
}

fn press(session: &mut Session, at: Point<Patient>) {
    let at = session.view(0).screen_from_patient() * at;
    session.press(0, at, Button::Left, Modifiers::default());
}

fn go(session: &mut Session, to: Point<Patient>) {
    let at = session.view(0).screen_from_patient() * to;
    session.pointer_moved(0, at, Modifiers::default());
}

/// One sample while the stroke is open: the hand goes on by 4 mm, mostly over what is painted
/// already, as a hand does.
fn samples(bench: &mut Criterion) {
    let volume = study([0.7, 0.7, 1.0]);
    let mut group = bench.benchmark_group("sample");
    for (name, shape, radius_mm, only_values) in [
        ("disc of 20 mm radius", BrushShape::Disc, 20.0, None),
        ("disc of 40 mm radius", BrushShape::Disc, 40.0, None),
        ("ball of 20 mm radius", BrushShape::Ball, 20.0, None),
        ("ball of 20 mm radius within a range", BrushShape::Ball, 20.0, Some([-100.0, 100.0])),
        ("ball of 40 mm radius", BrushShape::Ball, 40.0, None),
    ] {
        let mut session =
            painter(&volume, BrushSettings { shape, radius_mm, only_values, ..BrushSettings::default() });
        let start = session.focus() + Vector::new(-80.0, 0.0, 0.0);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                let mut left = count;
                while left > 0 {
                    press(&mut session, start);
                    let steps = left.min(40);
                    let clock = Instant::now();
                    for step in 1..=steps {
                        go(&mut session, start + Vector::new(4.0 * step as f64, 0.0, 0.0));
                    }
                    spent += clock.elapsed();
                    left -= steps;
                    session.cancel_gesture();
                }
                spent
            });
        });
    }
    group.finish();
}

/// The path of the peers' benchmark: 60 dabs along a wave through the middle slice, in voxels.
fn path() -> impl Iterator<Item = Point<Patient>> {
    (0..60).map(|n| {
        let t = f64::from(n) / 59.0;
        Point::new((250.0 + 60.0 * (6.0 * t).sin()).trunc(), (150.0 + 200.0 * t).trunc(), 150.0)
    })
}

/// 60 dabs of 20 voxels radius with undo recorded, over what the stroke before left there; then
/// letting go, and taking back, on the clock by themselves.
fn strokes(bench: &mut Criterion) {
    let volume = study([1.0, 1.0, 1.0]);
    let mut group = bench.benchmark_group("stroke of 60 dabs");
    for (name, shape) in [("2-D", BrushShape::Disc), ("3-D", BrushShape::Ball)] {
        let mut session =
            painter(&volume, BrushSettings { shape, radius_mm: 20.0, ..BrushSettings::default() });
        session.new_label().expect("label 1");
        session.new_label().expect("label 2");
        let draw = |session: &mut Session| {
            session.step_label(1);
            let mut path = path();
            press(session, path.next().expect("60 points"));
            path.for_each(|point| go(session, point));
        };
        let let_go = |session: &mut Session| session.release(Point::ORIGIN, Button::Left);
        group.bench_function(format!("{name}, whole"), |bencher| {
            bencher.iter(|| {
                draw(&mut session);
                let_go(&mut session);
            });
        });
        let mut on_the_clock = |part: &str, time: &mut dyn FnMut(&mut Session) -> Duration| {
            group.bench_function(format!("{name}, {part}"), |bencher| {
                bencher.iter_custom(|count| (0..count).map(|_| time(&mut session)).sum());
            });
        };
        on_the_clock("letting go", &mut |session| {
            draw(session);
            let clock = Instant::now();
            let_go(session);
            clock.elapsed()
        });
        on_the_clock("taking back", &mut |session| {
            draw(session);
            let_go(session);
            let clock = Instant::now();
            session.undo().expect("undone");
            clock.elapsed()
        });
    }
    group.finish();
}

/// A large organ at once: a cube of 160 voxels, written, recorded, taken back.
fn organs(bench: &mut Criterion) {
    let mut case = Case::new(study([1.0, 1.0, 1.0]));
    bench.bench_function("an organ of 4 million voxels, made and taken back", |bencher| {
        bencher.iter(|| {
            let mut history = History::default();
            let mut writer = MaskWriter::new(&case, 0, WriteRule::paint(1)).expect("a layer");
            for k in 60..220 {
                for j in 100..260 {
                    writer.write_run(130..290, j, k);
                }
            }
            let edit = writer.finish().expect("it changes something");
            history.apply(&mut case, edit, "Organ").expect("made");
            history.undo(&mut case).expect("undone");
        });
    });
}

fn volumes(bench: &mut Criterion) {
    let volume = study([1.0, 1.0, 1.0]);
    let mut group = bench.benchmark_group("whole volume");
    group.sample_size(10);
    group.bench_function("statistics", |bencher| bencher.iter(|| black_box(volume.statistics())));
    group.bench_function("automatic window", |bencher| bencher.iter(|| black_box(volume.automatic_window())));
    let labels: Vec<u16> = (0..volume.grid().voxel_count())
        .map(|offset| {
            let (i, j) = (offset % 512, offset / 512 % 512);
            if i.abs_diff(256) + j.abs_diff(256) < 128 { (i / 64) as u16 } else { 0 }
        })
        .collect();
    group.bench_function("a label map from its labels", |bencher| {
        bencher.iter(|| black_box(LabelMap::from_labels(DIMS, |offset| labels[offset])));
    });
    let map = LabelMap::from_labels(DIMS, |offset| labels[offset]);
    group.bench_function("counts", |bencher| bencher.iter(|| black_box(map.counts())));
    group.finish();
}

criterion_group!(painting, samples, strokes, organs, volumes);
criterion_main!(painting);
