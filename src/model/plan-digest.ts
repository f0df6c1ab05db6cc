// The digest of a plan: equal for equal plans, and cheap for one that differs little from one that was digested before.
//
// It is sha256 over the plan's canonical JSON in which every list of more than 16 elements is written as `#` and its own
// digest: of its length and the digests of its blocks of 256 elements. Values that were digested are not changed in place.
import { createHash } from 'node:crypto';

const longList = 16;
const blockLength = 256;

/** The digests of blocks that are known, by list. */
const blocksOf = new WeakMap<readonly unknown[], readonly string[]>();

/** Sha-256, hex. `former` is a value like it that was digested before: what they share isn't read again. */
export function digestOf(value: unknown, former?: unknown): string {
  return sha256(textOf(value, former));
}

function textOf(value: unknown, former: unknown): string {
  if (Array.isArray(value)) {
    const before = Array.isArray(former) ? former : [];
    if (value.length > longList) return listText(value, before);
    return `[${value.map((item, i) => textOf(item ?? null, before[i])).join(',')}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const before = (typeof former === 'object' ? former : undefined) as Record<string, unknown> | undefined;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, member]) => `${JSON.stringify(name)}:${textOf(member, before?.[name])}`);
  return `{${members.join(',')}}`;
}

function listText(list: readonly unknown[], former: readonly unknown[]): string {
  const blocks = blocksOf.get(list) ?? digestBlocks(list, former);
  blocksOf.set(list, blocks);
  return `#${sha256(`${list.length} ${blocks.join(' ')}`)}`;
}

function digestBlocks(list: readonly unknown[], former: readonly unknown[]): readonly string[] {
  const known = blocksOf.get(former) ?? [];
  const blocks: string[] = [];
  for (let first = 0; first < list.length; first += blockLength) {
    const same = known[blocks.length];
    if (same !== undefined && sameBlock(list, former, first)) {
      blocks.push(same);
      continue;
    }
    const texts: string[] = [];
    for (let i = first; i < Math.min(first + blockLength, list.length); i += 1)
      texts.push(textOf(list[i] ?? null, former[i]));
    blocks.push(sha256(texts.join(',')));
  }
  return blocks;
}

function sameBlock(a: readonly unknown[], b: readonly unknown[], first: number): boolean {
  const end = first + blockLength;
  if (Math.min(end, a.length) !== Math.min(end, b.length)) return false;
  for (let i = first; i < end && i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
