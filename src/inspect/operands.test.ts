import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { operandsOf } from './operands.ts';

const table: readonly [string, readonly (readonly [text: string, column: number, reached: string])[]][] = [
  ['a', [['a', 1, 'true']]],
  ['!a', [['a', 2, 'true']]],
  ['true', []],
  [
    'a && b',
    [
      ['a', 1, 'true'],
      ['b', 6, '(a)'],
    ],
  ],
  [
    'a || b || c',
    [
      ['a', 1, 'true'],
      ['b', 6, '!(a)'],
      ['c', 11, '!(a || b)'],
    ],
  ],
  [
    '(a || b) && !(c && d)',
    [
      ['a', 2, 'true'],
      ['b', 7, '!(a)'],
      ['c', 15, '((a || b))'],
      ['d', 20, '((a || b)) && (c)'],
    ],
  ],
  [
    'a ? b : c',
    [
      ['a', 1, 'true'],
      ['b', 5, '(a)'],
      ['c', 9, '!(a)'],
    ],
  ],
  [
    'x.exists(i, i.a && i.b) || y == ")" && z in [1, 2]',
    [
      ['x.exists(i, i.a && i.b)', 1, 'true'],
      ['y == ")"', 28, '!(x.exists(i, i.a && i.b))'],
      ['z in [1, 2]', 40, '!(x.exists(i, i.a && i.b)) && (y == ")")'],
    ],
  ],
];
for (const [text, wanted] of table) {
  test(`operands of ${text}`, () => {
    const found = operandsOf(text);
    assert.deepEqual(
      found.map((one) => [one.text, one.column]),
      wanted.map(([operand, column]) => [operand, column]),
    );
    // Parentheses may be written otherwise, the meaning is the same.
    assert.deepEqual(
      found.map(({ reached }) => reached.replaceAll(/[() ]/g, '')),
      wanted.map(([, , reached]) => reached.replaceAll(/[() ]/g, '')),
    );
  });
}

test('an operand is reached exactly when an evaluation from the left asks for it', () => {
  const names = ['a', 'b', 'c', 'd'];
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...names),
      fc
        .tuple(tie('expression'), fc.constantFrom('&&', '||'), tie('expression'))
        .map((parts) => parts.join(' ')),
      tie('expression').map((inner) => `(${inner})`),
      tie('expression').map((inner) => `!(${inner})`),
      fc
        .tuple(tie('expression'), tie('expression'), tie('expression'))
        .map(([x, y, z]) => `(${x} ? ${y} : ${z})`),
    ),
  }));
  const environment = new Environment();
  for (const name of names) environment.registerVariable(name, 'bool');
  const values = fc.record(Object.fromEntries(names.map((name) => [name, fc.boolean()])));
  const holds = (text: string, given: Record<string, boolean>) => environment.parse(text)(given) === true;
  fc.assert(
    fc.property(expression, values, (text, given) => {
      const operands = operandsOf(text);
      const reached = operands.filter((operand) => holds(operand.reached, given));
      assert.ok(reached.length > 0);
      for (const operand of reached) {
        assert.equal(text.slice(operand.column - 1, operand.column - 1 + operand.text.length), operand.text);
        assert.equal(holds(operand.text, given), given[operand.text]);
      }
      // A dumb twin: evaluation from the left, noting what is asked.
      const asked: number[] = [];
      walk(environment.parse(text).ast);
      assert.deepEqual(
        reached.map(({ column }) => column),
        asked,
      );

      // biome-ignore lint/suspicious/noExplicitAny: the tree's own types name every operator
      function walk(node: any): boolean {
        if (node.op === '&&') return walk(node.args[0]) && walk(node.args[1]);
        if (node.op === '||') return walk(node.args[0]) || walk(node.args[1]);
        if (node.op === '?:') return walk(node.args[0]) ? walk(node.args[1]) : walk(node.args[2]);
        if (node.op === '!_') return !walk(node.args);
        asked.push(node.start + 1);
        return given[node.args] === true;
      }
    }),
  );
});
