//! TLS to the table, as the function speaks it.

use crate::common::{Dynamo, Row, lambda::Function, tls::TlsDynamo};

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_read_over_tls_and_its_authority_must_be_a_trusted_one() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    let [ours, other] = [TlsDynamo::before(&dynamo), TlsDynamo::before(&dynamo)];
    let trusting = |authority: &TlsDynamo| {
        let file = authority.authority();
        Function::start(&ours.endpoint(), &[("SSL_CERT_FILE", file.to_str().unwrap()), ("AWS_MAX_ATTEMPTS", "1")])
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
async fn trusted_roots_are_read_for_tls_alone() {
    let dynamo = Dynamo::with_table().await;
    let tls = TlsDynamo::before(&dynamo);
    let authority = tls.authority();
    // Whoever reads the roots says that there is no such folder.
    let roots = [("SSL_CERT_FILE", authority.to_str().unwrap()), ("SSL_CERT_DIR", "/nowhere")];
    for (endpoint, expected) in [(tls.endpoint(), true), (dynamo.endpoint(), false)] {
        let mut function = Function::start(&endpoint, &roots);
        assert_eq!(function.invoke("job")["statusCode"], 200);
        let log = function.process.wait_for("event=\"request\"");
        assert_eq!(log.contains("certificate"), expected, "{log}");
    }
}
