// Why a caller meets the verdict that it meets at one protected server: every rule on the way, and why it was passed over.
//
// The verdict is read from the compiled service, as the reference evaluator reads it. The reasons come from what people
// wrote. Both walk in the order of rules.ts.
import { type Cidr, contains, parseCidr } from '../base/cidr.ts';
import type { ExplainStep } from '../model/explain.ts';
import type { PlanRule, ProtectedService } from '../model/plan.ts';
import type { Policy, Verdict } from '../model/policy.ts';
import { type Tag, tagType, tagValue } from '../model/tag.ts';
import type { AddressBook } from './address-book.ts';
import type { AddressSet } from './address-set.ts';
import { matches, parseExpression } from './expression.ts';
import { endsOf, type RuleTarget, ruleEnds, type ServiceGroups } from './rule-ends.ts';
import { type Leaf, leafText, whyNot } from './why-not.ts';
import { expiryKey, rulesInForce, type WrittenRule } from './written-rules.ts';

export type ExplainContext = {
  readonly service: ProtectedService;
  /** The server as rules speak of it. */
  readonly target: RuleTarget;
  readonly policy: Policy;
  readonly expired: ReadonlySet<string>;
  readonly book: AddressBook;
  readonly groups: ServiceGroups;
};

/** @throws Failure `bad-address` */
export function explain(
  context: ExplainContext,
  address: string,
  tags: readonly Tag[],
): { verdict: Verdict; rule: string; steps: ExplainStep[] } {
  const { service, policy } = context;
  const caller: Caller = { cidr: parseCidr(address), tags };
  const compiled = new Map(service.rules.map((rule) => [rule.id, rule]));
  const written = rulesInForce(policy);
  const people = (glass: boolean): (() => ExplainStep)[] =>
    written
      .filter(({ rule }) => (rule.tier === 'break-glass') === glass)
      .map((one) => () => peopleStep(context, one, compiled.get(`policy/${one.rule.id}`), caller));
  const others = (prefix: string) =>
    service.rules.filter(({ id }) => id.startsWith(prefix)).map((rule) => () => otherStep(rule, caller));
  const way = [...people(true), ...others('portcullis/'), ...people(false), ...others('shield/')];
  const steps: ExplainStep[] = [];
  for (const look of way) {
    const step = look();
    steps.push(step);
    if (step.decides) return { verdict: step.verdict, rule: step.rule, steps };
  }
  const { default: verdict } = service;
  const whose =
    context.target.service !== 'api'
      ? 'of this service'
      : verdict === policy.default
        ? 'of the policy'
        : 'at this stage';
  const why = `no rule fits: the default ${whose}`;
  steps.push({ rule: 'default', tier: 'default', verdict, decides: true, why });
  return { verdict, rule: 'default', steps };
}

type Caller = { readonly cidr: Cidr; readonly tags: readonly Tag[] };

function peopleStep(
  context: ExplainContext,
  written: WrittenRule,
  compiled: PlanRule | undefined,
  caller: Caller,
): ExplainStep {
  const { rule, set, policy, place, owner } = written;
  const { expired } = context;
  const step = {
    rule: `policy/${rule.id}`,
    tier: rule.tier,
    verdict: compiled?.verdict ?? rule.action,
    set,
    policy,
    place,
    ...(owner === undefined ? {} : { owner }),
    ...(rule.reason === undefined ? {} : { reason: rule.reason }),
  };
  // One that can't lapse without locking somebody out is not among them, and goes on deciding.
  if (expired.has(expiryKey(rule) ?? ''))
    return { ...step, decides: false, why: `it expired at ${rule.expires}` };
  const steered = step.verdict !== rule.action ? ', steered while a shield inspects' : '';
  if (compiled && selects(compiled, caller))
    return { ...step, decides: true, why: `${compiled.because} holds${steered}` };
  return { ...step, decides: false, why: passedOver(context, written, caller) };
}

/** The one thing that keeps a rule of people from this caller at this server. */
function passedOver({ target, book, groups }: ExplainContext, written: WrittenRule, caller: Caller): string {
  const { rule, place } = written;
  const ends = ruleEnds(written, target, book, groups);
  if ('passedOver' in ends) return serverWhy(written, target) ?? ends.passedOver;
  if (holds(ends.callers, caller.cidr)) return 'it fits, but a shield in block does not let this caller pass';
  const isTrue = (leaf: Leaf) => holds(book.select(leafText(leaf), place), caller.cidr);
  const whys = endsOf(rule)
    .filter(([mine]) => matches(parseExpression(rule[mine]), target.tags))
    .map(([, theirs]) => ({ theirs, why: whyNot(parseExpression(rule[theirs]), isTrue) }));
  const end = whys.every(({ why }) => why !== undefined);
  if (end) return whys.map(({ theirs, why }) => `${theirs} fails: ${why}`).join('; ');
  const unequal = (rule.match ?? []).find((type) => {
    const values = target.tags.filter((tag) => tagType(tag) === type).map(tagValue);
    return !values.some((value) => holds(book.select(`${type} = ${value}`, place), caller.cidr));
  });
  const own = (tags: readonly Tag[]) =>
    tags
      .filter((tag) => tagType(tag) === unequal)
      .map(tagValue)
      .join(', ') || 'none';
  return `match fails: ${unequal} is ${own(caller.tags)} here and ${own(target.tags)} at the server`;
}

/** Which part of the expressions about the server fails. */
function serverWhy({ rule, set, servers }: WrittenRule, { tags }: RuleTarget): string | undefined {
  const isTrue = (leaf: Leaf) => matches(leaf, tags);
  const ofSet = servers && whyNot(parseExpression(servers.text), isTrue);
  if (ofSet !== undefined) return `its set '${set}' is not for this server: ${ofSet}`;
  const whys = endsOf(rule).map(([mine]) => ({ mine, why: whyNot(parseExpression(rule[mine]), isTrue) }));
  if (whys.some(({ why }) => why === undefined)) return undefined;
  return whys.map(({ mine, why }) => `${mine} fails for the server: ${why}`).join('; ');
}

function otherStep(rule: PlanRule, caller: Caller): ExplainStep {
  const decides = selects(rule, caller);
  const { id, tier, verdict, because } = rule;
  return { rule: id, tier, verdict, decides, why: decides ? because : `not one of: ${because}` };
}

function selects({ from }: PlanRule, { cidr }: Caller): boolean {
  return from.some((prefix) => contains(parseCidr(prefix), cidr));
}

function holds(set: AddressSet, { family, first }: Cidr): boolean {
  return set[family].some((range) => range.first <= first && first <= range.last);
}
