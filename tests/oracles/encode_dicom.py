"""Writes DICOM files whose pixels are compressed by foreign encoders into the folder sys.argv[1].

Beside each NAME.dcm stands NAME.raw, what the encoders' own decoder makes of it: little-endian,
components of a pixel side by side.
"""

import sys
from pathlib import Path

import imagecodecs
import jpeg_ls
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

SYNTAX = "1.2.840.10008.1.2.4."
random = np.random.default_rng(7)


def write(name, uid, codestream, decoded, stored, signed=False, photometric=None):
    rows, columns = decoded.shape[:2]
    samples = 1 if decoded.ndim == 2 else 3
    meta = FileMetaDataset()
    # pydicom knows no JPEG XL; its identifiers are as long as this one.
    known = "201" if uid == "110" else uid
    meta.TransferSyntaxUID = SYNTAX + known
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.Modality = "1.2.4", "1.2.5", "OT"
    data.Rows, data.Columns, data.SamplesPerPixel = rows, columns, samples
    data.PhotometricInterpretation = photometric or ("MONOCHROME2" if samples == 1 else "RGB")
    if samples == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = 8 * decoded.dtype.itemsize
    data.BitsStored, data.HighBit, data.PixelRepresentation = stored, stored - 1, int(signed)
    data.PixelData = encapsulate([bytes(codestream)])
    data["PixelData"].VR = "OB"
    folder = Path(sys.argv[1])
    path = folder / f"{name}.dcm"
    data.save_as(path, enforce_file_format=True)
    if known != uid:
        path.write_bytes(path.read_bytes().replace(bytes(SYNTAX + known, "ascii"), bytes(SYNTAX + uid, "ascii"), 1))
    decoded.astype(decoded.dtype.newbyteorder("<")).tofile(folder / f"{name}.raw")


def picture(rows, columns, bits, components=1):
    """Smooth in one part, noisy in another, flat in a third, with both ends of the range."""
    y, x = np.mgrid[0:rows, 0:columns]
    top = (1 << bits) - 1
    planes = []
    for n in range(components):
        plane = (np.sin(x / (9 + n)) * np.cos(y / 7) + 1) / 2 * top
        plane += (x > columns // 2) * random.normal(0, top / 50, (rows, columns))
        plane[rows // 3 : rows // 2] = top // 3
        plane.flat[:: 41 + n] = top
        plane.flat[5 :: 47 + n] = 0
        planes.append(plane)
    whole = np.clip(np.round(np.stack(planes, -1)), 0, top)
    whole = whole.astype(np.uint8 if bits <= 8 else np.uint16)
    return whole[..., 0] if components == 1 else whole


SIZES = [(1, 1), (1, 40), (40, 1), (37, 53), (128, 200)]
for rows, columns in SIZES:
    for bits in (8, 10, 12, 16):
        grey = picture(rows, columns, bits)
        at = f"{rows}x{columns}_{bits}"
        for near in (0, 1, 2, 3, 9):
            # One encoder writes 16 bits for all of more than 8, the other cannot write very few pixels.
            small = grey.size < 100
            encode = imagecodecs.jpegls_encode if small else jpeg_ls.encode_array
            stream = encode(grey, near)
            uid = "81" if near else "80"
            write(f"jls_{at}_{near}", uid, stream, imagecodecs.jpegls_decode(bytes(stream)), bits)
        if rows > 1 and columns > 1:
            stream = imagecodecs.jpeg2k_encode(grey, codecformat="j2k", reversible=True, bitspersample=bits)
            write(f"j2k_{at}", "90", stream, imagecodecs.jpeg2k_decode(stream), bits)
            stream = imagecodecs.jpeg2k_encode(grey, 40, codecformat="j2k", bitspersample=bits)
            write(f"j2k_{at}_lossy", "91", stream, imagecodecs.jpeg2k_decode(stream), bits)
            stream = imagecodecs.htj2k_encode(grey, reversible=True)
            write(f"ht_{at}", "201", stream, grey, bits)
        stream = imagecodecs.jpegxl_encode(grey, lossless=True, bitspersample=bits)
        write(f"jxl_{at}", "110", stream, grey, bits)
    for bits in (8, 12):
        grey = picture(rows, columns, bits)
        for level in (50, 95):
            stream = imagecodecs.jpeg8_encode(grey, level, bitspersample=bits)
            write(f"dct_{rows}x{columns}_{bits}_{level}", "51", stream, imagecodecs.jpeg8_decode(stream), bits)
    colour = picture(rows, columns, 8, 3)
    at = f"{rows}x{columns}_rgb"
    for near in (0, 2):
        for mode in (0, 1, 2) if rows > 1 and columns > 1 else ():
            order = np.ascontiguousarray(np.moveaxis(colour, 2, 0)) if mode == 0 else colour
            stream = jpeg_ls.encode_array(order, lossy_error=near, interleave_mode=mode)
            uid = "81" if near else "80"
            decoded = imagecodecs.jpegls_decode(bytes(stream))
            if decoded.shape != colour.shape:
                decoded = np.moveaxis(decoded.reshape(3, rows, columns), 0, 2)
            write(f"jls_{at}_{near}_{mode}", uid, stream, np.ascontiguousarray(decoded), 8)
    if rows > 1 and columns > 1:
        stream = imagecodecs.jpeg2k_encode(colour, codecformat="j2k", reversible=True)
        write(f"j2k_{at}", "90", stream, imagecodecs.jpeg2k_decode(stream), 8, photometric="YBR_RCT")
        stream = imagecodecs.htj2k_encode(colour, reversible=True)
        write(f"ht_{at}", "201", stream, colour, 8)
    stream = imagecodecs.jpegxl_encode(colour, lossless=True)
    write(f"jxl_{at}", "110", stream, colour, 8)
# Decoded in several strips.
for tall, bits in ((picture(1500, 1100, 16), 16), (picture(1000, 700, 8, 3), 8)):
    stream = imagecodecs.jpegxl_encode(tall, lossless=True, bitspersample=bits)
    write(f"jxl_tall_{bits}", "110", stream, tall, bits)
signed = (picture(60, 70, 12).astype(np.int16) - 2048).astype(np.int16)
stream = imagecodecs.jpeg2k_encode(signed, codecformat="j2k", reversible=True, bitspersample=12)
write("j2k_signed", "90", stream, imagecodecs.jpeg2k_decode(stream), 12, signed=True)
