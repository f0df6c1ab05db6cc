// Two orders of names merged into one.

/**
 * The names of `base`, less those that are taken, with the taken names of `wanted` placed as they stand there: each behind
 * the nearest name before it that is in the result, or at the front.
 */
export function mergeOrder(
  base: readonly string[],
  wanted: readonly string[],
  take: (name: string) => boolean,
): string[] {
  const known = new Set(wanted);
  const result = base.filter((name) => !(known.has(name) && take(name)));
  wanted.forEach((name, at) => {
    if (!take(name)) return;
    const before = wanted.slice(0, at).findLast((each) => result.includes(each));
    result.splice(before === undefined ? 0 : result.indexOf(before) + 1, 0, name);
  });
  return result;
}

/** Of two orders of the same names, as many as can be left where they are: a longest common subsequence. */
export function unmoved(before: readonly string[], after: readonly string[]): string[] {
  const rank = new Map(before.map((name, at) => [name, at]));
  // The last name of the best run of each length, and for each name the one before it in its run.
  const tails: string[] = [];
  const previous = new Map<string, string | undefined>();
  for (const name of after) {
    const at = rank.get(name) ?? 0;
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rank.get(tails[middle] ?? '') ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    previous.set(name, tails[low - 1]);
    tails[low] = name;
  }
  const run: string[] = [];
  for (let name = tails.at(-1); name !== undefined; name = previous.get(name)) run.unshift(name);
  return run;
}
