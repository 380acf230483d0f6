//! Whether the pages of a listing come to an end: what a service answers is not believed beyond its bounds.

use hashbrown::HashSet;

/// So many pages in a row without anything on them end a listing. A page is empty now and then, where many objects were
/// deleted that have versions.
const EMPTY_PAGES: u32 = 500;

/// The pages of one listing so far.
#[derive(Debug, Default)]
pub(super) struct ListingPages {
    /// What was sent to ask for each.
    asked: HashSet<String>,
    /// The first and the last name on each.
    ends: HashSet<[String; 2]>,
    empty: u32,
}

impl ListingPages {
    /// Takes in a page that is followed by another one, which is asked for with `next`. `ends` are the first and the last name
    /// on it; `None` if it is empty.
    ///
    /// # Errors
    /// Why the listing would not come to an end, as the rest of a sentence that begins with it.
    pub(super) fn turn(&mut self, ends: Option<[&str; 2]>, next: &str) -> Result<(), String> {
        if !self.asked.insert(next.to_owned()) {
            return Err("goes in circles: the same token came twice".to_owned());
        }
        let Some(ends) = ends else {
            self.empty += 1;
            return match self.empty {
                EMPTY_PAGES => Err(format!(
                    "never comes to an end: {EMPTY_PAGES} pages in a row were empty"
                )),
                _ => Ok(()),
            };
        };
        self.empty = 0;
        match self.ends.insert(ends.map(str::to_owned)) {
            true => Ok(()),
            // Some stores that are only like S3 take no notice of the token.
            false => Err(format!(
                "goes in circles: the page from `{}` to `{}` came twice",
                ends[0], ends[1]
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_does_not_end_is_told() {
        let mut pages = ListingPages::default();
        assert_eq!(pages.turn(Some(["a", "b"]), "1"), Ok(()));
        assert_eq!(pages.turn(Some(["b", "c"]), "2"), Ok(()));
        assert_eq!(pages.turn(None, "3"), Ok(()));
        let said = "goes in circles: the same token came twice";
        assert_eq!(pages.turn(Some(["d", "e"]), "2"), Err(said.to_owned()));
        let said = "goes in circles: the page from `a` to `b` came twice";
        assert_eq!(pages.turn(Some(["a", "b"]), "4"), Err(said.to_owned()));
        let ends = (0..EMPTY_PAGES).map(|page| pages.turn(None, &format!("empty {page}")));
        assert_eq!(ends.filter(Result::is_err).count(), 1);
    }
}
