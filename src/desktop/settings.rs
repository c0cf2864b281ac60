//! What stays from one start to the next: look, keys, recent files. Losing it loses no work.
//!
//! Always true: the file is replaced whole or not at all, and what it holds that this version does not
//! know stays in it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::session::OwnKeys;

/// What a person has set.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Settings {
    /// The light theme instead of the dark one.
    pub(super) light: bool,
    /// Scale of the whole window over the system's own.
    pub(super) scale: Scale,
    /// The profile of keys, and what the person changed of it.
    pub(super) keys: OwnKeys,
    /// Paths opened last, the newest first.
    pub(super) recent: Vec<PathBuf>,
    /// How fast slices and times play.
    pub(super) cine: Cine,
    /// Where the window stood and how large it was.
    pub(super) window: Option<Place>,
    /// The form that is asked where none lies with the study.
    pub(super) form: Option<PathBuf>,
    /// Where they are stored; nowhere for a window that leaves no traces.
    #[serde(skip)]
    file: Option<PathBuf>,
}

/// A scale of type and controls: 1 is the system's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Scale(f32);

impl Default for Scale {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Scale {
    /// The scale as a factor, within what can be worked with.
    pub(super) fn factor(self) -> f32 {
        // Earlier settings hold 0 for the system's own.
        if self.0.is_finite() && self.0 > 0.0 { self.0.clamp(0.6, 3.0) } else { 1.0 }
    }

    /// `steps` tenths larger.
    pub(super) fn stepped(self, steps: f32) -> Self {
        Self(Self((self.factor() * 10.0).round() / 10.0 + steps / 10.0).factor())
    }
}

/// Where a window stands and how large it is within its frame, in points of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Its upper left corner, with its frame.
    pub(super) at: [f32; 2],
    /// Width and height.
    pub(super) size: [f32; 2],
    /// Whether it fills the screen.
    pub(super) maximized: bool,
}

/// Pictures a second of a film.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Cine(u32);

impl Default for Cine {
    fn default() -> Self {
        Self(12)
    }
}

impl Cine {
    const SPEEDS: [u32; 10] = [1, 2, 4, 8, 12, 16, 24, 30, 45, 60];

    /// Pictures a second, within what can be followed and shown.
    pub(super) fn per_second(self) -> u32 {
        self.0.clamp(1, 60)
    }

    /// The next faster or slower of the usual speeds.
    pub(super) fn stepped(self, steps: i32) -> Self {
        let now = self.per_second();
        let next = match steps {
            1.. => Self::SPEEDS.into_iter().find(|speed| *speed > now),
            _ => Self::SPEEDS.into_iter().rfind(|speed| *speed < now),
        };
        Self(next.unwrap_or(now))
    }
}

const RECENT: usize = 8;

impl Settings {
    /// What was stored in `file`, or in the system's place; the defaults for whatever is not there or
    /// cannot be read. A damaged file is kept under another name.
    pub(super) fn load(file: Option<PathBuf>) -> Self {
        let file = file.or_else(system_file);
        let map = file.as_deref().map(read).unwrap_or_default();
        Self {
            light: field(&map, "light"),
            scale: field(&map, "scale"),
            keys: field(&map, "keys"),
            recent: field(&map, "recent"),
            cine: field(&map, "cine"),
            window: field(&map, "window"),
            form: field(&map, "form"),
            file,
        }
    }

    /// Stores the settings; failing that is told in the log only.
    pub(super) fn store(&self) {
        let Some(file) = &self.file else { return };
        if let Err(error) = self.write(file) {
            tracing::warn!("settings were not stored in {}: {error}", file.display());
        }
    }

    /// Stores where the window stands and nothing else, for another window may have stored the rest.
    pub(super) fn store_window(&self) {
        let Some(file) = &self.file else { return };
        if read(file).get("window").cloned() == serde_json::to_value(self.window).ok() {
            return;
        }
        let stored = Self { window: self.window, ..Self::load(Some(file.clone())) };
        stored.store();
    }

    fn write(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut map = read(file);
        if let Value::Object(ours) = serde_json::to_value(self)? {
            map.extend(ours);
        }
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(serde_json::to_string_pretty(&map)?.as_bytes())?;
        temporary.as_file().sync_all()?;
        temporary.persist(file)?;
        Ok(())
    }

    /// Puts a path first among the recent ones.
    pub(super) fn opened(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
        self.store();
    }
}

/// The fields of a settings file; none where it is not there.
fn read(file: &Path) -> Map<String, Value> {
    let Ok(text) = std::fs::read_to_string(file) else { return Map::new() };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        let aside = file.with_extension("damaged.json");
        tracing::warn!("{}: damaged ({error}), kept as {}", file.display(), aside.display());
        if let Err(error) = std::fs::rename(file, &aside) {
            tracing::warn!("{}: cannot be renamed: {error}", file.display());
        }
        Map::new()
    })
}

/// One field; the default where it is missing or of another shape.
fn field<T: DeserializeOwned + Default>(map: &Map<String, Value>, name: &str) -> T {
    let value = map.get(name).cloned();
    value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

fn system_file() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "annotomy")?;
    Some(folders.config_dir().join("settings.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Command;

    #[test]
    fn settings_come_back_and_what_nobody_knows_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/settings.json");
        let mut settings = Settings::load(Some(file.clone()));
        assert_eq!(settings.scale.factor(), 1.0);
        settings.light = true;
        settings.scale = settings.scale.stepped(2.0);
        settings.keys.add(Command::Save, "F2".parse().expect("a key"));
        settings.cine = settings.cine.stepped(1).stepped(1).stepped(-1);
        settings.window = Some(Place { at: [10.0, 20.0], size: [900.0, 700.0], maximized: false });
        settings.opened(Path::new("/a/ct.nii"));
        let text = std::fs::read_to_string(&file).expect("stored");
        let foreign = text.replacen('{', "{\"of_a_newer_version\": {\"a\": [1]},", 1);
        std::fs::write(&file, foreign).expect("written");
        let mut again = Settings::load(Some(file.clone()));
        assert_eq!(again, settings);
        assert_eq!(again.cine.per_second(), 16);
        // A window that closes leaves what another one has stored meanwhile.
        settings.light = false;
        settings.window = Some(Place { at: [0.0; 2], size: [800.0, 600.0], maximized: true });
        settings.store_window();
        let stored = Settings::load(Some(file.clone()));
        assert_eq!((stored.light, stored.window), (true, settings.window));
        again.light = false;
        again.store();
        let text = std::fs::read_to_string(&file).expect("stored");
        assert!(text.contains("of_a_newer_version"), "{text}");
        assert!(!Settings::load(Some(file)).light);
    }

    #[test]
    fn damage_costs_what_is_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("settings.json");
        std::fs::write(&file, r#"{"light": true, "scale": "large", "recent": 7}"#).expect("written");
        let settings = Settings::load(Some(file.clone()));
        assert!(settings.light && settings.recent.is_empty());
        std::fs::write(&file, r#"{"light": tr"#).expect("written");
        assert!(!Settings::load(Some(file.clone())).light);
        assert!(!file.exists() && folder.path().join("settings.damaged.json").exists());
    }

    #[test]
    fn the_scale_stays_within_what_can_be_worked_with() {
        assert_eq!([f32::NAN, 0.0, -1.0].map(|scale| Scale(scale).factor()), [1.0; 3]);
        assert_eq!(Scale(40.0).stepped(1.0).factor(), 3.0);
        assert_eq!((0..20).fold(Scale::default(), |scale, _| scale.stepped(-1.0)).factor(), 0.6);
    }
}
