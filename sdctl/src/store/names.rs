//! Reads names from the table, for completion.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::table::{GROUP, JOB, TableError};

use super::Store;

/// The most names that a completion shows.
const MOST: usize = 500;

/// The names to read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names<'a> {
    /// The jobs.
    Jobs,
    /// The groups of this job.
    Groups(&'a str),
    /// The sets.
    Sets,
}

impl Store {
    /// Adds the names that begin with `prefix` to `found`, page by page, so that a caller that stops has the first ones.
    pub(crate) async fn collect_names(
        &self,
        names: Names<'_>,
        prefix: &str,
        found: &mut BTreeSet<String>,
    ) -> Result<(), TableError> {
        let attribute = match names {
            Names::Jobs => JOB,
            Names::Groups(_) => GROUP,
            Names::Sets => "managed_by",
        };
        let mut start = None;
        loop {
            let (items, next) = match names {
                Names::Groups(job) => {
                    let query = self.client.query().table_name(self.name()).set_exclusive_start_key(start);
                    let query = query.projection_expression("#name").expression_attribute_names("#name", attribute);
                    let query = query.key_condition_expression("#job = :job").expression_attribute_names("#job", JOB);
                    let query = query.expression_attribute_values(":job", AttributeValue::S(job.to_owned()));
                    let page = query.send().await?;
                    (page.items, page.last_evaluated_key)
                }
                Names::Jobs | Names::Sets => {
                    let scan = self.client.scan().table_name(self.name()).set_exclusive_start_key(start);
                    let scan = scan.projection_expression("#name").expression_attribute_names("#name", attribute);
                    let page = scan.send().await?;
                    (page.items, page.last_evaluated_key)
                }
            };
            for item in items.unwrap_or_default() {
                if let Some(AttributeValue::S(name)) = item.get(attribute)
                    && name.starts_with(prefix)
                {
                    found.insert(name.clone());
                }
            }
            start = next;
            if start.is_none() || found.len() >= MOST {
                return Ok(());
            }
        }
    }
}
