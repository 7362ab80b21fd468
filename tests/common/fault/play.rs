//! The effect of each fault on a response and on the connection.

use std::{io, time::Duration};

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use http_sd_lambda::group::EpochSeconds;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use super::{
    Proxy,
    asked::Asked,
    kind::Fault,
    wire::{Answer, CHECKSUM, Request},
};

/// Longer than any time-out.
const FOR_EVER: Duration = Duration::from_mins(10);

/// Responds to a request with a fault. An error closes the connection.
pub(super) async fn play(
    fault: Fault,
    asked: &Asked,
    request: &Request,
    proxy: &Proxy,
    stream: &mut TcpStream,
) -> io::Result<()> {
    let forward = async || {
        let answer = match proxy.stream.get().filter(|_| asked.is_of_stream()) {
            Some(stream) => stream.answer(&asked.operation, &request.json),
            None => request.forward(proxy.engine, proxy.rows).await,
        };
        proxy.pages.answered(asked, &answer.body);
        answer
    };
    let end = || Err(io::ErrorKind::ConnectionAborted.into());
    match fault {
        Fault::None => forward().await.send(stream).await,
        Fault::Error(status, name) => error(status, name).send(stream).await,
        Fault::ClockSkew => {
            let answer = error(400, "InvalidSignatureException").header("date", "Thu, 01 Jan 2037 00:00:00 GMT");
            answer.send(stream).await
        }
        Fault::Date(ahead) => {
            let EpochSeconds(now) = EpochSeconds::now();
            let date = DateTime::from_secs(now + ahead).fmt(DateTimeFormat::HttpDate).unwrap();
            forward().await.header("date", date).send(stream).await
        }
        Fault::Answer(body) => Answer::new(200, body).send(stream).await,
        Fault::Replaced(text, other) => {
            let mut answer = forward().await.without(CHECKSUM);
            let body = String::from_utf8(answer.body).unwrap();
            assert!(body.contains(text), "no {text} in {body}");
            answer.body = body.replace(text, other).into_bytes();
            answer.send(stream).await
        }
        Fault::Altered => {
            let mut answer = forward().await;
            alter(&mut answer.body);
            answer.send(stream).await
        }
        Fault::WrongChecksum => forward().await.without(CHECKSUM).header(CHECKSUM, "1").send(stream).await,
        Fault::Delayed(time) => {
            sleep(time).await;
            forward().await.send(stream).await
        }
        Fault::Silence => {
            sleep(FOR_EVER).await;
            end()
        }
        Fault::BrokenAnswer => {
            forward().await;
            Answer::new(502, "").send(stream).await
        }
        Fault::Cancelled(code) => cancelled(code).send(stream).await,
        Fault::LostAnswer => {
            forward().await;
            sleep(FOR_EVER).await;
            end()
        }
        Fault::Closed => end(),
        Fault::Reset => {
            let answer = forward().await;
            send_half(&answer, Some(answer.body.len()), stream).await?;
            // Closing with zero linger sends a reset. On loopback the client still receives what was sent before.
            stream.set_zero_linger()?;
            end()
        }
        Fault::CutShort => {
            let answer = forward().await;
            send_half(&answer, Some(answer.body.len()), stream).await?;
            end()
        }
        Fault::CutShortUnseen => {
            send_half(&forward().await.without(CHECKSUM), None, stream).await?;
            end()
        }
        Fault::Trickle { bytes, pause } => {
            let answer = forward().await;
            stream.write_all(&answer.head(Some(answer.body.len()))).await?;
            for piece in answer.body.chunks(bytes) {
                sleep(pause).await;
                stream.write_all(piece).await?;
            }
            Ok(())
        }
        Fault::ThenRefuse => {
            let answer = forward().await;
            proxy.gate.close().await;
            answer.send(stream).await?;
            end()
        }
    }
}

/// Returns DynamoDB's error of this name.
pub(super) fn error(status: u16, name: &str) -> Answer {
    let error = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"arn:aws:dynamodb:eu-central-1:123456789012:table/http-sd said no"}}"#
    );
    Answer::new(status, error)
}

fn cancelled(code: &str) -> Answer {
    let reasons = r#"{"Code":"None"},{"Code":"#.to_owned() + &format!("{code:?}}}");
    let error = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{reasons}]}}"#
    );
    Answer::new(400, error)
}

/// Changes one byte of the first string, name or number, so that the response stays well-formed.
fn alter(body: &mut [u8]) {
    let texts: [&[u8]; 5] =
        [br#""S":""#, br#""AttributeName":""#, br#""Count":"#, br#"ShardIterator":""#, br#""ShardId":""#];
    let place = texts.iter().find_map(|text| {
        let place = body.windows(text.len()).position(|bytes| bytes == *text)?;
        Some(place + text.len())
    });
    body[place.unwrap()] += 1;
}

async fn send_half(answer: &Answer, length: Option<usize>, stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(&answer.head(length)).await?;
    stream.write_all(&answer.body[..answer.body.len() / 2]).await?;
    stream.flush().await
}
