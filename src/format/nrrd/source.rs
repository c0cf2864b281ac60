//! From the fields of an NRRD header to what is to be read.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use super::axes::Axes;
use super::header::Header;
use crate::format::described::{
    Described, Packing, Part, Start, head_of, named_beside, numbered_names, printable,
};
use crate::format::doubt::Fault;
use crate::format::gzip::Wrapping;
use crate::format::{Doubt, DoubtCode, Refusal, RefusalCode};
use crate::volume::SampleType;

/// Lines before samples are looked for in this many bytes.
const GREATEST_LINE_SKIP: u64 = 16 << 20;

/// Reads the header of a file and says what it comes to.
pub(super) fn of(path: &Path) -> Result<(Header, Described), Refusal> {
    let header = Header::parse(&head_of(path)?).map_err(|fault| fault.of(path))?;
    let described = describe(path, &header)?;
    Ok((header, described))
}

fn describe(path: &Path, header: &Header) -> Result<Described, Refusal> {
    let refuse = |fault: Fault| fault.of(path);
    let mut doubts = Vec::new();
    let element = element_type(header.needed("type").map_err(refuse)?).map_err(refuse)?;
    let packing = packing(header.needed("encoding").map_err(refuse)?).map_err(refuse)?;
    let axes = Axes::of(header, element, &mut doubts).map_err(refuse)?;
    let swapped = is_swapped(header, element, packing, &mut doubts).map_err(refuse)?;
    let byte_skip = skip(header, "byteskip").map_err(refuse)?;
    let line_skip = skip(header, "lineskip").map_err(refuse)?.max(0) as u64;
    let data_files = data_files(path, header, &axes)?;
    let in_header = data_files.is_empty();
    let files = if in_header { vec![path.to_owned()] } else { data_files };
    let after_header = if in_header { header.length } else { 0 };

    let (start_skip, skipped) = match (packing, byte_skip) {
        (Packing::Raw, -1) => (None, 0),
        (Packing::Deflated(_), 0..) => (Some(0), byte_skip as u64),
        (_, 0..) => (Some(byte_skip as u64), 0),
        _ => {
            let text = format!("skips {byte_skip} bytes, which only samples without compression can");
            return Err(Refusal::new(path, RefusalCode::Inconsistent, text));
        }
    };
    let part = |file: std::path::PathBuf| -> Result<Part, Refusal> {
        let start = match start_skip {
            None => Start::BeforeEnd,
            Some(bytes) => Start::At(after_lines(&file, after_header, line_skip)?.saturating_add(bytes)),
        };
        Ok(Part { path: file, start })
    };
    Ok(Described {
        header: path.to_owned(),
        description: header.field("content").map(printable).unwrap_or_default(),
        parts: files.into_iter().map(part).collect::<Result<_, _>>()?,
        packing,
        skipped,
        sample_type: axes.sample_type,
        swapped,
        grid: axes.grid,
        placement: axes.placement,
        times: axes.times,
        frame_step: axes.frame_step,
        doubts,
    })
}

fn element_type(name: &str) -> Result<SampleType, Fault> {
    let words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    Ok(match words.join(" ").as_str() {
        "signed char" | "int8" | "int8_t" => SampleType::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => SampleType::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => SampleType::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => SampleType::U16,
        "int" | "signed int" | "int32" | "int32_t" => SampleType::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => SampleType::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => SampleType::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => {
            SampleType::U64
        }
        "float" => SampleType::F32,
        "double" => SampleType::F64,
        "block" => {
            let text = "holds blocks of bytes whose meaning is not told; convert it to numbers";
            return Err(Fault::new(RefusalCode::UnsupportedType, text));
        }
        other => {
            let text = format!("holds samples of the type \"{}\", which is not known", printable(other));
            return Err(Fault::new(RefusalCode::UnsupportedType, text));
        }
    })
}

