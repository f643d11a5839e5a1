# A container that measures and serves, and never touches the clock: it needs no capability and no user of its own.
# `docker run -p 123:1123/udp ntpd-rs`; another configuration is mounted over /etc/ntpd-rs/ntp.toml.
{
  dockerTools,
  lib,
  ntpd-rs,
  writeTextDir,
}:

let
  user = "65534:65534";
  # The example of docs, with servers that are there.
  configuration = builtins.replaceStrings [ "pool.example.net" ] [ "ntpd-rs.pool.ntp.org" ] (
    builtins.readFile ../../docs/examples/container.toml
  );
in
dockerTools.buildLayeredImage {
  name = "ntpd-rs";
  tag = ntpd-rs.version;
  contents = [
    ntpd-rs
    dockerTools.caCertificates
    (writeTextDir "etc/ntpd-rs/ntp.toml" configuration)
  ];
  fakeRootCommands = ''
    mkdir -p ./run/ntpd-rs ./var/lib/ntpd-rs
    chown ${user} ./run/ntpd-rs ./var/lib/ntpd-rs
  '';
  config = {
    Entrypoint = [ (lib.getExe' ntpd-rs "ntp-daemon") ];
    User = user;
    ExposedPorts."1123/udp" = { };
    Volumes."/var/lib/ntpd-rs" = { };
    Healthcheck.Test = [
      "CMD"
      (lib.getExe' ntpd-rs "ntp-ctl")
      "status"
      "--check"
    ];
  };
}
