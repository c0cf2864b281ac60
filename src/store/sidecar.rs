//! The sidecar's JSON, version 1. `assets/annotomy-sidecar-1.schema.json` says the same for others.
//!
//! Always true: what this program knows is written in full, with `null` where there is nothing, so
//! that a name it finds in an older file and does not write itself is somebody else's and is kept.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fingerprint::Digest;
use super::journal::JournalMark;
use super::receipt::Receipt;
use super::study::StudyRecord;
use crate::annotation::{
    Annotation, AnnotationId, Answer, Classification, CodedConcept, Colour, FlatRegion, Label, LabelScheme,
    OrientedBox, Shape, Subject,
};
use crate::case::{Case, LayerOrigin, SliceSeries};
use crate::format::read_plain;
use crate::geometry::{Patient, Point, Vector};

/// The version of the layout. A file of a greater one is neither read nor written over.
pub(super) const VERSION: u64 = 1;

/// Bytes of the longest sidecar that is read: a hundred thousand marks.
pub(super) const LONGEST: u64 = 64 << 20;

/// A sidecar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sidecar {
    /// [`VERSION`].
    pub(super) annotomy: u64,
    pub(super) program: Program,
    /// The first save.
    pub(super) created: Signature,
    /// The last save.
    pub(super) saved: Signature,
    /// Names the parts of this save while they wait for their places.
    pub(super) save_id: String,
    /// BIDS: what the masks were drawn on.
    #[serde(rename = "Sources")]
    pub(super) sources: Vec<String>,
    /// BIDS: `orig`, the source's own grid.
    #[serde(rename = "SpatialReference")]
    pub(super) spatial_reference: String,
    /// BIDS: drawn by a person.
    #[serde(rename = "Manual")]
    pub(super) manual: bool,
    pub(super) study: StudyRecord,
    pub(super) labels: Vec<LabelRecord>,
    pub(super) layers: Vec<LayerRecord>,
    pub(super) table: FileRecord,
    /// What lay in the places of this save's files before: known to be ours, should one survive.
    pub(super) superseded: Vec<FileRecord>,
    pub(super) annotations: Vec<AnnotationRecord>,
    /// Older sidecars have none.
    #[serde(default)]
    pub(super) classifications: Vec<ClassificationRecord>,
    pub(super) receipt: Receipt,
    /// What of the journal this save holds; older sidecars have none.
    #[serde(default)]
    pub(super) journal: Option<JournalMark>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) version: String,
}

impl Program {
    /// This program.
    pub(super) fn this() -> Self {
        Self { name: "Annotomy".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// As the person or the system names them; may be empty.
    pub author: String,
    /// UTC, RFC 3339.
    pub time: String,
}

/// A file of the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// Its name in the sidecar's folder.
    pub(super) file: String,
    pub(super) sha256: Digest,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LabelRecord {
    pub(super) index: u16,
    pub(super) name: String,
    pub(super) color: Colour,
    pub(super) visible: bool,
    pub(super) locked: bool,
    pub(super) code: Option<CodedConcept>,
    /// The heading under which lists show it; older sidecars have none.
    #[serde(default)]
    pub(super) group: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LayerRecord {
    pub(super) file: String,
    pub(super) sha256: Digest,
    pub(super) counts: Vec<Count>,
    /// Where the layer came from, if it was not drawn here. Written also where there is nothing to say:
    /// what an older save said of the same file would be taken for somebody else's and kept.
    #[serde(default)]
    pub(super) origin: Option<String>,
    /// What a person calls it; older sidecars have none of this and what follows.
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default = "yes")]
    pub(super) visible: bool,
    /// What of it nobody painted: filled in between painted slices.
    #[serde(default)]
    pub(super) interpolated: Vec<InterpolatedRecord>,
}

fn yes() -> bool {
    true
}

/// The slices of one label that were filled in between painted ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct InterpolatedRecord {
    pub(super) label: u16,
    pub(super) axis: AxisName,
    /// Rising, counted from 0.
    pub(super) slices: Vec<usize>,
}

/// An axis of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AxisName {
    I,
    J,
    K,
}

