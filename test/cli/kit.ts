// Runs the real command line as a user does, and looks at what it leaves behind.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Status } from '../../src/model/api.ts';
import { run } from '../../src/platform/run.ts';

const main = join(import.meta.dirname, '../../src/cli/main.ts');

export type Place = {
  /** Words before the command: `ip netns exec NAME`. */
  readonly before?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};
export type Answer = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Milliseconds that bound a hang, less than a test has: a command has taken 90 s on a machine with far too much to do. */
const longest = 280_000;
/** Commands that go on, until they end. */
const started = new Set<ChildProcess>();

/** A folder of this test file's own. `remove` ends what was started and still runs, and removes the folder. */
export function scratch(name: string): { dir: string; path(...names: string[]): string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), `portcullis-${name}-`));
  chmodSync(dir, 0o711); // a gate that has given up root passes through
  process.env['NODE_COMPILE_CACHE'] = join(dir, 'compile-cache'); // the same code is started a hundred times
  return {
    dir,
    path: (...names) => join(dir, ...names),
    remove() {
      for (const child of started) child.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function words(args: readonly string[], { before = [] }: Place): [string, ...string[]] {
  const own = [process.execPath, '--disable-warning=ExperimentalWarning', main, ...args];
  return [...before, ...own] as [string, ...string[]];
}

/** Runs a command to its end. */
export function cli(args: readonly string[], place: Place = {}): Promise<Answer> {
  const [file, ...rest] = words(args, place);
  return run(file, rest, {
    env: { ...process.env, ...place.env },
    signal: AbortSignal.timeout(longest),
  });
}

export type Running = {
  readonly process: ChildProcess;
  readonly output: { readonly stdout: string; readonly stderr: string };
  /** Resolves when one of its streams has said it. @throws when it does not, with all that it said; it is ended */
  said(text: string | RegExp): Promise<void>;
  /** Sends the signal; how it ended. */
  end(signal?: NodeJS.Signals): Promise<Answer>;
  readonly ended: Promise<Answer>;
};

/** Starts a command that goes on. */
export function start(args: readonly string[], place: Place = {}): Running {
  const [file, ...rest] = words(args, place);
  const child = spawn(file, rest, {
    env: { ...process.env, ...place.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<Answer>((resolve) => {
    child.once('close', (code, signal) => {
      started.delete(child);
      resolve({ code: code ?? (signal ? 128 : 1), ...output });
    });
  });
  return {
    process: child,
    output,
    ended,
    said(text) {
      return new Promise((resolve, reject) => {
        const look = () => {
          const all = output.stdout + output.stderr;
          if (typeof text === 'string' ? all.includes(text) : text.test(all)) finish(resolve);
        };
        const finish = (act: () => void) => {
          listeners.delete(look);
          clearTimeout(timer);
          act();
        };
        const fail = (why: string) => {
          // A test that fails here may never come to end it, and would wait for it.
          child.kill('SIGKILL');
          finish(() => reject(new Error(`${why} without saying ${text}:\n${output.stdout}${output.stderr}`)));
        };
        const timer = setTimeout(() => fail(`${longest / 1000} s went by`), longest);
        listeners.add(look);
        void ended.then(() => fail('it ended'));
        look();
      });
    },
    async end(signal = 'SIGINT') {
      child.kill(signal);
      const hard = setTimeout(() => child.kill('SIGKILL'), longest);
      const answer = await ended;
      clearTimeout(hard);
      return answer;
    },
  };
}

/** Resolves when the first flaw's callers are inspected, and agent and gate enforce what the controller wants of them. */
export async function inspected(dataDir: string, place: Place): Promise<void> {
  for (;;) {
    const answer = await cli(['status', '--data-dir', dataDir, '--json'], place);
    assert.equal(answer.code, 0, answer.stderr);
    const { servers, workers } = JSON.parse(answer.stdout) as Status;
    const stages = servers.flatMap((server) => server.stages);
    const inspect = stages.some((one) => one.shield === 'CVE-2018-1002105' && one.stage === 'inspect');
    const enforced = workers.filter(({ ok, applied, wanted }) => ok && applied === wanted);
    if (inspect && enforced.length === 2) return;
  }
}

export { freePort } from '../../src/gate/test-kit.ts';

/** Every file under a folder with the hash of its bytes; SQLite's own side files and locks left out. Empty when absent. */
export function contents(folder: string): Readonly<Record<string, string>> {
  if (!existsSync(folder)) return {};
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names
      .filter((name) => !/(-wal|-shm|lock\.db)$/.test(name) && statSync(join(folder, name)).isFile())
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  );
}

/** What every failure looks like: one sentence on stderr that says all of `says`, with the code last; no stack, no secret. */
export function assertFailure(answer: Answer, code: number, says: readonly (string | RegExp)[]): void {
  const shown = `code ${answer.code}\n${answer.stderr}`;
  assert.equal(answer.code, code, shown);
  const lines = answer.stderr.split('\n').filter((line) => line.startsWith('portcullis: '));
  assert.equal(lines.length, 1, shown);
  for (const text of says) {
    const line = lines[0] ?? '';
    assert.ok(typeof text === 'string' ? line.includes(text) : text.test(line), `says ${text}: ${shown}`);
  }
  assert.match(lines[0] ?? '', / \[[a-z][a-z-]*\]$/, shown);
  assertClean(answer);
}

/** Nothing that only a developer or an attacker wants to read. */
export function assertClean({ stdout, stderr }: Pick<Answer, 'stdout' | 'stderr'>): void {
  for (const text of [stdout, stderr]) {
    assert.doesNotMatch(text, /^\s+at .+:\d+:\d+\)?$/m, 'a stack trace');
    assert.doesNotMatch(text, /PRIVATE KEY/, 'a key');
    assert.doesNotMatch(
      text,
      /\b[a-z0-9]{1,64}\.[A-Za-z0-9_-]{16,128}\.[0-9a-f]{64}\b/,
      'an enrolment token',
    );
    assert.doesNotMatch(text, /internal error|a defect of Portcullis/, 'a defect');
  }
}
