//! Credentials that only the AWS CLI can get: of a console session (`aws login`), or of a role that asks for a code.
//!
//! The SDK has neither without building in much more. Whoever has such a profile has the CLI, which keeps the session or asks
//! for the code on the terminal, and remembers for a while. Sources: AWS CLI User Guide "Sign in through the AWS CLI" and
//! "Using an IAM role", section on multi-factor authentication; AWS CLI command reference, `configure export-credentials`.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::settings::SignOn;

/// Credentials that end sooner are asked for again.
const SOON: Duration = Duration::from_secs(300);

/// What was exported of each profile. Held while the CLI runs: it may ask for a code, and a code is good for once.
static EXPORTED: Mutex<BTreeMap<String, Credentials>> = Mutex::const_new(BTreeMap::new());

/// Has the AWS CLI export the credentials of a profile.
#[derive(Debug)]
pub(super) struct Exported {
    /// As the CLI knows it.
    pub(super) profile: String,
}

/// What the CLI prints: the form of `credential_process`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

impl Exported {
    /// Returns the credentials.
    ///
    /// # Errors
    /// What the CLI says, or that it cannot be run.
    pub(super) async fn export(&self) -> Result<Credentials, String> {
        let mut exported = EXPORTED.lock().await;
        if let Some(known) = exported.get(&self.profile)
            && known
                .expiry()
                .is_none_or(|end| SystemTime::now() + SOON < end)
        {
            return Ok(known.clone());
        }
        let credentials = self.run().await?;
        exported.insert(self.profile.clone(), credentials.clone());
        Ok(credentials)
    }

    async fn run(&self) -> Result<Credentials, String> {
        let mut command = Command::new("aws");
        command.args(["configure", "export-credentials", "--format", "process"]);
        command
            .args(["--profile", &self.profile])
            .kill_on_drop(true);
        // A code is asked for on the terminal itself, and with none there is nothing to read.
        let output = command.stdin(Stdio::null()).output().await;
        let output =
            output.map_err(|error| format!("the AWS CLI (`aws`) cannot be run: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().rfind(|line| !line.trim().is_empty());
            let said = said.unwrap_or("nothing").trim().to_owned();
            return Err(format!(
                "the AWS CLI exports no credentials of profile `{}`: {said}",
                self.profile
            ));
        }
        let printed: Printed = serde_json::from_slice(&output.stdout)
            .map_err(|_| "what the AWS CLI exports are no credentials".to_owned())?;
        let end = printed
            .expiration
            .and_then(|end| end.parse::<Timestamp>().ok());
        let end = end.map(SystemTime::from);
        Ok(Credentials::new(
            printed.access_key_id,
            printed.secret_access_key,
            printed.session_token,
            end,
            "AWS CLI",
        ))
    }
}

impl ProvideCredentials for Exported {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let exported = self.export().await;
            exported.map_err(CredentialsError::provider_error)
        })
    }
}

/// Says of credentials that cannot be had what to sign on with.
#[derive(Debug)]
pub(super) struct SignedOn {
    pub(super) inner: SharedCredentialsProvider,
    pub(super) sign_on: Arc<SignOn>,
}

/// Credentials cannot be had, and this is how they could. Its text is the reason.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct SignOnNeeded {
    reason: String,
    /// What to do.
    pub(super) advice: String,
}

impl ProvideCredentials for SignedOn {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let provided: provider::Result = self.inner.provide_credentials().await;
            provided.map_err(|error| {
                let reason = super::aws::innermost(&error);
                let advice = self.sign_on.advice.clone();
                CredentialsError::provider_error(SignOnNeeded { reason, advice })
            })
        })
    }
}
