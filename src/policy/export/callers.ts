// Which callers a compiled service lets in.
import { parseCidr } from '../../base/cidr.ts';
import type { ProtectedService } from '../../model/plan.ts';
import {
  type AddressSet,
  addressSet,
  complement,
  everybody,
  intersect,
  subtract,
  toCidrTexts,
  union,
} from '../address-set.ts';

/** Those for whom the first matching rule, or the default, says pass. */
export function letIn(service: ProtectedService): AddressSet {
  let left = everybody;
  const passed: AddressSet[] = [];
  for (const rule of service.rules) {
    const from = addressSet(rule.from.map((text) => parseCidr(text)));
    if (rule.verdict === 'pass') passed.push(intersect(left, from));
    left = subtract(left, from);
  }
  if (service.default === 'pass') passed.push(left);
  return union(passed);
}

/** Everybody else. */
export function keptOut(service: ProtectedService): AddressSet {
  return complement(letIn(service));
}

type Block = { readonly cidr: string; readonly except?: readonly string[] };

/** A set as prefixes with their length; of each family as everything but the rest, where that is shorter. */
export function blocks(set: AddressSet): Block[] {
  return ([4, 6] as const).flatMap((family): Block[] => {
    const none = { 4: [], 6: [] };
    const inside = toCidrTexts({ ...none, [family]: set[family] }).map(withLength);
    const outside = toCidrTexts({ ...none, [family]: complement(set)[family] }).map(withLength);
    if (outside.length === 0 || outside.length + 1 >= inside.length) return inside.map((cidr) => ({ cidr }));
    return [{ cidr: family === 4 ? '0.0.0.0/0' : '::/0', except: outside }];
  });
}

/** Calico and Cilium want a length behind single addresses too. */
export function withLength(text: string): string {
  return text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
}

/** A name for objects: what Kubernetes takes for one (RFC 1123, at most 63 characters). */
export function objectName(server: string): string {
  return `portcullis-${server.replace(/[^a-z0-9-]+/g, '-')}`.slice(0, 63).replace(/-+$/, '');
}
