// The rules of the loaded shields, compiled once and indexed, so that a request meets only rules that could fire.
//
// Outcome: every rule that fires is a finding, in the order of the shields and of the rules within them; the most
// severe action of all that fired is carried out (`severest`); no rule fired means `allow`. A rule whose predicate
// can't be evaluated counts as fired, under the code `rule-error`, with the action close-client-and-server: closed by
// default (DESIGN decision 11). Where the rule says `onError: open`, the action is `log`. A rule with a rate fires when its
// predicate holds more often than that (rates.ts).
//
// Nothing is done, and the action is `log`, where the shield is in shadow or an exemption covers the request: what would
// have been done is told beside it.
import type { Severity } from '../model/common.ts';
import type { GateShield } from '../model/plan.ts';
import type { OnBody, RuleAction, RulePhase } from '../model/shield.ts';
import type { Attributes, UpgradeEvent } from './attributes.ts';
import {
  type CompiledExemption,
  compileExemption,
  type ExemptionScene,
  exemptionsFor,
} from './exemptions.ts';
import { inlineParameters } from './parameters.ts';
import { compilePredicate, indexedAttributes, type Predicate } from './predicate.ts';
import { type CallerRates, type Over, type Rate, rateOf } from './rates.ts';

/** A rule that fired. */
export type Fired = {
  readonly shield: string;
  readonly rule: string;
  readonly action: RuleAction;
  readonly severity: Severity;
  readonly message: string;
  /** HTTP status of a `deny`. */
  readonly status: number;
  /** Of a rule with a rate. */
  readonly over?: Over;
  /** The shield is in shadow. */
  readonly shadow?: true;
  /** The exemption that covers it. */
  readonly exemption?: string;
  /** What the rule asks for, where the shadow or the exemption keeps it from being done. */
  readonly would?: RuleAction;
};
type CompiledRule = Fired & {
  readonly test: Predicate['test'];
  readonly mayHold: Predicate['mayHold'];
  readonly failsOpen: boolean;
  readonly rate: Rate | undefined;
  readonly exemptions: readonly CompiledExemption[];
  /** What becomes of a request whose body can't be judged. */
  readonly onBody: OnBody;
};

/** What candidates are found by. */
export type RuleFacts = {
  readonly verb: string;
  readonly resource: string;
  readonly isResource: boolean;
  readonly subresource: string;
  readonly group: string;
};
export type AuthMethod = Attributes['request']['authMethod'];

/** Rules of one phase that could fire on these facts. */
export type Candidates = readonly CompiledRule[];

/** Compiled rules. Immutable to its users; shared by the connections of a listener. */
export type RuleSet = {
  readonly size: number;
  /** Names, lower case, of request fields that are taken out before a request goes on. */
  readonly stripHeaders: ReadonlySet<string>;
  readonly request: (facts: RuleFacts, upgrade: boolean) => Candidates;
  /** Rules over bodies: `heldFor` narrows them by the head. */
  readonly body: (facts: RuleFacts, upgrade: boolean) => Candidates;
  readonly response: (
    facts: RuleFacts,
    upgrade: boolean,
    status: number,
    authMethod: AuthMethod,
  ) => Candidates;
  /** Every exchange that the upgrade machine speaks of began with an upgrade request, or with a 101 out of nowhere. */
  readonly event: (facts: RuleFacts, upgrade: boolean, event: UpgradeEvent) => Candidates;
};

const order: readonly RuleAction[] = [
  'allow',
  'log',
  'deny',
  'close-client',
  'close-server',
  'close-client-and-server',
];

/** The action to carry out when these have fired; `allow` for none. */
export function severest(fired: readonly { readonly action: RuleAction }[]): RuleAction {
  let worst = 0;
  for (const { action } of fired) worst = Math.max(worst, order.indexOf(action));
  return order[worst] ?? 'close-client-and-server';
}

/**
 * @throws Failure `bad-predicate` naming the shield, the rule and the column in its predicate
 */
