//! Tells what differs from sums: what each record's fingerprint, bucket, flow and times say, and the copies of the side that was
//! read.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::compare::KeptRecords;
use crate::diff::{DifferenceKind, Hiding, LackingCopy, Shown, Stands, Unseen};
use crate::digest::{BucketId, Ledger, NetFlow};
use crate::model::finding::{Bucket, Evidence, Pair, Place};
use crate::model::window::{SLOT, Settle};
use crate::model::{Error, Side, Sides};
use crate::record::{FieldName, Record};

/// The longest interval that a record can be of, in seconds.
const LONGEST_INTERVAL: i64 = 600;

/// What is known of a side.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// How much is where.
    pub ledger: &'a Ledger,
    /// What its malformed rows may stand for.
    pub stands: &'a Stands,
}

/// What tells differences.
pub(super) struct Differing<'a> {
    /// What is known of each side.
    pub known: Sides<Known<'a>>,
    /// The clock by which a record may still be on its way to a side.
    pub settle: Sides<Settle>,
    /// What was not read.
    pub doubt: &'a Unseen,
    /// Whether interfaces are compared.
    pub compares_interfaces: bool,
    /// The side that was read, and its copies of what differs.
    pub read: Option<(Side, &'a KeptRecords)>,
    /// What the sides are called.
    pub addresses: Sides<String>,
    /// What has been told, and of how many copies.
    pub told: Vec<(Bucket, DifferenceKind, Shown, u64)>,
}

/// Copies of one record that the other side lacks.
struct LackedCopies<'n> {
    side: Side,
    net: &'n NetFlow,
    bucket: Bucket,
    start: Option<i64>,
    end: Option<i64>,
    /// How many have found no partner.
    copies: u64,
    /// Whether the record also has a copy that is matched.
    matched: bool,
    /// The copies, the last one first.
    shown: Vec<Evidence>,
    /// What there is to show of each that nobody has read.
    unseen: Evidence,
}

impl LackedCopies<'_> {
    /// Takes one of the copies, with what there is to show of it.
    fn take(&mut self) -> Evidence {
        self.copies -= 1;
        self.shown.pop().unwrap_or_else(|| self.unseen.clone())
    }

    fn kind(&self) -> DifferenceKind {
        match self.matched {
            true => DifferenceKind::Surplus(self.side),
            false => DifferenceKind::Missing(self.side.other()),
        }
    }
}

