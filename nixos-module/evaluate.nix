# What the module makes of each scenario, as text: by path below `golden`. With a whole tree of nixpkgs NixOS evaluates it, and units
# are told as well; with its `lib` alone, options that stand for those of NixOS do.
{
  nixpkgs,
  lib ? import (if builtins.pathExists (nixpkgs + "/lib") then nixpkgs + "/lib" else nixpkgs),
  pkgs ?
    if isWhole then
      import nixpkgs { system = "x86_64-linux"; }
    else
      import ./stand-in/pkgs.nix { inherit lib; },
  isWhole ? builtins.pathExists (nixpkgs + "/nixos"),
}:

let
  evaluate =
    scenario:
    if isWhole then
      import (nixpkgs + "/nixos/lib/eval-config.nix") {
        inherit lib pkgs;
        system = null;
        modules = [
          ./.
          scenario
          {
            boot.loader.grub.enable = false;
            fileSystems."/".device = "tmpfs";
            fileSystems."/".fsType = "tmpfs";
            system.stateVersion = lib.trivial.release;
          }
        ];
      }
    else
      lib.evalModules {
        specialArgs = { inherit pkgs; };
        modules = [
          ./.
          scenario
          ./stand-in/options.nix
        ];
      };

  scenarios = lib.mapAttrs' (file: _: {
    name = lib.removeSuffix ".nix" file;
    value = evaluate (./scenarios + "/${file}");
  }) (builtins.readDir ./scenarios);

  # What differs from one nixpkgs to the next.
  plain =
    text:
    lib.concatStringsSep "" (
      map (part: if lib.isList part then "/nix/store/…-" else part) (
        builtins.split "/nix/store/[0-9a-z]{32}-" (builtins.unsafeDiscardStringContext text)
      )
    );
  ofNixOS = lib.flip lib.any [
    ''Environment="LOCALE_ARCHIVE=''
    ''Environment="PATH=''
    ''Environment="TZDIR=''
  ];
  unit =
    text:
    lib.concatLines (
      lib.filter (line: !ofNixOS (start: lib.hasPrefix start line)) (lib.splitString "\n" (plain text))
    );

  names = [
    "ntpd-rs.service"
    "ntpd-rs-metrics.service"
    "ntpd-rs-wait.service"
  ];
  surroundings =
    { config, ... }:
    {
      wanted-by = lib.genAttrs names (name: config.systemd.units.${name}.wantedBy or [ ]);
      inherit (config.systemd.units."ntpd-rs.service") aliases;
      restarted-by = lib.concatMap (lib.splitString "\n") config.systemd.services.ntpd-rs.restartTriggers;
      firewall = { inherit (config.networking.firewall) allowedTCPPorts allowedUDPPorts; };
      timedated = config.systemd.services.systemd-timedated.environment.SYSTEMD_TIMEDATED_NTP_SERVICES;
      timesyncd = config.services.timesyncd.enable;
      users = lib.filterAttrs (name: _: lib.hasPrefix "ntpd-rs" name) (
        lib.mapAttrs (_: user: { inherit (user) isSystemUser group; }) config.users.users
      );
      udev = lib.filter (lib.hasInfix "ntpd-rs") (lib.splitString "\n" config.services.udev.extraRules);
      acme = lib.mapAttrs (_: certificate: certificate.reloadServices) config.security.acme.certs;
      dispatcher = map (script: plain script.source) config.networking.networkmanager.dispatcherScripts;
    };

  refusals =
    { config, ... }: map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);

  filesOf =
    name: machine:
    if refusals machine != [ ] then
      { "${name}/refused" = lib.concatStringsSep "\n" (refusals machine); }
    else
      {
        "${name}/ntp.toml" = machine.config.environment.etc."ntpd-rs/ntp.toml".source.text;
      }
      // lib.optionalAttrs isWhole (
        {
          "${name}/surroundings.json" = builtins.toJSON (surroundings machine);
        }
        // lib.listToAttrs (
          map (each: {
            name = "${name}/${each}";
            value = unit machine.config.systemd.units.${each}.text;
          }) (lib.filter (each: machine.config.systemd.units ? ${each}) names)
        )
      );
in
{
  files = lib.concatMapAttrs filesOf scenarios // {
    "options.md" = import ./document-options.nix {
      inherit lib;
    } scenarios.bare.options.services.ntpd-rs;
  };
  wrong = lib.mapAttrs' (file: _: {
    name = lib.removeSuffix ".nix" file;
    value = (evaluate (./wrong + "/${file}")).config.environment.etc."ntpd-rs/ntp.toml".source.text;
  }) (builtins.readDir ./wrong);
}
