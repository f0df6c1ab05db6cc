// Ids of protected services: names of ours made safe as part of an nftables name, `[a-z0-9_]{1,48}`.

/**
 * An id for each name, stable as long as the name is: `api-1` → `api_1`. Names that lose something on the way (dots,
 * slashes, length) carry a hash of the whole name, so that no two share an id.
 */
export function serviceIds(names: readonly string[]): Map<string, string> {
  const ids = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of [...names].sort()) {
    const plain = name.replaceAll('-', '_');
    let id = /^[a-z0-9_]{1,48}$/.test(plain)
      ? plain
      : `${plain.replace(/[^a-z0-9_]/g, '_').slice(0, 39)}_${hash(name)}`;
    while (taken.has(id)) id = `${id.slice(0, 39)}_${hash(`${id} ${name}`)}`;
    taken.add(id);
    ids.set(name, id);
  }
  return ids;
}

/** FNV-1a, 32 bits, hex: spreads names; nothing rests on it being hard to invert. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const char of text) value = Math.imul(value ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value.toString(16).padStart(8, '0');
}
