//! The formats that lines come in, and the fields that they may have.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::corpus::{ACCOUNT, Random, Record, Traffic, interface_id};

/// Writes a field's value.
type Value = fn(&Record, &mut Vec<u8>) -> io::Result<()>;

/// What stands in a line, first to last.
#[derive(Clone)]
pub(crate) struct Format {
    names: Vec<&'static str>,
    values: Vec<Value>,
}

/// A format by its name.
const NAMED: &[(&str, &str)] = &[
    ("default", DEFAULT),
    (
        "documented",
        "vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr pkt-dstaddr \
         protocol bytes packets start end version",
    ),
    ("v5", V5),
    (
        "v5-alphabetical",
        "account-id action az-id bytes dstaddr dstport end flow-direction instance-id interface-id log-status packets \
         pkt-dst-aws-service pkt-dstaddr pkt-src-aws-service pkt-srcaddr protocol region srcaddr srcport start \
         sublocation-id sublocation-type subnet-id tcp-flags traffic-path type version vpc-id",
    ),
    (
        "ecs",
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status \
         ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id \
         ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id",
    ),
    (
        "tags",
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status \
         instance-tag interface-tag asg-tag interface-type next-hop-interface-id next-hop-subnet-id next-hop-az-id \
         next-hop-vpc-id next-hop-interface-type",
    ),
    (
        "transit-gateway",
        "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id \
         tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id \
         tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status \
         type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags \
         region flow-direction pkt-src-aws-service pkt-dst-aws-service",
    ),
];

const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";

const V5: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status \
     vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id \
     pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path";

