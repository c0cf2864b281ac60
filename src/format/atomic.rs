//! Files that are either whole or not there.

use std::fs::File;
use std::io;
use std::path::Path;

/// Writes `path` by way of a temporary file in the same folder that takes its name only when it is
/// whole and on the disk; until then, and whenever `write` fails, what was there stays.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // What stands there for something else is not to be replaced by a file; a link goes on to lead to one.
    let target = match std::fs::metadata(path) {
        Ok(there) if there.is_file() => path.canonicalize()?,
        Ok(_) => return Err(io::Error::other("what has that name is no plain file")),
        Err(_) => path.to_owned(),
    };
    let path = target.as_path();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".annotomy-").suffix(".part");
    // A temporary file is its owner's alone; a study's mask is as readable as any new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name itself survives a power cut only once the folder is on the disk.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_failed_write_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("Maske-ü.nii");
        write_atomically(&path, |file| file.write_all(b"first")).expect("written");
        let failed = write_atomically(&path, |file| {
            file.write_all(b"second, in part")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).expect("readable"), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}
