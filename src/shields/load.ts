// YAML text → a shield that is whole, means something and has proven itself on its own exchanges.
import { Failure } from '../base/failure.ts';
import { builtInRuleIds } from '../inspect/built-in-rules.ts';
import { inlineParameters } from '../inspect/parameters.ts';
import { compileRules } from '../inspect/rules.ts';
import { readDocument } from '../model/document.ts';
import { type PlainStep, Shield } from '../model/shield.ts';
import { parseExpression } from '../policy/expression.ts';
import { gateShield } from '../policy/gate-shield.ts';
import { parsePart, partName } from '../policy/part-name.ts';
import { checkCost } from './cost.ts';
import { maxSteps, stepCount, writtenSteps } from './exchange-steps.ts';
import { exchangeBytes } from './exchange-text.ts';
import type { waysOf } from './exchange-ways.ts';
import { requestProblem } from './request-twins.ts';
import { selfTest } from './self-test.ts';

type Problem = { readonly path: readonly (string | number)[]; readonly message: string };

/** Beyond the schema: what makes no sense is refused where it stands. */
const CheckedShield = Shield.superRefine((shield, context) => {
  for (const { path, message } of [
    ...ruleProblems(shield),
    ...testProblems(shield),
    ...passProblems(shield),
    ...reachProblems(shield),
  ]) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
});

/**
 * Reads and checks a shield without running its tests.
 * @param place the file's name
 * @throws Failure `bad-yaml` or `bad-shield`, with `file:line:column`, the field and, for a predicate, its column;
 * `shield-too-costly`
 */
export function parseShield(text: string, place: string): Shield {
  const shield = readDocument(CheckedShield, text, place, 'bad-shield');
  checkCost(gateShield(shield), place);
  return shield;
}

/**
 * Reads a shield and runs its tests: what is returned may be put in force.
 * @param ways in which each test is run; left out: every one there is
 * @throws Failure as parseShield, and `shield-self-test` naming the first test that failed and what differed
 */
export function loadShield(text: string, place: string, ways?: typeof waysOf): Shield {
  const shield = parseShield(text, place);
  const result = selfTest(shield, ways);
  const failed = result.tests.filter((test) => !test.ok);
  const first = failed[0];
  if (first) {
    const others = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    throw new Failure(
      'shield-self-test',
      `the ${first.kind} '${first.name}' did not go as expected: ${first.reason}${others}`,
      {
        place: `${place}: ${placeOf(shield, first.name)}`,
        hint: 'a shield is used only when its own attacks are cut and its own innocent exchanges pass',
      },
    );
  }
  return shield;
}

function placeOf({ tests, reach = [] }: Shield, name: string): string {
  const at = tests.findIndex((test) => test.name === name);
  return at >= 0 ? `tests[${at}]` : `reach[${reach.findIndex((test) => test.name === name)}]`;
}

function* ruleProblems(shield: Shield): Generator<Problem> {
  const seen = new Set<string>();
  const fired = new Set(shield.tests.flatMap((test) => test.expect.rules));
  const named = new Set<string>();
  const stripped = shield.deeperDefense.stripHeaders ?? [];
  const services = shield.firstResponse.services ?? [];
  const byGate = shield.deeperDefense.byGate ?? [];
  for (const [index, id] of byGate.entries()) {
    const path = ['deeperDefense', 'byGate', index];
    if (!builtInRuleIds.has(id)) yield { path, message: `the gate has no refusal '${id}'` };
    else if (!fired.has(id)) yield { path, message: `no test meets the refusal '${id}'` };
  }
  if (shield.deeperDefense.rules.length + stripped.length + services.length + byGate.length === 0) {
    const message = 'there is neither a rule, nor a field to take out, nor a service to close';
    yield { path: ['deeperDefense'], message };
  }
  for (const [index, rule] of shield.deeperDefense.rules.entries()) {
    const path = ['deeperDefense', 'rules', index];
    if (seen.has(rule.id)) yield { path: [...path, 'id'], message: `a second rule '${rule.id}'` };
    if (builtInRuleIds.has(rule.id)) {
      yield { path: [...path, 'id'], message: `'${rule.id}' is the name of a rule of the gate's own` };
    }
    seen.add(rule.id);
    if (shield.tier === 4 && rule.action !== 'log' && rule.action !== 'allow') {
      yield { path: [...path, 'action'], message: 'a shield of tier 4 only alerts: its rules log' };
    }
    for (const name of inlineParameters(rule.when, {}).names) {
      named.add(name);
      if (Object.hasOwn(shield.parameters ?? {}, name)) continue;
      yield { path: [...path, 'when'], message: `rule ${rule.id}: there is no parameter '${name}'` };
    }
    try {
      compileRules([{ ...gateShield(shield), rules: [rule] }]);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const column = /column \d+$/.exec(error.place ?? '')?.[0] ?? '';
      yield { path: [...path, 'when'], message: `rule ${rule.id}, ${column}: ${error.message}` };
    }
    if (!fired.has(rule.id)) yield { path: [...path, 'id'], message: `no test fires the rule '${rule.id}'` };
  }
  for (const name of Object.keys(shield.parameters ?? {})) {
    if (!named.has(name)) {
      yield { path: ['parameters', name], message: `no rule names the parameter '${name}'` };
    }
  }
}

