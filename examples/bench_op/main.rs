//! One operation, timed inside the process, for a comparison with other programs in one run:
//! `bench_op OPERATION --data FOLDER --threads N --reps R` prints one JSON line
//! `{"wall": […], "cpu": […], "extra_mb": x, "check": v}`, in seconds and MiB.
//!
//! The data are a 512×512×300 CT as `ct_raw.nii`, `ct.nii.gz` and `dicom/SYNTAX/*.dcm`, and its labels
//! as `labels.nii.gz`. Inputs of an operation are loaded before its clock starts; the first run warms
//! up and is dropped. `check` is what the others print for the same operation on the same data. CPU
//! time is the system's own count, in ticks of 10 ms.

mod measure;
#[cfg(feature = "desktop")]
mod render;
mod scale;
mod seeds;
mod segment;

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use annotomy::case::{Case, History, MaskWriter, WriteRule};
use annotomy::format::{self, Silent, Study, Watch, nifti};
use annotomy::geometry::{AnatomicalPlane, VoxelIndex};
use annotomy::session::{HandStep, ScriptStep, ScriptStroke, Session};
use annotomy::tool::BrushShape;
use annotomy::volume::{LabelMap, Volume};
use anyhow::{Context, Result};
use clap::Parser;
use serde_json::{Value, json};

#[derive(Parser)]
struct Arguments {
    operation: String,
    #[arg(long)]
    data: PathBuf,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long, default_value_t = 5)]
    reps: usize,
}

fn main() -> Result<()> {
    let Arguments { operation, data, threads, reps } = Arguments::parse();
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let clock = Clock { reps };
    let measured = match operation.as_str() {
        "open_nii" => open(&clock, &data.join("ct_raw.nii")),
        "open_nii_gz" => open(&clock, &data.join("ct.nii.gz")),
        "first_slice_nii" => first_slice(&clock, &data.join("ct_raw.nii")),
        "first_slice_nii_gz" => first_slice(&clock, &data.join("ct.nii.gz")),
        "open_labels_nii_gz" => open_labels(&clock, &data.join("labels.nii.gz")),
        "save_labels_nii_gz" => save_labels(&clock, &data.join("labels.nii.gz")),
        "brush_stroke_2d" => brush_stroke(&clock, &data, Dab::disc(20)),
        "brush_stroke_3d" => brush_stroke(&clock, &data, Dab::ball(20)),
        "tool_stroke_2d" => tool_stroke(&clock, &data, BrushShape::Disc, 20.0),
        "tool_stroke_3d" => tool_stroke(&clock, &data, BrushShape::Ball, 20.0),
        "paint_1100" => scale::paint_1100(),
        "memory_ct_mask_20_strokes" => memory(&clock, &data),
        other if other.starts_with("first_slice_folder_") => {
            first_slice(&clock, &data.join("dicom").join(&other["first_slice_folder_".len()..]))
        }
        other if segment::is_known(other) => segment::operation(&clock, other, &data),
        other if let Some(measured) = measure::operation(&clock, other, &data)? => Ok(measured),
        other => match (other.strip_prefix("open_dicom_"), other.strip_prefix("first_slice_dicom_")) {
            (Some(syntax), _) => open_dicom(&clock, &data.join("dicom").join(syntax)),
            (_, Some(syntax)) => first_slice(&clock, &data.join("dicom").join(syntax).join("IM0151.dcm")),
            #[cfg(feature = "desktop")]
            _ if other.starts_with("render_") => render::operation(&clock, other, &labelled_case(&data)?),
            _ => seeds::operation(&clock, other, &data),
        },
    }?;
    println!("{measured}");
    Ok(())
}

// The operations.

fn open(clock: &Clock, path: &Path) -> Result<Value> {
    clock.time(
        || load(path, &Silent),
        |study| {
            let value = study.volume.value(VoxelIndex::new(256, 256, 150), 0) as i64;
            json!([study.volume.sample_type().name().replacen('i', "int", 1), value])
        },
    )
}

fn open_dicom(clock: &Clock, folder: &Path) -> Result<Value> {
    clock.time(
        || load(folder, &Silent),
        |study| {
            let volume = &study.volume;
            let [ni, nj, nk] = volume.grid().dims();
            let sum = (volume.statistics().mean * volume.grid().voxel_count() as f64).round() as i64;
            json!([[nk, nj, ni], volume.value(VoxelIndex::new(256, 256, 150), 0) as i64, sum])
        },
    )
}

