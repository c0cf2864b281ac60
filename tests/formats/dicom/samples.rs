//! What samples stand for: bits, colours, tables, windows, uptake.

use annotomy::format::{DoubtCode, RefusalCode};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::{SampleType, Volume};

use super::file::*;

const PLANAR: Tag = (0x0028, 0x0006);

fn value(volume: &Volume, i: usize, j: usize) -> f64 {
    volume.value(VoxelIndex::new(i, j, 0), 0)
}

/// A slice whose values are its samples, of `bits` allocated and stored.
fn plain(bits: u16) -> DicomFile {
    let file = DicomFile::slice(0, 0.0).text(INTERCEPT, "DS", "0");
    file.word(BITS_ALLOCATED, bits).word(BITS_STORED, bits).word(HIGH_BIT, bits - 1)
}

/// A row of `columns` pixels.
fn row(file: DicomFile, columns: u16) -> DicomFile {
    file.word(ROWS, 1).word(COLUMNS, columns)
}

/// Little-endian words as the bytes of an element.
fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// An item of a sequence with elements of explicit VR.
fn item(elements: &DicomFile) -> Vec<u8> {
    let contents = elements.dataset();
    let length = (contents.len() as u32).to_le_bytes();
    [&[0xfe, 0xff, 0x00, 0xe0][..], &length, &contents].concat()
}

#[test]
fn wide_samples_keep_every_bit() {
    let check = |signed: u16, stored: u16, sample: u32, kind: SampleType, expected: f64| {
        let file = plain(32).word(BITS_STORED, stored).word(HIGH_BIT, stored - 1);
        let file = file.word(PIXEL_REPRESENTATION, signed);
        let volume = study(&[file.bytes(PIXEL_DATA, "OW", &sample.to_le_bytes().repeat(12))]).volume;
        assert_eq!((volume.sample_type(), value(&volume, 3, 2)), (kind, expected));
    };
    check(0, 32, u32::MAX, SampleType::U32, 4_294_967_295.0);
    check(1, 32, u32::MAX, SampleType::I32, -1.0);
    check(1, 24, 0x0080_0000, SampleType::I32, -8_388_608.0);
    check(0, 24, 0xff00_0001, SampleType::U32, 1.0);
}

#[test]
fn real_samples_are_read_as_they_are() {
    let file = || plain(16).without(PIXEL_DATA).without(BITS_STORED).without(HIGH_BIT).text(SLOPE, "DS", "2");
    let floats: Vec<u8> = (0..12).flat_map(|n| (n as f32 / 3.0).to_le_bytes()).collect();
    let volume = study(&[file().word(BITS_ALLOCATED, 32).bytes((0x7fe0, 0x0008), "OF", &floats)]).volume;
    assert_eq!((volume.sample_type(), value(&volume, 1, 0)), (SampleType::F32, 2.0 * f64::from(1f32 / 3.0)));
    let doubles: Vec<u8> = (0..12).flat_map(|n| (f64::from(n) / 3.0).to_le_bytes()).collect();
    let volume = study(&[file().word(BITS_ALLOCATED, 64).bytes((0x7fe0, 0x0009), "OD", &doubles)]).volume;
    assert_eq!((volume.sample_type(), value(&volume, 1, 0)), (SampleType::F64, 2.0 / 3.0));
}

#[test]
fn single_bits_go_on_within_a_byte_from_frame_to_frame() {
    // Two frames of five pixels: 1 0 1 1 0 and 0 1 1 0 1, the lowest bit first.
    let file = row(plain(1), 5).text((0x0008, 0x0016), "UI", "1.2.840.10008.5.1.4.1.1.7.1");
    let file = file.text(FRAMES, "IS", "2").bytes(PIXEL_DATA, "OB", &[0b1100_1101, 0b0000_0010]);
    let volume = study(&[file.without(POSITION)]).volume;
    assert_eq!((volume.sample_type(), volume.times()), (SampleType::U8, 2));
    assert_eq!(volume.samples().bytes(), [1, 0, 1, 1, 0, 0, 1, 1, 0, 1]);
}

