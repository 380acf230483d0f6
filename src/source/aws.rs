//! What the two services have in common: credentials, regions, and what their errors mean.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::SharedCredentialsProvider;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::ServiceConfigKey;

use super::exported::{Exported, SignOnNeeded, SignedOn};
use super::{SourceOptions, meant, region, settings};
use crate::model::{Error, Side};

/// The name under which an assumed role shows in the account's trail.
const SESSION: &str = "flowdiff";

/// What to do about a service that takes requests for old.
const SET_CLOCK: &str = "set this machine's clock";

/// How long a connection may take to come about, if the options allow for more silence.
const CONNECT: Duration = Duration::from_secs(5);

/// Loads what the options, the environment and the profiles say. The region is, in this order, the
/// option's, the address's (`home`), the environment's or profile's, `fallback`; it may be none. A
/// profile in the options goes before keys in the environment, as it does with the AWS CLI: the two sides may
/// have two profiles, but there is one environment.
///
/// The endpoint of the options is not in it, because it is meant for the service that is read and not
/// for the one that hands out the role.
///
/// # Errors
/// What is wrong with the configuration files.
pub(super) async fn load(
    options: &SourceOptions,
    home: Option<&str>,
    fallback: Option<&'static str>,
) -> Result<SdkConfig, Error> {
    let settings = settings::read(options)?;
    // The SDK itself would wait for ever for an answer to begin.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.timeout.min(CONNECT))
        .read_timeout(options.timeout)
        .build();
    let stalled = StalledStreamProtectionConfig::enabled().grace_period(options.timeout);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .stalled_stream_protection(stalled.build())
        .profile_files(settings.files.clone());
    if let Some(pem) = settings.certificates {
        loader = loader.http_client(trusting(&pem)?);
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = options.region.as_deref().or(home) {
        loader = loader.region(Region::new(region.to_owned()));
    }
    // Keys in the environment go before a profile that is not an option.
    let profiles = options.profile.is_some() || std::env::var_os("AWS_ACCESS_KEY_ID").is_none();
    let sign_on = settings.sign_on.filter(|_| profiles);
    let exported = sign_on.as_ref().and_then(|it| it.exported.clone());
    if let Some(profile) = exported.clone() {
        // Before any call, each of which has its time: somebody may have to type a code.
        let exported = Exported { profile };
        exported.export().await.map_err(|reason| Error::Source {
            side: options.side,
            address: format!("profile `{}`", exported.profile),
            reason,
            hint: sign_on.as_ref().map(|it| it.advice.clone()),
        })?;
        loader = loader.credentials_provider(exported);
    }
    let mut config = loader.load().await;
    if config.region().is_none()
        && let Some(region) = fallback
    {
        let region = Region::from_static(region);
        config = config.into_builder().region(region).build();
    }
    if let Some(profile) = settings
        .profile
        .filter(|_| options.profile.is_some() && exported.is_none())
    {
        let region = ProviderConfig::without_region().with_region(config.region().cloned());
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&region)
            .profile_files(settings.files)
            .profile_name(profile)
            .build();
        config = with_credentials(config, SharedCredentialsProvider::new(provider));
    }
    if let Some(sign_on) = sign_on.map(Arc::new)
        && let Some(inner) = config.credentials_provider()
    {
        let provider = SignedOn { inner, sign_on };
        config = with_credentials(config, SharedCredentialsProvider::new(provider));
    }
    let Some(role) = &options.role_arn else {
        return Ok(config);
    };
    let mut provider = AssumeRoleProvider::builder(role)
        .configure(&config)
        .session_name(SESSION);
    if let Some(id) = &options.external_id {
        provider = provider.external_id(id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    Ok(with_credentials(config, provider))
}

/// Returns a client that trusts these certificates and no others, as the AWS CLI does, and is otherwise the SDK's own: where
/// a network has its own certificates it most often has a proxy too.
fn trusting(pem: &[u8]) -> Result<SharedHttpClient, Error> {
    let store = TrustStore::empty().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(store).build();
    let context = context.map_err(|error| Error::Usage(format!("AWS_CA_BUNDLE: {error}")))?;
    Ok(
        Builder::new().build_with_connector_fn(move |settings, components| {
            let provider = Provider::Rustls(CryptoMode::AwsLc);
            let mut connector = ConnectorBuilder::default()
                .tls_provider(provider)
                .tls_context(context.clone())
                .proxy_config(ProxyConfig::from_env());
            connector.set_connector_settings(settings.cloned());
            if let Some(components) = components {
                connector.set_sleep_impl(components.sleep_impl());
            }
            connector.build()
        }),
    )
}

/// Returns where a service is said to be, by its id as the SDKs' settings name it: in the environment, or in the profile
/// and its `services` section (AWS SDKs and Tools Reference Guide "Service-specific endpoints").
pub(super) fn endpoint(config: &SdkConfig, service: &'static str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok();
    let configured = config
        .service_config()
        .zip(key)
        .and_then(|(settings, key)| settings.load_config(key));
    configured.or_else(|| config.endpoint_url().map(str::to_owned))
}

fn with_credentials(config: SdkConfig, provider: SharedCredentialsProvider) -> SdkConfig {
    config.into_builder().credentials_provider(provider).build()
}

/// What went wrong with a call, in the service's own words.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// What kind of failure.
    pub(super) kind: FailureKind,
    /// The service's code, such as `AccessDenied`; empty if there is none.
    pub(super) code: String,
    /// The service's or the system's message; may be empty.
    pub(super) message: String,
    /// The HTTP status, if there was an answer.
    pub(super) status: Option<u16>,
    /// The region the bucket says it is in.
    pub(super) bucket_region: Option<String>,
    /// What to do about credentials that cannot be had, or a service that cannot be reached, if more is known than the
    /// failure itself tells.
    pub(super) advice: Option<String>,
}

/// What kind of failure a call met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureKind {
    /// The service answered with an error.
    Service,
    /// The service could not be reached, or the connection broke.
    Connection,
    /// No credentials could be had.
    Credentials,
    /// The answer took too long.
    Timeout,
    /// The answer or the request makes no sense.
    Garbled,
}

