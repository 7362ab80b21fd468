//! Amazon's DynamoDB Local. All tests of a process share one; an access key for each test separates their tables.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use super::{process::Process, repository};

/// Runs the command in its arguments, and kills it when its standard input closes. The input closes when the test
/// process ends, even if that process is killed.
const KILL_AT_END_OF_INPUT: &str =
    r#"exec 3<&0; { cat <&3; kill -KILL $$; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null"#;

/// Returns the address. The first call starts DynamoDB Local.
pub fn address() -> SocketAddr {
    static RUNNING: OnceLock<(Process, SocketAddr)> = OnceLock::new();
    RUNNING.get_or_init(start).1
}

fn start() -> (Process, SocketAddr) {
    let home = repository().join(".tools/dynamodb-local");
    assert!(home.is_dir(), "DynamoDB Local is missing in {}: run `scripts/tools dynamodb-local`", home.display());
    let address = stable_free_address();
    let mut command = Command::new("sh");
    // No telemetry, because a test connects only to this machine. `UsePerfData` would leave a file behind. Without the
    // limits of heap and arenas the tests need 3 GB, 2 GB of it garbage and per-thread free lists.
    command
        .args(["-c", KILL_AT_END_OF_INPUT, "sh", "java", "-Xmx512m", "-XX:-UsePerfData"])
        .arg("-Djava.library.path=DynamoDBLocal_lib")
        .args(["-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry", "-port", &address.port().to_string()])
        .env("MALLOC_ARENA_MAX", "2")
        .current_dir(home);
    let mut process = Process::start_with_open_input(&mut command);
    process.wait_until("DynamoDB Local", Duration::from_mins(2), || TcpStream::connect(address).is_ok());
    (process, address)
}

/// Returns an address that stays free until the JVM listens on it. Linux assigns no port below 32768 by itself, and
/// each test process starts its search at another port.
fn stable_free_address() -> SocketAddr {
    let first = std::process::id() % 20_000;
    let ports = (0..20_000).map(|i| u16::try_from(10_000 + (first + i) % 20_000).unwrap());
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    ports.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).find(is_free).unwrap()
}