impl AxisName {
    const ALL: [Self; 3] = [Self::I, Self::J, Self::K];
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) label: u16,
    pub(super) voxels: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AnnotationRecord {
    pub(super) id: AnnotationId,
    #[serde(flatten)]
    pub(super) shape: ShapeRecord,
    pub(super) name: String,
    pub(super) label: Option<u16>,
    pub(super) author: String,
    pub(super) created: String,
}

/// Shapes in LPS millimetres. A box is told twice: in full, and by its bounds for readers that need
/// no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum ShapeRecord {
    Box {
        centre_lps: Point<Patient>,
        axes_lps: [Vector<Patient>; 3],
        size_mm: [f64; 3],
        min_lps: Point<Patient>,
        max_lps: Point<Patient>,
    },
    Landmark {
        point_lps: Point<Patient>,
    },
    Ruler {
        points_lps: [Point<Patient>; 2],
    },
    Angle {
        points_lps: [Point<Patient>; 3],
    },
    Ellipse(RegionRecord),
    Rectangle(RegionRecord),
}

/// A region of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RegionRecord {
    centre_lps: Point<Patient>,
    axes_lps: [Vector<Patient>; 2],
    size_mm: [f64; 2],
}

impl RegionRecord {
    fn of(region: &FlatRegion) -> Self {
        let FlatRegion { centre, axes, half_mm } = *region;
        Self { centre_lps: centre, axes_lps: axes, size_mm: half_mm.map(|half| 2.0 * half) }
    }

    fn region(&self) -> FlatRegion {
        let half_mm = self.size_mm.map(|size| size / 2.0);
        FlatRegion { centre: self.centre_lps, axes: self.axes_lps, half_mm }
    }
}

/// What is said of the case, the series or one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ClassificationRecord {
    #[serde(flatten)]
    pub(super) subject: Subject,
    answers: Vec<AnswerRecord>,
    pub(super) ambiguous: Option<String>,
    #[serde(default)]
    pub(super) done: bool,
    author: String,
    time: String,
}

/// An answer and the id of its question. A list of these, not names of one object: what is taken back
/// has to be gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct AnswerRecord {
    id: String,
    answer: Answer,
}

/// The values of `kind` that [`ShapeRecord`] knows.
const KINDS: [&str; 6] = ["box", "landmark", "ruler", "angle", "ellipse", "rectangle"];

/// Why a file is not a sidecar that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SidecarError {
    #[error("it is no sidecar of Annotomy")]
    Foreign,
    #[error("it is of version {0}, this program reads version {VERSION}")]
    Newer(u64),
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// A sidecar as read.
pub(super) struct Parsed {
    pub(super) sidecar: Sidecar,
    /// All of it, with what this program does not know.
    pub(super) json: Value,
    /// Annotations of kinds that this program does not know, which stay in the file.
    pub(super) unknown_annotations: usize,
}

/// Whose sidecar a file is, without reading further than needed.
#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) id: String,
    pub(super) format: String,
    pub(super) files: Vec<String>,
}

/// The owner of the sidecar at `path`, where there is one that can be read.
pub(super) fn owner(path: &Path) -> Option<Owner> {
    #[derive(Deserialize)]
    struct Owned {
        study: Owner,
    }
    let bytes = read_plain(path, LONGEST).ok()?;
    serde_json::from_slice(&bytes).ok().map(|owned: Owned| owned.study)
}

/// Reads a sidecar.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, SidecarError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|_| SidecarError::Foreign)?;
    match json.get("annotomy").and_then(Value::as_u64) {
        None => return Err(SidecarError::Foreign),
        Some(version) if version > VERSION => return Err(SidecarError::Newer(version)),
        Some(_) => {}
    }
    let mut known = json.clone();
    let mut unknown_annotations = 0;
    if let Some(Value::Array(annotations)) = known.get_mut("annotations") {
        let before = annotations.len();
        annotations.retain(is_known_kind);
        unknown_annotations = before - annotations.len();
    }
    let sidecar: Sidecar =
        serde_json::from_value(known).map_err(|error| SidecarError::Damaged(error.to_string()))?;
    sidecar.check()?;
    Ok(Parsed { sidecar, json, unknown_annotations })
}

fn is_known_kind(annotation: &Value) -> bool {
    annotation.get("kind").and_then(Value::as_str).is_none_or(|kind| KINDS.contains(&kind))
}

