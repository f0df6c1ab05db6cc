// Writes docs/reference/ from the code, or with --check says what is out of date. One definition, one page.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pages } from './docs-pages.ts';

const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');
let stale = 0;
for (const [path, text] of pages()) {
  const file = join(root, 'docs/reference', path);
  const wanted = `${text.trimEnd()}\n`;
  let current = '';
  try {
    current = readFileSync(file, 'utf8');
  } catch {
    // not written yet
  }
  if (current === wanted) continue;
  if (check) {
    stale++;
    console.error(`docs/reference/${path} is out of date: npm run docs`);
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wanted);
    console.error(`wrote docs/reference/${path}`);
  }
}
if (stale > 0) process.exitCode = 1;
