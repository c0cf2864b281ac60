//! What the fuzz targets share: bytes become a file, and the file is opened as the program opens it.

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Once};

use annotomy::format::{self, Silent};

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
});

/// A path in the folder of this run.
pub fn path(name: &str) -> PathBuf {
    FOLDER.path().join(name)
}

/// Writes a file, opens all it holds, and asserts that what opens agrees with itself.
pub fn open(name: &str, bytes: &[u8]) {
    tolerate_foreign_panics();
    let path = path(name);
    std::fs::write(&path, bytes).expect("written");
    let Ok(scan) = format::scan(&path, &Silent) else { return };
    for series in &scan.series {
        let Ok(study) = format::load(series, &Silent) else { continue };
        let grid = study.volume.grid();
        let count = grid.dims().iter().product::<usize>() * study.volume.times();
        assert_eq!(study.volume.samples().len(), count);
        assert!(grid.patient_from_voxel().rows().as_flattened().iter().all(|x| x.is_finite()));
    }
}

/// Foreign decoders may panic: that is fenced, and becomes a refusal. Our own code may not.
pub fn tolerate_foreign_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let file = info.location().map_or("", |place| place.file());
            if !file.contains("/registry/") && !file.contains("/rustc/") {
                eprintln!("{info}");
                std::process::abort();
            }
        }));
    });
}

/// A DICOM file of one 16 × 16 picture around a fragment in a transfer syntax.
pub fn around(syntax: &str, components: u16, bits: u16, fragment: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    let mut put = |group: u16, element: u16, vr: &[u8; 2], value: &[u8]| {
        let even = value.len().next_multiple_of(2);
        bytes.extend([group.to_le_bytes(), element.to_le_bytes()].concat());
        bytes.extend(vr);
        bytes.extend((even as u16).to_le_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len() + even - value.len(), if vr == b"UI" { 0 } else { b' ' });
    };
    put(2, 0x10, b"UI", syntax.as_bytes());
    put(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.7");
    put(0x28, 2, b"US", &components.to_le_bytes());
    put(0x28, 4, b"CS", if components == 1 { b"MONOCHROME2" } else { b"RGB" });
    put(0x28, 0x10, b"US", &[16, 0]);
    put(0x28, 0x11, b"US", &[16, 0]);
    put(0x28, 0x100, b"US", &bits.to_le_bytes());
    put(0x28, 0x101, b"US", &bits.to_le_bytes());
    put(0x28, 0x102, b"US", &(bits - 1).to_le_bytes());
    put(0x28, 0x103, b"US", &[0, 0]);
    let even = fragment.len().next_multiple_of(2);
    bytes.extend([0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0, 255, 255, 255, 255]);
    bytes.extend([0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0xe0]);
    bytes.extend((even as u32).to_le_bytes());
    bytes.extend(fragment);
    bytes.resize(bytes.len() + even - fragment.len(), 0);
    bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    bytes
}