/// The fields that can be written.
const FIELDS: &[(&str, Value)] = &[
    ("version", |record, to| write!(to, "{}", record.version)),
    ("account-id", |_, to| to.write_all(ACCOUNT.as_bytes())),
    ("interface-id", |record, to| {
        to.write_all(interface_id(record.interface).as_bytes())
    }),
    ("srcaddr", |record, to| seen(record, to, record.source())),
    ("dstaddr", |record, to| {
        seen(record, to, record.destination())
    }),
    ("srcport", |record, to| seen(record, to, record.source_port)),
    ("dstport", |record, to| {
        seen(record, to, record.destination_port)
    }),
    ("protocol", |record, to| seen(record, to, record.protocol)),
    ("packets", |record, to| seen(record, to, record.packets)),
    ("bytes", |record, to| seen(record, to, record.bytes)),
    ("start", |record, to| write!(to, "{}", record.start)),
    ("end", |record, to| write!(to, "{}", record.end)),
    ("action", |record, to| {
        to.write_all(record.action().as_bytes())
    }),
    ("log-status", |record, to| {
        to.write_all(record.status().as_bytes())
    }),
    ("vpc-id", |_, to| id(to, "vpc", 0x3bc, 0)),
    ("subnet-id", |record, to| {
        id(to, "subnet", 0x50b, record.interface % 6)
    }),
    ("instance-id", |record, to| {
        id(to, "i", 0x1d, record.interface)
    }),
    ("tcp-flags", |record, to| {
        let flags = if record.protocol == 6 {
            [2, 3, 19, 18]
        } else {
            [0; 4]
        };
        seen(record, to, flags[usize::from(record.source_port / 2 % 4)])
    }),
    ("type", |record, to| {
        seen(record, to, if record.is_v6 { "IPv6" } else { "IPv4" })
    }),
    ("pkt-srcaddr", |record, to| {
        seen(record, to, record.source())
    }),
    ("pkt-dstaddr", |record, to| {
        seen(record, to, record.destination())
    }),
    ("region", |_, to| to.write_all(b"eu-west-1")),
    ("az-id", |record, to| {
        write!(to, "euw1-az{}", 1 + record.interface % 3)
    }),
    ("sublocation-type", absent),
    ("sublocation-id", absent),
    ("pkt-src-aws-service", |record, to| {
        service(record, to, record.is_out())
    }),
    ("pkt-dst-aws-service", |record, to| {
        service(record, to, !record.is_out())
    }),
    ("flow-direction", |record, to| {
        seen(
            record,
            to,
            if record.is_out() { "egress" } else { "ingress" },
        )
    }),
    ("traffic-path", |record, to| {
        if record.is_out() {
            seen(record, to, 1 + record.destination_port % 8)
        } else {
            absent(record, to)
        }
    }),
    ("ecs-cluster-arn", |_, to| arn(to, "cluster/production")),
    ("ecs-cluster-name", |_, to| to.write_all(b"production")),
    ("ecs-container-instance-arn", |record, to| {
        arn(to, "container-instance/production/")?;
        hex(to, 0xc1, record.interface)
    }),
    ("ecs-container-instance-id", |record, to| {
        hex(to, 0xc1, record.interface)
    }),
    ("ecs-container-id", |record, to| {
        hex(to, 0xc0, record.interface)?;
        write!(to, "-{}", 1_000_000_000 + record.interface)
    }),
    ("ecs-second-container-id", absent),
    ("ecs-service-name", |record, to| {
        write!(to, "service-{}", record.interface % 9)
    }),
    ("ecs-task-definition-arn", |record, to| {
        arn(to, "task-definition/service-")?;
        write!(to, "{}:{}", record.interface % 9, 1 + record.interface % 70)
    }),
    ("ecs-task-arn", |record, to| {
        arn(to, "task/production/")?;
        hex(to, 0x7a, record.interface)
    }),
    ("ecs-task-id", |record, to| hex(to, 0x7a, record.interface)),
    ("instance-tag", |record, to| {
        write!(to, "Name=web%20server%20{}", record.interface)
    }),
    ("interface-tag", |record, to| {
        write!(to, "Owner=team-{}", record.interface % 12)
    }),
    ("asg-tag", absent),
    ("interface-type", |_, to| to.write_all(b"interface")),
    ("next-hop-interface-id", |record, to| {
        to.write_all(interface_id(record.interface + 1_000_000).as_bytes())
    }),
    ("next-hop-subnet-id", |record, to| {
        id(to, "subnet", 0x50b, record.interface % 5)
    }),
    ("next-hop-az-id", |record, to| {
        write!(to, "euw1-az{}", 1 + record.interface % 2)
    }),
    ("next-hop-vpc-id", |_, to| id(to, "vpc", 0x3bc, 1)),
    ("next-hop-interface-type", |_, to| {
        to.write_all(b"nat_gateway")
    }),
    ("resource-type", |_, to| to.write_all(b"TransitGateway")),
    ("tgw-id", |_, to| id(to, "tgw", 0x76, 0)),
    ("tgw-attachment-id", |record, to| {
        id(to, "tgw-attach", 0x7a7, record.interface)
    }),
    ("tgw-src-vpc-account-id", |_, to| {
        to.write_all(ACCOUNT.as_bytes())
    }),
    ("tgw-dst-vpc-account-id", |_, to| {
        to.write_all(ACCOUNT.as_bytes())
    }),
    ("tgw-src-vpc-id", |record, to| {
        id(to, "vpc", 0x3bc, record.interface)
    }),
    ("tgw-dst-vpc-id", |record, to| {
        id(to, "vpc", 0x3bc, record.interface + 1)
    }),
    ("tgw-src-subnet-id", |record, to| {
        id(to, "subnet", 0x50b, record.interface)
    }),
    ("tgw-dst-subnet-id", |record, to| {
        id(to, "subnet", 0x50b, record.interface + 1)
    }),
    ("tgw-src-eni", |record, to| {
        to.write_all(interface_id(record.interface).as_bytes())
    }),
    ("tgw-dst-eni", |record, to| {
        to.write_all(interface_id(record.interface + 1).as_bytes())
    }),
    ("tgw-src-az-id", |record, to| {
        write!(to, "euw1-az{}", 1 + record.interface % 3)
    }),
    ("tgw-dst-az-id", |record, to| {
        write!(to, "euw1-az{}", 1 + record.interface % 2)
    }),
    ("tgw-pair-attachment-id", |record, to| {
        id(to, "tgw-attach", 0x7a7, record.interface + 1)
    }),
    ("packets-lost-no-route", |record, to| seen(record, to, 0)),
    ("packets-lost-blackhole", |record, to| seen(record, to, 0)),
    ("packets-lost-mtu-exceeded", |record, to| {
        seen(record, to, 0)
    }),
    ("packets-lost-ttl-expired", |record, to| seen(record, to, 0)),
];

