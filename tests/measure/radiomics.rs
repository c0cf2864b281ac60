//! First-order and shape features against pyradiomics' own published baselines.

use std::collections::BTreeMap;
use std::path::Path;

use annotomy::format::{Silent, load, nifti, scan};
use annotomy::measure::{Distribution, FirstOrder, FirstOrderSettings, Shape, Tally};
use annotomy::progress::Unwatched;
use annotomy::volume::Mask;

use crate::made::near;
use crate::oracle;

/// The column of a case.
fn baseline(path: &Path, case: &str) -> BTreeMap<String, f64> {
    let mut table = csv::Reader::from_path(path).expect("a table");
    let column = table.headers().expect("headers").iter().position(|name| name == case).expect("a column");
    let row =
        |row: csv::StringRecord| Some((row[0].rsplit('_').next()?.to_owned(), row[column].parse().ok()?));
    let rows = table.records().map(|row| row.expect("a row"));
    rows.filter(|row| row[0].starts_with("original_")).filter_map(row).collect()
}

#[test]
fn features_equal_the_published_baselines() {
    let Some(studies) = oracle::studies() else { return };
    let folder = studies.join("nifti/radiomics_brain2");
    for case in ["brain2", "breast1"] {
        let image = folder.join(format!("{case}_image.nii.gz"));
        let found = scan(&image, &Silent).expect("an image");
        let volume = load(&found.series[0], &Silent).expect("opens").volume;
        let labels =
            nifti::read_labels(&folder.join(format!("{case}_label.nii.gz")), &Silent).expect("labels");
        assert!(labels.grid.is_same_as(volume.grid()));
        let (map, grid) = (labels.labels, volume.grid());
        let sums = Tally::of(&volume, 0, &map).labels();
        let of_label = &sums[&1];
        let check = |expected: &BTreeMap<String, f64>, found: &[(&str, f64)]| {
            for (name, found) in found {
                // Of the spacing a NIfTI file keeps seven digits; the baselines were made from NRRD files.
                assert!(near(*found, expected[*name], 1e-6), "{case} {name}: {found} {}", expected[*name]);
            }
            assert_eq!(found.len(), expected.len(), "{case}: every feature is compared");
        };

        // The baselines were made with a shift of 2000 before squaring.
        let settings = FirstOrderSettings { bin_width: 25.0, shift: 2000.0, voxel_mm3: grid.voxel_mm3() };
        let mut first_order: Option<FirstOrder> = None;
        Distribution::for_each(&volume, 0, &map, &sums, |_, of| first_order = of.first_order(settings));
        let first_order = first_order.expect("values");
        check(
            &baseline(&folder.join("baseline_firstorder.csv"), case),
            &[
                ("InterquartileRange", first_order.interquartile_range),
                ("Skewness", first_order.skewness),
                ("Uniformity", first_order.uniformity),
                ("Median", first_order.median),
                ("Energy", first_order.energy),
                ("RobustMeanAbsoluteDeviation", first_order.robust_mean_absolute_deviation),
                ("MeanAbsoluteDeviation", first_order.mean_absolute_deviation),
                ("TotalEnergy", first_order.total_energy),
                ("Maximum", of_label.values.max),
                ("RootMeanSquared", first_order.root_mean_squared),
                ("90Percentile", first_order.p90),
                ("Minimum", of_label.values.min),
                ("Entropy", first_order.entropy),
                ("Range", first_order.range),
                ("Variance", of_label.values.variance().expect("values")),
                ("10Percentile", first_order.p10),
                ("Kurtosis", first_order.kurtosis),
                ("Mean", of_label.values.mean().expect("values")),
            ],
        );

        let mask = Mask::of_label(&map, of_label.bounds, 1);
        let shape = Shape::of(&mask, of_label, grid, &Unwatched).expect("not called off").expect("voxels");
        let [row, column, slice] = shape.diameters.across_mm;
        let [major, minor, least] = shape.axis_lengths_mm;
        check(
            &baseline(&folder.join("baseline_shape.csv"), case),
            &[
                ("Maximum3DDiameter", shape.diameters.any_mm),
                ("Maximum2DDiameterSlice", slice),
                ("Maximum2DDiameterColumn", column),
                ("Maximum2DDiameterRow", row),
                ("Sphericity", shape.sphericity()),
                ("SurfaceVolumeRatio", shape.surface_to_volume()),
                ("MeshVolume", shape.mesh_volume_mm3),
                ("SurfaceArea", shape.surface_mm2),
                ("VoxelVolume", shape.voxel_volume_mm3),
                ("MajorAxisLength", major),
                ("MinorAxisLength", minor),
                ("LeastAxisLength", least),
                ("Elongation", shape.elongation().expect("spread")),
                ("Flatness", shape.flatness().expect("spread")),
            ],
        );
    }
}
