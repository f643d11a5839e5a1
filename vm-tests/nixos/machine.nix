# A machine of a story's definition in NixOS: its packages and files, by the names that they have in Debian. Services that are only
# started by scripts there are so here.
defined:
{
  lib,
  pkgs,
  config,
  ...
}:

let
  files = defined.files or { };
  byScriptOnly = lib.mkForce [ ];

  # Packages that NixOS has as services, whose files are read below or told in NAME.nix.
  services = [
    "chrony"
    "systemd-timesyncd"
  ];
  readElsewhere = [
    "/etc/chrony/chrony.conf"
    "/etc/default/chrony"
    "/etc/ntpd-rs/ntp.toml"
    "/etc/systemd/timesyncd.conf"
  ];
  etc =
    path:
    if lib.hasPrefix "/etc/" path then
      lib.removePrefix "/etc/" path
    else
      throw "a story for NixOS has the file ${path}, and can have none outside of /etc";
  python = pkgs.python3.interpreter;
in
{
  imports = [ ../../nixos-module ];

  environment.systemPackages =
    map (package: pkgs.${package}) (lib.subtractLists services (defined.packages or [ ]))
    ++ [
      (pkgs.writeShellScriptBin "node-clock" ''exec ${python} ${../guest/clock.py} "$@"'')
    ];
  environment.etc =
    lib.mapAttrs' (path: text: lib.nameValuePair (etc path) { inherit text; }) (
      removeAttrs files readElsewhere
    )
    // {
      # Scripts add names to it.
      hosts.mode = "0644";
    };
  networking.firewall.enable = false;

  services.ntpd-rs = lib.mkIf (files ? "/etc/ntpd-rs/ntp.toml") {
    enable = true;
    useNetworkingTimeServers = false;
    settings = fromTOML files."/etc/ntpd-rs/ntp.toml";
  };

  services.chrony = lib.mkIf (files ? "/etc/chrony/chrony.conf") {
    enable = true;
    servers = [ ];
    enableRTCTrimming = false;
    # Its clock is nobody's business but the script's.
    extraFlags = [ "-x" ];
    extraConfig = files."/etc/chrony/chrony.conf";
  };

  systemd.services = {
    ntpd-rs = lib.mkIf config.services.ntpd-rs.enable { wantedBy = byScriptOnly; };
    chronyd = lib.mkIf config.services.chrony.enable {
      wantedBy = byScriptOnly;
      aliases = [ "chrony.service" ];
    };
    systemd-timesyncd = lib.mkIf config.services.timesyncd.enable { wantedBy = byScriptOnly; };

    clock-report = {
      description = "Tells the test what this machine's clocks show";
      wantedBy = [ "multi-user.target" ];
      environment.PYTHONPATH = "${../runner}";
      serviceConfig.ExecStart = "${python} ${../guest/clock_report.py} /dev/virtio-ports/clock";
    };
  };

  virtualisation.qemu.options = [
    "-device virtio-serial-pci,id=clocks"
    "-chardev socket,id=clock,path=clock.sock,server=on,wait=off"
    "-device virtserialport,bus=clocks.0,chardev=clock,name=clock"
  ];
}