impl Failure {
    /// Reads an error of the SDK.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let chain = chain(error);
        let response = error.raw_response();
        let header = |name: &str| Some(response?.headers().get(name)?.to_owned());
        let kind = kind_of(error, &chain);
        let service = error.as_service_error();
        let code = service.and_then(ProvideErrorMetadata::code);
        // The service that was asked for a role or a token.
        let issuer = metadata(error).filter(|_| kind == FailureKind::Credentials);
        let code = code.or(issuer.and_then(ErrorMetadata::code)).unwrap_or("");
        let said = service.filter(|_| kind == FailureKind::Service);
        let message = match (said, issuer.and_then(ErrorMetadata::message)) {
            (Some(service), _) => service.message().unwrap_or("").trim().to_owned(),
            (None, Some(message)) => format!("{code}: {message}"),
            (None, None) => root_cause(kind, &chain),
        };
        Self {
            kind,
            code: code.to_owned(),
            message,
            status: response.map(|response| response.status().as_u16()),
            bucket_region: header("x-amz-bucket-region"),
            advice: cause::<SignOnNeeded>(error).map(|needed| needed.advice.clone()),
        }
    }

    /// Takes note of where the service was looked for.
    pub(super) fn in_region(mut self, region: Option<&Region>) -> Self {
        if let Some(region) = region
            && let Some(meant) = region::meant(region.as_ref())
            && self.advice.is_none()
        {
            self.advice = Some(format!(
                "no region `{region}` is known; did you mean `{meant}`?"
            ));
        }
        self
    }

    /// An answer that arrived and cannot be read.
    pub(super) fn garbled(error: &dyn StdError) -> Self {
        Self {
            kind: FailureKind::Garbled,
            code: String::new(),
            message: error.to_string(),
            status: Some(200),
            bucket_region: None,
            advice: None,
        }
    }

    /// Tells whether the service asks to be called less often.
    pub(super) fn is_throttled(&self) -> bool {
        let codes = [
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "LimitExceededException",
            "SlowDown",
        ];
        self.status == Some(429) || codes.contains(&self.code.as_str())
    }

    /// Tells whether the same call may succeed a little later.
    pub(super) fn is_passing(&self) -> bool {
        let broken = matches!(self.kind, FailureKind::Connection | FailureKind::Timeout)
            || (matches!(self.kind, FailureKind::Garbled | FailureKind::Service)
                && self.status.is_some_and(|status| status < 300));
        broken
            || self.status.is_some_and(|status| status >= 500)
            || ["RequestTimeout", "RequestTimeoutException"].contains(&self.code.as_str())
    }

    /// Tells whether the caller lacks a permission.
    pub(super) fn is_denied(&self) -> bool {
        let codes = [
            "AccessDenied",
            "AccessDeniedException",
            "AllAccessDisabled",
            "NotAuthorized",
            "UnauthorizedOperation",
        ];
        codes.contains(&self.code.as_str()) || (self.code.is_empty() && self.status == Some(403))
    }

    /// Says what went wrong, in one line.
    pub(super) fn text(&self) -> String {
        let code = match (self.code.as_str(), self.status) {
            ("", Some(status)) => format!("HTTP status {status}"),
            (code, _) => code.to_owned(),
        };
        let message = self.message.split_whitespace().collect::<Vec<_>>();
        let message = message.join(" ");
        match (self.kind, message.as_str()) {
            (FailureKind::Service, "") => code,
            (FailureKind::Service, message) => format!("{code}: {message}"),
            (FailureKind::Connection, message) => format!("cannot reach the service: {message}"),
            (FailureKind::Credentials, message) => format!("no usable credentials: {message}"),
            (FailureKind::Timeout, message) => format!("no answer in time: {message}"),
            (FailureKind::Garbled, message) if self.status.is_some() => {
                format!("the answer cannot be read: {message}")
            }
            (FailureKind::Garbled, message) => message.to_owned(),
        }
    }

    /// Says what went wrong and, if the service's code tells, what to do about it.
    pub(super) fn text_and_advice(&self, side: Side) -> String {
        match self.service_hint(side) {
            Some(advice) => format!("{}; {advice}", self.text()),
            None => self.text(),
        }
    }

    /// Says what to do about it, if anything is known. `action` is the IAM action that the call needs
    /// and what it must be allowed on.
    pub(super) fn hint(&self, side: Side, action: &str) -> Option<String> {
        if let (
            FailureKind::Credentials | FailureKind::Connection | FailureKind::Timeout,
            Some(advice),
        ) = (self.kind, &self.advice)
        {
            return Some(advice.clone());
        }
        let hint = match self.kind {
            FailureKind::Credentials if self.is_denied() => {
                "the caller needs `sts:AssumeRole` on the role, and the role's trust".to_owned()
            }
            FailureKind::Credentials if self.code.starts_with("Expired") => self.service_hint(side)?,
            FailureKind::Credentials => format!(
                "set `AWS_PROFILE`, `--{side}-profile` or `AWS_ACCESS_KEY_ID` to credentials that work"
            ),
            FailureKind::Connection if self.message.contains("certificate") => {
                "where a network has certificates of its own, name their file in `AWS_CA_BUNDLE` or `ca_bundle`"
                    .to_owned()
            }
            FailureKind::Connection | FailureKind::Timeout => {
                format!("check the network, `--{side}-region` and `--{side}-endpoint-url`")
            }
            FailureKind::Garbled => return None,
            FailureKind::Service if self.is_denied() => format!("the caller needs {action}"),
            FailureKind::Service => self.service_hint(side)?,
        };
        Some(hint)
    }

    fn service_hint(&self, side: Side) -> Option<String> {
        // CloudWatch Logs has no code of its own for a clock that is wrong.
        let unlike = ["Signature expired", "Signature not yet current"];
        if unlike.iter().any(|text| self.message.contains(text)) {
            return Some(SET_CLOCK.to_owned());
        }
        let hint = match self.code.as_str() {
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
                "the credentials have expired: sign in again".to_owned()
            }
            "InvalidAccessKeyId"
            | "InvalidToken"
            | "InvalidClientTokenId"
            | "AuthFailure"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException" => {
                format!("check the credentials in use (`--{side}-profile`)")
            }
            "RequestTimeTooSkewed" => SET_CLOCK.to_owned(),
            "NoSuchBucket" => "check the bucket's name".to_owned(),
            "ResourceNotFoundException" => format!(
                "check the group's name, the region (`--{side}-region`) and the account (`--{side}-profile`)"
            ),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
                format!("give the bucket's region with `--{side}-region`")
            }
            _ => return None,
        };
        Some(hint)
    }

    /// Makes it the error that stops the run.
    pub(super) fn into_error(self, side: Side, address: &str, action: &str) -> Error {
        let slip = (self.code == "ResourceNotFoundException").then(|| meant::by_group(address));
        Error::Source {
            side,
            address: address.to_owned(),
            reason: self.text(),
            hint: slip.flatten().or_else(|| self.hint(side, action)),
        }
    }
}

