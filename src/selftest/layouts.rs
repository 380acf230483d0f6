//! Which fields the two flow logs have, and what the user says of them.

use std::collections::BTreeSet;

use crate::decode::Format;
use crate::model::Sides;
use crate::record::field::FIELDS;
use crate::record::{FieldName, Layout};

use super::random::Random;

/// Both sides' layouts, and what the user says of rows without a header.
pub(super) fn layouts(random: &mut Random, is_large: bool) -> (Sides<Layout>, Sides<Format>) {
    let default = Layout::vpc_default();
    let layouts = match random.below(100) {
        _ if is_large => Sides {
            s3: default.clone(),
            cwl: default,
        },
        0..40 => Sides {
            s3: default.clone(),
            cwl: default,
        },
        40..50 => Sides {
            s3: in_any_order(default.columns(), random),
            cwl: default,
        },
        50..60 => {
            let tgw = Layout::transit_gateway_default();
            Sides {
                s3: tgw.clone(),
                cwl: tgw,
            }
        }
        _ => custom(random),
    };
    let formats = Sides::from_fn(|side| {
        let layout = &layouts[side];
        // Rows of the two default formats are told by themselves.
        let told = *layout == Layout::vpc_default() || *layout == Layout::transit_gateway_default();
        if told && random.percent(60) {
            return Format::not_given();
        }
        Format::named(layout.clone())
    });
    (layouts, formats)
}

fn in_any_order(columns: &[FieldName], random: &mut Random) -> Layout {
    let mut names: Vec<&str> = columns.iter().map(FieldName::as_str).collect();
    random.shuffle(&mut names);
    Layout::from_names(names).expect("each name once")
}

/// Two formats of somebody's own. Both have the version, which is never absent, and enough fields that a row of two
/// cells is none of theirs.
fn custom(random: &mut Random) -> Sides<Layout> {
    let mut base: BTreeSet<&str> = ["version", "srcaddr", "dstaddr", "bytes", "protocol"]
        .into_iter()
        .collect();
    for (name, chance) in [
        ("interface-id", 90),
        ("start", 93),
        ("end", 85),
        ("log-status", 80),
        ("packets", 80),
    ] {
        if random.percent(chance) {
            base.insert(name);
        }
    }
    // Fields of Transit Gateway records would make one side's records another kind.
    let own = FIELDS.iter().filter(|field| field.version != 6);
    let all: Vec<&str> = own.map(|field| field.name).collect();
    (0..random.below(15)).for_each(|_| {
        base.insert(*random.pick::<&str>(&all));
    });
    let alike = random.percent(50);
    Sides::from_fn(|_| {
        let mut names: Vec<FieldName> = base.iter().map(|name| FieldName::new(name)).collect();
        if !alike {
            names.retain(|name| name.as_str() == "version" || random.percent(90));
            for name in ["brand-new", *random.pick::<&str>(&all)].map(FieldName::new) {
                if random.percent(40) && !names.contains(&name) {
                    names.push(name);
                }
            }
            for name in ["srcaddr", "dstaddr", "bytes"].map(FieldName::new) {
                if names.len() < 5 && !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        in_any_order(&names, random)
    })
}