impl Sidecar {
    fn check(&self) -> Result<(), SidecarError> {
        let damaged = |text: String| Err(SidecarError::Damaged(text));
        let mut indices: Vec<u16> = self.labels.iter().map(|label| label.index).collect();
        indices.sort_unstable();
        if indices.first() == Some(&0) || indices.windows(2).any(|pair| pair[0] == pair[1]) {
            return damaged("a label's index is 0 or stands twice".to_owned());
        }
        let mut ids: Vec<AnnotationId> = self.annotations.iter().map(|annotation| annotation.id).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return damaged(format!("the annotation {} stands twice", pair[0]));
        }
        let mut subjects: Vec<Subject> = self.classifications.iter().map(|said| said.subject).collect();
        subjects.sort_unstable();
        let nowhere = |subject: &Subject| match *subject {
            Subject::Slice { axis, slice } => self.study.dims.get(axis).is_none_or(|count| slice >= *count),
            Subject::Case | Subject::Series => false,
        };
        if subjects.windows(2).any(|pair| pair[0] == pair[1]) || subjects.iter().any(nowhere) {
            return damaged("a classification stands twice or names a slice that is not there".to_owned());
        }
        if !self.save_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return damaged(format!("\"{}\" is no name of a save", self.save_id));
        }
        for FileRecord { file, .. } in self.files().chain(self.superseded.iter().cloned()) {
            let mut parts = Path::new(&file).components();
            let plain =
                matches!(parts.next(), Some(std::path::Component::Normal(_))) && parts.next().is_none();
            let plain = plain && !file.contains(['\\', '\0']);
            if !plain {
                return damaged(format!("\"{file}\" is no name of a file beside it"));
            }
        }
        Ok(())
    }

    /// The labels.
    pub(super) fn scheme(&self) -> LabelScheme {
        let mut scheme = LabelScheme::default();
        for record in self.labels.iter().cloned() {
            let LabelRecord { index, name, color, visible, locked, code, group } = record;
            scheme.set(index, Some(Label { name, color, visible, locked, code, group }));
        }
        scheme
    }

    /// What each layer is called and where it came from.
    pub(super) fn origins(&self) -> Vec<LayerOrigin> {
        let origin =
            |layer: &LayerRecord| LayerOrigin { file: layer.origin.clone(), name: layer.name.clone() };
        self.layers.iter().map(origin).collect()
    }

    /// The slices that were filled in between painted ones.
    pub(super) fn interpolated(&self) -> Vec<(SliceSeries, Vec<usize>)> {
        let layers = self.layers.iter().enumerate();
        let all = layers.flat_map(|(layer, record)| record.interpolated.iter().map(move |one| (layer, one)));
        all.map(|(layer, one)| {
            let of = SliceSeries { layer, label: one.label, axis: one.axis as usize };
            (of, one.slices.clone())
        })
        .collect()
    }

    /// The annotations.
    pub(super) fn marks(&self) -> Vec<Annotation> {
        self.annotations.iter().map(AnnotationRecord::annotation).collect()
    }

    /// What is said of the case, its series and its slices.
    pub(super) fn classifications(&self) -> BTreeMap<Subject, Classification> {
        self.classifications.iter().map(|record| (record.subject, record.classification())).collect()
    }

    /// Everything of the case but its sidecar, as this file has it.
    pub(super) fn files(&self) -> impl Iterator<Item = FileRecord> {
        let masks = self.layers.iter().map(|layer| (&layer.file, layer.sha256));
        let all = masks.chain([(&self.table.file, self.table.sha256)]);
        all.map(|(file, sha256)| FileRecord { file: file.clone(), sha256 })
    }

    /// The text of the file; `older` is what lies there already, of the same case.
    pub(super) fn to_text(&self, older: Option<&Value>) -> Result<String, serde_json::Error> {
        let mut json = serde_json::to_value(self)?;
        if let Some(older) = older {
            let receipt = json.get("receipt").cloned();
            keep_unknown(&mut json, older);
            // Proof is of one save only.
            if let (Some(slot), Some(receipt)) = (json.get_mut("receipt"), receipt) {
                *slot = receipt;
            }
            let others = older.get("annotations").and_then(Value::as_array).into_iter().flatten();
            if let Some(Value::Array(annotations)) = json.get_mut("annotations") {
                annotations.extend(others.filter(|annotation| !is_known_kind(annotation)).cloned());
            }
        }
        let mut text = String::new();
        write_value(&mut text, &json, 0);
        text.push('\n');
        Ok(text)
    }
}

