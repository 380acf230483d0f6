//! What a job costs a month that reads these sources every five minutes.

use crate::model::window::{SLOT, Window};
use crate::source::Listing;
use crate::source::key::ObjectName;

/// How often such a job runs in 30 days.
const RUNS: f64 = 30.0 * 86_400.0 / 300.0;

/// Prices of a call, in US dollars.
pub(super) struct CallPrices {
    pub(super) list: f64,
    pub(super) get: f64,
}

/// Returns what the priced calls of 30 days cost, least and most: each run lists, and reads the objects that may hold records of five
/// minutes; at most it does so twice, when something differs, with as many listing calls as it took now. `None` if the listing
/// does not tell how many objects there are in five minutes.
pub(super) fn usd(
    window: &Window,
    listing: &Listing,
    lists: u64,
    prices: &CallPrices,
) -> Option<(f64, f64)> {
    let slots = |window: Window| {
        let names = window.object_names();
        Some((names.end? - names.start?) as f64 / SLOT as f64)
    };
    let named = listing.parts.iter();
    let named = named.filter(|part| ObjectName::parse(&part.name).is_some());
    let named = named.count();
    if named == 0 || listing.parts.len() > named {
        return None;
    }
    let objects = named as f64 / slots(*window)? * slots(Window::of_slot(0))?;
    let run = |lists: f64| lists * prices.list + objects * prices.get;
    Some((RUNS * run(1.0), RUNS * 2.0 * run(lists.max(1) as f64)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Cover;
    use crate::source::Part;

    #[test]
    fn a_month_is_told_from_the_objects_of_five_minutes() {
        let part = |name: String| Part {
            name: name.into(),
            size: Some(1),
            version: String::new(),
            cover: Cover::default(),
            delivered: None,
        };
        // An hour has 17 slots of names; two objects in each.
        let window = Window::new(1_641_596_400, 1_641_600_000);
        let names = (0..34).map(|number| {
            format!(
                "1_vpcflowlogs_eu-west-1_fl-0aa_20220107T23{:02}Z_{number}.log.gz",
                number / 2
            )
        });
        let listing = |names: Vec<String>| Listing {
            parts: names.into_iter().map(part).map(Arc::new).collect(),
            ..Listing::default()
        };
        let prices = CallPrices {
            list: 0.001,
            get: 0.0001,
        };
        let names: Vec<String> = names.collect();
        let (least, most) = usd(&window, &listing(names.clone()), 3, &prices).unwrap();
        // 8,640 runs; a list and 12 objects, or twice three lists and 12 objects.
        assert!((least - 8640.0 * 0.0022).abs() < 1e-9, "{least}");
        assert!((most - 8640.0 * 2.0 * 0.0042).abs() < 1e-9, "{most}");
        assert_eq!(usd(&Window::ALL, &listing(names.clone()), 3, &prices), None);
        assert_eq!(usd(&window, &listing(Vec::new()), 3, &prices), None);
        let with_other = [names, vec!["export/000000.gz".to_owned()]].concat();
        assert_eq!(usd(&window, &listing(with_other), 3, &prices), None);
    }
}
