//! Which objects there are: folder by folder where delivered logs lie, all keys elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{EncodingType, Object, ObjectStorageClass, OptionalObjectAttributes};
use futures::{StreamExt, TryStreamExt, stream};
use hashbrown::HashSet;
use percent_encoding::percent_decode_str;

use super::{LIST, LIST_ALL, S3};
use crate::model::Error;
use crate::model::window::Window;
use crate::source::aws::Failure;
use crate::source::key::{self, ObjectName};
use crate::source::pages::ListingPages;
use crate::source::passed_over::{PassedFiles, empty_log};
use crate::source::{Ask, Listing, Part, Remark};

/// How many keys or folders a remark names.
const NAMED: usize = 3;

/// Where a page begins.
pub(super) enum PageStart {
    Beginning,
    Token(String),
    After(String),
}

/// Whether keys come in order. Where they do not (directory buckets, stores that are only like S3), nothing may be passed
/// over.
struct Order {
    holds: bool,
    last: String,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            holds: true,
            last: String::new(),
        }
    }
}

impl Order {
    fn add(&mut self, key: &str) {
        self.holds &= self.last.as_str() < key;
        self.last.replace_range(.., key);
    }
}

/// Returns the first and the last key or folder on a page; `None` if it is empty.
pub(super) fn ends(page: &ListObjectsV2Output) -> Option<[String; 2]> {
    let keys = page.contents().iter().filter_map(Object::key);
    let folders = page.common_prefixes().iter().filter_map(|it| it.prefix());
    let mut all = keys.chain(folders);
    let first = all.next()?;
    Some([first, all.last().unwrap_or(first)].map(str::to_owned))
}

/// What was found in a folder or below it.
#[derive(Default)]
struct FolderFinds {
    /// Objects that may hold what is asked for.
    objects: Vec<Object>,
    /// Folders in it, if they were asked for.
    folders: Vec<String>,
    /// Keys and folders seen, wanted or not.
    seen: usize,
    /// Keys left out because they do not name one of the flow logs asked for by id.
    nameless: usize,
    /// Folders that one page names, and in which the next one finds nothing.
    contradictions: Vec<String>,
}

impl FolderFinds {
    fn add(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.folders.extend(other.folders);
        self.seen += other.seen;
        self.nameless += other.nameless;
        self.contradictions.extend(other.contradictions);
    }
}

impl S3 {
    /// Lists what may hold what is asked for.
    pub(super) async fn list_objects(&self, ask: &Ask) -> Result<Listing, Error> {
        self.count_in(&ask.met);
        let names = ask.window.object_names();
        let root = self.root();
        let tree = format!("{root}AWSLogs/");
        let mut remarks = Vec::new();
        let mut found = if key::is_in_tree(&root) {
            self.descend(vec![root.clone()], &names).await?
        } else {
            // One page tells which kind of place it is; a big one is not worth listing twice.
            let first = match self
                .try_page(&root, true, &PageStart::Beginning, 1000)
                .await
            {
                Ok(first) => first,
                // Many may list what was delivered and nothing else.
                Err(failure) if failure.is_denied() && self.may_list(&tree).await => {
                    tracing::info!(tree, "only what was delivered may be listed");
                    let found = self.descend(vec![tree], &names).await?;
                    return Ok(self.listing(found, remarks, ask));
                }
                Err(failure) => return Err(failure.into_error(self.side, &self.address, LIST_ALL)),
            };
            let delivered = first
                .common_prefixes()
                .iter()
                .any(|folder| folder.prefix() == Some(&tree))
                || (first.is_truncated() == Some(true) && self.exists(&tree).await?);
            if delivered {
                remarks.extend(self.beside(&first, &root, &tree));
                self.descend(vec![tree], &names).await?
            } else {
                self.folder(&root, false, &names).await?
            }
        };
        if found.seen == 0
            && let Some(object) = self.lone_object().await?
        {
            found.seen = 1;
            found.objects.push(object);
        }
        Ok(self.listing(found, remarks, ask))
    }

    /// Lists folder by folder, level by level, passing over folders that cannot hold the names.
    async fn descend(&self, roots: Vec<String>, names: &Window) -> Result<FolderFinds, Error> {
        let mut all = FolderFinds::default();
        let (mut level, mut named) = (roots, false);
        while !level.is_empty() {
            let mut found = stream::iter(level)
                .map(async |folder| {
                    let mut found = self.folder(&folder, true, names).await?;
                    if named && found.seen == 0 {
                        found.contradictions.push(folder);
                    }
                    Ok::<_, Error>(found)
                })
                .buffer_unordered(self.concurrency)
                .try_fold(FolderFinds::default(), async |mut sum, found| {
                    sum.add(found);
                    Ok(sum)
                })
                .await?;
            named = true;
            level = std::mem::take(&mut found.folders);
            level.retain(|folder| key::folder_may_hold(folder, names));
            all.add(found);
        }
        Ok(all)
    }

