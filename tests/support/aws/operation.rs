//! What a call is, and that it changes nothing but what flowdiff itself keeps.

use std::io::Write;

use super::http::Request;
use super::{bucket, ec2, logs};

/// All that flowdiff may ever call, and the IAM action that it takes.
pub(crate) const READING: [(&str, &str); 11] = [
    ("AssumeRole", "sts:AssumeRole"),
    ("DescribeFlowLogs", "ec2:DescribeFlowLogs"),
    ("DescribeLogGroups", "logs:DescribeLogGroups"),
    ("DescribeLogStreams", "logs:DescribeLogStreams"),
    ("FilterLogEvents", "logs:FilterLogEvents"),
    (
        "GetBucketLifecycleConfiguration",
        "s3:GetLifecycleConfiguration",
    ),
    ("GetCallerIdentity", "sts:GetCallerIdentity"),
    ("GetLogEvents", "logs:GetLogEvents"),
    ("GetObject", "s3:GetObject"),
    ("HeadObject", "s3:GetObject"),
    ("ListObjectsV2", "s3:ListBucket"),
];

/// The folder of each bucket in which tests let flowdiff keep its state. Nothing else may be written.
pub(crate) const KEPT: &str = "kept/";
/// The same of the deployed bucket.
const DEPLOYED: [&str; 2] = ["state/", "archive/"];
/// Where archives are, of which what is old may be removed.
const ARCHIVES: [&str; 2] = ["kept/archive", "archive/"];

/// Returns the operation, and what it is about: the stream, the key, the prefix.
pub(crate) fn of(request: &Request) -> (String, String) {
    if let Some(operation) = of_logs(request) {
        return (operation.to_owned(), logs::name(request));
    }
    match ec2::action(request) {
        Some(action) => (action, String::new()),
        None => bucket::operation(request),
    }
}

/// Returns the operation, if it is one of CloudWatch Logs.
pub(super) fn of_logs(request: &Request) -> Option<&str> {
    let target = request.headers.get("x-amz-target")?;
    Some(target.split_once('.')?.1)
}

/// Ends all tests at once, whatever they are about, if a call does anything but read, or write on a condition what is kept.
pub(crate) fn insist_on_reading(request: &Request, operation: &str) {
    let conditional = ["if-match", "if-none-match"]
        .iter()
        .any(|name| request.headers.contains_key(*name));
    let key = bucket::key(request);
    let is_within = |folders: &[&str]| folders.iter().any(|folder| key.starts_with(folder));
    let is_kept = is_within(&[KEPT]) || is_within(&DEPLOYED);
    if operation == "PutObject" && conditional && is_kept
        || operation == "DeleteObject" && is_within(&ARCHIVES)
    {
        return;
    }
    if READING.iter().any(|(it, _)| *it == operation) {
        return;
    }
    // Past what is captured of a test, and past whoever would call it a failed attempt.
    let said = format!(
        "flowdiff made a call that does not only read: {operation} {}\n",
        request.target
    );
    let _ = std::io::stderr().write_all(said.as_bytes());
    std::process::exit(101);
}