#[test]
fn halved_colours_at_full_size_and_bytes_too_many_are_told() {
    let colour = |photometric: &str, pixels: &[u8]| {
        let file = row(plain(8), 2).word(SAMPLES_PER_PIXEL, 3).text(PHOTOMETRIC, "CS", photometric);
        file.word(PLANAR, 0).bytes(PIXEL_DATA, "OB", pixels)
    };
    let check = |photometric: &str, pixels: &[u8], expected: [u8; 6], codes: &[DoubtCode]| {
        let study = study(&[colour(photometric, pixels).text((0x0018, 0x0088), "DS", "2")]);
        assert_eq!(study.volume.samples().bytes(), expected, "{photometric} {pixels:?}");
        let found: Vec<_> = study.doubts.iter().map(|doubt| doubt.code).collect();
        assert_eq!(found, codes, "{photometric} {pixels:?}");
    };
    let (full, turned) = ([76, 85, 255, 100, 128, 128], [254, 0, 0, 100, 100, 100]);
    check("YBR_FULL", &full, turned, &[]);
    check("YBR_FULL_422", &full, turned, &[DoubtCode::OddHeader]);
    check("YBR_FULL_422", &[50, 100, 128, 128], [50, 50, 50, 100, 100, 100], &[]);
    check("YBR_FULL", &[&full[..], &[9; 4]].concat(), turned, &[DoubtCode::TrailingBytes]);
    let partial = colour("YBR_PARTIAL_422", &full).to_bytes();
    assert_eq!(refusal_of(&partial).map(|refusal| refusal.code), Some(RefusalCode::Inconsistent));
}

#[test]
fn colours_of_sixteen_bits_keep_them() {
    let colour = |planar: u16, pixels: &[u16]| {
        let file = row(plain(16), 2).word(SAMPLES_PER_PIXEL, 3).text(PHOTOMETRIC, "CS", "RGB");
        file.word(PLANAR, planar).words(pixels)
    };
    for file in [colour(0, &[1, 2, 3, 400, 500, 65535]), colour(1, &[1, 400, 2, 500, 3, 65535])] {
        let volume = study(&[file]).volume;
        assert_eq!(volume.sample_type(), SampleType::Rgb16);
        assert_eq!(volume.samples().bytes(), words(&[1, 2, 3, 400, 500, 65535]));
        assert_eq!(volume.statistics().max, 65535.0);
    }
    // Twelve bits of sixteen would be shown nearly black.
    let twelve = colour(0, &[0; 6]).word(BITS_STORED, 12).word(HIGH_BIT, 11).to_bytes();
    assert_eq!(refusal_of(&twelve).map(|refusal| refusal.code), Some(RefusalCode::UnsupportedType));
}

#[test]
fn partial_luminance_reaches_black_and_white() {
    let file = row(plain(8), 2).word(SAMPLES_PER_PIXEL, 3).text(PHOTOMETRIC, "CS", "YBR_PARTIAL_422");
    let volume = study(&[file.bytes(PIXEL_DATA, "OB", &[16, 235, 128, 128])]).volume;
    assert_eq!(volume.samples().bytes(), [0, 0, 0, 255, 255, 255]);
}

/// A row of 8-bit pixels that stand for colours, with the tables of red, green and blue.
fn palette(pixels: &[u8], descriptor: [u16; 3], tables: [&[u8]; 3], first_element: u16) -> DicomFile {
    let mut file = row(plain(8), pixels.len() as u16).text(PHOTOMETRIC, "CS", "PALETTE COLOR");
    for (n, table) in tables.iter().enumerate() {
        file = file.bytes((0x0028, 0x1101 + n as u16), "US", &words(&descriptor));
        file = file.bytes((0x0028, first_element + n as u16), "OW", table);
    }
    file.bytes(PIXEL_DATA, "OB", pixels)
}

#[test]
fn palettes_become_colours() {
    let check = |what: &str, file: DicomFile, expected: &[u8]| {
        let volume = study(&[file]).volume;
        assert_eq!(volume.sample_type(), SampleType::Rgb8, "{what}");
        assert_eq!(volume.samples().bytes(), expected, "{what}");
    };
    let plain = |pixels: &[u8], descriptor, tables| palette(pixels, descriptor, tables, 0x1201);
    let wide: [Vec<u8>; 3] = [[0x1000, 0xff00], [0x2000, 0x8000], [0x3000, 0]].map(|table| words(&table));
    let wide = [&wide[0][..], &wide[1], &wide[2]];
    check("16 bits", plain(&[0, 1], [2, 0, 16], wide), &[0x10, 0x20, 0x30, 0xff, 0x80, 0]);
    check("8 bits", plain(&[0, 1], [2, 0, 8], [&[1, 2], &[3, 4], &[5, 6]]), &[1, 3, 5, 2, 4, 6]);
    let low = [[1u16, 2], [3, 4], [5, 6]].map(|table| words(&table));
    let low = [&low[0][..], &low[1], &low[2]];
    check("8 bits in words", plain(&[0, 1], [2, 0, 8], low), &[1, 3, 5, 2, 4, 6]);
    check("8 bits called 16", plain(&[0, 1], [2, 0, 16], low), &[1, 3, 5, 2, 4, 6]);
    // Below the table its first colour, above it the last one.
    check("from 5 on", plain(&[0, 6, 9], [2, 5, 8], low), &[1, 3, 5, 2, 4, 6, 2, 4, 6]);
    let signed = plain(&[0xfe, 0xff, 0], [2, 0xffff, 8], low).word(PIXEL_REPRESENTATION, 1);
    check("from −1 on", signed, &[1, 3, 5, 1, 3, 5, 2, 4, 6]);
    let long = words(&(0..=65535).map(|n| n as u16).collect::<Vec<_>>());
    let file = plain(&[0, 0], [0, 0, 16], [&long, &long, &long]);
    let file =
        file.word(BITS_ALLOCATED, 16).word(BITS_STORED, 16).word(HIGH_BIT, 15).words(&[0x8000, 0xffff]);
    check("65,536 colours", file, &[0x80, 0x80, 0x80, 0xff, 0xff, 0xff]);
    let short = plain(&[0, 1], [3, 0, 8], [&[1, 2], &[3, 4], &[5, 6]]);
    assert_eq!(refusal_of(&short.to_bytes()).map(|refusal| refusal.code), Some(RefusalCode::Inconsistent));
}

