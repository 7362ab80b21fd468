//! How much memory there is, and whether it is used up.

use std::fs;

use super::ServiceError;

/// What is kept free of the function's memory at least, in bytes: for the pages that are under way, a buffered answer and
/// its envelope, and the sender.
const LEAST_KEPT_FREE: usize = 32 * 1024 * 1024;
/// Of a larger function one part in so many is kept free.
const PART_KEPT_FREE: usize = 8;

/// Makes sure that memory is left to go on with. Lambda kills a function that takes more than it has, and the answer
/// with it would be one that says nothing.
///
/// # Errors
/// [`ServiceError::OutOfMemory`].
pub(super) fn check(memory: Option<usize>) -> Result<(), ServiceError> {
    let Some(memory) = memory else { return Ok(()) };
    let most = memory - LEAST_KEPT_FREE.max(memory / PART_KEPT_FREE).min(memory);
    match resident() {
        Some(resident) if resident > most => Err(ServiceError::OutOfMemory { memory, resident }),
        _ => Ok(()),
    }
}

/// What this process takes, in bytes, where the system tells.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_used_up_before_it_is_all_taken() {
        let taken = resident().unwrap();
        assert!(taken > 1024 * 1024, "{taken}");
        assert_eq!(check(None), Ok(()));
        assert_eq!(check(Some(taken * 8 + LEAST_KEPT_FREE)), Ok(()));
        for memory in [0, 1, taken / 2, taken] {
            assert!(matches!(check(Some(memory)), Err(ServiceError::OutOfMemory { .. })), "{memory} of {taken}");
        }
    }
}
