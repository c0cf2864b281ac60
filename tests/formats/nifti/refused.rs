//! Files that lie, break off or hold what is not opened: each refused by name, none with a panic.

use annotomy::format::RefusalCode::{self, *};
use annotomy::format::{Silent, nifti, scan};
use proptest::prelude::*;

use super::fixture::{Fixture, gzip, on_disk};

fn check(name: &str, files: &[(&str, Vec<u8>)], code: RefusalCode, words: &str) {
    let (_folder, path) = on_disk(files);
    let refusal = nifti::read(&path, &Silent).err().unwrap_or_else(|| panic!("{name}: opened"));
    assert_eq!(refusal.code, code, "{name}: {refusal}");
    assert!(refusal.text.contains(words), "{name}: {refusal}");
    assert!(!refusal.text.contains('\n'), "{name}: one line");
}

#[test]
fn headers_that_make_no_sense() {
    let check = |fixture: Fixture, code: RefusalCode, words: &str| {
        for (name, bytes) in [("a.nii", fixture.bytes()), ("a.nii.gz", gzip(&fixture.bytes()))] {
            check(words, &[(name, bytes)], code, words);
        }
    };
    let plain = Fixture::new;
    let dim = |dim: &[i64]| Fixture { dim: dim.to_vec(), ..plain() };
    check(dim(&[0, 4, 3, 2]), Inconsistent, "claims 0 axes");
    check(dim(&[8, 4, 3, 2]), Inconsistent, "claims 8 axes");
    check(dim(&[3, 4, 0, 2]), Inconsistent, "axis 2 has length 0");
    check(dim(&[3, 4, 3, -2]), Inconsistent, "axis 3 has length -2");
    check(dim(&[4, 4, 3, 2, -1]), Inconsistent, "axis 4 has length -1");
    check(
        dim(&[7, 32_767, 32_767, 32_767, 32_767, 32_767, 1, 1]),
        Inconsistent,
        "more than can be addressed",
    );
    check(dim(&[1, 24]), UnsupportedShape, "[24]");
    check(dim(&[6, 2, 3, 2, 1, 1, 2]), UnsupportedShape, "[2, 3, 2, 1, 1, 2]");
    let kind = |datatype| Fixture { datatype, ..plain() };
    check(kind(1), UnsupportedType, "1-bit");
    check(kind(32), UnsupportedType, "complex64");
    check(kind(1536), UnsupportedType, "float128");
    check(kind(1792), UnsupportedType, "complex128");
    check(kind(2048), UnsupportedType, "complex256");
    check(kind(0), Inconsistent, "datatype 0");
    check(kind(-9510), Inconsistent, "datatype -9510");
    let offset = |vox_offset| Fixture { vox_offset, ..plain() };
    check(offset(-352.0), Inconsistent, "vox_offset");
    check(offset(100.0), Inconsistent, "vox_offset");
    check(offset(352.5), Inconsistent, "vox_offset");
    check(offset(f64::NAN), Inconsistent, "vox_offset");
    check(offset(f64::INFINITY), Inconsistent, "vox_offset");
    let row = |row| Fixture { srow: [row, [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]], ..plain() };
    check(row([f64::NAN, 0.0, 0.0, 0.0]), BadGeometry, "sform");
    check(row([0.0, 0.0, 0.0, 0.0]), BadGeometry, "sform");
    let quaternion = Fixture { sform_code: 0, qform_code: 1, quatern: [0.0, f64::INFINITY, 0.0], ..plain() };
    check(quaternion, BadGeometry, "qform");
    let size = Fixture { sform_code: 0, pixdim: [1.0, f64::NAN, 1.0, 1.0], ..plain() };
    check(size, BadGeometry, "pixdim");
}

#[test]
fn files_that_are_shorter_than_they_claim() {
    let bytes = Fixture::new().bytes();
    check("no header", &[("a.nii", bytes[..100].to_vec())], Truncated, "the header alone has 348");
    check("no sample", &[("a.nii", bytes[..352].to_vec())], Truncated, "352 bytes are there and 400");
    check("one short", &[("a.nii", bytes[..399].to_vec())], Truncated, "399 bytes are there and 400");
    check("short inside", &[("a.nii.gz", gzip(&bytes[..380]))], Truncated, "380 bytes are there and 400");
    let second = Fixture::version_2().bytes();
    check("half a header", &[("a.nii", second[..400].to_vec())], Truncated, "the header alone has 540");
    let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 9) as u8;
    let noisy =
        Fixture { dim: vec![3, 100, 100, 2], samples: (0..40_000).map(noise).collect(), ..Fixture::new() };
    let compressed = gzip(&noisy.bytes());
    check("cut", &[("a.nii.gz", compressed[..compressed.len() / 2].to_vec())], Truncated, "cut short");
    check("no trailer", &[("a.nii.gz", compressed[..compressed.len() - 8].to_vec())], Truncated, "cut short");
    check("barely gzip", &[("a.nii.gz", compressed[..20].to_vec())], Damaged, "gzip");
}