/// Writes what only a record of traffic has.
fn seen(record: &Record, to: &mut Vec<u8>, value: impl std::fmt::Display) -> io::Result<()> {
    match record.traffic {
        Traffic::NoData => absent(record, to),
        Traffic::Accept | Traffic::Reject => write!(to, "{value}"),
    }
}

fn absent(_: &Record, to: &mut Vec<u8>) -> io::Result<()> {
    to.write_all(b"-")
}

fn id(to: &mut Vec<u8>, kind: &str, seed: u64, number: u64) -> io::Result<()> {
    write!(to, "{kind}-0{:016x}", Random::of(seed, number).next())
}

fn hex(to: &mut Vec<u8>, seed: u64, number: u64) -> io::Result<()> {
    let mut random = Random::of(seed, number);
    write!(to, "{:016x}{:016x}", random.next(), random.next())
}

fn arn(to: &mut Vec<u8>, resource: &str) -> io::Result<()> {
    write!(to, "arn:aws:ecs:eu-west-1:{ACCOUNT}:{resource}")
}

fn service(record: &Record, to: &mut Vec<u8>, local: bool) -> io::Result<()> {
    match (local, record.source_port / 2 % 4) {
        (false, 0) => seen(record, to, "S3"),
        (false, 1) => seen(record, to, "AMAZON"),
        _ => absent(record, to),
    }
}

impl Format {
    /// Takes the name of a format, or names of fields with commas between.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let named = NAMED.iter().find(|(name, _)| *name == text);
        let names = named.map_or_else(|| text.replace(',', " "), |(_, names)| (*names).to_owned());
        let fields = names.split_whitespace().map(|name| {
            let known = FIELDS.iter().find(|(known, _)| *known == name);
            let formats: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
            known
                .copied()
                .ok_or_else(|| format!("no field `{name}`; formats are {}", formats.join(", ")))
        });
        let fields: Vec<(&'static str, Value)> = fields.collect::<Result<_, _>>()?;
        let (names, values) = fields.into_iter().unzip();
        Ok(Self { names, values })
    }

    /// Returns the header.
    pub(crate) fn header(&self) -> String {
        self.names.join(" ")
    }

    /// Returns the version that records say they have.
    pub(crate) fn version(&self) -> u8 {
        let first = |(version, name): &(u8, &str)| self.names.contains(name).then_some(*version);
        let told = [
            (6, "tgw-id"),
            (11, "interface-tag"),
            (7, "ecs-cluster-arn"),
            (5, "traffic-path"),
            (3, "vpc-id"),
        ];
        told.iter().find_map(first).unwrap_or(2)
    }

    /// Writes a record.
    pub(crate) fn write(&self, record: &Record, to: &mut Vec<u8>) -> io::Result<()> {
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                to.push(b' ');
            }
            value(record, to)?;
        }
        Ok(())
    }
}

/// Returns an address, or one of IPv6 that stands for it: as many groups are left out of some as of others.
pub(crate) fn written(address: Ipv4Addr, is_v6: bool) -> IpAddr {
    if !is_v6 {
        return address.into();
    }
    let [_, a, b, c] = address.octets();
    let (high, low) = (u16::from(a), u16::from_be_bytes([b, c]));
    let mut random = Random::of(0x1f18, low.into());
    let mut group = || u16::try_from(random.below(0x1_0000)).unwrap_or(1);
    let address = match low % 2 {
        0 => Ipv6Addr::new(0x2001, 0xdb8, 0x100 + high, group(), 0, 0, 0, low),
        _ => {
            let groups = [group(), group(), group()];
            let [x, y, z] = groups;
            Ipv6Addr::new(0x2600, 0x1f18, 0x1000 + high, 0x4f00, x, y, z, low)
        }
    };
    address.into()
}
