# The clock that is steered, or not.
{ lib, forms }:

let
  inherit (lib) types;
  inherit (forms) key;
in
{
  clock = forms.part {
    clock-control = key (types.either types.bool (types.enum [ "auto" ])) ''
      True steers the clock, false measures and serves only, and `"auto"` steers it where that is permitted. False in containers.
    '';
    timestamp-mode = key (types.enum [
      "software"
      "kernel-recv"
      "kernel-all"
      "hardware"
    ]) "Who stamps packets.";
    state-directory = key types.path "Where the frequency, the last good time and NTS sessions are kept across restarts.";
  } "The clock and its state.";
}
