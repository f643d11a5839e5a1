"""systemd-timesyncd takes the time from our daemon, which takes it from chrony."""

start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")

with subtest("our daemon follows chrony"):
    reference.succeed("systemctl start chrony")
    server.succeed("node-clock step -3", "systemctl start ntpd-rs")
    wait_for_clock(server, within=bound, timeout=120)

with subtest("timesyncd takes its time from ours"):
    client.succeed(f"node-clock step {2 - clock_error(client)}")
    assert abs(clock_error(client) - 2) < 0.01
    client.succeed("systemctl start systemd-timesyncd")
    client.wait_until_succeeds("test $(timedatectl show -p NTPSynchronized --value) = yes", timeout=60)
    wait_for_clock(client, within=0.02, timeout=60)

with subtest("timesyncd says whose time it is"):
    status = client.succeed("timedatectl timesync-status")
    assert "(server)" in status, status
    assert "Stratum: 2" in status, status
    assert "Leap: normal" in status, status

with subtest("timesyncd goes on with ours"):
    errors = clock_errors(client, seconds=120 if thorough else 60)
    assert max(abs(error) for error in errors) < 0.02, f"true error of {max(errors, key=abs)} s"
    client.require_unit_state("systemd-timesyncd.service")
    count = int(client.succeed("timedatectl timesync-status | sed -n 's/^ *Packet count: //p'"))
    assert count >= 2, f"{count} packets"
