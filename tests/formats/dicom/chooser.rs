//! What a person chooses a series by, before its voxels are read.

use annotomy::format::{self, DoubtCode, RefusalCode, SeriesFacts, Silent};
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
