#!/bin/sh
# Runs in a test node: setup-network.sh IPV4 IPV6 MAC
# The address is on a veth bridged with vec0: the vector driver stamps nothing it sends, a veth does.
set -eu
if ip link show host0 >/dev/null 2>&1; then
    # A container: its cable is a veth already.
    ip link set host0 down
    ip link set host0 name eth1 address "$3" up
    ip address add "$1/24" dev eth1
    ip address add "$2/64" dev eth1 nodad
    exit
fi
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
