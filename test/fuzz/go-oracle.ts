// Asks Go's net/http how it reads and writes HTTP/1.1: builds the program in go/ once a run and talks to it over pipes.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** As go/requests.go and go/responses.go write them; byte strings are latin1 here. */
export type GoRequest = {
  readonly method: string;
  readonly target: string;
  /** Percent-decoded bytes. */
  readonly path: string;
  readonly minor: number;
  readonly host: string;
  /** Names canonicalised by Go. */
  readonly header: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
  readonly trailers: number;
  readonly complete: boolean;
  /** Would the API server's proxies take it for an upgrade? */
  readonly upgrade: boolean;
};
export type GoRequests = {
  readonly requests: readonly GoRequest[];
  readonly rest: number;
  readonly rejected: string;
};
export type GoResponse = {
  readonly status: number;
  readonly complete: boolean;
  readonly end: number;
  readonly untilClose: boolean;
  readonly body: string;
};
export type GoResponses = { readonly responses: readonly GoResponse[]; readonly rejected: string };
export type GoHandler = {
  readonly status: number;
  readonly header: readonly (readonly [string, string])[];
  readonly writes: readonly string[];
  readonly flush: boolean;
  readonly readBody: boolean;
  readonly interim: readonly number[];
};

export type GoOracle = {
  /** `loop`: http.ReadRequest, one after the other. `server`: an http.Server with the API server's trigger. */
  requests(bytes: string, by: 'loop' | 'server'): Promise<GoRequests>;
  responses(method: string, bytes: string): Promise<GoResponses>;
  /** What an http.Server writes to these requests. */
  answers(requests: string, handler: GoHandler): Promise<{ bytes: string; requests: number }>;
  close(): void;
};

/** @returns why there is none, as a sentence, where Go is missing or the program does not build */
export function startGoOracle(): GoOracle | string {
  if (spawnSync('go', ['version']).status !== 0) return 'Go is not installed (apt-get install golang-go)';
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-fuzz-'));
  const binary = join(folder, 'oracle');
  const built = spawnSync('nice', ['go', 'build', '-o', binary, '.'], {
    cwd: join(import.meta.dirname, 'go'),
    encoding: 'utf8',
  });
  if (built.status !== 0) {
    rmSync(folder, { recursive: true });
    return `the Go program does not build: ${built.stderr}`;
  }
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(line));
  child.on('exit', (code) => {
    for (const { reject } of waiting.splice(0)) reject(new Error(`the Go program ended (${code})`));
  });
  child.stdin.on('error', () => {});

  function ask(kind: string, payload: Buffer): Promise<unknown> {
    const head = Buffer.alloc(5);
    head.write(kind, 'latin1');
    head.writeUInt32BE(payload.length, 1);
    child.stdin.write(Buffer.concat([head, payload]));
    return new Promise<string>((resolve, reject) => waiting.push({ resolve, reject })).then(JSON.parse);
  }

  return {
    async requests(bytes, by) {
      const answer = (await ask(by === 'loop' ? 'r' : 's', latin1(bytes))) as RawRequests;
      return { ...answer, requests: answer.requests.map(readRequest) };
    },
    async responses(method, bytes) {
      const answer = (await ask('p', latin1(`${method}\n${bytes}`))) as RawResponses;
      return {
        ...answer,
        responses: answer.responses.map((one) => ({ ...one, body: text(one.body) })),
      };
    },
    async answers(requests, handler) {
      const spec = { ...handler, request: base64(requests), writes: handler.writes.map(base64) };
      const answer = (await ask('w', Buffer.from(JSON.stringify(spec)))) as {
        bytes: string;
        requests: number;
      };
      return { ...answer, bytes: text(answer.bytes) };
    },
    close() {
      child.stdin.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type RawHeader = Readonly<Record<string, readonly string[]>>;
type RawRequests = {
  readonly requests: readonly (Omit<GoRequest, 'header' | 'trailers'> & {
    readonly header: RawHeader;
    readonly trailer: RawHeader;
  })[];
  readonly rest: number;
  readonly rejected: string;
};
type RawResponses = { readonly responses: readonly GoResponse[]; readonly rejected: string };

function readRequest(raw: RawRequests['requests'][number]): GoRequest {
  return {
    ...raw,
    target: text(raw.target),
    path: text(raw.path),
    host: text(raw.host),
    body: text(raw.body),
    header: new Map(Object.entries(raw.header).map(([name, values]) => [name, values.map(text)])),
    trailers: Object.keys(raw.trailer ?? {}).length,
  };
}

/** Go writes null for no bytes. */
function text(base: string | null): string {
  return Buffer.from(base ?? '', 'base64').toString('latin1');
}
function base64(bytes: string): string {
  return latin1(bytes).toString('base64');
}
function latin1(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}
