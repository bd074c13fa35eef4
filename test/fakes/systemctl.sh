#!/bin/sh
# A systemctl with its state in $ROOT/systemd, for tests of the host seam. What it promises:
# - a unit is found only when its file was in /etc/systemd/system at the last daemon-reload (or when it was asked for first);
#   a file changed since shows as NeedDaemonReload=yes
# - enable makes, and disable removes, a link in multi-user.target.wants, and that directory when it is empty
# - starting records what the unit's file was then in running/UNIT; every call stands in log
set -eu
ROOT=$(cd "$(dirname "$0")/.." && pwd)
units=$ROOT/etc/systemd/system
state=$ROOT/systemd
mkdir -p "$units" "$state/loaded" "$state/running"
verb=$1
shift
for unit in "$@"; do :; done
echo "$verb ${unit:-}" >>"$state/log"
wants=$units/multi-user.target.wants
load() { if [ -e "$units/$unit" ]; then cp "$units/$unit" "$state/loaded/$unit"; fi; }
need() {
  if [ ! -e "$state/loaded/$unit" ]; then
    echo "Unit $unit could not be found." >&2
    exit 5
  fi
}
case $verb in
show)
  [ -e "$state/loaded/$unit" ] || load
  if [ -e "$state/loaded/$unit" ]; then echo LoadState=loaded; else echo LoadState=not-found; fi
  if [ -L "$wants/$unit" ]; then echo UnitFileState=enabled; elif [ -e "$units/$unit" ]; then echo UnitFileState=disabled; else echo UnitFileState=; fi
  if [ -e "$state/running/$unit" ]; then echo ActiveState=active; else echo ActiveState=inactive; fi
  if [ -e "$state/loaded/$unit" ] && ! cmp -s "$state/loaded/$unit" "$units/$unit"; then echo NeedDaemonReload=yes; else echo NeedDaemonReload=no; fi
  ;;
daemon-reload)
  rm -f "$state"/loaded/*
  for unit in "$units"/*; do
    unit=$(basename "$unit")
    if [ -f "$units/$unit" ]; then load; fi
  done
  ;;
enable) need && mkdir -p "$wants" && ln -sf "../$unit" "$wants/$unit" ;;
disable) rm -f "$wants/$unit" && { rmdir "$wants" 2>/dev/null || :; } ;;
start | restart) need && cp "$state/loaded/$unit" "$state/running/$unit" ;;
stop) rm -f "$state/running/$unit" ;;
reset-failed) ;;
*) echo "Unknown command verb $verb." >&2 && exit 1 ;;
esac
