//! Times: windows, slots and what they are written as, for every second there is.
#![no_main]

use flowdiff::model::window::{SLOT, Settle, Window, rfc3339, slot};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|times: (i64, i64, i64, i64)| {
    let (start, end, second, seconds) = times;
    assert!(slot(second) <= second || second < i64::MIN + SLOT);
    assert!(second.saturating_sub(slot(second)) < SLOT);
    let written = rfc3339(second);
    let read = written.parse::<jiff::Timestamp>();
    let read = read.map_or_else(|_| written.parse().ok(), |time| Some(time.as_second()));
    assert_eq!(read, Some(second), "{written}");
    for window in [
        Window::new(start, end),
        Window {
            start: Some(start),
            end: None,
        },
        Window {
            start: None,
            end: Some(end),
        },
        Window::ALL,
    ] {
        let _ = window.to_string();
        if window.contains(second) {
            assert!(window.overlaps(&Window::ALL));
            assert!(window.widened(1, 1).contains(second) || second == i64::MAX);
            assert!(window.overlaps(&Window::of_slot(slot(second))), "{window}");
            // An object that may hold the record is asked for.
            let name = slot(second.saturating_add(60));
            assert!(window.object_names().contains(name) || name > i64::MAX - 3600);
            assert!(Window::of_object_name(name).contains(second) || name > i64::MAX - 3600);
            let (from, to) = window.event_millis();
            let millis = second.saturating_mul(1000).max(0);
            assert!(from.is_none_or(|from| from <= millis));
            assert!(to.is_none_or(|to| millis < to || to == i64::MAX || to == 0));
        }
    }
    let settle = Settle {
        now: start,
        seconds,
    };
    if seconds >= 0 && settle.is_young(None, Some(second)) {
        assert!(settle.is_young(None, Some(second.saturating_add(1))));
    }
    let _ = settle.is_young(Some(second), None);
});
