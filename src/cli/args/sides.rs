//! The options that each side has, from one table.

use clap::builder::FalseyValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use itertools::Itertools;

use crate::model::{Side, Sides};

/// What can be said about one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfSide {
    /// The profile of the AWS configuration.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// The external id to assume it with.
    pub external_id: Option<String>,
    /// Another endpoint.
    pub endpoint_url: Option<String>,
    /// Whether the caller pays for what is read; of the S3 side only.
    pub request_payer: bool,
    /// Whether masked values are asked for; of the CloudWatch side only.
    pub unmask: bool,
    /// The formats of rows without a header, one a line.
    pub format: Option<String>,
    /// The only flow log whose objects are read; nothing that can be typed.
    pub flow_log_id: Option<String>,
}

/// The options that each side has: `--s3-profile`, `--cwl-profile` and so on, from one table. The second is what was said for
/// both sides alone: what goes for what is neither.
#[derive(Clone, Debug, Default)]
pub struct SideArgs(pub Sides<OfSide>, pub OfSide);

struct SideOption {
    name: &'static str,
    value: &'static str,
    help: &'static str,
    field: fn(&mut OfSide) -> &mut Option<String>,
}

const REQUEST_PAYER: &str = "s3-request-payer";
const UNMASK: &str = "cwl-unmask";

/// Switches of one side: the name, its variable, its help and under which heading that stands.
const SWITCHES: [[&str; 4]; 2] = [
    [
        REQUEST_PAYER,
        "FLOWDIFF_S3_REQUEST_PAYER",
        "Pay for what is read of a bucket with Requester Pays",
        "S3 side",
    ],
    [
        UNMASK,
        "FLOWDIFF_CWL_UNMASK",
        "Ask for values that a data protection policy of the log group masks; needs `logs:Unmask`",
        "CloudWatch side",
    ],
];

/// The option that can be given several times.
const REPEATED: &str = "format";

/// The options that can be given once for both sides; what is given for a side wins.
const FOR_BOTH: [&str; 3] = ["profile", "region", "endpoint-url"];

const SIDE_OPTIONS: [SideOption; 6] = [
    SideOption {
        name: "profile",
        value: "NAME",
        help: "Profile of the AWS configuration",
        field: |of| &mut of.profile,
    },
    SideOption {
        name: "region",
        value: "REGION",
        help: "Region",
        field: |of| &mut of.region,
    },
    SideOption {
        name: "role-arn",
        value: "ARN",
        help: "Role to assume",
        field: |of| &mut of.role_arn,
    },
    SideOption {
        name: "external-id",
        value: "ID",
        help: "External id for the role",
        field: |of| &mut of.external_id,
    },
    SideOption {
        name: "endpoint-url",
        value: "URL",
        help: "Endpoint",
        field: |of| &mut of.endpoint_url,
    },
    SideOption {
        name: "format",
        value: "FORMAT",
        help: "Format of rows without a header, as the flow log's LogFormat: '${version} ${account-id} ...'; several \
               times, and each row has the one that it fits [default: the version 2 default format]",
        field: |of| &mut of.format,
    },
];

fn side_options() -> impl Iterator<Item = (Side, &'static SideOption, String)> {
    let of_side = |side: Side| {
        SIDE_OPTIONS
            .iter()
            .map(move |option| (side, option, format!("{side}-{}", option.name)))
    };
    Side::BOTH.into_iter().flat_map(of_side)
}

impl Args for SideArgs {
    fn augment_args(command: Command) -> Command {
        let both = SIDE_OPTIONS
            .iter()
            .filter(|option| FOR_BOTH.contains(&option.name));
        let command = both.fold(command, |command, option| {
            let env = format!("FLOWDIFF_{}", option.name.replace('-', "_").to_uppercase());
            let arg = Arg::new(option.name)
                .long(option.name)
                .value_name(option.value)
                .env(env);
            let help = format!("{} of both sides", option.help);
            command.arg(arg.help(help).help_heading("Both sides"))
        });
        let command = side_options().fold(command, |command, (side, option, name)| {
            let heading = match side {
                Side::S3 => "S3 side",
                Side::Cwl => "CloudWatch side",
            };
            let env = format!("FLOWDIFF_{}", name.replace('-', "_").to_uppercase());
            let action = if option.name == REPEATED {
                ArgAction::Append
            } else {
                ArgAction::Set
            };
            let arg = Arg::new(name.clone())
                .long(name)
                .value_name(option.value)
                .action(action)
                .env(env);
            command.arg(arg.help(option.help).help_heading(heading))
        });
        let switches = SWITCHES.into_iter();
        switches.fold(command, |command, [name, env, help, heading]| {
            let arg = Arg::new(name)
                .long(name)
                .action(ArgAction::SetTrue)
                .value_parser(FalseyValueParser::new())
                .env(env);
            command.arg(arg.help(help).help_heading(heading))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SideArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (side, option, name) in side_options() {
            let both = FOR_BOTH.contains(&option.name).then_some(option.name);
            let given = matches.get_many::<String>(&name);
            let given = given.or_else(|| both.and_then(|both| matches.get_many::<String>(both)));
            *(option.field)(&mut self.0[side]) = given.map(|mut given| given.join("\n"));
        }
        let common = SIDE_OPTIONS
            .iter()
            .filter(|option| FOR_BOTH.contains(&option.name));
        for option in common {
            *(option.field)(&mut self.1) = matches.get_one::<String>(option.name).cloned();
        }
        self.0.s3.request_payer = matches.get_flag(REQUEST_PAYER);
        self.0.cwl.unmask = matches.get_flag(UNMASK);
        Ok(())
    }
}
