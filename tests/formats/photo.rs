//! Photographs: the same pixels as Pillow shows, the right way up; what lies is refused.

use std::path::{Path, PathBuf};

use annotomy::format::RefusalCode::{self, *};
use annotomy::format::{DoubtCode, Silent, Study, load, scan};
use annotomy::geometry::VoxelIndex;
use annotomy::volume::{Placement, Samples};
use serde_json::Value;

use crate::nifti::fixture::on_disk;
use crate::oracle;

/// Tells of each photograph: the size as it is seen, and some pixels with their components.
const TELL: &str = r#"
import sys, json, random
import numpy as np
from PIL import Image, ImageOps
Image.MAX_IMAGE_PIXELS = None
def tell(path, within=0):
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode == "P": image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "LA": image = image.convert("RGBA")
    if image.mode == "1": image = image.convert("L")
    array = np.asarray(image)
    random.seed(1)
    at = [[random.randrange(array.shape[1]), random.randrange(array.shape[0])] for _ in range(300)]
    pixels = [[p, np.atleast_1d(array[p[1], p[0]]).astype(int).tolist()] for p in at]
    return {"path": path, "size": [array.shape[1], array.shape[0]], "pixels": pixels, "within": within,
            "mean": float(array.astype(float).mean())}
"#;

const WRITE: &str = r#"
folder = sys.argv[1]
np.random.seed(3)
h, w = 37, 53
y, x = np.mgrid[0:h, 0:w]
smooth = np.stack([x * 4, y * 6, (x + y) * 2], -1).clip(0, 255).astype(np.uint8)
noise = np.random.randint(0, 256, (h, w, 4), np.uint8)
grey16 = np.random.randint(0, 65536, (h, w)).astype(np.uint16)
told = []
def write(image, name, within=0, **how):
    path = f"{folder}/{name}"
    image.save(path, **how)
    told.append(tell(path, within))
modes = {"l": Image.fromarray(noise[..., 0]), "rgb": Image.fromarray(noise[..., :3].copy()),
         "rgba": Image.fromarray(noise), "la": Image.fromarray(noise).convert("LA"),
         "p": Image.fromarray(noise[..., :3].copy()).quantize(17), "bw": Image.fromarray(noise[..., 0]).convert("1"),
         "g16": Image.fromarray(grey16)}
for name, image in modes.items():
    write(image, f"{name}.png")
    for packing in ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"]:
        write(image, f"{name}_{packing}.tif", compression=packing)
write(modes["bw"], "g4.tif", compression="group4")
write(modes["rgb"], "big.tif", big_tiff=True)
photo = Image.fromarray(smooth)
for quality, sampling in [(95, 0), (90, 1), (80, 2)]:
    write(photo, f"q{quality}.jpg", within=3, quality=quality, subsampling=sampling)
write(photo, "progressive.jpg", within=3, progressive=True)
write(photo.convert("L"), "grey.jpg", within=2)
write(photo, "jpeg.tif", within=3, compression="jpeg")
for orientation in range(1, 9):
    exif = Image.Exif(); exif[274] = orientation
    write(modes["rgb"], f"o{orientation}.png", exif=exif.tobytes())
    write(photo, f"o{orientation}.jpg", within=3, exif=exif.tobytes(), quality=95)
    write(modes["rgb"], f"o{orientation}.tif", tiffinfo={274: orientation})
print(json.dumps(told))
"#;

fn open(path: &Path) -> Study {
    let found = scan(path, &Silent).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(found.series[0].source.format(), "photo");
    load(&found.series[0], &Silent).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn pixel(study: &Study, i: usize, j: usize) -> Vec<i64> {
    let volume = &study.volume;
    let offset = volume.grid().offset(VoxelIndex::new(i, j, 0));
    match volume.samples() {
        Samples::Rgb8(samples) => samples[offset].map(i64::from).to_vec(),
        Samples::Rgba8(samples) => samples[offset].map(i64::from).to_vec(),
        Samples::Rgb16(samples) => samples[offset].map(i64::from).to_vec(),
        samples => vec![samples.at(offset) as i64],
    }
}

/// Holds every pixel told against ours, and the mean of all.
fn check(told: &Value) {
    let name = told["path"].as_str().expect("a path");
    let study = open(Path::new(name));
    let number = |value: &Value| value.as_f64().expect("a number");
    let dims = study.volume.grid().dims();
    assert_eq!(
        [dims[0] as f64, dims[1] as f64],
        [number(&told["size"][0]), number(&told["size"][1])],
        "{name}"
    );
    assert_eq!((dims[2], study.volume.placement), (1, Placement::Pixels));
    assert_eq!(study.doubts[0].code, DoubtCode::PixelUnits, "{name}");
    let within = number(&told["within"]);
    for told in told["pixels"].as_array().expect("pixels") {
        let [i, j] = [0, 1].map(|n| number(&told[0][n]) as usize);
        let found = pixel(&study, i, j);
        let expected: Vec<f64> = told[1].as_array().expect("components").iter().map(number).collect();
        let near = found.iter().zip(&expected).all(|(a, b)| (*a as f64 - b).abs() <= within);
        assert!(near && found.len() == expected.len(), "{name} at {i}, {j}: {found:?} {expected:?}");
    }
    let mean = study.volume.statistics().mean;
    assert!((mean - number(&told["mean"])).abs() <= within.max(1e-6), "{name}: mean {mean}");
}

#[test]
fn what_pillow_writes_opens_as_pillow_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(told) = oracle::python(&format!("{TELL}{WRITE}"), &[folder.path()]) else { return };
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let told = told.as_array().expect("a list");
    assert!(told.len() >= 60, "{}", told.len());
    told.iter().for_each(check);
}

