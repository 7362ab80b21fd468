//! Messages of `sdctl token` and `sdctl serve`.

use std::fmt::Write;

use test_support::sdctl::{sdctl, serve};

use super::Transcript;

#[test]
fn messages_of_token_and_serve() {
    let mut transcript = Transcript::new();
    transcript.part("token");
    for line in [
        "sdctl token",
        "sdctl token",
        "sdctl token --force --url https://id.lambda-url.eu-central-1.on.aws --name eu --job node --job mysqld",
        "sdctl token --hash",
        "sdctl token --hash --file missing.token",
        "touch empty.token; sdctl token --hash --file empty.token",
        "echo two words > words.token; sdctl token --hash --file words.token",
        "sdctl token --file next.token --name 'a b'",
        "sdctl token --file next.token --job node",
        "sdctl token --file next.token --url id.on.aws",
        "sdctl token --file next.token --url 'https://id.on.aws/a b'",
        "sdctl token --file missing/next.token",
    ] {
        transcript.local(line);
    }

    transcript.part("serve");
    for line in [
        "sdctl serve --host 0.0.0.0",
        "HTTP_SD_AUTH=iam sdctl serve",
        "HTTP_SD_AUTH=token sdctl serve",
        "sdctl serve --port 65536",
        "sdctl serve --table http-sd --sample",
    ] {
        transcript.local(line);
    }
    let line = "sdctl serve --sample --data fleet --port 0 --dynamodb-port 0";
    let folder = transcript.folder.path().canonicalize().unwrap();
    let mut command = sdctl();
    command.args(line.split(' ').skip(1)).current_dir(&folder).env("RUST_LOG", "off");
    let served = serve(&mut command);
    write!(transcript.text, "\n$ {line}\n{}", served.process.output()).unwrap();
    let port = served.url.rsplit(':').next().unwrap().to_owned();
    transcript.local(&format!("sdctl serve --data other --port {port}"));
    transcript.local(&format!("sdctl check --url '{}/prom?match[]=env'", served.url));
    transcript.local(&format!("sdctl check --url {}/prom/node_exporter", served.url));
    let shown = transcript.text.replace(&format!("port {port}"), "port <port>");
    transcript.text = shown.replace(&format!("--port {port}"), "--port <port>");
    transcript.assert("token_and_serve");
}
