//! What 3D Slicer writes into `.seg.nrrd` to say what labels mean
//! (slicer.readthedocs.io, "Segmentations", section on file format).

use std::collections::{BTreeMap, BTreeSet};

use super::header::Header;
use crate::annotation::{CodedConcept, Colour, Label};
use crate::format::described::printable;
use crate::format::labels::Segmentation;

/// One segment.
#[derive(Debug, PartialEq)]
pub(super) struct Segment {
    layer: usize,
    value: u16,
    label: Label,
}

/// The segments of a header, in their order; none where it is not a segmentation.
pub(super) fn of(header: &Header) -> Vec<Segment> {
    let numbers: BTreeSet<usize> = header
        .keys
        .keys()
        .filter_map(|key| key.strip_prefix("Segment")?.strip_suffix("_ID")?.parse().ok())
        .collect();
    let stacked =
        !numbers.iter().any(|number| header.keys.contains_key(&format!("Segment{number}_LabelValue")));
    let segment = |number: &usize| {
        let key = |name: &str| header.keys.get(&format!("Segment{number}_{name}")).map(String::as_str);
        // Before layers held several segments each segment was a layer of its own.
        let layer = key("Layer").and_then(|layer| layer.parse().ok());
        let value = key("LabelValue").and_then(|value| value.parse().ok());
        let index = u16::try_from(number + 1).ok()?;
        let name = key("Name").map(printable).filter(|name| !name.is_empty());
        let colour = key("Color").and_then(colour).unwrap_or_else(|| Colour::for_label(index));
        Some(Segment {
            layer: layer.unwrap_or(if stacked { *number } else { 0 }),
            value: value.unwrap_or(1),
            label: Label {
                code: key("Tags").and_then(code),
                ..Label::new(name.unwrap_or_else(|| format!("Segment {index}")), colour)
            },
        })
    };
    numbers.iter().filter_map(segment).collect()
}

/// Names the labels of all layers. Layers count their labels each from 1; where two mean different
/// things by one number, the later one gets a free one.
pub(super) fn name(mut segmentation: Segmentation, segments: &[Segment]) -> Segmentation {
    if segments.is_empty() {
        return segmentation;
    }
    let mut taken = BTreeSet::new();
    let mut free = |wanted: u16| {
        let index =
            if taken.contains(&wanted) { (1..=u16::MAX).find(|n| !taken.contains(n)) } else { Some(wanted) };
        taken.extend(index);
        index
    };
    for (number, layer) in segmentation.layers.iter_mut().enumerate() {
        let mut meant = BTreeMap::new();
        for segment in segments.iter().filter(|segment| segment.layer == number && segment.value > 0) {
            if let Some(index) = free(segment.value) {
                meant.insert(segment.value, index);
                segmentation.scheme.set(index, Some(segment.label.clone()));
            }
        }
        for value in layer.counts().into_keys() {
            if !meant.contains_key(&value)
                && let Some(index) = free(value)
            {
                meant.insert(value, index);
            }
        }
        if meant.iter().any(|(value, index)| value != index) {
            *layer = layer.relabelled(|label| meant.get(&label).copied().unwrap_or(label));
        }
    }
    segmentation
}

/// "0.5 0.1 1", each from 0 to 1.
fn colour(text: &str) -> Option<Colour> {
    let parts: Option<Vec<f64>> = text.split_whitespace().map(|part| part.parse().ok()).collect();
    let [r, g, b] = parts?.try_into().ok()?;
    Some(Colour([r, g, b].map(|part: f64| (part.clamp(0.0, 1.0) * 255.0).round() as u8)))
}

/// The type of the first terminology entry: `…TerminologyEntry:context~category~scheme^value^meaning~…`.
fn code(tags: &str) -> Option<CodedConcept> {
    let entry =
        tags.split('|').find_map(|tag| tag.split_once("TerminologyEntry:").map(|(_, entry)| entry))?;
    let mut parts = entry.split('~').nth(2)?.split('^').map(printable);
    let (scheme, value, meaning) = (parts.next()?, parts.next()?, parts.next()?);
    (!value.is_empty()).then_some(CodedConcept { scheme, value, meaning })
}
