//! The query protocol of EC2 and STS: parameters in a form, answers in XML, signed and sent by the SDK's own
//! crates. (A crate of EC2's own would double the time of a clean build for one call.)
//!
//! Sources: EC2 API reference "Query API requests" and "Error codes"; STS API reference "GetCallerIdentity"; AWS SDKs
//! and Tools Reference Guide "Service-specific endpoints".

use std::borrow::Cow;

use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_sdk_s3::error::{ErrorMetadata, ProvideErrorMetadata};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use serde::Deserialize;

use super::SourceOptions;
use super::aws::{self, Failure};
use super::call::Caller;
use super::pace::Paces;

/// A service that speaks the protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// As its endpoint and its signatures name it.
    name: &'static str,
    /// As the SDKs' settings name it.
    id: &'static str,
    /// The version of its API.
    version: &'static str,
}

/// EC2.
pub(super) const EC2: Service = Service {
    name: "ec2",
    id: "EC2",
    version: "2016-11-15",
};

/// STS.
pub(super) const STS: Service = Service {
    name: "sts",
    id: "STS",
    version: "2011-06-15",
};

/// Partitions by how their regions begin: the name in ARNs and the end of endpoints; `aws` itself is last. (AWS SDKs'
/// `partitions.json`.)
const PARTITIONS: [(&str, &str, &str); 8] = [
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("", "aws", "amazonaws.com"),
];

/// Returns the name in ARNs and the end of endpoints of the partition that the region is in.
fn partition_of(region: &str) -> (&'static str, &'static str) {
    let mut partitions = PARTITIONS.iter();
    let found = partitions.find(|(begin, ..)| region.starts_with(begin));
    found.map_or(("aws", "amazonaws.com"), |&(_, name, suffix)| {
        (name, suffix)
    })
}

/// Returns the partition of a region: the second field of ARNs.
pub fn partition(region: &str) -> &'static str {
    partition_of(region).0
}

/// Makes calls to one service in one region.
pub(super) struct Query {
    service: Service,
    caller: Caller,
    operation: Operation<String, String, QueryRefused>,
}

impl Query {
    /// Calls the service in the configuration's region, with its credentials; `None` if there is no region.
    pub(super) fn new(
        service: Service,
        config: &SdkConfig,
        options: &SourceOptions,
    ) -> Option<Self> {
        let region = config.region()?.clone();
        let endpoint = endpoint(service, config, region.as_ref());
        let mut components = RuntimeComponentsBuilder::new("query");
        components.push_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()));
        components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )));
        if let Some(credentials) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        let mut layer = Layer::new("query");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(region)),
            name: Some(SigningName::from_static(service.name)),
            signing_options: SigningOptions::default(),
            ..SigV4OperationSigningConfig::default()
        });
        let plugin = StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(components);
        let mut operation = Operation::builder()
            .service_name(service.id)
            .operation_name("Query")
            .behavior_version(aws_config::BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .no_retry()
            .runtime_plugin(plugin);
        if let Some(timeouts) = config.timeout_config() {
            operation = operation.timeout_config(timeouts.clone());
        }
        if let Some(client) = config.http_client() {
            operation = operation.http_client(client);
        }
        let operation = operation
            .serializer(|form: String| {
                let mut request = HttpRequest::new(SdkBody::from(form));
                request.set_method("POST")?;
                request.set_uri("/")?;
                let headers = request.headers_mut();
                headers.insert(
                    "content-type",
                    "application/x-www-form-urlencoded; charset=utf-8",
                );
                headers.insert(
                    "user-agent",
                    concat!("flowdiff/", env!("CARGO_PKG_VERSION")),
                );
                Ok(request)
            })
            .deserializer(read)
            .build();
        Some(Self {
            service,
            caller: Caller::new(options, Paces::default()),
            operation,
        })
    }

    /// Makes a call and returns the XML of its answer.
    pub(super) async fn call(
        &self,
        action: &str,
        parameters: &[(String, String)],
    ) -> Result<String, Failure> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", self.service.version)
            .extend_pairs(parameters)
            .finish();
        let make = || {
            let (operation, form) = (self.operation.clone(), form.clone());
            async move { operation.invoke(form).await }
        };
        let answer = self.caller.call(action, make).await;
        answer.map_err(|error| Failure::of(&error))
    }
}

/// Returns where the service is: what the environment or the profile says, or AWS's own endpoint of the region.
fn endpoint(service: Service, config: &SdkConfig, region: &str) -> String {
    aws::endpoint(config, service.id).unwrap_or_else(|| {
        let fips = config.use_fips().unwrap_or(false);
        let dual_stack = config.use_dual_stack().unwrap_or(false);
        standard_endpoint(service.name, region, fips, dual_stack)
    })
}

