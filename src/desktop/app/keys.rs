//! What keys do in the window: commands, taps, holds, and the film that any of them stops.

use std::time::Duration;

use egui::{Popup, Ui};

use super::App;
use crate::desktop::shortcuts::{self, Pressed};
use crate::desktop::widgets;
use crate::session::Command;

/// The key of the labels held longer than this is a peek: letting go brings the labels back.
const PEEK_SECONDS: f64 = 0.3;

impl App {
    pub(super) fn handle_keys(&mut self, ui: &Ui) {
        let ctx = ui.ctx();
        // What lies over the window takes the keys first, Esc above all.
        let is_covered =
            self.palette.is_some() || self.dialog.is_some() || self.keys_dialog.is_some() || self.key_sheet;
        // The system's file dialog may take a moment to come; keys are meant for it by then.
        if is_covered || self.picking.is_some() {
            return;
        }
        // Esc gives up a menu, or what is being written, and nothing else.
        let in_menu = Popup::is_any_open(ctx);
        if (in_menu || self.was_writing) && ctx.input(|input| input.key_pressed(egui::Key::Escape)) {
            widgets::give_up(ctx);
            return;
        }
        let tapped = self.canvas.space_was_tapped(ui);
        let pressed = shortcuts::pressed(ctx);
        if in_menu && !pressed.is_empty() {
            Popup::close_all(ctx);
        }
        let was_playing = self.cine.is_some();
        let sets_speed =
            |pressed: &Pressed| matches!(pressed.command, Command::CineFaster | Command::CineSlower);
        if !pressed.iter().all(sets_speed) || ctx.input(stops_cine) {
            self.cine = None;
        }
        for Pressed { command, key } in pressed {
            match command {
                // Space held pans; only a tap is its command.
                _ if key == egui::Key::Space => self.on_space = Some(command),
                Command::ToggleOverlay => {
                    self.run_command(command, ctx);
                    self.peeking = Some((key, ctx.input(|input| input.time), self.shows_labels()));
                }
                // Any key stops the film, its own above all.
                Command::Cine if was_playing => {}
                // Arrows move a selected landmark, else the slices.
                Command::SlicesForward(1 | -1) if self.nudges(key) => {}
                other => self.run_command(other, ctx),
            }
        }
        if ctx.input(|input| input.key_released(egui::Key::Space))
            && let Some(command) = self.on_space.take().filter(|_| tapped)
        {
            self.run_command(command, ctx);
        }
        if let Some((key, since, shown)) = self.peeking
            && ctx.input(|input| input.key_released(key))
        {
            self.peeking = None;
            // A stroke meanwhile has brought them back.
            if ctx.input(|input| input.time) - since > PEEK_SECONDS && self.shows_labels() == shown {
                self.run_command(Command::ToggleOverlay, ctx);
            }
        }
    }

    fn shows_labels(&self) -> bool {
        self.document.as_ref().is_some_and(|document| document.session.display().overlay.shown)
    }

    /// Shows the next picture of what plays, when it is due.
    pub(super) fn play(&mut self, ctx: &egui::Context) {
        let Some(due) = self.cine else { return };
        let now = ctx.input(|input| input.time);
        let pause = 1.0 / f64::from(self.settings.cine.per_second());
        let Some(session) = self.session() else {
            self.cine = None;
            return;
        };
        let mut next = due;
        if now >= due {
            session.play_on();
            // What a slow machine misses is not made up for.
            next = (due + pause).max(now);
        }
        self.cine = Some(next);
        ctx.request_repaint_after(Duration::from_secs_f64((next - now).max(0.0)));
    }

    /// Moves the selected landmark where the key is an arrow that does so now.
    fn nudges(&mut self, key: egui::Key) -> bool {
        let (right, down) = match key {
            egui::Key::ArrowRight => (1, 0),
            egui::Key::ArrowLeft => (-1, 0),
            egui::Key::ArrowDown => (0, 1),
            egui::Key::ArrowUp => (0, -1),
            _ => return false,
        };
        self.session().is_some_and(|session| session.nudge(right, down))
    }
}

/// Whether a hand did something that stops what plays.
fn stops_cine(input: &egui::InputState) -> bool {
    let is_key = |event: &egui::Event| match event {
        egui::Event::Key { key, pressed, .. } => *pressed && !shortcuts::is_modifier(*key),
        _ => false,
    };
    input.pointer.any_pressed() || input.events.iter().any(is_key)
}
