//! One object: fetched whole, checked against its listing.

use std::fs::File;
use std::io::{Seek, Write};

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{IntelligentTieringAccessTier, StorageClass};
use bytes::{Bytes, BytesMut};

use super::S3;
use crate::decode::Content;
use crate::source::aws::{Failure, is_stall};
use crate::source::{Outlet, Part, ReadError};
use crate::temporary::{self, no_room};

/// A bigger object is put into a file, so that a few of them do not fill the memory.
const SPOOL: u64 = 32 << 20;

/// How much of a bigger object is in memory on its way into the file.
const CHUNK: usize = 1 << 20;

/// How often an object is fetched before its body is given up. (Calls that fail before the body begins are made
/// again by the caller.)
const ATTEMPTS: u32 = 4;

/// Why a fetch failed.
enum FetchFault {
    /// It may succeed next time.
    Passing(String),
    /// It will not.
    Lasting(String),
}

impl S3 {
    /// Reads an object and delivers it whole: nothing is delivered unless exactly the version that was
    /// listed has arrived in full.
    pub(super) async fn read_object(
        &self,
        part: &Part,
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        let spooled = part.size.is_none_or(|size| size > SPOOL);
        let held = if spooled {
            2 * CHUNK as u64
        } else {
            part.size.unwrap_or(0)
        };
        let room = outlet.room(held).await;
        let mut attempt = 1;
        let content = loop {
            match self.fetch(part, spooled).await {
                Ok(content) => break content,
                Err(FetchFault::Lasting(reason)) => return Err(ReadError::Unreadable(reason)),
                Err(FetchFault::Passing(reason)) if attempt == ATTEMPTS => {
                    return Err(ReadError::Unreadable(reason));
                }
                Err(FetchFault::Passing(reason)) => {
                    let what = format!("GetObject {}", part.name);
                    self.caller.again(&what, attempt, &reason).await;
                    attempt += 1;
                }
            }
        };
        let delivered = outlet.deliver(content).await;
        drop(room);
        delivered
    }

    async fn fetch(&self, part: &Part, spooled: bool) -> Result<Content, FetchFault> {
        // Without `If-Match`, an object replaced meanwhile would be taken for the one that was listed.
        let version = (!part.version.is_empty()).then(|| part.version.clone());
        let call = self
            .client()
            .get_object()
            .bucket(&self.bucket)
            .key(&*part.name)
            .set_if_match(version);
        let answer = self.caller.call("GetObject", || call.clone().send()).await;
        let object = answer.map_err(|error| {
            FetchFault::Lasting(self.reason(&Failure::of(&error), tier(&error)))
        })?;
        if spooled {
            let file = spool(object.body, part.size).await?;
            return Ok(Content::File(file));
        }
        let bytes = collect(object.body, part.size).await?;
        Ok(Content::Bytes(bytes))
    }

    /// Says why an object cannot be had.
    fn reason(&self, failure: &Failure, tier: Option<&str>) -> String {
        match (failure.code.as_str(), failure.status) {
            ("NoSuchKey", _) | ("", Some(404)) => "vanished since it was listed".to_owned(),
            ("PreconditionFailed", _) | (_, Some(412)) => "replaced since it was listed".to_owned(),
            ("InvalidObjectState", _) => {
                let tier = tier.unwrap_or("a cold tier");
                format!("archived in {tier}; restore it first")
            }
            _ if failure.is_denied() => format!(
                "denied: needs `s3:GetObject`, and `kms:Decrypt` if encrypted with KMS, and `--s3-request-payer` of a bucket with \
                 Requester Pays ({})",
                failure.text()
            ),
            _ => failure.text_and_advice(self.side),
        }
    }
}

/// Returns the storage class or tier that an object is archived in.
fn tier(error: &SdkError<GetObjectError>) -> Option<&str> {
    let GetObjectError::InvalidObjectState(state) = error.as_service_error()? else {
        return None;
    };
    let tier = state
        .access_tier()
        .map(IntelligentTieringAccessTier::as_str);
    tier.or_else(|| state.storage_class().map(StorageClass::as_str))
}

