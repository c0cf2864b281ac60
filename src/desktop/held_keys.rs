//! A key is what it was when it went down, until it is let go.
//!
//! `?` is told as `/` once Shift is let go before it. Whoever counts keys by what they mean would hold `?` for
//! down for ever, and take its next press for a repeat.

use std::collections::HashMap;

use egui::{Context, Event, Key, Plugin, RawInput};

/// Tells what comes from one place of the keyboard under one name.
#[derive(Debug, Default)]
pub(super) struct HeldKeys {
    /// By their place on the keyboard, what the keys meant that are down.
    down: HashMap<Key, Key>,
}

impl Plugin for HeldKeys {
    fn debug_name(&self) -> &'static str {
        "one name while a key is held"
    }

    fn input_hook(&mut self, _: &Context, input: &mut RawInput) {
        for event in &mut input.events {
            match event {
                Event::Key { key, physical_key: Some(place), pressed: true, .. } => {
                    *key = *self.down.entry(*place).or_insert(*key);
                }
                Event::Key { key, physical_key: Some(place), pressed: false, .. } => {
                    *key = self.down.remove(place).unwrap_or(*key);
                }
                // Whatever is let go meanwhile is told to another window.
                Event::WindowFocused(false) => self.down.clear(),
                _ => {}
            }
        }
    }
}
