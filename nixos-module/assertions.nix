# Configurations that could be built and would not work: each is refused, with what to do.
{
  lib,
  config,
  ...
}:

let
  cfg = config.services.ntpd-rs;
  nts = cfg.nts.server;
  inherit (cfg.settings) clock source synchronization;

  # As the daemon counts them.
  weight =
    each:
    if each.noselect == true then
      0
    else if
      lib.elem each.mode [
        "pool"
        "nts-pool"
      ]
    then
      if each.count == null then 4 else each.count
    else
      1;
  canAgree = lib.foldl' (sum: each: sum + weight each) 0 source;
  mustAgree =
    if synchronization.minimum-agreeing-sources == null then
      3
    else
      synchronization.minimum-agreeing-sources;
  usesNTS = lib.any (each: lib.hasPrefix "nts" each.mode) source;
  # Whether these are all: networks may give out more, and servers of a group have each other.
  isAll =
    !(synchronization.use-link-servers == true && !usesNTS) && synchronization.orphan-stratum == null;
  steers = clock.clock-control != false;

  otherDaemons = [
    "chrony"
    "ntp"
    "openntpd"
    "timesyncd"
  ];
  notTogether = daemon: {
    assertion = !config.services.${daemon}.enable;
    message = ''
      services.ntpd-rs and services.${daemon} cannot run together, for one program only can steer the clock. Disable one of them:
      services.${daemon}.enable = false;
    '';
  };
in
{
  config = lib.mkIf cfg.enable {
    assertions = map notTogether otherDaemons ++ [
      {
        assertion = nts.enable -> nts.certificate != null && nts.key != null;
        message = ''
          services.ntpd-rs.nts.server needs a certificate. Set services.ntpd-rs.nts.server.useACMEHost to a name in
          security.acme.certs, or both services.ntpd-rs.nts.server.certificate and .key to files.
        '';
      }
      {
        assertion = steers && isAll && source == [ ] -> synchronization.local-stratum != null;
        message = ''
          services.ntpd-rs has no sources, so the clock will not be set. Add some to services.ntpd-rs.settings.source or
          networking.timeServers, or set services.ntpd-rs.settings.clock.clock-control = false;
        '';
      }
      {
        assertion = steers && isAll && source != [ ] -> canAgree >= mustAgree;
        message = ''
          services.ntpd-rs: only ${toString canAgree} source(s) can agree and ${toString mustAgree} must, so the clock will not be set.
          Add sources to services.ntpd-rs.settings.source, or lower
          services.ntpd-rs.settings.synchronization.minimum-agreeing-sources.
        '';
      }
    ];

    warnings = lib.optional (cfg.openFirewall && cfg.settings.server == [ ]) ''
      services.ntpd-rs.openFirewall opens no port, because services.ntpd-rs.settings.server is empty. Add { listen = "[::]:123"; }
      to it, or leave openFirewall out.
    '';
  };
}
