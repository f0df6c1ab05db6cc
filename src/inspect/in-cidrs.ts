// inCidrs(address, prefixes) of predicates. What is no address is in no prefix: a rule that lets some addresses be says
// `!inCidrs(…)`, and fires on text that is none.
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';

/** Parsed prefixes, which are mostly a rule's literals; forgotten all at once when a predicate makes up too many. */
const known = new Map<string, Cidr | undefined>();
const maxKnown = 10_000;

export function inCidrs(address: string, prefixes: readonly unknown[]): boolean {
  const one = read(address);
  if (!one || one.first !== one.last) return false;
  return prefixes.some((text) => {
    const prefix = typeof text === 'string' ? prefixOf(text) : undefined;
    return prefix !== undefined && contains(prefix, one);
  });
}

function prefixOf(text: string): Cidr | undefined {
  if (known.has(text)) return known.get(text);
  const prefix = read(text);
  if (known.size >= maxKnown) known.clear();
  known.set(text, prefix);
  return prefix;
}

function read(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
