// Which part of a tag expression keeps a thing from matching it.
import type { Version } from '../base/version.ts';
import type { Expression } from './expression.ts';

/** A test of one type: the parts that expressions are joined from. */
export type Leaf = Extract<Expression, { op: 'any' | 'in' | 'exists' | 'compare' }>;

/**
 * The smallest part that decides, in words: `site=lab is false`, `NOT (label=x): label=x is true`. Undefined when the
 * expression holds.
 * @param holds whether a leaf is true of the thing
 */
export function whyNot(expression: Expression, holds: (leaf: Leaf) => boolean): string | undefined {
  return value(expression, holds) ? undefined : because(expression, holds);
}

function value(expression: Expression, holds: (leaf: Leaf) => boolean): boolean {
  switch (expression.op) {
    case 'and':
      return value(expression.left, holds) && value(expression.right, holds);
    case 'or':
      return value(expression.left, holds) || value(expression.right, holds);
    case 'not':
      return !value(expression.operand, holds);
    default:
      return holds(expression);
  }
}

/** Why the expression has the value that it has. */
function because(expression: Expression, holds: (leaf: Leaf) => boolean): string {
  switch (expression.op) {
    case 'and':
    case 'or': {
      // An AND that is false, and an OR that is true, has one side that decides; otherwise both do.
      const decided = expression.op === 'or';
      const sides = [expression.left, expression.right];
      const deciding =
        value(expression, holds) === decided
          ? sides.filter((side) => value(side, holds) === decided).slice(0, 1)
          : sides;
      return deciding.map((side) => because(side, holds)).join(' and ');
    }
    case 'not':
      return because(expression.operand, holds);
    default:
      return `${leafText(expression)} is ${holds(expression)}`;
  }
}

/** As it is written. */
export function leafText(leaf: Leaf): string {
  switch (leaf.op) {
    case 'any':
      return 'any';
    case 'exists':
      return `exists ${leaf.type}`;
    case 'in':
      return leaf.values.length === 1
        ? `${leaf.type}=${leaf.values[0]}`
        : `${leaf.type} in (${leaf.values.join(', ')})`;
    case 'compare': {
      const { bound } = leaf;
      return `${leaf.type} ${leaf.operator} ${'number' in bound ? bound.number : versionText(bound.version)}`;
    }
  }
}

function versionText({ major, minor, patch, prerelease }: Version): string {
  return `${major}.${minor}.${patch}${prerelease === undefined ? '' : `-${prerelease}`}`;
}
