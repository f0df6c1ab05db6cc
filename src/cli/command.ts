// What a command is: a name, its options, and a function from a context to an exit code. main.ts runs them, and the
// reference page is generated from them.
import type { ParseArgsOptionDescriptor } from 'node:util';
import { canonicalAddress } from '../base/cidr.ts';
import { Failure } from '../base/failure.ts';
import type { Endpoint } from '../model/common.ts';
import { parseHostPort } from '../platform/identity.ts';

/** Exit codes of every command. */
export const exitCodes = {
  0: 'done, and the answer is good',
  1: 'failed: the message on stderr says why and what to do; nothing was changed',
  2: 'wrong usage: a command, option or argument that is unknown, missing or malformed',
  3: 'done, and the answer is bad: a test missed, the log does not verify, a step was not proven',
} as const;
export type ExitCode = keyof typeof exitCodes;

export type CommandOption = ParseArgsOptionDescriptor & {
  /** What stands after the option in the help: `FILE`, `N`. Left out for switches. */
  readonly value?: string;
  readonly help: string;
};

export type Context = {
  readonly args: readonly string[];
  /** A string option, or its default. */
  option(name: string): string | undefined;
  /** A repeated string option. */
  list(name: string): readonly string[];
  flag(name: string): boolean;
  readonly json: boolean;
  /** The answer, on stdout. */
  print(text: string): void;
  /** Progress and notes, on stderr. */
  note(text: string): void;
  /**
   * Aborted by SIGINT or SIGTERM, from the first time that it is asked for: a command that goes on until it is
   * interrupted ends by it and answers 0. One that never asks is ended by these signals as any program is.
   */
  readonly signal: AbortSignal;
};

export type Command = {
  /** One or two words: `status`, `log verify`. */
  readonly name: string;
  readonly summary: string;
  /** Positional arguments as the usage line shows them. */
  readonly usage?: string;
  /** Further lines of help. */
  readonly details?: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** How many positional arguments it takes. */
  readonly arity: readonly [min: number, max: number];
  run(context: Context): Promise<ExitCode>;
};

/** Options that every command has. */
export const commonOptions: Readonly<Record<string, CommandOption>> = {
  output: {
    type: 'string',
    short: 'o',
    value: 'json',
    help: 'print one JSON document (or, following, one per line)',
  },
  json: { type: 'boolean', help: 'the same as -o json' },
  help: { type: 'boolean', short: 'h', help: 'show this help' },
};

/** Options of every command that talks to a controller or keeps state. */
export const dataOption: Readonly<Record<string, CommandOption>> = {
  'data-dir': {
    type: 'string',
    value: 'DIR',
    help: 'where state and identities are kept (default $PORTCULLIS_DATA or /var/lib/portcullis)',
  },
};

export function dataDir(context: Context): string {
  return context.option('data-dir') ?? process.env['PORTCULLIS_DATA'] ?? '/var/lib/portcullis';
}

/** What main.ts answers with exit code 2 and the way to the command's help. */
export function wrongUsage(message: string): Failure {
  return new Failure('usage', message);
}

/** A required string option. @throws Failure `usage` */
export function required(context: Context, name: string): string {
  const value = context.option(name);
  if (value === undefined) throw wrongUsage(`--${name} is needed`);
  return value;
}

/** A whole number from `min` to `max`; undefined when the option is not given. @throws Failure `usage` */
export function wholeNumber(context: Context, name: string, min: number, max: number): number | undefined {
  const text = context.option(name);
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrongUsage(`--${name} takes a whole number from ${min} to ${max}, not '${text}'`);
}

/** `ADDRESS:PORT`, IPv6 in brackets. @throws Failure `usage` */
export function endpoint(name: string, text: string): Endpoint {
  try {
    const { host, port } = parseHostPort(text);
    return { address: canonicalAddress(host), port };
  } catch {
    throw wrongUsage(`--${name} takes ADDRESS:PORT (IPv6 in brackets), not '${text}'`);
  }
}

/** @throws Failure `usage` unless the text is `HOST:PORT`: a name or an address, IPv6 in brackets */
export function checkHostPort(name: string, text: string): void {
  try {
    parseHostPort(text);
  } catch {
    throw wrongUsage(`--${name} takes HOST:PORT (IPv6 in brackets), not '${text}'`);
  }
}
