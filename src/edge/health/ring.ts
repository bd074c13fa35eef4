/**
 * Whom `name` probes: the `count` members of its site that follow it in the order of names, which is a ring. So each
 * member is probed by as many, and a site of any size costs each node the same. Without itself; all others when there
 * are no more than `count`.
 */
export function successors(members: readonly string[], name: string, count: number): string[] {
  const ring = [...new Set([...members, name])].sort();
  const at = ring.indexOf(name);
  return [...ring.slice(at + 1), ...ring.slice(0, at)].slice(0, count);
}

/** Who probes `name`: the members that have it among their successors. */
export function predecessors(members: readonly string[], name: string, count: number): string[] {
  const ring = [...new Set([...members, name])].sort().reverse();
  const at = ring.indexOf(name);
  return [...ring.slice(at + 1), ...ring.slice(0, at)].slice(0, count);
}
