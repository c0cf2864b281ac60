//! Keys and pointer in the order in which hands made them.
//!
//! A frame's keys are looked at before its pointer. A slow frame may hold both, a stroke and the key of the
//! next tool say; so a frame ends where a key comes after the pointer did something, and before and after a key
//! that may open or end a place to write in, and the rest waits for the next one.

use egui::{Context, Event, Key, Modifiers, Plugin, RawInput};

/// Parts frames.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    waiting: Vec<Event>,
    /// Whether a button of the pointer is down.
    is_down: bool,
}

impl Plugin for InOrder {
    fn debug_name(&self) -> &'static str {
        "keys and pointer in order"
    }

    fn input_hook(&mut self, ctx: &Context, input: &mut RawInput) {
        let mut events = std::mem::take(&mut self.waiting);
        events.append(&mut input.events);
        let end = self.end_of_frame(&events);
        self.waiting = events.split_off(end);
        input.events = events;
        if !self.waiting.is_empty() {
            ctx.request_repaint();
        }
    }
}

impl InOrder {
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