#[test]
fn files_that_claim_more_than_they_can_hold_cost_nothing() {
    let huge = Fixture { dim: vec![3, 30_000, 30_000, 30_000], ..Fixture::new() };
    check("plain", &[("a.nii", huge.bytes())], Truncated, "54000000000352 are needed");
    check("gzip", &[("a.nii.gz", gzip(&huge.bytes()))], Inconsistent, "can hold");
    let far = Fixture { vox_offset: 1e12, ..Fixture::new() };
    check("far", &[("a.nii", far.bytes())], Truncated, "bytes are there");
    check("far in gzip", &[("a.nii.gz", gzip(&far.bytes()))], Inconsistent, "can hold");
    let endless = Fixture { dim: vec![3, i64::MAX, i64::MAX, 9], ..Fixture::version_2() };
    check("overflow", &[("a.nii", endless.bytes())], Inconsistent, "more than can be addressed");
}

#[test]
fn damaged_compression_is_found() {
    let bytes = Fixture::new().bytes();
    let sound = gzip(&bytes);
    let flipped = |from_end: usize| {
        let mut spoilt = sound.clone();
        let place = spoilt.len() - from_end;
        spoilt[place] ^= 0x10;
        vec![("a.nii.gz", spoilt)]
    };
    check("checksum", &flipped(6), Damaged, "damaged");
    check("length", &flipped(3), Damaged, "damaged");
    let second_member = [gzip(&bytes[..360]), gzip(&bytes[360..])].concat();
    let mut spoilt = second_member;
    let place = spoilt.len() - 7;
    spoilt[place] ^= 1;
    check("checksum of the second member", &[("a.nii.gz", spoilt)], Damaged, "damaged");
}

#[test]
fn what_is_no_nifti_at_all() {
    check("text", &[("a.nii", b"to whom it may concern".to_vec())], NotAnImage, "NIfTI header");
    check("empty", &[("a.nii", Vec::new())], NotAnImage, "NIfTI header");
    check("compressed text", &[("a.nii.gz", gzip(b"to whom it may concern"))], NotAnImage, "NIfTI header");
    check("half a pair", &[("a.hdr", Fixture::of_pair().header())], Unreadable, "does not lie beside it");
    let analyze = Fixture { magic: vec![0; 4], ..Fixture::new() };
    check("no magic word", &[("a.nii", analyze.bytes())], NotAnImage, "NIfTI header");
    let (_folder, path) = on_disk(&[("ct.hdr", b"ENVI\nsamples = 4".to_vec())]);
    assert_eq!(scan(&path, &Silent).expect_err("no study").code, NotAnImage);
}

#[test]
fn a_folder_names_its_broken_files_and_opens_the_others() {
    let (folder, _) = on_disk(&[
        ("good.nii", Fixture::new().bytes()),
        ("broken.nii.gz", b"nothing".to_vec()),
        ("notes.txt", b"nothing".to_vec()),
    ]);
    let found = scan(folder.path(), &Silent).expect("a study");
    assert_eq!(found.series.len(), 1);
    assert_eq!(found.refused.len(), 1);
    assert!(found.refused[0].path.ends_with("broken.nii.gz"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    /// Whatever is done to a file, it opens or is refused; it never panics and never takes long.
    #[test]
    fn mutated_files_open_or_are_refused(
        kind in 0..4u8,
        changes in prop::collection::vec((0..420usize, any::<u8>()), 0..12),
        kept in 0.0..1.5f64,
        compressed in any::<bool>(),
        damage in prop::option::of((0.0..1.0f64, any::<u8>())),
    ) {
        let fixture = match kind {
            0 => Fixture::new(),
            1 => Fixture::version_2(),
            2 => Fixture::big_endian(),
            _ => Fixture { qform_code: 1, quatern: [0.0, 1.0, 0.0], ..Fixture::new() },
        };
        let mut bytes = fixture.bytes();
        for (place, value) in changes {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        let mut bytes = if compressed { gzip(&bytes) } else { bytes };
        bytes.truncate((bytes.len() as f64 * kept) as usize);
        if let Some((place, value)) = damage && !bytes.is_empty() {
            let place = (bytes.len() as f64 * place) as usize;
            bytes[place] = value;
        }
        let name = if compressed { "a.nii.gz" } else { "a.nii" };
        let (_folder, path) = on_disk(&[(name, bytes)]);
        let began = std::time::Instant::now();
        if let Ok(read) = nifti::read(&path, &Silent) {
            prop_assert!(read.volume.samples().len() <= 1 << 20);
        }
        let _ = nifti::read_labels(&path, &Silent);
        prop_assert!(began.elapsed().as_secs() < 5);
    }
}