async fn collect(mut body: ByteStream, size: Option<u64>) -> Result<Bytes, FetchFault> {
    let mut bytes =
        BytesMut::with_capacity(size.map_or(0, |size| usize::try_from(size).unwrap_or(0)));
    let mut received = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken(&error, received))?;
        received += chunk.len() as u64;
        too_long(received, size)?;
        bytes.extend_from_slice(&chunk);
    }
    complete(received, size)?;
    Ok(bytes.freeze())
}

async fn spool(mut body: ByteStream, size: Option<u64>) -> Result<File, FetchFault> {
    let disk = |error: std::io::Error| FetchFault::Lasting(no_room(&error).to_string());
    let mut file = temporary::file().map_err(|error| FetchFault::Lasting(error.to_string()))?;
    let mut buffer = BytesMut::with_capacity(CHUNK);
    let mut received = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broken(&error, received))?;
        received += chunk.len() as u64;
        too_long(received, size)?;
        buffer.extend_from_slice(&chunk);
        if buffer.len() >= CHUNK {
            file = write(file, buffer.split().freeze()).await.map_err(disk)?;
        }
    }
    complete(received, size)?;
    file = write(file, buffer.freeze()).await.map_err(disk)?;
    file.rewind().map_err(disk)?;
    Ok(file)
}

/// Writes where waiting for the disk holds up nobody else.
async fn write(mut file: File, bytes: Bytes) -> std::io::Result<File> {
    tokio::task::spawn_blocking(move || file.write_all(&bytes).map(|()| file))
        .await
        .map_err(std::io::Error::other)?
}

fn broken(error: &aws_sdk_s3::primitives::ByteStreamError, received: u64) -> FetchFault {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let cause = cause.to_string();
    FetchFault::Passing(if is_stall(&cause) {
        format!("stalled after {received} bytes")
    } else {
        format!("broke off after {received} bytes: {cause}")
    })
}

/// Checks that there is not more than was listed, before it fills the memory.
fn too_long(received: u64, listed: Option<u64>) -> Result<(), FetchFault> {
    match listed {
        Some(listed) if received > listed => Err(FetchFault::Passing(format!(
            "more than the {listed} bytes listed were received ({received} and more)"
        ))),
        _ => Ok(()),
    }
}

fn complete(received: u64, listed: Option<u64>) -> Result<(), FetchFault> {
    match listed {
        Some(listed) if received != listed => Err(FetchFault::Passing(format!(
            "{received} bytes were received, {listed} are listed"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn reason(fault: FetchFault) -> String {
        match fault {
            FetchFault::Passing(reason) => format!("passing: {reason}"),
            FetchFault::Lasting(reason) => format!("lasting: {reason}"),
        }
    }

    #[tokio::test]
    async fn only_what_was_listed_is_delivered() {
        let body = || ByteStream::from_static(b"0123456789");
        assert_eq!(
            &collect(body(), Some(10)).await.ok().unwrap()[..],
            b"0123456789"
        );
        assert_eq!(
            &collect(body(), None).await.ok().unwrap()[..],
            b"0123456789"
        );
        for (listed, said) in [(9, "more than the 9"), (11, "10 bytes were received, 11")] {
            let told = reason(collect(body(), Some(listed)).await.err().unwrap());
            assert!(
                told.starts_with("passing: ") && told.contains(said),
                "{told}"
            );
            let told = reason(spool(body(), Some(listed)).await.err().unwrap());
            assert!(
                told.starts_with("passing: ") && told.contains(said),
                "{told}"
            );
        }
    }

    #[tokio::test]
    async fn a_spooled_object_is_read_from_its_start() {
        let bytes: Vec<u8> = (0..=250).cycle().take(CHUNK * 2 + 3).collect();
        let body = ByteStream::from(bytes.clone());
        let mut file = spool(body, Some(bytes.len() as u64)).await.ok().unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
}
