//! Names of NIfTI files: endings, stems, and the two halves of a pair.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a name's ending says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// `.nii`
    Single,
    /// `.hdr`
    Header,
    /// `.img`
    Image,
    /// Anything else.
    Other,
}

/// The name without `.gz` and without its ending, and what that was; case is ignored.
fn parts(path: &Path) -> (PathBuf, Ending) {
    let has = |path: &Path, ending: &str| {
        path.extension().is_some_and(|found| found.to_string_lossy().eq_ignore_ascii_case(ending))
    };
    let plain = if has(path, "gz") { path.with_extension("") } else { path.to_owned() };
    for (word, ending) in [("nii", Ending::Single), ("hdr", Ending::Header), ("img", Ending::Image)] {
        if has(&plain, word) {
            return (plain.with_extension(""), ending);
        }
    }
    (path.with_extension(""), Ending::Other)
}

/// What the name's ending says, `.gz` aside.
pub(super) fn ending(path: &Path) -> Ending {
    parts(path).1
}

/// The file's name without folder and ending, `.nii.gz` and the like taken off whole.
pub fn stem(path: &Path) -> String {
    let (without, _) = parts(path);
    without.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The other half of a pair, if it lies beside `path`: the samples of a header, the header of samples.
pub(super) fn other_half(path: &Path) -> Option<PathBuf> {
    let (without, ending) = parts(path);
    let wanted: [&str; 4] = match ending {
        Ending::Header => [".img", ".img.gz", ".IMG", ".IMG.GZ"],
        Ending::Image => [".hdr", ".hdr.gz", ".HDR", ".HDR.GZ"],
        Ending::Single | Ending::Other => return None,
    };
    let with = |ending: &str| {
        let mut name = OsString::from(&without);
        name.push(ending);
        PathBuf::from(name)
    };
    wanted.into_iter().map(with).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_come_off_whole_and_dots_in_names_stay() {
        let check = |name: &str, expected: (&str, Ending)| {
            let path = Path::new("folder.x").join(name);
            assert_eq!((stem(&path).as_str(), ending(&path)), expected, "{name}");
        };
        check("ct.nii.gz", ("ct", Ending::Single));
        check("sub.01.nii", ("sub.01", Ending::Single));
        check("CT.NII.GZ", ("CT", Ending::Single));
        check("head.hdr.gz", ("head", Ending::Header));
        check("Kopf-Ü.img", ("Kopf-Ü", Ending::Image));
        check("scan.dat", ("scan", Ending::Other));
        check("no_ending", ("no_ending", Ending::Other));
    }
}
