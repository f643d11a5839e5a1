# Refused: nts.server.key' is not of type `null or absolute path not in the Nix store'
# A path of Nix, which would copy the key to where everybody may read it.
{
  services.ntpd-rs = {
    enable = true;
    nts.server = {
      enable = true;
      certificate = "/var/lib/tls/chain.pem";
      key = ./key-in-store.nix;
    };
  };
}
