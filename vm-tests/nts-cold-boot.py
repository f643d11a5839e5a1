"""A clock of 1970 goes forward to when the program was made; sources with NTS that agree set it, and no liar does."""

MONTH = 30 * 86400
YEARS = 50 * 365 * 86400
DAY = 86400
KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


def certify(node: str) -> str:
    """A shell command that makes a certificate for a name, valid for two days by the clock of the node that runs it."""
    return (
        f"cd /etc/ntpd-rs && openssl req {KEY} -subj /CN={node} -keyout {node}.key -out {node}.csr && "
        f"printf 'subjectAltName=DNS:{node}\\nbasicConstraints=CA:FALSE\\n' > {node}.ext && "
        f"openssl x509 -req -in {node}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
        # Where the daemon is not root, it must be able to read it.
        f"-extfile {node}.ext -out {node}.pem && chmod 644 {node}.key"
    )


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")

with subtest("each server has a certificate that is valid by its own clock"):
    server.succeed(
        "ip address add 192.168.1.101/24 dev eth1 && ip address add 192.168.1.102/24 dev eth1",
        f"cd /etc/ntpd-rs && openssl req -x509 {KEY} -days 3650 -subj /CN=authority -keyout ca.key -out ca.pem",
        certify("one"),
        certify("two"),
    )
    authority = server.succeed("cat /etc/ntpd-rs/ca.pem")
    key = server.succeed("cat /etc/ntpd-rs/ca.key")
    client.succeed(f"cat > /etc/ntpd-rs/ca.pem <<'END'\n{authority}\nEND")
    thief.succeed(
        f"cat > /etc/ntpd-rs/ca.pem <<'END'\n{authority}\nEND",
        f"cat > /etc/ntpd-rs/ca.key <<'END'\n{key}\nEND",
        f"node-clock step {MONTH}",
        certify("thief"),
    )
    client.succeed("printf '192.168.1.101 one\\n192.168.1.102 two\\n' >> /etc/hosts")
    for machine in (server, thief):
        machine.succeed("systemctl start ntpd-rs")
        machine.wait_for_open_port(4460, "192.168.1.101" if machine is server else "127.0.0.1")

with subtest("the clock shows 1970"):
    client.succeed("date -s @1000000")
    at_boot = clock_error(client)
    assert at_boot < -YEARS

with subtest("a liar alone is not believed, not even where bootstrapping is asked for"):
    client.succeed("systemd-run --unit=alone -p RuntimeDirectory=alone ntp-daemon -c /etc/ntpd-rs/alone.toml")
    client.wait_until_succeeds("ntp-ctl -c /etc/ntpd-rs/alone.toml status | grep 'set it by hand'", timeout=60)
    errors = clock_errors(client, seconds=120 if thorough else 45)
    assert max(errors) < -DAY, f"true error of {max(errors)} s"
    assert min(errors) > -YEARS, "it was not moved to the time when the program was written"
    # With a state directory of its own, what it knew of the clock is gone with it.
    client.succeed("systemctl stop alone", "date -s @1000000")
    # Recorded before the next step, or both together would be none.
    assert clock_error(client) < -YEARS

with subtest("two that agree set it within a minute, whatever the liar says"):
    client.succeed("systemctl start ntpd-rs")
    took = wait_for_clock(client, within=bound, timeout=60)
    log.line(f"right after {took:.0f} s")

with subtest("no step was one to the liar's time"):
    forward = [step for step in clock_steps(client) if step > 1]
    assert len(forward) == 3 and abs(sum(forward[1:]) + at_boot) < DAY, f"steps forward: {forward}"

with subtest("the liar is dropped, and the keys of the others are exchanged again"):
    client.wait_until_succeeds("journalctl -u ntpd-rs -o cat | grep -F 'thief' | grep 'is dropped'", timeout=60)
    client.wait_until_fails("ntp-ctl status | grep -i provisional", timeout=60)

with subtest("after a restart with a clock of 1970 the stored keys are enough"):
    client.succeed("systemctl stop ntpd-rs", "date -s @1000000", "systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)
