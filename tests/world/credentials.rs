//! Credentials that somebody has to sign on for.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::support::aws::http::{self, Body, Reply, Wire};
use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores, operation, refusal};
use crate::support::records::{Delivery, generate};
use crate::support::{REGION, offline};

const BEGIN: i64 = 1_641_596_400;

/// The file in which the AWS CLI keeps what a sign-on to the session `corp` gave: the session's name under SHA-1.
const CORP: &str = "ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

/// A folder that is the user's home, with a configuration and a script in the place of the AWS CLI.
fn home(config: &str, aws: Option<&str>) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config"), config).unwrap();
    if let Some(script) = aws {
        let path = home.path().join("aws");
        fs::write(
            &path,
            format!("#!/bin/sh\necho \"$@\" >> called\n{script}\n"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    home
}

/// Checks twenty records that only S3 has, with the profile `P` of the configuration.
fn check(home: &Path, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut stores = Stores::default();
    for (key, bytes) in Delivery::default().objects(&generate(20, 1, BEGIN, 3600)) {
        stores.put(&key, bytes);
    }
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let output = offline()
        .current_dir(home)
        .args([
            "check",
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ])
        .args(["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08"])
        .args(["--region", REGION, "--endpoint-url", &server.endpoint])
        .env("HOME", home)
        .env("PATH", format!("{}:/usr/bin:/bin", home.display()))
        .env("AWS_CONFIG_FILE", home.join("config"))
        .env("AWS_PROFILE", "P")
        .envs(more.iter().copied())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

const CONSOLE: &str = "[profile P]\nlogin_session = arn:aws:iam::123456789012:user/me\n";
const CODE: &str = "[profile P]\nrole_arn = arn:aws:iam::123456789012:role/reader\nsource_profile = keys\n\
                    mfa_serial = arn:aws:iam::123456789012:mfa/me\n[profile keys]\naws_access_key_id = a\n\
                    aws_secret_access_key = b\n";
const CORP_SESSION: &str = "[profile P]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = reader\n\
                            [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n";

/// Both sides have them from the AWS CLI, which is asked once: a code is good for no more.
#[test]
fn a_console_session_and_a_role_with_a_code_are_those_of_the_aws_cli() {
    let exports = r#"echo '{"Version": 1, "AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": "t",
                      "Expiration": "2999-01-01T00:00:00+00:00"}'"#;
    for config in [CONSOLE, CODE] {
        let home = home(config, Some(exports));
        let (code, said) = check(home.path(), &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("20 records missing on cwl"), "{said}");
        let called = fs::read_to_string(home.path().join("called")).unwrap();
        let expected = "configure export-credentials --format process --profile P\n";
        assert_eq!(called, expected);
    }
    // Keys in the environment go before a profile that is not an option.
    let home = home(CONSOLE, Some("exit 1"));
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    let (code, said) = check(home.path(), &keys);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn whoever_has_to_sign_on_first_is_told_with_what() {
    let refuses = "echo >&2; echo 'EOF when reading a line' >&2; exit 255";
    let long_ago = r#"{"accessToken": "t", "expiresAt": "2020-01-01T00:00:00Z", "region": "eu-west-1",
                       "startUrl": "https://corp.awsapps.com/start"}"#;
    for (config, script, token, named) in [
        (
            CONSOLE,
            None,
            None,
            ["cannot be run", "sign on with `aws login --profile P`"],
        ),
        (
            CONSOLE,
            Some("exit 1"),
            None,
            [
                "exports no credentials of profile `P`",
                "`aws login --profile P`",
            ],
        ),
        (
            CODE,
            Some(refuses),
            None,
            [
                "EOF when reading a line",
                "a code of `arn:aws:iam::123456789012:mfa/me`",
            ],
        ),
        (
            CODE,
            Some("echo nothing"),
            None,
            ["are no credentials", "mfa_serial"],
        ),
        (
            CORP_SESSION,
            None,
            None,
            [
                "no usable credentials",
                "sign on with `aws sso login --profile P`",
            ],
        ),
        (
            CORP_SESSION,
            None,
            Some(long_ago),
            ["expired", "sign on with `aws sso login --profile P`"],
        ),
    ] {
        let home = home(config, script);
        if let Some(token) = token {
            let cache = home.path().join(".aws/sso/cache");
            fs::create_dir_all(&cache).unwrap();
            fs::write(cache.join(CORP), token).unwrap();
        }
        let (code, said) = check(
            home.path(),
            &[("PATH", &format!("{}:/no/such", home.path().display()))],
        );
        assert_eq!(code, Some(2), "{said}");
        for name in named {
            assert!(said.contains(name), "{name}: {said}");
        }
    }
}

/// Returns whose keys the calls to S3 and CloudWatch Logs were signed with.
fn signed_with(config: &str, more: &[(&str, &str)]) -> BTreeSet<String> {
    let home = home(config, None);
    fs::write(home.path().join("token"), "a token").unwrap();
    let keys = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&keys);
    let server = http::serve(move |request| {
        let (operation, _) = operation::of(request);
        // It hands out credentials and changes nothing.
        if operation == "AssumeRoleWithWebIdentity" {
            let body = "<R><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>of-the-token</AccessKeyId>\
                        <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
                        </AssumeRoleWithWebIdentityResult></R>";
            return Reply {
                status: 200,
                headers: vec![("Content-Type".into(), "text/xml".to_owned())],
                body: Body::Own(
                    body.replace("R>", "AssumeRoleWithWebIdentityResponse>")
                        .into(),
                ),
                wire: Wire::Whole,
            };
        }
        operation::insist_on_reading(request, &operation);
        let signed = request.headers.get("authorization").unwrap();
        let key = signed.split_once("Credential=").unwrap().1;
        let key = key.split('/').next().unwrap().to_owned();
        seen.lock().unwrap().insert(key);
        refusal(request, 403, "AccessDenied")
    });
    let config = fs::read_to_string(home.path().join("config")).unwrap();
    fs::write(home.path().join("config"), config.replace("@URL", &server)).unwrap();
    let output = offline()
        .current_dir(home.path())
        .args(["doctor", "s3://some-bucket", "cwl://some-group"])
        .env("HOME", home.path())
        .env("AWS_CONFIG_FILE", home.path().join("config"))
        .env("AWS_PROFILE", "P")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server)
        .envs(more.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    std::mem::take(&mut *keys.lock().unwrap())
}

#[test]
fn whatever_hands_out_credentials_is_asked() {
    let process = r#"[profile P]
credential_process = echo '{"Version": 1, "AccessKeyId": "of-the-process", "SecretAccessKey": "s"}'
"#;
    let token = "[profile P]\nrole_arn = arn:aws:iam::123456789012:role/reader\nweb_identity_token_file = token\n";
    let of_profile = "[profile P]\naws_access_key_id = of-the-profile\naws_secret_access_key = s\n";
    let in_environment = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "token"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/reader"),
    ];
    for (config, more, key) in [
        (process, &[][..], "of-the-process"),
        (token, &[], "of-the-token"),
        (
            "[profile P]\noutput = json\n",
            &in_environment,
            "of-the-token",
        ),
        (of_profile, &[], "of-the-profile"),
        (
            of_profile,
            &[
                ("AWS_ACCESS_KEY_ID", "of-the-environment"),
                ("AWS_SECRET_ACCESS_KEY", "s"),
            ],
            "of-the-environment",
        ),
    ] {
        let found = signed_with(config, more);
        assert_eq!(found, BTreeSet::from([key.to_owned()]), "{config} {more:?}");
    }
}

/// Where services are, as a section of services says it.
#[test]
fn endpoints_of_a_section_of_services_are_those_that_are_called() {
    let config = "[profile P]\naws_access_key_id = k\naws_secret_access_key = s\nservices = local\ncli_pager = less\n\
                  s3 =\n  max_concurrent_requests = 1\n[services local]\ns3 =\n  endpoint_url = @URL\n\
                  cloudwatch_logs =\n  endpoint_url = @URL\nsts =\n  endpoint_url = @URL\n";
    let nowhere = [("AWS_ENDPOINT_URL", "")];
    assert_eq!(
        signed_with(config, &nowhere),
        BTreeSet::from(["k".to_owned()])
    );
}
