//! Studies that the program carries with it.

use std::path::PathBuf;

/// A study inside the program.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    file: &'static str,
    bytes: &'static [u8],
}

/// All of them.
pub(super) const ALL: &[Sample] = &[
    Sample {
        name: "Brain MR (MNI152 T1)",
        about: "the average of 152 heads, 1 mm",
        file: "mni152_t1.nii.gz",
        bytes: include_bytes!("../../assets/sample/mni152_t1.nii.gz"),
    },
    Sample {
        name: "CT phantom",
        about: "synthetic; no two of its sides are alike",
        file: "phantom_ct.nii.gz",
        bytes: include_bytes!("../../assets/sample/phantom_ct.nii.gz"),
    },
];

/// Puts a sample where marks can be saved beside it, unless it lies there already; `None` where no
/// such place can be written.
pub(super) fn unpack(sample: &Sample) -> Option<PathBuf> {
    let folder = directories::ProjectDirs::from("", "", "annotomy")?.data_dir().join("samples");
    let path = folder.join(sample.file);
    if std::fs::metadata(&path).is_ok_and(|file| file.len() == sample.bytes.len() as u64) {
        return Some(path);
    }
    let written = std::fs::create_dir_all(&folder).and_then(|()| {
        let mut temporary = tempfile::NamedTempFile::new_in(&folder)?;
        std::io::Write::write_all(&mut temporary, sample.bytes)?;
        Ok(temporary.persist(&path)?)
    });
    match written {
        Ok(_) => Some(path),
        Err(error) => {
            tracing::error!("the sample was not unpacked into {}: {error}", folder.display());
            None
        }
    }
}
