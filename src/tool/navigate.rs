//! Crosshair by click, window and level by drag.

use std::borrow::Cow;

use super::{Cursor, Desk, Gesture, Phase, Preview, Response, Tool};
use crate::geometry::{Patient, Point, Screen};
use crate::view::View;
use crate::volume::Window;

/// Looks, and marks nothing.
#[derive(Debug, Default)]
pub struct NavigateTool {
    state: State,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Ready,
    /// Down, and not moved far enough to be a drag.
    Pressed {
        from: Point<Screen>,
    },
    Windowing {
        from: Point<Screen>,
        before: Window,
    },
}

/// A press that moves less than this is a click.
const CLICK_PIXELS: f64 = 4.0;
/// A drag this long doubles the window's width, or moves its centre by half the width.
const WINDOW_PIXELS: f64 = 200.0;

impl Tool for NavigateTool {
    fn handle(&mut self, gesture: &Gesture<'_>, desk: &Desk<'_>) -> Response {
        let at = gesture.view.screen_from_patient() * gesture.at;
        let mut response = Response::default();
        self.state = match (self.state, gesture.phase) {
            (_, Phase::Press) => State::Pressed { from: at },
            (State::Pressed { from }, Phase::Drag) => {
                let moved = (at - from).x().hypot((at - from).y());
                if moved < CLICK_PIXELS {
                    State::Pressed { from }
                } else {
                    State::Windowing { from, before: desk.display.window }
                }
            }
            (State::Pressed { .. }, Phase::Release) => {
                // A click on the black around the study means nothing there.
                let grid = desk.case.volume().grid();
                response.focus = grid.index_at(gesture.at).map(|_| gesture.at);
                State::Ready
            }
            (State::Windowing { from, before }, Phase::Drag) => {
                let moved = at - from;
                response.window = Some(Window::new(
                    before.centre + moved.y() / WINDOW_PIXELS * before.width / 2.0,
                    before.width * (moved.x() / WINDOW_PIXELS).exp2(),
                ));
                State::Windowing { from, before }
            }
            (State::Windowing { .. } | State::Ready, Phase::Release) => State::Ready,
            (State::Ready, Phase::Drag) => State::Ready,
        };
        response
    }

    fn cancel(&mut self) -> Response {
        let window = match self.state {
            State::Windowing { before, .. } => Some(before),
            _ => None,
        };
        self.state = State::Ready;
        Response { window, ..Response::default() }
    }

    fn cursor(&self, _at: Point<Patient>, _view: &View, _desk: &Desk<'_>) -> Cursor {
        match self.state {
            State::Windowing { .. } => Cursor::Move,
            _ => Cursor::Crosshair,
        }
    }

    fn preview(
        &self,
        _at: Point<Patient>,
        _view: &View,
        _desk: &Desk<'_>,
        _inverted: bool,
    ) -> Option<Preview> {
        None
    }

    fn hint(&self, _desk: &Desk<'_>) -> Cow<'static, str> {
        match self.state {
            State::Windowing { .. } => "Right: wider window · Down: darker".into(),
            _ => {
                "Click: crosshair · Drag: window and level · Wheel: slice · Ctrl+wheel: zoom · Middle drag: pan".into()
            }
        }
    }
}
