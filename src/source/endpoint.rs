//! Where a service is really called, as the SDK worked it out of options, environment, profiles and its own rules.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};

/// Takes note of where the last request of a client went.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoint {
    last: Arc<Mutex<Option<String>>>,
}

impl Endpoint {
    /// Returns scheme and host of the last request, sent or tried.
    pub(super) fn last(&self) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

impl Intercept for Endpoint {
    fn name(&self) -> &'static str {
        "flowdiff-endpoint"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let uri = context.request().uri();
        let (scheme, rest) = uri.split_once("://").unwrap_or(("", uri));
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(format!("{scheme}://{host}"));
        Ok(())
    }
}
