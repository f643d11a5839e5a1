# Where the time comes from, and when it is believed.
{ lib, forms }:

let
  inherit (lib) types;
  inherit (forms) key required;
  poll = types.ints.between 0 17;
  polling = {
    poll-interval-limits = key (forms.section {
      min = key poll "The shortest poll interval, as a power of two seconds.";
      max = key poll "The longest poll interval, as a power of two seconds.";
    }) "Shortest and longest time between two requests.";
    initial-poll-interval = key poll "Poll interval after the first burst, as a power of two seconds.";
  };
in
{
  source = forms.sections (
    polling
    // {
      mode =
        required
          (types.enum [
            "server"
            "pool"
            "nts"
            "nts-pool"
            "sock"
            "pps"
          ])
          "What it is: one server, or a pool of several behind one name; with `nts`, servers that prove who they are.";
      address = key types.str "Name or address, with or without a port; with NTS that of the key exchange server.";
      count = key types.ints.positive "How many servers of a pool are used.";
      prefer = key types.bool "Take stratum and reference id from this one, among sources that agree.";
      noselect = key types.bool "Measure and show it, and never use it.";
      trust = key types.bool "Its word goes before that of a majority.";
      require = key types.bool "No time unless at least one source that is marked so agrees.";
      family = key (types.enum [
        "any"
        "ipv4"
        "ipv6"
      ]) "Which addresses of a name are used.";
      interleaved = key types.bool "Ask when each reply really left (RFC 9769): worth it in a local network.";
      certificate-authority = key types.path "PEM file with roots that are trusted beside those of the system, for NTS.";
    }
  ) "Sources of time. With three or more, the daemon finds out which of them is wrong.";

  source-defaults = forms.part polling "What holds for all sources that do not say otherwise.";

  synchronization = forms.part {
    minimum-agreeing-sources = key types.ints.positive ''
      How many sources must agree before the clock is touched; a pool counts as its `count`. With fewer the clock is never set.
    '';
    single-step-panic-threshold = key forms.threshold ''
      A correction that is larger, in seconds, ends the daemon instead of being made; `"inf"` is no limit.
    '';
    startup-step-panic-threshold = key forms.threshold "The same for the first correction after the start.";
    accumulated-step-panic-threshold = key forms.threshold "The same for the sum of all steps but the first.";
    local-stratum = key (types.ints.between 1 16) "What is served as stratum while no source can be used.";
    orphan-stratum = key (types.ints.between 2 14) "Stratum of the time that the servers of an isolated network keep together.";
    leap-seconds-file = key types.path "A table of leap seconds, such as `\"\${pkgs.tzdata}/share/zoneinfo/leap-seconds.list\"`.";
    use-link-servers = key types.bool ''
      Ask the servers that networks give out (DHCP), too. Those of NetworkManager are handed over by a dispatcher script, which
      this adds.
    '';
    warn-on-jump = key types.bool "Log steps of the clock as warnings.";
    nts-bootstrap = key (types.either types.bool (types.enum [ "auto" ])) ''
      Whether sources with NTS may set a clock that is too wrong to judge their certificates by.
    '';
  } "When the clock may be set, and what is served while it has not been.";
}
