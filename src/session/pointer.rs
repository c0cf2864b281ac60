//! Pointer and wheel in a pane: what is a gesture of the tool, and what moves the picture.

use super::Session;
use crate::geometry::{Point, Screen};
use crate::tool::{Gesture, Phase, Response};
use crate::view::View;

/// A pointer button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    /// The tool's.
    Left,
    /// Pans.
    Middle,
    /// Zooms; erases in brush tools.
    Right,
}

/// Keys held with the pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modifiers {
    /// Ctrl, or Command on a Mac.
    pub ctrl: bool,
    /// Shift.
    pub shift: bool,
    /// Alt.
    pub alt: bool,
    /// The space bar.
    pub space: bool,
}

/// A button held down in a pane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grab {
    pane: usize,
    button: Button,
    does: Does,
    last: Point<Screen>,
}

#[derive(Clone, Copy, Debug)]
enum Does {
    Draw { inverted: bool },
    Pan,
    Zoom { around: Point<Screen> },
}

/// Where the pointer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hover {
    pub(super) pane: usize,
    pub(super) at: Point<Screen>,
    pub(super) inverted: bool,
}

/// One notch of the wheel multiplies zoom and brush by this.
const ZOOM_STEP: f64 = 1.15;
/// A zoom drag this long doubles the picture.
const ZOOM_DRAG_PIXELS: f64 = 120.0;

impl Session {
    /// A button went down at a place of a pane, in logical pixels from its top left corner.
    pub fn press(&mut self, pane: usize, at: Point<Screen>, button: Button, keys: Modifiers) {
        self.hover_at(pane, at, keys);
        if self.grab.is_some() {
            return;
        }
        let brush = self.tool_kind.is_brush();
        let writes = self.tool_kind.writes_labels();
        let does = match button {
            Button::Middle => Does::Pan,
            Button::Left if keys.space => Does::Pan,
            Button::Left if keys.alt => return self.pick_label(pane, at),
            Button::Left => Does::Draw { inverted: keys.ctrl && writes },
            Button::Right if brush && !keys.alt => Does::Draw { inverted: true },
            Button::Right => Does::Zoom { around: at },
        };
        self.grab = Some(Grab { pane, button, does, last: at });
        if let Does::Draw { inverted } = does {
            if writes {
                self.show_what_is_drawn();
            }
            self.gesture(pane, Phase::Press, at, inverted);
        }
    }

    /// Nobody draws what they cannot see.
    fn show_what_is_drawn(&mut self) {
        let label = self.case.scheme().get(self.active_label);
        if let Some(name) = label.filter(|label| !label.visible).map(|label| label.name.clone()) {
            self.set_label_visible(self.active_label, true);
            self.notice = Some(format!("{name} is shown again"));
        }
        self.set_layer_shown(self.layer, true);
        if !std::mem::replace(&mut self.display.overlay.shown, true) {
            self.notice = Some("Labels are shown again".into());
        }
    }

    /// The pointer moved; with a button down the pane that was pressed keeps it.
    pub fn pointer_moved(&mut self, pane: usize, at: Point<Screen>, keys: Modifiers) {
        let Some(Grab { pane, button, does, last }) = self.grab else {
            self.hover_at(pane, at, keys);
            if keys.shift && !keys.ctrl && !keys.alt {
                self.set_focus(self.view(pane).patient_at(at.x(), at.y()));
            }
            return;
        };
        self.grab = Some(Grab { pane, button, does, last: at });
        self.hover_at(pane, at, keys);
        let view = self.view(pane);
        match does {
            Does::Draw { inverted } => self.gesture(pane, Phase::Drag, at, inverted),
            Does::Pan => self.panes[pane].pan(&view, at - last),
            Does::Zoom { around } => {
                self.panes[pane].zoom(&view, around, ((last - at).y() / ZOOM_DRAG_PIXELS).exp2());
            }
        }
    }