#[test]
fn segmented_palettes_are_expanded() {
    // Two entries, then a line of four up to 0x5000, then the line again by its place in bytes.
    let segments = words(&[0, 2, 0x0100, 0x1000, 1, 4, 0x5000, 2, 1, 8, 0]);
    let expected = [0x01, 0x10, 0x20, 0x30, 0x40, 0x50, 0x50, 0x50, 0x50, 0x50];
    let pixels: Vec<u8> = (0..10).collect();
    let file = |segments: &[u8]| palette(&pixels, [10, 0, 16], [segments; 3], 0x1221);
    let volume = study(&[file(&segments)]).volume;
    let grey: Vec<u8> = expected.iter().flat_map(|entry| [*entry; 3]).collect();
    assert_eq!(volume.samples().bytes(), grey);
    let bytes = palette(&pixels, [10, 0, 8], [&[0, 2, 1, 16, 1, 8, 80, 0]; 3], 0x1221);
    assert_eq!(study(&[bytes]).volume.samples().bytes()[27..], [80; 3]);
    // A segment that repeats itself, one that repeats nothing, one that is cut, and a line from nowhere.
    for broken in [&[2, 9, 0, 0][..], &[0, 1, 7, 2, 3, 400, 0], &[0, 20, 1], &[1, 4, 9], &[7, 1, 1]] {
        let code = refusal_of(&file(&words(broken)).to_bytes()).map(|refusal| refusal.code);
        assert_eq!(code, Some(RefusalCode::Inconsistent), "{broken:?}");
    }
}

#[test]
fn values_that_stand_in_a_table_are_looked_up() {
    let table = DicomFile::empty()
        .bytes((0x0028, 0x3002), "US", &words(&[3, 10, 16]))
        .text((0x0028, 0x3004), "LO", "OD")
        .bytes((0x0028, 0x3006), "OW", &words(&[500, 7, 60000]));
    let file = row(plain(16), 4).words(&[9, 10, 11, 99]).bytes((0x0028, 0x3000), "SQ", &item(&table));
    let study = study(std::slice::from_ref(&file));
    let found: Vec<f64> = (0..4).map(|i| value(&study.volume, i, 0)).collect();
    assert_eq!(found, [500.0, 500.0, 7.0, 60000.0]);
    assert_eq!(study.volume.sample_type(), SampleType::U16);
    assert_eq!(study.volume.unit.as_deref(), Some("OD"));
    assert!(!study.doubts.iter().any(|doubt| doubt.code == DoubtCode::RescalePerSlice));
    let cut = item(&table.bytes((0x0028, 0x3006), "OW", &words(&[500])));
    let refusal = refusal_of(&file.bytes((0x0028, 0x3000), "SQ", &cut).to_bytes());
    assert_eq!(refusal.map(|refusal| refusal.code), Some(RefusalCode::Inconsistent));
}

#[test]
fn every_window_is_suggested_by_its_name() {
    let table = DicomFile::empty()
        .bytes((0x0028, 0x3002), "US", &words(&[101, 50, 16]))
        .text((0x0028, 0x3003), "LO", "Bone")
        .bytes((0x0028, 0x3006), "OW", &words(&[0; 101]));
    let file = DicomFile::slice(0, 0.0)
        .text(WINDOW_CENTER, "DS", "0.25\\40\\7\\40")
        .text(WINDOW_WIDTH, "DS", "0.5\\400\\0\\400")
        .text((0x0028, 0x1055), "LO", "NARROW\\")
        .bytes((0x0028, 0x3010), "SQ", &item(&table));
    let volume = study(&[file]).volume;
    let found: Vec<_> = volume
        .suggested_windows
        .iter()
        .map(|suggested| (&suggested.name[..], suggested.window.centre, suggested.window.width))
        .collect();
    let expected = [("NARROW", 0.25, 0.5), ("Centre 40, width 400", 40.0, 400.0), ("Bone", 100.0, 100.0)];
    assert_eq!(found, expected);
    assert_eq!(volume.first_window().width, 0.5);
}
