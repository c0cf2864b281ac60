//! Volumes that a header in words describes: NRRD and MetaImage.

mod itk;
mod metaimage;
mod nrrd;

use annotomy::format::{DoubtCode, RefusalCode, Silent, Study, load, scan};

use crate::nifti::fixture::on_disk;

/// Opens the first of some files and holds type, dimensions, times, placement by rows of LPS
/// millimetres, values in the order of the grid and doubts against what is expected.
pub(crate) struct Expected<'a> {
    pub(crate) sample_type: &'a str,
    pub(crate) dims: [usize; 3],
    pub(crate) times: usize,
    pub(crate) rows: [[f64; 4]; 3],
    pub(crate) values: &'a [f64],
    pub(crate) doubts: &'a [DoubtCode],
}

pub(crate) fn check(name: &str, files: &[(&str, Vec<u8>)], expected: &Expected<'_>) {
    let study = open(name, files);
    let volume = &study.volume;
    assert_eq!(volume.sample_type().name(), expected.sample_type, "{name}");
    assert_eq!((volume.grid().dims(), volume.times()), (expected.dims, expected.times), "{name}");
    for (row, wanted) in volume.grid().patient_from_voxel().rows().iter().zip(&expected.rows) {
        let near = row.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near, "{name}: {:?}", volume.grid().patient_from_voxel());
    }
    let values: Vec<f64> = (0..volume.samples().len()).map(|n| volume.samples().at(n)).collect();
    assert_eq!(values, expected.values, "{name}");
    let codes: Vec<DoubtCode> = study.doubts.iter().map(|doubt| doubt.code).collect();
    assert_eq!(codes, expected.doubts, "{name}: {:?}", study.doubts);
}

pub(crate) fn open(name: &str, files: &[(&str, Vec<u8>)]) -> Study {
    let (_folder, path) = on_disk(files);
    let found = scan(&path, &Silent).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let [series] = &found.series[..] else { panic!("{name}: {found:?}") };
    load(series, &Silent).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

pub(crate) fn check_refused(name: &str, files: &[(&str, Vec<u8>)], code: RefusalCode, words: &str) {
    let (_folder, path) = on_disk(files);
    let refusal = match scan(&path, &Silent) {
        Err(refusal) => refusal,
        Ok(found) => load(&found.series[0], &Silent).err().unwrap_or_else(|| panic!("{name}: opened")),
    };
    assert_eq!(refusal.code, code, "{name}: {refusal}");
    assert!(refusal.text.contains(words) && !refusal.text.contains('\n'), "{name}: {refusal}");
}

/// 24 little-endian i16 that count up from 0.
pub(crate) fn counting_bytes() -> Vec<u8> {
    (0..24i16).flat_map(i16::to_le_bytes).collect()
}

pub(crate) fn counting(count: usize) -> Vec<f64> {
    (0..count).map(|n| n as f64).collect()
}
