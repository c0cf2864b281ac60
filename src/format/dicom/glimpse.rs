//! One slice of the series that seems to be meant, shown before all headers of a folder are read.
//!
//! Always true: the slice has its own values and lies at its own place. A few files, spread over all,
//! are looked at; it is of the volume to which two thirds of them belong, since the likeliest series is
//! the one with most pictures. Where there is no such volume nothing is shown.
//!
//! Must never know: what the other files hold.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::header::Found;
use super::picture::Picture;
use super::{assemble, file, group};
use crate::format::{Silent, Watch};

/// Files that are looked at.
const LOOKED_AT: usize = 7;

/// Shows one slice of the likeliest series. A glimpse is a courtesy: where it cannot be had there is none.
pub(super) fn show(files: &[PathBuf], watch: &dyn Watch) {
    // The headers of few files are read as soon as a slice is.
    if !watch.wants_preview() || files.len() < 4 * LOOKED_AT {
        return;
    }
    let spread = |n: usize| (2 * n + 1) * files.len() / (2 * LOOKED_AT);
    let pictures: Vec<Picture> =
        (0..LOOKED_AT).into_par_iter().filter_map(|n| middle_picture(&files[spread(n)])).collect();
    let of_one_volume = |picture: &Picture| -> Vec<&Picture> {
        pictures.iter().filter(|other| group::is_of_one_volume(picture, other)).collect()
    };
    let Some(likeliest) = pictures.iter().map(of_one_volume).max_by_key(Vec::len) else { return };
    if 3 * likeliest.len() < 2 * LOOKED_AT {
        return;
    }
    let (stacks, _) = group::group(vec![likeliest[likeliest.len() / 2].clone()]);
    if let Some(Ok(slice)) = stacks.first().map(|stack| assemble::middle_slice(stack, &Silent)) {
        watch.preview(slice);
    }
}

fn middle_picture(path: &Path) -> Option<Picture> {
    let Ok(Found::Image(mut pictures)) = file::read(path) else { return None };
    (!pictures.is_empty()).then(|| pictures.swap_remove(pictures.len() / 2))
}
