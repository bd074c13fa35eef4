/** Starts edgeadm with the Node.js that lies beside it. May be called through a link. */
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
exec "$folder/node" "$folder/cli.js" "$@"
`;
