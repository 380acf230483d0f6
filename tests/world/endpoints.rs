//! Where calls go, and whom they trust there.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::support::aws::{Fault, GROUP, Server, Speed, Stores};
use crate::support::moto::Moto;
use crate::support::records::{Delivery, generate, recent, streams};
use crate::support::{REGION, offline};

/// A proxy that lets nobody through and keeps which hosts were asked for.
fn proxy() -> (String, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let hosts = Arc::new(Mutex::new(BTreeSet::new()));
    let asked = Arc::clone(&hosts);
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&connection).read_line(&mut line);
            if let Some(host) = line.strip_prefix("CONNECT ") {
                let host = host.split([':', ' ']).next().unwrap();
                asked.lock().unwrap().insert(host.to_owned());
            }
            let _ = connection.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (address, hosts)
}

/// Returns the hosts that `doctor` calls.
fn hosts(bucket: &str, config: &str, region: &str, more: &[(&str, &str)]) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config"), config).unwrap();
    let (proxy, hosts) = proxy();
    let output = offline()
        .args(["doctor", bucket, "cwl://some-group", "--timeout", "5s"])
        .env("AWS_CONFIG_FILE", folder.path().join("config"))
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", region)
        .env("HTTPS_PROXY", &proxy)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .envs(more.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    std::mem::take(&mut *hosts.lock().unwrap())
}

#[test]
fn endpoints_are_those_of_the_partition_and_of_fips_and_dual_stack() {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<BTreeSet<_>>()
    };
    let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
    let dual = ("AWS_USE_DUALSTACK_ENDPOINT", "true");
    for (config, region, more, expected) in [
        (
            "",
            "eu-west-1",
            &[][..],
            [
                "some-bucket.s3.eu-west-1.amazonaws.com",
                "logs.eu-west-1.amazonaws.com",
                "sts.eu-west-1.amazonaws.com",
            ],
        ),
        (
            "",
            "us-east-1",
            &[fips],
            [
                "some-bucket.s3-fips.us-east-1.amazonaws.com",
                "logs-fips.us-east-1.amazonaws.com",
                "sts-fips.us-east-1.amazonaws.com",
            ],
        ),
        (
            "[default]\nuse_fips_endpoint = true\n",
            "us-east-1",
            &[],
            [
                "some-bucket.s3-fips.us-east-1.amazonaws.com",
                "logs-fips.us-east-1.amazonaws.com",
                "sts-fips.us-east-1.amazonaws.com",
            ],
        ),
        (
            "",
            "eu-west-1",
            &[dual],
            [
                "some-bucket.s3.dualstack.eu-west-1.amazonaws.com",
                "logs.eu-west-1.api.aws",
                "sts.eu-west-1.api.aws",
            ],
        ),
        (
            "[default]\nuse_dualstack_endpoint = true\n",
            "eu-west-1",
            &[],
            [
                "some-bucket.s3.dualstack.eu-west-1.amazonaws.com",
                "logs.eu-west-1.api.aws",
                "sts.eu-west-1.api.aws",
            ],
        ),
        (
            "",
            "cn-north-1",
            &[],
            [
                "some-bucket.s3.cn-north-1.amazonaws.com.cn",
                "logs.cn-north-1.amazonaws.com.cn",
                "sts.cn-north-1.amazonaws.com.cn",
            ],
        ),
        (
            "",
            "us-gov-west-1",
            &[],
            [
                "some-bucket.s3.us-gov-west-1.amazonaws.com",
                "logs.us-gov-west-1.amazonaws.com",
                "sts.us-gov-west-1.amazonaws.com",
            ],
        ),
    ] {
        let found = hosts("s3://some-bucket", config, region, more);
        assert_eq!(found, set(&expected), "{region} {more:?}");
    }
    // What cannot stand in a certificate's name does not, and an access point has a name of its own.
    for (bucket, region, host) in [
        (
            "s3://some.dotted.bucket",
            "eu-west-1",
            "s3.eu-west-1.amazonaws.com",
        ),
        (
            "arn:aws:s3:eu-west-1:123456789012:accesspoint/some",
            "eu-west-1",
            "some-123456789012.s3-accesspoint.eu-west-1.amazonaws.com",
        ),
        (
            "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/some",
            "cn-north-1",
            "some-123456789012.s3-accesspoint.cn-north-1.amazonaws.com.cn",
        ),
    ] {
        let found = hosts(bucket, "", region, &[]);
        assert!(found.contains(host), "{bucket}: {found:?}");
    }
}

