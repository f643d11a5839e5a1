"""Keys are exchanged with one machine, time with another; their master keys rotate and are lost; bad certificates."""

import base64
import json
import os
import struct
import time
from typing import Any

KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"


def authority(name: str) -> str:
    """A shell command that makes an authority for certificates."""
    return (
        f"mkdir -p /root/ca && cd /root/ca && "
        f"openssl req -x509 {KEY} -days 3650 -subj /CN={name} -keyout {name}.key -out {name}.pem 2>&1"
    )


def certify(by: str, name: str, days: int = 2) -> str:
    """A shell command that makes a certificate for a name, and puts it where the daemon reads it."""
    return (
        f"cd /root/ca && openssl req {KEY} -subj /CN={name} -keyout key.pem -out request.pem 2>&1 && "
        f"printf 'subjectAltName=DNS:{name}\\nbasicConstraints=CA:FALSE\\n' > extensions && "
        f"openssl x509 -req -in request.pem -CA {by}.pem -CAkey {by}.key -CAcreateserial -days {days} "
        f"-extfile extensions -out chain.pem 2>&1 && "
        "if id ntpd-rs >/dev/null 2>&1; then chgrp ntpd-rs key.pem && chmod 640 key.pem; fi && "
        "cp -p chain.pem key.pem /etc/ntpd-rs/"
    )


def distribute(keys: list[bytes], first: int, primary: int) -> None:
    """Gives both machines these master keys: those from the number `first` on, of which one seals."""
    content = struct.pack(">QIII", int(time.time()), first, primary, len(keys)) + b"".join(keys)
    text = base64.b64encode(content).decode()
    for machine in (exchange, server):
        machine.succeed(
            f"cd /etc/ntpd-rs && echo {text} | base64 -d > new && chmod 640 new",
            "cd /etc/ntpd-rs && if id ntpd-rs >/dev/null 2>&1; then chgrp ntpd-rs new; fi && mv new master-keys",
            "! systemctl is-active --quiet ntpd-rs || systemctl kill -s HUP ntpd-rs",
        )


def source() -> dict[str, Any]:
    """The one source, as the daemon tells of it."""
    told: dict[str, Any] = json.loads(client.succeed("ntp-ctl status -f json"))["sources"][0]
    return told


def exchanges() -> int:
    """How many key exchanges were completed."""
    listener = json.loads(exchange.succeed("ntp-ctl status -f json"))["key_exchange_servers"][0]
    return int(listener["ended"].get("completed", 0))


def wait_for_replies(count: int) -> None:
    """Waits until the client has got so many more."""
    wanted = source()["replies"] + count
    retry(lambda _: source()["replies"] >= wanted, timeout_seconds=60)


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
    machine.succeed("mkdir -p /etc/ntpd-rs")
old, new, other = (os.urandom(64) for _ in range(3))
exchange.succeed(authority("good"), authority("unknown"), certify("unknown", "exchange"))
trusted = exchange.succeed("cat /root/ca/good.pem")
client.succeed(f"cat > /etc/ntpd-rs/ca.pem <<'END'\n{trusted}END")
distribute([old], first=1, primary=0)
server.succeed("systemctl start ntpd-rs")
exchange.succeed("systemctl start ntpd-rs")
exchange.wait_for_open_port(4460)
client.succeed(f"node-clock step {2 - clock_error(client)}")

with subtest(
    "a certificate of an authority that nobody knows, or for another name, is refused, and the source says why"
):
    for made in (None, certify("good", "somebody-else")):
        if made is not None:
            exchange.succeed(made, "systemctl kill -s HUP ntpd-rs")
        client.succeed("systemctl restart ntpd-rs")
        retry(lambda _: "certificate" in str(source()["problem"]), timeout_seconds=30)
        log.line(f"problem: {source()['problem']}")
        assert source()["replies"] == 0, source()
    assert abs(clock_error(client) - 2) < 0.01, "nobody was to set it"
    assert exchanges() == 0

with subtest("with a good certificate, taken by a reload, the clock becomes right"):
    exchange.succeed(certify("good", "exchange"), "systemctl kill -s HUP ntpd-rs")
    client.succeed("systemctl restart ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)
    assert exchanges() == 1
    log.line(f"asks {source()['address']} with {source()['nts']}")
    asked = source()["address"].rpartition(":")[0].strip("[]")
    assert asked in client.succeed("getent ahosts server"), f"{asked} is not the server"
    client.show("ntp-ctl status")

with subtest("master keys rotate, and the client goes on without another key exchange"):
    # While the new key seals, all of the eight cookies that are in use are replaced.
    for keys, first, primary, replies in (([old, new], 1, 0, 1), ([old, new], 1, 1, 9), ([new], 2, 0, 2)):
        distribute(keys, first, primary)
        wait_for_replies(replies)
    assert exchanges() == 1
    assert source()["verdict"] == "system-peer", source()
    assert max(abs(error) for error in clock_errors(client, seconds=10)) < bound

with subtest("master keys are lost: the client is told so, exchanges keys anew, and the clock stays right"):
    distribute([other], first=1, primary=0)
    retry(lambda _: exchanges() == 2, timeout_seconds=60)
    wait_for_replies(3)
    answered = json.loads(server.succeed("ntp-ctl status -f json"))["servers"][0]
    log.line(f"told so {answered['kisses']}")
    errors = clock_errors(client, seconds=60 if thorough else 10)
    assert max(abs(error) for error in errors) < bound, f"true error of {max(errors, key=abs) * 1e3:.3f} ms"
