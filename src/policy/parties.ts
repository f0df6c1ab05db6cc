// Who is behind an address: the plan's address tags, longest prefix first.
import { parseCidr } from '../base/cidr.ts';
import type { AddressTags } from '../model/plan.ts';
import type { Party } from '../model/record.ts';

export type Parties = (address: string) => Party;

export function createParties(addressTags: readonly AddressTags[]): Parties {
  const find = createLookup(addressTags);
  return (address) => {
    const found = find(address);
    const { text } = parseCidr(address);
    return { address: text, name: found?.name ?? 'unknown', tags: [...(found?.tags ?? [])] };
  };
}

/** The entry that holds an address: one map per prefix length, so that it doesn't grow with the number of addresses. */
export function createLookup(
  addressTags: readonly AddressTags[],
): (address: string) => AddressTags | undefined {
  const lengths = new Map<string, Map<bigint, AddressTags>>();
  for (const entry of addressTags) {
    const cidr = parseCidr(entry.address);
    const key = `${cidr.family}/${cidr.bits}`;
    const table = lengths.get(key) ?? new Map<bigint, AddressTags>();
    table.set(cidr.first, entry);
    lengths.set(key, table);
  }
  const ordered = [...lengths].map(([key, table]) => {
    const [family = '', bits = ''] = key.split('/');
    return { family: Number(family), bits: Number(bits), table };
  });
  ordered.sort((a, b) => b.bits - a.bits);
  return (address) => {
    const { family, first } = parseCidr(address);
    for (const length of ordered) {
      if (length.family !== family) continue;
      const shift = BigInt((family === 4 ? 32 : 128) - length.bits);
      const found = length.table.get((first >> shift) << shift);
      if (found) return found;
    }
    return undefined;
  };
}
