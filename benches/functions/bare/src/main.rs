//! The lower bound of any function: `lambda_http` answers every request with the same bytes.

use std::{env, fs};

use lambda_http::{
    Error, Request, Response, lambda_runtime::streaming::Body, run, run_with_streaming_response, service_fn,
};

/// A file with the response, as long as that of the compared function. The default is `[]`.
const ANSWER: &str = "BENCH_ANSWER";
/// Streams the response if set.
const STREAM: &str = "BENCH_STREAM";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let answer: &'static str = match env::var_os(ANSWER) {
        Some(file) => fs::read_to_string(file)?.leak(),
        None => "[]",
    };
    if env::var_os(STREAM).is_some() {
        run_with_streaming_response(service_fn(|_: Request| async { respond(Body::from(answer)) })).await
    } else {
        run(service_fn(|_: Request| async { respond(answer.to_owned()) })).await
    }
}

fn respond<B>(body: B) -> Result<Response<B>, Error> {
    Ok(Response::builder().header("content-type", "application/json").body(body)?)
}
