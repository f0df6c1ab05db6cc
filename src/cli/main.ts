// The command line: finds the command, parses its options, runs it, turns failures into a sentence and an exit code.
import { parseArgs } from 'node:util';
import { describeFailure, Failure } from '../base/failure.ts';
import {
  type Command,
  type Context,
  commonOptions,
  type ExitCode,
  exitCodes,
  wrongUsage,
} from './command.ts';
import { commands, loadCommands } from './commands.ts';
import { errorDocument } from './error-document.ts';
import { printable } from './table.ts';

// Whoever read our output may be gone: without a reader of answers there is nothing left to do (`events | head`), while a
// service goes on without a reader of its notes.
process.stdout.on('error', () => process.exit(0));
process.stderr.on('error', () => {});

/** Set once a command has asked for it. */
let interruption: AbortSignal | undefined;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<ExitCode> {
  const found = await find(argv);
  if (!found) return notFound(argv);
  const { command, rest } = found;
  let json = asksForJson(rest);
  try {
    const { values, positionals } = parse(command, rest);
    if (values['help']) {
      process.stdout.write(help(command));
      return 0;
    }
    const output = values['output'];
    if (output !== undefined && output !== 'json')
      throw wrongUsage(`unknown output '${output}'; known: json`);
    json = output === 'json' || values['json'] === true;
    const [min, max] = command.arity;
    if (positionals.length < min || positionals.length > max)
      throw wrongUsage(`expected: portcullis ${command.name} ${command.usage ?? '(no arguments)'}`);
    return await command.run(createContext(values, positionals, json));
  } catch (error) {
    if (interruption?.aborted && (error as Error).name === 'AbortError') return 0;
    return failed(asFailure(error, command), json);
  }
}

function failed(failure: Failure, json: boolean): ExitCode {
  if (json) process.stdout.write(`${errorDocument.write(failure)}\n`);
  process.stderr.write(`portcullis: ${printable(describeFailure(failure))}\n`);
  for (const line of failure.pointer?.split('\n') ?? []) process.stderr.write(`  ${printable(line)}\n`);
  if (failure.code === 'internal' && process.env['PORTCULLIS_DEBUG'])
    process.stderr.write(`${(failure.cause as Error).stack}\n`);
  return failure.code === 'usage' ? 2 : 1;
}

/** What went wrong as the user sees it: usage gets the way to the help, the system's refusals their file. */
function asFailure(error: unknown, command: Command): Failure {
  if (error instanceof Failure) {
    if (error.code !== 'usage') return error;
    return new Failure('usage', error.message, { hint: `see: portcullis ${command.name} --help` });
  }
  const { syscall, path, code, message } = error as NodeJS.ErrnoException;
  if (syscall !== undefined && code !== undefined) {
    const why = /^[A-Z0-9]+: ([^,]+),/.exec(message)?.[1] ?? message;
    return new Failure('system', `${syscall}: ${why}`, { ...(path ? { place: path } : {}), cause: error });
  }
  return new Failure('internal', `a defect of Portcullis: ${message ?? String(error)}`, {
    hint: 'please report it, with what PORTCULLIS_DEBUG=1 prints more',
    cause: error,
  });
}

async function find(argv: readonly string[]): Promise<{ command: Command; rest: string[] } | undefined> {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(' ');
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (load) return { command: await load(), rest: argv.slice(words) };
  }
  return undefined;
}

/** The command line against the command's options. @throws Failure `usage` */
function parse(command: Command, args: string[]): { values: Record<string, unknown>; positionals: string[] } {
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({
      args,
      options: { ...command.options, ...commonOptions },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw wrongUsage((error as Error).message.split('. ')[0] ?? '');
  }
  // An empty value is a shell variable that was not set: taken for "not given", it would quietly mean something else.
  for (const [name, value] of Object.entries(parsed.values))
    if ([value].flat().includes('')) throw wrongUsage(`--${name} is empty`);
  return parsed;
}

/** For command lines that can't be parsed. */
function asksForJson(args: readonly string[]): boolean {
  return args.some(
    (arg, index) =>
      ['--json', '-ojson', '--output=json'].includes(arg) ||
      (arg === 'json' && ['-o', '--output'].includes(args[index - 1] ?? '')),
  );
}

/** Aborts at the first SIGINT or SIGTERM, or when the supervisor that this process has (supervise.ts) is gone. */
function interrupted(): AbortSignal {
  if (interruption) return interruption;
  const abort = new AbortController();
  const stop = () => abort.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);
  // What came from a predecessor (gate/succession.ts) goes on without it.
  if (process.channel && process.env['PORTCULLIS_SUCCEEDS'] === undefined) {
    process.once('disconnect', stop);
    process.channel.unref();
  }
  interruption = abort.signal;
  return interruption;
}

function createContext(values: Record<string, unknown>, args: readonly string[], json: boolean): Context {
  return {
    args,
    json,
    get signal() {
      return interrupted();
    },
    option: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
    list: (name) => (Array.isArray(values[name]) ? values[name].map(String) : []),
    flag: (name) => values[name] === true,
    print: (text) => process.stdout.write(`${text}\n`),
    note: (text) => process.stderr.write(`${text}\n`),
  };
}

/** No command by that name: help was asked for, or a group of commands, or it is a slip. */
async function notFound(argv: readonly string[]): Promise<ExitCode> {
  const [first = '', ...rest] = argv;
  if (['help', '--help', '-h'].includes(first)) {
    const about = await find(rest);
    process.stdout.write(about ? help(about.command) : overview(await loadCommands()));
    return 0;
  }
  if (first === '') {
    process.stderr.write(overview(await loadCommands()));
    return 2;
  }
  const group = Object.keys(commands).filter((name) => name.startsWith(`${first} `));
  const message =
    group.length > 0
      ? `expected one of: ${group.map((name) => `portcullis ${name}`).join(', ')}`
      : `unknown command '${first}'`;
  return failed(new Failure('usage', message, { hint: 'see: portcullis --help' }), asksForJson(rest));
}

function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  const lines = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return [
    'Portcullis shields Kubernetes control planes whose flaws are known and not yet patched.',
    '',
    'usage: portcullis COMMAND [OPTION ...]        portcullis COMMAND --help',
    '',
    ...lines,
    '',
    'exit codes:',
    ...Object.entries(exitCodes).map(([code, meaning]) => `  ${code}  ${meaning}`),
    '',
  ].join('\n');
}

function help(command: Command): string {
  const options = Object.entries({ ...command.options, ...commonOptions }).map(([name, option]) => {
    const short = option.short ? `-${option.short}, ` : '';
    return [`${short}--${name}${option.value ? ` ${option.value}` : ''}`, option.help] as const;
  });
  const width = Math.max(...options.map(([left]) => left.length));
  return [
    command.summary,
    '',
    `usage: portcullis ${command.name}${command.usage ? ` ${command.usage}` : ''} [OPTION ...]`,
    ...(command.details ? ['', command.details] : []),
    '',
    ...options.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
  ].join('\n');
}
