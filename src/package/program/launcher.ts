/**
 * Starts edgeadm with the Node.js that lies beside it. May be called through a link. `EDGEADM_NODE_FLAGS` has flags for
 * Node.js that it does not take from NODE_OPTIONS; the unit of an edge node's own process sets it.
 */
export const LAUNCHER = `#!/bin/sh
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=\${self%/*}/$target ;;
  esac
done
case $self in
  */*) folder=\${self%/*} ;;
  *) folder=. ;;
esac
# shellcheck disable=SC2086
exec "$folder/node" \${EDGEADM_NODE_FLAGS-} "$folder/cli.js" "$@"
`;
