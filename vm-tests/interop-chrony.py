"""chronyd takes the time from our daemon, interleaved and with NTS, which takes it from another chronyd."""

import json
from typing import Any


def source() -> dict[str, Any]:
    """Our daemon's one source."""
    told: dict[str, Any] = json.loads(server.succeed("ntp-ctl status -f json"))["sources"][0]
    return told


def served() -> dict[str, Any]:
    """What our daemon has served."""
    told: dict[str, Any] = json.loads(server.succeed("ntp-ctl status -f json"))["servers"][0]
    return told


def stays_right(seconds: float) -> None:
    """The client's clock: chronyd's errors at 100 Hz are larger than ours, so the median has the tighter bound."""
    errors = sorted(abs(error) for error in clock_errors(client, seconds))
    log.line(
        f"chronyd's clock: median true error {errors[len(errors) // 2] * 1e6:.0f} µs, worst {errors[-1] * 1e6:.0f} µs"
    )
    assert errors[len(errors) // 2] < bound, errors
    assert errors[-1] < 20 * bound, errors


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
certificate = server.succeed(
    "cd /etc/ntpd-rs && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=server "
    "-addext subjectAltName=DNS:server -keyout server.key -out server.pem 2>/dev/null",
    "cd /etc/ntpd-rs && if id ntpd-rs >/dev/null 2>&1; then chgrp ntpd-rs server.key && chmod 640 server.key; fi",
    "cat /etc/ntpd-rs/server.pem",
)
client.succeed(f"cat > /etc/chrony/server.pem <<'END'\n{certificate}END")

with subtest("our daemon follows chronyd"):
    reference.succeed("systemctl start chrony")
    server.succeed(f"node-clock step {2 - clock_error(server)}", "systemctl start ntpd-rs")
    wait_for_clock(server, within=bound, timeout=60)
    retry(lambda _: source()["interleaved"] >= 3, timeout_seconds=60)
    log.line(f"{source()['interleaved']} of {source()['replies']} replies of chronyd were interleaved")

with subtest("chronyd follows ours, in interleaved mode"):
    client.succeed(f"node-clock step {-2 - clock_error(client)}", "systemctl start chrony")
    client.wait_until_succeeds("chronyc -n tracking | grep -E '^Stratum +: 3$'", timeout=60)
    wait_for_clock(client, within=5 * bound, timeout=60)
    client.wait_until_succeeds("chronyc -n ntpdata | grep -E '^Interleaved +: Yes$'", timeout=60)
    stays_right(120 if thorough else 30)
    assert served()["interleaved_packets"] >= 3, served()
    client.show("chronyc -n tracking", "chronyc -n sources")

with subtest("chronyd follows ours with NTS"):
    client.succeed("cp /root/nts.conf /etc/chrony/chrony.conf", "systemctl restart chrony")
    client.wait_until_succeeds("chronyc -n tracking | grep -E '^Stratum +: 3$'", timeout=60)
    told = client.show("chronyc -n authdata")
    assert " NTS " in told, told
    wait_for_clock(client, within=5 * bound, timeout=60)
    stays_right(60 if thorough else 20)
    stats = served()["stats"]
    log.line(f"{stats['nts_accepted_packets']} requests with NTS were answered, {stats['nts_nak_packets']} refused")
    assert stats["nts_accepted_packets"] >= 4, stats
    assert stats["nts_nak_packets"] == 0, stats
