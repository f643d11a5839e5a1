"""The Debian package in a container that may not set the clock: it starts, measures, serves, and says why."""

import json

# Asks for the time once and prints the stratum of the answer; mode 4 is a server's.
ASK = (
    "python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); "
    's.sendto(b"\\x23" + bytes(47), ("box", 123)); a = s.recv(1024); assert a[0] & 7 == 4, a; print(a[1])\''
)

start_all()
server.succeed("systemctl start ntpd-rs")

with subtest("the packaged unit starts, and says that it may not set the clock"):
    assert box.succeed("systemd-detect-virt --container").strip() == "systemd-nspawn"
    box.install("ntpd-rs_2*.deb")
    box.require_unit_state("ntpd-rs.service")
    capabilities = box.show("grep CapEff /proc/$(systemctl show -p MainPID --value ntpd-rs)/status").split()[1]
    assert int(capabilities, 16) >> 25 & 1 == 0, capabilities

with subtest("it measures"):
    box.succeed("cp /root/server.toml /etc/ntpd-rs/ntp.toml.d/", "systemctl restart ntpd-rs")
    box.wait_until_succeeds("ntp-ctl status -f json | grep -E '\"(system-peer|truechimer)\"'", timeout=60)
    system = json.loads(box.succeed("ntp-ctl status -f json"))["system"]
    assert system["controls_clock"] is False, system
    box.show("ntp-ctl status")

with subtest("it serves"):
    stratum = server.wait_until_succeeds(ASK, timeout=30).strip()
    log.line(f"the server asked the container, which answered at stratum {stratum}")
    assert stratum == "2", stratum

with subtest("systemctl status says why the clock is not controlled"):
    box.wait_until_succeeds(
        "systemctl show -p StatusText --value ntpd-rs | grep 'the clock is not controlled: '", timeout=60
    )
    told = box.show("systemctl status --no-pager -n 0 ntpd-rs")
    assert "the clock is not controlled: " in told, told
    box.show("journalctl -u ntpd-rs -o cat --no-pager | grep 'without setting the clock'")
    assert box.get_unit_property("ntpd-rs.service", "NRestarts") == "0"
