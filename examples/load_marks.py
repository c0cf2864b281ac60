"""Loads what Annotomy saved and proves that it fits: `python load_marks.py ct.annotomy.json` (needs nibabel).

Prints each label with its voxels and millilitres, each box and each landmark, and stops with an error where mask,
sidecar and study disagree.
"""

import json
import sys
from pathlib import Path

import nibabel
import numpy

LPS_FROM_RAS = numpy.diag([-1.0, -1.0, 1.0, 1.0])


def load(sidecar_path):
    """The sidecar, and for each layer its labels as an array indexed i, j, k."""
    sidecar_path = Path(sidecar_path)
    sidecar = json.loads(sidecar_path.read_text(encoding="utf-8"))
    study = sidecar["study"]
    layers = []
    for layer in sidecar["layers"]:
        mask = nibabel.load(sidecar_path.parent / layer["file"])
        patient_from_voxel = LPS_FROM_RAS @ mask.affine
        assert list(mask.shape[:3]) == study["dims"], f"{layer['file']} has {mask.shape}, not {study['dims']}"
        assert numpy.allclose(patient_from_voxel, study["patient_from_voxel"], rtol=0, atol=1e-3), layer["file"]
        labels = numpy.asarray(mask.dataobj).reshape(study["dims"])
        counts = {str(label): int((labels == label).sum()) for label in numpy.unique(labels) if label}
        assert counts == layer["counts"], f"{layer['file']} holds {counts}, the sidecar says {layer['counts']}"
        layers.append(labels)
    return sidecar, layers


def check_source(sidecar_path, study):
    """Where the study is NIfTI: its masks carry its affine, bit for bit."""
    if study["format"] != "nifti":
        return
    source = nibabel.load(Path(sidecar_path).parent / study["files"][0])
    assert numpy.allclose(LPS_FROM_RAS @ source.affine, study["patient_from_voxel"], rtol=0, atol=1e-3)
    print(f"{study['files'][0]}: same place as its masks")


def main(sidecar_path):
    sidecar, layers = load(sidecar_path)
    study = sidecar["study"]
    check_source(sidecar_path, study)
    patient_from_voxel = numpy.array(study["patient_from_voxel"])
    voxel_ml = abs(numpy.linalg.det(patient_from_voxel[:3, :3])) / 1000
    for index, label in sidecar["labels"].items():
        for labels in layers:
            voxels = numpy.argwhere(labels == int(index))
            if len(voxels):
                centre = patient_from_voxel[:3, :3] @ voxels.mean(axis=0) + patient_from_voxel[:3, 3]
                volume_ml = len(voxels) * voxel_ml
                print(f"{index} {label['name']}: {len(voxels)} voxels, {volume_ml:.3f} ml, centre {centre.round(2)} LPS mm")
    for mark in sidecar["annotations"]:
        place = mark.get("point_lps") or [mark["min_lps"], mark["max_lps"]]
        print(f"{mark['name']}: {place} LPS mm")


if __name__ == "__main__":
    main(sys.argv[1])
