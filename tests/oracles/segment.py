"""Computes again what tests/segment computed, and prints what does not agree.

    segment.py STUDY LABELS LIST seed_i seed_j seed_k low high spacing_i spacing_j spacing_k
"""
import os
import sys

import cc3d
import edt
import nibabel
import numpy as np
import scipy.ndimage as ndi
import SimpleITK as sitk
from skimage.filters import threshold_otsu

study, labels, listed = sys.argv[1:4]
numbers = [float(n) for n in sys.argv[4:]]
seed, (low, high), spacing = [int(n) for n in numbers[:3]], numbers[3:5], numbers[5:8]
# Arrays are indexed i, j, k.
values = np.asarray(nibabel.load(study).dataobj)
label_map = np.asarray(nibabel.load(labels).dataobj).astype(np.uint16)
dims = values.shape
wrong = []


def raw(file, kind):
    return np.fromfile(os.path.join(os.path.dirname(listed), file), kind).reshape(dims, order="F")


def neighbours(number):
    return ndi.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[number])


def same_parts(ours, theirs):
    """Whether two numberings tell the same parts apart."""
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1] and (ours.max() == theirs.max())


def reach(mm):
    return [int(mm / s * (1 + 1e-9)) for s in spacing]


def near(mask, mm):
    if not mask.any():
        return mask
    return ndi.distance_transform_edt(~mask, sampling=spacing) <= mm * (1 + 1e-9)


def padded(mask, mm):
    return np.pad(mask, [(2 * n + 1, 2 * n + 1) for n in reach(mm)]), tuple(slice(2 * n + 1, -2 * n - 1) for n in reach(mm))


def closed(mask, mm):
    wide, inner = padded(mask, mm)
    return ~near(~near(wide, mm), mm)[inner]


def shrunk(mask, mm):
    return mask & ~near(~mask, mm)


def region(number):
    """ITK floods across faces, or across faces, edges and corners."""
    image = sitk.GetImageFromArray(values.astype(np.float32).T)
    if number == 18:
        parts, _ = ndi.label((values >= low) & (values <= high), neighbours(18))
        return (parts == parts[tuple(seed)]) & (parts > 0)
    flood = sitk.ConnectedThreshold(image, [seed], low, high, 1, int(number == 26))
    return sitk.GetArrayFromImage(flood).T > 0


def confidence():
    image = sitk.GetImageFromArray(values.astype(np.float32).T)
    found = sitk.ConfidenceConnected(image, [seed], numberOfIterations=4, multiplier=2.0, initialNeighborhoodRadius=1, replaceValue=1)
    return sitk.GetArrayFromImage(found).T > 0


def expected(name, mask):
    word, _, rest = name.partition(" ")
    match word:
        case "threshold": return (values >= low) & (values <= high)
        case "region": return region(int(rest))
        case "confidence": return confidence()
        case "largest": return cc3d.largest_k(mask, k=1, connectivity=26, binary_image=True) > 0
        case "at":
            parts, _ = ndi.label(mask, neighbours(6))
            return mask & (np.bincount(parts.ravel())[parts] >= 20)
        case "filled" if rest:
            axis = int(rest.split()[-1])
            slices = [ndi.binary_fill_holes(s) for s in np.moveaxis(mask, axis, 0)]
            return np.moveaxis(np.array(slices), 0, axis)
        case "filled": return ndi.binary_fill_holes(mask)
        case "grown": return near(mask, float(rest))
        case "shrunk": return shrunk(mask, float(rest))
        case "closed": return closed(mask, float(rest))
        case "opened": return near(shrunk(mask, float(rest)), float(rest))
        case "median": return ndi.median_filter(mask.astype(np.uint8), (5, 3, 3), mode="nearest") > 0
    raise SystemExit(f"nobody computes {name}")


mask = None
for line in open(listed, encoding="utf-8"):
    name, file = line.rstrip("\n").split("\t")
    if name == "mask":
        mask = raw(file, np.uint8) > 0
        agree = mask.any()
    elif name == "islands of labels":
        agree = same_parts(raw(file, np.uint32), cc3d.connected_components(label_map, connectivity=26))
    elif name.startswith("components"):
        number = int(name.split()[1])
        ours = raw(file, np.uint32)
        agree = same_parts(ours, cc3d.connected_components(mask, connectivity=number, binary_image=True))
        agree &= same_parts(ours, ndi.label(mask, neighbours(number))[0])
    elif name == "distance":
        ours = raw(file, np.float32)
        agree = np.abs(ours - ndi.distance_transform_edt(~mask, sampling=spacing)).max() <= 1e-5
        agree &= np.abs(ours - edt.edt(np.ascontiguousarray(~mask), anisotropy=spacing)).max() <= 1e-4
    elif name == "gaussian":
        smooth = ndi.gaussian_filter(values.astype(np.float64), (2.0, 1.5, 0.7))
        agree = np.abs(raw(file, np.float32) - smooth).max() <= 1e-5 * np.abs(values).max()
    elif name == "gaussian mask":
        smooth = ndi.gaussian_filter(mask.astype(np.float64), (1.5, 1.0, 0.5))
        agree = ((raw(file, np.uint8) > 0) == (smooth > 0.5))[np.abs(smooth - 0.5) > 1e-5].all()
    elif name == "otsu":
        ours = np.fromfile(os.path.join(os.path.dirname(listed), file), np.float64)[0]
        agree = ours == threshold_otsu(values)
    else:
        ours, theirs = raw(file, np.uint8) > 0, expected(name, mask)
        agree = (ours == theirs).all()
        name += f": {ours.sum()} for {theirs.sum()}, {(ours != theirs).sum()} differ"
    if not agree:
        wrong.append(name)
print("\n".join(wrong) if wrong else "all agree")