fn kind_of<E>(error: &SdkError<E, HttpResponse>, chain: &[String]) -> FailureKind
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let succeeded = |response: &HttpResponse| response.status().is_success();
    if let Some(service) = error.as_service_error() {
        // What should be an answer and cannot be read as one is called an error of the service too. But S3 may also send an
        // error as such, with the status of an answer.
        let succeeded = error.raw_response().is_some_and(succeeded);
        return match succeeded && service.code().is_none() {
            true => FailureKind::Garbled,
            false => FailureKind::Service,
        };
    }
    // The type of this cause is not public in the crates at hand; its text begins so.
    if chain.iter().any(|text| text.contains("credential")) {
        return FailureKind::Credentials;
    }
    if let SdkError::DispatchFailure(failure) = error {
        if failure.is_timeout() {
            return FailureKind::Timeout;
        }
        if !failure.is_user() {
            return FailureKind::Connection;
        }
    }
    if matches!(error, SdkError::TimeoutError(_)) || chain.iter().any(|text| is_stall(text)) {
        return FailureKind::Timeout;
    }
    FailureKind::Garbled
}

/// Tells whether this is what the SDK says about an answer that has stalled. (The type of that error is not public.)
pub(super) fn is_stall(text: &str) -> bool {
    text.starts_with("minimum throughput was specified")
}

