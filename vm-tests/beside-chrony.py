"""Ours and chronyd, both 2 s off and 50 ppm fast, follow one server at the same time; who is started first alternates."""

import json
import time

ROUNDS, SECONDS = (5, 600.0) if thorough else (1, 60.0)
# What ours may be of chronyd's; one short round says nothing of that.
MOST = 1.1


def forget() -> None:
    """Both know nothing of their clocks, which are 2 s off."""
    ours.succeed("systemctl stop ntpd-rs", "rm -rf /var/lib/ntpd-rs/*")
    theirs.succeed("systemctl stop chrony", "rm -rf /var/lib/chrony/*")
    for machine in (ours, theirs):
        machine.succeed("node-clock frequency 0")
        machine.succeed(f"node-clock step {2 - clock_error(machine)}")


def asked() -> tuple[int, int]:
    """How often each has asked since it was started."""
    status = json.loads(ours.succeed("ntp-ctl status -f json"))
    told = theirs.succeed("chronyc -n ntpdata")
    return status["sources"][0]["requests"], int(told.split("Total TX")[1].split(":")[1].split()[0])


def median(values: list[float]) -> float:
    """The middle one of their sizes."""
    return sorted(abs(value) for value in values)[len(values) // 2]


def run(first: int) -> tuple[float, float]:
    """One round: the median true error of each over all of it, from the moment when its daemon was started."""
    services = [(ours, "ntpd-rs"), (theirs, "chrony")]
    began = time.monotonic()
    for machine, service in services[first:] + services[:first]:
        machine.succeed(f"systemctl start {service}")
    time.sleep(SECONDS)
    records = [[error for _, error in clock_record(machine, began)] for machine in (ours, theirs)]
    (mine, chronys), last = map(median, records), [median(record[-30:]) for record in records]
    requests = asked()
    log.line(
        f"median true error: ours {mine * 1e6:.1f} µs, chronyd {chronys * 1e6:.1f} µs ({mine / chronys:.2f}); "
        f"in the last 30 s {last[0] * 1e6:.1f} and {last[1] * 1e6:.1f}; requests {requests[0]} and {requests[1]}"
    )
    assert max(mine, *last) < bound, (mine, last)
    return mine, chronys


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
server.succeed("node-clock frequency -50", "systemctl start chrony")
server.wait_until_succeeds("chronyc -n tracking | grep -E '^Stratum +: 1$'", timeout=30)

medians = []
with subtest("both follow the server"):
    for number in range(ROUNDS):
        log.line(f"round {number + 1} of {ROUNDS}")
        forget()
        medians.append(run(number % 2))

with subtest("the median of the rounds"):
    mine, chronys = (median(list(column)) for column in zip(*medians, strict=True))
    log.line(
        f"median of {ROUNDS} rounds of {SECONDS:.0f} s: ours {mine * 1e6:.1f} µs, chronyd {chronys * 1e6:.1f} µs, "
        f"ratio {mine / chronys:.2f}"
    )
    assert not thorough or mine <= MOST * chronys, (mine, chronys)
