//! An address under which there is nothing: most likely a slip.

use aws_sdk_s3::types::Object;

use super::S3;
use super::listing::PageStart;
use crate::source::{Listing, Remark};

impl S3 {
    /// Adds what there is instead to the remark that there is nothing, unless the address is the whole bucket or is known
    /// to be right.
    pub(super) async fn name_nearest(&self, listing: &mut Listing) {
        // Whoever has a flow log's id of EC2 has the address of it, too.
        let is_sure = self.ids_are_sure && !self.ids.is_empty();
        if self.prefix.is_empty() || is_sure {
            return;
        }
        for remark in &mut listing.remarks {
            if let Remark::Nothing { nearest, .. } = remark {
                *nearest = Some(self.nearest().await);
            }
        }
    }

    /// Returns the address of what is most like the prefix, in the lowest folder above it in which there is anything. What
    /// cannot be listed is passed over: this is a convenience.
    async fn nearest(&self) -> String {
        let mut below = self.prefix.trim_end_matches('/');
        while !below.is_empty() {
            let folder = &below[..below.rfind('/').map_or(0, |slash| slash + 1)];
            let page = self.try_page(folder, true, &PageStart::Beginning, 1000);
            if let Ok(page) = page.await {
                let folders = page.common_prefixes().iter().filter_map(|it| it.prefix());
                let keys = page.contents().iter().filter_map(Object::key);
                let names = folders.chain(keys).filter(|name| *name != folder);
                if let Some(name) = most_like(&self.prefix, names) {
                    return format!("s3://{}/{name}", self.bucket);
                }
            }
            below = folder.trim_end_matches('/');
        }
        format!("s3://{}", self.bucket)
    }
}

/// Returns the name that differs least; of equally unlike ones the first.
fn most_like<'n>(prefix: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let prefix = prefix.trim_end_matches('/');
    let distance = |name: &&str| strsim::damerau_levenshtein(name.trim_end_matches('/'), prefix);
    names.min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_differs_least_is_the_nearest() {
        let names = ["exports/", "flow-logs/", "notes.txt"];
        assert_eq!(most_like("flow-log", names.into_iter()), Some("flow-logs/"));
        assert_eq!(most_like("export/", names.into_iter()), Some("exports/"));
        assert_eq!(most_like("x", std::iter::empty()), None);
    }
}