    /// Lists one folder: what lies in it, or, not `level` by level, everything below it.
    async fn folder(
        &self,
        folder: &str,
        level: bool,
        names: &Window,
    ) -> Result<FolderFinds, Error> {
        let mut found = FolderFinds::default();
        let mut from = PageStart::Beginning;
        let (mut pages, mut order) = (ListingPages::default(), Order::default());
        loop {
            let page = self.page(folder, level, &from, 1000).await?;
            let folders = page.common_prefixes().iter().filter_map(|p| p.prefix());
            let last_folder = folders.clone().max().unwrap_or("").to_owned();
            found.folders.extend(folders.map(str::to_owned));
            found.seen += page.contents().len() + page.common_prefixes().len();
            let truncated = page.is_truncated() == Some(true);
            let token = page.next_continuation_token().map(str::to_owned);
            let ends = ends(&page);
            self.count(page.contents().len() as u64);
            let mut last = None;
            for object in page.contents.unwrap_or_default() {
                last = object.key.clone();
                let Some(key) = object.key() else { continue };
                order.add(key);
                match self.wants(key, object.size(), names) {
                    Want::Yes => found.objects.push(object),
                    Want::No => {}
                    Want::Nameless => found.nameless += 1,
                }
            }
            if !truncated {
                return Ok(found);
            }
            let Some(token) = token else {
                return Err(self.error(format!(
                    "the listing of `{folder}` breaks off: there is more, but no way to ask for it"
                )));
            };
            from = last
                .filter(|last| order.holds && *last > last_folder)
                .and_then(|last| key::go_on_after(&last, names, &self.ids))
                .map_or(PageStart::Token(token), PageStart::After);
            if let PageStart::Token(next) | PageStart::After(next) = &from {
                let ends = ends
                    .as_ref()
                    .map(|ends| ends.each_ref().map(String::as_str));
                pages
                    .turn(ends, next)
                    .map_err(|why| self.error(format!("the listing of `{folder}` {why}")))?;
            }
        }
    }

    /// Tells whether an object may hold what is asked for.
    pub(super) fn wants(&self, key: &str, size: Option<i64>, names: &Window) -> Want {
        // What consoles create to show an empty folder.
        if key.ends_with('/') && size.unwrap_or(0) == 0 {
            return Want::No;
        }
        if let Some(name) = ObjectName::parse(key) {
            let asked = self.ids.is_empty() || self.ids.contains(name.flow_log_id);
            return if asked && names.contains(name.time) {
                Want::Yes
            } else {
                Want::No
            };
        }
        let folder = key.rfind('/').map_or("", |slash| &key[..=slash]);
        match (key::folder_may_hold(folder, names), self.ids.is_empty()) {
            (false, _) => Want::No,
            (true, true) => Want::Yes,
            (true, false) => Want::Nameless,
        }
    }

    /// Finds the object that the address names, if it is not a folder.
    async fn lone_object(&self) -> Result<Option<Object>, Error> {
        if self.prefix.is_empty() || self.prefix.ends_with('/') {
            return Ok(None);
        }
        // Of all keys that begin with it, it is the first.
        let page = self
            .page(&self.prefix, false, &PageStart::Beginning, 1)
            .await?;
        let first = page.contents.unwrap_or_default().into_iter().next();
        Ok(first.filter(|object| object.key() == Some(&self.prefix)))
    }

    /// Tells whether the folder may be listed and has anything in it.
    async fn may_list(&self, folder: &str) -> bool {
        let page = self.try_page(folder, false, &PageStart::Beginning, 1).await;
        page.is_ok_and(|page| !page.contents().is_empty())
    }

    /// Tells whether there is anything in the folder.
    async fn exists(&self, folder: &str) -> Result<bool, Error> {
        let page = self.page(folder, false, &PageStart::Beginning, 1).await?;
        Ok(!page.contents().is_empty())
    }

