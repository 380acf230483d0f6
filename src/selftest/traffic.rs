//! Traffic: which interfaces there are, and what a flow log sees of them.

use crate::model::window::Window;

use super::SLOT;
use super::random::Random;
use super::record::{Fields, IntervalSeen, PlantedRecord, make_up};

/// How AWS begins the id of an interface.
const INTERFACE: &str = "eni-0";

pub(super) fn interface_names(random: &mut Random, transit: bool, is_large: bool) -> Vec<String> {
    let count = if random.percent(4) && !is_large {
        70
    } else {
        1 + random.below(6)
    };
    let prefix = if transit { "tgw-attach-0" } else { INTERFACE };
    (0..count)
        .map(|_| format!("{prefix}{:016x}", random.next()))
        .collect()
}

/// Records in no order, many of them at the borders of the window and of slots.
pub(super) fn records(
    random: &mut Random,
    fields: &Fields,
    interfaces: &[String],
    window: &Window,
    (base, length, interval): (i64, i64, i64),
    is_large: bool,
) -> Vec<PlantedRecord> {
    let count = match random.below(20) {
        _ if is_large => 6_000,
        0 => 0,
        1 => 1,
        2..6 => random.below(400),
        _ => random.below(60),
    };
    // Some interfaces live a minute.
    let lives: Vec<(i64, i64)> = interfaces
        .iter()
        .map(|_| {
            if random.percent(20) {
                (base + random.seconds(length), 60)
            } else {
                (base, length)
            }
        })
        .collect();
    let borders: Vec<i64> = [window.start, window.end]
        .into_iter()
        .flatten()
        .flat_map(|edge| [edge - 1, edge])
        .collect();
    let mut make = |_| {
        let at = random.below(interfaces.len());
        let (from, lasts) = lives[at];
        let start = match random.below(10) {
            0 if !borders.is_empty() => *random.pick(&borders),
            1 => (from + random.seconds(lasts)).div_euclid(SLOT) * SLOT,
            _ => from + random.seconds(lasts),
        };
        let end = start
            + if random.percent(30) {
                interval - 1
            } else {
                random.seconds(interval)
            };
        let seen = match random.below(20) {
            0 | 1 => IntervalSeen::NoData,
            2 if random.percent(30) => IntervalSeen::SkipData,
            _ => IntervalSeen::Traffic,
        };
        make_up(random, fields, &interfaces[at], (start, end), seen)
    };
    (0..count).map(&mut make).collect()
}
