//! Islands of a label: keeping, removing and telling apart its connected parts.

use super::{Cancelled, Components, Connectivity, Progress};
use crate::volume::Mask;

/// Which islands stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Islands {
    /// So many of the largest; of equals those that begin first.
    Largest(usize),
    /// Those of at least so many voxels.
    AtLeast(u64),
}

/// The islands of a mask that stay.
pub fn islands(
    mask: &Mask,
    stay: Islands,
    connectivity: Connectivity,
    progress: &dyn Progress,
) -> Result<Mask, Cancelled> {
    let parts = Components::of(mask, connectivity, progress)?;
    Ok(match stay {
        Islands::AtLeast(voxels) => parts.mask(|part| parts.sizes()[part] >= voxels),
        Islands::Largest(count) => {
            let mut kept = vec![false; parts.count()];
            parts.largest_first().iter().take(count).for_each(|part| kept[*part] = true);
            parts.mask(|part| kept[part])
        }
    })
}

/// Every island of a mask that is not smaller than `least` voxels, the largest first.
pub fn split(
    mask: &Mask,
    least: u64,
    connectivity: Connectivity,
    progress: &dyn Progress,
) -> Result<Vec<Mask>, Cancelled> {
    let parts = Components::of(mask, connectivity, progress)?;
    let wanted = parts.largest_first().into_iter().take_while(|part| parts.sizes()[*part] >= least);
    Ok(wanted.map(|part| parts.part_mask(part)).collect())
}
