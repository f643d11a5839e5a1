//! Random bytes of the kernel, for seeds and secrets. Makes no choice with them.

use super::startup_error::StartupError;

/// # Errors
/// The kernel has none to give: without them neither requests nor tables can be kept unguessable.
pub(super) fn random<const N: usize>() -> Result<[u8; N], StartupError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| StartupError::other(format!("the kernel gives no random numbers: {error}")))?;
    Ok(bytes)
}
