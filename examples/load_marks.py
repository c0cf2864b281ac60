"""Loads what Annotomy saved and proves that it fits: `python load_marks.py ct.annotomy.json` (needs nibabel).

Prints each label with its voxels and millilitres, each box and each landmark, and stops with an error where mask,
sidecar and study disagree.
"""

import hashlib
import json
import sys
from pathlib import Path

import nibabel
import numpy

LPS_FROM_RAS = numpy.diag([-1.0, -1.0, 1.0, 1.0])


def load(sidecar_path):
    """The sidecar, and for each layer its labels as an array indexed i, j, k."""
    folder = Path(sidecar_path).parent
    sidecar = json.loads(Path(sidecar_path).read_text(encoding="utf-8"))
    study = sidecar["study"]
    layers = []
    for layer in sidecar["layers"]:
        file = folder / layer["file"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == layer["sha256"], f"{file} was changed since"
        mask = nibabel.load(file)
        labels = numpy.asarray(mask.dataobj).reshape(study["dims"])
        assert lies_in_its_place(mask, study), f"{file} lies elsewhere"
        for count in layer["counts"]:
            voxels = int((labels == count["label"]).sum())
            assert voxels == count["voxels"], f"{file} has {voxels} voxels where the sidecar says {count}"
        layers.append(labels)
    return sidecar, layers


def lies_in_its_place(image, study):
    """Whether an image of nibabel's (RAS) and the study (LPS) agree to a thousandth of a millimetre."""
    return numpy.allclose(LPS_FROM_RAS @ image.affine, study["patient_from_voxel"], rtol=0, atol=1e-3)


def check_source(sidecar_path, study):
    """Where the study is NIfTI: it still lies where its masks do."""
    if study["format"] == "nifti":
        source = Path(sidecar_path).parent / study["files"][0]
        assert lies_in_its_place(nibabel.load(source), study), f"{source} was moved since"


def main(sidecar_path):
    sidecar, layers = load(sidecar_path)
    study = sidecar["study"]
    check_source(sidecar_path, study)
    patient_from_voxel = numpy.array(study["patient_from_voxel"])
    voxel_ml = abs(numpy.linalg.det(patient_from_voxel[:3, :3])) / 1000
    for label in sidecar["labels"]:
        for labels in layers:
            voxels = numpy.argwhere(labels == label["index"])
            if len(voxels):
                centre = patient_from_voxel[:3, :3] @ voxels.mean(axis=0) + patient_from_voxel[:3, 3]
                size = f"{len(voxels)} voxels, {len(voxels) * voxel_ml:.3f} ml"
                print(f"{label['index']} {label['name']}: {size}, centre {centre.round(2)} LPS mm")
    for mark in sidecar["annotations"]:
        place = mark["point_lps"] if mark["kind"] == "landmark" else [mark["min_lps"], mark["max_lps"]]
        print(f"{mark['kind']} {mark['name']}: {place} LPS mm")


if __name__ == "__main__":
    main(sys.argv[1])
