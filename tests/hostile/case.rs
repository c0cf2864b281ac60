//! What a hostile case is: files, the path that is opened, and what is done with it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What lies at a path.
#[derive(Clone)]
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// This many zeroes that take no room on the disk.
    Sparse(u64),
    Folder,
    #[cfg(unix)]
    Link(PathBuf),
    #[cfg(unix)]
    Pipe,
    #[cfg(unix)]
    Socket,
}

/// What is done with the path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Scanned, and each series loaded.
    Study,
    /// The same, while another thread cuts its first file short.
    Shrinking,
    /// Opened and verified as a saved case.
    Sidecar,
    /// Run as steps on `ct.nii` beside it.
    Steps,
    /// Opened over `ct.nii` beside it, with the table and sidecar that lie there.
    Marks,
}

impl Probe {
    const ALL: [Self; 5] = [Self::Study, Self::Shrinking, Self::Sidecar, Self::Steps, Self::Marks];

    pub(crate) fn number(self) -> usize {
        Self::ALL.iter().position(|probe| *probe == self).expect("all are listed")
    }

    pub(crate) fn of_number(number: usize) -> Self {
        Self::ALL[number]
    }
}

/// One case.
#[derive(Clone)]
pub(crate) struct Case {
    /// `family/what is wrong`, unique.
    pub(crate) name: String,
    pub(crate) files: Vec<(OsString, Content)>,
    /// Which path is opened, inside the case's folder; empty for the folder itself.
    pub(crate) open: OsString,
    pub(crate) probe: Probe,
}

impl Case {
    /// One file of bytes.
    pub(crate) fn file(name: impl Into<String>, file: &str, bytes: Vec<u8>) -> Self {
        Self::new(name, vec![(file.into(), Content::Bytes(bytes))], file)
    }

    /// A DICOM file without an ending.
    pub(crate) fn dicom(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self::file(name, "IM0", bytes)
    }

    /// A folder that is opened as a whole.
    pub(crate) fn folder(name: impl Into<String>, files: Vec<(OsString, Content)>) -> Self {
        Self::new(name, files, "")
    }

    /// Files of which one is opened.
    pub(crate) fn new(
        name: impl Into<String>,
        files: Vec<(OsString, Content)>,
        open: impl Into<OsString>,
    ) -> Self {
        Self { name: name.into(), files, open: open.into(), probe: Probe::Study }
    }

    pub(crate) fn probed(self, probe: Probe) -> Self {
        Self { probe, ..self }
    }

    /// Puts the files into a folder and gives the path that is opened.
    pub(crate) fn put_into(&self, folder: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        for (name, content) in &self.files {
            let path = folder.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            match content {
                Content::Bytes(bytes) => fs::write(&path, bytes)?,
                Content::Sparse(length) => fs::File::create(&path)?.set_len(*length)?,
                Content::Folder => fs::create_dir_all(&path)?,
                #[cfg(unix)]
                Content::Link(target) => std::os::unix::fs::symlink(target, &path)?,
                #[cfg(unix)]
                Content::Pipe => {
                    let made = std::process::Command::new("mkfifo").arg(&path).status()?;
                    assert!(made.success(), "{}: a pipe", self.name);
                }
                #[cfg(unix)]
                Content::Socket => drop(std::os::unix::net::UnixListener::bind(&path)?),
            }
        }
        Ok(if self.open.is_empty() { folder.to_owned() } else { folder.join(&self.open) })
    }

    /// Bytes of all its files.
    pub(crate) fn bytes(&self) -> u64 {
        let length = |content: &Content| match content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Sparse(length) => *length,
            _ => 0,
        };
        self.files.iter().map(|(_, content)| length(content)).sum()
    }
}

/// A file of bytes in a case.
pub(crate) fn file(name: impl Into<OsString>, bytes: impl Into<Vec<u8>>) -> (OsString, Content) {
    (name.into(), Content::Bytes(bytes.into()))
}

/// Numbers that look random and are the same each time (splitmix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