function* testProblems(shield: Shield): Generator<Problem> {
  const actions = new Map(shield.deeperDefense.rules.map((rule) => [rule.id, rule.action]));
  const seen = new Set<string>();
  for (const kind of ['attack', 'innocent'] as const) {
    const all = [...shield.tests, ...(shield.reach ?? [])];
    if (!all.some((test) => test.kind === kind)) {
      yield { path: ['tests'], message: `there is no ${kind} among the tests` };
    }
  }
  for (const [index, test] of shield.tests.entries()) {
    const path = ['tests', index];
    if (seen.has(test.name)) yield { path: [...path, 'name'], message: `a second test '${test.name}'` };
    seen.add(test.name);
    for (const id of test.expect.rules) {
      const action = actions.get(id);
      if (!action && !builtInRuleIds.has(id)) {
        yield { path: [...path, 'expect', 'rules'], message: `there is no rule '${id}'` };
      }
      if (test.kind === 'innocent' && action !== 'allow' && action !== 'log') {
        yield { path: [...path, 'expect', 'rules'], message: `an innocent exchange can't fire '${id}'` };
      }
    }
    if (stepCount(test) > maxSteps) {
      yield { path: [...path, 'steps'], message: `with what is repeated they are more than ${maxSteps}` };
    }
    const steps = [...writtenSteps(test)];
    const sent = steps.map(({ step }) => sentText(step)).join('');
    for (const [at, text] of test.expect.neverToServer.entries()) {
      if (!sent.includes(text)) {
        const message = 'no step of the caller sends this, so it proves nothing';
        yield { path: [...path, 'expect', 'neverToServer', at], message };
      }
    }
    const answered = steps.map(({ step }) => answeredText(step)).join('');
    for (const [at, text] of test.expect.neverToClient.entries()) {
      if (!answered.includes(text)) {
        const message = 'no step of the server sends this, so it proves nothing';
        yield { path: [...path, 'expect', 'neverToClient', at], message };
      }
    }
    const strips =
      (shield.deeperDefense.stripHeaders ?? []).length > 0 && test.expect.neverToServer.length > 0;
    if (test.kind === 'attack' && test.expect.rules.length === 0 && !strips) {
      yield { path: [...path, 'expect'], message: 'an attack must fire a rule' };
    }
    if (test.expect.connection === undefined && !steps.every(({ step }) => 'request' in step)) {
      const message = 'say how the connection must stand, for not all steps are requests';
      yield { path: [...path, 'expect', 'connection'], message };
    }
    for (const { step, path: at } of steps) {
      const problem = 'request' in step ? requestProblem(step.request) : undefined;
      if (problem !== undefined) yield { path: [...path, ...at, 'request'], message: problem };
      const text = 'client' in step ? step.client : 'server' in step ? step.server : '';
      const message = failureOf(() => exchangeBytes(text));
      if (message !== undefined) yield { path: [...path, ...at], message };
    }
  }
}

/** What the caller sends, as far as it is text. */
function sentText(step: PlainStep): string {
  if ('client' in step) return step.client;
  if (!('request' in step)) return '';
  const { path, headers, contentType, object, body } = step.request;
  const values = Object.values(headers ?? {}).flat();
  return [path, ...values, contentType, object && JSON.stringify(object), body].join('\n');
}

function answeredText(step: PlainStep): string {
  if ('server' in step) return step.server;
  if (!('request' in step) || typeof step.answer !== 'object') return '';
  return [...Object.values(step.answer.headers ?? {}), step.answer.body].join('\n');
}

function* reachProblems(shield: Shield): Generator<Problem> {
  const { reach = [], firstResponse, component } = shield;
  const services = new Set(firstResponse.services);
  const part = parsePart(partName(component, 'x'));
  for (const [at, service] of (firstResponse.services ?? []).entries()) {
    const path = ['firstResponse', 'services', at];
    if (part?.kind !== (service === 'webhook' ? 'cluster' : 'host')) {
      yield { path, message: `'${service}' is closed for no flaw of ${component}` };
    }
    for (const kind of ['attack', 'innocent'] as const) {
      if (reach.some((test) => test.to === service && test.kind === kind)) continue;
      yield { path, message: `there is no ${kind} among the connections to '${service}'` };
    }
  }
  const seen = new Set(shield.tests.map(({ name }) => name));
  for (const [index, test] of reach.entries()) {
    const path = ['reach', index];
    if (seen.has(test.name)) yield { path: [...path, 'name'], message: `a second test '${test.name}'` };
    seen.add(test.name);
    if ((test.kind === 'attack') === (test.expect === 'pass')) {
      const message = 'an attack must not pass, and an innocent must';
      yield { path: [...path, 'expect'], message };
    }
    if (test.kind === 'attack' && !services.has(test.to)) {
      yield { path: [...path, 'to'], message: `the first response does not close '${test.to}'` };
    }
    if (test.named === undefined) continue;
    const { named } = test;
    const message = failureOf(() => parseExpression(named));
    if (message !== undefined) yield { path: [...path, 'named'], message };
  }
}

function* passProblems(shield: Shield): Generator<Problem> {
  for (const [index, text] of shield.firstResponse.pass.entries()) {
    const message = failureOf(() => parseExpression(text));
    if (message !== undefined) yield { path: ['firstResponse', 'pass', index], message };
  }
}

function failureOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}