#[test]
fn real_photographs_open_as_pillow_reads_them() {
    let Some(studies) = oracle::studies() else { return };
    let names = ["retina.jpg", "ihc.png", "boxes.tiff", "small.svs"];
    let paths: Vec<PathBuf> = names.iter().map(|name| studies.join("photo").join(name)).collect();
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let program = format!(
        "{TELL}\nprint(json.dumps([tell(p, 0 if p.endswith(('png', 'tiff')) else 2) for p in sys.argv[1:]]))"
    );
    let Some(told) = oracle::python(&program, &paths) else { return };
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told.as_array().expect("a list").iter().for_each(check);
    let codes: Vec<DoubtCode> = open(paths[3]).doubts.iter().map(|doubt| doubt.code).collect();
    assert!(codes.contains(&DoubtCode::LeftOut) && codes.contains(&DoubtCode::Lossy), "{codes:?}");
}

/// A PNG of one colour type and depth; `rows` as they lie in the file.
fn png_of(colour: png::ColorType, depth: png::BitDepth, size: [u32; 2], rows: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size[0], size[1]);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().expect("memory");
    writer.write_image_data(rows).expect("memory");
    writer.finish().expect("memory");
    bytes
}

#[test]
fn wide_colours_are_kept_but_those_with_transparency_which_say_so() {
    let rows = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xff, 0xff, 0, 0, 0, 0xff];
    let check = |colour: png::ColorType, size: [u32; 2], first: &[i64], reduced: bool| {
        let (_folder, path) = on_disk(&[("a.png", png_of(colour, png::BitDepth::Sixteen, size, &rows))]);
        let study = open(&path);
        assert_eq!(pixel(&study, 0, 0), first, "{colour:?}");
        let told = study.doubts.iter().any(|doubt| doubt.code == DoubtCode::ReducedDepth);
        assert_eq!(told, reduced, "{colour:?}");
    };
    check(png::ColorType::Rgb, [2, 1], &[0x1234, 0x5678, 0x9abc], false);
    check(png::ColorType::GrayscaleAlpha, [3, 1], &[0x12, 0x12, 0x12, 0x56], true);
    check(png::ColorType::Grayscale, [6, 1], &[0x1234], false);
}

/// The CRC of PNG chunks (ISO/IEC 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 },
        )
    })
}

