//! A system bus of our own, with Debian's rules for the system bus and the policy that we ship. Speaks no D-Bus itself.

use crate::lab::{Host, Lab};
use crate::process::{Process, run};
use crate::wait::seconds;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A bus where every process of the lab looks for one.
pub(crate) struct Bus {
    _process: Process,
}

/// What everybody may and may not do without a policy of their own: nobody owns a name, nobody calls anybody but the bus.
const RULES: &str = r#"
<policy context="default">
  <allow user="*"/>
  <deny own="*"/>
  <deny send_type="method_call"/>
  <allow send_type="signal"/>
  <allow send_requested_reply="true" send_type="method_return"/>
  <allow send_requested_reply="true" send_type="error"/>
  <allow receive_type="method_call"/>
  <allow receive_type="method_return"/>
  <allow receive_type="error"/>
  <allow receive_type="signal"/>
  <allow send_destination="org.freedesktop.DBus"/>
</policy>
<policy user="root">
  <allow own="org.freedesktop.PolicyKit1"/>
  <allow send_destination="org.freedesktop.PolicyKit1"/>
</policy>
"#;

impl Bus {
    /// With our policy.
    #[track_caller]
    pub(crate) fn start(lab: &Lab) -> Self {
        let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("dbus/org.ntpd_rs1.conf");
        Self::start_with(lab, &format!("<include>{}</include>", policy.display()))
    }

    /// With these additional rules.
    #[track_caller]
    pub(crate) fn start_with(lab: &Lab, more: &str) -> Self {
        // Nobody's programs must reach it too.
        fs::set_permissions(lab.folder(), Permissions::from_mode(0o755)).unwrap();
        let socket = socket(lab.folder());
        let _ = fs::remove_file(&socket);
        let listen = format!("<listen>unix:path={}</listen><auth>EXTERNAL</auth>", socket.display());
        let text = format!("<busconfig><type>system</type>{listen}{RULES}{more}</busconfig>\n");
        let file = lab.folder().join("bus.conf");
        fs::write(&file, text).unwrap();
        let mut command = lab.command(Host::Client, "dbus-daemon");
        command.arg("--config-file").arg(&file).args(["--nofork", "--nopidfile", "--print-address"]);
        let process = Process::start("dbus-daemon", command);
        process.wait_for("unix:path=", seconds(5));
        Self { _process: process }
    }

    /// What busctl prints.
    #[track_caller]
    pub(crate) fn busctl(&self, lab: &Lab, arguments: &[&str]) -> String {
        let mut command = lab.command(Host::Client, "busctl");
        command.arg("--no-pager").args(arguments);
        run("busctl", command, seconds(10)).1
    }
}

/// Where the bus of a lab is, once there is one.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("bus")
}

/// timedatectl as on a machine that systemd has booted: it asks for that first, by a directory.
#[track_caller]
pub(crate) fn timedatectl(lab: &Lab, arguments: &str) -> std::process::Command {
    let script = format!(
        "mount -t tmpfs none /run/systemd && mkdir /run/systemd/system && exec timedatectl --no-pager {arguments}"
    );
    let mut command = lab.command(Host::Client, "unshare");
    command.args(["-m", "sh", "-c", &script]);
    command
}
