//! What is known of a side, as machines are told: the one place where that is taken from what was found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::window::rfc3339;
use crate::source::Address;
use crate::source::examine::{
    BucketFacts, CallAnswer, CallerIdentity, Examined, FoundObject, GroupFacts, Live, Places,
};

/// What is known of a side, for machines; `null` is not known or not of this kind of source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The address as the user wrote it.
    pub source: String,
    /// The caller's ARN.
    pub identity: Option<String>,
    /// The caller's account.
    pub account: Option<String>,
    /// The region: of the bucket where that is known, else the one configured.
    pub region: Option<String>,
    /// Where the service was called.
    pub endpoint: Option<String>,
    /// By how many seconds this machine's clock is ahead of the service's.
    pub clock_ahead_seconds: Option<i64>,
    /// How delivered logs lie in the bucket or folder.
    pub layouts: Vec<String>,
    /// The flow logs whose objects were met.
    pub flow_logs: BTreeSet<String>,
    /// The newest object or file.
    pub newest_object: Option<NewestObject>,
    /// The newest that may hold records of the window.
    pub newest_object_in_window: Option<NewestObject>,
    /// The streams that were listed.
    pub streams: Option<u64>,
    /// Whether there are more streams than were listed.
    pub more_streams: Option<bool>,
    /// When the newest event that was read is of.
    pub newest_event: Option<String>,
    /// For how many days the log group keeps events; `null` also if for ever.
    pub retention_days: Option<i32>,
    /// The log group's class.
    pub log_class: Option<String>,
    /// How the object that was read, or the log group, is encrypted.
    pub encryption: Option<String>,
    /// The KMS key it is encrypted with.
    pub kms_key: Option<String>,
    /// How often each operation was called.
    pub calls: BTreeMap<String, u64>,
}

/// An object and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewestObject {
    /// The key or the path.
    pub name: String,
    /// The slot in its name, or else when it was last written.
    pub time: String,
}

impl Facts {
    /// Takes what was found at an address.
    pub(super) fn of(address: &Address, examined: &Examined) -> Self {
        let mut facts = match examined {
            Examined::Bucket(at, bucket) => Self::of_bucket(at, bucket),
            Examined::Group(at, group) => Self::of_group(at, group),
            Examined::Files(places) => {
                let mut facts = Self::default();
                facts.lie(places.as_ref().ok());
                facts
            }
            Examined::Once => Self::default(),
        };
        facts.source = address.to_string();
        facts
    }

    /// Takes who calls, of whom nothing else is known.
    pub(super) fn of_caller(caller: &CallAnswer<CallerIdentity>) -> Self {
        let caller = caller.as_ref().ok();
        Self {
            identity: caller.map(|caller| caller.arn.clone()),
            account: caller.map(|caller| caller.account.clone()),
            ..Self::default()
        }
    }

    fn of_live(at: &Live, found_in: Option<&String>) -> Self {
        Self {
            region: found_in.or(at.region.as_ref()).cloned(),
            endpoint: at.endpoint.clone(),
            clock_ahead_seconds: at.clock_ahead,
            calls: at.calls.clone(),
            ..Self::of_caller(&at.caller)
        }
    }

    fn of_bucket(at: &Live, bucket: &BucketFacts) -> Self {
        let mut facts = Self::of_live(at, bucket.region.as_ref());
        let places = bucket.places.as_ref();
        facts.lie(places.and_then(|places| places.as_ref().ok()));
        if let Some((_, Ok(object))) = &bucket.object {
            facts.encryption.clone_from(&object.encryption);
            facts.kms_key.clone_from(&object.key);
        }
        facts
    }

    fn of_group(at: &Live, group: &GroupFacts) -> Self {
        let mut facts = Self::of_live(at, None);
        if let Some(Ok(Some(settings))) = &group.settings {
            facts.log_class.clone_from(&settings.class);
            facts.retention_days = settings.retention;
            facts.kms_key.clone_from(&settings.key);
        }
        if let Some(Ok(streams)) = &group.streams {
            facts.streams = Some(streams.listed.len() as u64);
            facts.more_streams = Some(streams.more);
        }
        if let Some((_, Ok(Some(newest)))) = &group.event {
            facts.newest_event = Some(rfc3339(newest.time));
        }
        facts
    }

    /// Takes how objects or files lie, if there are any.
    fn lie(&mut self, places: Option<&Places>) {
        if let Some(places) = places.filter(|places| !places.is_empty()) {
            self.layouts = places.layouts.iter().map(ToString::to_string).collect();
            self.flow_logs.clone_from(&places.flow_logs);
            self.newest_object = places.newest.as_ref().map(NewestObject::from);
            self.newest_object_in_window = places.in_window.as_ref().map(NewestObject::from);
        }
    }

    pub(super) fn map_texts(&mut self, change: &dyn Fn(&str) -> String) {
        self.source = change(&self.source);
        let texts = [
            &mut self.identity,
            &mut self.account,
            &mut self.endpoint,
            &mut self.kms_key,
        ];
        for text in texts.into_iter().flatten() {
            *text = change(text);
        }
        let newest = [&mut self.newest_object, &mut self.newest_object_in_window];
        for newest in newest.into_iter().flatten() {
            newest.name = change(&newest.name);
        }
        self.flow_logs = self.flow_logs.iter().map(|id| change(id)).collect();
    }
}

impl From<&FoundObject> for NewestObject {
    fn from(found: &FoundObject) -> Self {
        Self {
            name: found.name.clone(),
            time: rfc3339(found.time),
        }
    }
}
