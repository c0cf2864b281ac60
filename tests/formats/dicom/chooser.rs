//! What a person chooses a series by, before its voxels are read.

use std::process::Command;
use std::sync::Mutex;

use annotomy::format::{self, DoubtCode, FoundSoFar, RefusalCode, SeriesFacts, Silent, Watch};
use annotomy::geometry::{AnatomicalPlane, VoxelIndex};

use super::file::*;
use crate::nifti::fixture::{Fixture, gzip, on_disk};

#[test]
fn facts_are_those_of_the_volume() {
    let heights = [0.0, 2.0, 4.0, 8.0];
    let files: Vec<_> = heights
        .iter()
        .enumerate()
        .map(|(n, z)| DicomFile::slice(n as u16, *z).text((0x0020, 0x0011), "IS", "7"))
        .collect();
    let folder = folder_of(&files);
    let scan = format::scan(folder.path(), &Silent).expect("a study");
    let SeriesFacts { dims, times, spacing_mm, number, plane, doubts } = scan.series[0].facts.clone();
    assert_eq!((dims, times, spacing_mm, number), ([4, 3, 5], 1, [0.5, 0.75, 2.0], Some(7)));
    assert_eq!(plane, Some(AnatomicalPlane::Axial));
    assert_eq!(doubts.iter().map(|doubt| doubt.code).collect::<Vec<_>>(), [DoubtCode::MissingSlices]);
    let flat = folder_of(&[DicomFile::slice(0, 0.0).without(POSITION)]);
    let scan = format::scan(flat.path(), &Silent).expect("a study");
    assert_eq!(scan.series[0].facts.plane, None);
    let (_folder, path) = on_disk(&[("a.nii.gz", gzip(&Fixture::new().bytes()))]);
    let scan = format::scan(&path, &Silent).expect("a study");
    let study = format::load(&scan.series[0], &Silent).expect("voxels");
    assert_eq!(scan.series[0].facts.dims, study.volume.grid().dims());
}

#[test]
fn a_thumbnail_is_a_slice_at_its_true_place() {
    let slices: Vec<_> =
        [0.0, 2.0, 4.0, 10.0, 12.0].iter().enumerate().map(|(n, z)| DicomFile::slice(n as u16, *z)).collect();
    let folder = folder_of(&slices);
    let fixture = Fixture::new().bytes();
    let (_nifti, path) = on_disk(&[("a.nii.gz", gzip(&fixture)), ("b.nii", fixture)]);
    for path in [folder.path(), &path, &path.with_file_name("b.nii")] {
        let scan = format::scan(path, &Silent).expect("a study");
        let study = format::load(&scan.series[0], &Silent).expect("voxels");
        let slice = format::thumbnail(&scan.series[0], &Silent).expect("a slice");
        let [ni, nj, nk] = slice.grid().dims();
        assert_eq!([ni, nj, nk], [study.volume.grid().dims()[0], study.volume.grid().dims()[1], 1]);
        let corner = slice.grid().centre_of(VoxelIndex::new(0, 0, 0));
        let there = study.volume.grid().index_at(corner).expect("inside");
        assert!(!study.volume.is_missing(there.k), "not a hole");
        for (i, j) in (0..ni).flat_map(|i| (0..nj).map(move |j| (i, j))) {
            let whole = study.volume.value(VoxelIndex::new(i, j, there.k), 0);
            assert_eq!(slice.value(VoxelIndex::new(i, j, 0), 0), whole);
        }
    }
}

/// Remembers what was found and when it said stop.
#[derive(Default)]
struct Hunter {
    told: Mutex<Vec<FoundSoFar>>,
    stop: Option<usize>,
}

impl Watch for Hunter {
    fn is_cancelled(&self) -> bool {
        self.stop.is_some_and(|after| self.told.lock().expect("not poisoned").len() >= after)
    }

