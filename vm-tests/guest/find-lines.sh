#!/bin/sh
# Runs in a machine at boot: mounts its kernel's modules, and gives the lines to the runner their names, /run/vm-test-line/agent and clock.
set -eu
mount -o ro LABEL=modules /lib/modules
mkdir -p /run/vm-test-line
cd /run/vm-test-line
if [ -b /dev/ubda ]; then
    # User-mode Linux.
    ln -sf /dev/ttyS0 agent
    ln -sf /dev/ttyS1 clock
    exit
fi
modprobe -a virtio_pci virtio_console virtio_net
# QEMU tells the names of its ports a moment after they are there.
until [ -e agent ] && [ -e clock ]; do
    for name in /sys/class/virtio-ports/*/name; do
        port=${name%/name}
        [ ! -s "$name" ] || ln -sf "/dev/${port##*/}" "$(cat "$name")"
    done
    sleep 0.1
done
