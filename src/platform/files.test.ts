import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeWhole } from './files.ts';

test('a file is replaced whole, for its owner only, whatever lay where it is prepared', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'pc-files-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'key.pem');
  const prepared = `${path}.${process.pid}.tmp`;
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'mine');
  for (const lay of [
    () => {},
    () => symlinkSync(victim, prepared),
    () => writeFileSync(prepared, 'x', { mode: 0o666 }),
  ]) {
    lay();
    writeWhole(path, 'secret');
    assert.equal(readFileSync(path, 'utf8'), 'secret');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(victim, 'utf8'), 'mine');
    assert.deepEqual(readdirSync(folder).sort(), ['key.pem', 'victim']);
  }
});
