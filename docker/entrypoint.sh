#!/bin/sh
# Runs torbox-bridge as PUID:PGID when the container runs as root, and as whoever it is when it was
# started with `user:`. Then it is the program itself that receives signals.
set -eu
PATH=/opt/torbox-bridge/bin:$PATH

fail() {
    echo "torbox-bridge: $1" >&2
    exit 2
}

number() {
    case "$2" in
        '' | *[!0-9]*) fail "$1: expected a number, got '$2'" ;;
    esac
}

if [ "$(id -u)" -ne 0 ]; then
    exec torbox-bridge "$@"
fi

user=${PUID:-1000}
group=${PGID:-1000}
number PUID "$user"
number PGID "$group"

# Our own folder, as in the linuxserver images. Failing is no reason to stop (a network share may
# refuse it): the program says which folder it cannot write to.
if [ -d /config ] && [ "$(stat -c %u:%g /config)" != "$user:$group" ]; then
    chown -hR "$user:$group" /config 2>/dev/null || true
fi

# Docker makes the folder of a new mount for root. Where the default download folder does not exist
# yet, it is made for the user; one that exists is left exactly as it is.
if [ ! -e /data/torrents ] && mkdir -p /data/torrents 2>/dev/null; then
    chown "$user:$group" /data/torrents 2>/dev/null || true
    chmod 0775 /data/torrents 2>/dev/null || true
fi

if [ "$user" -eq 0 ]; then
    exec torbox-bridge "$@"
fi
exec setpriv --reuid="$user" --regid="$group" --clear-groups --no-new-privs torbox-bridge "$@"
