//! How many files, connections and folders the system lets this process have open at once.

/// What is open besides parts: standard streams, the runtime's own, reports, temporary files of the second look.
#[cfg(unix)]
const OTHERS: u64 = 24;

/// What a part may need at once: a connection or a file, and a second handle or a temporary file.
#[cfg(unix)]
const OF_A_PART: u64 = 2;

/// Raises the limit as far as it may be raised, and returns how many parts of each of two sides may be read at once within
/// it; at least one, at most `wanted`.
pub(crate) fn parts_at_once(wanted: usize) -> usize {
    limit().map_or(wanted, |limit| within(limit, wanted))
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

#[cfg(unix)]
fn within(limit: u64, wanted: usize) -> usize {
    let parts = limit.saturating_sub(OTHERS) / (2 * OF_A_PART);
    usize::try_from(parts)
        .unwrap_or(usize::MAX)
        .clamp(1, wanted.max(1))
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

#[cfg(not(unix))]
fn within(_: u64, wanted: usize) -> usize {
    wanted
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn parts_fit_into_what_may_be_open() {
        for (limit, wanted, parts) in [
            (64, 64, 10),
            (1024, 64, 64),
            (256, 64, 58),
            (8, 64, 1),
            (1024, 0, 1),
        ] {
            assert_eq!(within(limit, wanted), parts, "{limit}");
        }
        assert_eq!(parts_at_once(3), 3);
    }
}
