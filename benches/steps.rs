//! Measures each step of a response: `make bench-steps`. Throughput counts the bytes of the input.

#![expect(clippy::expect_used, reason = "a benchmark without its input cannot run")]

use std::{hint::black_box, io::Write, time::Duration};

use divan::{Bencher, counter::BytesCount};
use flate2::{Compression, write::GzEncoder};
use http_sd_lambda::{
    answer::{Limits, OnInvalid, Rules, Selection, answer},
    group::{EpochSeconds, LabelName, LabelNames, Selectors, Shard, Target},
    metrics::{Format, Metrics},
    page as pages_for_people,
    table::{Detail, Page, RowRules, Snapshot},
};

fn main() {
    divan::main();
}

/// The shape of a page's rows.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// One target and six labels, as for instances.
    Instances,
    /// A hundred targets and three labels, as for services.
    Services,
}

const SHAPES: [Shape; 2] = [Shape::Instances, Shape::Services];
const NOW: EpochSeconds = EpochSeconds(1_764_000_000);

/// A page of about one megabyte, as DynamoDB sends it.
fn page(shape: Shape) -> Page {
    numbered_page(shape, 0, "")
}

/// A page whose groups have names after those of earlier pages. Each row also has the JSON `more`.
fn numbered_page(shape: Shape, number: usize, more: &str) -> Page {
    let (rows, targets, labels) = match shape {
        Shape::Instances => (2500, 1, 6),
        Shape::Services => (300, 100, 3),
    };
    let text = |text: String| format!(r#"{{"S":"{text}"}}"#);
    let row = |i: usize| {
        let targets: Vec<_> = (0..targets).map(|j| text(format!("host-{i:06}-{j:02}.example.net:9100"))).collect();
        let labels: Vec<_> =
            (0..labels).map(|j| format!(r#""label_{j}":{}"#, text(format!("value {j} of {i:06}")))).collect();
        format!(
            r#"{{"labels":{{"M":{{{}}}}},"job":{{"S":"node_exporter"}},"targets":{{"L":[{}]}},"group":{}{more}}}"#,
            labels.join(","),
            targets.join(","),
            text(format!("group-{number:03}-{i:06}")),
        )
    };
    let items: Vec<_> = (0..rows).map(row).collect();
    Page::new(format!(r#"{{"Count":{rows},"Items":[{}],"ScannedCount":{rows}}}"#, items.join(",")).into_bytes())
}

/// Returns the JSON of the page's groups.
fn encode(page: &Page) -> Vec<u8> {
    let mut json = Vec::with_capacity(page.size());
    for row in page.content().expect("a page").rows {
        let stored = row.stored(LabelNames::Legacy).expect("a valid row");
        serde_json::to_writer(&mut json, &stored.group).expect("JSON");
    }
    json
}

#[divan::bench(args = SHAPES)]
fn page_to_rows(bencher: Bencher<'_, '_>, shape: Shape) {
    let page = page(shape);
    bencher.counter(BytesCount::new(page.size())).bench(|| page.content().map(|content| content.rows.len()));
}

#[divan::bench(args = SHAPES)]
fn page_to_rows_to_json(bencher: Bencher<'_, '_>, shape: Shape) {
    let page = page(shape);
    bencher.counter(BytesCount::new(page.size())).bench(|| encode(&page));
}

#[divan::bench(args = SHAPES)]
fn rows_to_valid_groups(bencher: Bencher<'_, '_>, shape: Shape) {
    let page = page(shape);
    let rows = page.content().expect("a page").rows;
    bencher.counter(BytesCount::new(page.size())).bench(|| {
        for row in &rows {
            let _ = black_box(row.stored(LabelNames::Legacy));
        }
    });
}

fn snapshot(shape: Shape) -> Snapshot {
    Snapshot::of_pages(&[page(shape)], RowRules::default(), NOW).expect("a snapshot")
}

#[divan::bench(args = SHAPES)]
fn page_to_snapshot(bencher: Bencher<'_, '_>, shape: Shape) {
    let page = [page(shape)];
    let read = || Snapshot::of_pages(&page, RowRules::default(), NOW).map(|snapshot| snapshot.size());
    bencher.counter(BytesCount::new(page[0].size())).bench(read);
}

/// Responses to requests for the whole list, one of 16 shards, a selector, and the labels for job and group.
#[divan::bench(args = ["everything", "shard", "selector", "meta"])]
fn snapshot_to_answer(bencher: Bencher<'_, '_>, asked: &str) {
    let snapshot = snapshot(Shape::Instances);
    let selection = match asked {
        "shard" => Selection { shard: Some(Shard::new(0, 16).expect("a shard")), ..Selection::default() },
        "selector" => {
            let selectors = Selectors::parse(["{label_1=~\"value 1 of 00001.\"}"]).expect("a selector");
            Selection { selectors, ..Selection::default() }
        }
        "meta" => Selection { meta: true, ..Selection::default() },
        _ => Selection::default(),
    };
    bencher.counter(BytesCount::new(snapshot.size())).bench(|| {
        let limits = Limits { memory: usize::MAX, go_on: &|| true };
        answer(&snapshot, &selection, Rules::default(), NOW, &limits).map(|answer| answer.body.len())
    });
}

/// The pages of one megabyte that a list needs, or a page for people.
fn pages(detail: Detail, number: usize) -> Vec<Page> {
    let more = match detail {
        Detail::Served | Detail::Followed => "",
        Detail::All => r#","managed_by":{"S":"fleet.yml"},"updated_at":{"N":"1764000000"}"#,
    };
    (0..number).map(|number| numbered_page(Shape::Instances, number, more)).collect()
}

fn read(pages: &[Page], detail: Detail) -> Snapshot {
    Snapshot::of_pages(pages, RowRules { detail, ..RowRules::default() }, NOW).expect("a snapshot")
}

/// Returns the size of the response.
fn respond(snapshot: &Snapshot, response: &str) -> usize {
    let query = pages_for_people::Query::default();
    let context = pages_for_people::Context {
        now: NOW,
        on_invalid: OnInvalid::Fail,
        lease_grace: Duration::from_hours(1),
        origin: None,
        needs_token: true,
        go_on: &|| true,
    };
    let limits = Limits { memory: usize::MAX, go_on: &|| true };
    let (job, rows) = snapshot.jobs.first_key_value().expect("a job");
    match response {
        "list" => answer(snapshot, &Selection::default(), Rules::default(), NOW, &limits).expect("a list").body.len(),
        "job page" => pages_for_people::job(job, rows, NOW, &query, &context).expect("a page").len(),
        "start page" => pages_for_people::jobs(snapshot, &query, &context).expect("a page").len(),
        _ => {
            let metrics = Metrics::of(snapshot, Duration::ZERO, context.lease_grace, NOW);
            metrics.encode(Format::Text).expect("metrics").len()
        }
    }
}

const RESPONSES: [&str; 4] = ["list", "job page", "start page", "metrics"];

/// Rows of 100,000 groups, read for the response.
#[divan::bench(args = RESPONSES, sample_count = 5)]
fn large_job_to_response(bencher: Bencher<'_, '_>, response: &str) {
    let detail = if response == "list" { Detail::Served } else { Detail::All };
    let pages = pages(detail, 40);
    bencher.bench(|| respond(&read(&pages, detail), response));
}

/// A kept snapshot of 100,000 groups.
#[divan::bench(args = RESPONSES, sample_count = 20)]
fn large_snapshot_to_response(bencher: Bencher<'_, '_>, response: &str) {
    let snapshot = read(&pages(Detail::All, 40), Detail::All);
    bencher.bench(|| respond(&snapshot, response));
}

#[divan::bench(args = ["10.20.30.40:9100", "host-000001.example.net:9100", "größe.example.net:9100"])]
fn validate_target(bencher: Bencher<'_, '_>, target: &str) {
    bencher.counter(BytesCount::of_str(target)).bench(|| Target::check(black_box(target)));
}

#[divan::bench(args = ["env", "availability_zone"])]
fn validate_label_name(bencher: Bencher<'_, '_>, name: &str) {
    bencher.counter(BytesCount::of_str(name)).bench(|| LabelName::check(black_box(name), LabelNames::Legacy));
}

#[divan::bench(args = ["10.20.30.40:9100", "host-000001.example.net:9100"])]
fn shard_of_target(bencher: Bencher<'_, '_>, target: &str) {
    let shard = Shard::new(0, 4).expect("a shard");
    bencher.counter(BytesCount::of_str(target)).bench(|| shard.has(black_box(target)));
}

/// The function uses level 1.
#[divan::bench(args = [1, 2, 4, 6, 9])]
fn compress(bencher: Bencher<'_, '_>, level: u32) {
    let json = encode(&page(Shape::Instances));
    bencher.counter(BytesCount::of_slice(&json)).bench(|| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(&json).and_then(|()| encoder.finish()).map(|zipped| zipped.len())
    });
}
