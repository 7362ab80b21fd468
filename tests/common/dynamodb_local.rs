//! Amazon's DynamoDB Local: one for all tests of this process, which tell their tables apart by their access keys.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use super::{process::Process, repository};

/// Becomes its arguments, and is killed once nobody has the other end of its standard input any more: however this process
/// ends, that is when.
const WHILE_WE_RUN: &str = r#"exec 3<&0; { cat <&3; kill -KILL $$; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null"#;

/// Where it is. The first one to ask starts it.
pub fn address() -> SocketAddr {
    static RUNNING: OnceLock<(Process, SocketAddr)> = OnceLock::new();
    RUNNING.get_or_init(start).1
}

fn start() -> (Process, SocketAddr) {
    let home = repository().join(".tools/dynamodb-local");
    assert!(home.is_dir(), "there is no DynamoDB Local in {}; run `scripts/tools dynamodb-local`", home.display());
    let address = address_of_our_own();
    let mut command = Command::new("sh");
    // Without its telemetry it keeps to this machine, and without the JVM's it leaves no file behind. Of the 3 GB that all
    // tests would make it take, two are garbage and what each thread has freed for itself alone.
    command
        .args(["-c", WHILE_WE_RUN, "sh", "java", "-Xmx512m", "-XX:-UsePerfData"])
        .arg("-Djava.library.path=DynamoDBLocal_lib")
        .args(["-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry", "-port", &address.port().to_string()])
        .env("MALLOC_ARENA_MAX", "2")
        .current_dir(home);
    let mut process = Process::start_with_open_input(&mut command);
    process.wait_until("DynamoDB Local", Duration::from_mins(2), || TcpStream::connect(address).is_ok());
    (process, address)
}

/// An address that is free, and stays so while it starts: Linux gives no port below 32768 away by itself, and any other
/// process of tests looks elsewhere first.
fn address_of_our_own() -> SocketAddr {
    let first = std::process::id() % 20_000;
    let ports = (0..20_000).map(|i| u16::try_from(10_000 + (first + i) % 20_000).unwrap());
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).find(is_free).unwrap()
}