    /// Says what is left out beside the tree of delivered logs.
    fn beside(&self, first: &ListObjectsV2Output, root: &str, tree: &str) -> Option<Remark> {
        let folders = first.common_prefixes().iter().filter_map(|p| p.prefix());
        let keys = first.contents().iter().filter_map(Object::key);
        let others: BTreeSet<&str> = folders
            .chain(keys)
            .filter(|&name| name != tree && name != root)
            .collect();
        (!others.is_empty()).then(|| Remark::BesideTheTree {
            address: self.address.clone(),
            tree: tree.to_owned(),
            more: others.len() > NAMED || first.is_truncated() == Some(true),
            first: others.into_iter().take(NAMED).map(str::to_owned).collect(),
        })
    }

    /// Asks for one page, in the bucket's own region.
    async fn page(
        &self,
        prefix: &str,
        level: bool,
        from: &PageStart,
        keys: i32,
    ) -> Result<ListObjectsV2Output, Error> {
        let page = self.try_page(prefix, level, from, keys).await;
        page.map_err(|failure| {
            let address = format!("s3://{}/{prefix}", self.bucket);
            failure.into_error(self.side, &address, LIST)
        })
    }

    /// The same, with what went wrong in the service's words.
    pub(super) async fn try_page(
        &self,
        prefix: &str,
        level: bool,
        from: &PageStart,
        keys: i32,
    ) -> Result<ListObjectsV2Output, Failure> {
        let (token, after) = match from {
            PageStart::Beginning => (None, None),
            PageStart::Token(token) => (Some(token.clone()), None),
            PageStart::After(key) => (None, Some(key.clone())),
        };
        let mut followed = false;
        loop {
            let call = self
                .client()
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_delimiter(level.then(|| "/".to_owned()))
                .set_continuation_token(token.clone())
                .set_start_after(after.clone())
                .optional_object_attributes(OptionalObjectAttributes::RestoreStatus)
                // Or else a key with a control character would make the page no XML.
                .encoding_type(EncodingType::Url)
                .max_keys(keys);
            let answer = self
                .caller
                .call("ListObjectsV2", || call.clone().send())
                .await;
            let error = match answer {
                Ok(page) => return Ok(decoded(page)),
                Err(error) => error,
            };
            let failure = Failure::of(&error).in_region(self.client().config().region());
            // Once: two regions that name each other are no place to be.
            if followed || !self.follow(&failure) {
                return Err(failure);
            }
            followed = true;
        }
    }

    /// Turns what was found into parts and remarks.
    fn listing(&self, found: FolderFinds, mut remarks: Vec<Remark>, ask: &Ask) -> Listing {
        let mut listing = Listing::default();
        let mut read: BTreeMap<String, usize> = BTreeMap::new();
        let mut names = HashSet::new();
        for object in found.objects {
            let Some(part) = part(&object).map(Arc::new) else {
                continue;
            };
            // A key that is listed twice is one object.
            if !names.insert(Arc::clone(&part.name)) {
                continue;
            }
            // An export task puts each interface's stream in a folder of its own.
            let mut interfaces = ask.interfaces.iter();
            if !ask.interfaces.is_empty() && !interfaces.any(|id| part.cover.may_hold(id, None)) {
                continue;
            }
            let archived = archived(&object).or_else(|| empty_log(&part));
            if let Some(name) = ObjectName::parse(&part.name) {
                *read.entry(name.flow_log_id.to_owned()).or_default() +=
                    usize::from(archived.is_none());
            }
            match archived {
                Some(reason) => listing.unreadable.push((part, reason)),
                None => listing.parts.push(part),
            }
        }
        listing.parts.sort_by(|a, b| a.name.cmp(&b.name));
        for folder in found.contradictions {
            let part = Part {
                name: folder.into(),
                size: None,
                version: String::new(),
                cover: key::cover(""),
                delivered: None,
            };
            let reason = "the listing names this folder, and then nothing that is in it".to_owned();
            listing.unreadable.push((Arc::new(part), reason));
        }
        let alone = listing.parts.iter().any(|part| *part.name == *self.prefix);
        if !alone {
            PassedFiles::default().sift(&self.root(), &mut listing, |_, _| true);
            remarks.append(&mut listing.remarks);
        }
        if found.seen == 0 {
            remarks.push(Remark::Nothing {
                address: self.address.clone(),
                nearest: None,
            });
        } else if listing.parts.is_empty() && listing.unreadable.is_empty() {
            let address = self.address.clone();
            remarks.push(Remark::NothingWanted { address });
        }
        for id in self.ids.iter().filter(|&id| !read.contains_key(id)) {
            let flow_log = id.clone();
            remarks.push(Remark::NoObjectOf { flow_log });
        }
        if found.nameless > 0 {
            remarks.push(Remark::NamelessObjects(found.nameless));
        }
        read.retain(|_, n| *n > 0);
        if self.ids.is_empty() && !read.is_empty() {
            remarks.push(Remark::FlowLogsRead(read.into_iter().collect()));
        }
        listing.remarks = remarks;
        listing
    }
}