/// The labels of a scheme.
pub(super) fn label_records(scheme: &LabelScheme) -> Vec<LabelRecord> {
    let record = |(index, label): (u16, &Label)| {
        let Label { name, color, visible, locked, code, group } = label.clone();
        LabelRecord { index, name, color, visible, locked, code, group }
    };
    scheme.iter().map(record).collect()
}

/// What of a layer was filled in between painted slices.
pub(super) fn interpolated_records(case: &Case, layer: usize) -> Vec<InterpolatedRecord> {
    let ours = case.all_interpolated().filter(|(of, _)| of.layer == layer);
    ours.map(|(of, slices)| InterpolatedRecord {
        label: of.label,
        axis: AxisName::ALL[of.axis],
        slices: slices.to_vec(),
    })
    .collect()
}

/// Voxels of each label.
pub(super) fn count_records(counts: &BTreeMap<u16, u64>) -> Vec<Count> {
    counts.iter().map(|(&label, &voxels)| Count { label, voxels }).collect()
}

impl ClassificationRecord {
    /// Of what is said of a subject.
    pub(super) fn of(subject: Subject, said: &Classification) -> Self {
        let Classification { answers, ambiguous, done, author, time } = said.clone();
        let answers = answers.into_iter().map(|(id, answer)| AnswerRecord { id, answer }).collect();
        Self { subject, answers, ambiguous, done, author, time }
    }

    fn classification(&self) -> Classification {
        let Self { answers, ambiguous, done, author, time, .. } = self.clone();
        let answers = answers.into_iter().map(|AnswerRecord { id, answer }| (id, answer)).collect();
        Classification { answers, ambiguous, done, author, time }
    }
}

impl AnnotationRecord {
    /// Of an annotation.
    pub(super) fn of(annotation: &Annotation) -> Self {
        let shape = match annotation.shape {
            Shape::Box(marked) => {
                let [min_lps, max_lps] = marked.bounds();
                let size_mm = marked.half_mm.map(|half| 2.0 * half);
                let OrientedBox { centre, axes, .. } = marked;
                ShapeRecord::Box { centre_lps: centre, axes_lps: axes, size_mm, min_lps, max_lps }
            }
            Shape::Landmark(point_lps) => ShapeRecord::Landmark { point_lps },
            Shape::Ruler(points_lps) => ShapeRecord::Ruler { points_lps },
            Shape::Angle(points_lps) => ShapeRecord::Angle { points_lps },
            Shape::Ellipse(region) => ShapeRecord::Ellipse(RegionRecord::of(&region)),
            Shape::Rectangle(region) => ShapeRecord::Rectangle(RegionRecord::of(&region)),
        };
        let Annotation { id, name, label, author, created, .. } = annotation.clone();
        Self { id, shape, name, label, author, created }
    }

    fn annotation(&self) -> Annotation {
        let shape = match self.shape {
            ShapeRecord::Box { centre_lps, axes_lps, size_mm, .. } => {
                let half_mm = size_mm.map(|size| size / 2.0);
                Shape::Box(OrientedBox { centre: centre_lps, axes: axes_lps, half_mm })
            }
            ShapeRecord::Landmark { point_lps } => Shape::Landmark(point_lps),
            ShapeRecord::Ruler { points_lps } => Shape::Ruler(points_lps),
            ShapeRecord::Angle { points_lps } => Shape::Angle(points_lps),
            ShapeRecord::Ellipse(record) => Shape::Ellipse(record.region()),
            ShapeRecord::Rectangle(record) => Shape::Rectangle(record.region()),
        };
        let Self { id, name, label, author, created, .. } = self.clone();
        Annotation { id, name, label, shape, author, created }
    }
}

