//! Files that are files: a pipe may never answer, a device never end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens a file; anything else is an error of kind [`io::ErrorKind::InvalidInput`].
pub fn open_plain(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a plain file"));
    }
    File::open(path)
}

/// The bytes of a file of at most `longest` bytes.
pub fn read_plain(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let found = open_plain(path)?.take(longest + 1).read_to_end(&mut bytes)?;
    if found as u64 > longest {
        let text = format!("has more than {} MB", longest >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}
