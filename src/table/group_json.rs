//! The JSON of a group, as lists contain it.

use super::{PageContent, ReadError};
use crate::group::TargetGroupRef;

/// Writes a comma and the JSON of a group. The JSON equals that of serde. Text without escapes is copied from the page.
///
/// # Errors
/// [`ReadError::Encoding`].
pub(super) fn write_group(
    group: &TargetGroupRef<'_>,
    page: &PageContent<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ReadError> {
    write(group, page, out).map_err(|error| ReadError::Encoding(error.to_string()))
}

fn write(group: &TargetGroupRef<'_>, page: &PageContent<'_>, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let write = |text: &str, out: &mut Vec<u8>| {
        if !page.has_verbatim(text) {
            return serde_json::to_writer(out, text);
        }
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        Ok(())
    };
    out.extend_from_slice(br#",{"targets":["#);
    for (number, target) in group.targets.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"" } else { b"," });
        write(target, out)?;
    }
    out.extend_from_slice(br#"],"labels":{"#);
    for (number, (name, value)) in group.labels.iter().enumerate() {
        out.extend_from_slice(if number == 0 { b"" } else { b"," });
        write(name, out)?;
        out.push(b':');
        write(value, out)?;
    }
    out.extend_from_slice(b"}}");
    Ok(())
}
