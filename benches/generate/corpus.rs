//! The records of a made-up VPC. Any of them can be made again from its number alone, so both sides are written at
//! once, each in its own order, and nothing is held.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use crate::format::written;

/// How long the records of one delivered file are, in seconds of `end`.
pub(crate) const SLOT: i64 = 300;

/// The account that everything happens in.
pub(crate) const ACCOUNT: &str = "123456789010";

/// 2024-05-06T00:00:00Z.
const FIRST_SECOND: i64 = 1_714_953_600;

/// Ephemeral ports of one parity from 1024 on.
const PORTS: u64 = 32_256;

/// Prime and no divisor of [`PORTS`], so that the multiples go through all ports before one comes again.
const PORT_STEP: u64 = 7_919;

/// Well-known ports and their protocols, as often as they stand here.
const SERVICES: [(u16, u8); 16] = [
    (443, 6),
    (443, 6),
    (443, 6),
    (443, 6),
    (443, 6),
    (443, 6),
    (443, 6),
    (80, 6),
    (80, 6),
    (53, 17),
    (53, 17),
    (123, 17),
    (22, 6),
    (5432, 6),
    (6379, 6),
    (8080, 6),
];

/// What a corpus is made of.
#[derive(Clone, Debug)]
pub(crate) struct Corpus {
    pub(crate) seed: u64,
    /// Records before differences are planted.
    pub(crate) records: u64,
    pub(crate) interfaces: u64,
    /// Seconds of `end` that the records are spread over.
    pub(crate) seconds: i64,
    pub(crate) differences: u64,
    /// Every record has other `bytes` on the CloudWatch side.
    pub(crate) all_differ: bool,
    /// How many records of a hundred have IPv6 addresses.
    pub(crate) ipv6: u64,
    /// What records say their version is.
    pub(crate) version: u8,
}

/// What becomes of a record on its way to the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Same,
    OnlyS3,
    OnlyCwl,
    TwiceOnS3,
    TwiceOnCwl,
    OtherBytes,
}

/// What was seen in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    Accept,
    Reject,
    NoData,
}

/// A record, before it is written in the form of a side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) version: u8,
    pub(crate) interface: u64,
    pub(crate) is_v6: bool,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) protocol: u8,
    pub(crate) traffic: Traffic,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Corpus {
    pub(crate) fn slots(&self) -> i64 {
        (self.seconds + SLOT - 1) / SLOT
    }

    /// Returns when a slot begins, in Unix seconds.
    pub(crate) fn begin(&self, slot: i64) -> i64 {
        FIRST_SECOND + slot * SLOT
    }

    /// Returns the numbers of the records that one interface has in one slot.
    fn cell(&self, slot: i64, interface: u64) -> Range<u64> {
        let cells = self.slots().unsigned_abs() * self.interfaces;
        let cell = slot.unsigned_abs() * self.interfaces + interface;
        share(cell, self.records, cells)..share(cell + 1, self.records, cells)
    }

    /// Returns the records of one interface in one slot, in no order of time, and what becomes of each.
    pub(crate) fn records(
        &self,
        slot: i64,
        interface: u64,
    ) -> impl Iterator<Item = (Record, Fate)> + '_ {
        let cell = self.cell(slot, interface);
        let first = cell.start;
        cell.map(move |number| {
            let fate = self.fate(number);
            let record = self.record(slot, interface, number, number - first, fate);
            (record, fate)
        })
    }

    /// No two records of an interface have the same flow and `start`, whatever the random numbers: the ground
    /// truth would not hold otherwise. Within a slot ports and, once they are used up, addresses
    /// differ; slots next to each other have ports of different parity.
    fn record(&self, slot: i64, interface: u64, number: u64, index: u64, fate: Fate) -> Record {
        let mut random = Random::of(self.seed, number);
        let cell = Random::of(self.seed ^ 0x5107, (number - index) ^ (interface << 40)).next();
        let length = SLOT.min(self.seconds - slot * SLOT).unsigned_abs();
        let end = self.begin(slot) + random.below(length).cast_signed();
        let lasted = if random.below(2) == 0 {
            59
        } else {
            random.below(60)
        };
        let port = 1024 + 2 * ((cell + index * PORT_STEP) % PORTS) + slot.unsigned_abs() % 2;
        let host = random.below(64) * random.below(64) * 8 + random.below(32);
        let remote = address((10 << 24) | ((1 + index / PORTS) << 16) | host);
        let local = address((10 << 24) + interface + 4);
        let (service, protocol) = SERVICES[narrow(random.below(16))];
        let out = random.below(2) == 0;
        let packets = 1 + random.small(512);
        let length = 40 + random.small(1460);
        let port = u16::try_from(port).unwrap_or(u16::MAX);
        let traffic = match random.below(64) {
            0 | 1 => Traffic::Reject,
            n if n < 18 && index == 0 && fate == Fate::Same => Traffic::NoData,
            _ => Traffic::Accept,
        };
        let is_v6 = Random::of(self.seed ^ 0x6666, number).below(100) < self.ipv6;
        Record {
            version: self.version,
            interface,
            is_v6,
            source: if out { local } else { remote },
            destination: if out { remote } else { local },
            source_port: port,
            destination_port: service,
            protocol,
            traffic,
            packets,
            bytes: packets * length,
            start: end - lasted.cast_signed(),
            end,
        }
    }

    /// Differences are scattered evenly, each at random within its stretch of records.
    fn fate(&self, number: u64) -> Fate {
        if self.all_differ {
            return Fate::OtherBytes;
        }
        let stretch = share(number, self.differences, self.records);
        for difference in stretch..self.differences.min(stretch + 2) {
            let from = share(difference, self.records, self.differences);
            let to = share(difference + 1, self.records, self.differences);
            let random = Random::of(self.seed ^ 0xfa7e, difference).below((to - from).max(1));
            if number == from + random {
                return match difference % 5 {
                    0 => Fate::OnlyS3,
                    1 => Fate::OtherBytes,
                    2 => Fate::OnlyCwl,
                    3 => Fate::TwiceOnS3,
                    _ => Fate::TwiceOnCwl,
                };
            }
        }
        Fate::Same
    }
}

