//! Labels: names, colours, coded meaning, eye and lock.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An sRGB colour, written `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// The Okabe–Ito colours by name, which readers with any colour vision can tell apart, in the order in
    /// which new labels take them (Okabe and Ito, "Color Universal Design", 2008).
    pub const PALETTE: [(&'static str, Self); 7] = [
        ("Orange", Self([0xe6, 0x9f, 0x00])),
        ("Sky blue", Self([0x56, 0xb4, 0xe9])),
        ("Bluish green", Self([0x00, 0x9e, 0x73])),
        ("Yellow", Self([0xf0, 0xe4, 0x42])),
        ("Vermilion", Self([0xd5, 0x5e, 0x00])),
        ("Reddish purple", Self([0xcc, 0x79, 0xa7])),
        ("Blue", Self([0x00, 0x72, 0xb2])),
    ];

    /// What follows on the palette, each as far as can be in CIELAB from all before it.
    #[rustfmt::skip]
    const BEYOND_PALETTE: [[u8; 3]; 24] = [
        [0x88, 0x11, 0xff], [0x00, 0xff, 0x00], [0xff, 0x11, 0xcc], [0xff, 0x00, 0x66],
        [0x88, 0x77, 0xff], [0x66, 0x77, 0x00], [0x99, 0xff, 0x88], [0xff, 0xbb, 0x99],
        [0x00, 0xff, 0xff], [0x00, 0x99, 0x00], [0xdd, 0xee, 0xaa], [0x99, 0x55, 0x44],
        [0xff, 0x00, 0x22], [0xaa, 0xee, 0x00], [0xbb, 0xaa, 0xff], [0xff, 0x77, 0x77],
        [0xaa, 0x33, 0x99], [0x00, 0xff, 0xbb], [0xff, 0x88, 0xff], [0xaa, 0x22, 0xcc],
        [0x99, 0x66, 0x11], [0xff, 0x55, 0xaa], [0x77, 0x55, 0x99], [0xbb, 0xaa, 0x55],
    ];

    /// The colour a new label of that index takes: one of the palette, then one of those after it. The
    /// 32nd label looks like the first again.
    pub fn for_label(index: u16) -> Self {
        let place = usize::from(index.saturating_sub(1)) % (Self::PALETTE.len() + Self::BEYOND_PALETTE.len());
        match place.checked_sub(Self::PALETTE.len()) {
            None => Self::PALETTE[place].1,
            Some(beyond) => Self(Self::BEYOND_PALETTE[beyond]),
        }
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl FromStr for Colour {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let digits =
            text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let number = number.ok_or_else(|| format!("\"{text}\" is not a colour like #e69f00"))?;
        let [_, r, g, b] = number.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A concept from a coding scheme (DICOM PS3.3 8.8), such as SCT 4147007 "Mass".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodedConcept {
    /// Coding scheme designator.
    pub scheme: String,
    /// Code value.
    pub value: String,
    /// Code meaning.
    pub meaning: String,
}

/// One label's name and state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Shown and saved name.
    pub name: String,
    /// Overlay colour.
    pub color: Colour,
    /// Whether the overlay shows it.
    #[serde(default = "yes")]
    pub visible: bool,
    /// Whether no tool or algorithm may write over it.
    #[serde(default)]
    pub locked: bool,
    /// What it means, coded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CodedConcept>,
    /// The heading under which lists show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

fn yes() -> bool {
    true
}

impl Label {
    /// A visible, unlocked label.
    pub fn new(name: impl Into<String>, color: Colour) -> Self {
        Self { name: name.into(), color, visible: true, locked: false, code: None, group: None }
    }

    /// "Label 3", as a new label of that index is called until a person names it.
    pub fn numbered(index: u16) -> Self {
        Self::new(format!("Label {index}"), Colour::for_label(index))
    }
}

/// The labels of a case, by index 1 to 65535.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelScheme {
    #[serde(deserialize_with = "without_background")]
    labels: BTreeMap<u16, Label>,
}

fn without_background<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u16, Label>, D::Error> {
    let labels = BTreeMap::<u16, Label>::deserialize(deserializer)?;
    if labels.contains_key(&0) {
        return Err(serde::de::Error::custom("label 0 is background and has no name"));
    }
    Ok(labels)
}

impl LabelScheme {
    /// A label.
    pub fn get(&self, index: u16) -> Option<&Label> {
        self.labels.get(&index)
    }

    /// Puts a label in place or, with `None`, takes it away; gives back what was there. Index 0 is
    /// background and stays without a label.
    pub fn set(&mut self, index: u16, label: Option<Label>) -> Option<Label> {
        match label {
            Some(label) if index != 0 => self.labels.insert(index, label),
            _ => self.labels.remove(&index),
        }
    }

    /// All labels by rising index.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Label)> {
        self.labels.iter().map(|(index, label)| (*index, label))
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The smallest index without a label.
    pub fn next_free_index(&self) -> Option<u16> {
        (1..=u16::MAX).find(|index| !self.labels.contains_key(index))
    }

    /// The label of a name.
    pub fn named(&self, name: &str) -> Option<u16> {
        self.iter().find(|(_, label)| label.name == name).map(|(index, _)| index)
    }

    /// Whether a label is locked.
    pub fn is_locked(&self, index: u16) -> bool {
        self.get(index).is_some_and(|label| label.locked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_labels_look_unlike_each_other() {
        let colours: Vec<[f64; 3]> =
            (1..=31).map(|index| Colour::for_label(index).0.map(f64::from)).collect();
        for (n, ours) in colours.iter().enumerate() {
            for theirs in &colours[..n] {
                let apart: f64 = (0..3).map(|part| (ours[part] - theirs[part]).powi(2)).sum();
                assert!(apart.sqrt() > 40.0, "{ours:?} and {theirs:?}");
            }
        }
        assert_eq!(Colour::for_label(32), Colour::for_label(1));
    }

    #[test]
    fn colours_read_as_they_are_written() {
        assert_eq!("#e69f00".parse(), Ok(Colour([0xe6, 0x9f, 0x00])));
        assert_eq!(Colour([1, 2, 255]).to_string(), "#0102ff");
        for wrong in ["e69f00", "#e69f0", "#e69f0g", "#é9f00", ""] {
            assert!(wrong.parse::<Colour>().is_err(), "{wrong}");
        }
    }
}
