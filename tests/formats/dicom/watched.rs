//! What a scan and a load tell of themselves, and what they show beforehand.

use annotomy::format::{self, RefusalCode, Silent, Study};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::Volume;

use super::file::*;
use crate::watcher::Watcher;

#[test]
fn scans_and_loads_tell_of_themselves_and_stop() {
    let files: Vec<_> = (0..40).map(|n| DicomFile::slice(n, n.into())).collect();
    let folder = folder_of(&files);
    let patient = Watcher::patient();
    let scan = format::scan(folder.path(), &patient).expect("a study");
    assert_eq!(patient.steps().len(), 40);
    let study = format::load(&scan.series[0], &patient).expect("voxels");
    // One while it is not yet known what the folder holds, then the middle.
    let previews = patient.previews();
    assert_eq!(previews.iter().map(|preview| in_study(preview, &study)).collect::<Vec<_>>(), [20, 20]);
    let cancelled = |stopped: Option<RefusalCode>| assert_eq!(stopped, Some(RefusalCode::Cancelled));
    cancelled(format::scan(folder.path(), &Watcher::stopping_after(5)).err().map(|refusal| refusal.code));
    cancelled(format::load(&scan.series[0], &Watcher::stopping_after(5)).err().map(|refusal| refusal.code));
}

/// The k of the study's slice that lies where the preview does; its values are the same.
fn in_study(preview: &Volume, study: &Study) -> usize {
    assert_eq!(preview.grid().dims(), [4, 3, 1]);
    let shown = preview.grid().centre_of(VoxelIndex::new(0, 0, 0));
    let there = study.volume.grid().index_at(shown).expect("inside");
    assert_eq!(preview.value(VoxelIndex::new(0, 0, 0), 0), study.volume.value(there, 0));
    there.k
}

#[test]
fn a_glimpse_is_of_what_most_files_belong_to() {
    /// One series after the other, as many files of each as it says.
    fn check(counts: &[u16], expected: Option<usize>) {
        let slices = counts.iter().enumerate().flat_map(|(series, count)| {
            (0..*count).map(move |n| {
                let uid = format!("1.2.3.{series}");
                let rescale = format!("{}", -1024 - 100 * i32::from(n));
                DicomFile::slice(n, n.into()).text(SERIES_UID, "UI", &uid).text(INTERCEPT, "DS", &rescale)
            })
        });
        let folder = folder_of(&slices.collect::<Vec<_>>());
        let watch = Watcher::patient();
        let scan = format::scan(folder.path(), &watch).expect("series");
        let previews = watch.previews();
        let study = format::load(&scan.series[0], &Silent).expect("voxels");
        let found: Vec<_> = previews.iter().map(|preview| in_study(preview, &study)).collect();
        assert_eq!(found, Vec::from_iter(expected), "{counts:?}");
    }
    check(&[40], Some(20));
    check(&[3, 40], Some(18));
    check(&[20, 20], None);
    check(&[14, 14, 14], None);
    // So few files are known as soon as one of them.
    check(&[10], None);
}