/// Until the first slice could be shown; the rest of the load is cancelled off the clock.
fn first_slice(clock: &Clock, path: &Path) -> Result<Value> {
    clock.time(
        || {
            let (slices, first) = mpsc::channel();
            let path = path.to_owned();
            let rest = thread::spawn(move || {
                let watch = FirstSlice { slices, seen: AtomicBool::new(false) };
                // A file of one slice may be whole before there was a preview of it.
                if let Ok(whole) = load(&path, &watch)
                    && let Some(volume) = Arc::into_inner(whole.volume)
                {
                    watch.preview(volume);
                }
            });
            let slice = first.recv().context("the load ended without a slice")?;
            Ok(Shown { slice, rest: Some(rest) })
        },
        |shown| {
            let k = shown.slice.grid().dims()[2] / 2;
            json!(shown.slice.value(VoxelIndex::new(256, 256, k), 0) as i64)
        },
    )
}

struct FirstSlice {
    slices: mpsc::Sender<Volume>,
    seen: AtomicBool,
}

impl Watch for FirstSlice {
    fn is_cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    fn wants_preview(&self) -> bool {
        true
    }

    fn preview(&self, slice: Volume) {
        // Only the first one is waited for.
        let _ = self.slices.send(slice);
        self.seen.store(true, Ordering::Relaxed);
    }
}

/// A slice that can be shown, and the load that it came from.
struct Shown {
    slice: Volume,
    rest: Option<thread::JoinHandle<()>>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.rest.take().map(thread::JoinHandle::join);
    }
}

fn open_labels(clock: &Clock, path: &Path) -> Result<Value> {
    clock.time(|| read_labels(path), |labels| json!(label_sum(labels)))
}

fn save_labels(clock: &Clock, path: &Path) -> Result<Value> {
    let labels = read_labels(path)?;
    let geometry = load(path, &Silent)?.nifti_geometry.context("a NIfTI file")?;
    // In memory, as the others do it, so that the disk does not decide.
    let target = Path::new("/dev/shm").join(format!("bench_op-{}.nii.gz", std::process::id()));
    let measured = clock.time(
        || Ok(nifti::write_labels(&mut File::create(&target)?, &labels, &geometry)?),
        |()| json!(fs::metadata(&target).map(|metadata| metadata.len()).unwrap_or_default()),
    );
    fs::remove_file(&target)?;
    measured
}

/// One stroke of 60 samples, recorded as one step that can be undone.
fn brush_stroke(clock: &Clock, data: &Path, dab: Dab) -> Result<Value> {
    let painted = RefCell::new((labelled_case(data)?, History::default()));
    let mut label = 5;
    clock.time(
        || {
            label = 11 - label;
            let (case, history) = &mut *painted.borrow_mut();
            stroke(case, history, &dab, 150, label)?;
            Ok(label)
        },
        |label| json!(painted.borrow().0.layers()[0].counts()[label]),
    )
}

/// The same stroke as the window draws it: swept without gaps, in millimetres, by the brush itself.
/// A sample costs a 60th of it.
fn tool_stroke(clock: &Clock, data: &Path, shape: BrushShape, radius_mm: f64) -> Result<Value> {
    let mut session = Session::new(labelled_case(data)?, "");
    let grid = session.case().volume().grid().clone();
    let points_lps: Vec<_> =
        samples_of_stroke().map(|[i, j]| grid.centre_of(VoxelIndex::new(i, j, 150))).collect();
    let stroke = |label: u16| {
        ScriptStep::Hands(HandStep::Brush(ScriptStroke {
            label,
            shape,
            plane: Some(AnatomicalPlane::Axial),
            radius_mm,
            points_lps: points_lps.clone(),
            range: None,
            follow_edges: None,
        }))
    };
    for index in [5, 6] {
        let name = format!("Organ {index}");
        let made = HandStep::Label { index, name, color: None, locked: false };
        session.run_step(&ScriptStep::Hands(made))?;
    }
    let session = RefCell::new(session);
    let mut label = 5;
    clock.time(
        || {
            label = 11 - label;
            session.borrow_mut().run_step(&stroke(label))?;
            Ok(label)
        },
        |label| json!(session.borrow().case().layers()[0].counts()[label]),
    )
}

/// What the process holds with the CT, its mask and 20 strokes that can be undone.
fn memory(clock: &Clock, data: &Path) -> Result<Value> {
    clock.time(
        || {
            let mut case = labelled_case(data)?;
            let mut history = History::default();
            let dab = Dab::ball(20);
            for nth in 0..20 {
                stroke(&mut case, &mut history, &dab, 60 + 8 * nth, nth as u16 + 1)?;
            }
            Ok(format!("RSS {:.0} peak {:.0} MB", status_mb("VmRSS")?, status_mb("VmHWM")?))
        },
        |text| json!(text),
    )
}

// What they share.

fn load(path: &Path, watch: &dyn Watch) -> Result<Study> {
    let scan = format::scan(path, watch)?;
    let series = scan.series.first().with_context(|| format!("{} holds no series", path.display()))?;
    Ok(format::load(series, watch)?)
}

