// The two ends of a rule, seen from one protected service: whom it means by callers, or why it doesn't speak of it.
//
// Only connections into a protected service are judged. So of a rule's two ends, one is the service and the other its
// callers: with `>` the service is `to`, with `<` it is `from`, with `<>` either may be.
import { Failure } from '../base/failure.ts';
import type { PolicyRule } from '../model/policy.ts';
import { type Tag, tagType, tagValue } from '../model/tag.ts';
import type { AddressBook } from './address-book.ts';
import { type AddressSet, intersect, nobody, union } from './address-set.ts';
import { matches, parseExpression } from './expression.ts';
import type { WrittenRule } from './written-rules.ts';

/** A protected service as rules speak of it. */
export type RuleTarget = {
  readonly name: string;
  readonly tags: readonly Tag[];
  /** `api`, or the name of another kind of protected service. */
  readonly service: string;
  readonly port: number;
};

/** Ports by the name of a service group. */
export type ServiceGroups = ReadonlyMap<string, readonly number[]>;

/** What a rule comes to at one service. */
export type RuleEnds =
  | { readonly callers: AddressSet; readonly because: string }
  | { readonly passedOver: string };

/** Kinds of protected services, which a rule may name. */
export const serviceKinds: ReadonlySet<string> = new Set([
  'api',
  'kubelet',
  'kubelet-read-only',
  'kubelet-health',
  'etcd',
  'components',
  'webhook',
]);

/** Values of one type at one server that `match` compares with. More is a slip, and would swell every plan. */
const maxMatchedValues = 64;

/** @throws Failure `bad-expression`, `bad-policy` */
export function ruleEnds(
  written: WrittenRule,
  target: RuleTarget,
  book: AddressBook,
  groups: ServiceGroups,
): RuleEnds {
  const { rule, place, servers } = written;
  const offered = speaksOf(rule, place, groups, target);
  if (offered !== undefined) return { passedOver: offered };
  if (servers && !matches(parseExpression(servers.text, servers.place), target.tags))
    return { passedOver: `its set '${written.set}' is for servers with ${servers.text}` };
  const callers: AddressSet[] = [];
  const because: string[] = [];
  for (const [mine, theirs] of endsOf(rule)) {
    if (!matches(parseExpression(rule[mine], `${place}.${mine}`), target.tags)) continue;
    callers.push(book.select(rule[theirs], `${place}.${theirs}`));
    because.push(rule[theirs]);
  }
  if (callers.length === 0) {
    const wanted = endsOf(rule).map(([mine]) => `${mine}: ${rule[mine]}`);
    return { passedOver: `the server is not of ${wanted.join(' nor of ')}` };
  }
  const equal = equalTags(rule, place, target, book);
  if ('passedOver' in equal) return equal;
  const text = because.length === 1 ? because.join('') : because.map((one) => `(${one})`).join(' OR ');
  return {
    callers: equal.sets.reduce(intersect, callers.length === 1 ? (callers[0] ?? nobody) : union(callers)),
    because: [text, ...equal.texts].join(', and '),
  };
}

/** The end that is the service, and the end that are its callers. */
export function endsOf({ direction = '>' }: PolicyRule): ['from' | 'to', 'from' | 'to'][] {
  const forward: ['to', 'from'] = ['to', 'from'];
  const back: ['from', 'to'] = ['from', 'to'];
  return direction === '>' ? [forward] : direction === '<' ? [back] : [forward, back];
}

/** Undefined when the rule is about this service. @throws Failure `bad-policy` for one that nothing is called */
function speaksOf(
  { service = 'api' }: PolicyRule,
  place: string,
  groups: ServiceGroups,
  target: RuleTarget,
): string | undefined {
  const ports = groups.get(service);
  if (ports) {
    return ports.includes(target.port)
      ? undefined
      : `service group '${service}' doesn't hold TCP port ${target.port}`;
  }
  if (!serviceKinds.has(service)) {
    throw new Failure('bad-policy', `there is no service '${service}'`, {
      place: `${place}.service`,
      hint: `name a service group of the inventory, or one of: ${[...serviceKinds].join(', ')}`,
    });
  }
  return service === target.service ? undefined : `it is about the service '${service}'`;
}

/** For each type of `match`, the addresses that carry one of the server's values. */
function equalTags(
  { match = [] }: PolicyRule,
  place: string,
  target: RuleTarget,
  book: AddressBook,
): { sets: AddressSet[]; texts: string[] } | { passedOver: string } {
  const sets: AddressSet[] = [];
  const texts: string[] = [];
  for (const type of match) {
    const values = target.tags.filter((tag) => tagType(tag) === type).map(tagValue);
    if (values.length === 0) return { passedOver: `the server has no ${type} to match` };
    if (values.length > maxMatchedValues) {
      throw new Failure(
        'bad-policy',
        `server '${target.name}' has ${values.length} values of '${type}', and at most ${maxMatchedValues} can be matched`,
        { place: `${place}.match`, hint: 'match on a type that has one value, such as site' },
      );
    }
    sets.push(union(values.map((value) => book.select(`${type} = ${value}`, `${place}.match`))));
    texts.push(`equal ${type} (${values.join(', ')})`);
  }
  return { sets, texts };
}
