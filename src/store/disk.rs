//! What a save does to a disk, operation by operation.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// The operations of a save, each of which may be the last one before a power cut. Tests put
/// themselves in between to stop a save at any of them.
pub trait Disk {
    /// Makes an empty file, or empties one that is left from a save that was cut off.
    fn create(&self, path: &Path) -> io::Result<File>;

    /// Writes bytes where `file` stands, all of them or, after an error, any part.
    fn write(&self, file: &mut File, _path: &Path, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Returns when what was written to `file` is on the disk itself.
    fn sync(&self, file: &File, path: &Path) -> io::Result<()>;

    /// Gives a file another name in its folder; what had that name is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in `folder` are on the disk itself.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The disk of this machine.
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    fn sync(&self, file: &File, _: &Path) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened, and renames are written through.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}

/// How long a save waits for another one into the same folder.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps other saves out of a folder until it is dropped. Where folders cannot be locked (some
/// network shares) there is no lock: the look at what lies there just before the commit remains.
pub(super) fn lock_folder(folder: &Path) -> io::Result<Option<File>> {
    let Ok(handle) = File::open(folder) else { return Ok(None) };
    let start = Instant::now();
    loop {
        match handle.try_lock() {
            Ok(()) => return Ok(Some(handle)),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another program has been saving into this folder for ten seconds",
                ));
            }
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}
