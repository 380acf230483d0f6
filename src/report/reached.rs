//! How a side is reached, as far as a command that fetches one of its rows has to say so.

/// What was said on the command line of how a side is reached. Without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// The profile in the AWS configuration files.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Another endpoint for the service.
    pub endpoint_url: Option<String>,
    /// Whether the caller pays for what is read of a bucket.
    pub request_payer: bool,
}

impl Reached {
    /// Changes every text in it.
    #[must_use]
    pub(crate) fn map_texts(self, change: &dyn Fn(&str) -> String) -> Self {
        let changed = |text: Option<String>| text.map(|text| change(&text));
        Self {
            profile: changed(self.profile),
            region: changed(self.region),
            endpoint_url: changed(self.endpoint_url),
            request_payer: self.request_payer,
        }
    }
}
