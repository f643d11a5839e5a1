"""A leap second comes in the middle: the kernel inserts it, and the clock is right before and after."""

import hashlib

# The last leap second that there was, 1 January 2017, in seconds since 1900; TAI is 37 s ahead since then.
LAST, TAI = 3692217600, 37
SINCE_1900 = 2208988800
# What is left of the day when the story has set the clocks.
BEFORE = 75


def table(leap: int, now: int) -> str:
    """A leap-seconds.list in which TAI − UTC changes at one moment more; moments are in seconds since 1900."""
    updated, expires = now + SINCE_1900, leap + 180 * 86400
    entries = [(LAST, TAI), (leap, TAI + 1)]
    # The hash is over all numbers, without what is between them.
    data = f"{updated}{expires}" + "".join(f"{moment}{offset}" for moment, offset in entries)
    digest = hashlib.sha1(data.encode()).hexdigest()
    words = " ".join(digest[place : place + 8] for place in range(0, 40, 8))
    lines = [f"#$ {updated}", f"#@ {expires}", *(f"{moment} {offset}" for moment, offset in entries), f"#h {words}"]
    return "\n".join(lines)


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
now = int(client.succeed("date +%s"))
end_of_year = int(client.succeed('date -u -d "$(date -u +%Y)-12-31 23:59:59" +%s')) + 1
client.succeed(
    "mkdir -p /etc/ntpd-rs",
    f"cat > /etc/ntpd-rs/leap-seconds.list <<'END'\n{table(end_of_year + SINCE_1900, now)}\nEND",
    "ntp-ctl validate",
)

with subtest("the clock becomes right, half a minute before"):
    server.succeed(f"date -u -s @{end_of_year - BEFORE}", "node-clock leap insert", "systemctl start chrony")
    client.succeed(f"date -u -s @{end_of_year - BEFORE + 2}", "systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=40)
    left = end_of_year - int(client.succeed("date +%s"))
    log.line(f"{left} s before")
    assert left > 5, left

with subtest("the leap second is announced to the kernel"):
    told = client.show("ntp-ctl status | head -n 12", "node-clock show")
    assert "state=1" in told, "adjtimex is to say TIME_INS"

with subtest("both kernels insert it, and the clock stays right"):
    errors = clock_errors(client, seconds=left + (120 if thorough else 25))
    for machine in (server, client):
        machine.succeed("journalctl -k --no-pager | grep -i 'inserting leap second'")
    right = sorted(abs(error) for error in errors)
    # While the two kernels insert it, their clocks differ by a second for a moment; and as the client's are compared
    # with the server's readings before and after, the one that is nearest to it can show any part of that.
    while_inserted = [error for error in right if error >= bound]
    log.line(
        f"median true error {right[len(right) // 2] * 1e6:.0f} µs; readings in the second itself: {while_inserted}"
    )
    assert len(while_inserted) <= 1, while_inserted
    assert all(error < 1.01 for error in while_inserted), while_inserted

with subtest("nothing of it is left: no announcement, no step of our own, TAI one second further"):
    told = client.show("node-clock show", "ntp-ctl status | head -n 12")
    assert "state=0" in told, told
    client.fail("journalctl -u ntpd-rs -o cat --no-pager | grep -i 'stepped' | tail -n +2 | grep .")
    assert f"tai={TAI + 1}" in told.split(), told
    client.succeed("ntp-ctl status --check")
