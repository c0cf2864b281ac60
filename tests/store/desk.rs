//! A study in a folder of its own, and marks on it.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotomy::annotation::{
    Annotation, CodedConcept, Colour, FlatRegion, Label, LabelScheme, OrientedBox, Shape,
};
use annotomy::case::{Case, Edit, LayerOrigin, SliceSeries};
use annotomy::format::{self, Silent, Study, nifti};
use annotomy::geometry::{Affine, Grid, Point, Vector};
use annotomy::store::{
    CaseFiles, Disk, LocalDisk, Overwrite, SaveError, SaveRequest, Saved, SavedMarks, Seen, Signature,
    StudyIdentity, find_marks, save_on,
};
use annotomy::volume::{Buffer, LabelMap, Rescale, Samples, Volume};
use uuid::Uuid;

pub(crate) const DIMS: [usize; 3] = [37, 41, 35];
pub(crate) const SQUARE: [[f64; 4]; 3] =
    [[-0.75, 0.0, 0.0, 31.25], [0.0, -1.25, 0.0, 4.5], [0.0, 0.0, 2.5, -100.0]];

/// A folder with one study, removed when dropped.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Desk {
    /// A desk with the study `ct.nii.gz` on a square grid.
    pub(crate) fn new() -> Self {
        Self::with_study("ct.nii.gz", &grid(SQUARE))
    }

    pub(crate) fn with_study(name: impl AsRef<Path>, grid: &Grid) -> Self {
        let folder = tempfile::Builder::new().prefix("Köln – 患者 ").tempdir().expect("a folder");
        let path = folder.path().join(name);
        write_study(&path, grid, 0);
        Self { folder, path }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn study(&self) -> Study {
        load(&self.path)
    }

    pub(crate) fn files(&self) -> CaseFiles {
        CaseFiles::beside(&self.study().series, &[])
    }

    pub(crate) fn find(&self) -> Option<SavedMarks> {
        find_marks(&self.study(), &self.files()).expect("opens")
    }

    /// Saves as a session does that opened the case first.
    pub(crate) fn save(&self, case: &Case) -> Saved {
        let seen = self.find().map(|marks| marks.seen);
        self.try_save(case, seen.as_ref()).expect("saved")
    }

    pub(crate) fn try_save(&self, case: &Case, seen: Option<&Seen>) -> Result<Saved, SaveError> {
        self.save_with(&Careless, case, seen, Overwrite::Seen)
    }

    pub(crate) fn save_with(
        &self,
        disk: &dyn Disk,
        case: &Case,
        seen: Option<&Seen>,
        overwrite: Overwrite,
    ) -> Result<Saved, SaveError> {
        let (study, files) = (StudyIdentity::of(&self.study()), self.files());
        save_on(
            disk,
            &SaveRequest {
                case,
                study: &study,
                files: &files,
                seen,
                journal: None,
                by: by("Ada"),
                overwrite,
            },
            &Silent,
        )
    }

    /// Names of all files there but the study, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).expect("readable");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| !self.path.ends_with(name))
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn sidecar_json(&self) -> serde_json::Value {
        let bytes = std::fs::read(self.files().sidecar()).expect("readable");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    pub(crate) fn write_sidecar_json(&self, json: &serde_json::Value) {
        std::fs::write(self.files().sidecar(), json.to_string()).expect("written");
    }
}

/// A disk that waits for nothing: tests start no power cuts.
pub(crate) struct Careless;

impl Disk for Careless {
    fn create(&self, path: &Path) -> io::Result<File> {
        LocalDisk.create(path)
    }
    fn sync(&self, _: &File, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn by(author: &str) -> Signature {
    Signature { author: author.to_owned(), time: "2026-11-23T10:00:00Z".to_owned() }
}

pub(crate) fn grid(rows: [[f64; 4]; 3]) -> Grid {
    Grid::new(DIMS, Affine::from_rows(rows).expect("invertible"), None).expect("a grid")
}

pub(crate) fn load(path: &Path) -> Study {
    let scan = format::scan(path, &Silent).expect("scans");
    format::load(&scan.series[0], &Silent).expect("loads")
}

/// Writes a study whose samples follow from `seed`.
pub(crate) fn write_study(path: &Path, grid: &Grid, seed: usize) {
    let samples: Vec<i16> = (0..grid.voxel_count()).map(|n| ((n * 31 + seed) % 4001) as i16 - 1000).collect();
    let samples = Samples::I16(Buffer::from_slice(&samples).expect("memory"));
    let volume = Volume::new(grid.clone(), 1, samples, Rescale::NONE).expect("a volume");
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let compression = match path.extension().is_some_and(|extension| extension == "gz") {
        true => nifti::Compression::Gzip,
        false => nifti::Compression::None,
    };
    nifti::write_volume(&mut file, &volume, &nifti::NiftiGeometry::of_grid(grid), compression)
        .expect("written");
}

/// A solid of one label that no flip or turn maps onto itself.
pub(crate) fn blob(dims: [usize; 3], label: u16, at: [usize; 3]) -> LabelMap {
    LabelMap::from_labels(dims, |offset| {
        let voxel = [offset % dims[0], offset / dims[0] % dims[1], offset / dims[0] / dims[1]];
        let inside = (0..3).all(|axis| (at[axis]..at[axis] + 3 + 2 * axis).contains(&voxel[axis]));
        let notch = voxel[0] == at[0] && voxel[1] > at[1] + 1;
        if inside && !notch { label } else { 0 }
    })
}

pub(crate) fn empty(volume: &Arc<Volume>) -> Case {
    Case::new(volume.clone())
}

/// A case with `layers` layers, labels 1 and up, all kinds of marks; another one for each `variant`.
pub(crate) fn marked(volume: &Arc<Volume>, layers: usize, variant: u16) -> Case {
    let dims = volume.grid().dims();
    let masks = (0..layers)
        .map(|layer| blob(dims, 1 + layer as u16 + variant, [2 + layer, 4 + usize::from(variant % 7), 9]))
        .collect();
    let mut scheme = LabelScheme::default();
    for layer in 0..layers as u16 {
        scheme.set(
            1 + layer + variant,
            Some(Label::new(format!("Läsion {layer}"), Colour([1, 2, layer as u8]))),
        );
    }
    let odd = Label {
        visible: false,
        locked: true,
        code: Some(CodedConcept { scheme: "SCT".into(), value: "4147007".into(), meaning: "Mass".into() }),
        group: Some("Größe".into()),
        ..Label::new("tab\there \"quoted\"", Colour([255, 0, 9]))
    };
    scheme.set(999, Some(odd));
    let (sin, cos) = (0.1 + f64::from(variant)).sin_cos();
    let oblique = OrientedBox {
        centre: Point::new(0.1 + 0.2, -1.0 / 3.0, 1e-17),
        axes: [Vector::new(cos, sin, 0.0), Vector::new(-sin, cos, 0.0), Vector::new(0.0, 0.0, 1.0)],
        half_mm: [0.1, 1e300 / 7.0, 0.0],
    };
    let region = FlatRegion {
        centre: Point::new(1.0 / 3.0, 0.1, -1e-17),
        axes: [Vector::new(cos, sin, 0.0), Vector::new(-sin, cos, 0.0)],
        half_mm: [1.0 / 7.0, 0.0],
    };
    let annotation = |n: u128, name: &str, label, shape| Annotation {
        id: Uuid::from_u128(n + u128::from(variant) * 16),
        name: name.into(),
        label,
        shape,
        author: "Zoë".into(),
        created: "2026-11-22T23:59:59.123Z".into(),
    };
    let annotations = vec![
        annotation(2, "", Some(1), Shape::Box(oblique)),
        annotation(1, "Sella – turcica", None, Shape::Landmark(Point::new(-0.0, f64::MIN_POSITIVE, 5e-324))),
        annotation(3, "Ruler 1", None, Shape::Ruler([Point::new(0.1, 0.2, 0.3), Point::ORIGIN])),
        annotation(
            4,
            "Angle 1",
            None,
            Shape::Angle([0.3, 1e-9, -7.7].map(|x| Point::new(x, 1.0 / 3.0, 2.0))),
        ),
        annotation(5, "Ellipse 1", None, Shape::Ellipse(region)),
        annotation(6, "Rectangle 1", None, Shape::Rectangle(region)),
    ];
    let mut case = Case::with_marks(volume.clone(), masks, scheme, annotations).expect("a case");
    if layers > 1 {
        case.set_layer_shown(1, false);
        let before = case.layer_origins().first().cloned();
        let after = LayerOrigin { file: Some("from.nii".into()), name: Some("Gefäße".into()) };
        case.apply(&Edit::Layer { layer: 0, before, after: Some(after) }).expect("named");
    }
    for (label, axis, slices) in [(1 + variant, 2, vec![1, 2, 4]), (999, 0, vec![0])] {
        let of = SliceSeries { layer: 0, label, axis };
        let edit = Edit::set_interpolated(&case, of, slices).expect("it says something");
        case.apply(&edit).expect("there are such slices");
    }
    case
}

/// Whether marks are those of a case, every number of them.
pub(crate) fn is_same(marks: &SavedMarks, case: &Case) -> bool {
    let layers = marks.layers.iter().zip(case.layers());
    marks.layers.len() == case.layers().len()
        && layers.into_iter().all(|(a, b)| a.has_same_labels(b))
        && marks.scheme == *case.scheme()
        && marks.origins == case.layer_origins()
        && marks.shown.iter().enumerate().all(|(layer, shown)| *shown == case.is_layer_shown(layer))
        && marks.interpolated.iter().map(|(of, slices)| (*of, slices.as_slice())).eq(case.all_interpolated())
        // Debug tells -0 from 0.
        && format!("{:?}", marks.annotations) == format!("{:?}", case.annotations())
}
