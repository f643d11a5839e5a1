#!/bin/sh
# Runs in a test node: setup-network.sh IPV4 IPV6 MAC
# Makes eth1 with these addresses, on a device that stamps what it sends.
set -eu
# A container's cable is a veth, and that of an emulated machine a card: both stamp what they send.
for cable in host0 eth0; do
    if ip link show $cable >/dev/null 2>&1; then
        ip link set $cable down
        ip link set $cable name eth1 address "$3" up
        ip address add "$1/24" dev eth1
        ip address add "$2/64" dev eth1 nodad
        exit
    fi
done
# User-mode Linux: the address is on a veth bridged with vec0, for the vector driver stamps nothing.
modprobe veth
modprobe bridge
modprobe ipv6
ip link add outside type bridge forward_delay 0
ip link add eth1 address "$3" type veth peer name port1
ip link set vec0 master outside
ip link set port1 master outside
for link in outside vec0 port1 eth1; do ip link set "$link" up; done
ip address add "$1/24" dev eth1
ip address add "$2/64" dev eth1 nodad
