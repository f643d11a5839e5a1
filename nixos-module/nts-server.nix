# Serving time that proves where it comes from (NTS): certificate, keys, and the secret of a fleet.
{
  lib,
  config,
  ...
}:

let
  inherit (lib)
    mkDefault
    mkEnableOption
    mkIf
    mkOption
    types
    ;
  cfg = config.services.ntpd-rs;
  nts = cfg.nts.server;
  certificate = config.security.acme.certs.${nts.useACMEHost};
  hasACME = nts.useACMEHost != null;
in
{
  options.services.ntpd-rs.nts.server = {
    enable = mkEnableOption "key exchange (NTS), so that clients can tell that time comes from this server";

    listen = mkOption {
      type = types.str;
      default = "[::]:4460";
      description = "Address and TCP port where keys are exchanged.";
    };

    useACMEHost = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "time.example.org";
      description = ''
        The certificate of this name in {option}`security.acme.certs`. It is read where it lies, by the group that it has
        there, and again when it is renewed.
      '';
    };

    certificate = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/var/lib/tls/fullchain.pem";
      description = ''
        PEM file with the certificate, which comes first, and those that lead to a root, unless it comes by ACME. The
        group `ntpd-rs` must be able to read it, and it is read again when it changes.
      '';
    };

    key = mkOption {
      type = types.nullOr (
        types.pathWith {
          absolute = true;
          inStore = false;
        }
      );
      default = null;
      example = "/var/lib/tls/privkey.pem";
      description = ''
        PEM file with the key of the certificate, outside of the Nix store, which everybody may read.
      '';
    };

    fleetSecretFile = mkOption {
      type = types.nullOr (
        types.pathWith {
          absolute = true;
          inStore = false;
        }
      );
      default = null;
      example = "/run/secrets/nts-fleet";
      description = ''
        File with the secret that the servers of a fleet derive the same keys from. The unit gets it as a credential, so
        root alone need be able to read it. A server keeps its place in the sequence of keys itself; after the first
        synchronization this can be null again.
      '';
    };
  };

  config = mkIf (cfg.enable && nts.enable) {
    services.ntpd-rs = {
      nts.server = mkIf hasACME {
        certificate = mkDefault "${certificate.directory}/fullchain.pem";
        key = mkDefault "${certificate.directory}/key.pem";
      };
      settings = {
        server = mkDefault [ { listen = "[::]:123"; } ];
        nts-ke-server = [
          {
            inherit (nts) listen;
            certificate-chain-path = nts.certificate;
            private-key-path = nts.key;
          }
        ];
        keyset = {
          key-storage-path = mkDefault "/var/lib/ntpd-rs/nts-keys";
          shared-secret-path = mkIf (
            nts.fleetSecretFile != null
          ) "/run/credentials/ntpd-rs.service/nts-secret";
        };
      };
    };

    security.acme.certs = mkIf hasACME { ${nts.useACMEHost}.reloadServices = [ "ntpd-rs.service" ]; };

    systemd.services.ntpd-rs = {
      # It makes the files that are there until the real ones come.
      wants = mkIf hasACME [ "acme-${nts.useACMEHost}.service" ];
      after = mkIf hasACME [ "acme-${nts.useACMEHost}.service" ];
      serviceConfig = {
        SupplementaryGroups = mkIf hasACME [ certificate.group ];
        LoadCredential = mkIf (nts.fleetSecretFile != null) [ "nts-secret:${nts.fleetSecretFile}" ];
      };
    };
  };
}
