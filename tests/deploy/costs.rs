//! What the stack costs a month: the table in deploy/README.md, computed from list prices and what a run does.

use super::text;

/// List prices of us-east-1 in US dollars; deploy/README.md says where they are from.
mod price {
    /// An hour of a processor and of a GB of memory, Fargate on ARM.
    pub(super) const CPU_HOUR: f64 = 0.032_38;
    pub(super) const GB_HOUR: f64 = 0.003_56;
    /// A PUT or LIST, and a GET.
    pub(super) const PUT: f64 = 0.005 / 1000.0;
    pub(super) const GET: f64 = 0.000_4 / 1000.0;
    /// A GB kept for a month.
    pub(super) const KEPT_GB: f64 = 0.023;
    /// A metric a month, and one that an alarm watches.
    pub(super) const METRIC: f64 = 0.30;
    pub(super) const ALARM_METRIC: f64 = 0.10;
    /// A GB of log taken in, and one through a NAT gateway or an interface endpoint.
    pub(super) const LOG_GB: f64 = 0.50;
    pub(super) const NAT_GB: f64 = 0.045;
    pub(super) const ENDPOINT_GB: f64 = 0.01;
    /// An hour of an interface endpoint in one Availability Zone, and of a public IPv4 address.
    pub(super) const ENDPOINT_HOUR: f64 = 0.01;
    pub(super) const ADDRESS_HOUR: f64 = 0.005;
}

/// Runs of a month of 30 days, one every five minutes.
const RUNS: f64 = 30.0 * 288.0;
/// A task's size, as the template has it.
const CPUS: f64 = 0.25;
const MEMORY_GB: f64 = 0.5;
/// Until a task runs, and how long calls for each pair take at least, in seconds.
const START: f64 = 30.0;
const CALLS: f64 = 2.0;
/// What CloudWatch's quota lets through, in GB of records a second.
const SPEED: f64 = 0.01;
/// Of each pair in each run: levels of folders, the state's writes, the archive's listing and a day's lines; objects, and the reading
/// of the state and of a day's lines.
const LISTS_AND_PUTS: f64 = 8.0 + 3.0 + 2.0;
const GETS: f64 = 10.0 + 1.0 + 1.0;
/// What the archive of a pair keeps after 400 days, in GB: lines, and a month of what the days' objects were before each run.
const KEPT: f64 = 400.0 * 288.0 * 1e-6 + 30.0 * 288.0 * 144e-6;
/// Metrics of a side: the gauges, `Consistent` and `RunSeconds`.
const METRICS: f64 = 10.0;
/// Metrics that the six alarms watch.
const ALARMED: f64 = 8.0;
/// A metric that is told from the log: what was removed from the archive.
const FILTERED: f64 = 1.0;
/// Runs of a month that remove what is old from the archive.
const PRUNES: f64 = 30.0;
/// A line of metrics, in GB.
const LINE: f64 = 1.3e-6;
/// How much longer records are on the wire than by themselves, as events in JSON.
const AS_EVENTS: f64 = 2.0;

struct Size {
    pairs: f64,
    /// Records of each side, not compressed.
    gb_a_day: f64,
}

const SIZES: [Size; 3] = [
    Size {
        pairs: 1.0,
        gb_a_day: 1.0,
    },
    Size {
        pairs: 10.0,
        gb_a_day: 20.0,
    },
    Size {
        pairs: 50.0,
        gb_a_day: 200.0,
    },
];

impl Size {
    fn hours(&self) -> f64 {
        let seconds = START + CALLS * self.pairs + self.gb_a_day / 288.0 / SPEED;
        // A task is billed for a minute at least.
        (RUNS * seconds.max(60.0) + PRUNES * 60.0) / 3600.0
    }

    fn fargate(&self) -> f64 {
        self.hours() * (CPUS * price::CPU_HOUR + MEMORY_GB * price::GB_HOUR)
    }

    fn calls(&self) -> f64 {
        RUNS * self.pairs * (LISTS_AND_PUTS * price::PUT + GETS * price::GET)
            + self.pairs * KEPT * price::KEPT_GB
    }

    /// Of several pairs, those of all together as well.
    fn metrics(&self) -> f64 {
        let of_all = if self.pairs > 1.0 { 1.0 } else { 0.0 };
        2.0 * METRICS * (self.pairs + of_all) * price::METRIC
    }

    fn alarms_and_log(&self) -> f64 {
        ALARMED * price::ALARM_METRIC
            + FILTERED * price::METRIC
            + RUNS * self.pairs * 2.0 * LINE * price::LOG_GB
    }

    fn sum(&self) -> f64 {
        self.fargate() + self.calls() + self.metrics() + self.alarms_and_log()
    }

    fn gb_a_month(&self) -> f64 {
        self.gb_a_day * 30.0 * AS_EVENTS
    }

    fn by_address(&self) -> f64 {
        self.hours() * price::ADDRESS_HOUR
    }

    fn by_nat(&self) -> f64 {
        self.gb_a_month() * price::NAT_GB
    }

    /// Three of them in two zones.
    fn by_endpoints(&self) -> f64 {
        3.0 * 2.0 * 730.0 * price::ENDPOINT_HOUR + self.gb_a_month() * price::ENDPOINT_GB
    }
}

/// A row of the table: its name, and what it is of a size.
type Row = (&'static str, fn(&Size) -> f64);

#[test]
fn the_page_has_what_is_computed() {
    let rows: [Row; 8] = [
        ("Fargate", Size::fargate),
        ("calls to S3, and the archive", Size::calls),
        ("metrics", Size::metrics),
        ("alarms and log", Size::alarms_and_log),
        ("**together**", Size::sum),
        ("and a public IP address", Size::by_address),
        ("or through a NAT gateway that is there", Size::by_nat),
        ("or with the stack's endpoints", Size::by_endpoints),
    ];
    let row = |(name, of): &Row| {
        let cells = SIZES.iter().map(|size| format!("{:.2}", of(size)));
        format!("| {name} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let table: String = rows.iter().map(row).collect();
    assert!(
        text("README.md").contains(&table),
        "deploy/README.md must have:\n{table}"
    );
}

/// The template has as many alarms and metrics in them as are counted.
#[test]
fn alarms_are_as_counted() {
    let template = text("fargate.yaml");
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let named = template.matches(" MetricName:").count() as f64;
    assert!((named - ALARMED - FILTERED).abs() < 0.5, "{named}");
    for size in [
        format!("Cpu: \"{}\"", CPUS * 1024.0),
        format!("Memory: \"{}\"", MEMORY_GB * 1024.0),
    ] {
        assert!(template.contains(&size), "{size}");
    }
}