export function compileRules(shields: readonly GateShield[]): RuleSet {
  const phases: Record<RulePhase, Indexed[]> = { request: [], body: [], response: [], upgrade: [] };
  for (const shield of shields) {
    const exemptions = (shield.exemptions ?? []).map((exemption) => ({
      exemption,
      compiled: compileExemption(exemption),
    }));
    const shadow = shield.mode === 'shadow';
    for (const rule of shield.rules) {
      const when = inlineParameters(rule.when, shield.parameters ?? {});
      if (shield.unset?.some((name) => when.names.has(name))) continue;
      const predicate = compilePredicate(when.text, rule.phase, `${shield.id}: rule ${rule.id}: when`);
      phases[rule.phase].push({
        predicate,
        rule: {
          shield: shield.id,
          rule: rule.id,
          ...(shadow && rule.action !== 'allow'
            ? { action: 'log', shadow, would: rule.action }
            : { action: rule.action }),
          severity: rule.severity,
          message: rule.message,
          status: rule.status ?? 403,
          test: predicate.test,
          mayHold: predicate.mayHold,
          failsOpen: rule.onError === 'open',
          rate: rateOf(shield.id, rule),
          exemptions: exemptionsFor(rule, exemptions),
          onBody: shield.onBody ?? {},
        },
      });
    }
  }
  return {
    size: Object.values(phases).reduce((sum, { length }) => sum + length, 0),
    stripHeaders: new Set(
      shields.flatMap((shield) => (shield.mode === 'shadow' ? [] : (shield.stripHeaders ?? []))),
    ),
    request: index(phases.request),
    body: index(phases.body),
    response: indexAnswers(phases.response),
    event: index(phases.upgrade),
  };
}

/** No rule: the structural upgrade machine acts all the same. */
export const noRules: RuleSet = compileRules([]);

/** What is asked about a caller beyond the attributes. */
export type JudgeScene = ExemptionScene & {
  /** Left out: nothing is counted, and rules with a rate fire at every hit. */
  readonly rates?: CallerRates;
};

/** Evaluates candidates. Never throws. @param scene left out: no exemption is asked, and nothing counted */
export function judge(candidates: Candidates, attributes: Attributes, scene?: JudgeScene): readonly Fired[] {
  let fired: Fired[] | undefined;
  for (const rule of candidates) {
    const result = rule.test(attributes);
    if (result === false) continue;
    const one =
      result === true
        ? rule.rate
          ? overRate(rule, rule.rate, scene?.rates ?? uncounted)
          : rule
        : failed(rule);
    if (!one) continue;
    fired ??= [];
    fired.push(scene && rule.exemptions.length > 0 ? exempted(one, rule, attributes, scene) : one);
  }
  return fired ?? nothing;
}
const nothing: readonly Fired[] = [];
const uncounted: CallerRates = { hit: () => ({ verdict: undefined }) };

function overRate(rule: CompiledRule, rate: Rate, rates: CallerRates): Fired | undefined {
  const over = rates.hit(rate);
  // What is only told of is counted elsewhere, and is no record that an answer could name.
  return over && (rule.shadow ? rule : { ...rule, over });
}

/** What an exemption covers is only told; an `allow` needs none. */
function exempted(fired: Fired, rule: CompiledRule, attributes: Attributes, scene: ExemptionScene): Fired {
  if (fired.action === 'allow') return fired;
  const found = rule.exemptions.find(({ covers }) => covers(attributes.request, scene));
  if (!found) return fired;
  return { ...toldOf(fired), action: 'log', exemption: found.id, would: fired.would ?? fired.action };
}

/** Without what only the compiled rule needs. */
function toldOf({ shield, rule, action, severity, message, status, shadow, would }: Fired): Fired {
  const more = { ...(shadow ? { shadow } : {}), ...(would ? { would } : {}) };
  return { shield, rule, action, severity, message, status, ...more };
}

/**
 * The rules over bodies that this request's body is held for. The others are false whatever the body is, for what they ask
 * of the head is; without any the request goes on as it comes.
 */
export function heldFor(candidates: Candidates, attributes: Attributes): Candidates {
  return candidates.length === 0 ? candidates : candidates.filter((rule) => rule.mayHold(attributes));
}

/** Why a body is not judged: what a shield may let pass, or that the gate holds as many as it may. */
export type Unjudged = keyof OnBody | 'full';

/** Why a shield does not refuse what its rules can't judge, though it asks to. */
export type Excuse = Pick<Fired, 'shield' | 'shadow' | 'exemption'>;

/**
 * Must a request be refused whose body these rules can't judge? One that says so is enough; those of shields in shadow, and
 * those that an exemption covers, refuse nothing: they are told, each shield once. A rule that only tells refuses nothing either.
 */
export function judgeUnjudged(
  candidates: Candidates,
  why: Unjudged,
  attributes: Attributes,
  scene: ExemptionScene,
): { readonly refuses: boolean; readonly excused: readonly Excuse[] } {
  const excused = new Map<string, Excuse>();
  let refuses = false;
  for (const { shield, shadow, onBody, exemptions, action, would = action } of candidates) {
    if (would === 'log' || would === 'allow' || (why !== 'full' && onBody[why] === 'pass')) continue;
    const exemption = exemptions.find(({ covers }) => covers(attributes.request, scene))?.id;
    if (exemption === undefined && !shadow) refuses = true;
    else if (!excused.has(shield))
      excused.set(shield, {
        shield,
        ...(shadow ? { shadow } : {}),
        ...(exemption === undefined ? {} : { exemption }),
      });
  }
  return { refuses, excused: [...excused.values()] };
}

