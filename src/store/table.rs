//! The table of labels beside a mask: `_dseg.tsv` with `index`, `name` and `color` (BIDS,
//! "Image-derived derivatives: common image-derived labels").

use std::io::{self, Read, Write};
use std::path::Path;

use super::open::{MarksError, unreadable};
use crate::annotation::{Colour, Label, LabelScheme};
use crate::format::{itksnap, nifti, open_plain, write_atomically};

/// No table of labels is longer.
const GREATEST_TABLE: u64 = 4 << 20;

/// Reads the names and colours of labels from an ITK-SNAP label file or a BIDS table.
pub fn read_scheme(path: &Path) -> Result<LabelScheme, MarksError> {
    let mut bytes = Vec::new();
    let file = open_plain(path).map_err(unreadable(path))?;
    file.take(GREATEST_TABLE).read_to_end(&mut bytes).map_err(unreadable(path))?;
    // Files of old are in Latin-1, which has a letter for each byte.
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect());
    let found = if itksnap::is_label_file(&text) {
        itksnap::parse(&text).map_err(|line| {
            let text = format!("line {line} is no label such as 1 255 0 0 1 1 1 \"Liver\"");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    } else {
        read(text.as_bytes())
    };
    found.map_err(|source| MarksError::BadTable { path: path.to_owned(), source })
}

/// Writes the names and colours of labels into a label file of ITK-SNAP's.
pub fn write_label_file(path: &Path, scheme: &LabelScheme) -> io::Result<()> {
    write_atomically(path, |file| file.write_all(itksnap::write(scheme).as_bytes()))
}

/// The names in the table that lies beside a mask and is called as the mask is (`x_dseg.tsv` beside
/// `x_dseg.nii.gz`); none where there is no such table.
pub fn scheme_beside(mask: &Path) -> Result<LabelScheme, MarksError> {
    let table = mask.with_file_name(format!("{}.tsv", nifti::stem(mask)));
    if table.is_file() { read_scheme(&table) } else { Ok(LabelScheme::default()) }
}

/// Writes a row for each label. Names that hold tabs, quotes or line ends are quoted.
pub(super) fn write(out: impl Write, scheme: &LabelScheme) -> io::Result<()> {
    let mut table = csv::WriterBuilder::new().delimiter(b'\t').from_writer(out);
    table.write_record(["index", "name", "color"])?;
    for (index, label) in scheme.iter() {
        table.write_record([index.to_string(), label.name.clone(), label.color.to_string()])?;
    }
    table.flush()
}

/// Reads a table from anywhere: the columns in any order, others passed over, colours where there are
/// any. The index of background is passed over.
pub(super) fn read(from: impl Read) -> io::Result<LabelScheme> {
    let wrong = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let mut table = csv::ReaderBuilder::new().delimiter(b'\t').flexible(true).from_reader(from);
    let headers = table.headers()?.clone();
    let column = |name: &str| headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
    let index_column = column("index").ok_or_else(|| wrong("has no column \"index\"".to_owned()))?;
    let name_column = column("name").ok_or_else(|| wrong("has no column \"name\"".to_owned()))?;
    let color_column = column("color");
    let mut scheme = LabelScheme::default();
    for row in table.records() {
        let row = row?;
        let field = |column: usize| row.get(column).unwrap_or_default();
        let index: u16 = field(index_column).trim().parse().map_err(|_| {
            wrong(format!("holds the index \"{}\", which is not 0 to 65535", field(index_column)))
        })?;
        let color = color_column.and_then(|column| field(column).trim().parse().ok());
        let color = color.unwrap_or_else(|| Colour::for_label(index));
        scheme.set(index, (index != 0).then(|| Label::new(field(name_column), color)));
    }
    Ok(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme(labels: &[(u16, &str, &str)]) -> LabelScheme {
        let mut scheme = LabelScheme::default();
        for (index, name, color) in labels {
            scheme.set(*index, Some(Label::new(*name, color.parse().expect("a colour"))));
        }
        scheme
    }

    #[test]
    fn tables_read_as_they_were_written() {
        for labels in
            [&[][..], &[(1, "Läsion", "#e69f00"), (65535, "a\tb \"c\"\nd", "#000000"), (7, "", "#ffffff")]]
        {
            let expected = scheme(labels);
            let mut text = Vec::new();
            write(&mut text, &expected).expect("written");
            assert_eq!(read(&text[..]).expect("read"), expected);
        }
    }

    #[test]
    fn tables_from_elsewhere_are_read_and_wrong_ones_refused() {
        let check = |text: &str, expected: Option<&[(u16, &str, &str)]>| {
            assert_eq!(read(text.as_bytes()).ok(), expected.map(scheme), "{text:?}");
        };
        check("index\tname\n0\tBackground\n2\tLiver\n", Some(&[(2, "Liver", "#56b4e9")]));
        check("name\tabbreviation\tindex\nLiver\tL\t3\n", Some(&[(3, "Liver", "#009e73")]));
        check("index\tname\tcolor\n1\tA\tn/a\n", Some(&[(1, "A", "#e69f00")]));
        check("\u{feff}index\tname\n1\tA\n", Some(&[(1, "A", "#e69f00")]));
        check("name\nA\n", None);
        check("index\tname\n70000\tA\n", None);
    }
}
