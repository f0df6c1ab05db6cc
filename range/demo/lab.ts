// What the demo's steps share: the range, the real portcullis processes on its hosts, and the controller's events.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../src/base/failure.ts';
import type { Status } from '../../src/model/api.ts';
import type { Entry } from '../../src/model/entry.ts';
import type { Range } from '../range.ts';
import type { HostName } from '../topology.ts';
import { evidence, type Service } from './evidence.ts';

const root = join(import.meta.dirname, '../..');
const cliMain = join(root, 'src/cli/main.ts');

export type Lab = {
  readonly range: Range;
  readonly dir: string;
  /** A line for whoever watches. */
  note(line: string): void;
  /** Runs a portcullis command on a host and reads its `-o json` answer. @throws Failure `demo-command` with its message */
  portcullis<T>(host: HostName, ...args: readonly string[]): Promise<T>;
  status(): Promise<Status>;
  /** Starts `portcullis ARGS` on a host; what it prints goes to `<dir>/<name>.log`. */
  start(host: HostName, name: string, ...args: readonly string[]): ChildProcess;
  /** Every entry of the log seen so far. */
  readonly entries: readonly Entry[];
  /** The first entry (also of those seen) that `matches`. @throws Failure `demo-timeout` saying what was waited for */
  entry(what: string, matches: (entry: Entry) => boolean, seconds?: number): Promise<Entry>;
  /** What services and the log said last, to be read where a step failed. */
  evidence(): string;
  /** Follows the controller's events from now on; goes on through its restarts. */
  follow(): void;
  dispose(): Promise<void>;
};

export const controllerPort = 7443;
/** Bounds a hang, seconds: a machine that is busy with other things, or stands still for a while, takes a tenth of it. */
export const longestSeconds = 180;

export function createLab(range: Range, dir: string, note: (line: string) => void): Lab {
  const entries: Entry[] = [];
  /** Why the log could not be followed, the last time that it could not. */
  let trouble = '';
  const waiting = new Set<() => void>();
  const services = new Map<string, Service>();
  const stop = new AbortController();
  const dataDir = (host: HostName) => join(dir, host);
  const argv = (host: HostName, args: readonly string[]) =>
    [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      cliMain,
      ...args,
      '--data-dir',
      dataDir(host),
    ] as const;

  async function portcullis<T>(host: HostName, ...args: readonly string[]): Promise<T> {
    const ran = await range.topology.runIn(host, argv(host, [...args, '-o', 'json']));
    if (ran.code !== 0 && ran.code !== 3)
      throw new Failure('demo-command', `portcullis ${args[0]} on ${host}: ${ran.stderr.trim()}`);
    return JSON.parse(ran.stdout) as T;
  }

  async function followEvents(): Promise<void> {
    while (!stop.signal.aborted) {
      const after = entries.at(-1)?.seq ?? 0;
      const child = range.topology.spawnIn(
        'security',
        argv('security', ['events', '-f', '-o', 'json', '--after', `${after}`]),
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      if (child.stdout) {
        createInterface({ input: child.stdout }).on('line', (line) => {
          const entry = JSON.parse(line) as Entry;
          if (!entry.hash) {
            trouble = line; // the error document of a controller that is away
            return;
          }
          entries.push(entry);
          for (const wake of waiting) wake();
        });
      }
      const end = () => child.kill();
      stop.signal.addEventListener('abort', end);
      await once(child, 'close');
      stop.signal.removeEventListener('abort', end);
      await delay(100);
    }
  }

  return {
    range,
    dir,
    note,
    portcullis,
    status: () => portcullis<Status>('security', 'status'),
    start(host, name, ...args) {
      mkdirSync(dir, { recursive: true });
      const file = join(dir, `${name}.log`);
      const log = openSync(file, 'a');
      const child = range.topology.spawnIn(host, argv(host, args), { stdio: ['ignore', log, log] });
      closeSync(log);
      services.set(name, { name, log: file, process: child });
      return child;
    },
    entries,
    evidence: () => evidence([...services.values()], entries, trouble),
    follow: () => void followEvents(),
    async entry(what, matches, seconds = longestSeconds) {
      const limit = AbortSignal.timeout(seconds * 1000);
      for (;;) {
        const found = entries.find(matches);
        if (found) return found;
        await new Promise<void>((resolve, reject) => {
          const done = (act: () => void) => () => {
            waiting.delete(wake);
            limit.removeEventListener('abort', expire);
            act();
          };
          const wake = done(resolve);
          const expire = done(() => reject(new Failure('demo-timeout', `waited ${seconds} s for ${what}`)));
          waiting.add(wake);
          limit.addEventListener('abort', expire);
        });
      }
    },
    async dispose() {
      stop.abort();
      const running = [...services.values()]
        .map(({ process }) => process)
        .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
      const ended = running.map((child) => once(child, 'exit'));
      for (const child of running) child.kill('SIGTERM');
      await Promise.race([Promise.all(ended), delay(5_000)]);
    },
  };
}