function failed(rule: CompiledRule): Fired {
  const action = rule.failsOpen ? 'log' : 'close-client-and-server';
  return {
    shield: rule.shield,
    rule: 'rule-error',
    ...(rule.shadow ? { action: 'log', shadow: true, would: action } : { action }),
    severity: 'major',
    message: rule.failsOpen
      ? `The rule ${rule.rule} could not be evaluated on this request, and lets such ones pass.`
      : `The rule ${rule.rule} could not be evaluated on this request, so it counts as fired.`,
    status: 403,
  };
}

type Indexed = { readonly predicate: Predicate; readonly rule: CompiledRule };

/** Where callers choose ever new combinations of what rules name, old ones are forgotten. */
const maxBuckets = 4_096;

/**
 * Candidates by the indexed attributes. Values that no rule names share one bucket, so the number of buckets is
 * bounded by the rules, whatever callers send.
 */
function index(
  rules: readonly Indexed[],
): (facts: RuleFacts, upgrade: boolean, event?: UpgradeEvent | '', authMethod?: AuthMethod) => Candidates {
  if (rules.length === 0) return () => none;
  const verbs = numbered(rules, 'request.verb');
  const resources = numbered(rules, 'request.resource');
  const subresources = numbered(rules, 'request.subresource');
  const groups = numbered(rules, 'request.group');
  const events = numbered(rules, 'upgrade.event');
  const authMethods = numbered(rules, 'request.authMethod');
  const buckets = new Map<number, Candidates>();
  return (facts, upgrade, event = '', authMethod = undefined) => {
    let number = verbs.of(facts.verb) * resources.count + resources.of(facts.resource);
    number = number * subresources.count + subresources.of(facts.subresource);
    number = number * groups.count + groups.of(facts.group);
    number = number * events.count + events.of(event);
    number = number * authMethods.count + (authMethod === undefined ? 0 : authMethods.of(authMethod));
    number = number * 4 + (upgrade ? 2 : 0) + (facts.isResource ? 1 : 0);
    const known = buckets.get(number);
    if (known) return known;
    const { verb, resource, subresource, group, isResource } = facts;
    const values: IndexedValues = {
      'request.verb': verb,
      'request.resource': resource,
      'request.subresource': subresource,
      'request.group': group,
      'request.upgrade': String(upgrade),
      'request.isResource': String(isResource),
      'request.authMethod': authMethod,
      'upgrade.event': event,
    };
    const bucket = rules
      .filter(({ predicate }) =>
        indexedAttributes.every((attribute) => {
          const possible = predicate.possible(attribute);
          const value = values[attribute];
          return !possible || value === undefined || possible.has(value);
        }),
      )
      .map(({ rule }) => rule);
    if (buckets.size >= maxBuckets) buckets.clear();
    buckets.set(number, bucket);
    return bucket;
  };
}
type IndexedValues = Readonly<Record<(typeof indexedAttributes)[number], string | undefined>>;
const none: Candidates = [];

/** Numbers for the values that rules name; 0 for all others. */
function numbered(
  rules: readonly Indexed[],
  attribute: (typeof indexedAttributes)[number],
): { readonly count: number; readonly of: (value: string) => number } {
  const values = new Set(rules.flatMap(({ predicate }) => [...(predicate.possible(attribute) ?? [])]));
  const numbers = new Map([...values].map((value, position) => [value, position + 1]));
  return { count: numbers.size + 1, of: (value) => numbers.get(value) ?? 0 };
}

/** Rules of answers are told apart by the status as well: statuses that all rules take alike share their candidates. */
function indexAnswers(rules: readonly Indexed[]): RuleSet['response'] {
  type Find = ReturnType<typeof index>;
  const byClass = new Map<string, Find>();
  const byStatus: (Find | undefined)[] = [];
  function findFor(status: number): Find {
    const left = rules.filter(({ predicate }) => predicate.mayAnswer(status));
    const name = left.map(({ rule }) => rules.findIndex((one) => one.rule === rule)).join();
    const find = byClass.get(name) ?? index(left);
    byClass.set(name, find);
    return find;
  }
  return (facts, upgrade, status, authMethod) => {
    byStatus[status] ??= findFor(status);
    return byStatus[status](facts, upgrade, '', authMethod);
  };
}
