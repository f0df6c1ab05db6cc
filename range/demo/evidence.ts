// Why a step failed, for whoever has only what the demo printed: its folder is gone when it ends.
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Entry } from '../../src/model/entry.ts';

/** A portcullis process that was started, and the file that it prints to. */
export type Service = { readonly name: string; readonly log: string; readonly process: ChildProcess };

const lastLines = 20;
const lastEntries = 15;
/** Characters of a line or an entry. */
const width = 500;

/** The last lines of each service's log, and the last entries of the controller's: neither holds secrets. */
export function evidence(services: readonly Service[], entries: readonly Entry[], trouble: string): string {
  return [
    ...services.flatMap(({ name, log, process }) => [
      `--- ${name}, ${fate(process)}:`,
      ...tail(readFileSync(log, 'utf8').trimEnd().split('\n'), lastLines),
    ]),
    ...(trouble === '' ? [] : [`--- following the log failed, last with ${trouble.slice(0, width)}`]),
    `--- the last of ${entries.length} entries:`,
    ...tail(
      entries.map(
        ({ seq, at, kind, actor, subject, data }) =>
          `${seq} ${at} ${kind} ${actor} ${subject} ${JSON.stringify(data)}`,
      ),
      lastEntries,
    ),
  ].join('\n');
}

function fate({ exitCode, signalCode }: ChildProcess): string {
  if (exitCode !== null) return `ended with code ${exitCode}`;
  return signalCode === null ? 'running' : `ended by ${signalCode}`;
}

function tail(lines: readonly string[], count: number): string[] {
  return lines.slice(-count).map((line) => `  ${line.slice(0, width)}`);
}
