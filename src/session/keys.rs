//! Which keys give which command: the table's own, what a profile changes of them, and what a person
//! changes of that.
//!
//! Always true: a key gives one command. Whoever claims one takes it from whoever had it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::command::{COMMANDS, Command};

/// A key with what is held beside it, such as `Ctrl+Shift+Z`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chord {
    /// Ctrl, or Command on a Mac.
    pub ctrl: bool,
    /// Shift.
    pub shift: bool,
    /// Alt.
    pub alt: bool,
    /// The key itself: a letter in upper case, a digit, a sign, or a name such as `Home`.
    pub key: String,
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, word) in [(self.ctrl, "Ctrl+"), (self.shift, "Shift+"), (self.alt, "Alt+")] {
            f.write_str(if held { word } else { "" })?;
        }
        f.write_str(&self.key)
    }
}

impl FromStr for Chord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut chord = Self { ctrl: false, shift: false, alt: false, key: String::new() };
        let mut rest = text;
        while let Some((word, after)) = rest.split_once('+').filter(|(word, _)| !word.is_empty()) {
            let held = match word {
                "Ctrl" => &mut chord.ctrl,
                "Shift" => &mut chord.shift,
                "Alt" => &mut chord.alt,
                _ => return Err(format!("\"{text}\" holds \"{word}\", which is not Ctrl, Shift or Alt")),
            };
            *held = true;
            rest = after;
        }
        if rest.is_empty() {
            return Err(format!("\"{text}\" names no key"));
        }
        chord.key = if rest.chars().count() == 1 { rest.to_uppercase() } else { rest.to_owned() };
        Ok(chord)
    }
}

impl Serialize for Chord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Chord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Other keys for some commands, by [`CommandInfo::word`](super::CommandInfo::word).
pub type KeyChanges = BTreeMap<String, Vec<Chord>>;

/// Keys as another program has them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What the profile is called.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// Where that program documents its keys.
    pub sources: Vec<String>,
    /// What it changes of the table.
    pub keys: KeyChanges,
}

/// The profiles that come with the program; the first one changes nothing.
pub static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let bundled = [
        include_str!("../../assets/keys/default.json"),
        include_str!("../../assets/keys/itk-snap.json"),
        include_str!("../../assets/keys/slicer.json"),
        include_str!("../../assets/keys/ohif.json"),
    ];
    bundled.iter().map(|json| serde_json::from_str(json).expect("a bundled profile is whole")).collect()
});

/// The profile of a name; the first one where there is none of it.
pub fn profile(name: &str) -> &'static Profile {
    PROFILES.iter().find(|profile| profile.name == name).unwrap_or(&PROFILES[0])
}

/// The keys in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMap {
    keys: HashMap<Command, Vec<Chord>>,
}

impl Default for KeyMap {
    fn default() -> Self {
        Self::new([])
    }
}

impl KeyMap {
    /// The table's keys and then, one upon the other, changes of them. Commands that nobody knows, as a
    /// newer version may have named them, are passed over.
    pub fn new<'a>(changes: impl IntoIterator<Item = &'a KeyChanges>) -> Self {
        let parsed = |keys: &[&str]| keys.iter().filter_map(|key| key.parse().ok()).collect();
        let mut map = Self { keys: COMMANDS.iter().map(|row| (row.command, parsed(row.keys))).collect() };
        for changes in changes {
            for (word, chords) in changes {
                if let Some(command) = Command::called(word) {
                    map.give(command, chords);
                }
            }
        }
        map
    }

    fn give(&mut self, to: Command, chords: &[Chord]) {
        for of_other in self.keys.values_mut() {
            of_other.retain(|chord| !chords.contains(chord));
        }
        self.keys.insert(to, chords.to_vec());
    }

    /// A command's keys, the one that is shown first.
    pub fn of(&self, command: Command) -> &[Chord] {
        self.keys.get(&command).map_or(&[], Vec::as_slice)
    }

    /// What a key gives.
    pub fn command(&self, chord: &Chord) -> Option<Command> {
        COMMANDS.iter().map(|row| row.command).find(|command| self.of(*command).contains(chord))
    }

    /// Every key with its command.
    pub fn iter(&self) -> impl Iterator<Item = (&Chord, Command)> {
        self.keys.iter().flat_map(|(command, chords)| chords.iter().map(|chord| (chord, *command)))
    }
}

/// A person's own keys over a profile's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnKeys {
    /// The profile they change.
    pub profile: String,
    /// What they change of it.
    pub changes: KeyChanges,
}

impl OwnKeys {
    /// The keys in force.
    pub fn map(&self) -> KeyMap {
        KeyMap::new([&profile(&self.profile).keys, &self.changes])
    }