#[test]
fn what_lies_or_breaks_off_is_refused_by_name() {
    let check = |name: &str, bytes: Vec<u8>, codes: &[RefusalCode]| {
        let (_folder, path) = on_disk(&[(name, bytes)]);
        let refused = match scan(&path, &Silent) {
            Err(refusal) => refusal,
            Ok(found) => load(&found.series[0], &Silent).err().unwrap_or_else(|| panic!("{name}: opened")),
        };
        assert!(codes.contains(&refused.code), "{name}: {refused}");
        assert!(!refused.text.contains('\n') && refused.path == path, "{refused}");
    };
    check("text.png", b"to whom it may concern".to_vec(), &[NotAnImage]);
    check("empty.jpg", Vec::new(), &[NotAnImage]);
    check("text.tif", b"nothing".to_vec(), &[NotAnImage]);
    let noise: Vec<u8> = (0..3000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let sound = png_of(png::ColorType::Rgb, png::BitDepth::Eight, [50, 20], &noise);
    for kept in [20, 33, 60, sound.len() / 2] {
        check("cut.png", sound[..kept].to_vec(), &[Truncated, Damaged]);
    }
    let mut spoilt = sound.clone();
    spoilt[100] ^= 0x55;
    check("spoilt.png", spoilt, &[Damaged, Truncated]);
    // 60000 × 60000 pixels in a few bytes.
    let mut vast = png_of(png::ColorType::Grayscale, png::BitDepth::Eight, [1, 1], &[0]);
    for at in [16, 20] {
        vast[at..at + 4].copy_from_slice(&60_000u32.to_be_bytes());
    }
    let sum = crc(&vast[12..29]);
    vast[29..33].copy_from_slice(&sum.to_be_bytes());
    check("vast.png", vast, &[Inconsistent]);
    let head = |height: u16, width: u16, components: u8| {
        let mut bytes = b"\xff\xd8\xff\xc0\0".to_vec();
        bytes.push(8 + 3 * components);
        bytes.push(8);
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.push(components);
        bytes.extend((1..=components).flat_map(|n| [n, 0x11, 0]));
        bytes
    };
    check("vast.jpg", head(65_000, 65_000, 3), &[Inconsistent]);
    check("headed.jpg", head(8, 8, 3), &[Truncated, Damaged]);
    let tiff = |entries: &[(u16, u16, u32)]| {
        let mut bytes = b"II\x2a\0\x08\0\0\0".to_vec();
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(1u32.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes
    };
    let grey = |size: u32, compression: u32, photometric: u32| {
        tiff(&[
            (256, 4, size),
            (257, 4, size),
            (258, 3, 8),
            (259, 3, compression),
            (262, 3, photometric),
            (273, 4, 8),
            (277, 3, 1),
            (278, 4, size),
            (279, 4, 100),
        ])
    };
    check("vast.tif", grey(60_000, 1, 1), &[Inconsistent]);
    check("vast_lzw.tif", grey(60_000, 5, 1), &[Inconsistent]);
    check("palette.tif", grey(4, 1, 3), &[Inconsistent]);
    check("unknown.tif", grey(4, 34_712, 1), &[UnsupportedType]);
    check("circle.tif", tiff(&[(256, 4, 8)]), &[Damaged]);
}

/// A TIFF file of samples, which begin at byte 8, and of a directory: tag, type (3 words, 4 long words), numbers.
fn tiff_of(big_endian: bool, samples: &[u8], entries: &[(u16, u16, &[u32])]) -> Vec<u8> {
    let word = |word: u16| if big_endian { word.to_be_bytes() } else { word.to_le_bytes() };
    let long = |long: u32| if big_endian { long.to_be_bytes() } else { long.to_le_bytes() };
    let mut bytes = if big_endian { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
    let directory = 8 + samples.len() as u32;
    bytes.extend(long(directory));
    bytes.extend(samples);
    let (mut far, beyond) = (Vec::new(), directory + 2 + 12 * entries.len() as u32 + 4);
    bytes.extend(word(entries.len() as u16));
    for (tag, kind, numbers) in entries {
        let mut value: Vec<u8> = match kind {
            3 => numbers.iter().flat_map(|number| word(*number as u16)).collect(),
            _ => numbers.iter().flat_map(|number| long(*number)).collect(),
        };
        if value.len() > 4 {
            let place = long(beyond + far.len() as u32);
            far.append(&mut value);
            value = place.to_vec();
        }
        value.resize(4, 0);
        bytes.extend(word(*tag).into_iter().chain(word(*kind)));
        bytes.extend(long(numbers.len() as u32).into_iter().chain(value));
    }
    bytes.extend([0; 4]);
    bytes.extend(far);
    bytes
}

#[test]
fn indices_of_few_bits_become_the_colours_of_their_palette() {
    // 3 × 2 pixels of 4 bits, indices 0 15 1 / 2 3 14, in either byte order.
    let file = |big_endian: bool, colours: u32| {
        let palette: Vec<u32> =
            (0..3).flat_map(|channel| (0..colours).map(move |n| (n * 16 + channel) << 8 | 0x33)).collect();
        tiff_of(
            big_endian,
            &[0x0f, 0x10, 0x23, 0xe0],
            &[
                (256, 3, &[3]),
                (257, 3, &[2]),
                (258, 3, &[4]),
                (259, 3, &[1]),
                (262, 3, &[3]),
                (273, 4, &[8]),
                (277, 3, &[1]),
                (278, 3, &[2]),
                (279, 4, &[4]),
                (320, 3, &palette),
            ],
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    for big_endian in [false, true] {
        std::fs::write(&path, file(big_endian, 16)).expect("written");
        let study = open(&path);
        let expected = [[0, 15, 1], [2, 3, 14]];
        for (j, row) in expected.into_iter().enumerate() {
            for (i, index) in row.into_iter().enumerate() {
                assert_eq!(pixel(&study, i, j), [16 * index, 16 * index + 1, 16 * index + 2], "{i} {j}");
            }
        }
    }
    std::fs::write(&path, file(false, 8)).expect("written");
    let found = scan(&path, &Silent).expect("a header");
    let refused = load(&found.series[0], &Silent).expect_err("an index beyond the palette");
    assert_eq!(refused.code, RefusalCode::Inconsistent);
}

#[test]
fn tiles_of_lzw_are_whole_though_the_picture_ends_within_them() {
    const TILE: usize = 16;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    let check = |[width, height]: [usize; 2], big_endian: bool| {
        let sample = |i: usize, j: usize, c: usize| ((i * 31 + j * 97 + c * 13) * (i + 7 * j + 3) / 4) as u8;
        let (mut tiles, mut places, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for j in (0..height).step_by(TILE) {
            for i in (0..width).step_by(TILE) {
                let rows = (j..j + TILE).flat_map(|j| (i..i + TILE).map(move |i| [i, j]));
                let samples: Vec<u8> = rows.flat_map(|[i, j]| [0, 1, 2].map(|c| sample(i, j, c))).collect();
                let lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
                    .encode(&samples)
                    .expect("compressed");
                places.push(8 + tiles.len() as u32);
                lengths.push(lzw.len() as u32);
                tiles.extend(lzw);
            }
        }
        tiles.resize(tiles.len().next_multiple_of(2), 0);
        let entries: [(u16, u16, &[u32]); 10] = [
            (256, 3, &[width as u32]),
            (257, 4, &[height as u32]),
            (258, 3, &[8, 8, 8]),
            (259, 3, &[5]),
            (262, 3, &[2]),
            (277, 3, &[3]),
            (322, 3, &[TILE as u32]),
            (323, 3, &[TILE as u32]),
            (324, 4, &places),
            (325, 4, &lengths),
        ];
        std::fs::write(&path, tiff_of(big_endian, &tiles, &entries)).expect("written");
        let study = open(&path);
        assert_eq!(study.volume.grid().dims(), [width, height, 1]);
        for (i, j) in (0..height).flat_map(|j| (0..width).map(move |i| (i, j))) {
            assert_eq!(pixel(&study, i, j), [0, 1, 2].map(|c| i64::from(sample(i, j, c))), "{i} {j}");
        }
    };
    for width in 33..49 {
        check([width, 30], width % 2 == 0);
    }
    check([16, 32], false);
}

#[test]
fn colours_of_sixteen_bits_keep_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.tif");
    let colours = [[0x1234u16, 0xfffe, 3], [9, 0x8001, 0x7fff]];
    for big_endian in [false, true] {
        let bytes = |sample: u16| if big_endian { sample.to_be_bytes() } else { sample.to_le_bytes() };
        let samples: Vec<u8> = colours.into_iter().flatten().flat_map(bytes).collect();
        let entries: [(u16, u16, &[u32]); 9] = [
            (256, 3, &[2]),
            (257, 3, &[1]),
            (258, 3, &[16, 16, 16]),
            (259, 3, &[1]),
            (262, 3, &[2]),
            (273, 4, &[8]),
            (277, 3, &[3]),
            (278, 3, &[1]),
            (279, 4, &[12]),
        ];
        std::fs::write(&path, tiff_of(big_endian, &samples, &entries)).expect("written");
        let study = open(&path);
        for (i, colour) in colours.into_iter().enumerate() {
            assert_eq!(pixel(&study, i, 0), colour.map(i64::from));
        }
        assert!(study.doubts.iter().all(|doubt| doubt.code != DoubtCode::ReducedDepth));
    }
}

#[test]
fn the_colours_of_print_are_refused() {
    let write = r#"
import sys
from PIL import Image
image = Image.new("CMYK", (16, 16), (10, 20, 30, 40))
image.save(sys.argv[1] + "/a.jpg"); image.save(sys.argv[1] + "/a.tif")
Image.new("RGB", (8, 8)).save(sys.argv[1] + "/b.jpg")
data = open(sys.argv[1] + "/b.jpg", "rb").read()
open(sys.argv[1] + "/c.jpg", "wb").write(data[:len(data) * 2 // 3])
"#;
    let folder = tempfile::tempdir().expect("a folder");
    if oracle::python(write, &[folder.path()]).is_none() {
        return;
    }
    for (name, code) in [("a.jpg", UnsupportedType), ("a.tif", UnsupportedType), ("c.jpg", Truncated)] {
        let found = scan(&folder.path().join(name), &Silent).expect("a photograph");
        let refusal = load(&found.series[0], &Silent).expect_err("not opened");
        assert_eq!(refusal.code, code, "{refusal}");
    }
}
