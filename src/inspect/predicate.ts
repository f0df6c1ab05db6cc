// One rule's predicate: CEL text → a checked test over attributes. What can be answered without the CEL evaluator
// (native-expression.ts) is: exactly where the whole predicate is of that kind, as a necessary condition tried first where
// it is not.
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { Failure } from '../base/failure.ts';
import type { RulePhase } from '../model/shield.ts';
import { type Attributes, attributeTable, isSecretHeader, noHeaders } from './attributes.ts';
import { checkBodyValues, registerBodyFunctions } from './body-values.ts';
import { inCidrs } from './in-cidrs.ts';
import { compileRegex, type LinearRegex } from './linear-regex.ts';
import { nativeTest, possibleValues } from './native-test.ts';
import { RegexError } from './regex-parse.ts';
import { children } from './tree.ts';

export type Predicate = {
  /** Throws nothing: an error of evaluation (a missing key, a wrong index) is 'error'. */
  readonly test: (attributes: Attributes) => boolean | 'error';
  /** Could it hold for any body, as far as the request's head says? For what it asks of the head only. */
  readonly mayHold: (attributes: Attributes) => boolean;
  /** Could it hold for an answer of this status, whatever else is asked? */
  readonly mayAnswer: (status: number) => boolean;
  /** Values that an indexed attribute must have for the predicate to hold; undefined: any. */
  readonly possible: (attribute: string) => ReadonlySet<string> | undefined;
};

/** A predicate is short: this bounds what one evaluation can cost. */
const maxNodes = 500;
const regexes = new Map<string, LinearRegex>();
const environments = new Map<RulePhase, Environment>();

/**
 * @throws Failure `bad-predicate`: syntax, an unknown or not readable attribute, a type that doesn't fit, a result that
 * is no boolean, a regular expression outside the linear kind. The place is `place` and the column.
 */
export function compilePredicate(text: string, phase: RulePhase, place: string): Predicate {
  const environment = environmentOf(phase);
  const refuse = (why: string, at = 0) =>
    new Failure('bad-predicate', why, { place: `${place}, column ${at + 1}` });
  const parsed = attempt(() => environment.parse(text), refuse);
  const ast = parsed.ast;
  const calls: Match[] = [];
  inspect(ast, calls, refuse);
  // The unexpanded tree is read before the check, which rewrites macros in place.
  const native = nativeTest(ast, regexOf);
  const mayHold = nativeTest(ast, regexOf, (name) => name.startsWith('request.'))?.test ?? always;
  const byStatus = nativeTest(ast, regexOf, (name) => name === 'response.status')?.test ?? always;
  const mayAnswer = (status: number) => byStatus(answerOf(status));
  const values = new Map<string, ReadonlySet<string> | undefined>(
    indexedAttributes.map((name) => [name, possibleValues(ast, name)]),
  );
  const possible = (attribute: string) => values.get(attribute);
  const checked = parsed.check();
  if (!checked.valid) throw refuse(firstLine(checked.error), rangeStart(checked.error));
  if (checked.type !== 'bool') throw refuse(`it is a ${checked.type}, not a bool`);
  if (phase === 'body') checkBodyValues(ast, refuse);
  const facts = { possible, mayHold, mayAnswer };
  if (native?.exact) return { ...facts, test: native.test };
  const evaluate = evaluated(environment, text, calls);
  const first = native?.test;
  if (!first) return { ...facts, test: evaluate };
  return { ...facts, test: (attributes) => first(attributes) && evaluate(attributes) };
}

/** The evaluator's answer alone, which compilePredicate's must be the same as. The predicate must compile. */
export function interpretPredicate(text: string, phase: RulePhase): Predicate['test'] {
  const environment = environmentOf(phase);
  const calls: Match[] = [];
  inspect(environment.parse(text).ast, calls, (why) => new Failure('bad-predicate', why));
  return evaluated(environment, text, calls);
}

function evaluated(environment: Environment, text: string, calls: readonly Match[]): Predicate['test'] {
  const evaluate = linear(environment, text, calls);
  return (attributes) => {
    try {
      return evaluate(attributes) === true;
    } catch {
      return 'error';
    }
  };
}

/** Attributes that rules.ts indexes by. */
export const indexedAttributes = [
  'request.verb',
  'request.resource',
  'request.subresource',
  'request.group',
  'request.upgrade',
  'request.isResource',
  'request.authMethod',
  'upgrade.event',
] as const;

const always = () => true;

/** Nothing but the status: no other attribute is asked. */
function answerOf(status: number): Attributes {
  return { response: { status: BigInt(status), headers: noHeaders } } as Attributes;
}

type Refuse = (why: string, at?: number) => Failure;
/** A `matches` call: where its name stands in the text. */
type Match = { readonly nameAt: number };

