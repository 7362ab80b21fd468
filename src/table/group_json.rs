//! The JSON of a group, as lists contain it, with a comma before it.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::{
    Deserialize, Serialize,
    de::{self, IgnoredAny},
};
use serde_json::value::RawValue;

use super::{PageContent, ReadError};
use crate::group::{TargetGroupRef, Text};

/// A group of a snapshot.
#[derive(Deserialize, Serialize)]
pub(crate) struct GroupJson<T, L> {
    /// The targets.
    pub(crate) targets: Vec<T>,
    /// The labels.
    pub(crate) labels: L,
}

impl<'a, T: Deserialize<'a>, L: Deserialize<'a>> GroupJson<T, L> {
    /// Reads the JSON of a group after its comma.
    pub(crate) fn read(json: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_str(str::from_utf8(json.get(1..).unwrap_or_default()).map_err(de::Error::custom)?)
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}

/// Returns the number of targets of a group.
///
/// # Errors
/// [`ReadError::Encoding`].
pub(super) fn count_targets(json: &[u8]) -> Result<usize, ReadError> {
    Ok(GroupJson::<IgnoredAny, IgnoredAny>::read(json)?.targets.len())
}

/// Returns the JSON of a group without the targets of another group, and the number of targets left.
///
/// # Errors
/// [`ReadError::Encoding`].
pub(super) fn without_targets(json: &[u8], other: &[u8]) -> Result<(Bytes, usize), ReadError> {
    let GroupJson { mut targets, labels } = GroupJson::<Text<'_>, &RawValue>::read(json)?;
    let other = GroupJson::<Text<'_>, IgnoredAny>::read(other)?.targets;
    let other: BTreeSet<&str> = other.iter().map(Text::as_str).collect();
    targets.retain(|target| !other.contains(target.as_str()));
    let targets: Vec<&str> = targets.iter().map(Text::as_str).collect();
    let (count, mut left) = (targets.len(), b",".to_vec());
    serde_json::to_writer(&mut left, &GroupJson { targets, labels })?;
    Ok((left.into(), count))
}

/// Writes a comma and the JSON of a group. The JSON equals that of serde. Text without escapes is copied from the page.
///
/// # Errors
/// [`ReadError::Encoding`].
pub(super) fn write_group(
    group: &TargetGroupRef<'_>,
    page: &PageContent<'_>,
    out: &mut Vec<u8>,
) -> Result<(), ReadError> {
    Ok(write(group, page, out)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_another_group_are_left_out() {
        let json = br#",{"targets":["a:1","b\\:1","c:1","a:1"],"labels":{"x":"\u00e9 ,"}}"#;
        assert_eq!(count_targets(json), Ok(4));
        let cases: [(&[u8], &str, usize); 3] = [
            (br#",{"targets":["a:1"],"labels":{}}"#, r#",{"targets":["b\\:1","c:1"],"labels":{"x":"\u00e9 ,"}}"#, 2),
            (
                br#",{"targets":[],"labels":{}}"#,
                r#",{"targets":["a:1","b\\:1","c:1","a:1"],"labels":{"x":"\u00e9 ,"}}"#,
                4,
            ),
            (json, r#",{"targets":[],"labels":{"x":"\u00e9 ,"}}"#, 0),
        ];
        for (other, left, count) in cases {
            assert_eq!(without_targets(json, other), Ok((Bytes::from(left), count)));
        }
        assert!(count_targets(b"").is_err());
    }
}