/// Returns what a service said, from among the causes of an error.
fn metadata<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ErrorMetadata> {
    cause(error)
}

/// Returns the outermost of the causes of an error that is of this type.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The texts of an error and of its causes, outermost first.
fn chain(error: &dyn StdError) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}

/// Returns the text of the innermost cause.
pub(super) fn innermost(error: &dyn StdError) -> String {
    chain(error).pop().unwrap_or_default()
}

/// Picks the text that says most, which is the innermost; but of a chain of providers that all had
/// nothing, only that.
fn root_cause(kind: FailureKind, chain: &[String]) -> String {
    let innermost = chain.last().map_or("", String::as_str);
    if kind == FailureKind::Credentials && innermost.starts_with("no credentials found in chain") {
        return "none in the environment, the profiles and the instance's metadata".to_owned();
    }
    if kind == FailureKind::Credentials && innermost == "the credential provider was not enabled" {
        // A profile was asked for.
        return "no AWS configuration file defines any profile".to_owned();
    }
    if is_stall(innermost) {
        return "the answer stalled".to_owned();
    }
    innermost.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind, code: &str, status: Option<u16>) -> Failure {
        Failure {
            kind,
            code: code.to_owned(),
            message: "so\n  it is".to_owned(),
            status,
            bucket_region: None,
            advice: None,
        }
    }

    #[test]
    fn hints_name_one_action() {
        let action = "`s3:ListBucket` on the bucket";
        for (code, status, hint) in [
            (
                "AccessDenied",
                403,
                Some("the caller needs `s3:ListBucket` on the bucket"),
            ),
            ("", 403, Some("the caller needs `s3:ListBucket`")),
            ("ExpiredToken", 400, Some("sign in again")),
            ("NoSuchBucket", 404, Some("check the bucket's name")),
            ("ResourceNotFoundException", 400, Some("`--s3-region`")),
            ("TeaPot", 418, None),
        ] {
            let told = failure(FailureKind::Service, code, Some(status)).hint(Side::S3, action);
            match hint {
                Some(part) => assert!(told.unwrap().contains(part), "{code}"),
                None => assert_eq!(told, None, "{code}"),
            }
        }
        let told = failure(FailureKind::Connection, "", None).hint(Side::Cwl, action);
        assert!(told.unwrap().contains("`--cwl-endpoint-url`"));
    }

    #[test]
    fn providers_without_credentials_are_told_in_the_users_words() {
        let chain = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (texts, told) in [
            (
                &["failed", "the credential provider was not enabled"][..],
                "no AWS configuration file defines any profile",
            ),
            (
                &["failed", "no credentials found in chain: [\"Environment\"]"],
                "none in the environment, the profiles and the instance's metadata",
            ),
            (
                &["failed", "profile `foo` was not defined"],
                "profile `foo` was not defined",
            ),
        ] {
            assert_eq!(root_cause(FailureKind::Credentials, &chain(texts)), told);
        }
    }

    #[test]
    fn texts_are_one_line() {
        let service = failure(FailureKind::Service, "NoSuchBucket", Some(404));
        assert_eq!(service.text(), "NoSuchBucket: so it is");
        assert_eq!(
            failure(FailureKind::Service, "", Some(502)).text(),
            "HTTP status 502: so it is"
        );
    }

    #[test]
    fn what_is_worth_another_try() {
        for (kind, code, status, throttled, passing) in [
            (
                FailureKind::Service,
                "ThrottlingException",
                Some(400),
                true,
                false,
            ),
            (FailureKind::Service, "", Some(429), true, false),
            (
                FailureKind::Service,
                "ServiceUnavailableException",
                Some(503),
                false,
                true,
            ),
            (
                FailureKind::Service,
                "ResourceNotFoundException",
                Some(400),
                false,
                false,
            ),
            (FailureKind::Connection, "", None, false, true),
            (FailureKind::Timeout, "", None, false, true),
            (FailureKind::Credentials, "", None, false, false),
            (FailureKind::Garbled, "", Some(200), false, true),
        ] {
            let failure = failure(kind, code, status);
            assert_eq!(failure.is_throttled(), throttled, "{failure:?}");
            assert_eq!(failure.is_passing(), passing, "{failure:?}");
        }
    }
}