    fn found(&self, so_far: &FoundSoFar) {
        self.told.lock().expect("not poisoned").push(so_far.clone());
    }
}

#[test]
fn a_long_scan_tells_what_it_has_found_and_stops() {
    let files: Vec<_> = (0..600u16)
        .map(|n| DicomFile::slice(n, n.into()).text(SERIES_UID, "UI", if n < 300 { "1.1" } else { "1.2" }))
        .collect();
    let folder = folder_of(&files);
    let hunter = Hunter::default();
    format::scan(folder.path(), &hunter).expect("two series");
    let told = hunter.told.into_inner().expect("not poisoned");
    let counts: Vec<Vec<usize>> =
        told.iter().map(|found| found.series.iter().map(|series| series.pictures).collect()).collect();
    assert_eq!(counts, [vec![], vec![], vec![256], vec![300, 212], vec![300, 300]]);
    assert_eq!(told.iter().map(|found| found.files).collect::<Vec<_>>(), [256, 512, 256, 512, 600]);
    for after in 1..4 {
        let hunter = Hunter { stop: Some(after), ..Hunter::default() };
        let refusal = format::scan(folder.path(), &hunter).expect_err("stopped");
        assert_eq!(refusal.code, RefusalCode::Cancelled);
    }
}

#[test]
fn a_file_that_is_plainly_cut_short_is_not_listed() {
    let whole = Fixture::new().bytes();
    let cut = DicomFile::slice(0, 0.0).to_bytes();
    let (folder, _) =
        on_disk(&[("a.nii", whole[..whole.len() - 1].to_vec()), ("b.dcm", cut[..cut.len() - 1].to_vec())]);
    let scan = format::scan(folder.path(), &Silent).expect("a folder");
    assert!(scan.series.is_empty());
    let codes: Vec<_> = scan.refused.iter().map(|refusal| refusal.code).collect();
    assert_eq!(codes, [RefusalCode::Truncated; 2]);
}

#[test]
fn convert_says_which_slices_it_filled() {
    let heights = [0.0, 2.0, 6.0];
    let files: Vec<_> = heights.iter().enumerate().map(|(n, z)| DicomFile::slice(n as u16, *z)).collect();
    let folder = folder_of(&files);
    let out = folder.path().join("out.nii.gz");
    let mut convert = Command::new(env!("CARGO_BIN_EXE_annotomy"));
    let output = convert.arg("convert").arg(folder.path()).arg(&out).output().expect("the program starts");
    let told = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("1 slice(s) are missing and were written as -1024: [2]"), "{told}");
}

#[test]
fn what_is_likely_meant_comes_first() {
    let check = |series: &[(&str, usize)], slices: u16, expected: &[&str]| {
        let folder = folder_of(&(0..slices).map(|n| DicomFile::slice(n, n.into())).collect::<Vec<_>>());
        for (name, slices) in series {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            let samples = vec![0; 4 * 3 * slices * 2];
            let fixture = Fixture { dim: vec![3, 4, 3, *slices as i64], samples, ..Fixture::new() };
            std::fs::write(path, fixture.bytes()).expect("written");
        }
        let scan = format::scan(folder.path(), &Silent).expect("series");
        let name = |series: &format::Series| match series.source.own_file() {
            Some(path) => path.strip_prefix(folder.path()).expect("inside").to_string_lossy().into_owned(),
            None => "dicom".to_owned(),
        };
        assert_eq!(scan.series.iter().map(name).collect::<Vec<_>>(), expected);
    };
    check(
        &[("heart_seg.nii", 40), ("labels/a.nii", 2), ("t1.nii", 2)],
        5,
        &["dicom", "t1.nii", "heart_seg.nii", "labels/a.nii"],
    );
    check(&[("small.nii", 2), ("unmasked.nii", 9)], 5, &["unmasked.nii", "dicom", "small.nii"]);
    check(&[("a.nii", 5)], 5, &["a.nii", "dicom"]);
}
