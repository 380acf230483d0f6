//! A proxy in front of moto: passes on the calls that read, and breaks the answers that a test wants broken. So faults are
//! met with the protocols as others understand them too, and not only as our own server does.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use super::aws::http::{self, Body, Reply, Request, Wire};
use super::aws::{Call, Fault, operation, refusal};

/// Decides on each call. Of faults, those on the wire and refusals make sense here.
pub(crate) type Breaker = Box<dyn FnMut(&Call<'_>) -> Fault + Send>;

/// Starts a proxy for the server at the endpoint and returns its own; it stays until the process ends.
pub(crate) fn start(behind: &str, breaker: Breaker) -> String {
    let behind = behind.trim_start_matches("http://").to_owned();
    let state = Mutex::new((breaker, BTreeMap::<(String, String), usize>::new()));
    http::serve(move |request| {
        let (operation, name) = operation::of(request);
        operation::insist_on_reading(request, &operation);
        let fault = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let (breaker, counts) = &mut *state;
            let nth = counts.entry((operation.clone(), name.clone())).or_default();
            *nth += 1;
            breaker(&Call {
                operation: &operation,
                name: &name,
                nth: *nth,
                continued: false,
            })
        };
        if let Fault::Refused(status, code) = fault {
            return refusal(request, status, code);
        }
        let mut reply = pass_on(&behind, request).expect("moto answers");
        if let Fault::Wire(wire) = fault {
            reply.wire = wire;
        }
        reply
    })
}

/// Asks in HTTP/1.0, so that the answer ends with the connection and comes in one piece.
fn pass_on(behind: &str, request: &Request) -> io::Result<Reply> {
    let mut server = TcpStream::connect(behind)?;
    let mut head = format!("{} {} HTTP/1.0\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        if name != "connection" {
            head += &format!("{name}: {value}\r\n");
        }
    }
    head += "\r\n";
    server.write_all(head.as_bytes())?;
    server.write_all(&request.body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let blank = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let garbled = || io::Error::from(io::ErrorKind::InvalidData);
    let body = answer.split_off(blank.ok_or_else(garbled)? + 4);
    let head = String::from_utf8_lossy(&answer);
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let ours = ["content-length", "connection"];
    let headers = headers
        .filter(|(name, _)| !ours.contains(&name.to_ascii_lowercase().as_str()))
        .map(|(name, value)| (name.to_owned().into(), value.trim().to_owned()));
    Ok(Reply {
        status: status.ok_or_else(garbled)?,
        headers: headers.collect(),
        body: Body::Own(body),
        wire: Wire::Whole,
    })
}
