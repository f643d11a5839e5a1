# What can be seen, and who may give orders.
{ lib, forms }:

let
  inherit (lib) types;
  inherit (forms) key;
  # Nix has no octal numbers.
  mode = key types.ints.unsigned;
in
{
  observability = forms.part {
    log-level = key types.str "`off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter of modules.";
    observation-path = key types.path "The socket that `ntp-ctl status` and the metrics exporter read.";
    observation-permissions = mode "Its mode as a decimal number: 438 is 0666.";
    metrics-exporter-listen = key forms.listener "Where metrics are served; see {option}`services.ntpd-rs.metrics`.";
  } "Logs, and the socket that everything can be read from.";

  control = forms.part {
    path = key types.path "The socket that takes the orders of `ntp-ctl`.";
    permissions = mode "Its mode as a decimal number: 432 is 0660.";
    d-bus = key types.bool "Be on the system bus.";
  } "Orders for the daemon that runs.";
}
