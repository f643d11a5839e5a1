# The servers that misbehave on purpose, for tests of this and other clients. They serve the machine's time and never set it.
{
  lib,
  ntpd-rs,
}:

let
  servers = [
    "test-server"
    "demobilize-server"
    "rate-limit-server"
    "key-exchange-test-server"
  ];
in
ntpd-rs.overrideAttrs {
  pname = "ntpd-rs-test-servers";
  cargoBuildFlags = lib.concatMap (server: [
    "--example"
    server
  ]) servers;
  postInstall = ''
    for server in ${toString servers}; do
      install -Dm755 -t "$out/bin" "$releaseDir/examples/$server"
    done
  '';
  meta = ntpd-rs.meta // {
    description = "NTP and NTS servers that misbehave on purpose, to test clients with";
    mainProgram = "test-server";
  };
}
