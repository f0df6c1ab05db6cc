// docs/tags.md says what the program does: its examples are run.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { readDocument } from '../model/document.ts';
import { ImportDocument } from '../model/import.ts';
import { Inventory } from '../model/inventory.ts';
import { Policy } from '../model/policy.ts';
import { addressBook } from './address-book.ts';
import { toCidrTexts } from './address-set.ts';
import { compile } from './compile.ts';
import { mergeImport } from './import-merge.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/tags.md'), 'utf8');

function block(kind: string): string {
  return (
    new RegExp(`\`\`\`yaml ${kind}\n(.*?)\`\`\``, 's').exec(page)?.[1] ??
    assert.fail(`no ${kind} on the page`)
  );
}

/** The rows of the table under a header: the expression, and what stands beside it. */
function rows(header: string): [string, string][] {
  const table = page.slice(page.indexOf(`| expression | ${header} |`)).split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| `(.*?)` \| (.*?) \|$/gm)].map(([, text = '', beside = '']) => [
    text,
    beside,
  ]);
}

const inventory = readDocument(Inventory, block('inventory'), 'docs/tags.md', 'bad-inventory');

test('every expression selects what the page says', () => {
  const book = addressBook(inventory);
  const table = rows('addresses that it selects above');
  assert.ok(table.length > 12);
  for (const [text, beside] of table) {
    const expected = beside === 'nobody' ? [] : beside.split(', ');
    assert.deepEqual(toCidrTexts(book.select(text, 'from')), expected, text);
  }
});

test('every refusal is the one that the page says', () => {
  const book = addressBook(inventory);
  const table = rows('why');
  assert.ok(table.length > 3);
  for (const [text, why] of table) {
    assert.throws(
      () => book.select(text, 'from'),
      (error: unknown) => {
        assert.ok(error instanceof Failure && error.message.includes(why), `${text}: ${String(error)}`);
        return true;
      },
      text,
    );
  }
});

test('the examples go together, and compile', () => {
  const found = readDocument(ImportDocument, block('import'), 'docs/tags.md', 'bad-inventory');
  const merged = mergeImport(inventory, 'cmdb', found, false);
  assert.deepEqual(
    merged.changes.map(({ change }) => change),
    ['added', 'added'],
  );
  const policy = Policy.parse({
    apiVersion: 'portcullis/v1',
    rules: [
      { id: 'a', from: 'group=workers', to: 'cluster=prod', action: 'pass' },
      { id: 'b', from: 'group=office', to: 'any', service: 'second-port', action: 'pass' },
    ],
  });
  const compiled = compile({
    inventory: Inventory.parse(merged.inventory),
    policy,
    shields: [],
    observed: new Map(),
    stages: [],
    controllers: [{ address: '10.250.0.1', port: 7443 }],
    probers: ['10.250.0.1'],
  });
  assert.deepEqual([...compiled.agents.keys()], ['cp-1', 'lab-1']);
});