impl Record {
    /// Returns the record as the CloudWatch side has it if its bytes are to differ.
    pub(crate) fn with_other_bytes(self) -> Self {
        Self {
            bytes: self.bytes + 1,
            ..self
        }
    }

    /// Returns `srcaddr`.
    pub(crate) fn source(&self) -> IpAddr {
        written(self.source, self.is_v6)
    }

    /// Returns `dstaddr`.
    pub(crate) fn destination(&self) -> IpAddr {
        written(self.destination, self.is_v6)
    }

    /// Returns `action`.
    pub(crate) fn action(&self) -> &'static str {
        match self.traffic {
            Traffic::Accept => "ACCEPT",
            Traffic::Reject => "REJECT",
            Traffic::NoData => "-",
        }
    }

    /// Returns `log-status`.
    pub(crate) fn status(&self) -> &'static str {
        match self.traffic {
            Traffic::Accept | Traffic::Reject => "OK",
            Traffic::NoData => "NODATA",
        }
    }

    /// Tells whether it went out of the interface.
    pub(crate) fn is_out(&self) -> bool {
        u64::from(u32::from(self.source)) == (10 << 24) + self.interface + 4
    }
}

/// Returns an id that looks like AWS's own.
pub(crate) fn interface_id(interface: u64) -> String {
    format!("eni-0{:016x}", Random::of(0xe41, interface).next())
}

/// A small generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): its numbers are
/// the same for ever and everywhere, which no crate promises.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ (number << 1));
        Self(random.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(limit)) >> 64).unwrap_or(0)
    }

    /// Mostly small numbers, as packets and their lengths are.
    fn small(&mut self, limit: u64) -> u64 {
        (0..2).fold(limit, |limit, _| 1 + self.below(limit))
    }
}

/// Returns `number * of / among`, without overflow.
fn share(number: u64, of: u64, among: u64) -> u64 {
    u64::try_from(u128::from(number) * u128::from(of) / u128::from(among.max(1))).unwrap_or(0)
}

fn address(bits: u64) -> Ipv4Addr {
    Ipv4Addr::from(u32::try_from(bits).unwrap_or(u32::MAX))
}

pub(crate) fn narrow(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
