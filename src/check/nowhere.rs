//! Places under which there is nothing at all: most likely a slip, by which all that the other side has would look missing.

use crate::model::{Error, Side};
use crate::source::Remark;

/// Returns the refusal of a place under which there is nothing, if that is what its listing says.
pub fn nothing_there(side: Side, remarks: &[Remark]) -> Option<Error> {
    remarks.iter().find_map(|remark| {
        let (address, nearest) = if let Remark::Nothing { address, nearest } = remark {
            (address, nearest.as_ref())
        } else if let Remark::EmptyFolder { folder } = remark {
            (folder, None)
        } else {
            return None;
        };
        let hint = match nearest {
            Some(nearest) => format!(
                "did you mean `{nearest}`? Where nothing has been delivered yet: --allow-empty"
            ),
            None => "where nothing has been delivered yet: --allow-empty".to_owned(),
        };
        Some(Error::Source {
            side,
            address: address.clone(),
            reason: "there is nothing under it".to_owned(),
            hint: Some(hint),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_at_all_is_a_slip_and_nothing_wanted_is_none() {
        let address = || "s3://logs/flow".to_owned();
        let folder = || "here".to_owned();
        let nearest = Some("s3://logs/flows/".to_owned());
        for (remark, hint) in [
            (
                Remark::Nothing {
                    address: address(),
                    nearest,
                },
                Some(
                    "did you mean `s3://logs/flows/`? Where nothing has been delivered yet: --allow-empty",
                ),
            ),
            (
                Remark::EmptyFolder { folder: folder() },
                Some("where nothing has been delivered yet: --allow-empty"),
            ),
            // A bucket that is there, and empty, may still be another one's.
            (
                Remark::Nothing {
                    address: address(),
                    nearest: None,
                },
                Some("where nothing has been delivered yet: --allow-empty"),
            ),
            (Remark::NothingWanted { address: address() }, None),
            (
                Remark::NoFiles {
                    folder: folder(),
                    in_window: true,
                },
                None,
            ),
        ] {
            let refused = nothing_there(Side::S3, std::slice::from_ref(&remark));
            let said = refused.and_then(|error| {
                let Error::Source { hint, .. } = error else {
                    panic!("{error}");
                };
                hint
            });
            assert_eq!(said.as_deref(), hint, "{remark:?}");
        }
    }
}
