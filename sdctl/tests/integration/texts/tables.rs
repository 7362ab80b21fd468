//! Messages about tables, and about the choice of a table.

use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType};
use test_support::{
    Dynamo,
    fault::{Fault, FaultyDynamo},
    sdctl::shell_at,
};

use super::Transcript;

#[tokio::test(flavor = "multi_thread")]
async fn messages_about_tables() {
    let dynamo = Dynamo::start();
    let mut transcript = Transcript::new();

    transcript.part("The local table");
    for line in ["sdctl get", "sdctl table create", "sdctl get", "sdctl put node web -t a:9100"] {
        transcript.local(line);
    }
    transcript.local("sdctl table describe");

    transcript.part("A table in AWS");
    transcript.at(&dynamo, &["sdctl get", "sdctl put node web -t a:9100", "sdctl table describe"]);
    transcript.at(&dynamo, &["sdctl table create --no-recovery", "sdctl table create"]);

    transcript.part("A table with another key");
    dynamo.delete_table().await;
    dynamo.create_other_table(&[("id", KeyType::Hash, ScalarAttributeType::S)]).await;
    transcript.at(&dynamo, &["sdctl get", "sdctl table create"]);

    transcript.part("Errors of the table");
    let faulty = FaultyDynamo::before(&dynamo);
    for code in ["AccessDeniedException", "ValidationException", "UnrecognizedClientException"] {
        faulty.fail(move |_, _| Fault::Error(400, code));
        transcript.run("sdctl table describe", &mut shell_at(&faulty.endpoint(), "sdctl table describe"));
    }

    transcript.part("Which table");
    for line in [
        "HTTP_SD_TABLE= sdctl get",
        "HTTP_SD_TABLE='a b' sdctl get",
        "sdctl get --table a",
        "sdctl get --table http-sd --data folder",
        "sdctl get --region eu-central-1",
        "sdctl get --table http-sd --endpoint-url localhost:8000",
        "sdctl get --table http-sd --endpoint-url 'http://a b'",
        "HTTP_SD_LABEL_NAMES=utf16 sdctl get",
    ] {
        transcript.local(line);
    }
    transcript.assert("tables");
}
