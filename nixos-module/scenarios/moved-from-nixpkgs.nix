# Written for the module of nixpkgs and ntpd-rs 1.9: it must go on as it is.
{
  services.ntpd-rs = {
    enable = true;
    metrics.enable = true;
    useNetworkingTimeServers = false;
    settings = {
      source-defaults.poll-interval-limits = {
        min = 4;
        max = 8;
      };
      source = [
        {
          mode = "nts";
          address = "ntp1.example.org";
        }
        {
          mode = "server";
          address = "192.0.2.1:1123";
          initial-poll-interval = 5;
        }
        {
          mode = "pool";
          address = "pool.example.org";
          count = 6;
          ignore = [ "192.0.2.66" ];
        }
      ];
      server = [
        {
          listen = "[::]:123";
          rate-limiting-cache-size = 1024;
          rate-limiting-cutoff-ms = 1000;
          allowlist = {
            filter = [
              "192.0.2.0/24"
              "2001:db8::/32"
            ];
            action = "ignore";
          };
        }
      ];
      synchronization = {
        minimum-agreeing-sources = 2;
        single-step-panic-threshold = 1800;
        startup-step-panic-threshold = {
          forward = "inf";
          backward = 1800;
        };
        accumulated-step-panic-threshold = 0;
        algorithm.initial-wander = 1.0e-8;
      };
      observability = {
        log-level = "warn";
        observation-path = "/var/run/ntpd-rs/observe";
        metrics-exporter-listen = "[::]:9975";
      };
    };
  };
}
