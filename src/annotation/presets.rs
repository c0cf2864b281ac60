//! The lists that come with the program: labels with coded meaning, and landmarks to be placed in
//! order. They are the files of `assets/labels/` and `assets/landmarks/`.

use std::sync::OnceLock;

use serde::Deserialize;

use super::Label;

/// Labels for one kind of work.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelPreset {
    /// As menus show it.
    pub name: String,
    /// The labels in order.
    pub labels: Vec<Label>,
}

/// Landmarks that are placed one after another.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandmarkTemplate {
    /// As menus show it.
    pub name: String,
    /// The landmarks' names in the order in which they are asked for, each once.
    pub landmarks: Vec<String>,
}

/// The label presets: organs, lesions, the classes of TotalSegmentator's task "total" in its order
/// (Wasserthal et al., Radiology: Artificial Intelligence 5(5), 2023).
pub fn label_presets() -> &'static [LabelPreset] {
    static PRESETS: OnceLock<Vec<LabelPreset>> = OnceLock::new();
    PRESETS.get_or_init(|| {
        bundled(&[
            include_str!("../../assets/labels/organs.json"),
            include_str!("../../assets/labels/lesions.json"),
            include_str!("../../assets/labels/total_segmentator.json"),
        ])
    })
}

/// The landmark templates.
pub fn landmark_templates() -> &'static [LandmarkTemplate] {
    static TEMPLATES: OnceLock<Vec<LandmarkTemplate>> = OnceLock::new();
    TEMPLATES.get_or_init(|| {
        bundled(&[
            include_str!("../../assets/landmarks/cephalometry.json"),
            include_str!("../../assets/landmarks/ac_pc.json"),
            include_str!("../../assets/landmarks/pelvis.json"),
        ])
    })
}

fn bundled<T: for<'de> Deserialize<'de>>(texts: &[&str]) -> Vec<T> {
    let read = |text: &&str| serde_json::from_str(text).expect("bundled lists are sound");
    texts.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_stand_once_and_codes_are_numbers() {
        for preset in label_presets() {
            let names: BTreeSet<&str> = preset.labels.iter().map(|label| label.name.as_str()).collect();
            assert_eq!(names.len(), preset.labels.len(), "{}", preset.name);
            for code in preset.labels.iter().filter_map(|label| label.code.as_ref()) {
                assert!(code.scheme == "SCT" && is_snomed(&code.value), "{code:?} in {}", preset.name);
            }
        }
        for template in landmark_templates() {
            let names: BTreeSet<&String> = template.landmarks.iter().collect();
            assert_eq!(names.len(), template.landmarks.len(), "{}", template.name);
        }
        assert_eq!(label_presets()[2].labels.len(), 117, "the classes of version 2");
        assert_eq!(landmark_templates()[0].landmarks.len(), 12);
    }

    /// A SNOMED CT identifier ends in a Verhoeff check digit, and a concept of the core in 0 before
    /// it for its partition (SNOMED CT Technical Implementation Guide, "SCTID representation").
    fn is_snomed(value: &str) -> bool {
        const D: [[u8; 10]; 10] = [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
            [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
            [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
            [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
            [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
            [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
            [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
            [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
            [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
        ];
        const P: [[u8; 10]; 8] = [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
            [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
            [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
            [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
            [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
            [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
            [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
        ];
        let digits: Option<Vec<usize>> =
            value.chars().rev().map(|c| c.to_digit(10).map(|digit| digit as usize)).collect();
        digits.is_some_and(|digits| {
            let check = digits.iter().enumerate().fold(0, |check: usize, (place, digit)| {
                usize::from(D[check][usize::from(P[place % 8][*digit])])
            });
            check == 0 && digits.len() >= 6 && digits[1] == 0 && digits[2] == 0
        })
    }
}
