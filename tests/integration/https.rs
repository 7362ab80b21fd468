//! The connection to the table: which host the function connects to, and TLS.

use std::{
    io::{self, BufRead},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use axum::Router;
use test_support::{
    Dynamo, Endpoint, Row,
    background::Background,
    lambda::Function,
    tls::{Identity, TlsServer},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread")]
async fn tls_table_requires_a_trusted_authority() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    let [ours, other] = [(); 2].map(|()| TlsServer::before(dynamo.address, Identity::Good));
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
    let tls = TlsServer::before(dynamo.address, Identity::Good);
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

/// The description of a table with a stream.
const DESCRIPTION: &str = r#"{"Table":{
    "TableStatus":"ACTIVE",
    "KeySchema":[{"AttributeName":"job","KeyType":"HASH"},{"AttributeName":"group","KeyType":"RANGE"}],
    "AttributeDefinitions":[{"AttributeName":"job","AttributeType":"S"},{"AttributeName":"group","AttributeType":"S"}],
    "LatestStreamArn":"arn:aws:dynamodb:us-east-1:123456789012:table/http-sd/stream/1",
    "StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}
}}"#;

/// Two pages of a job without rows. The function does not follow a job of one page.
const FIRST_PAGE: &str = r#"{"Items":[],"Count":0,"ScannedCount":0,"LastEvaluatedKey":{
    "job":{"S":"node_exporter"},"group":{"S":"a"}
}}"#;
const LAST_PAGE: &str = r#"{"Items":[],"Count":0,"ScannedCount":0}"#;

/// Responds as a table with a stream, but not as the stream.
async fn table(request: String) -> &'static str {
    if request.contains("ExclusiveStartKey") {
        LAST_PAGE
    } else if request.contains("KeyConditionExpression") {
        FIRST_PAGE
    } else {
        DESCRIPTION
    }
}

/// Returns the hosts to which a function that follows changes connects. Only the host of the table responds.
fn hosts(variables: &[(&str, &str)], of_table: &'static str) -> Vec<String> {
    let table = Background::router(Router::new().fallback(table));
    let tls = TlsServer::before(table.address, Identity::For(of_table));
    let (hosts, behind) = (Arc::<Mutex<Vec<String>>>::default(), tls.address());
    let noted = hosts.clone();
    let proxy = Background::start(async move |listener| {
        loop {
            let mut client = BufReader::new(listener.accept().await.unwrap().0);
            let noted = noted.clone();
            tokio::spawn(async move {
                let mut head = (&mut client).lines();
                let first = head.next_line().await?.unwrap_or_default();
                while head.next_line().await?.is_some_and(|line| !line.is_empty()) {}
                let host = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(":443 ").next()).unwrap();
                if !noted.lock().unwrap().iter().any(|noted| noted == host) {
                    noted.lock().unwrap().push(host.to_owned());
                }
                if host == of_table {
                    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                    copy_bidirectional(&mut client, &mut TcpStream::connect(behind).await?).await?;
                }
                io::Result::Ok(())
            });
        }
    });
    let (proxy, authority) = (proxy.url(), tls.authority());
    let fixed = [
        ("HTTPS_PROXY", proxy.as_str()),
        ("SSL_CERT_FILE", authority.to_str().unwrap()),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("HTTP_SD_FOLLOW_CHANGES", "on"),
    ];
    let function = Function::start(&Endpoint::new(""), &[&fixed, variables].concat());
    for _ in 0..2 {
        let answer = function.invoke("job");
        assert_eq!(answer["statusCode"], 200, "{answer}\n{}", function.process.output());
    }
    hosts.lock().unwrap().clone()
}

/// The expected hosts of the stream are those of AWS's client for streams.
#[test]
fn sdk_variables_choose_the_endpoints() {
    let region = |name: &'static str| ("AWS_REGION", name);
    let (gov, china) = (region("us-gov-west-1"), region("cn-north-1"));
    let (fips, dual_stack) = (("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true"));
    let account = ("AWS_ACCOUNT_ID", "123456789012");
    let of_all = ("AWS_ENDPOINT_URL", "https://all.example");
    let of_table = ("AWS_ENDPOINT_URL_DYNAMODB", "https://table.example");
    let of_stream = ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "https://stream.example");
    let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    let (table, stream) = ("dynamodb.us-east-1.amazonaws.com", "streams.dynamodb.us-east-1.amazonaws.com");
    let connects = |variables: &[(&str, &str)], table, stream| {
        let mut expected = vec![table, stream];
        expected.dedup();
        assert_eq!(hosts(variables, table), expected, "{variables:?}");
    };
    connects(&[], table, stream);
    connects(
        &[region("eu-central-1")],
        "dynamodb.eu-central-1.amazonaws.com",
        "streams.dynamodb.eu-central-1.amazonaws.com",
    );
    connects(&[fips], "dynamodb-fips.us-east-1.amazonaws.com", "streams.dynamodb-fips.us-east-1.amazonaws.com");
    connects(&[dual_stack], "dynamodb.us-east-1.api.aws", "streams-dynamodb.us-east-1.api.aws");
    connects(&[fips, dual_stack], "dynamodb-fips.us-east-1.api.aws", "streams-dynamodb-fips.us-east-1.api.aws");
    connects(&[gov], "dynamodb.us-gov-west-1.amazonaws.com", "streams.dynamodb.us-gov-west-1.amazonaws.com");
    connects(&[gov, fips], "dynamodb.us-gov-west-1.amazonaws.com", "streams.dynamodb.us-gov-west-1.amazonaws.com");
    connects(&[gov, dual_stack], "dynamodb.us-gov-west-1.api.aws", "streams-dynamodb.us-gov-west-1.api.aws");
    connects(&[china], "dynamodb.cn-north-1.amazonaws.com.cn", "streams.dynamodb.cn-north-1.amazonaws.com.cn");
    connects(
        &[china, fips],
        "dynamodb-fips.cn-north-1.amazonaws.com.cn",
        "streams.dynamodb-fips.cn-north-1.amazonaws.com.cn",
    );
    connects(
        &[china, dual_stack],
        "dynamodb.cn-north-1.api.amazonwebservices.com.cn",
        "streams-dynamodb.cn-north-1.api.amazonwebservices.com.cn",
    );
    connects(&[account], "123456789012.ddb.us-east-1.amazonaws.com", stream);
    connects(&[account, ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")], table, stream);
    connects(&[of_all], "all.example", "all.example");
    connects(&[of_table], "table.example", stream);
    connects(&[of_stream], table, "stream.example");
    connects(&[of_all, of_table], "table.example", "all.example");
    connects(&[of_all, of_stream], "all.example", "stream.example");
    connects(&[of_all, of_table, of_stream, ignored], table, stream);
}

#[test]
fn app_id_is_in_the_user_agent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let table = Endpoint::from(listener.local_addr().unwrap());
    let _function = Function::start(&table, &[("AWS_SDK_UA_APP_ID", "fleet")]);
    let lines = io::BufReader::new(listener.accept().unwrap().0).lines();
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let head = head.join("\n");
    assert!(head.starts_with("POST / ") && head.contains("app/fleet"), "{head}");
}
