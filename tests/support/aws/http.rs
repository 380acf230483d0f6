//! As much HTTP/1.1 as the AWS SDK needs, on plain sockets: whoever breaks answers off on purpose needs the
//! bytes in hand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// What a client sent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as they came.
    pub(crate) target: String,
    /// Decoded.
    pub(crate) path: String,
    /// Decoded.
    pub(crate) query: BTreeMap<String, String>,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What it gets.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Body,
    pub(crate) wire: Wire,
}

/// A body, shared or made for the occasion.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Own(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Body {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// What becomes of a reply on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Whole,
    /// Half of the body, said to be all of it.
    Short,
    /// The same, up to the last whole element of XML in the body.
    ShortOfElements,
    /// Half of the body, then the end of the connection.
    CutOff,
    /// The connection is reset instead of an answer,
    ResetBefore,
    /// or in the middle of the body,
    ResetWithin,
    /// or after it.
    ResetAfter,
    /// Half of the body, then silence.
    Stalled,
    /// Not even a status line.
    Silent,
}

/// Answers on a loopback port until the process ends; returns the endpoint.
pub(crate) fn serve(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A client that went away needs no answer.
            thread::spawn(move || converse(&connection, &*answer));
        }
    });
    endpoint
}

fn converse(
    connection: &TcpStream,
    answer: &(impl Fn(&Request) -> Reply + ?Sized),
) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection);
    while let Some(request) = receive(&mut reader)? {
        let reply = answer(&request);
        if !send(connection, &reply)? {
            break;
        }
    }
    Ok(())
}

/// Returns the next request; `None` once the client has no more.
fn receive(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let method = words.next().unwrap_or("").to_owned();
    let target = words.next().unwrap_or("/").to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Ok(Some(Request {
        method,
        target: target.clone(),
        path: decoded(path),
        query: pairs(query),
        headers,
        body,
    }))
}

/// Takes `name=value&...` apart.
pub(crate) fn pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    });
    pairs.collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Sends the reply as its wire wants it; false if the connection is over.
fn send(connection: &TcpStream, reply: &Reply) -> std::io::Result<bool> {
    let body = reply.body.bytes();
    let half = &body[..body.len() / 2];
    let mut out = connection;
    let reset = || SockRef::from(connection).set_linger(Some(Duration::ZERO));
    let (length, sent) = match reply.wire {
        Wire::Whole | Wire::ResetAfter => (body.len(), body),
        Wire::Short => (half.len(), half),
        Wire::ShortOfElements => {
            let elements = elements(body);
            (elements.len(), elements)
        }
        Wire::CutOff | Wire::ResetWithin | Wire::Stalled => (body.len(), half),
        Wire::ResetBefore => {
            reset()?;
            return Ok(false);
        }
        Wire::Silent => {
            outlast(connection);
            return Ok(false);
        }
    };
    let mut head = format!(
        "HTTP/1.1 {} X\r\nContent-Length: {length}\r\n",
        reply.status
    );
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    out.write_all(head.as_bytes())?;
    out.write_all(sent)?;
    match reply.wire {
        Wire::Whole | Wire::Short | Wire::ShortOfElements => return Ok(true),
        Wire::ResetWithin | Wire::ResetAfter => {
            // A reset overtakes what is not yet read.
            thread::sleep(Duration::from_millis(50));
            reset()?;
        }
        Wire::Stalled => outlast(connection),
        Wire::CutOff | Wire::ResetBefore | Wire::Silent => {}
    }
    Ok(false)
}

/// The body without its last key or folder and all that follows; half of it if it has none.
fn elements(body: &[u8]) -> &[u8] {
    let text = String::from_utf8_lossy(body);
    let last = text.rfind("<Contents>").max(text.rfind("<CommonPrefixes>"));
    &body[..last.unwrap_or(body.len() / 2)]
}

/// Says nothing until the client goes away.
fn outlast(mut connection: &TcpStream) {
    let _ = std::io::copy(&mut connection, &mut std::io::sink());
}
