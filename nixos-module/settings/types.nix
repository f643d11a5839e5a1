# What sections of the file are made of. Keys that have no option of their own go through as they are: the daemon checks them.
{ lib, pkgs }:

let
  inherit (lib) mkOption types;
in
rec {
  freeform = (pkgs.formats.toml { }).type;

  section =
    options:
    types.submodule {
      freeformType = freeform;
      inherit options;
    };

  # A key that the daemon has a default for.
  key =
    type: description:
    mkOption {
      type = types.nullOr type;
      default = null;
      description = description + "\n\nNull leaves it to the daemon.";
    };

  required = type: description: mkOption { inherit type description; };

  sections =
    options: description:
    mkOption {
      type = types.listOf (section options);
      default = [ ];
      inherit description;
    };

  part =
    options: description:
    mkOption {
      type = section options;
      default = { };
      inherit description;
    };

  # Where something listens: with a port, which the firewall needs to know.
  listener = types.strMatching ".+:[0-9]+";

  seconds = types.either types.number (types.enum [ "inf" ]);
  threshold = types.either seconds (section {
    forward = key seconds "Limit of corrections forward, seconds.";
    backward = key seconds "Limit of corrections backward, seconds.";
  });
}
