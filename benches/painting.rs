//! What one sample of a brush costs on a 512×512×300 CT, undo recording included:
//! `cargo bench --bench painting`.

use std::hint::black_box;
use std::ops::RangeInclusive;
use std::sync::Arc;

use annotomy::case::{Case, History, MaskWriter, WriteRule};
use annotomy::geometry::{Affine, Grid, Point, Vector};
use annotomy::volume::{Buffer, Rescale, Samples, Volume};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

const DIMS: [usize; 3] = [512, 512, 300];
const SPACING_MM: [f64; 3] = [0.7, 0.7, 1.0];

fn case() -> Case {
    let [x, y, z] = SPACING_MM;
    let patient_from_voxel = Affine::from_axes(
        Vector::new(x, 0.0, 0.0),
        Vector::new(0.0, y, 0.0),
        Vector::new(0.0, 0.0, z),
        Point::ORIGIN,
    );
    let grid = Grid::new(DIMS, patient_from_voxel.expect("invertible"), None).expect("a grid");
    let samples = Samples::I16(Buffer::zeroed(grid.voxel_count()).expect("memory"));
    Case::new(Arc::new(Volume::new(grid, 1, samples, Rescale::NONE).expect("as many samples as voxels")))
}

/// Paints the voxels within `radius_mm` of voxel `middle`, on slices that far from its own.
fn dab(
    case: &mut Case,
    history: &mut History,
    rule: WriteRule,
    middle: [i64; 3],
    radius_mm: f64,
    slices: RangeInclusive<i64>,
) {
    let mut writer = MaskWriter::new(case, 0, rule).expect("a case has a layer");
    let reach_j = (radius_mm / SPACING_MM[1]) as i64;
    for dk in slices {
        for dj in -reach_j..=reach_j {
            let across = (dj as f64 * SPACING_MM[1]).powi(2) + (dk as f64 * SPACING_MM[2]).powi(2);
            let rest = radius_mm * radius_mm - across;
            if rest >= 0.0 {
                let reach = (rest.sqrt() / SPACING_MM[0]) as i64;
                let row = (middle[0] - reach) as usize..(middle[0] + reach + 1) as usize;
                writer.write_run(row, (middle[1] + dj) as usize, (middle[2] + dk) as usize);
            }
        }
    }
    if let Some(edit) = writer.finish() {
        history.apply(case, edit, "Brush").expect("the edit was made for this case");
    }
}

fn painting(criterion: &mut Criterion) {
    let unpainted = case();
    let mut check = |name: &str, radius_mm: f64, slices: RangeInclusive<i64>, rule: WriteRule| {
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let (mut case, mut history) = (unpainted.clone(), History::default());
                    history.begin("Brush");
                    dab(&mut case, &mut history, rule.clone(), [250, 250, 150], radius_mm, slices.clone());
                    (case, history)
                },
                // The next sample of a fast stroke: half of it is painted already.
                |(mut case, mut history)| {
                    let middle = [250 + (radius_mm / SPACING_MM[0]) as i64, 250, 150];
                    dab(&mut case, &mut history, rule.clone(), middle, radius_mm, slices.clone());
                    black_box((case, history))
                },
                BatchSize::PerIteration,
            );
        });
    };
    check("disc of 40 mm", 20.0, 0..=0, WriteRule::paint(1));
    check("ball of 40 mm", 20.0, -20..=20, WriteRule::paint(1));
    let in_range = WriteRule { only_values: Some([-10.0, 10.0]), ..WriteRule::paint(1) };
    check("ball of 40 mm within a range", 20.0, -20..=20, in_range);
}

criterion_group!(benches, painting);
criterion_main!(benches);
