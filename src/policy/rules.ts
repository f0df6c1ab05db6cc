// The ordered rules of one protected server.
//
//   1 break-glass          people's rules, as written: never steered, never narrowed by a shield
//   2 portcullis/controller     pass, the addresses that the controller probes from
//   3 portcullis/control-plane  pass, nodes and control-plane hosts of the server's cluster
//   4 shields, security, platform, default: by the strictest stage of the server's shields
//       observe, lifted   people's rules, then the policy's default
//       inspect           people's rules with steer for pass, then steer for everybody else, unless the default is
//                         deny or drop
//       block             callers that every blocking shield passes: as above; everybody else is denied
//
// A shield narrows and never opens: what people's rules or the default deny stays denied at every stage. So a blocking
// shield's pass list comes after those of people's deny rules that touch it, and passes nobody where the default is
// deny or drop; and while another shield inspects, it steers.
import type { PlanRule, ProtectedService } from '../model/plan.ts';
import type { Policy, PolicyRule, Verdict } from '../model/policy.ts';
import type { Shield } from '../model/shield.ts';
import type { AddressBook } from './address-book.ts';
import { type AddressSet, everybody, intersect, isEmpty, toCidrTexts, union } from './address-set.ts';
import { type RuleTarget, ruleEnds, type ServiceGroups } from './rule-ends.ts';
import type { ServerStages } from './stages.ts';
import type { WrittenRule } from './written-rules.ts';

/** A rule before its addresses become text. */
export type Rule = Omit<PlanRule, 'from'> & { readonly from: AddressSet };

/** People's rules that speak of one service, with their callers, in the order of judgement. */
export type PeopleRule = {
  readonly rule: PolicyRule;
  readonly from: AddressSet;
  /** What `from` was made from, for people. */
  readonly because: string;
  /** Where it stands in the document: `rules[3]`. */
  readonly place: string;
};

/** @throws Failure `bad-expression`, `bad-policy` */
export function peopleRules(
  rules: readonly WrittenRule[],
  book: AddressBook,
  groups: ServiceGroups,
  target: RuleTarget,
): PeopleRule[] {
  return rules.flatMap((written) => {
    const ends = ruleEnds(written, target, book, groups);
    if ('passedOver' in ends) return [];
    return { rule: written.rule, place: written.place, from: ends.callers, because: ends.because };
  });
}

export type ServerContext = {
  readonly policy: Policy;
  readonly book: AddressBook;
  readonly stages: ServerStages;
  readonly people: readonly PeopleRule[];
  readonly probers: AddressSet;
  readonly clusterHosts: AddressSet;
};

/** @throws Failure `bad-expression` in a shield's pass list */
export function serverRules(context: ServerContext): { rules: Rule[]; default: ProtectedService['default'] } {
  const { policy, stages, people } = context;
  const ordinary = people.filter(({ rule }) => rule.tier !== 'break-glass');
  const rules: Rule[] = people
    .filter(({ rule }) => rule.tier === 'break-glass')
    .map((one) => fromPeople(one, one.from, one.rule.action));
  rules.push(
    own('portcullis/controller', context.probers, 'the controller probes the server from here'),
    own('portcullis/control-plane', context.clusterHosts, 'nodes and control-plane hosts of its cluster'),
  );
  if (stages.blocking.length > 0) {
    rules.push(...blockRules(context, ordinary));
    return { rules, default: 'deny' };
  }
  if (stages.inspecting.length > 0) {
    rules.push(...ordinary.map((one) => fromPeople(one, one.from, steered(one.rule.action))));
    if (policy.default === 'pass') rules.push(steerRule(stages.inspecting, everybody, 'any'));
    return { rules, default: policy.default === 'pass' ? 'steer' : policy.default };
  }
  rules.push(...ordinary.map((one) => fromPeople(one, one.from, one.rule.action)));
  return { rules, default: policy.default };
}

function blockRules({ policy, book, stages }: ServerContext, ordinary: readonly PeopleRule[]): Rule[] {
  const inspect = stages.inspecting.length > 0;
  const pass = passedByAll(stages.blocking, book);
  const rules: Rule[] = [];
  for (const one of ordinary) {
    const from = intersect(one.from, pass);
    if (isEmpty(from)) continue;
    rules.push(fromPeople(one, from, inspect ? steered(one.rule.action) : one.rule.action));
  }
  const because = passText(stages.blocking);
  const [first] = stages.blocking;
  if (first && because !== undefined && policy.default === 'pass') {
    rules.push(
      inspect
        ? steerRule(stages.inspecting, pass, because)
        : shieldRule(`shield/${first.id}/pass`, pass, because, 'pass'),
    );
  }
  if (first) {
    // A reset tells a caller at once; drop only where every blocking shield asks for silence.
    const silent = stages.blocking.every((shield) => shield.firstResponse.action === 'drop');
    const all = `any (${shieldNames(stages.blocking)})`;
    rules.push(shieldRule(`shield/${first.id}/deny`, everybody, all, silent ? 'drop' : 'deny'));
  }
  return rules;
}

/** Callers that every one of the shields lets pass: one shield's exception is no exception from another. */
export function passedByAll(shields: readonly Shield[], book: AddressBook): AddressSet {
  return shields
    .map((shield) =>
      union(
        shield.firstResponse.pass.map((text, i) =>
          book.select(text, `shield ${shield.id}: firstResponse.pass[${i}]`),
        ),
      ),
    )
    .reduce(intersect, everybody);
}

/** The pass lists as one expression; undefined when some shield passes nobody. */
export function passText(shields: readonly Shield[]): string | undefined {
  const lists = shields.map(({ firstResponse }) => firstResponse.pass);
  if (lists.some((list) => list.length === 0)) return undefined;
  const texts = lists.map((list) => list.join(' OR '));
  return texts.length === 1 ? texts[0] : texts.map((text) => `(${text})`).join(' AND ');
}

function steered(verdict: Verdict): Verdict {
  return verdict === 'pass' ? 'steer' : verdict;
}

/** A rule that is always there: what a cluster lives by. */
export function own(id: string, from: AddressSet, because: string): Rule {
  return { id, tier: 'control-plane', from, because, verdict: 'pass', log: false };
}

export function fromPeople({ rule, because }: PeopleRule, from: AddressSet, verdict: Verdict): Rule {
  const { tier, log, sample } = rule;
  return {
    id: `policy/${rule.id}`,
    tier,
    from,
    because,
    verdict,
    log,
    ...(sample === undefined ? {} : { sample }),
  };
}

export function shieldRule(id: string, from: AddressSet, because: string, verdict: Verdict): Rule {
  return { id, tier: 'shields', from, because, verdict, log: true };
}

/** Named for the first inspecting shield; the gate judges with the rules of all of them. */
function steerRule(inspecting: readonly Shield[], from: AddressSet, because: string): Rule {
  return shieldRule(
    `shield/${inspecting[0]?.id ?? ''}/steer`,
    from,
    `${because} (${shieldNames(inspecting)})`,
    'steer',
  );
}

export function shieldNames(shields: readonly Shield[]): string {
  return shields.map(({ id }) => id).join(', ');
}

export function planRule(rule: Rule): PlanRule {
  return { ...rule, from: toCidrTexts(rule.from) };
}