/// A network with certificates of its own: a server with TLS whose authority nobody else knows.
#[test]
fn certificates_of_a_bundle_are_trusted_and_no_others() {
    let (bucket, group) = ("flowdiff-bundle", "/flowdiff/bundle");
    let served = tempfile::tempdir().unwrap();
    let moto = Moto::start("serve_tls.py", &[served.path().to_str().unwrap()]);
    let endpoint = fs::read_to_string(served.path().join("endpoint")).unwrap();
    let bundle = served.path().join("ca.pem");
    let bundle = bundle.to_str().unwrap();
    moto.create_bucket(bucket, REGION);
    moto.create_group(group, REGION);
    let records = generate(40, 2, recent(), 3600);
    moto.put_objects(bucket, Delivery::default().objects(&records));
    for (stream, events) in streams(&records) {
        moto.put_events(group, REGION, &stream, &events);
    }
    let check = |config: &str, more: &[(&str, &str)]| {
        fs::write(served.path().join("config"), config).unwrap();
        let output = offline()
            .args([
                "check",
                &format!("s3://{bucket}"),
                &format!("cwl://{group}"),
                "--since",
                "4h",
            ])
            .env("AWS_CONFIG_FILE", served.path().join("config"))
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &endpoint)
            .envs(more.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let of_profile = format!("[default]\nca_bundle = {bundle}\n");
    for (config, more) in [("", &[("AWS_CA_BUNDLE", bundle)][..]), (&of_profile, &[])] {
        let (code, said) = check(config, more);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("hold the same 40 records"), "{said}");
    }
    let (code, said) = check("", &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("certificate") && said.contains("AWS_CA_BUNDLE"),
        "{said}"
    );
}

#[test]
fn a_misspelt_region_is_told_in_time_with_the_one_that_was_meant() {
    let (proxy, _) = proxy();
    let began = Instant::now();
    let output = offline()
        .args([
            "check",
            "s3://some-bucket",
            "cwl://some-group",
            "--region",
            "eu-wset-1",
        ])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("HTTPS_PROXY", &proxy)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("no region `eu-wset-1` is known; did you mean `eu-west-1`?"),
        "{said}"
    );
    assert!(began.elapsed() < Duration::from_secs(5), "{said}");
}

#[test]
fn a_group_that_is_not_there_is_told_with_where_it_was_looked_for_and_where_it_is() {
    let stores = Stores {
        region: Some("us-east-1"),
        ..Stores::default()
    };
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let run = |group: &str| {
        let output = offline()
            .args(["check", "fixtures/ping/s3", &format!("cwl://{group}")])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let said = run(GROUP);
    for part in [
        "in eu-west-1, account 123456789012: ResourceNotFoundException",
        "it exists in `us-east-1`: give `--cwl-region us-east-1`",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(run("flow/other").contains("did you mean `cwl:///flow/other`?"));
}

/// A proxy for plain HTTP that lets nobody through; returns how often it was asked.
fn plain_proxy() -> (String, Arc<Mutex<u64>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let times = Arc::new(Mutex::new(0));
    let asked = Arc::clone(&times);
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&connection).read_line(&mut line);
            *asked.lock().unwrap() += 1;
            let _ = connection.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    (address, times)
}

#[test]
fn a_host_that_needs_no_proxy_is_called_without_one() {
    let all = generate(20, 1, recent(), 3600);
    let mut stores = Stores::default();
    for (key, bytes) in Delivery::default().objects(&all) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(&all) {
        stores.streams.insert(name, Arc::new(events));
    }
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let (proxy, times) = plain_proxy();
    for (without, code, asks) in [("127.0.0.1", 0, false), ("example.com", 2, true)] {
        let output = offline()
            .args(["check", "s3://fa-014", &format!("cwl://{GROUP}")])
            .args([
                "--since",
                &recent().to_string(),
                "--allow-empty",
                "--timeout",
                "5s",
            ])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env("HTTP_PROXY", &proxy)
            .env("NO_PROXY", without)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!(std::mem::take(&mut *times.lock().unwrap()) > 0, asks);
    }
}
