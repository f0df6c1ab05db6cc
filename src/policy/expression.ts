// Tag expressions: which things of the inventory a rule speaks of.
//
//   any                        everything
//   site=berlin  site!=berlin  a tag with that value; no tag with that value
//   site in (berlin, paris)    one of the values; `not in`: none of them
//   exists site  has(site)     any value at all
//   group=developers           a name of the inventory: of a group, cluster, host or server
//   k8s-version < 1.10.11      versions, part by part, for types that end in `version`; what a vendor adds to one
//                              (1.10.3-gke.1) counts as the upstream version that it is made from
//   cvss >= 9                  numbers, for every other type; a value that is no number compares false
//   NOT x, x AND y, x OR y     any letter case; NOT binds closest, then AND, then OR; parentheses
//
// A thing without a type has no value of it: `site=a` is false, `site!=a` true, every comparison false. Of several
// values one that fits is enough: `label=a` and `label=b` may both be true, and `label!=a` is NOT label=a.
import { Failure } from '../base/failure.ts';
import { compareVersions, parseBuild, type Version } from '../base/version.ts';
import { type Tag, tagType, tagValue } from '../model/tag.ts';
import { Tokens } from './tokens.ts';

/** What a comparison compares with: read once, when the expression is parsed. */
type Bound = { readonly version: Version } | { readonly number: number };

export type Expression =
  | { readonly op: 'any' }
  | { readonly op: 'in'; readonly type: string; readonly values: readonly string[] }
  | { readonly op: 'exists'; readonly type: string }
  | { readonly op: 'compare'; readonly type: string; readonly operator: Operator; readonly bound: Bound }
  | { readonly op: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'not'; readonly operand: Expression };

type Operator = '<' | '<=' | '>' | '>=';

const holds: Readonly<Record<Operator, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** Nesting of parentheses and NOT. Deeper is nobody's policy and would exhaust the stack. */
const maxDepth = 32;

/**
 * @param place where the text stands, e.g. `policy.yaml: rules[0].from`; the character is added to it
 * @throws Failure `bad-expression`
 */
export function parseExpression(text: string, place?: string): Expression {
  const tokens = new Tokens(text, place);
  const expression = parseOr(tokens, 0);
  if (tokens.peek().kind !== 'end') throw tokens.expected("AND, OR or the expression's end");
  return expression;
}

/**
 * Parses an expression that selects callers by their addresses. Without `any` it speaks of the addresses that the
 * inventory names; a negative one (`site!=lab`) is refused then, for it can't be told whether it means the addresses
 * that nobody named, and either reading would open or close more than somebody meant.
 * @throws Failure `bad-expression`
 */
export function parseCallers(text: string, place: string): Expression {
  const expression = parseExpression(text, place);
  if (!matches(expression, []) || mentionsAny(expression)) return expression;
  throw new Failure(
    'bad-expression',
    `'${text}' also fits addresses that have no tags, and doesn't say whether it means them`,
    {
      place,
      hint: `write 'any AND (${text})' for those as well, or ask for a tag, e.g. 'exists tier AND (${text})'`,
    },
  );
}

/** Does a thing with these tags match? Types may have several values; one that fits is enough. */
export function matches(expression: Expression, tags: readonly Tag[]): boolean {
  switch (expression.op) {
    case 'any':
      return true;
    case 'in':
      return tags.some(
        (tag) => tagType(tag) === expression.type && expression.values.includes(tagValue(tag)),
      );
    case 'exists':
      return tags.some((tag) => tagType(tag) === expression.type);
    case 'compare': {
      const { type, operator, bound } = expression;
      return tags.some((tag) => {
        if (tagType(tag) !== type) return false;
        const order = compareWith(tagValue(tag), bound);
        return order !== undefined && holds[operator](order);
      });
    }
    case 'and':
      return matches(expression.left, tags) && matches(expression.right, tags);
    case 'or':
      return matches(expression.left, tags) || matches(expression.right, tags);
    case 'not':
      return !matches(expression.operand, tags);
  }
}

/** Every value that the expression asks for by its name, with its type. */
export function namesOf(expression: Expression): (readonly [type: string, value: string])[] {
  switch (expression.op) {
    case 'in':
      return expression.values.map((value) => [expression.type, value] as const);
    case 'and':
    case 'or':
      return [...namesOf(expression.left), ...namesOf(expression.right)];
    case 'not':
      return namesOf(expression.operand);
    default:
      return [];
  }
}

/** Does the expression say `any` anywhere? */
function mentionsAny(expression: Expression): boolean {
  switch (expression.op) {
    case 'any':
      return true;
    case 'and':
    case 'or':
      return mentionsAny(expression.left) || mentionsAny(expression.right);
    case 'not':
      return mentionsAny(expression.operand);
    default:
      return false;
  }
}