impl Differing<'_> {
    /// Tells what these are.
    ///
    /// # Errors
    /// A digest names a bucket that it does not have.
    pub(super) fn tell(&mut self, nets: &[NetFlow]) -> Result<(), Error> {
        let mut flows: BTreeMap<(Bucket, u64), Sides<Vec<LackedCopies<'_>>>> = BTreeMap::new();
        for net in nets {
            let one = self.lacked(net)?;
            let lacking = one.side.other();
            let young = self.settle[lacking].is_young(one.start, one.end);
            let doubtful = match young {
                true => Some(DifferenceKind::Pending(lacking)),
                false if self.doubt.may_hide(lacking, &one.bucket) => {
                    Some(DifferenceKind::Undetermined(lacking))
                }
                false => None,
            };
            match doubtful {
                Some(kind) => self.count(one, |_| kind),
                None => {
                    let flow = flows.entry((one.bucket.clone(), one.net.flow));
                    flow.or_default()[one.side].push(one);
                }
            }
        }
        let mut hiding = Sides::from_fn(|side| Hiding::new(self.known[side].stands));
        for mut flow in flows.into_values() {
            self.pair(&mut flow);
            for one in [flow.s3, flow.cwl].into_iter().flatten() {
                let lacking = one.side.other();
                let (copy_interface, start) = (Arc::clone(&one.bucket.interface), one.start);
                let (kind, compares) = (one.kind(), self.compares_interfaces);
                let hiding = &mut hiding[lacking];
                self.count(one, |_| {
                    let copy = LackingCopy {
                        interface: compares.then_some(&*copy_interface),
                        start,
                    };
                    match hiding.hides(&copy) {
                        true => DifferenceKind::Undetermined(lacking),
                        false => kind,
                    }
                });
            }
        }
        Ok(())
    }

    /// Counts what is left of copies, and shows it.
    fn count(&mut self, mut one: LackedCopies<'_>, mut kind: impl FnMut(u64) -> DifferenceKind) {
        while one.copies > 0 {
            let kind = kind(one.copies);
            let shown = Shown::Leftover(one.take());
            self.told.push((one.bucket.clone(), kind, shown, 1));
        }
    }

    /// Pairs copies of one flow, first those whose records have no matched copy.
    fn pair(&mut self, flow: &mut Sides<Vec<LackedCopies<'_>>>) {
        for side in Side::BOTH {
            flow[side].sort_by_key(|one| (one.matched, one.net.net.fingerprint));
        }
        let (mut s3, mut cwl) = (0, 0);
        while let (Some(here), Some(there)) = (flow.s3.get_mut(s3), flow.cwl.get_mut(cwl)) {
            if here.copies == 0 {
                s3 += 1;
            } else if there.copies == 0 {
                cwl += 1;
            } else {
                let pair = Pair {
                    // Of one of them at least nobody has seen the values.
                    fields: Vec::new(),
                    s3: here.take(),
                    cwl: there.take(),
                };
                let shown = Shown::Divergent(Box::new(pair));
                let told = (here.bucket.clone(), DifferenceKind::Divergent, shown, 1);
                self.told.push(told);
            }
        }
    }

    fn lacked<'n>(&self, net: &'n NetFlow) -> Result<LackedCopies<'n>, Error> {
        let side = match net.net.copies > 0 {
            true => Side::S3,
            false => Side::Cwl,
        };
        let copies = net.net.copies.unsigned_abs();
        let bucket = Side::BOTH
            .into_iter()
            .find_map(|side| self.known[side].ledger.bucket(net.net.bucket));
        let bucket = bucket.ok_or_else(|| {
            Error::Incomparable(
                "the digest's sketch names a bucket that its ledger does not have: make it again"
                    .into(),
            )
        })?;
        let (start, end) = net.times(bucket.slot);
        let kept = self.read.and_then(|(read, kept)| {
            let kept = kept.get(&net.net.fingerprint)?;
            Some((read, kept.copies()))
        });
        let there = |read: Side| match &kept {
            Some((side, kept)) if *side == read => kept.len() as u64,
            _ => 0,
        };
        let matched = match self.read {
            Some((read, _)) if read == side => there(read) > copies,
            Some((read, _)) => there(read) > 0,
            None => false,
        };
        let shown = match kept {
            // Equal copies cannot be told apart, so the last ones, by place, are taken to be the extra ones.
            Some((read, mut kept)) if read == side => {
                let extra = usize::try_from(copies)
                    .unwrap_or(usize::MAX)
                    .min(kept.len());
                let mut extra = kept.split_off(kept.len() - extra);
                extra.reverse();
                extra
            }
            _ => Vec::new(),
        };
        let unseen = self.unseen(side, Some(net), &bucket, (start, end));
        Ok(LackedCopies {
            side,
            net,
            bucket,
            start,
            end,
            copies,
            matched,
            shown,
            unseen,
        })
    }

    /// What there is to show of a copy of which there are but sums.
    fn unseen(
        &self,
        side: Side,
        net: Option<&NetFlow>,
        bucket: &Bucket,
        (start, end): (Option<i64>, Option<i64>),
    ) -> Evidence {
        let fingerprint = net.map(|net| format!("{:032x}", net.net.fingerprint));
        let time = |time: Option<i64>| time.map(|time| time.to_string());
        let fields = [
            ("interface-id", Some(bucket.interface.to_string())),
            ("start", time(start)),
            ("end", time(end)),
            (FINGERPRINT, fingerprint),
        ];
        let fields = fields.map(|(name, value)| (FieldName::new(name), value));
        Evidence {
            record: Record::new(fields.into_iter().collect()),
            found_in: Place {
                part: self.addresses[side].as_str().into(),
                row: 0,
            },
        }
    }

    /// Counts in each bucket what differs at least, of which the sketches do not tell more; `again` is what the side that can be
    /// read held at a second look. Returns by how much each side has grown between the looks.
    pub(super) fn tell_least(
        &mut self,
        buckets: &[BucketId],
        again: Option<(Side, &Ledger)>,
    ) -> Sides<i64> {
        let mut grown = Sides::default();
        let mut known: HashMap<BucketId, Bucket> = HashMap::new();
        for &id in buckets {
            let mut ledgers = self.known.map(|side| side.ledger);
            let bucket = ledgers.s3.bucket(id).or_else(|| ledgers.cwl.bucket(id));
            known.extend(bucket.map(|bucket| (id, bucket)));
            if let Some((side, now)) = again {
                let (now, before) = (now.sums(id).copies, ledgers[side].sums(id).copies);
                grown[side] += now.cast_signed() - before.cast_signed();
            }
            if let Some((side, now)) = again {
                ledgers[side] = now;
            }
            let Some(bucket) = known.get(&id) else {
                continue;
            };
            let balance = crate::digest::Balance::of(ledgers, id);
            if !balance.differs() {
                continue;
            }
            let (s3, cwl) = (balance.copies.s3, balance.copies.cwl);
            let lacked = match s3 == cwl {
                true => Sides { s3: 1, cwl: 1 },
                false => Sides {
                    s3: cwl.saturating_sub(s3),
                    cwl: s3.saturating_sub(cwl),
                },
            };
            for side in Side::BOTH {
                let kind = self.least_kind(side, bucket);
                let one = self.unseen(side.other(), None, bucket, (None, None));
                if lacked[side] > 0 {
                    let shown = Shown::Leftover(one);
                    self.told.push((bucket.clone(), kind, shown, lacked[side]));
                }
            }
        }
        grown
    }

    /// Returns what copies of a bucket are that a side lacks. If some of them may be on their way, or may be what could not be read
    /// or understood, all of them may.
    fn least_kind(&self, lacking: Side, bucket: &Bucket) -> DifferenceKind {
        let last = bucket.slot.map(|slot| slot.saturating_add(SLOT - 1));
        let end = last.map(|start| start.saturating_add(LONGEST_INTERVAL));
        if self.settle[lacking].is_young(last, end) {
            DifferenceKind::Pending(lacking)
        } else if self.doubt.may_hide(lacking, bucket) || !self.known[lacking].stands.is_none() {
            DifferenceKind::Undetermined(lacking)
        } else {
            DifferenceKind::Missing(lacking)
        }
    }
}

/// What the fingerprint of a record is called that was not read.
const FINGERPRINT: &str = "fingerprint";
