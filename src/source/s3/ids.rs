//! A flow log that is asked for by its id and has no object in the window: it has stopped delivering, or the id is a slip.

use std::collections::BTreeSet;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::S3;
use super::listing::PageStart;
use crate::model::Error;
use crate::source::aws::Failure;
use crate::source::key::{self, ObjectName};
use crate::source::{Listing, meant};

/// Listings that are made at most, newest folders first: about ten months of one account and region.
const MOST_LISTINGS: usize = 300;

/// What is found on the way.
struct Search {
    /// The ids that were not found yet.
    open: BTreeSet<String>,
    /// The ids of objects that were met.
    met: BTreeSet<String>,
    listings: usize,
}

impl S3 {
    /// Refuses ids that were typed and that no object has, in the window or long before it: what the other side holds would
    /// all look missing.
    ///
    /// # Errors
    /// [`Error::Source`] with the ids that there are. What cannot be listed is passed over.
    pub(super) async fn refuse_slips(&self, listing: &Listing) -> Result<(), Error> {
        if self.ids_are_sure {
            return Ok(());
        }
        let parts = listing.parts.iter();
        let parts = parts.chain(listing.unreadable.iter().map(|(part, _)| part));
        let names = parts.filter_map(|part| ObjectName::parse(&part.name));
        let read: BTreeSet<&str> = names.map(|name| name.flow_log_id).collect();
        let open = self.ids.iter().filter(|id| !read.contains(id.as_str()));
        let mut search = Search {
            open: open.cloned().collect(),
            met: read.iter().map(|&id| id.to_owned()).collect(),
            listings: 0,
        };
        if search.open.is_empty() || self.found_before(&search.open) {
            return Ok(());
        }
        // The answer is known to be that nothing is in the window; a failure here changes nothing about that.
        if self.search(self.root(), &mut search).await.is_err() {
            return Ok(());
        }
        match search.open.first() {
            None => Ok(()),
            Some(id) => Err(meant::no_flow_log(
                self.side,
                &self.address,
                id,
                &search.met,
            )),
        }
    }

    /// Looks for the ids in a folder and below it.
    fn search<'a>(
        &'a self,
        folder: String,
        search: &'a mut Search,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            if search.open.is_empty() || search.listings >= MOST_LISTINGS {
                return Ok(());
            }
            search.listings += 1;
            let page = self
                .try_page(&folder, true, &PageStart::Beginning, 1000)
                .await?;
            let mut begins = BTreeSet::new();
            for object in page.contents() {
                if let Some(name) = object.key().and_then(ObjectName::parse) {
                    search.add(name.flow_log_id);
                    begins.insert(format!("{}_vpcflowlogs_{}_", name.account, name.region));
                }
            }
            if page.is_truncated() == Some(true) {
                for begin in &begins {
                    for id in search.open.clone() {
                        search.listings += 1;
                        let prefix = format!("{folder}{begin}{id}_");
                        let page = self
                            .try_page(&prefix, true, &PageStart::Beginning, 1)
                            .await?;
                        if !page.contents().is_empty() {
                            search.add(&id);
                        }
                    }
                }
            }
            let below = page.common_prefixes().iter().filter_map(|it| it.prefix());
            let mut below: Vec<&str> = below
                .filter(|it| key::folder_may_hold(it, &crate::model::window::Window::ALL))
                .collect();
            below.sort_unstable();
            for folder in below.into_iter().rev() {
                self.search(folder.to_owned(), search).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// Tells whether an earlier listing has found these.
    fn found_before(&self, open: &BTreeSet<String>) -> bool {
        let mut known = self
            .known_ids
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let found = open.is_subset(&known);
        // A slip ends the run, so that whatever is looked for twice was found.
        known.extend(open.iter().cloned());
        found
    }
}

impl Search {
    fn add(&mut self, id: &str) {
        self.open.remove(id);
        if !self.met.contains(id) {
            self.met.insert(id.to_owned());
        }
    }
}
