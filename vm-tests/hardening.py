"""The packaged unit: two capabilities and no more, nothing to be written but its own state, and the clock is right."""

# By <linux/capability.h>.
CAP_NET_BIND_SERVICE, CAP_SYS_TIME = 10, 25
ITS_RIGHTS = 1 << CAP_NET_BIND_SERVICE | 1 << CAP_SYS_TIME
ITS_OWN = ("/var/lib/ntpd-rs", "/run/ntpd-rs", "/run/systemd/timesync")
# Everybody's, and private or bounded: without them a sandbox would be another machine.
EVERYBODYS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock")
# Whoever writes to these files asks a security module something, or tells it of himself, and changes nothing else.
QUESTIONS = ("/sys/fs/selinux", "/sys/kernel/security")


def rights(thread: str) -> dict[str, str]:
    """What the kernel says of a thread."""
    lines = client.succeed(f"cat {thread}/status").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


start_all()
client.wait_for_unit("multi-user.target")
server.succeed("systemctl start ntpd-rs")
client.install("ntpd-rs_2*.deb")
client.succeed("cp /root/server.toml /etc/ntpd-rs/ntp.toml.d/", "systemctl stop ntpd-rs")

with subtest("it does its work"):
    client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)
    client.succeed("ss -lun | grep -q ':123 '")

process = client.get_unit_property("ntpd-rs.service", "MainPID")
inside = f"nsenter --target {process} --mount"
as_its_user = f"{inside} setpriv --reuid=ntpd-rs --regid=ntpd-rs --clear-groups"

with subtest("the exposure is as small as the manual says"):
    for unit, most in (("ntpd-rs", 2.1), ("ntpd-rs-metrics", 1.0)):
        last = client.succeed(f"systemd-analyze security --no-pager {unit} | tail -n 1").strip()
        log.line(last)
        assert float(last.split(": ")[-1].split()[0]) <= most, last

with subtest("no thread of it has more than two capabilities, or can get more"):
    threads = client.succeed(f"ls -d /proc/{process}/task/*").split()
    for thread in threads:
        told = rights(thread)
        for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            assert int(told[name], 16) & ~ITS_RIGHTS == 0, f"{thread}: {name} {told[name]}"
        assert int(told["CapEff"], 16) == ITS_RIGHTS, told["CapEff"]
        assert "0" not in told["Uid"].split() and "0" not in told["Gid"].split(), told
        assert told["NoNewPrivs"] == "1", told
        assert told["Seccomp"] == "2", told
    log.line(f"{len(threads)} threads, each with {ITS_RIGHTS:#x}, no_new_privs and a seccomp filter")

with subtest("its user can write to nothing but its state"):
    found = client.succeed(
        f"{as_its_user} find / -path /proc -prune {' '.join(f'-o -path {path} -prune' for path in QUESTIONS)} "
        "-o '(' -type d -o -type f ')' -writable -print 2>/dev/null || true"
    ).split()
    allowed = ITS_OWN + EVERYBODYS
    other = [path for path in found if not any(path == own or path.startswith(f"{own}/") for own in allowed)]
    log.line(f"writable: {sorted(path for path in found if path in allowed)}")
    assert not other, f"{len(other)} more: {other[:20]}"
    assert set(ITS_OWN) <= set(found), found

with subtest("not even root could, inside of its sandbox"):
    for directory in ("/etc", "/etc/ntpd-rs", "/usr", "/var", "/var/lib", "/opt"):
        client.succeed(f"test -d {directory}", f"touch {directory}/probe && rm {directory}/probe")
        refused = client.fail(f"{inside} touch {directory}/probe 2>&1")
        assert "Read-only file system" in refused, refused
    for hidden in ("/root", "/home"):
        seen = client.succeed(f"{inside} ls -A {hidden}")
        assert seen == "", f"{hidden}: {seen}"
    disk = client.succeed("for each in /dev/ubda /dev/nvme0n1; do test ! -b $each || echo $each; done").strip()
    assert disk
    client.fail(f"{inside} test -e {disk}")

with subtest("what it does not need is refused, and it goes on"):
    assert max(abs(error) for error in clock_errors(client, seconds=10)) < bound
    assert client.get_unit_property("ntpd-rs.service", "NRestarts") == "0"
    client.fail("journalctl -k --no-pager | grep -i 'ntp-daemon.*\\(audit\\|SIGSYS\\)'")
