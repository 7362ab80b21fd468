//! The reader of whole scopes.

use std::{future::poll_fn, pin::pin, task::Poll};

use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use tokio::task::yield_now;

use super::{Budget, Detail, Pages, ReadError, RowRules, Scope, Snapshot, Table, builder::Builder};
use crate::group::EpochSeconds;

/// The number of segments of a parallel Scan. Each segment costs at least half a read unit, and a small function has
/// only a fraction of a core.
const SEGMENTS: i32 = 4;
/// The number of jobs that are read in parallel.
const JOBS: usize = 4;
/// A table and the rules for its rows.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) table: Table,
    pub(super) rules: RowRules,
}

impl Reader {
    /// Reads the rows of a scope.
    ///
    /// # Errors
    /// [`ReadError`]. Rows read before an error are dropped.
    pub(super) async fn read(
        &self,
        scope: &Scope,
        detail: Detail,
        now: EpochSeconds,
        budget: Budget,
    ) -> Result<Snapshot, ReadError> {
        self.table.ensure_key().await?;
        let rules = RowRules { detail, ..self.rules };
        let part = |pages| read_part(pages, Builder::new(rules, now, &budget));
        let parts: Vec<(Builder<'_>, usize)> = match scope {
            Scope::Job(job) => vec![part(self.table.job(job, detail)).await?],
            Scope::Jobs(jobs) => {
                let reads: Vec<_> = jobs.iter().map(|job| part(self.table.job(job, detail))).collect();
                stream::iter(reads).buffered(JOBS).try_collect().await?
            }
            Scope::All => try_join_all((0..SEGMENTS).map(|i| part(self.table.segment(i, SEGMENTS, detail)))).await?,
        };
        let pages = parts.iter().map(|(_, pages)| pages).sum();
        let mut jobs = Builder::finish(parts.into_iter().map(|(builder, _)| builder).collect())?;
        for job in scope.named() {
            jobs.entry(job.clone()).or_default();
        }
        Ok(Snapshot { jobs, pages, read_at: now, followed: None })
    }
}

/// Reads all pages of a job or a segment. Returns the number of pages.
async fn read_part(mut pages: Pages, mut builder: Builder<'_>) -> Result<(Builder<'_>, usize), ReadError> {
    let (mut page, mut count) = (Some(pages.first().await?), 0);
    while let Some(current) = page {
        count += 1;
        let content = current.content()?;
        // Yields so that the connection of this page is free for the next one, and so that the deadline is checked even
        // if every page is ready at once.
        yield_now().await;
        // Requests the next page before adding this one, and drops this one before the next one arrives.
        let mut next = pin!(pages.next(content.next.clone()));
        let asked = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await;
        yield_now().await;
        builder.add(&content)?;
        drop(content);
        drop(current);
        page = match asked {
            Poll::Ready(next) => next?,
            Poll::Pending => next.await?,
        };
    }
    Ok((builder, count))
}
