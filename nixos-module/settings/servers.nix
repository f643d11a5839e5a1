# Time for others, and the keys of those who want proof.
{ lib, forms }:

let
  inherit (lib) types;
  inherit (forms) key required;
  clients = forms.section {
    filter = required (types.listOf types.str) "Networks, such as `192.0.2.0/24`.";
    action = required (types.enum [
      "ignore"
      "deny"
    ]) "Whether they are told.";
  };
in
{
  server = forms.sections {
    listen = required forms.listener "Address and port, such as `[::]:123`, which serves IPv4 too.";
    allowlist = key clients "Who is answered; the action is for everybody else.";
    denylist = key clients "Who is not answered.";
    rate-limiting-cutoff-ms = key types.ints.unsigned "Each client is answered once in so many milliseconds.";
    rate-limiting-cache-size = key types.ints.unsigned "How many clients are remembered for that.";
    rate-limiting-burst = key types.ints.positive "How many requests a client may send at once after a rest.";
    require-nts = key (types.either types.bool (
      types.enum [
        "ignore"
        "deny"
      ]
    )) "Answer no request without NTS; `deny` tells its sender.";
    threads = key types.ints.positive "Threads that answer; else there is one for each core.";
    client-statistics = key types.ints.unsigned "How many clients are remembered by address, for `ntp-ctl clients`.";
  } "What is served: one section for each address.";

  nts-ke-server = forms.sections {
    listen = required forms.listener "Address and TCP port, such as `[::]:4460`.";
    certificate-chain-path = key types.path "PEM file with the certificate and those that lead to a root.";
    private-key-path = key (types.pathWith {
      absolute = true;
      inStore = false;
    }) "PEM file with the key of the certificate, outside of the Nix store.";
    ntp-server = key types.str "Where clients are sent to; else to the address that they exchanged keys with.";
    ntp-port = key types.port "The port that clients are sent to.";
    concurrent-connections = key types.ints.positive "How many connections may be open at once.";
  } "Listeners for key exchanges. {option}`services.ntpd-rs.nts.server` writes one for you.";

  keyset = forms.part {
    key-storage-path = key types.path "File in which the master keys outlive a restart, or a server of a fleet keeps its place.";
    shared-secret-path = key types.path "File with the secret of a fleet; better {option}`services.ntpd-rs.nts.server.fleetSecretFile`.";
    shared-keys-path = key types.path "File of master keys that somebody else writes.";
    key-rotation-interval = key types.ints.positive "For how long each key is given out, seconds.";
    stale-key-count = key types.ints.unsigned "How many keys of before are accepted.";
  } "Master keys of NTS, of all listeners together.";
}