fn packing(name: &str) -> Result<Packing, Fault> {
    let refuse = |text: String| Err(Fault::new(RefusalCode::UnsupportedType, text));
    match name.to_lowercase().as_str() {
        "raw" => Ok(Packing::Raw),
        "gzip" | "gz" => Ok(Packing::Deflated(Wrapping::Gzip)),
        "ascii" | "text" | "txt" => Ok(Packing::Text),
        name @ ("bzip2" | "bz2" | "hex" | "zrl") => {
            refuse(format!("holds samples in the encoding {name}; write it again with gzip or raw"))
        }
        other => {
            refuse(format!("holds samples in the encoding \"{}\", which is not known", printable(other)))
        }
    }
}

fn is_swapped(
    header: &Header,
    element: SampleType,
    packing: Packing,
    doubts: &mut Vec<Doubt>,
) -> Result<bool, Fault> {
    let big_endian = match header.field("endian").map(str::to_lowercase).as_deref() {
        Some("big") => true,
        Some("little") => false,
        None => {
            if element.bytes() > 1 && packing != Packing::Text {
                let text = "the byte order is not told; little-endian assumed";
                doubts.push(Doubt::new(DoubtCode::OddHeader, text));
            }
            false
        }
        Some(other) => {
            let text = format!("has the byte order \"{}\"", printable(other));
            return Err(Fault::new(RefusalCode::Inconsistent, text));
        }
    };
    Ok(big_endian != cfg!(target_endian = "big"))
}

fn skip(header: &Header, name: &str) -> Result<i64, Fault> {
    let Some(value) = header.field(name) else { return Ok(0) };
    value.parse().ok().filter(|skip| *skip >= -1).ok_or_else(|| {
        let text = format!("has \"{name}: {}\"", printable(value));
        Fault::new(RefusalCode::Inconsistent, text)
    })
}

/// The files that hold the samples; none where they follow the header.
fn data_files(path: &Path, header: &Header, axes: &Axes) -> Result<Vec<std::path::PathBuf>, Refusal> {
    let Some(value) = header.field("datafile") else { return Ok(Vec::new()) };
    let refuse = |text: String| Refusal::new(path, RefusalCode::Inconsistent, text);
    let words: Vec<&str> = value.split_whitespace().collect();
    let numbers =
        |from: usize| -> Vec<i64> { words[from..].iter().filter_map(|word| word.parse().ok()).collect() };
    let names = match words[..] {
        ["LIST", ..] => header.listed.clone(),
        [pattern, _, ..] if pattern.contains('%') => match numbers(1)[..] {
            [first, last, step] | [first, last, step, _] => {
                numbered_names(pattern, first, last, step).map_err(|fault| fault.of(path))?
            }
            _ => return Err(refuse(format!("names its data files by \"{}\"", printable(value)))),
        },
        _ => vec![value.to_owned()],
    };
    let count = axes.grid.voxel_count() * axes.times;
    if names.is_empty() || names.len() > 1 << 16 || !count.is_multiple_of(names.len()) {
        return Err(refuse(format!("spreads its samples over {} files", names.len())));
    }
    names.iter().map(|name| named_beside(path, name)).collect()
}

/// Where the line begins that comes `lines` lines after the byte `from`.
fn after_lines(path: &Path, from: u64, lines: u64) -> Result<u64, Refusal> {
    if lines == 0 {
        return Ok(from);
    }
    let unreadable = |error| Refusal::unreadable(path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
    let mut reader = BufReader::new(std::io::Read::take(file, GREATEST_LINE_SKIP));
    let mut at = from;
    for _ in 0..lines {
        let read = reader.skip_until(b'\n').map_err(unreadable)?;
        if read == 0 {
            let text = format!("has fewer than the {lines} lines that stand before its samples");
            return Err(Refusal::new(path, RefusalCode::Truncated, text));
        }
        at += read as u64;
    }
    Ok(at)
}