fn standard_endpoint(service: &str, region: &str, fips: bool, dual_stack: bool) -> String {
    let (_, suffix) = partition_of(region);
    let suffix: Cow<'_, str> = match suffix {
        "amazonaws.com" if dual_stack => "api.aws".into(),
        "amazonaws.com.cn" if dual_stack => "api.amazonwebservices.com.cn".into(),
        suffix => suffix.into(),
    };
    let fips = if fips { "-fips" } else { "" };
    format!("https://{service}{fips}.{region}.{suffix}")
}

/// What the service said instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct QueryRefused(ErrorMetadata);

impl ProvideErrorMetadata for QueryRefused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// EC2 wraps errors in `Response/Errors/Error`, STS in `ErrorResponse/Error`.
#[derive(Debug, Default, Deserialize)]
struct Complaint {
    #[serde(rename = "Errors")]
    errors: Option<Box<Complaint>>,
    #[serde(rename = "Error")]
    error: Option<XmlSaid>,
}

#[derive(Debug, Default, Deserialize)]
struct XmlSaid {
    #[serde(rename = "Code")]
    code: Option<String>,
    #[serde(rename = "Message")]
    message: Option<String>,
}

fn read(response: &HttpResponse) -> Result<String, OrchestratorError<QueryRefused>> {
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    if response.status().is_success() {
        return Ok(text);
    }
    Err(OrchestratorError::operation(QueryRefused(complaint(&text))))
}

/// Reads an error; what is no XML of the service's own (a proxy's page) has neither code nor message.
fn complaint(text: &str) -> ErrorMetadata {
    let complaint: Complaint = quick_xml::de::from_str(text).unwrap_or_default();
    let said = complaint
        .errors
        .and_then(|inner| inner.error)
        .or(complaint.error)
        .unwrap_or_default();
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = said.code {
        metadata = metadata.code(code);
    }
    if let Some(message) = said.message {
        metadata = metadata.message(message);
    }
    metadata.build()
}

/// Who the caller is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Identity {
    /// The account.
    #[serde(rename = "Account")]
    pub(super) account: String,
    /// The user or the assumed role.
    #[serde(rename = "Arn")]
    pub(super) arn: String,
}

#[derive(Debug, Deserialize)]
struct IdentityAnswer {
    #[serde(rename = "GetCallerIdentityResult")]
    result: Identity,
}

impl Query {
    /// Asks STS who the caller is, which takes no permission.
    pub(super) async fn identity(&self) -> Result<Identity, Failure> {
        let xml = self.call("GetCallerIdentity", &[]).await?;
        let answer: IdentityAnswer =
            quick_xml::de::from_str(&xml).map_err(|error| Failure::garbled(&error))?;
        Ok(answer.result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_in_arns() {
        for (region, name) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
        ] {
            assert_eq!(partition(region), name, "{region}");
        }
    }

    #[test]
    fn endpoints_of_partitions() {
        for (service, region, fips, dual_stack, expected) in [
            (
                "ec2",
                "eu-west-1",
                false,
                false,
                "https://ec2.eu-west-1.amazonaws.com",
            ),
            (
                "ec2",
                "us-gov-west-1",
                true,
                false,
                "https://ec2-fips.us-gov-west-1.amazonaws.com",
            ),
            (
                "ec2",
                "eu-west-1",
                false,
                true,
                "https://ec2.eu-west-1.api.aws",
            ),
            (
                "sts",
                "cn-north-1",
                false,
                false,
                "https://sts.cn-north-1.amazonaws.com.cn",
            ),
            (
                "sts",
                "us-isob-east-1",
                false,
                false,
                "https://sts.us-isob-east-1.sc2s.sgov.gov",
            ),
        ] {
            assert_eq!(
                standard_endpoint(service, region, fips, dual_stack),
                expected
            );
        }
    }

    #[test]
    fn errors_of_both_services() {
        let ec2 = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>UnauthorizedOperation</Code>\
                   <Message>You are &lt;not&gt; authorized</Message></Error></Errors><RequestID>1</RequestID></Response>";
        let sts = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                   <Code>ExpiredToken</Code><Message>late</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        assert_eq!(complaint(ec2).code(), Some("UnauthorizedOperation"));
        assert_eq!(complaint(ec2).message(), Some("You are <not> authorized"));
        assert_eq!(complaint(sts).code(), Some("ExpiredToken"));
        for other in ["", "<html><p>Bad gateway</html>", "{}"] {
            assert_eq!(complaint(other).code(), None, "{other}");
        }
    }

    #[test]
    fn an_identity() {
        let xml = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                   <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>A</UserId>\
                   <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
        let answer: IdentityAnswer = quick_xml::de::from_str(xml).unwrap();
        assert_eq!(answer.result.account, "123456789012");
    }
}
