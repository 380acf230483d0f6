//! What was found, for people.

use super::{Found, Pair, Unlike};
use crate::model::words::count;
use crate::render::escape;

/// Says what was found, ending with a newline.
pub fn text(found: &Found) -> String {
    let unlike = found.pairs.iter().filter(|pair| !pair.unlike.is_empty());
    let unlike = unlike.count() as u64;
    let pairs = found.pairs.len() as u64;
    let mut text = match pairs {
        0 => "No pairs: no resource has a flow log to each destination.\n".to_owned(),
        _ if unlike == 0 => format!("{}, all alike in configuration.\n", count(pairs, "pair")),
        _ => format!(
            "{}, {unlike} of them unlike in configuration.\n",
            count(pairs, "pair")
        ),
    };
    for pair in &found.pairs {
        text.push('\n');
        text += &of_pair(pair);
    }
    if !found.alone.is_empty() {
        text += "\nWithout a flow log of the same resource to the other destination:\n";
        for log in &found.alone {
            text += &format!("  {}\n", escape(&log.summary()));
        }
    }
    if found.elsewhere > 0 {
        let logs = count(found.elsewhere as u64, "flow log");
        text += &format!("\n{logs} to neither S3 nor CloudWatch Logs.\n");
    }
    text
}

fn of_pair(pair: &Pair) -> String {
    let mut text = format!("{}\n", escape(&pair.name));
    for (name, side) in [("s3", &pair.s3), ("cwl", &pair.cwl)] {
        let id = side.flow_log.as_ref().map_or("", |log| &log.id);
        let known = [&side.account, &side.region, &side.profile];
        let known: Vec<_> = known.into_iter().flatten().map(|it| escape(it)).collect();
        text += &format!(
            "  {name:<4} {}, {}\n       {}\n",
            escape(id),
            known.join(", "),
            escape(&side.address)
        );
    }
    for unlike in &pair.unlike {
        text += &format!("  {}\n", escape(&of_unlike(unlike)));
    }
    text
}

fn of_unlike(unlike: &Unlike) -> String {
    let setting = &unlike.setting;
    match (&unlike.s3, &unlike.cwl) {
        (Some(s3), Some(cwl)) => format!(
            "unlike: {setting} {s3} (s3), {cwl} (cwl): {}",
            unlike.reason
        ),
        _ => format!("unlike: {setting}: {}", unlike.reason),
    }
}
