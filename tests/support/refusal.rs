//! A store that refuses everything, the way S3 and CloudWatch Logs say so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const S3: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/test is not authorized to perform: s3:ListBucket</Message><RequestId>A1</RequestId><HostId>B2</HostId></Error>"#;

const LOGS: &str = r#"{"__type":"AccessDeniedException","message":"User: arn:aws:iam::123456789012:user/test is not authorized to perform: logs:DescribeLogStreams"}"#;

/// Starts the store and returns its endpoint. It stays until the process ends.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that went away needs no answer.
            thread::spawn(move || refuse(connection));
        }
    });
    endpoint
}

fn refuse(mut connection: TcpStream) -> std::io::Result<()> {
    let mut request = BufReader::new(connection.try_clone()?);
    let (mut length, mut is_logs) = (0, false);
    loop {
        let mut line = String::new();
        request.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap_or(0);
        }
        is_logs |= line.starts_with("x-amz-target:");
    }
    std::io::copy(&mut request.take(length), &mut std::io::sink())?;
    let (kind, body) = match is_logs {
        true => ("application/x-amz-json-1.1", LOGS),
        false => ("application/xml", S3),
    };
    write!(
        connection,
        "HTTP/1.1 403 Forbidden\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
