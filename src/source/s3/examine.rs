//! What is found in a bucket by few and small calls.

use std::collections::BTreeSet;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::ServerSideEncryption;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::{S3, listing};
use crate::model::window::Window;
use crate::source::aws::Failure;
use crate::source::endpoint::Endpoint;
use crate::source::examine::{
    BucketFacts, CallTrouble, Examined, FoundObject, Live, Object, Places, TroubleKind, caller,
};
use crate::source::key;
use crate::source::{Ask, SourceOptions};

/// Listings that are made at most on the way to the newest objects. One leads through a level of folders of an account
/// and region, so that this is enough for dozens of these.
const MOST_LISTINGS: usize = 300;

/// Folders beside the one asked for in which delivered logs are looked for.
const MOST_ELSEWHERE: usize = 10;

/// The bytes of an object that are read: the header of a text lies within them.
const HEAD: usize = 1024;

/// A walk to the newest objects.
struct Walk<'a> {
    ask: &'a Ask,
    /// The times in names that are looked for.
    names: Window,
    listings: usize,
    places: Places,
}

impl S3 {
    /// Finds out what there is, and whether it may be listed and read.
    pub(in crate::source) async fn examine(
        &mut self,
        options: &SourceOptions,
        ask: &Ask,
    ) -> Examined {
        let endpoint = Endpoint::default();
        self.listen(endpoint.clone());
        let region = |s3: &Self| s3.client().config().region().map(ToString::to_string);
        let configured = region(self);
        let fallback = Some(self.reached.anywhere());
        let caller = caller(options, None, fallback).await;
        let mut bucket = BucketFacts {
            name: self.bucket.clone(),
            folder: self.root(),
            ..BucketFacts::default()
        };
        if caller.as_ref().err().is_none_or(may_go_on) {
            self.look(&mut bucket, options, ask).await;
            bucket.region = region(self);
        }
        let live = Live {
            caller,
            region: configured,
            endpoint: endpoint.last(),
            clock_ahead: self.clock.ahead(),
            calls: self.caller.calls(),
        };
        Examined::Bucket(live, Box::new(bucket))
    }

    async fn look(&self, bucket: &mut BucketFacts, options: &SourceOptions, ask: &Ask) {
        let tell = |failure: Failure| CallTrouble::of(&failure, options);
        let places = self.places(&mut bucket.folder, ask).await.map_err(tell);
        if let Ok(places) = &places
            && places.seen == 0
        {
            // Whoever may list the bucket may not have to: the answer is a convenience.
            bucket.elsewhere = self.elsewhere().await.unwrap_or_default();
        }
        let of_places = places.as_ref().ok();
        let newest = of_places.and_then(|places| {
            let wanted = |found: &&FoundObject| found.size > 0;
            let in_window = places.in_window.as_ref().filter(wanted);
            in_window.or_else(|| places.newest.as_ref().filter(wanted))
        });
        if let Some(found) = newest {
            let object = self.head(&found.name, options).await;
            bucket.object = Some((found.name.clone(), object));
        }
        if places.is_ok() {
            bucket.kept_days = Some(self.lifecycle_days().await.map_err(tell));
        }
        bucket.places = Some(places);
    }

    /// Finds the newest objects below the address, and moves the folder to where they lie.
    async fn places(&self, folder: &mut String, ask: &Ask) -> Result<Places, Failure> {
        let tree = format!("{folder}AWSLogs/");
        if key::is_in_tree(folder) || self.has(&tree).await? {
            if !key::is_in_tree(folder) {
                *folder = tree;
            }
            let mut walk = Walk::new(ask, Window::ALL);
            self.descend_to_newest(folder.clone(), &mut walk).await?;
            if walk.places.in_window.is_none() {
                let mut within = Walk::new(ask, ask.window.object_names());
                self.descend_to_newest(folder.clone(), &mut within).await?;
                walk.places.in_window = within.places.in_window;
                walk.places.flow_logs.extend(within.places.flow_logs);
            }
            return Ok(walk.places);
        }
        let mut walk = Walk::new(ask, Window::ALL);
        let page = self.look_at(folder, false).await?;
        walk.places.more = page.is_truncated() == Some(true);
        self.add(page, &mut walk);
        let lone = !self.prefix.is_empty() && !self.prefix.ends_with('/');
        if walk.places.seen == 0 && lone {
            let page = self
                .try_page(&self.prefix, false, &listing::PageStart::Beginning, 1)
                .await?;
            let mut found = page.contents.unwrap_or_default().into_iter();
            if let Some(object) = found.next().filter(|it| it.key() == Some(&self.prefix)) {
                folder.clone_from(&self.prefix);
                walk.places.add(found_of(&object), ask);
            }
        }
        Ok(walk.places)
    }

