//! Keys and pointer in the order in which hands made them.
//!
//! A frame's keys are looked at before its pointer. A slow frame may hold both, a stroke and the key of the
//! next tool say; so a frame ends where a key comes after the pointer did something, and before and after a key
//! that may open or end a place to write in, and the rest waits for the next one. What is being written is taken
//! a frame before the pointer does something elsewhere: a stroke must not be followed by the step that was typed
//! before it.

use egui::{Context, Event, Id, Key, Modifiers, Plugin, Pos2, RawInput, Rect, Ui};

/// Parts frames.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    waiting: Vec<Event>,
    /// Whether a button of the pointer is down.
    is_down: bool,
    /// Where the pointer was last.
    pointer: Option<Pos2>,
    /// The field that has to give up what is written in it.
    gives_up: Option<Id>,
}

impl Plugin for InOrder {
    fn debug_name(&self) -> &'static str {
        "keys and pointer in order"
    }

    fn input_hook(&mut self, ctx: &Context, input: &mut RawInput) {
        let mut events = std::mem::take(&mut self.waiting);
        events.append(&mut input.events);
        let mut end = self.end_of_frame(&events);
        if let Some((id, rect)) = written_in(ctx)
            && let Some(place) = self.first_elsewhere(&events[..end], rect)
        {
            (self.gives_up, end) = (Some(id), place);
        }
        let at = events[..end].iter().rev().find_map(place_of);
        self.pointer = at.or(self.pointer);
        self.waiting = events.split_off(end);
        input.events = events;
        if !self.waiting.is_empty() {
            ctx.request_repaint();
        }
    }

    fn on_begin_pass(&mut self, ui: &mut Ui) {
        if let Some(id) = self.gives_up.take() {
            ui.ctx().memory_mut(|memory| memory.surrender_focus(id));
        }
    }
}

impl InOrder {
    /// The first event by which the pointer does something outside of a field.
    fn first_elsewhere(&self, events: &[Event], field: Rect) -> Option<usize> {
        let mut at = self.pointer;
        events.iter().position(|event| {
            at = place_of(event).or(at);
            let acts = matches!(event, Event::PointerButton { pressed: true, .. } | Event::MouseWheel { .. });
            acts && at.is_some_and(|at| !field.contains(at))
        })
    }

    /// How many of these events make one frame.
    fn end_of_frame(&mut self, events: &[Event]) -> usize {
        let (mut acted, mut wrote) = (false, false);
        for (place, event) in events.iter().enumerate() {
            match event {
                Event::Key { .. } | Event::Text(_) if acted => return place,
                Event::Key { key, pressed: true, .. } if wrote && is_for_fields(*key) => return place,
                Event::Text(_) => wrote = true,
                Event::Key { key, pressed: true, modifiers, .. } => acted = opens_or_ends(*key, *modifiers),
                Event::PointerButton { pressed, .. } => (acted, self.is_down) = (true, *pressed),
                Event::MouseWheel { .. } => acted = true,
                Event::PointerMoved(_) => acted |= self.is_down,
                _ => {}
            }
        }
        events.len()
    }
}

/// Where an event says that the pointer is.
fn place_of(event: &Event) -> Option<Pos2> {
    match event {
        Event::PointerMoved(at) | Event::PointerButton { pos: at, .. } => Some(*at),
        _ => None,
    }
}

/// The field in which something is being written, and where it is.
fn written_in(ctx: &Context) -> Option<(Id, Rect)> {
    let id = ctx.memory(|memory| memory.focused()).filter(|_| ctx.text_edit_focused())?;
    Some((id, ctx.read_response(id)?.rect))
}

/// Whether a key may put the keyboard into a field, a dialog or the palette, or take it away.
fn opens_or_ends(key: Key, held: Modifiers) -> bool {
    held.command || held.ctrl || is_for_fields(key) || matches!(key, Key::Questionmark | Key::F1)
}

/// Whether a key takes what is written, or gives it up.
fn is_for_fields(key: Key) -> bool {
    matches!(key, Key::Enter | Key::Tab | Key::Escape)
}

#[cfg(test)]
mod tests {
    use egui::{PointerButton, Pos2};

    use super::*;

    #[test]
    fn a_frame_ends_before_a_key_that_came_after_the_pointer() {
        let button = |pressed| Event::PointerButton {
            pos: Pos2::ZERO,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let key_of = |key| Event::Key {
            key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::NONE,
        };
        let key = || key_of(Key::E);
        let moved = || Event::PointerMoved(Pos2::ZERO);
        let text = || Event::Text("e".into());
        let mut in_order = InOrder::default();
        let mut check = |events: Vec<Event>, expected: &[usize]| {
            let mut rest = &events[..];
            let mut frames = Vec::new();
            while !rest.is_empty() {
                let end = in_order.end_of_frame(rest);
                frames.push(end);
                rest = &rest[end..];
            }
            assert_eq!(frames, expected, "{events:?}");
        };
        check(vec![key(), text(), moved(), button(true)], &[4]);
        check(vec![moved(), key()], &[1, 1]);
        check(vec![button(false), key(), text(), moved(), key()], &[1, 4]);
        check(vec![button(true), button(false), key(), button(true), button(false), key()], &[2, 3, 1]);
        check(vec![moved(), key()], &[2]);
        check(vec![key_of(Key::Enter), key_of(Key::Enter), key(), text()], &[1, 1, 2]);
        check(
            vec![key(), text(), key(), text(), key_of(Key::Tab), text(), key_of(Key::Enter)],
            &[4, 1, 1, 1],
        );
        let palette = Event::Key {
            key: Key::P,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: Modifiers::COMMAND,
        };
        check(vec![palette, key(), text(), key(), text()], &[1, 4]);
    }
}
