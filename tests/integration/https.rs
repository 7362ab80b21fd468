//! The connection to the table: which host the function connects to, and TLS.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
};

use test_support::{Dynamo, Endpoint, Row, lambda::Function, tls::TlsServer};

#[tokio::test(flavor = "multi_thread")]
async fn tls_table_requires_a_trusted_authority() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    let [ours, other] = [TlsServer::before(&dynamo), TlsServer::before(&dynamo)];
    let endpoint = dynamo.endpoint().at(ours.url());
    let trusting = |authority: &TlsServer| {
        let file = authority.authority();
        Function::start(&endpoint, &[("SSL_CERT_FILE", file.to_str().unwrap()), ("AWS_MAX_ATTEMPTS", "1")])
    };
    let right = trusting(&ours).invoke("job");
    assert_eq!(right["body"], r#"[{"targets":["a:1"],"labels":{}}]"#, "{right}");

    let mut wary = trusting(&other);
    let wrong = wary.invoke("job");
    assert_eq!(wrong["statusCode"], 503, "{wrong}");
    assert!(!wrong["body"].as_str().unwrap().contains("certificate"), "{wrong}");
    wary.process.wait_for("TLS handshake failed: invalid peer certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_roots_are_read_only_for_tls() {
    let dynamo = Dynamo::with_table().await;
    let tls = TlsServer::before(&dynamo);
    let authority = tls.authority();
    // A process that reads the roots reports this missing folder.
    let roots = [("SSL_CERT_FILE", authority.to_str().unwrap()), ("SSL_CERT_DIR", "/nowhere")];
    for (endpoint, expected) in [(dynamo.endpoint().at(tls.url()), true), (dynamo.endpoint(), false)] {
        let mut function = Function::start(&endpoint, &roots);
        assert_eq!(function.invoke("job")["statusCode"], 200);
        let log = function.process.wait_for("event=\"request\"");
        assert_eq!(log.contains("certificate"), expected, "{log}");
    }
}

/// Returns the head of the function's first request, to the table (`itself`) or to a proxy.
fn first_request(variables: &[(&str, &str)], itself: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (endpoint, proxy) = if itself { (url.as_str(), "") } else { ("", url.as_str()) };
    let _function = Function::start(
        &Endpoint::new(endpoint),
        &[&[("HTTPS_PROXY", proxy), ("AWS_MAX_ATTEMPTS", "1")], variables].concat(),
    );
    let lines = BufReader::new(listener.accept().unwrap().0).lines();
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    head.join("\n")
}

#[test]
fn sdk_variables_choose_the_endpoint() {
    let elsewhere = ("AWS_ENDPOINT_URL", "https://elsewhere.example");
    let account = ("AWS_ACCOUNT_ID", "123456789012");
    let cases: [(&[(&str, &str)], &str); 9] = [
        (&[], "dynamodb.us-east-1.amazonaws.com"),
        (&[("AWS_REGION", "eu-central-1")], "dynamodb.eu-central-1.amazonaws.com"),
        (&[("AWS_USE_FIPS_ENDPOINT", "true")], "dynamodb-fips.us-east-1.amazonaws.com"),
        (&[("AWS_USE_DUALSTACK_ENDPOINT", "true")], "dynamodb.us-east-1.api.aws"),
        (&[account], "123456789012.ddb.us-east-1.amazonaws.com"),
        (&[account, ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")], "dynamodb.us-east-1.amazonaws.com"),
        (&[elsewhere], "elsewhere.example"),
        (&[elsewhere, ("AWS_ENDPOINT_URL_DYNAMODB", "https://here.example")], "here.example"),
        (&[elsewhere, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")], "dynamodb.us-east-1.amazonaws.com"),
    ];
    for (variables, host) in cases {
        let head = first_request(variables, false);
        assert!(head.starts_with(&format!("CONNECT {host}:443 ")), "{variables:?}: {head}");
    }
    let head = first_request(&[("AWS_SDK_UA_APP_ID", "fleet")], true);
    assert!(head.starts_with("POST / ") && head.contains("app/fleet"), "{head}");
}
