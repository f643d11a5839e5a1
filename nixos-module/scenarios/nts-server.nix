# A server of a fleet that proves who it is, with a certificate by ACME.
{
  security.acme = {
    acceptTerms = true;
    defaults.email = "time@example.org";
    certs."time.example.org".listenHTTP = ":80";
  };

  services.ntpd-rs = {
    enable = true;
    openFirewall = true;
    waitForSync = true;
    nts.server = {
      enable = true;
      useACMEHost = "time.example.org";
      fleetSecretFile = "/run/secrets/nts-fleet";
    };
    metrics = {
      enable = true;
      listen = "[::]:9975";
      allowedAddresses = [
        "localhost"
        "192.0.2.0/24"
      ];
      openFirewall = true;
    };
  };
}