    /// Goes down where time is latest, and into every account and region.
    fn descend_to_newest<'a>(
        &'a self,
        folder: String,
        walk: &'a mut Walk<'_>,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            if walk.listings >= MOST_LISTINGS {
                walk.places.more = true;
                return Ok(());
            }
            let before = walk.places.seen;
            let mut folders = Vec::new();
            let mut from = listing::PageStart::Beginning;
            loop {
                walk.listings += 1;
                let mut page = self.try_page(&folder, true, &from, 1000).await?;
                let below = page.common_prefixes.take().unwrap_or_default();
                folders.extend(below.into_iter().filter_map(|below| below.prefix));
                let token = page.next_continuation_token.take();
                self.add(page, walk);
                match token {
                    Some(token) if walk.listings < MOST_LISTINGS => {
                        from = listing::PageStart::Token(token);
                    }
                    more => {
                        walk.places.more |= more.is_some();
                        break;
                    }
                }
            }
            folders.retain(|below| key::folder_may_hold(below, &walk.names));
            folders.sort();
            for below in folders.into_iter().rev() {
                let of_time = key::is_folder_of_time(&below);
                self.descend_to_newest(below, walk).await?;
                if of_time && walk.places.seen > before {
                    break;
                }
            }
            Ok(())
        }
        .boxed()
    }

    /// Takes note of the objects of a page.
    fn add(&self, page: ListObjectsV2Output, walk: &mut Walk<'_>) {
        for object in page.contents.unwrap_or_default() {
            let key = object.key().unwrap_or_default();
            let wanted = self.wants(key, object.size(), &walk.names);
            if !matches!(wanted, listing::Want::Yes) {
                continue;
            }
            match listing::archived(&object) {
                Some(reason) => walk.places.unreadable.push((key.to_owned(), reason)),
                None => walk.places.add(found_of(&object), walk.ask),
            }
        }
    }

    /// Tells whether there is anything in the folder.
    async fn has(&self, folder: &str) -> Result<bool, Failure> {
        let page = self
            .try_page(folder, false, &listing::PageStart::Beginning, 1)
            .await?;
        Ok(!page.contents().is_empty())
    }

    async fn look_at(&self, folder: &str, level: bool) -> Result<ListObjectsV2Output, Failure> {
        self.try_page(folder, level, &listing::PageStart::Beginning, 1000)
            .await
    }

    /// Looks for delivered logs elsewhere in the bucket: at its top, and one folder below.
    async fn elsewhere(&self) -> Result<BTreeSet<String>, Failure> {
        let mut found = BTreeSet::new();
        let top = self.look_at("", true).await?;
        let folders = top.common_prefixes().iter().filter_map(|it| it.prefix());
        for folder in folders.take(MOST_ELSEWHERE) {
            if folder == "AWSLogs/" {
                found.insert(String::new());
            } else if self.has(&format!("{folder}AWSLogs/")).await? {
                found.insert(folder.to_owned());
            }
        }
        Ok(found)
    }

    /// Reads the first bytes of an object, which proves that all of it may be read. If that is denied, asks for no more
    /// than its headers, which takes the same permission on the object and none on a key.
    async fn head(&self, key: &str, options: &SourceOptions) -> Result<Object, CallTrouble> {
        let call = self
            .client()
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .range(format!("bytes=0-{}", HEAD - 1));
        let answer = self.caller.call("GetObject", || call.clone().send()).await;
        let object = match answer {
            Ok(object) => object,
            Err(error) => {
                let trouble = CallTrouble::of(&Failure::of(&error), options);
                if trouble.why == TroubleKind::Denied {
                    return self.sealed(key, trouble).await;
                }
                return Err(trouble);
            }
        };
        let mut told = Object {
            encryption: encryption(object.server_side_encryption()),
            key: object.ssekms_key_id().map(str::to_owned),
            ..Object::default()
        };
        let mut body = object.body;
        // A server that knows no ranges sends everything: no more of it is taken than was asked for.
        while told.head.len() < HEAD {
            match body.next().await {
                None => break,
                Some(Ok(bytes)) => told.head.extend_from_slice(&bytes),
                Some(Err(error)) => {
                    return Err(CallTrouble::other(format!(
                        "the object breaks off: {error}"
                    )));
                }
            }
        }
        told.head.truncate(HEAD);
        Ok(told)
    }

    /// Tells which of two permissions is lacking.
    async fn sealed(&self, key: &str, denied: CallTrouble) -> Result<Object, CallTrouble> {
        let call = self.client().head_object().bucket(&self.bucket).key(key);
        let answer = self.caller.call("HeadObject", || call.clone().send()).await;
        match answer {
            Ok(object) if object.ssekms_key_id().is_some() => Ok(Object {
                encryption: encryption(object.server_side_encryption()),
                key: object.ssekms_key_id().map(str::to_owned),
                head: Vec::new(),
                sealed: Some(denied),
            }),
            Ok(_) | Err(_) => Err(denied),
        }
    }
}

impl<'a> Walk<'a> {
    fn new(ask: &'a Ask, names: Window) -> Self {
        Self {
            ask,
            names,
            listings: 0,
            places: Places::default(),
        }
    }
}

/// Without an identity nothing can be called; an STS that cannot be asked is no such thing.
fn may_go_on(trouble: &CallTrouble) -> bool {
    trouble.why != TroubleKind::Credentials
}

fn encryption(told: Option<&ServerSideEncryption>) -> Option<String> {
    told.map(|told| told.as_str().to_owned())
}

fn found_of(object: &aws_sdk_s3::types::Object) -> FoundObject {
    let key = object.key().unwrap_or_default();
    let named = key::ObjectName::parse(key).map(|name| name.time);
    let written = object.last_modified().map(|time| time.secs());
    FoundObject {
        name: key.to_owned(),
        time: named.or(written).unwrap_or(0),
        size: object
            .size()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
    }
}
