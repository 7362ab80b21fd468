//! The function under AWS's Lambda Runtime Interface Emulator.

use std::{fs, process::Command, sync::PoisonError, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    Endpoint,
    engine::function_environment,
    environment::remove_settings,
    events, http,
    process::{Process, free_port},
    program::built,
    tools::tool,
    watch::BUILD,
};

/// The time-out of one invocation.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// An emulator that runs the function.
pub struct Emulated {
    url: String,
    pub process: Process,
    /// The folder with the emulator's copy of the function.
    _folder: TempDir,
}

impl Emulated {
    /// Starts the emulator against a DynamoDB at `endpoint`. Returns `None` if the emulator is not installed.
    pub fn start(endpoint: &Endpoint, environment: &[(&str, &str)]) -> Option<Self> {
        let mut command = Command::new(tool("aws-lambda-rie")?);
        let address = format!("127.0.0.1:{}", free_port());
        let folder = TempDir::new().unwrap();
        let bootstrap = folder.path().join("bootstrap");
        {
            let _not_building = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
            fs::copy(built("http-sd"), &bootstrap).unwrap();
        }
        remove_settings(&mut command)
            .args(["--runtime-interface-emulator-address", &address])
            .args(["--runtime-api-address", &format!("127.0.0.1:{}", free_port())])
            .arg(bootstrap)
            .envs(function_environment(endpoint))
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "3")
            .envs(environment.iter().copied());
        let process = Process::start(&mut command);
        Some(Self {
            url: format!("http://{address}/2015-03-31/functions/function/invocations"),
            process,
            _folder: folder,
        })
    }

    /// Returns the function's response to an event of `events/`.
    pub fn invoke(&self, event: &str) -> Value {
        let text = self.streamed(event);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} in {text:?}\n{}", self.process.output()))
    }

    /// Returns the peak memory of the function, in MiB.
    pub fn peak_megabytes(&self) -> u64 {
        let emulator = self.process.id();
        let children = fs::read_dir(format!("/proc/{emulator}/task")).unwrap();
        let mut children = children.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap());
        let function = children.find(|children| !children.is_empty()).unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", function.trim())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Returns the function's response to an event of `events/`, as text.
    pub fn streamed(&self, event: &str) -> String {
        let event = events::load(event).to_string();
        // 1,200 attempts, 50 ms apart: one minute.
        for _ in 0..1200 {
            // The emulator exits if it receives a second request before it has answered the first.
            let request = http::agent().post(&self.url).config().timeout_global(Some(PATIENCE)).build();
            if let Ok(mut answer) = request.send(event.as_bytes()) {
                return answer.body_mut().read_to_string().unwrap();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the emulator does not answer:\n{}", self.process.output());
    }
}
