// The programs of the range's pods: a few built-in ones and a very small `sh`, none of which touches the machine.
import { setTimeout as delay } from 'node:timers/promises';
import { isFolder, tar } from './pod-files.ts';

export type CommandIo = {
  readonly stdin: AsyncIterable<Buffer>;
  out(bytes: Buffer | string): Promise<void>;
  err(bytes: Buffer | string): Promise<void>;
  /** The terminal's size as it is now; waits for the first one. */
  size(): Promise<TerminalSize>;
  /** The caller is gone. */
  readonly signal: AbortSignal;
};

export type TerminalSize = { readonly rows: number; readonly columns: number };

type Program = (pod: string, args: readonly string[], io: CommandIo) => Promise<number>;

const programs: Readonly<Record<string, Program>> = {
  true: async () => 0,
  false: async () => 1,
  async echo(_pod, args, io) {
    await io.out(`${args.join(' ')}\n`);
    return 0;
  },
  async cat(_pod, _args, io) {
    for await (const chunk of io.stdin) await io.out(chunk);
    return 0;
  },
  async hostname(pod, _args, io) {
    await io.out(`${pod}\n`);
    return 0;
  },
  async date(_pod, _args, io) {
    await io.out(`${new Date().toUTCString()}\n`);
    return 0;
  },
  async sleep(_pod, args, io) {
    await delay(Math.min(Number(args[0]) || 0, 60) * 1000, undefined, { signal: io.signal }).catch(() => {});
    return 0;
  },
  /** `head -c N`: N bytes of nothing, for bulk. */
  async head(_pod, args, io) {
    const block = Buffer.alloc(32_768);
    for (let left = Number(args[1]) || 0; left > 0 && !io.signal.aborted; left -= block.length) {
      await io.out(block.subarray(0, Math.min(left, block.length)));
    }
    return 0;
  },
  /** `stty size` */
  async stty(_pod, _args, io) {
    const { rows, columns } = await io.size();
    await io.out(`${rows} ${columns}\n`);
    return 0;
  },
  tar: (pod, args, io) => tar(pod, args, io.stdin, io.out),
  /** `test -d PATH` */
  test: async (pod, args) => (args[0] === '-d' && isFolder(pod, args[1] ?? '') ? 0 : 1),
  async sh(pod, args, io) {
    if (args[0] === '-c') return (await script(pod, args[1] ?? '', io)).code;
    let line = '';
    let code = 0;
    for await (const chunk of io.stdin) {
      line += chunk.toString();
      for (let at = line.search(/[\r\n]/); at >= 0; at = line.search(/[\r\n]/)) {
        const result = await script(pod, line.slice(0, at), io);
        line = line.slice(at + 1);
        code = result.code;
        if (result.exited) return code;
      }
    }
    return code;
  },
};

/** Runs a command to its end; undefined when there is no such program. */
export async function runCommand(
  pod: string,
  argv: readonly string[],
  io: CommandIo,
): Promise<number | undefined> {
  const name = (argv[0] ?? '').replace(/^\/(usr\/)?bin\//, '').replace(/^bash$/, 'sh');
  return Object.hasOwn(programs, name) ? programs[name]?.(pod, argv.slice(1), io) : undefined;
}

/** Commands separated by `;` or `&&`, with quotes, `>&2` and `exit N`. */
async function script(pod: string, text: string, io: CommandIo): Promise<{ code: number; exited: boolean }> {
  let code = 0;
  for (const part of text.split(/(;|&&)/)) {
    if (part === ';') code = 0;
    if (part === '&&' && code !== 0) break;
    const toErr = / *1?>&2 */.test(part);
    const argv = [...part.replace(/ *1?>&2 */, '').matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)].map(
      ([, single, double, bare]) => single ?? double ?? bare ?? '',
    );
    const [name = ''] = argv;
    if (name === '' || name === ';' || name === '&&') continue;
    if (name === 'exit') return { code: Number(argv[1] ?? code), exited: true };
    const ran = await runCommand(pod, argv, toErr ? { ...io, out: io.err } : io);
    if (ran === undefined) await io.err(`sh: ${name}: not found\n`);
    code = ran ?? 127;
  }
  return { code, exited: false };
}