function compareWith(value: string, bound: Bound): number | undefined {
  if ('number' in bound) {
    return /^\d+(\.\d+)?$/.test(value) ? Number(value) - bound.number : undefined;
  }
  const build = parseBuild(value);
  return build && compareVersions(build.version, bound.version);
}

function parseOr(tokens: Tokens, depth: number): Expression {
  let left = parseAnd(tokens, depth);
  while (tokens.takeKeyword('or')) left = { op: 'or', left, right: parseAnd(tokens, depth) };
  return left;
}

function parseAnd(tokens: Tokens, depth: number): Expression {
  let left = parseNot(tokens, depth);
  while (tokens.takeKeyword('and')) left = { op: 'and', left, right: parseNot(tokens, depth) };
  return left;
}

function parseNot(tokens: Tokens, depth: number): Expression {
  if (depth > maxDepth) throw tokens.failure(`nested deeper than ${maxDepth}`);
  if (tokens.takeKeyword('not')) return { op: 'not', operand: parseNot(tokens, depth + 1) };
  if (tokens.takeSymbol('(')) {
    const inner = parseOr(tokens, depth + 1);
    if (!tokens.takeSymbol(')')) throw tokens.expected('AND, OR or )');
    return inner;
  }
  if (tokens.takeKeyword('any')) return { op: 'any' };
  if (tokens.takeKeyword('exists')) return { op: 'exists', type: parseType(tokens) };
  if (tokens.takeKeyword('has')) {
    if (!tokens.takeSymbol('(')) throw tokens.expected('( after has');
    const type = parseType(tokens);
    if (!tokens.takeSymbol(')')) throw tokens.expected(')');
    return { op: 'exists', type };
  }
  return parseTest(tokens);
}

function parseTest(tokens: Tokens): Expression {
  const type = parseType(tokens);
  if (tokens.takeSymbol('=')) return { op: 'in', type, values: [parseValue(tokens)] };
  if (tokens.takeSymbol('!=')) return not({ op: 'in', type, values: [parseValue(tokens)] });
  if (tokens.takeKeyword('in')) return { op: 'in', type, values: parseList(tokens) };
  if (tokens.takeKeyword('not')) {
    if (!tokens.takeKeyword('in')) throw tokens.expected(`in after '${type} not'`);
    return not({ op: 'in', type, values: parseList(tokens) });
  }
  for (const operator of ['<=', '>=', '<', '>'] as const) {
    if (tokens.takeSymbol(operator))
      return { op: 'compare', type, operator, bound: parseBound(tokens, type) };
  }
  throw tokens.expected(`=, !=, in, not in, <, <=, > or >= after '${type}'`);
}

function not(operand: Expression): Expression {
  return { op: 'not', operand };
}

const reserved = new Set(['any', 'and', 'or', 'not', 'in', 'exists', 'has']);

function parseType(tokens: Tokens): string {
  const token = tokens.peek();
  if (token.kind !== 'word' || reserved.has(token.text.toLowerCase())) throw tokens.expected('a tag type');
  if (!/^[a-z][a-z0-9-]{0,62}$/i.test(token.text)) {
    throw tokens.failure(
      `'${token.text}' is not a tag type: letters, digits and "-", starting with a letter`,
    );
  }
  return tokens.next().text.toLowerCase();
}

function parseValue(tokens: Tokens): string {
  if (tokens.peek().kind !== 'word') throw tokens.expected('a tag value');
  return tokens.next().text;
}

function parseList(tokens: Tokens): string[] {
  if (!tokens.takeSymbol('(')) throw tokens.expected('( and a list of values');
  const values = [parseValue(tokens)];
  while (tokens.takeSymbol(',')) values.push(parseValue(tokens));
  if (!tokens.takeSymbol(')')) throw tokens.expected(', or )');
  return values;
}

function parseBound(tokens: Tokens, type: string): Bound {
  const token = tokens.peek();
  const refuse = (what: string): Failure => tokens.expected(what);
  const ofVersions = /(^|-)version$/.test(type);
  if (token.kind !== 'word') throw refuse(ofVersions ? 'a version' : 'a number');
  if (ofVersions) {
    const build = parseBuild(token.text);
    if (!build) throw refuse('a version like 1.10.11');
    if (build.suffix !== '') {
      throw tokens.failure(
        `'${build.suffix}' is a vendor's addition, which has no order: compare the upstream version, and ask for the distribution beside it`,
      );
    }
    tokens.next();
    return { version: build.version };
  }
  if (!/^\d+(\.\d+)?$/.test(token.text)) throw refuse(`a number ('${type}' compares as one)`);
  tokens.next();
  return { number: Number(token.text) };
}
