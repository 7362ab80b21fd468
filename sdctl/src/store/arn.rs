//! The parts of a table's ARN.

/// Returns the region and the account of `arn:PARTITION:dynamodb:REGION:ACCOUNT:table/NAME`, or `None` for another text.
pub(super) fn region_and_account(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let is_table = parts.next() == Some("arn") && parts.nth(1) == Some("dynamodb");
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let name = resource.strip_prefix("table/")?;
    (is_table && ![region, account, name].contains(&"")).then_some((region, account))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_arns_of_tables_have_region_and_account() {
        for (arn, expected) in [
            ("arn:aws:dynamodb:eu-central-1:123456789012:table/http-sd", Some(("eu-central-1", "123456789012"))),
            ("arn:aws-cn:dynamodb:cn-north-1:123456789012:table/a", Some(("cn-north-1", "123456789012"))),
            ("arn:aws:dynamodb::123456789012:table/a", None),
            ("arn:aws:dynamodb:eu-central-1::table/a", None),
            ("arn:aws:dynamodb:eu-central-1:123456789012:table/", None),
            ("arn:aws:dynamodb:eu-central-1:123456789012:backup/a", None),
            ("arn:aws:lambda:eu-central-1:123456789012:table/a", None),
            ("http-sd", None),
            ("", None),
        ] {
            assert_eq!(region_and_account(arn), expected, "{arn:?}");
        }
    }
}
