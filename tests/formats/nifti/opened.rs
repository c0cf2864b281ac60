//! Everything a header may say, and what is made of it.

use annotomy::format::{DoubtCode, SeriesSource, Silent, nifti, scan};
use annotomy::volume::{Placement, SampleType};

use super::fixture::{Fixture, gzip, on_disk};

/// Opens the first file and holds values (in file order) and doubts against what is expected.
fn check(name: &str, files: &[(&str, Vec<u8>)], values: &[f64], doubts: &[DoubtCode]) -> nifti::Read {
    let (_folder, path) = on_disk(files);
    let read = nifti::read(&path, &Silent).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let volume = &read.volume;
    let found: Vec<f64> =
        (0..volume.samples().len()).map(|n| volume.rescale().value(volume.samples().at(n))).collect();
    assert_eq!(found, values, "{name}");
    let found: Vec<DoubtCode> = read.doubts.iter().map(|doubt| doubt.code).collect();
    assert_eq!(found, doubts, "{name}: {:?}", read.doubts);
    read
}

fn counting(count: usize) -> Vec<f64> {
    (0..count).map(|n| n as f64).collect()
}

fn single(fixture: &Fixture) -> Vec<(&'static str, Vec<u8>)> {
    vec![("a.nii", fixture.bytes())]
}

#[test]
fn every_sample_type_in_both_byte_orders_and_versions() {
    macro_rules! case {
        ($code:literal, $type:ty, $expected:ident) => {
            for (version, big_endian) in [(1, false), (1, true), (2, false), (2, true)] {
                let plain = if version == 1 { Fixture::new() } else { Fixture::version_2() };
                let bytes = |n: usize| {
                    let x = (n as u8 + 100) as $type;
                    if big_endian { x.to_be_bytes() } else { x.to_le_bytes() }
                };
                let fixture = Fixture {
                    big_endian,
                    datatype: $code,
                    bitpix: 8 * size_of::<$type>() as i16,
                    samples: (0..24).flat_map(bytes).collect(),
                    ..plain
                };
                let values: Vec<f64> = (0..24).map(|n| f64::from(n as u8 + 100)).collect();
                for (ending, bytes) in [("nii", fixture.bytes()), ("nii.gz", gzip(&fixture.bytes()))] {
                    let name = format!("{} v{version} {big_endian} {ending}", stringify!($type));
                    let read = check(&name, &[(&format!("a.{ending}"), bytes)], &values, &[]);
                    assert_eq!(read.volume.sample_type(), SampleType::$expected);
                }
            }
        };
    }
    case!(2, u8, U8);
    case!(4, i16, I16);
    case!(8, i32, I32);
    case!(16, f32, F32);
    case!(64, f64, F64);
    case!(256, i8, I8);
    case!(512, u16, U16);
    case!(768, u32, U32);
    case!(1024, i64, I64);
    case!(1280, u64, U64);
}

#[test]
fn colours_keep_their_components_and_know_no_rescale() {
    for (datatype, components) in [(128, 3), (2304, 4)] {
        let samples: Vec<u8> = (0..24 * components as u8).collect();
        let fixture = Fixture { datatype, bitpix: 8 * components, slope: 2.0, samples, ..Fixture::new() };
        let (_folder, path) = on_disk(&single(&fixture));
        let volume = nifti::read(&path, &Silent).expect("opens").volume;
        assert_eq!(volume.sample_type().components(), components as usize);
        assert_eq!(volume.samples().bytes(), fixture.samples);
        assert_eq!(volume.rescale().slope, 1.0);
    }
}

#[test]
fn samples_lie_where_vox_offset_says() {
    let at = |offset: usize| Fixture {
        vox_offset: offset as f64,
        between: (0..offset - 348).map(|n| n as u8).collect(),
        ..Fixture::new()
    };
    for offset in [348, 352, 353, 356, 1007, 5000, 70_000] {
        let bytes = at(offset).bytes();
        check(&format!("plain {offset}"), &[("a.nii", bytes.clone())], &counting(24), &[]);
        check(&format!("gzip {offset}"), &[("a.nii.gz", gzip(&bytes))], &counting(24), &[]);
    }
    let unset = Fixture { vox_offset: 0.0, ..Fixture::new() };
    check("offset 0", &single(&unset), &counting(24), &[DoubtCode::OddHeader]);
}