    /// A button came up. Only the one that began the gesture ends it.
    pub fn release(&mut self, at: Point<Screen>, button: Button) {
        let Some(Grab { pane, button: pressed, does, .. }) = self.grab else { return };
        if pressed != button {
            return;
        }
        self.grab = None;
        if let Does::Draw { inverted } = does {
            self.gesture(pane, Phase::Release, at, inverted);
        }
    }

    /// Ends the gesture under way where the pointer was last: whoever loses the keyboard to another
    /// window sees no button come up, and what is drawn is kept.
    pub fn let_go(&mut self) {
        if let Some(Grab { button, last, .. }) = self.grab {
            self.release(last, button);
        }
    }

    /// The pointer left the panes. A gesture under way goes on.
    pub fn pointer_left(&mut self) {
        if self.grab.is_none() {
            self.hover = None;
        }
    }

    /// The wheel turned by `notches`, positive away from the person.
    pub fn wheel(&mut self, pane: usize, at: Point<Screen>, notches: f64, keys: Modifiers) {
        self.hover_at(pane, at, keys);
        if keys.ctrl {
            let view = self.view(pane);
            self.panes[pane].zoom(&view, at, ZOOM_STEP.powf(notches));
        } else if keys.shift {
            let radius_mm = self.brush.radius_mm * ZOOM_STEP.powf(notches);
            self.set_brush(crate::tool::BrushSettings { radius_mm, ..self.brush });
        } else if keys.alt {
            let overlay = &mut self.display.overlay;
            overlay.fill = (overlay.fill + notches * 0.05).clamp(0.0, 1.0);
        } else {
            let steps = notches.signum() * notches.abs().ceil();
            self.scroll_slices(pane, steps as i64);
        }
    }

    /// Breaks off what is being drawn, also between gestures; nothing of it stays. `false` where there
    /// was none.
    pub fn cancel_gesture(&mut self) -> bool {
        let busy = self.grab.take().is_some() | self.tool.is_busy();
        let response = self.tool.cancel();
        self.finish(response);
        busy
    }

    /// The pane in which a button is held.
    pub fn gesture_pane(&self) -> Option<usize> {
        self.grab.map(|grab| grab.pane)
    }

    pub(super) fn continue_gesture_on_new_slice(&mut self) {
        if let Some(Grab { pane, does: Does::Draw { inverted }, last, .. }) = self.grab {
            self.gesture(pane, Phase::Drag, last, inverted);
        }
    }

    fn hover_at(&mut self, pane: usize, at: Point<Screen>, keys: Modifiers) {
        self.active_pane = pane;
        let inverted = match self.grab {
            Some(Grab { does: Does::Draw { inverted }, .. }) => inverted,
            _ => keys.ctrl,
        };
        self.hover = Some(Hover { pane, at, inverted });
    }

    fn gesture(&mut self, pane: usize, phase: Phase, at: Point<Screen>, inverted: bool) {
        let view = self.view(pane);
        self.tool_gesture(&Gesture { phase, at: view.patient_at(at.x(), at.y()), view: &view, inverted });
    }

    /// Hands a gesture to the tool in hand and carries out its answer.
    pub(super) fn tool_gesture(&mut self, gesture: &Gesture<'_>) {
        let mut tool = std::mem::replace(&mut self.tool, self.tool_kind.tool());
        let response = self.with_desk(|desk| tool.handle(gesture, desk));
        self.tool = tool;
        self.finish(response);
    }

    pub(super) fn finish(&mut self, response: Response) {
        if let Err(error) = self.carry_out(response) {
            self.notice = Some(format!("That could not be done: {error}"));
        }
    }

    fn pick_label(&mut self, pane: usize, at: Point<Screen>) {
        let view: View = self.view(pane);
        let label = self.readout(view.patient_at(at.x(), at.y())).label;
        if label != 0 {
            self.activate_label(label);
        }
    }
}
