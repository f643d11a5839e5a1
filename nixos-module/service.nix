# The daemon's unit and what surrounds it: users, the bus, timedated. The unit itself is the package's, with its sandbox.
{
  lib,
  config,
  ...
}:

let
  cfg = config.services.ntpd-rs;
  toTOML = import ./to-toml.nix { inherit lib; };
  # What the daemon opens or binds once, at its start (`needs_restart` in src/daemon/main_loop.rs). All else it takes over when it
  # reads its configuration again.
  needsRestart = {
    inherit (cfg.settings)
      server
      nts-ke-server
      keyset
      control
      clock
      ;
    observability = removeAttrs cfg.settings.observability [
      "log-level"
      "metrics-exporter-listen"
    ];
  };
in
{
  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    systemd.packages = [ cfg.package ];
    services.dbus.packages = [ cfg.package ];
    environment.etc."systemd/catalog/ntpd-rs.catalog".source =
      "${cfg.package}/lib/systemd/catalog/ntpd-rs.catalog";

    # One program steers the clock. Who asks for the other one by name is told by an assertion.
    services.timesyncd.enable = lib.mkDefault false;
    systemd.services.systemd-timedated.environment.SYSTEMD_TIMEDATED_NTP_SERVICES = "ntpd-rs.service";

    users.users.ntpd-rs = {
      isSystemUser = true;
      group = "ntpd-rs";
      description = "Network Time Service";
    };
    users.groups.ntpd-rs = { };
    users.users.ntpd-rs-observe = {
      isSystemUser = true;
      group = "ntpd-rs-observe";
      description = "Network Time Service, metrics";
    };
    users.groups.ntpd-rs-observe = { };

    systemd.services.ntpd-rs = {
      wantedBy = [ "multi-user.target" ];
      aliases = [
        "dbus-org.freedesktop.timesync1.service"
        "dbus-org.ntpd_rs1.service"
      ];
      reloadTriggers = [ config.environment.etc."ntpd-rs/ntp.toml".source ];
      restartTriggers = [ (toTOML needsRestart) ];
      # A new version takes over from the old one, with no more than a moment between them.
      stopIfChanged = false;
    };

    systemd.services.ntpd-rs-wait = lib.mkIf cfg.waitForSync { wantedBy = [ "multi-user.target" ]; };

    networking.networkmanager.dispatcherScripts =
      lib.mkIf (cfg.settings.synchronization.use-link-servers == true)
        [
          { source = "${cfg.package}/lib/NetworkManager/dispatcher.d/20-ntpd-rs"; }
        ];
  };
}
