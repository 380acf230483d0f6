//! Requester Pays: whoever reads such a bucket says with each call that they pay for it.
//!
//! Source: S3 User Guide "Downloading objects from Requester Pays buckets".

use std::error::Error as StdError;

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};

/// Says with each call that the caller pays.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestPayer;

impl Intercept for RequestPayer {
    fn name(&self) -> &'static str {
        "flowdiff-request-payer"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let headers = context.request_mut().headers_mut();
        headers.insert("x-amz-request-payer", "requester");
        Ok(())
    }
}
