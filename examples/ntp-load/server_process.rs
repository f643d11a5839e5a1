//! What a process has spent on CPUs, from `/proc`. Knows nothing of NTP.

use std::fs;
use std::io;

/// Seconds that all threads of the process were on a CPU, as the scheduler counts them: to the nanosecond.
pub(crate) fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("process {pid}: {error}"));
    let mut sum = 0.0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).map_err(named)? {
        // A thread that ends meanwhile has nothing more to tell.
        let Ok(text) = fs::read_to_string(task.map_err(named)?.path().join("schedstat")) else { continue };
        let nanos = text.split(' ').next().and_then(|field| field.parse::<f64>().ok());
        sum += nanos.ok_or_else(|| named(io::Error::other("no schedstat in this kernel")))? * 1e-9;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_spends_time_and_one_that_is_not_there_is_an_error() {
        let pid = std::process::id();
        let before = cpu_seconds(pid).unwrap();
        while cpu_seconds(pid).unwrap() - before < 1e-3 {}
        assert!(cpu_seconds(u32::MAX).unwrap_err().to_string().starts_with("process 4294967295: "));
    }
}