/// Puts into `new` every name of `older` that it lacks, at every depth; things in lists are the same
/// by their `id`, `index` or `file`, and what is said by what it is said of.
fn keep_unknown(new: &mut Value, older: &Value) {
    match (new, older) {
        (Value::Object(new), Value::Object(older)) => {
            for (name, value) in older {
                match new.get_mut(name) {
                    Some(ours) => keep_unknown(ours, value),
                    None => drop(new.insert(name.clone(), value.clone())),
                }
            }
        }
        (Value::Array(new), Value::Array(older)) => {
            for item in new {
                if let Some(same) = older.iter().find(|other| is_same_thing(item, other)) {
                    keep_unknown(item, same);
                }
            }
        }
        _ => {}
    }
}

fn is_same_thing(a: &Value, b: &Value) -> bool {
    let same = |name: &str| a.get(name) == b.get(name);
    let named = |name: &str| a.get(name).is_some() && same(name);
    same("kind") && ["id", "index", "file"].into_iter().any(named)
        || named("about") && same("axis") && same("slice")
}

/// Lines are broken beyond this many characters.
const LINE: usize = 100;

/// Writes JSON for eyes: whatever fits into a line stays in one.
fn write_value(out: &mut String, value: &Value, indent: usize) {
    let flat = flat(value);
    let items: Vec<(Option<&String>, &Value)> = match value {
        Value::Object(fields) if !fields.is_empty() && (indent == 0 || indent + flat.len() > LINE) => {
            fields.iter().map(|(name, value)| (Some(name), value)).collect()
        }
        Value::Array(items) if !items.is_empty() && indent + flat.len() > LINE => {
            items.iter().map(|value| (None, value)).collect()
        }
        _ => return out.push_str(&flat),
    };
    let [open, close] = if value.is_object() { ['{', '}'] } else { ['[', ']'] };
    out.push(open);
    for (place, (name, value)) in items.into_iter().enumerate() {
        out.push_str(if place == 0 { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n(' ', indent + 2));
        if let Some(name) = name {
            out.push_str(&Value::from(name.as_str()).to_string());
            out.push_str(": ");
        }
        write_value(out, value, indent + 2);
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
    out.push(close);
}

/// A value in one line.
fn flat(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| format!("{}: {}", Value::from(name.as_str()), flat(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_knows_is_kept_and_what_is_gone_stays_gone() {
        let check = |mut new: Value, older: Value, expected: Value| {
            keep_unknown(&mut new, &older);
            assert_eq!(new, expected);
        };
        check(json!({"a": 1}), json!({"a": 2, "b": {"c": 3}}), json!({"a": 1, "b": {"c": 3}}));
        check(json!({"code": null}), json!({"code": {"scheme": "SCT"}}), json!({"code": null}));
        check(
            json!([{"index": 2, "name": "new"}, {"index": 3}]),
            json!([{"index": 1, "x": 1}, {"index": 2, "name": "old", "x": 2}]),
            json!([{"index": 2, "name": "new", "x": 2}, {"index": 3}]),
        );
        check(
            json!([{"id": "a", "kind": "landmark"}]),
            json!([{"id": "a", "kind": "box", "size_mm": [1.0]}]),
            json!([{"id": "a", "kind": "landmark"}]),
        );
    }

    #[test]
    fn short_things_stay_in_one_line() {
        let mut text = String::new();
        let long = "x".repeat(80);
        write_value(
            &mut text,
            &json!({"rows": [[1, 0.5], [0, -2]], "long": [long, {"a": "ü\n"}], "e": {}}),
            0,
        );
        let expected = format!(
            "{{\n  \"rows\": [[1, 0.5], [0, -2]],\n  \"long\": [\"{long}\", {{\"a\": \"ü\\n\"}}],\n  \"e\": {{}}\n}}"
        );
        assert_eq!(
            text,
            expected
                .replace(&format!("[\"{long}\", "), &format!("[\n    \"{long}\",\n    "))
                .replace("\"ü\\n\"}]", "\"ü\\n\"}\n  ]")
        );
    }

    #[test]
    fn only_sidecars_of_this_version_are_read() {
        let check = |text: &str, expected: SidecarError| {
            assert_eq!(parse(text.as_bytes()).err(), Some(expected), "{text}");
        };
        check("not json", SidecarError::Foreign);
        check("{\"labels\": []}", SidecarError::Foreign);
        check("{\"annotomy\": 2}", SidecarError::Newer(2));
        assert!(matches!(parse(b"{\"annotomy\": 1}"), Err(SidecarError::Damaged(_))));
    }
}
