//! The grammar of names: S3 keys of delivered flow logs and of export tasks, and log streams. Pure.
//!
//! Sources: VPC User Guide "Flow log files" (key layouts), CloudWatch Logs API reference
//! "CreateExportTask" (`prefix/task-id/stream/000000.gz`).

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Cover;
use crate::window::Window;

/// The last component of a delivered object's key:
/// `<account>_vpcflowlogs_<region>_<flow-log-id>_YYYYMMDDTHHmmZ_<hash>.log.gz` (or `.log.parquet`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName<'a> {
    /// The account that owns the flow log.
    pub account: &'a str,
    /// The region of the flow log.
    pub region: &'a str,
    /// `fl-...`.
    pub flow_log_id: &'a str,
    /// The five-minute slot in the name, as Unix seconds.
    pub time: i64,
}

impl<'a> ObjectName<'a> {
    /// Parses a key or a path, of which only what follows the last `/` counts; `None` if it is not
    /// the name of a delivered flow-log object.
    pub fn parse(key: &'a str) -> Option<Self> {
        let name = key.rsplit('/').next()?;
        // From the right: neither ids nor regions contain `_`, and nothing is promised of the front.
        let mut fields = name.rsplitn(6, '_');
        let (_hash, time, flow_log_id) = (fields.next()?, fields.next()?, fields.next()?);
        let (region, service, account) = (fields.next()?, fields.next()?, fields.next()?);
        (service == "vpcflowlogs" && flow_log_id.starts_with("fl-")).then_some(())?;
        let time = DateTime::strptime("%Y%m%dT%H%MZ", time).ok()?;
        let time = time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        Some(Self {
            account,
            region,
            flow_log_id,
            time,
        })
    }
}

/// Returns the interface in the name of a log stream (`eni-0aa-all`), if it begins with one. The suffix
/// tells the traffic type and is not required.
pub fn stream_interface(stream: &str) -> Option<&str> {
    let id = stream.strip_prefix("eni-")?;
    let digits = id
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(id.len());
    let ended = id[digits..].chars().next().is_none_or(|c| c == '-');
    (digits > 0 && ended).then(|| &stream[.."eni-".len() + digits])
}

/// Returns which records a key or a path may hold, as far as its name tells: a delivered object's
/// by its time, an export task's by the stream in its last folder.
pub fn cover(key: &str) -> Cover {
    if let Some(name) = ObjectName::parse(key) {
        return Cover {
            interface: None,
            starts: Window::of_object_name(name.time),
        };
    }
    let folder = key.rsplit('/').nth(1).and_then(stream_interface);
    Cover {
        interface: folder.map(str::to_owned),
        starts: Window::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names() {
        let key = "p/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/\
                   111122223333_vpcflowlogs_eu-west-1_fl-0aa1_20220107T2325Z_1a2b3c4d.log.gz";
        let name = ObjectName::parse(key).unwrap();
        assert_eq!(
            (name.account, name.region, name.flow_log_id),
            ("111122223333", "eu-west-1", "fl-0aa1")
        );
        assert_eq!(crate::window::rfc3339(name.time), "2022-01-07T23:25:00Z");
        for other in [
            "",
            "000000.gz",
            "aws-logs-write-test",
            "1_CloudTrail_eu-west-1_x_20220107T2325Z_1.json.gz",
            "1_vpcflowlogs_eu-west-1_fl-0aa_2022Z_1.log.gz",
            "vpcflowlogs_eu-west-1_fl-0aa_20220107T2325Z_1.log.gz",
        ] {
            assert_eq!(ObjectName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn streams_begin_with_an_interface_or_not() {
        for (stream, interface) in [
            ("eni-0c19436730cc350ae-all", Some("eni-0c19436730cc350ae")),
            ("eni-0aa-accept", Some("eni-0aa")),
            ("eni-0aa", Some("eni-0aa")),
            ("eni-", None),
            ("eni-xyz", None),
            ("eni-0aaz", None),
            ("tgw-0aa-all", None),
        ] {
            assert_eq!(stream_interface(stream), interface, "{stream}");
        }
    }

    #[test]
    fn an_export_tasks_folder_names_the_interface() {
        assert_eq!(
            cover("exportedlogs/a-b-c/eni-0aa-all/000000.gz")
                .interface
                .as_deref(),
            Some("eni-0aa")
        );
        assert_eq!(cover("exportedlogs/aws-logs-write-test"), Cover::default());
    }
}
