/** Where an edge node publishes its verdict on itself: annotation of its Node, JSON. */
export const offlineAnnotation = 'edgeadm.superedge.io/offline';
