//! Pixels that foreign encoders compressed, held against what their own decoders make of them.

use std::path::Path;

use annotomy::format::{self, Silent};

use crate::oracle::python;

const ENCODE: &str = include_str!("../../oracles/encode_dicom.py");

/// How far samples may lie from those of the encoder's own decoder, by the beginning of the file's
/// name: not at all, but for the rounding of cosine transforms.
const TOLERANCES: [(&str, i32); 5] = [("jls_", 0), ("j2k_", 0), ("ht_", 0), ("jxl_", 0), ("dct_", 2)];

#[test]
fn what_foreign_encoders_compressed_decodes_as_they_decode_it() {
    let folder = tempfile::tempdir().expect("a folder");
    if python(ENCODE, &[folder.path()]).is_none() {
        return;
    }
    let (mut wrong, mut count) = (Vec::new(), [0; TOLERANCES.len()]);
    for entry in std::fs::read_dir(folder.path()).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "dcm") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let kind =
                TOLERANCES.iter().position(|(start, _)| name.starts_with(start)).expect("a known kind");
            count[kind] += 1;
            match greatest_difference(&path) {
                Ok(difference) if difference <= TOLERANCES[kind].1 => {}
                Ok(difference) => wrong.push(format!("{name}: off by {difference}")),
                Err(text) => wrong.push(format!("{name}: {text}")),
            }
            if name.contains("37x53") {
                damage(&path);
            }
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count.iter().all(|count| *count > 8), "{count:?}");
}

/// Between the samples of a file and those its encoder's decoder made, which stand beside it.
fn greatest_difference(path: &Path) -> Result<i32, String> {
    let scan = format::scan(path, &Silent).map_err(|refusal| refusal.to_string())?;
    if let Some(refusal) = scan.refused.first() {
        return Err(refusal.to_string());
    }
    let study = format::load(&scan.series[0], &Silent).map_err(|refusal| refusal.to_string())?;
    let found = study.volume.samples().bytes();
    let expected = std::fs::read(path.with_extension("raw")).expect("readable");
    if found.len() != expected.len() {
        return Err(format!("{} bytes for {}", found.len(), expected.len()));
    }
    let sample = study.volume.sample_type();
    let bytes = sample.bytes() / sample.components();
    let number = |bytes: &[u8]| match bytes {
        [byte] => i32::from(*byte),
        bytes => i32::from(u16::from_le_bytes([bytes[0], bytes[1]])),
    };
    let pairs = found.chunks_exact(bytes).zip(expected.chunks_exact(bytes));
    Ok(pairs.map(|(a, b)| (number(a) - number(b)).abs()).max().unwrap_or(0))
}

/// Reads a file with bits turned over and bytes overwritten in its codestream: whatever comes out, the
/// reader comes back.
fn damage(path: &Path) {
    let whole = std::fs::read(path).expect("readable");
    let start = whole.len() / 3;
    let steps = 12;
    for step in 0..steps {
        let place = start + step * (whole.len() - start) / steps;
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (step % 8);
        bytes[(place + 1).min(whole.len() - 1)] = 0xff;
        std::fs::write(path, bytes).expect("written");
        let _ = greatest_difference(path);
    }
}
