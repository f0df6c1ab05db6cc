// The beginning of what a program prints that goes on until it is ended.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** The first `count` lines of a program that goes on; then it is killed. */
export async function firstLines(child: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (lines.length === count) child.kill('SIGKILL');
    });
  }
  await once(child, 'close');
  assert.ok(lines.length >= count, `${lines.length} of ${count} lines: ${lines.join('\n')}${said}`);
  return lines.slice(0, count);
}
