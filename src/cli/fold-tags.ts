// Tags for people: an old server has forty flaws, and a tag for each.

/** More flaws than this are a number. */
const few = 3;

/** `cve=` tags become `40 flaws` where there are many; the others stay as they are, and where they are. */
export function flawsFolded(tags: readonly string[]): string[] {
  const flaws = tags.filter((tag) => tag.startsWith('cve='));
  if (flaws.length <= few) return [...tags];
  return [`${flaws.length} flaws`, ...tags.filter((tag) => !tag.startsWith('cve='))];
}