#[test]
fn pairs_open_by_either_name_in_every_mix_of_compression() {
    let header = Fixture::of_pair().header();
    let samples = Fixture::new().samples;
    for (header_name, header) in [("a.hdr", header.clone()), ("a.hdr.gz", gzip(&header))] {
        for (image_name, image) in [("a.img", samples.clone()), ("a.img.gz", gzip(&samples))] {
            let name = format!("{header_name} {image_name}");
            let files = [(header_name, header.clone()), (image_name, image.clone())];
            check(&name, &files, &counting(24), &[]);
            let swapped = [files[1].clone(), files[0].clone()];
            check(&name, &swapped, &counting(24), &[]);
            let (folder, path) = on_disk(&swapped);
            for path in [path.as_path(), folder.path()] {
                let found = scan(path, &Silent).expect("a study");
                let [series] = &found.series[..] else { panic!("{name}: {found:?}") };
                assert_eq!(series.id, "a");
                let SeriesSource::Nifti(source) = &series.source else { panic!("{series:?}") };
                assert!(source.ends_with(header_name), "{source:?}");
            }
        }
    }
    let prefixed = Fixture { vox_offset: 16.0, ..Fixture::of_pair() };
    let image = [vec![9; 16], samples].concat();
    check("offset in the image", &[("a.hdr", prefixed.header()), ("a.img", image)], &counting(24), &[]);
}

#[test]
fn an_analyze_pair_has_sizes_and_no_orientation() {
    let fixture = Fixture { magic: vec![0; 4], slope: 0.0, ..Fixture::of_pair() };
    let files = [("a.hdr", fixture.header()), ("a.img", fixture.samples.clone())];
    let read = check("analyze", &files, &counting(24), &[DoubtCode::NoOrientation]);
    assert_eq!(read.volume.placement, Placement::Scaled);
    assert_eq!(read.volume.grid().spacing_mm(), [2.0, 3.0, 4.0]);
    assert_eq!(read.geometry.sform_code, 0);
}

#[test]
fn several_gzip_members_are_one_file() {
    let bytes = Fixture::new().bytes();
    for cut in [1, 200, 352, 370] {
        let members = [gzip(&bytes[..cut]), gzip(&bytes[cut..])].concat();
        check(&format!("cut at {cut}"), &[("a.nii.gz", members)], &counting(24), &[]);
    }
    let followed = [gzip(&bytes), vec![0; 100]].concat();
    check("zeroes after", &[("a.nii.gz", followed)], &counting(24), &[DoubtCode::TrailingBytes]);
    let longer = [bytes.clone(), vec![1; 9]].concat();
    check("longer inside", &[("a.nii.gz", gzip(&longer))], &counting(24), &[DoubtCode::TrailingBytes]);
    check("longer, plain", &[("a.nii", longer)], &counting(24), &[DoubtCode::TrailingBytes]);
}

#[test]
fn a_rescale_counts_where_it_is_one() {
    let scaled = |slope, intercept| single(&Fixture { slope, intercept, ..Fixture::new() });
    let halves: Vec<f64> = (0..24).map(|n| f64::from(n) * 0.5 - 1024.0).collect();
    check("slope 0.5", &scaled(0.5, -1024.0), &halves, &[]);
    check("slope 0", &scaled(0.0, 7.0), &counting(24), &[]);
    check("slope NaN", &scaled(f64::NAN, f64::NAN), &counting(24), &[]);
    check("slope infinite", &scaled(f64::INFINITY, 0.0), &counting(24), &[DoubtCode::OddHeader]);
    check("intercept NaN", &scaled(1.0, f64::NAN), &counting(24), &[DoubtCode::OddHeader]);
}

