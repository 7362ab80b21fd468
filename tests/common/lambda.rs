//! The function as a process, beside a fake of the Lambda Runtime API, which delivers its events.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    process::Command,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use ::http::{Response, StatusCode};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    routing,
};
use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;

use super::{Endpoint, background::Background, engine::function_environment, events, process::Process, program::built};

/// Variables that Lambda sets for every function.
const LAMBDA: [(&str, &str); 5] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "http-sd"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/http-sd"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "1"),
];
/// The time-out of start and of one invocation.
const PATIENCE: Duration = Duration::from_secs(30);

/// The function's executable with an empty environment.
pub fn function() -> Command {
    let mut command = Command::new(built("http-sd"));
    command.env_clear();
    command
}

/// A running function. It stops when it is dropped.
pub struct Function {
    pub process: Process,
    idle: Receiver<()>,
    events: tokio::sync::mpsc::UnboundedSender<Value>,
    answers: Receiver<Value>,
    _api: Background,
}

#[derive(Clone)]
struct Api {
    idle: Sender<()>,
    events: Arc<AsyncMutex<tokio::sync::mpsc::UnboundedReceiver<Value>>>,
    answers: Arc<Mutex<Sender<Value>>>,
}

impl Function {
    /// Starts the function against a DynamoDB at `endpoint`.
    pub fn start(endpoint: &Endpoint, environment: &[(&str, &str)]) -> Self {
        let (idle_in, idle) = channel();
        let (events, events_out) = tokio::sync::mpsc::unbounded_channel();
        let (answers_in, answers) = channel();
        let api = Api {
            idle: idle_in,
            events: Arc::new(AsyncMutex::new(events_out)),
            answers: Arc::new(Mutex::new(answers_in)),
        };
        let invocation = "/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), routing::get(next))
            .route(&format!("{invocation}/{{id}}/response"), routing::post(response))
            .with_state(api);
        let api = Background::router(router);
        let mut command = function();
        command
            .envs(LAMBDA)
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .envs(function_environment(endpoint))
            .envs(environment.iter().copied());
        Self { process: Process::start(&mut command), idle, events, answers, _api: api }
    }

    /// Waits until the function has initialised: then it requests its first event.
    pub fn wait_until_ready(&self) {
        let ready = self.idle.recv_timeout(PATIENCE);
        assert!(ready.is_ok(), "the function requests no event:\n{}", self.process.output());
    }

    /// Returns the response to an event of `events/`.
    pub fn invoke(&self, event: &str) -> Value {
        self.answer(events::load(event))
    }

    /// Returns the response to an event.
    pub fn answer(&self, event: Value) -> Value {
        self.events.send(event).unwrap();
        let answer = self.answers.recv_timeout(PATIENCE);
        answer.unwrap_or_else(|_| panic!("the function does not respond:\n{}", self.process.output()))
    }
}

async fn next(State(api): State<Api>) -> Response<Body> {
    let _ = api.idle.send(());
    let Some(event) = api.events.lock().await.recv().await else { return Response::new(Body::empty()) };
    let deadline = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap() + Duration::from_secs(10);
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "test-request")
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:http-sd")
        .body(Body::from(event.to_string()))
        .unwrap()
}

async fn response(State(api): State<Api>, answer: Bytes) -> StatusCode {
    let _ = api.answers.lock().unwrap().send(serde_json::from_slice(&answer).unwrap());
    StatusCode::ACCEPTED
}