    /// Adds a key to a command; another one that had it loses it.
    pub fn add(&mut self, command: Command, chord: Chord) {
        let map = self.map();
        if let Some(other) = map.command(&chord).filter(|other| *other != command) {
            self.set(other, map.of(other).iter().filter(|kept| **kept != chord).cloned().collect());
        }
        let mut chords = map.of(command).to_vec();
        if !chords.contains(&chord) {
            chords.push(chord);
        }
        self.set(command, chords);
    }

    /// Takes a key from a command.
    pub fn remove(&mut self, command: Command, chord: &Chord) {
        let kept = self.map().of(command).iter().filter(|other| *other != chord).cloned().collect();
        self.set(command, kept);
    }

    /// Gives a command the profile's keys again, whoever has them now.
    pub fn reset(&mut self, command: Command) {
        let of_profile = KeyMap::new([&profile(&self.profile).keys]);
        for chord in of_profile.of(command) {
            if let Some(other) = self.map().command(chord).filter(|other| *other != command) {
                self.remove(other, chord);
            }
        }
        self.set(command, of_profile.of(command).to_vec());
    }

    /// Whether a command has other keys than the profile gives it.
    pub fn is_changed(&self, command: Command) -> bool {
        self.map().of(command) != KeyMap::new([&profile(&self.profile).keys]).of(command)
    }

    fn set(&mut self, command: Command, chords: Vec<Chord>) {
        let Some(row) = command.info() else { return };
        let of_profile = KeyMap::new([&profile(&self.profile).keys]);
        if of_profile.of(command) == chords {
            self.changes.remove(&row.word());
        } else {
            self.changes.insert(row.word(), chords);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tool::ToolKind;

    fn chord(text: &str) -> Chord {
        text.parse().expect("a key")
    }

    #[test]
    fn keys_read_as_they_are_written() {
        for text in ["A", "Ctrl+Shift+Alt+PageUp", "+", "Ctrl++", "?", "Ctrl+1", "Backtick"] {
            assert_eq!(chord(text).to_string(), text);
        }
        assert_eq!(chord("Shift+Ctrl+z"), chord("Ctrl+Shift+Z"));
        for wrong in ["", "Ctrl+", "Hyper+A"] {
            assert!(wrong.parse::<Chord>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_key_stands_twice_in_any_profile_and_every_name_in_one_is_a_command() {
        for profile in PROFILES.iter() {
            let mut claimed = BTreeSet::new();
            for (word, chords) in &profile.keys {
                assert!(Command::called(word).is_some(), "{}: {word} is no command", profile.name);
                for chord in chords {
                    assert!(
                        claimed.insert(chord),
                        "{}: {chord} is given twice, also to {word}",
                        profile.name
                    );
                }
            }
            let map = KeyMap::new([&profile.keys]);
            let mut seen = BTreeSet::new();
            for (chord, command) in map.iter() {
                assert!(seen.insert(chord), "{}: {chord} gives {command:?} and another", profile.name);
            }
            assert!(
                !profile.sources.is_empty() || profile.keys.is_empty(),
                "{} names no source",
                profile.name
            );
        }
        let names: Vec<&str> = PROFILES.iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(names, ["Default", "ITK-SNAP", "Slicer", "OHIF"]);
    }

    #[test]
    fn a_key_that_is_given_away_is_gone_from_where_it_was_and_comes_back_on_reset() {
        let (brush, eraser) = (Command::Tool(ToolKind::Brush), Command::Tool(ToolKind::Eraser));
        let mut own = OwnKeys::default();
        own.add(brush, chord("E"));
        let map = own.map();
        assert_eq!((map.of(brush), map.of(eraser)), (&[chord("B"), chord("E")][..], &[][..]));
        assert_eq!(map.command(&chord("E")), Some(brush));
        assert!(own.is_changed(brush) && own.is_changed(eraser));
        own.reset(eraser);
        assert_eq!(own.map(), KeyMap::default());
        assert!(own.changes.is_empty(), "only what differs is kept: {:?}", own.changes);
        own.remove(brush, &chord("B"));
        assert_eq!(own.map().command(&chord("B")), None);
        own.reset(brush);
        assert!(own.changes.is_empty());
    }

    #[test]
    fn a_person_s_change_stands_above_the_profile() {
        let brush = Command::Tool(ToolKind::Brush);
        let mut own = OwnKeys { profile: "ITK-SNAP".into(), ..OwnKeys::default() };
        assert_eq!(own.map().command(&chord("4")), Some(brush));
        own.add(Command::Save, chord("4"));
        assert_eq!(own.map().command(&chord("4")), Some(Command::Save));
        own.profile = "nobody's".into();
        assert_eq!(own.map().command(&chord("B")), Some(brush), "an unknown profile is the first one");
    }
}
