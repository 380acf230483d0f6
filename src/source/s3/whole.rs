//! Answers that are not all there. The SDK takes a listing that breaks off between two of its elements for a shorter
//! one, and what it would have named for missing.

use std::error::Error as StdError;

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

/// What a listing ends with (S3 API reference "ListObjectsV2").
const END: &[u8] = b"</ListBucketResult>";

/// Refuses listings that break off, so that they are asked for again.
#[derive(Clone, Copy, Debug)]
pub(super) struct WholeListings;

impl Intercept for WholeListings {
    fn name(&self) -> &'static str {
        "flowdiff-whole-listings"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let output = context.output_or_error().ok();
        let listing = output.and_then(|output| output.downcast_ref::<ListObjectsV2Output>());
        if listing.is_none() {
            return Ok(());
        }
        let answer = context.response();
        let Some(body) = answer.body().bytes() else {
            return Ok(());
        };
        if answer.status().is_success() && !body.trim_ascii_end().ends_with(END) {
            return Err("the listing breaks off before its end".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::Client;
    use aws_sdk_s3::config::retry::RetryConfig;
    use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
    use aws_smithy_runtime_api::client::http::{
        HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::source::aws::Failure;

    const LISTING: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix></Prefix>\
         <KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>\
         <Contents><Key>a</Key><Size>1</Size></Contents><Contents><Key>b</Key><Size>2</Size></Contents>\
         <CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes></ListBucketResult>\n";

    fn client(answer: &'static str) -> Client {
        let http = http_client_fn(move |_, _| SharedHttpConnector::new(Canned(answer)));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .region(Region::from_static("eu-west-1"))
            .retry_config(RetryConfig::disabled())
            .interceptor(WholeListings)
            .http_client(http);
        Client::from_conf(config.build())
    }

    #[derive(Debug)]
    struct Canned(&'static str);

    impl aws_smithy_runtime_api::client::http::HttpConnector for Canned {
        fn call(
            &self,
            _: aws_smithy_runtime_api::client::orchestrator::HttpRequest,
        ) -> HttpConnectorFuture {
            let status = 200.try_into().unwrap();
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(self.0))))
        }
    }

    /// Wherever it breaks off: the HTTP layer does not notice if no length was promised.
    #[tokio::test]
    async fn a_listing_that_breaks_off_is_none() {
        let list = async |answer| client(answer).list_objects_v2().bucket("b").send().await;
        let whole = list(LISTING).await.unwrap();
        assert_eq!(
            (whole.contents().len(), whole.common_prefixes().len()),
            (2, 1)
        );
        for at in 0..LISTING.trim_end().len() {
            let error = list(&LISTING[..at]).await.err();
            let failure = Failure::of(&error.unwrap_or_else(|| panic!("{}", &LISTING[..at])));
            assert!(failure.is_passing(), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn an_object_is_none_of_its_business() {
        let answer = client("some")
            .get_object()
            .bucket("b")
            .key("k")
            .send()
            .await;
        let body = answer.unwrap().body.collect().await.unwrap();
        assert_eq!(&body.into_bytes()[..], b"some");
    }
}