#[test]
fn axes_become_three_of_space_and_one_of_time() {
    let check_shape = |dim: &[i64], dims: [usize; 3], times: usize, doubts: &[DoubtCode]| {
        let fixture = Fixture { dim: dim.to_vec(), ..Fixture::new() };
        let read = check(&format!("{dim:?}"), &single(&fixture), &counting(24), doubts);
        assert_eq!((read.volume.grid().dims(), read.volume.times()), (dims, times), "{dim:?}");
    };
    check_shape(&[2, 6, 4], [6, 4, 1], 1, &[]);
    check_shape(&[3, 2, 3, 4, 9], [2, 3, 4], 1, &[]);
    check_shape(&[4, 2, 3, 2, 2], [2, 3, 2], 2, &[]);
    check_shape(&[7, 2, 3, 4, 1, 1, 1, 1], [2, 3, 4], 1, &[]);
    check_shape(&[4, 2, 3, 4, 0], [2, 3, 4], 1, &[DoubtCode::OddHeader]);
    check_shape(&[5, 2, 2, 2, 1, 3], [2, 2, 2], 3, &[DoubtCode::FoldedAxes]);
}

#[test]
fn every_doubt_of_placement_is_told() {
    let doubts = |expected: &[DoubtCode], fixture: Fixture| {
        check("placement", &single(&fixture), &counting(24), expected);
    };
    let plain = Fixture::new();
    // The quaternion 0 turns nothing, and the offset 0 is far from the sform's.
    doubts(&[DoubtCode::FormsDisagree], Fixture { qform_code: 1, ..plain.clone() });
    doubts(&[DoubtCode::NoOrientation], Fixture { sform_code: 0, ..plain.clone() });
    let sizeless = Fixture { sform_code: 0, pixdim: [0.0; 4], ..plain.clone() };
    doubts(&[DoubtCode::PixelUnits], sizeless);
    doubts(&[DoubtCode::UnitsConverted], Fixture { units: 3, ..plain.clone() });
    doubts(&[DoubtCode::OddHeader], Fixture { units: 7, ..plain.clone() });
    doubts(&[DoubtCode::OddHeader], Fixture { bitpix: 12, ..plain.clone() });
    let mut sheared = plain.clone();
    sheared.srow[1][2] = 0.5;
    doubts(&[DoubtCode::Sheared], sheared);
    let too_long = [0.9, 0.9, 0.0];
    let long_quaternion = Fixture { sform_code: 0, qform_code: 1, quatern: too_long, ..plain.clone() };
    doubts(&[DoubtCode::AssumedGeometry], long_quaternion);
    let lost_quaternion = Fixture { qform_code: 1, quatern: [f64::NAN, 0.0, 0.0], ..plain.clone() };
    doubts(&[DoubtCode::OddHeader], lost_quaternion);
}

#[test]
fn values_that_are_no_numbers_are_told() {
    let samples = (0..24).flat_map(|n| if n == 5 { f32::NAN } else { n as f32 }.to_le_bytes()).collect();
    let fixture = Fixture { datatype: 16, bitpix: 32, samples, ..Fixture::new() };
    let (_folder, path) = on_disk(&single(&fixture));
    let read = nifti::read(&path, &Silent).expect("opens");
    assert_eq!(read.doubts[0].code, DoubtCode::NotANumber);
    assert_eq!(read.volume.statistics().max, 23.0);
}

#[test]
fn labels_are_whole_numbers_or_nothing() {
    let check = |values: [f32; 24], slope: f64, expected: Option<[u16; 2]>| {
        let samples = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let fixture = Fixture { datatype: 16, bitpix: 32, slope, samples, ..Fixture::new() };
        let (_folder, path) = on_disk(&single(&fixture));
        let found = nifti::read_labels(&path, &Silent).ok().map(|read| {
            let label = |i, j| read.labels.label(annotomy::geometry::VoxelIndex::new(i, j, 0));
            [label(0, 0), label(1, 0)]
        });
        assert_eq!(found, expected, "{values:?}");
    };
    let with = |first: f32, second: f32| {
        let mut values = [0.0; 24];
        [values[0], values[1]] = [first, second];
        values
    };
    check(with(1.0, 65_535.0), 1.0, Some([1, 65_535]));
    check(with(7014.9995, 3.0005), 0.0, Some([7015, 3]));
    check(with(2.0, 0.0), 0.5, Some([1, 0]));
    check(with(-0.0002, 1.0), 1.0, Some([0, 1]));
    check(with(0.5, 0.0), 1.0, None);
    check(with(-1.0, 0.0), 1.0, None);
    check(with(65_536.0, 0.0), 1.0, None);
    check(with(f32::NAN, 0.0), 1.0, None);
}
