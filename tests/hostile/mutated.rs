//! Sound files with some of their bytes changed: those made here, and real ones where they are there.

use std::path::{Path, PathBuf};

use crate::case::{Case, Chance};
use crate::dicom::*;
use crate::nifti::{gzip, sound, sound_2};
use crate::pixels::{STREAMS, around};

/// How a file is changed.
const WAYS: usize = 7;

/// One of several changes of `bytes`; `other` is spliced in.
fn changed(bytes: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let length = bytes.len().max(1);
    // Most of what can be misread stands at the start.
    let place = |chance: &mut Chance| {
        if chance.below(2) == 0 { chance.below(length.min(600)) } else { chance.below(length) }
    };
    if bytes.is_empty() {
        return bytes;
    }
    match chance.below(WAYS) {
        0 => (0..=chance.below(8)).for_each(|_| {
            let at = place(chance);
            bytes[at] ^= 1 << chance.below(8);
        }),
        1 => (0..=chance.below(4)).for_each(|_| {
            let at = place(chance);
            bytes[at] = chance.one_of(&[0, 1, 0x7f, 0x80, 0xfe, 0xff]);
        }),
        2 => {
            let at = place(chance);
            let value = chance.one_of(&[
                0u32,
                1,
                0x7f,
                0xffff,
                0x1_0000,
                0x7fff_ffff,
                0x8000_0000,
                0xffff_fffe,
                u32::MAX,
            ]);
            let value = if chance.below(2) == 0 { value.to_le_bytes() } else { value.to_be_bytes() };
            let end = (at + 4).min(length);
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
        3 => bytes.truncate(place(chance)),
        4 => {
            let (at, end) = (place(chance), place(chance));
            bytes.drain(at.min(end)..at.max(end).min(at.min(end) + 64));
        }
        5 => {
            let (at, from) = (place(chance), chance.below(other.len().max(1)));
            let part = &other[from..(from + 1 + chance.below(64)).min(other.len())];
            bytes.splice(at..at, part.iter().copied());
        }
        _ => {
            let (a, b) = (place(chance), place(chance));
            let count = (1 + chance.below(32)).min(length - a).min(length - b);
            for n in 0..count {
                bytes.swap(a + n, b + n);
            }
        }
    }
    bytes
}

/// Changes of files that are made here.
pub(crate) fn cases() -> Vec<Case> {
    let slice = Object::slice();
    let mut sources = vec![
        ("a.nii".to_owned(), sound()),
        ("b.nii".to_owned(), sound_2()),
        ("c.nii.gz".to_owned(), gzip(&sound())),
        ("explicit".to_owned(), slice.bytes()),
        ("implicit".to_owned(), slice.in_implicit()),
        ("big endian".to_owned(), slice.in_big_endian()),
        ("deflated".to_owned(), slice.in_deflate()),
        ("rle".to_owned(), {
            let words =
                [2u32, 64, 68].into_iter().chain([0; 13]).flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
            slice.compressed(RLE, &[&[words, vec![129, 7, 129, 7, 129, 7, 129, 7]].concat()]).bytes()
        }),
    ];
    for (kind, syntax, stream, deep, components) in STREAMS {
        sources.push((kind.to_owned(), around(syntax, deep, components, &[stream]).bytes()));
    }
    let mut chance = Chance::new(2026);
    let mut cases = Vec::new();
    for (n, (name, bytes)) in sources.iter().enumerate() {
        let other = &sources[(n + 1) % sources.len()].1;
        for round in 0..40 {
            let bytes = changed(bytes, other, &mut chance);
            cases.push(Case::file(format!("mutated/{name} {round}"), name, bytes));
        }
    }
    // The streams themselves, whose bytes are few among those of a file.
    for (kind, syntax, stream, deep, components) in STREAMS {
        for round in 0..40 {
            let stream = changed(stream, STREAMS[round % STREAMS.len()].2, &mut chance);
            let bytes = around(syntax, deep, components, &[&stream]).bytes();
            cases.push(Case::dicom(format!("mutated/stream of {kind} {round}"), bytes));
        }
    }
    cases
}

/// Real files with some bytes changed; `None`, and said so, where they are not there.
pub(crate) fn of_real_files() -> Option<Vec<Case>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let data = std::env::var_os("ANNOTOMY_DATA").map_or(beside, PathBuf::from);
    if !data.join("truth.json").is_file() {
        let required = std::env::var_os("ANNOTOMY_REQUIRE_DATA").is_some_and(|value| value == "1");
        assert!(!required, "the studies are required and not at {}", data.display());
        println!("skipped: no studies at {} (set ANNOTOMY_DATA)", data.display());
        return None;
    }
    let mut paths = Vec::new();
    for folder in ["dicom", "nifti", "photo"] {
        small_files(&data.join(folder), &mut paths);
    }
    paths.sort();
    let mut chance = Chance::new(77);
    let mut cases = Vec::new();
    let mut other = Vec::new();
    for path in paths.iter().step_by(2) {
        let bytes = std::fs::read(path).expect("readable");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let inside = path.strip_prefix(&data).expect("inside").display().to_string();
        for round in 0..2 {
            cases.push(Case::file(
                format!("real/{inside} {round}"),
                &name,
                changed(&bytes, &other, &mut chance),
            ));
        }
        other = bytes;
    }
    Some(cases)
}

/// Files of at most 160 KB, below a folder.
fn small_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let entry = entry.expect("an entry");
        let kind = entry.metadata().expect("metadata");
        match kind.is_dir() {
            true => small_files(&entry.path(), found),
            false if kind.len() <= 160 << 10 => found.push(entry.path()),
            false => {}
        }
    }
}
