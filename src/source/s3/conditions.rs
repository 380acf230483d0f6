//! Writes on conditions: how often one is attempted until it is known what became of it, and whether a service heeds conditions.

use std::time::{Duration, Instant};

use super::folder::{BucketFolder, FolderTrouble, PutCondition, PutOutcome};

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Attempts to write something, each a while after the one before.
#[derive(Debug)]
pub struct PutAttempts {
    number: u32,
    began: Instant,
    most: u32,
    longest: Duration,
}

impl PutAttempts {
    /// Begins with the first one. There are no more than `most`, and none once so much time has passed.
    pub fn new(most: u32, longest: Duration) -> Self {
        Self {
            number: 1,
            began: Instant::now(),
            most,
            longest,
        }
    }

    /// Returns how long to wait for the next one; `reason` is why there is to be one.
    ///
    /// # Errors
    /// There were enough: says so, as the rest of a sentence.
    pub fn next(&mut self, reason: &str) -> Result<Duration, String> {
        if self.number >= self.most || self.began.elapsed() > self.longest {
            return Err(format!(
                "cannot be written, in {} attempts: {reason}",
                self.number
            ));
        }
        let wait = Duration::from_millis(50)
            .saturating_mul(1 << self.number)
            .min(LONGEST_WAIT);
        tracing::info!(attempt = self.number, reason, ?wait, "writing again");
        self.number += 1;
        Ok(wait)
    }
}

impl BucketFolder {
    /// Tries to write an object that is there, with what is in it, on two conditions that do not hold. Returns the header of one that
    /// the service takes no notice of: there, one run would overwrite what another has written.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn unheeded(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<Option<&'static str>, FolderTrouble> {
        let unmet = [
            ("If-None-Match", PutCondition::Absent),
            ("If-Match", PutCondition::Unchanged("\"0\"".to_owned())),
        ];
        for (header, condition) in unmet {
            let outcome = self.put(name, bytes.to_vec(), &condition).await?;
            if let PutOutcome::Written(_) = outcome {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }
}

/// What is to be done about a service that takes no notice of conditions.
pub const HEEDED_ELSEWHERE: &str =
    "use Amazon S3 or a server with conditional writes, or a folder of this machine";
