"""Makes the bundled fonts from the Inter release: `python subset.py FOLDER_OF_INTER_OTF` (needs fonttools).

egui has no switch for OpenType features, so the tabular figures (`tnum`) are made the ordinary ones here: a
number that changes under the cursor keeps its width. Contextual alternates (`calt`) are left out: text is
shown as it was typed ("->" stays two characters, "2x4" keeps its letter x). Outlines are untouched. "Inter" is
a trademark of its author, so the changed family goes by another name.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FAMILY = "Annotomy Sans"
WEIGHTS = ["Regular", "Medium", "SemiBold"]
RANGES = [
    (0x0020, 0x017F),  # Latin, Latin-1, extension A
    (0x01A0, 0x01B0),  # Vietnamese
    (0x01CD, 0x01DC),  # Pinyin
    (0x0218, 0x021B),  # Romanian
    (0x02B0, 0x036F),  # spacing and combining marks
    (0x0370, 0x03FF),  # Greek
    (0x0400, 0x04FF),  # Cyrillic
    (0x1E80, 0x1EFF),  # Welsh, Vietnamese
    (0x2000, 0x209F),  # punctuation, superscripts, subscripts
    (0x20A0, 0x20CF),  # currency
    (0x2100, 0x214F),  # letterlike
    (0x2190, 0x23FF),  # arrows, mathematics, technical
    (0x25A0, 0x26FF),  # shapes, symbols
]
FEATURES = ["kern", "mark", "mkmk", "ccmp", "locl"]


def tabular(font):
    """From the name of each proportional glyph to that of its tabular twin."""
    gsub = font["GSUB"].table
    lookups = {
        index
        for record in gsub.FeatureList.FeatureRecord
        if record.FeatureTag == "tnum"
        for index in record.Feature.LookupListIndex
    }
    twins = {}
    for index in sorted(lookups):
        for table in gsub.LookupList.Lookup[index].SubTable:
            table = getattr(table, "ExtSubTable", table)
            twins.update(table.mapping)
    return twins


def make(source, target):
    font = TTFont(source)
    twins = tabular(font)
    for table in font["cmap"].tables:
        table.cmap = {code: twins.get(name, name) for code, name in table.cmap.items()}
        # Inter has no diameter sign; the slashed O is its double.
        table.cmap.setdefault(ord("⌀"), table.cmap[ord("Ø")])
    # Upstream's tabular figures differ by rounding (2 units of 2816 in Medium); here they do not differ.
    digits = [font.getBestCmap()[ord(digit)] for digit in "0123456789"]
    width = max(font["hmtx"][glyph][0] for glyph in digits)
    for glyph in digits:
        advance, bearing = font["hmtx"][glyph]
        assert width - advance <= 4, f"{source}: {glyph} is {advance} wide, the widest digit {width}"
        font["hmtx"][glyph] = (width, bearing)

    options = subset.Options()
    options.layout_features = FEATURES
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
    subsetter.subset(font)
    for record in font["name"].names:
        text = record.toUnicode()
        if record.nameID == 5:
            record.string = f"{text}; Inter subset with tabular figures"
        elif record.nameID != 0:
            spaced = record.nameID in (1, 4)
            record.string = text.replace("Inter", FAMILY if spaced else FAMILY.replace(" ", ""))
    cff = font["CFF "].cff
    cff.fontNames = [target.stem]
    cff[0].FamilyName, cff[0].FullName = FAMILY, f"{FAMILY} {target.stem.split('-')[1]}"
    font.save(target)
    print(f"{target.name}: {len(font.getGlyphOrder())} glyphs, {target.stat().st_size} bytes")


if __name__ == "__main__":
    inter = Path(sys.argv[1])
    for weight in WEIGHTS:
        make(inter / f"Inter-{weight}.otf", Path(__file__).parent / f"{FAMILY.replace(' ', '')}-{weight}.otf")