fn read_labels(path: &Path) -> Result<LabelMap> {
    Ok(nifti::read_labels(path, &Silent)?.labels)
}

fn labelled_case(data: &Path) -> Result<Case> {
    let volume = load(&data.join("ct.nii.gz"), &Silent)?.volume;
    let layers = vec![read_labels(&data.join("labels.nii.gz"))?];
    Ok(Case::with_marks(volume, layers, Default::default(), Vec::new())?)
}

fn label_sum(labels: &LabelMap) -> u64 {
    labels.counts().iter().map(|(label, count)| u64::from(*label) * count).sum()
}

/// The voxels of one sample of a brush, as runs along i around its middle.
struct Dab {
    /// Offset along j, offset along k, reach along i.
    rows: Vec<[isize; 3]>,
}

impl Dab {
    fn ball(radius: isize) -> Self {
        let rows = (-radius..=radius).flat_map(|k| Self::rows(radius, k)).collect();
        Self { rows }
    }

    fn disc(radius: isize) -> Self {
        Self { rows: Self::rows(radius, 0).collect() }
    }

    fn rows(radius: isize, k: isize) -> impl Iterator<Item = [isize; 3]> {
        (-radius..=radius).filter_map(move |j| {
            let rest = radius * radius - j * j - k * k;
            (rest >= 0).then(|| [j, k, (rest as f64).sqrt() as isize])
        })
    }
}

/// The 60 places i, j over which a stroke goes.
fn samples_of_stroke() -> impl Iterator<Item = [usize; 2]> {
    (0..60).map(|sample| {
        let along = f64::from(sample) / 59.0;
        [250.0 + 60.0 * (6.0 * along).sin(), 150.0 + 200.0 * along].map(|at| at as usize)
    })
}

fn stroke(case: &mut Case, history: &mut History, dab: &Dab, k: usize, label: u16) -> Result<()> {
    history.begin("Brush");
    for [i, j] in samples_of_stroke() {
        let mut writer = MaskWriter::new(case, 0, WriteRule::paint(label)).context("a case has a layer")?;
        for [dj, dk, reach] in &dab.rows {
            let reach = *reach as usize;
            writer.write_run(
                i - reach..i + reach + 1,
                j.wrapping_add_signed(*dj),
                k.wrapping_add_signed(*dk),
            );
        }
        if let Some(edit) = writer.finish() {
            history.apply(case, edit, "Brush")?;
        }
    }
    history.commit();
    Ok(())
}

// The clock.

struct Clock {
    reps: usize,
}

impl Clock {
    /// Runs until there are enough repetitions, then asks the last result for its check value.
    fn time<T>(&self, mut run: impl FnMut() -> Result<T>, check: impl FnOnce(&T) -> Value) -> Result<Value> {
        self.time_after(|| Ok(()), |()| run(), check)
    }

    /// The same, with what each repetition needs prepared off the clock.
    fn time_after<P, T>(
        &self,
        mut prepare: impl FnMut() -> Result<P>,
        mut run: impl FnMut(P) -> Result<T>,
        check: impl FnOnce(&T) -> Value,
    ) -> Result<Value> {
        let (mut wall, mut cpu, mut extra_mb) = (Vec::new(), Vec::new(), 0f64);
        let mut wanted = self.reps + 1;
        loop {
            let prepared = prepare()?;
            // Resets the peak; where that is not allowed the figure is the peak of the whole process.
            let _ = fs::write("/proc/self/clear_refs", "5");
            let held_mb = status_mb("VmRSS")?;
            let (cpu_before, start) = (cpu_seconds()?, Instant::now());
            let result = run(prepared)?;
            wall.push(start.elapsed().as_secs_f64());
            cpu.push(cpu_seconds()? - cpu_before);
            extra_mb = extra_mb.max(status_mb("VmHWM")? - held_mb);
            if wall.len() == 1 {
                wanted = match wall[0] {
                    seconds if seconds > 45.0 => 1,
                    seconds if seconds > 15.0 => 3,
                    seconds if seconds < 0.05 => self.reps * 4 + 1,
                    _ => self.reps + 1,
                };
            }
            if wall.len() < wanted {
                continue;
            }
            let warm = usize::from(wall.len() > 3);
            let check = check(&result);
            return Ok(json!({
                "wall": wall[warm..], "cpu": cpu[warm..], "extra_mb": extra_mb.round(), "check": check,
            }));
        }
    }
}

/// User and system time of all threads of this process, ended ones too (proc(5), fields 14 and 15).
fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').context("the name stands in brackets")?.1;
    let ticks: Vec<f64> =
        after_name.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn status_mb(key: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(key)).with_context(|| format!("no {key}"))?;
    let kb: f64 = line.split_whitespace().nth(1).with_context(|| format!("no {key}"))?.parse()?;
    Ok(kb / 1024.0)
}
