//! What stays from one start to the next: theme, recent files. Losing it loses no work.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The settings file's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    /// The light theme instead of the dark one.
    pub(super) light: bool,
    /// Scale of the whole window, 0 for the system's own.
    pub(super) scale: f32,
    /// Paths opened last, the newest first.
    pub(super) recent: Vec<PathBuf>,
    /// Where they are stored; nowhere for a window that leaves no traces.
    #[serde(skip)]
    file: Option<PathBuf>,
}

const RECENT: usize = 8;

impl Settings {
    /// What was stored, or the defaults where there is nothing or it is damaged.
    pub(super) fn load() -> Self {
        let file = file();
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let stored = match text.as_deref().map(serde_json::from_str) {
            Some(Ok(settings)) => settings,
            Some(Err(error)) => {
                tracing::warn!("the settings file is damaged and was set aside: {error}");
                Self::default()
            }
            None => Self::default(),
        };
        Self { file, ..stored }
    }

    /// Stores the settings; failing that is told in the log only.
    pub(super) fn store(&self) {
        let Some(file) = &self.file else { return };
        if let Err(error) = self.write(file) {
            tracing::warn!("settings were not stored in {}: {error}", file.display());
        }
    }

    fn write(&self, file: &Path) -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut temporary, self)?;
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

fn file() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "annotomy")?;
    Some(folders.config_dir().join("settings.json"))
}
