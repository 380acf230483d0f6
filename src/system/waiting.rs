//! Streams that do not wait: whoever starts a process may have set `O_NONBLOCK` on what it gives it, as event loops do with their
//! ends of pipes and terminals. Then a read or write fails where it would wait otherwise.

use std::io::{self, Read, Write};

/// A stream that is waited for.
#[derive(Debug)]
pub(crate) struct Waiting<S>(pub(crate) S);

#[cfg(unix)]
mod ready {
    use std::io;
    use std::os::fd::AsFd;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;

    /// Waits until a stream can be read or written, or has come to its end.
    pub(super) fn wait(stream: &impl AsFd, until: PollFlags) -> io::Result<()> {
        loop {
            match poll(&mut [PollFd::new(stream, until)], None) {
                Err(Errno::INTR) => {}
                waited => return waited.map(drop).map_err(io::Error::from),
            }
        }
    }

    /// Does it again as often as the stream was not ready.
    pub(super) fn when_ready<S: AsFd, T>(
        stream: &mut S,
        until: PollFlags,
        mut act: impl FnMut(&mut S) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match act(stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(stream, until)?,
                done => return done,
            }
        }
    }
}

#[cfg(unix)]
impl<W: Write + std::os::fd::AsFd> Write for Waiting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let until = rustix::event::PollFlags::OUT;
        ready::when_ready(&mut self.0, until, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        let until = rustix::event::PollFlags::OUT;
        ready::when_ready(&mut self.0, until, Write::flush)
    }
}

#[cfg(unix)]
impl<R: Read + std::os::fd::AsFd> Read for Waiting<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let until = rustix::event::PollFlags::IN;
        ready::when_ready(&mut self.0, until, |stream| stream.read(bytes))
    }
}

#[cfg(not(unix))]
impl<W: Write> Write for Waiting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(not(unix))]
impl<R: Read> Read for Waiting<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    /// More than a socket holds.
    const MUCH: usize = 4 << 20;

    #[test]
    fn all_comes_through_streams_that_do_not_wait() {
        let (mut to, from) = UnixStream::pair().unwrap();
        for end in [&to, &from] {
            end.set_nonblocking(true).unwrap();
        }
        let text: Vec<u8> = (0..=u8::MAX).cycle().take(MUCH).collect();
        let sent = text.clone();
        let writer = thread::spawn(move || {
            let written = Waiting(&mut to).write_all(&sent);
            written.and_then(|()| Waiting(&mut to).flush())
        });
        let mut read = Vec::new();
        Waiting(from).read_to_end(&mut read).unwrap();
        writer.join().unwrap().unwrap();
        assert!(read == text, "{} of {MUCH} bytes", read.len());
    }
}
