//! `DescribeFlowLogs` of EC2, `GetCallerIdentity` and `AssumeRole` of STS in the query protocol.
//!
//! Source: EC2 API reference, STS API reference.

use std::collections::BTreeMap;

use super::http::{self, Reply, Request};
use super::{Making, State, reply};

/// The account of everybody who asks.
const ACCOUNT: &str = "123456789012";

fn form(request: &Request) -> BTreeMap<String, String> {
    http::pairs(std::str::from_utf8(&request.body).unwrap_or(""))
}

/// Returns the action, if it is a request of this protocol.
pub(super) fn action(request: &Request) -> Option<String> {
    let kind = request.headers.get("content-type")?;
    kind.starts_with("application/x-www-form-urlencoded")
        .then(|| form(request).remove("Action"))?
}

/// The error as EC2 says it.
pub(super) fn refusal(status: u16, code: &str) -> Reply {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>as the test wants it</Message></Error></Errors></Response>"
    );
    reply(status, "text/xml", body.into())
}

pub(super) fn make(request: &Request, action: &str, state: &State) -> Making {
    let signed = request
        .headers
        .get("authorization")
        .is_some_and(|it| it.starts_with("AWS4-HMAC-SHA256"));
    match action {
        _ if !signed => Box::new(|| (refusal(401, "AuthFailure"), 0)),
        "DescribeFlowLogs" => flow_logs(&form(request), state),
        "GetCallerIdentity" => {
            let body = format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/test</Arn>\
                 <Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            );
            Box::new(move || (reply(200, "text/xml", body.into()), 1))
        }
        "AssumeRole" => {
            // Told apart from all else by what tests look for.
            let body = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId>\
                        <SecretAccessKey>SECRETOFTHEROLE</SecretAccessKey><SessionToken>SECRETTOKENOFTHEROLE</SessionToken>\
                        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
            Box::new(move || (reply(200, "text/xml", body.into()), 1))
        }
        _ => Box::new(|| (refusal(400, "InvalidAction"), 0)),
    }
}

/// The values of the one filter, if there is one, are looked for anywhere in an item.
fn flow_logs(form: &BTreeMap<String, String>, state: &State) -> Making {
    let values: Vec<&String> = form
        .iter()
        .filter(|(name, _)| name.starts_with("Filter.1.Value."))
        .map(|(_, value)| value)
        .collect();
    let first: usize = form
        .get("NextToken")
        .map_or(0, |token| token.parse().unwrap());
    let asked = state.stores.flow_logs.iter();
    let asked: Vec<&String> = asked
        .filter(|item| {
            values.is_empty()
                || values
                    .iter()
                    .any(|value| item.contains(&format!(">{value}<")))
        })
        .collect();
    let page = state.speed.page.unwrap_or(1000);
    let items: String = asked
        .iter()
        .skip(first)
        .take(page)
        .map(|item| item.as_str())
        .collect();
    let next = first + page;
    let token = match next < asked.len() {
        true => format!("<nextToken>{next}</nextToken>"),
        false => String::new(),
    };
    let body = format!(
        "<DescribeFlowLogsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>1</requestId>\
         <flowLogSet>{items}</flowLogSet>{token}</DescribeFlowLogsResponse>"
    );
    Box::new(move || (reply(200, "text/xml", body.into()), 1))
}
