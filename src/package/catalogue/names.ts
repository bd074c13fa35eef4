/** Component with what the node binary links (glibc, libgcc, libstdc++): the layer below edgeadm's own image. */
export const LIBRARIES = 'node-libraries';
