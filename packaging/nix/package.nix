# The programs with everything that packages have beside them, at the places where NixOS looks. `checks.tests` of the flake runs
# the tests, so that who installs this need not.
{
  lib,
  rustPlatform,
  stdenv,
  buildPackages,
  coreutils,
}:

let
  root = ../..;
  # What is built or installed, and no more: a change elsewhere builds nothing anew.
  sources = lib.fileset.unions [
    (root + "/Cargo.toml")
    (root + "/Cargo.lock")
    (root + "/src")
    (root + "/examples")
    (root + "/benches")
    (root + "/dbus")
    (root + "/systemd")
    (root + "/docs/man")
    (root + "/docs/configuration.md")
    (root + "/packaging/ntp.toml")
  ];
in
rustPlatform.buildRustPackage {
  pname = "ntpd-rs";
  version = (lib.importTOML (root + "/Cargo.toml")).package.version;

  src = lib.fileset.toSource {
    inherit root;
    fileset = sources;
  };
  cargoLock.lockFile = root + "/Cargo.lock";
  # The profile of all packages.
  buildType = "dist";
  cargoBuildFlags = [
    "--bins"
    "--example"
    "package-files"
  ];
  doCheck = false;

  # Manual pages and completions are written by a program of ours, here without a date.
  postInstall = ''
    env --unset=SOURCE_DATE_EPOCH ${stdenv.hostPlatform.emulator buildPackages} \
      "$releaseDir/examples/package-files" files
    install -Dm644 -t "$out/share/man/man5" files/man/*.5
    install -Dm644 -t "$out/share/man/man8" files/man/*.8
    install -Dm644 -t "$out/share/bash-completion/completions" files/completions/bash/*
    install -Dm644 -t "$out/share/zsh/site-functions" files/completions/zsh/*
    install -Dm644 -t "$out/share/fish/vendor_completions.d" files/completions/fish/*

    install -Dm644 -t "$out/lib/systemd/system" systemd/*.service systemd/*.socket
    install -Dm644 -t "$out/lib/systemd/ntp-units.d" systemd/ntp-units.d/*.list
    install -Dm644 -t "$out/lib/systemd/catalog" systemd/catalog/*.catalog
    install -Dm644 -t "$out/lib/sysusers.d" systemd/sysusers.d/*.conf
    install -Dm755 -t "$out/lib/NetworkManager/dispatcher.d" systemd/NetworkManager/20-ntpd-rs
    install -Dm644 -t "$out/share/dbus-1/system.d" dbus/org.ntpd_rs1.conf
    install -Dm644 -t "$out/share/dbus-1/system-services" dbus/org.ntpd_rs1.service
    install -Dm644 -t "$out/share/polkit-1/actions" dbus/org.ntpd-rs.policy
    install -Dm644 -t "$out/share/doc/ntpd-rs" packaging/ntp.toml

    for unit in "$out"/lib/systemd/system/*.service; do
      substituteInPlace "$unit" --replace-fail /usr/bin/ "$out/bin/"
    done
    substituteInPlace "$out"/share/dbus-1/system-services/*.service \
      --replace-fail /bin/false ${lib.getExe' coreutils "false"}
  '';

  meta = {
    description = "Network Time Protocol service for Linux: client and server";
    homepage = "https://github.com/ntpd-rs/ntpd-rs";
    license = with lib.licenses; [
      asl20 # or
      mit
    ];
    platforms = lib.platforms.linux;
    mainProgram = "ntp-ctl";
  };
}
