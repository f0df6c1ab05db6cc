// Parts that stand alike are told of together: a cluster of five hundred nodes has five hundred kubelets.

type PartLike = { readonly name: string; readonly component: string; readonly cluster: string };

/** Groups of those with the same component, cluster and key, in the order in which the first of each came. */
export function alike<T>(
  items: readonly T[],
  part: (item: T) => PartLike,
  key: (item: T) => string,
): (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const { component, cluster } = part(item);
    const id = JSON.stringify([component, cluster, key(item)]);
    const group = groups.get(id);
    if (group) group.push(item);
    else groups.set(id, [item]);
  }
  return [...groups.values()];
}

/** `kubelet/node-1`; of several `kubelet of lab (3)`. */
export function groupName(parts: readonly [PartLike, ...PartLike[]]): string {
  const [{ name, component, cluster }] = parts;
  return parts.length === 1 ? name : `${component} of ${cluster} (${parts.length})`;
}
