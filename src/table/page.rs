//! A page of rows: its bytes, intercepted before the SDK parses them, and the parsed rows.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use aws_sdk_dynamodb::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextMut},
    error::BoxError,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use flate2::Crc;
use http_body::{Body, Frame};
use serde::Deserialize;

use super::{Row, TableError, key};
use crate::group::Fault;

/// The maximum length of a parse error, in characters. A parse error can repeat text of the page.
const MOST_SAID: usize = 160;
/// The body that the SDK parses instead of the page.
const NOTHING: &[u8] = b"{}";
/// The response header with the decimal CRC-32 of the body.
const CHECKSUM: &str = "x-amz-crc32";
/// The maximum buffer to allocate before the body arrives, in bytes. 1 MB of rows is larger as JSON.
const MOST_ROOM: u64 = 2 * 1024 * 1024;

/// The bytes of a page, as DynamoDB sends them.
pub struct Page(Vec<u8>);

/// The parsed content of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct PageContent<'a> {
    /// The rows. A page can be empty although more pages follow.
    pub rows: Vec<Row<'a>>,
    /// The start of the next page; `None` on the last page.
    pub next: Option<StartKey>,
    /// The JSON from which the rows borrow.
    pub(super) json: &'a str,
}

impl PageContent<'_> {
    /// Returns whether a text of a row borrows from the JSON of the page. Such a text needs no escapes in other JSON.
    pub(super) fn has_verbatim(&self, text: &str) -> bool {
        self.json.as_bytes().as_ptr_range().contains(&text.as_ptr())
    }
}

/// The start of a page: the key of the row before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartKey {
    pub(super) job: String,
    pub(super) group: String,
}

/// The response to a Query or a Scan.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html#API_Query_ResponseSyntax>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(borrow)]
    items: Option<Vec<Row<'a>>>,
    count: Option<usize>,
    #[serde(borrow)]
    last_evaluated_key: Option<Row<'a>>,
}

impl Page {
    /// Creates a page from the bytes of a response.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Parses the page.
    ///
    /// # Errors
    /// [`TableError::Unavailable`] if the page is invalid or incomplete.
    pub fn content(&self) -> Result<PageContent<'_>, TableError> {
        let bad = |problem: fmt::Arguments<'_>| TableError::Unavailable(format!("a page {problem}"));
        let (json, response) = self.parse::<Response<'_>>().map_err(|problem| bad(format_args!("{problem}")))?;
        let rows = response.items.ok_or_else(|| bad(format_args!("has no Items")))?;
        if let Some(count) = response.count.filter(|count| *count != rows.len()) {
            return Err(bad(format_args!("has {} rows, but its Count is {count}", rows.len())));
        }
        let next = response.last_evaluated_key.map(|key| StartKey::of(&key)).transpose();
        let next = next.map_err(|fault| bad(format_args!("has an invalid LastEvaluatedKey: a key {fault}")))?;
        Ok(PageContent { rows, next, json })
    }

    /// Parses the JSON of a response, and returns it with the result. An error says that it cannot be read, and why.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<(&'a str, T), String> {
        // One check of the whole page is faster than one for each text.
        let text = str::from_utf8(&self.0).map_err(|error| format!("cannot be read: {error}"))?;
        let parsed = serde_json::from_str(text);
        let parsed = parsed.map_err(|e| format!("cannot be read: {:.MOST_SAID$}", e.to_string()))?;
        // serde also reads an array, as the values of the fields.
        if text.trim_start().starts_with('[') {
            return Err("is an array".into());
        }
        Ok((text, parsed))
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a page of {} bytes", self.size())
    }
}

impl StartKey {
    /// Returns the job and the group of a row, which are strings.
    pub(super) fn of(last: &Row<'_>) -> Result<Self, Fault> {
        let part = |part: Option<&super::attribute::Attribute<'_>>| {
            part.ok_or(Fault::Missing).and_then(|part| part.string().map(str::to_owned))
        };
        Ok(Self { job: part(last.job.as_ref())?, group: part(last.group.as_ref())? })
    }

    /// Returns the key for a request.
    pub(super) fn key(&self) -> key::Attributes {
        key::row_key(&self.job, &self.group)
    }
}

/// An interceptor that takes the body of a successful response. The SDK still waits for the whole body, so its retries
/// and time-outs apply. It then parses [`NOTHING`].
#[derive(Debug, Clone, Default)]
pub(super) struct TakeBody(Arc<Mutex<Option<Vec<u8>>>>);

impl TakeBody {
    /// Returns the page, after the SDK has finished the request.
    pub(super) fn page(&self) -> Result<Page, TableError> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.map(Page).ok_or_else(|| TableError::Unavailable("the response has no page".into()))
    }
}

