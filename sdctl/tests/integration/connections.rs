//! The messages of `sdctl` if a server does not respond as expected.

use test_support::{
    background::Background,
    fault::closing_endpoint,
    sdctl::{run, sdctl},
    tls::{Identity, TlsServer},
};

/// Returns what `sdctl get` says about this endpoint of DynamoDB.
fn table_at(url: &str) -> String {
    let mut command = sdctl();
    command.env("AWS_ACCESS_KEY_ID", "A").env("AWS_SECRET_ACCESS_KEY", "B").env("AWS_MAX_ATTEMPTS", "1");
    run(command.args(["get", "--table", "http-sd", "--region", "eu-west-3", "--endpoint-url", url])).failed()
}

/// Returns what `sdctl check --url` says.
fn polled(arguments: &[&str]) -> String {
    let (code, text) =
        run(sdctl().args(["check", "--refresh-interval", "10s", "--url"]).args(arguments)).code_and_text();
    assert_eq!(code, 2, "{text}");
    text
}

#[test]
fn unreachable_server_is_named() {
    let free = Background::router(axum::Router::new()).address;
    let closing = closing_endpoint();
    let plain = Background::router(axum::Router::new());
    let tls = TlsServer::start(Identity::Good);
    for (url, said, remedy) in [
        ("http://no-such-host.invalid".to_owned(), "host no-such-host.invalid not found", "Check the host"),
        (format!("http://{free}"), "refuses the connection", "Check the host and the port"),
        (format!("http://{closing}"), "without a response", "If the port expects TLS"),
        (format!("https://{}", plain.address), "does not respond in TLS", "use http://"),
        (format!("http://{}", tls.address()), "does not respond in HTTP", "use https://"),
    ] {
        for text in [table_at(&url), polled(&[&url])] {
            assert!(text.contains(said) && text.contains(remedy), "{url}: {text}");
            let host = url.split_once("//").unwrap().1;
            assert!(text.contains(host), "{url}: {text}");
        }
    }
}

#[test]
fn invalid_certificate_is_explained_in_words() {
    for (identity, said, remedy) in [
        (Identity::Expired, "has expired", "Renew the certificate"),
        (Identity::For("elsewhere.example"), "is for another host", "Use a host name of the certificate"),
        (Identity::Authority, "is the one of an authority, not of a server", "CA:FALSE"),
    ] {
        let server = TlsServer::start(identity);
        let authority = server.authority();
        let text = polled(&[&server.url(), "--ca-file", authority.to_str().unwrap()]);
        assert!(text.contains(&format!("the certificate of localhost:{} {said}", server.address().port())), "{text}");
        assert!(text.contains(remedy), "{text}");
    }
    let server = TlsServer::start(Identity::Good);
    let (table, url) = (table_at(&server.url()), polled(&[&server.url()]));
    assert!(table.contains("is signed by an unknown authority. Name a file"), "{table}");
    assert!(table.contains("SSL_CERT_FILE"), "{table}");
    assert!(url.contains("is signed by an unknown authority") && url.contains("Trust it with --ca-file"), "{url}");
}

#[test]
fn ca_file_is_trusted_as_in_prometheus() {
    let server = TlsServer::start(Identity::Good);
    let authority = server.authority();
    let check = |file: &str| run(sdctl().args(["check", "--url", &server.url(), "--ca-file", file]));
    let text = check(authority.to_str().unwrap()).done();
    assert!(text.contains(": 200, 1 group, 1 target, "), "{text}");
    let none = check("/dev/null").failed();
    assert!(none.contains("no certificate in /dev/null. Name a file with the certificates"), "{none}");
    let missing = check("/no/such/file").failed();
    assert!(missing.contains("cannot read /no/such/file: "), "{missing}");
}