/// Decodes the names of a page that says that they are encoded, whether that was asked for or not.
fn decoded(mut page: ListObjectsV2Output) -> ListObjectsV2Output {
    if page.encoding_type() != Some(&EncodingType::Url) {
        return page;
    }
    let decode = |name: &mut Option<String>| {
        if let Some(name) = name {
            *name = plain(name);
        }
    };
    let objects = page.contents.iter_mut().flatten();
    objects.for_each(|object| decode(&mut object.key));
    let folders = page.common_prefixes.iter_mut().flatten();
    folders.for_each(|folder| decode(&mut folder.prefix));
    page
}

/// Decodes a name as S3 encodes it: a plus is a space.
fn plain(name: &str) -> String {
    let name = name.replace('+', " ");
    percent_decode_str(&name).decode_utf8_lossy().into_owned()
}

/// Whether an object is wanted.
pub(super) enum Want {
    Yes,
    No,
    /// It cannot be told, because its name tells no flow log.
    Nameless,
}

fn part(object: &Object) -> Option<Part> {
    let key = object.key()?;
    Some(Part {
        name: key.into(),
        size: object.size().and_then(|size| u64::try_from(size).ok()),
        version: object.e_tag().unwrap_or("").to_owned(),
        cover: key::cover(key),
        // Whoever copies or exports an object writes it at a time of their own.
        delivered: ObjectName::parse(key)
            .and(object.last_modified())
            .map(DateTime::secs),
    })
}

/// Returns why the object cannot be read for now, if it is archived and not restored. (The archive
/// tiers of Intelligent-Tiering do not show in a listing.)
pub(super) fn archived(object: &Object) -> Option<String> {
    let class = object.storage_class()?;
    let deep = [ObjectStorageClass::Glacier, ObjectStorageClass::DeepArchive];
    let restore = object.restore_status();
    let restored = restore.is_some_and(|status| status.restore_expiry_date().is_some());
    if !deep.contains(class) || restored {
        return None;
    }
    let under_way = restore.and_then(|status| status.is_restore_in_progress()) == Some(true);
    Some(if under_way {
        format!("archived in {}; its restore is under way", class.as_str())
    } else {
        format!("archived in {}; restore it first", class.as_str())
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::RestoreStatus;

    use super::*;

    #[test]
    fn names_are_decoded_if_the_page_says_that_they_are_encoded() {
        let page = |encoding: Option<EncodingType>| {
            let object = Object::builder().key("a%3Db/c+d%0A").build();
            let folder = aws_sdk_s3::types::CommonPrefix::builder().prefix("year%3D2022/");
            let page = ListObjectsV2Output::builder()
                .contents(object)
                .common_prefixes(folder.build())
                .set_encoding_type(encoding)
                .build();
            let page = decoded(page);
            let key = page.contents()[0].key().unwrap().to_owned();
            (key, page.common_prefixes()[0].prefix().unwrap().to_owned())
        };
        let encoded = ("a%3Db/c+d%0A".to_owned(), "year%3D2022/".to_owned());
        assert_eq!(page(None), encoded);
        let plain = ("a=b/c d\n".to_owned(), "year=2022/".to_owned());
        assert_eq!(page(Some(EncodingType::Url)), plain);
    }

    #[test]
    fn archived_objects_are_told_unless_restored() {
        let object = |class: ObjectStorageClass, restore: Option<RestoreStatus>| {
            Object::builder()
                .key("k")
                .storage_class(class)
                .set_restore_status(restore)
                .build()
        };
        let under_way = RestoreStatus::builder()
            .is_restore_in_progress(true)
            .build();
        let restored = RestoreStatus::builder()
            .is_restore_in_progress(false)
            .restore_expiry_date(DateTime::from_secs(1))
            .build();
        for (class, restore, reason) in [
            (ObjectStorageClass::Standard, None, None),
            (ObjectStorageClass::GlacierIr, None, None),
            (
                ObjectStorageClass::Glacier,
                None,
                Some("archived in GLACIER; restore it first"),
            ),
            (
                ObjectStorageClass::DeepArchive,
                Some(under_way),
                Some("archived in DEEP_ARCHIVE; its restore is under way"),
            ),
            (ObjectStorageClass::Glacier, Some(restored), None),
        ] {
            assert_eq!(archived(&object(class, restore)).as_deref(), reason);
        }
    }
}