impl Intercept for TakeBody {
    fn name(&self) -> &'static str {
        "TakeBody"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        if !response.status().is_success() {
            return Ok(());
        }
        let checksum = response.headers().get(CHECKSUM).map(str::parse).transpose()?;
        let body = response.take_body();
        let room = usize::try_from(body.content_length().unwrap_or_default().min(MOST_ROOM))?;
        let taken = TakenBody { body, checksum, bytes: Vec::with_capacity(room), all: self.clone(), is_done: false };
        *response.body_mut() = SdkBody::from_body_1_x(taken);
        Ok(())
    }
}

/// A body that collects all bytes, stores them in `all`, and then yields [`NOTHING`].
struct TakenBody {
    body: SdkBody,
    checksum: Option<u32>,
    bytes: Vec<u8>,
    all: TakeBody,
    is_done: bool,
}

impl Body for TakenBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.is_done {
            return Poll::Ready(None);
        }
        while let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)?) {
            if let Some(data) = frame.data_ref() {
                this.bytes.extend_from_slice(data);
            }
        }
        this.is_done = true;
        let bytes = std::mem::take(&mut this.bytes);
        // The SDK for Rust does not check it, and a corrupted body can still be valid JSON.
        if this.checksum.is_some_and(|expected| crc32(&bytes) != expected) {
            return Poll::Ready(Some(Err(format!("the checksum of the body differs from {CHECKSUM}").into())));
        }
        *this.all.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(NOTHING)))))
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(json: &str) -> Result<(usize, Option<StartKey>), String> {
        let page = Page(json.as_bytes().to_vec());
        let content = page.content().map_err(|error| error.to_string())?;
        Ok((content.rows.len(), content.next))
    }

    #[test]
    fn page_has_rows_and_next_start() {
        let next = StartKey { job: "j".into(), group: "g".into() };
        let cases = [
            (r#"{"Items":[]}"#, (0, None)),
            (r#"{"Count":1,"Items":[{"job":{"S":"a"}}],"ScannedCount":5,"ConsumedCapacity":{"x":[]}}"#, (1, None)),
            (r#"{"LastEvaluatedKey":null,"Items":[],"Count":0}"#, (0, None)),
            (r#"{"LastEvaluatedKey":{"job":{"S":"j"},"group":{"S":"g"}},"Items":[]}"#, (0, Some(next.clone()))),
            (r#"{"Items":[{}],"LastEvaluatedKey":{"group":{"S":"\u0067"},"job":{"S":"j"}}}"#, (1, Some(next))),
        ];
        for (json, expected) in cases {
            assert_eq!(content(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn debug_output_hides_page_content() {
        let page = Page::new(br#"{"Items":[]}"#.to_vec());
        assert_eq!((page.size(), &*format!("{page:?}")), (12, "a page of 12 bytes"));
    }

    #[test]
    fn incomplete_page_is_an_error() {
        let cases = [
            ("", "cannot be read: EOF"),
            ("{}", "has no Items"),
            (r#"{"Items":null,"Count":0}"#, "has no Items"),
            (r#"{"Items":[{}],"Count":2}"#, "has 1 rows, but its Count is 2"),
            (r#"{"Items":[{}]"#, "cannot be read: EOF"),
            (r#"{"Items":[{}]} {}"#, "cannot be read: trailing characters"),
            (r#"{"Items":[null]}"#, "cannot be read: invalid type: null"),
            (" [[],0,null]", "is an array"),
            (r#"{"Items":[{"job":{"S":"a"},"job":{"S":"b"}}]}"#, "cannot be read: duplicate field `job`"),
            (r#"{"Items":[],"LastEvaluatedKey":{}}"#, "has an invalid LastEvaluatedKey: a key is missing"),
            (
                r#"{"Items":[],"LastEvaluatedKey":{"job":{"S":"a"},"group":{"N":"1"}}}"#,
                "has an invalid LastEvaluatedKey: a key is a number (N)",
            ),
            ("{\"Items\":[{\"job\":{\"S\":\"\x01\"}}]}", "cannot be read: control character"),
        ];
        for (json, expected) in cases {
            let error = content(json).unwrap_err();
            assert!(error.starts_with(&format!("table unavailable: a page {expected}")), "{json}: {error}");
        }
        assert!(Page(b"{\"Items\":[{\"job\":{\"S\":\"\xff\"}}]}".to_vec()).content().is_err());
        let long = content(&format!(r#"{{"Items":"{}"}}"#, "x".repeat(100_000))).unwrap_err();
        assert!(long.len() < 250, "{} bytes", long.len());
    }
}
