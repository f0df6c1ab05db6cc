// What typed parts of CEL are while they are compiled (native-expression.ts): a type, and a closure over attributes.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Attributes, Operation } from './attributes.ts';
import type { LinearRegex } from './linear-regex.ts';

/** Values of macros' variables, by their depth: two places each, the item and its index in its list. */
export type Frame = unknown[];
export type Get<T> = (attributes: Attributes, frame: Frame) => T;
export type NativeBool = Get<boolean>;

type Types = {
  string: string;
  bool: boolean;
  /** Of CEL's int and double alike: all that are compiled are exact in a double. */
  number: number;
  /** A value of a body's. */
  dyn: unknown;
  operation: Operation;
  'list<string>': readonly string[];
  'list<number>': readonly number[];
  'list<dyn>': readonly unknown[];
  'list<operation>': readonly Operation[];
};
export type TypeName = keyof Types;
type Typed<N extends TypeName> = {
  readonly type: N;
  readonly get: Get<Types[N]>;
  readonly literal?: Types[N];
};
export type Expression = { readonly [N in TypeName]: Typed<N> }[TypeName];

/** Lists whose items keep what their paths find. */
export type Root = 'objects' | 'pods';
type Variable = { readonly type: TypeName; readonly depth: number; readonly root?: Root | undefined };

export type Scope = {
  readonly regexOf: (pattern: string) => LinearRegex;
  readonly variables: ReadonlyMap<string, Variable>;
  /** Keys that are there, as an operand of && before says: `headers user-agent`. */
  readonly keys: ReadonlySet<string>;
};

export function emptyScope(regexOf: Scope['regexOf']): Scope {
  return { regexOf, variables: new Map(), keys: new Set() };
}

/** Compiles a node; undefined where it could fail, or holds what is not compiled. */
export type Compile = (node: ASTNode, scope: Scope) => Expression | undefined;

export const none: readonly never[] = [];