function environmentOf(phase: RulePhase): Environment {
  const known = environments.get(phase);
  if (known) return known;
  const environment = new Environment({ limits: { maxAstNodes: maxNodes, maxDepth: 50 } });
  if (phase === 'body') registerBodyFunctions(environment);
  const variables = new Map<string, Record<string, string>>();
  for (const row of attributeTable) {
    if (!(row.phases as readonly RulePhase[]).includes(phase)) continue;
    const [variable = '', field] = row.name.split('.');
    if (field === undefined) {
      environment.registerVariable(variable, row.type);
      continue;
    }
    const schema = variables.get(variable) ?? {};
    schema[field] = row.type;
    variables.set(variable, schema);
  }
  for (const [name, schema] of variables) environment.registerVariable(name, { schema });
  environment.registerFunction(`string.${linearName}(string): bool`, (value: string, pattern: string) =>
    regexOf(pattern)(value),
  );
  environment.registerFunction('inCidrs(string, list<string>): bool', inCidrs);
  environments.set(phase, environment);
  return environment;
}

/** The library's own `matches` backtracks and can't be replaced, so calls are renamed before evaluation. */
const linearName = 'linearMatches';

function linear(
  environment: Environment,
  text: string,
  calls: readonly Match[],
): (attributes: Attributes) => unknown {
  let renamed = text;
  for (const { nameAt } of [...calls].sort((a, b) => b.nameAt - a.nameAt)) {
    renamed = renamed.slice(0, nameAt) + linearName + renamed.slice(nameAt + 'matches'.length);
  }
  const parsed = environment.parse(renamed);
  parsed.check();
  return parsed;
}

function regexOf(pattern: string): LinearRegex {
  const known = regexes.get(pattern);
  if (known) return known;
  const made = compileRegex(pattern);
  regexes.set(pattern, made);
  return made;
}

/** Refuses what the type check lets through and collects the calls of `matches`. */
function inspect(node: ASTNode, calls: Match[], refuse: Refuse): void {
  if (node.op === 'id' && node.args === linearName)
    throw refuse(`Unknown variable: ${node.args}`, node.start);
  if (node.op === 'call' && node.args[0] === 'dyn') {
    throw refuse('dyn() hides types from the check and is not admitted', node.start);
  }
  if (node.op === 'rcall') {
    const [name, receiver, args] = node.args;
    if (name === linearName) throw refuse(`no function ${name}`, node.start);
    if (name === 'matches') calls.push(readMatch(node, receiver, args, refuse));
  }
  if (node.op === '[]' || node.op === '.')
    checkAccess(node.op, node.args[0], node.args[1], refuse, node.start);
  for (const child of children(node)) inspect(child, calls, refuse);
}

function readMatch(node: ASTNode, receiver: ASTNode, args: readonly ASTNode[], refuse: Refuse): Match {
  const pattern = args[0];
  if (args.length !== 1 || pattern?.op !== 'value' || typeof pattern.args !== 'string') {
    throw refuse('matches() takes one literal regular expression', node.start);
  }
  try {
    regexOf(pattern.args);
  } catch (cause) {
    if (!(cause instanceof RegexError)) throw cause;
    throw refuse(`the regular expression is not admitted: ${cause.message}`, pattern.start);
  }
  const between = node.input.slice(receiver.end, pattern.start);
  if (between.split('matches').length !== 2) {
    throw refuse("nothing but the call's own name may stand between a value and its matches()", node.start);
  }
  return { nameAt: receiver.end + between.indexOf('matches') };
}

const variables: readonly string[] = ['request', 'response', 'upgrade', 'patch', 'body'];

/** Attributes are named plainly, so that all are known here; the headers that can't be read are refused here. */
function checkAccess(
  op: '[]' | '.',
  left: ASTNode,
  right: ASTNode | string,
  refuse: Refuse,
  at: number,
): void {
  const variable = left.op === 'id' && variables.includes(left.args);
  if (op === '[]' && variable) throw refuse(`write ${left.args as string}.name, not an index`, at);
  if (left.op !== '.' || (left.args[1] !== 'headers' && left.args[1] !== 'query')) return;
  const key = typeof right === 'string' ? right : right.op === 'value' ? right.args : undefined;
  if (typeof key !== 'string') return;
  if (left.args[1] === 'query') {
    if (!isSecretHeader(key.toLowerCase())) return;
    throw refuse(`the query parameter '${key}' carries credentials and can't be read`, at);
  }
  if (key !== key.toLowerCase()) throw refuse(`header names are lower case: '${key.toLowerCase()}'`, at);
  if (isSecretHeader(key)) throw refuse(`the header '${key}' carries credentials and can't be read`, at);
}

function attempt<T>(action: () => T, refuse: Refuse): T {
  try {
    return action();
  } catch (error) {
    throw refuse(firstLine(error), rangeStart(error));
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

function rangeStart(error: unknown): number {
  const range = (error as { range?: { start?: number } } | undefined)?.range;
  return range?.start ?? 0;
}
